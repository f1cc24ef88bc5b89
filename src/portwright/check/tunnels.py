"""What points on the way see of packets that another point sends on in a tunnel: the tunnel alone, and not the packets.

What a tunnel carries is taken to arrive in it: a device drops it when it comes as it is.
"""

from collections.abc import Iterator
from itertools import pairwise

from portwright.check.journey import Passing, journeys
from portwright.check.obstacle import Obstacle
from portwright.check.stops import Stops, swapped
from portwright.packets.box import Boxes
from portwright.packets.packetset import PacketSet
from portwright.policy.configuration import Tunnel
from portwright.site.model import Crossing, Route

_INSIDE = "line {line} sends this in a tunnel, so that {next} sees the tunnel alone"
_OUTSIDE = "line {line} awaits this in a tunnel, so that {next} sees the tunnel alone"


class Tunnels:
    """The tunnels that begin and end at the points of a site."""

    def __init__(self, stops: Stops):
        self._stops = stops

    def on(self, route: Route, packets: Boxes, replies: Boxes) -> Iterator[Obstacle]:
        """Where another point stands on the way that is judged by packets which a tunnel hides from it."""
        yield from self._along(route.forward, packets)
        if not route.is_symmetric:
            yield from self._along(route.back, replies)

    def _along(self, crossings: tuple[Crossing, ...], packets: Boxes) -> Iterator[Obstacle]:
        points = tuple(one for one in crossings if one.hook == "forward")
        if len(points) < 2 or not any(self._tunnels(one.point) for one in points):
            return
        for journey in journeys(self._stops.views, crossings, PacketSet.of(self._stops.space, packets)):
            passings = [one for one in journey.passings if one.crossing in points]
            for before, after in pairwise(passings):
                yield from self._between(before, after)

    def _between(self, before: Passing, after: Passing) -> Iterator[Obstacle]:
        """A tunnel between two points that does not lead from one to the other."""
        into = self._carrying(before.crossing, before.crossing.interface_out, before.leaving)
        out_of = self._carrying(after.crossing, after.crossing.interface_in, swapped(after.arriving))
        if into and not out_of:
            reason = _INSIDE.format(line=into.source.line, next=after.crossing.point)
            yield Obstacle("undecided", before.crossing.point, before.crossing, reason=reason)
        if out_of and not into:
            reason = _OUTSIDE.format(line=out_of.source.line, next=before.crossing.point)
            yield Obstacle("undecided", after.crossing.point, after.crossing, reason=reason)

    def _tunnels(self, point: str) -> tuple[Tunnel, ...]:
        view = self._stops.views.get(point)
        return view.reading.configuration.tunnels if view is not None else ()

    def _carrying(self, crossing: Crossing, interface: str | None, leaving: PacketSet) -> Tunnel | None:
        """The tunnel of a point that may carry packets which leave by an interface."""
        for tunnel in self._tunnels(crossing.point):
            is_there = interface is None or interface in tunnel.interfaces
            if is_there and leaving & PacketSet.of(self._stops.space, tunnel.carried):
                return tunnel
        return None
