"""Which packets leave where the configuration's own routes lead them.

Rules may speak of interfaces, and a packet cannot leave on one that its destination is not behind. Answers that compare
configurations leave such packets out.
"""

from itertools import groupby, takewhile

from portwright.packets.box import ALWAYS, Box, Match
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals, normalize
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import PolicyMap
from portwright.policy.configuration import Configuration, Network, Route
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Policy, Rule, Stage, Verdict
from portwright.source import Source


def routed(space: Space, policy: Policy, configuration: Configuration, interfaces: Interfaces) -> PacketSet:
    """The packets that may leave on the interface they name; everything where the routes are not all known.

    `policy` is the configuration's own on the atoms of `interfaces`: what it translates first is routed translated.
    """
    return _following(space, policy, configuration, interfaces, configuration.routes, Verdict.DROP)


def not_routed_elsewhere(
    space: Space, policy: Policy, configuration: Configuration, interfaces: Interfaces
) -> PacketSet:
    """The packets that no network of the configuration leads to another interface than they name.

    Default routes and missing ones say nothing: the site may know more.
    """
    own = tuple(route for route in configuration.routes if route.network.prefixlen)
    return _following(space, policy, configuration, interfaces, own, Verdict.ACCEPT)


def _following(
    space: Space,
    policy: Policy,
    configuration: Configuration,
    interfaces: Interfaces,
    routes: tuple[Route, ...],
    otherwise: Verdict,
) -> PacketSet:
    if not configuration.routing_is_complete:
        return PacketSet.everything(space)
    translating = takewhile(lambda stage: stage.translates, policy.stages)
    stages = (*translating, _routing(Source(configuration.file, 0), interfaces, routes, otherwise))
    return PolicyMap(space, Policy(stages)).possible()


def _routing(source: Source, interfaces: Interfaces, known: tuple[Route, ...], otherwise: Verdict) -> Stage:
    longest_first = sorted(known, key=lambda route: (-route.network.prefixlen, str(route.network)))
    rules = [
        rule
        for network, routes in groupby(longest_first, key=lambda route: route.network)
        for rule in _rules(network, list(routes), interfaces)
    ]
    rules.append(Rule(ALWAYS, otherwise, source, default=True))
    return Stage("routing", "routing", {"routing": Chain("routing", tuple(rules), source)})


def _rules(network: Network, routes: list[Route], interfaces: Interfaces) -> list[Rule]:
    """Toward a network only the interfaces of its routes will do."""
    constraints: dict[Field, Intervals] = {
        Field.VERSION: ((network.version, network.version),),
        Field.DST: ((int(network.network_address), int(network.broadcast_address)),),
    }
    atoms = (interfaces.atom(route.interface) for route in routes)
    leaving = {**constraints, Field.OUT: normalize((atom, atom) for atom in atoms)}
    return [
        Rule(Match.exact([Box.of(leaving)]), Verdict.ACCEPT, routes[0].source),
        Rule(Match.exact([Box.of(constraints)]), Verdict.DROP, routes[0].source),
    ]
