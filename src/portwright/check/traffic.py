"""What the plan's flows look like on each way through each point: the only reason why packets may pass there.

A flow excuses a permit where it really passes: at the points on its routes, between the interfaces behind which its
ends lie, and with the addresses that it has there. One without a declared path may pass anywhere.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from portwright.check.journey import Journey, journeys
from portwright.check.points import Way
from portwright.check.stops import Stops
from portwright.packets.addresses import Addresses
from portwright.packets.box import Box
from portwright.packets.fields import TCP, Field
from portwright.packets.packetset import PacketSet
from portwright.plan.model import RequiredFlow, reply
from portwright.site.model import Crossing, Route, Site

_Place = tuple[str, Way]  # a point, and a way through it


@dataclass(slots=True)
class _Seen:
    """What is seen of the plan's flows on one way: as boxes where nothing translates them, else as sets."""

    boxes: list[Box] = field(default_factory=list)
    sets: list[PacketSet] = field(default_factory=list)


class Traffic:
    """The plan's flows, way by way."""

    def __init__(self, stops: Stops):
        self._stops = stops
        self._space = stops.space
        self._seen: defaultdict[_Place, _Seen] = defaultdict(_Seen)
        self._anywhere: list[Box] = []
        self._known: dict[_Place, PacketSet] = {}
        self._crossed = crossed_points(stops.plan.site)
        for flow in stops.plan.flows:
            self._note(flow)

    def on(self, point: str, way: Way) -> PacketSet:
        """What flows look like on a way: as they come to the point, and with their destination translated there."""
        if (point, way) not in self._known:
            found = PacketSet.of(self._space, self._anywhere if point in self._crossed else self._everything())
            for (other, its), seen in self._seen.items():
                if other == point and its.hook == way.hook and _may_be(its.interface_out, way.interface_out):
                    packets = self._all(seen)
                    is_here = _may_be(its.interface_in, way.interface_in)
                    found = found | (packets if is_here else packets & self._claimed(point, way))
            self._known[point, way] = found
        return self._known[point, way]

    def _everything(self) -> Iterator[Box]:
        """What every flow looks like: of a point on no path nobody knows which of them pass it."""
        return (box for flow in self._stops.plan.flows if not flow.tunneled for box in flow.permitted)

    def _all(self, seen: _Seen) -> PacketSet:
        found = PacketSet.of(self._space, seen.boxes)
        for packets in seen.sets:
            found = found | packets
        return found

    def _claimed(self, point: str, way: Way) -> PacketSet:
        """Packets from addresses that do not lie behind the interface: whoever claims one gets by as its owner does.

        To tell them apart is for the checks of source addresses, and not for rules about flows.
        """
        site, behind = self._stops.plan.site, Addresses()
        for zone, interface in site.points[point].interfaces.items():
            behind = behind | (site.zones[zone].addresses if interface == way.interface_in else Addresses())
        elsewhere = ~behind
        boxes = (Box.of({Field.VERSION: ((v, v),), Field.SRC: elsewhere.family(v)}) for v in (4, 6))
        return PacketSet.of(self._space, [box for box in boxes if box is not None])

    # ------------------------------------------------------------------ the flows

    def _note(self, flow: RequiredFlow) -> None:
        if not flow.routes:
            self._anywhere += flow.permitted
        for route in flow.routes:
            if any(self._stops.translates(crossing) for crossing in route.forward):
                self._note_translated(route, PacketSet.of(self._space, flow.permitted))
                continue
            for crossing in route.forward:
                self._at(crossing).boxes.extend(flow.permitted)
            if flow.protocol != TCP:
                self._note_stray(route, flow)

    def _note_stray(self, route: Route, flow: RequiredFlow) -> None:
        """Answers are new connections to a point that has not seen the requests; those of TCP are invalid to it."""
        there = {crossing.point for crossing in route.forward}
        for crossing in route.back:
            if crossing.point not in there:
                self._at(crossing).boxes.extend(reply(box) for box in flow.permitted)

    def _note_translated(self, route: Route, packets: PacketSet) -> None:
        for journey in journeys(self._stops.views, route.forward, packets):
            for passing in journey.passings:
                seen = self._at(passing.crossing)
                seen.sets.append(passing.arriving if _is_astray(journey) else passing.arriving | passing.inner)
                if _is_astray(journey):  # that is a finding; what was meant to pass is none besides
                    seen.sets.append(packets)

    def _at(self, crossing: Crossing) -> _Seen:
        return self._seen[crossing.point, Way.of(crossing)]


def _is_astray(journey: Journey) -> bool:
    return bool(journey.strayed or journey.unreached)


def crossed_points(site: Site) -> set[str]:
    """The points that lie on some path, and those on hosts."""
    routes = (route for routes in site.declared_routes.values() for route in routes)
    crossed = {crossing.point for route in routes for crossing in (*route.forward, *route.back)}
    return crossed | {point.name for point in site.points.values() if point.on is not None}


def _may_be(said: str | None, interface: str | None) -> bool:
    """Report whether an interface may be the one that the site says; it may where one of them is not known."""
    return said is None or interface is None or said == interface
