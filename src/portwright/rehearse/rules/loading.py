"""Which rules run on which node of a lab: those of its points, and the translations that the site alone declares."""

import re
from collections.abc import Iterable, Mapping

from portwright.check.points import Reading
from portwright.errors import InvalidInput
from portwright.plan.model import Plan
from portwright.policy.configuration import Configuration
from portwright.redact import redact
from portwright.rehearse.faults import Faults, rendered_without
from portwright.rehearse.lab import LONGEST_NAME
from portwright.rehearse.lab import Network as IpNetwork
from portwright.rehearse.netns import Network
from portwright.rehearse.progress import At, nobody
from portwright.rehearse.rules.declared import declared, published
from portwright.rehearse.rules.outer import answered
from portwright.rehearse.rules.running import Rules, rules_of
from portwright.site.model import Point, Site

_LOOPBACK = "lo"
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@-]{{0,{LONGEST_NAME - 1}}}", re.ASCII)  # of an interface
_BY_NUMBER = re.compile(r"\b(?:[io]if|devices?)\b")  # nft takes no rule for an interface that is not there
_MOST_IDLE = 100  # interfaces of one point that nothing is joined to


def outer_networks(site: Site, point: str, reading: Reading | None) -> tuple[IpNetwork, ...]:
    """The networks that a point answers for because it translates to them or from them."""
    own = answered(reading.configuration) if reading else ()
    return tuple(dict.fromkeys((*own, *published(site, point))))


def interface_of_host(configuration: Configuration) -> str:
    """The interface by which a host is reached, where its firewall names one alone and the kernel may have it so."""
    name = _only(configuration)
    return name if _NAME.fullmatch(name) else ""


def _only(configuration: Configuration) -> str:
    names = [name for name in configuration.interfaces.names if name != _LOOPBACK]
    return names[0] if len(names) == 1 else ""


def declare(network: Network, plan: Plan, readings: Mapping[str, Reading]) -> Iterable[str]:
    """Have the points translate as the site declares and their configurations do not say; what people are told."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        reading = readings.get(point.name)
        if node in network.lab.nodes and reading is not None:
            text, told = declared(
                plan.site, point, reading.configuration, _ports(network, point, reading.configuration)
            )
            if text:
                network.load(node, text)
            yield from told


def _ports(network: Network, point: Point, configuration: Configuration | None) -> dict[str, str]:
    """The kernel's names of a point's interfaces."""
    if point.on is not None:
        only = _only(configuration) if configuration is not None else ""
        return {only: network.lab.nodes[point.on].ports[0].name} if only else {}
    return {inner: port for (owner, inner), port in network.lab.names.items() if owner == point.name}


def load(
    network: Network,
    plan: Plan,
    readings: Mapping[str, Reading],
    faults: Faults,
    at: At = nobody,
) -> Iterable[tuple[str, Rules]]:
    """Load the rules of every point that the lab has; by node. `at` is told which point it is."""
    points = plan.site.points.values()
    for number, point in enumerate(points, 1):
        node = point.on if point.on is not None else point.name
        if node in network.lab.nodes:
            at(f"rules of {point.name}", number, len(points))
            _check_alone(point, plan)
            yield node, _load_one(network, plan, point, node, readings.get(point.name), faults)


def _check_alone(point: Point, plan: Plan) -> None:
    """Raise InvalidInput where a host has the rules of two points: either may take the other's away."""
    others = [one.name for one in plan.site.points.values() if one.on is not None and one.on == point.on]
    if len(others) > 1:
        message = f"{' and '.join(others)} stand on one host: a rehearsal has one firewall on each"
        raise InvalidInput.of(message, file=point.source.file, line=point.source.line)


def _load_one(network: Network, plan: Plan, point: Point, node: str, reading: Reading | None, faults: Faults) -> Rules:
    configuration, text = (reading.configuration, reading.text) if reading else (None, "")
    ports = _ports(network, point, configuration)
    rules = rendered_without(rules_of(plan, point, configuration, text, ports), faults)
    if configuration is not None and rules.origin == "native" and _BY_NUMBER.search(rules.text):
        network.add_idle(node, [name for name in configuration.interfaces.names if _NAME.fullmatch(name)][:_MOST_IDLE])
    try:
        for program, text in rules.loads:
            network.feed(node, program, text)
    except ValueError as problem:
        message = f"the kernel does not take the rules of {point.name} ({rules.origin}): {redact(str(problem))}"
        raise InvalidInput.of(message, file=rules.file) from None
    return rules
