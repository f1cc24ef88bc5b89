"""Whether what is sent by IPv6 finds its next hop: a host, or a router, that asks for its neighbors and answers them.

Each link between two of them needs neighbor solicitations and advertisements (RFC 4861, 7.2), which a firewall on the
way sends and receives itself, so that its own chains decide about them. Connection tracking leaves them untracked
(nf_conntrack_proto_icmpv6.c, icmpv6_error): a rule for established connections does not let them pass.
"""

import re
from collections.abc import Iterator
from itertools import product

from portwright.check.obstacle import Obstacle
from portwright.check.points import PointView, Way
from portwright.check.stops import Stops
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import ICMPV6, Field, State
from portwright.packets.intervals import contains
from portwright.packets.packetset import PacketSet
from portwright.plan.routing import NOWHERE
from portwright.policy.algebra import is_possible, is_sure
from portwright.site.model import Crossing, Route

_LOST = "IPv6 neighbors are not found: it drops ICMPv6 type {kind}, {what}, {where}"
_OPEN = "whether its IPv6 neighbors are found, with ICMPv6 type {kind}, hangs on a line that is not modelled"
_MESSAGES = {135: "neighbor solicitation", 136: "neighbor advertisement"}  # RFC 4861, 4.3 and 4.4
_WHERE = {"input": "that comes to it", "output": "that it sends"}
_WITHOUT_NEIGHBORS = re.compile(r"(wg|tun|ppp|ipsec|xfrm|vti|sit|gre|ip6gre|ip6tnl)\d*\Z")  # links of two ends


class Neighbors:
    """What keeps the points of a site from finding their neighbors."""

    def __init__(self, stops: Stops):
        self._stops = stops
        self._known: dict[tuple[str, str | None], Obstacle | None] = {}

    def on(self, route: Route, packets: Boxes) -> Iterator[Obstacle]:
        """What keeps packets of IPv6 from their next hop at some point of a way."""
        if not any(contains(box.get(Field.VERSION), 6) for box in packets):
            return
        told = set()  # one line may keep neighbors behind several interfaces from being found
        for point, interface in dict.fromkeys(_links((*route.forward, *route.back))):
            if (point, interface) not in self._known:
                self._known[point, interface] = self._at(point, interface)
            obstacle = self._known[point, interface]
            if obstacle and (cause := (point, obstacle.kind, obstacle.rules)) not in told:
                told.add(cause)
                yield obstacle

    def _at(self, point: str, interface: str | None) -> Obstacle | None:
        """What keeps a point from finding its neighbors behind an interface, if it has chains for what is its own."""
        view = self._stops.views.get(point)
        policies = view.reading.configuration.policies if view is not None else {}
        if view is None or not {"input/path", "output/path"} <= policies.keys():
            return None
        ways = product(_ways(interface), _MESSAGES)
        found = [obstacle for way, kind in ways for obstacle in self._stopped(view, way, kind)]
        return min(found, key=lambda obstacle: obstacle.kind == "undecided", default=None)

    def _stopped(self, view: PointView, way: Way, kind: int) -> Iterator[Obstacle]:
        """That no message of a kind passes, or that none surely does."""
        message = PacketSet.of(self._stops.space, [_message(kind)])
        if view.discovery(way, is_sure) & message:
            return
        possible = view.discovery(way, is_possible) & message
        witness = self._stops.witness(view, way, possible or message)
        decision = view.walker(way.hook).decide(witness)
        if possible:
            yield Obstacle("undecided", view.name, None, witness, decision, _OPEN.format(kind=kind))
        else:
            reason = _LOST.format(kind=kind, what=_MESSAGES[kind], where=_WHERE[way.hook])
            yield Obstacle("missing", view.name, None, witness, decision, reason)


def _links(crossings: tuple[Crossing, ...]) -> Iterator[tuple[str, str | None]]:
    """The points with their interfaces on a way; None where it is not known which."""
    for crossing in crossings:
        for interface in (crossing.interface_in, crossing.interface_out):
            if interface != NOWHERE and not _WITHOUT_NEIGHBORS.match(interface or ""):
                yield crossing.point, interface


def _ways(interface: str | None) -> tuple[Way, Way]:
    """How messages come to a point, and leave it."""
    return Way("input", interface, NOWHERE, State.UNTRACKED), Way("output", NOWHERE, interface, State.UNTRACKED)


def _message(kind: int) -> Box:
    values = {Field.VERSION: 6, Field.PROTOCOL: ICMPV6, Field.TYPE: kind, Field.CODE: 0}
    box = Box.of({name: ((value, value),) for name, value in values.items()})
    assert box is not None
    return box
