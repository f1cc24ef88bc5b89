"""What the proof says of the very packets that are played, and whose packets have to be played because it misses them.

A flow is proved for all of its packets, from each address of a group and each port, and on each of its ways. Of these
some are played. So where the proof misses packets of a flow, it is asked once more about those that were played alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from portwright.check.judge import Judge
from portwright.check.obstacle import Judgment, judgment_of
from portwright.packets.box import Box, intersect
from portwright.packets.fields import PORT_PROTOCOLS, TCP, Field
from portwright.packets.intervals import Intervals
from portwright.packets.intervals import intersect as common
from portwright.plan.model import Plan, RequiredFlow, reply
from portwright.rehearse.evidence import Exchange, Placed, Tried
from portwright.rehearse.lab import Address
from portwright.rehearse.rules.outer import box_of
from portwright.site.model import Route

_MOST_MEMBERS = 2  # more addresses of a group


def of_played(judge: Judge, flow: RequiredFlow, tried: Tried, routers: Sequence[str], is_behind: bool) -> Judgment:
    """What the proof says of a packet that was played, on the way that it took."""
    packets = tuple(_narrowed(box, _fields(tried, is_behind)) for box in flow.packets)
    asked = tuple(box for box in packets if box.get(Field.VERSION)[0][0] == tried.exchange.version)
    obstacles = [
        one
        for route in _taken(flow.routes, routers)
        for one in judge.on(route, asked, tuple(map(reply, asked)), flow.protocol == TCP)
    ]
    return judgment_of(tuple(obstacles))


def _taken(routes: Sequence[Route], routers: Sequence[str]) -> Sequence[Route]:
    """The ways through these routers; all, where none goes exactly so."""
    found = [one for one in routes if [at.point for at in one.forward if at.hook == "forward"] == list(routers)]
    return found or routes


def _fields(tried: Tried, is_behind: bool) -> Iterator[tuple[Field, int]]:
    """What is known of a packet at the ends of a flow."""
    exchange = tried.exchange
    address, port = (exchange.destination_address, exchange.port) if is_behind else exchange.arriving
    source = exchange.seen_from if is_behind else exchange.source_address
    yield Field.SRC, int(ip_address(source))
    yield Field.DST, int(ip_address(address))
    if exchange.protocol in PORT_PROTOCOLS:
        yield from ((Field.SPORT, tried.source_port), (Field.DPORT, port))


def _narrowed(box: Box, fields: Iterable[tuple[Field, int]]) -> Box:
    """The packets of a box that have these values; a field that has no such value there stays as it is."""
    for name, value in fields:
        only: Intervals = ((value, value),)
        if common(box.get(name), only):
            narrowed = box & Box(((name, only),))
            assert narrowed is not None  # the value is among those of the field
            box = narrowed
    return box


def missed_members(plan: Plan, judge: Judge) -> Mapping[str, Sequence[Address]]:
    """By group: some of its addresses of whose required packets the proof says that they are stopped."""
    found: dict[str, dict[Address, None]] = {}
    for flow in plan.flows:
        ends = {Field.SRC: flow.source.name, Field.DST: flow.destination.name}
        if not flow.is_required or plan.site.groups.keys().isdisjoint(ends.values()):
            continue
        for obstacle in judge.result(flow).obstacles:
            if obstacle.witness is not None and obstacle.kind != "undecided":
                for name, group in ends.items():
                    address = _address(obstacle.witness[name], obstacle.witness[Field.VERSION])
                    if group in plan.site.groups and address is not None:
                        found.setdefault(group, {})[address] = None
    return {group: list(addresses)[:_MOST_MEMBERS] for group, addresses in found.items()}


def _address(value: object, version: object) -> Address | None:
    if not isinstance(value, int):
        return None
    return IPv6Address(value) if version == 6 else IPv4Address(value)


def without_excepted(one: Placed, plan: Plan) -> Placed:
    """A flow without the exchanges that the site denies on purpose: that they are stopped is as it should be."""
    if not plan.exceptions:
        return one
    denying = [(entry.reason, entry.flow.boxes()) for entry in plan.exceptions]
    left: list[Exchange] = []
    reasons: dict[str, None] = {}
    for exchange in one.exchanges:
        packets = (box_of(exchange, one),)
        denied = [reason for reason, boxes in denying if intersect(packets, boxes)]
        reasons |= dict.fromkeys(denied)
        left += [] if denied else [exchange]
    if not reasons:
        return one
    if left:
        return replace(one, exchanges=tuple(left))
    return replace(one, exchanges=(), reason=f"the site denies it on purpose: {'; '.join(reasons)}", is_denied=True)
