"""Addresses that are nobody's own: those to which points translate, and from which they translate to hosts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

from portwright.check.journey import journeys
from portwright.check.points import PointView
from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import LAST_ADDRESS, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals
from portwright.packets.packetset import PacketSet
from portwright.plan.model import EPHEMERAL
from portwright.policy.configuration import Configuration
from portwright.policy.model import Policy, Rewrite
from portwright.rehearse.evidence import Exchange, Placed
from portwright.rehearse.lab import Network

_ANY_OF_ITS_OWN = {(0, last) for last in LAST_ADDRESS.values()}  # how a policy says masquerading
_MOST = 256  # addresses of a range that a point answers for


def answered(configuration: Configuration) -> tuple[Network, ...]:
    """The networks that a point answers for because it translates to them, or from them."""
    found = {
        network
        for policy in configuration.policies.values()
        for ranges in _translated(policy)
        for network in _networks(ranges)
    }
    return tuple(sorted(found, key=str))


def hides(configuration: Configuration) -> bool:
    """Report whether a point gives packets an address of its own, whichever it has: masquerading."""
    return any(
        change.field is Field.SRC and change.shift is None and change.values[0] in _ANY_OF_ITS_OWN
        for policy in configuration.policies.values()
        for stage in policy.stages
        for chain in stage.chains.values()
        for rule in chain.rules
        if isinstance(rule.action, Rewrite)
        for change in rule.action.changes
    )


def _translated(policy: Policy) -> Iterator[Intervals]:
    for stage in policy.stages:
        for chain in stage.chains.values():
            for rule in chain.rules:
                if isinstance(rule.action, Rewrite):
                    for change in rule.action.changes:
                        if change.field is Field.SRC and change.shift is None:
                            yield change.values
                        if change.field is Field.DST:
                            yield from (box.get(Field.DST) for box in rule.match.sure)


def _networks(ranges: Intervals) -> Iterator[Network]:
    for first, last in ranges:
        if last - first < _MOST:
            version = 4 if last <= LAST_ADDRESS[4] else 6
            kind = IPv4Address if version == 4 else IPv6Address
            yield from summarize_address_range(kind(first), kind(last))


def as_asked(one: Placed, views: Mapping[str, PointView], space: Space) -> Placed:
    """The exchanges with the addresses and ports that clients use, where points on the way translate them."""
    routes = one.flow.routes
    if not routes or not any(
        view is not None and view.translates(crossing.hook)
        for crossing in routes[0].forward
        for view in [views.get(crossing.point)]
    ):
        return one
    return replace(one, exchanges=tuple(_asked(exchange, one, views, space) for exchange in one.exchanges))


def _asked(exchange: Exchange, one: Placed, views: Mapping[str, PointView], space: Space) -> Exchange:
    packets = PacketSet.of(space, [box_of(exchange, one)])
    sent = next(iter(journeys(views, one.flow.routes[0].forward, packets)), None)
    if sent is None or not sent.sent or packets <= sent.sent:
        return exchange
    for box in sent.sent.cover(1)[0]:
        address, port = box.get(Field.DST)[0][0], box.get(Field.DPORT)[0][0]
        kind = IPv4Address if exchange.version == 4 else IPv6Address
        return replace(exchange, asked_address=str(kind(address)), asked_port=port if exchange.port else 0)
    return exchange


def box_of(exchange: Exchange, one: Placed) -> Box:
    """The packets that may be played for an exchange of a flow, as they arrive at its end."""
    version = exchange.version
    fields: dict[Field, Intervals] = {}
    fields[Field.VERSION] = ((version, version),)
    protocol = next(box.get(Field.PROTOCOL) for box in one.flow.packets if box.get(Field.VERSION)[0][0] == version)
    fields[Field.PROTOCOL] = protocol
    address, port = exchange.arriving
    for name, text in ((Field.SRC, exchange.source_address), (Field.DST, address)):
        fields[name] = ((int(ip_address(text)),) * 2,)
    if protocol[0][0] in PORT_PROTOCOLS:
        fields[Field.DPORT] = ((port, port),)
        fields[Field.SPORT] = ((exchange.source_port,) * 2,) if exchange.source_port else EPHEMERAL
    box = Box.of(fields)
    assert box is not None  # no field of it is empty
    return box
