"""Whether each flow passes every point on its way, request and reply; where not, by which rule."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from portwright.check.led import Led
from portwright.check.neighbors import Neighbors
from portwright.check.obstacle import (
    NOT_GIVEN,
    TAKEN_UP,
    FlowResult,
    Judgment,
    Obstacle,
    Trouble,
    in_doubt,
    judgment_of,
)
from portwright.check.points import PointView, Way
from portwright.check.routed import routed_elsewhere
from portwright.check.stops import Stops
from portwright.check.traffic import Traffic
from portwright.check.translated import Translated
from portwright.check.tunnels import Tunnels
from portwright.check.untracked import UntrackedFlows
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import PacketMap, Space
from portwright.packets.fields import TCP, State
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow
from portwright.plan.relays import relays_on
from portwright.policy.algebra import is_sure
from portwright.policy.text import packet_of
from portwright.site.model import Crossing, Route, Virtual

_BALANCED = "the way from {name} on to its members is not followed"


class Judge:
    """Judges the flows of one plan against the configurations of the site's points."""

    def __init__(self, plan: Plan, views: Mapping[str, PointView], space: Space, prefer: Preferences):
        self.plan = plan
        self.views = views
        self.space = space
        self.prefer = prefer
        self._stops = Stops(plan, views, space, prefer)
        self._led = Led(self._stops)
        self._neighbors = Neighbors(self._stops)
        self._tunnels = Tunnels(self._stops)
        self._untracked = UntrackedFlows(self._stops)
        self._translated = Translated(self._stops, self._led, self._untracked)
        self._results: dict[str, FlowResult] = {}

    def translates(self, crossing: Crossing) -> bool:
        """Report whether packets may leave the point with other addresses than they came with."""
        return self._stops.translates(crossing)

    def result(self, flow: RequiredFlow) -> FlowResult:
        """The judgment on one flow."""
        if flow.id not in self._results:
            obstacles = tuple(dict.fromkeys(self._obstacles(flow)))
            self._results[flow.id] = FlowResult(flow, judgment_of(obstacles), obstacles)
        return self._results[flow.id]

    def _obstacles(self, flow: RequiredFlow) -> Iterator[Obstacle]:
        if not flow.routes:
            yield Obstacle("undecided", "", None, reason="the site declares no path between the two zones")
        if not flow.has_common_version:
            yield Obstacle("undecided", "", None, reason="the two ends have no IP version in common")
        for route in flow.routes:
            yield from self._flow_on(route, flow)

    def _flow_on(self, route: Route, flow: RequiredFlow) -> Iterator[Obstacle]:
        return self.on(route, flow.packets, flow.replies, flow.protocol == TCP)

    def passes_on_some_way(self, flow: RequiredFlow) -> bool:
        """Report whether a flow may pass on one of several ways, whatever stops it on the others."""
        return any(judgment_of(tuple(self._flow_on(route, flow))) is not Judgment.MISSING for route in flow.routes)

    def on(self, route: Route, packets: Boxes, replies: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets, or the replies to them, on one way."""
        yield from self._across(route, packets, replies, is_tcp)
        yield from self._tunnels.on(route, packets, replies)
        yield from self._neighbors.on(route, packets)

    def unfound(self, route: Route) -> str:
        """Why IPv6 packets may not find their next hop on a way; empty where nothing keeps them from it."""
        found = next(self._neighbors.on(route, (Box(),)), None)
        return f"{found.point}: {found.reason}" if found is not None else ""

    def _across(self, route: Route, packets: Boxes, replies: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets, or the replies to them, at the points that they cross."""
        if any(self.translates(crossing) for crossing in (*route.forward, *route.back)):
            yield from self._translated.on(route, packets, is_tcp)
            return
        both = {crossing.point for crossing in route.forward} & {crossing.point for crossing in route.back}
        yield from self.along(packets, route.forward, State.NEW, "missing")
        yield from self._answers(route, packets, replies, is_tcp)
        yield from self._one_sided(route, both, packets, replies, is_tcp)
        yield from self._led.untranslated(route.forward, packets)

    def sent(self, route: Route, packets: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets that somebody sends so, or the replies to them, to wherever they are led."""
        yield from self._translated.sent(route, PacketSet.of(self.space, packets), is_tcp)

    def _answers(self, route: Route, packets: Boxes, replies: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops the replies at points that have seen the requests."""
        there = {crossing.point: crossing for crossing in route.forward}
        for crossing in route.back:
            if crossing.point not in there:
                continue
            if self._untracked.concerns(there[crossing.point], crossing):
                asked = PacketSet.of(self.space, packets)
                yield from self._untracked.at(there[crossing.point], crossing, asked, is_tcp)
            else:
                yield from self.along(replies, (crossing,), State.ESTABLISHED, "reply")

    @cached_property
    def traffic(self) -> Traffic:
        """What the plan's flows look like on each way through each point."""
        return Traffic(self._stops)

    def leads_on(self, virtual: Virtual) -> str:
        """Why the way to a virtual address does not end there: packets go on as others, or to another zone."""
        return _BALANCED.format(name=virtual.name) if relays_on(self.plan.site, virtual) else ""

    def behind(self, virtual: Virtual) -> Iterator[Obstacle]:
        """What stops packets on their way on from a virtual address to its members; whether, where no flow goes on."""
        if not (reason := self.leads_on(virtual)):
            return
        flows = [flow for flow in self.plan.flows if virtual.name in (flow.via, flow.source.name)]
        for flow in flows:
            yield from self.result(flow).obstacles
        if not flows:
            yield Obstacle("undecided", "", None, reason=reason, place=virtual.source)

    def _one_sided(
        self, route: Route, both: set[str], packets: Boxes, replies: Boxes, is_tcp: bool
    ) -> Iterator[Obstacle]:
        """What stops a flow at points that see only its requests, or only its replies.

        To them what follows belongs to no connection. A SYN-ACK without its SYN, or data without a SYN-ACK, is invalid
        (nf_conntrack_proto_tcp.c, tcp_conntracks); a datagram is new. Where no SYN was seen, the answers behind the
        SYN-ACK are new, unless the kernel was told not to take up connections in their middle (nf_conntrack_tcp_loose).
        """
        stray = State.INVALID if is_tcp else State.NEW
        there = tuple(crossing for crossing in route.forward if crossing.point not in both and is_tcp)
        back = tuple(crossing for crossing in route.back if crossing.point not in both)
        yield from self.along(packets, there, stray, "bypass")
        certain = list(self.along(replies, back, stray, "bypass"))
        yield from certain
        stopping = {obstacle.point for obstacle in certain}
        others = tuple(crossing for crossing in back if crossing.point not in stopping and is_tcp)
        for obstacle in self.along(replies, others, State.NEW, "bypass", is_taken_up=True):
            yield in_doubt(obstacle, TAKEN_UP)

    def along(
        self,
        boxes: Boxes,
        crossings: tuple[Crossing, ...],
        state: State,
        kind: Trouble,
        *,
        is_taken_up: bool = False,
    ) -> Iterator[Obstacle]:
        """What stops packets on their way, in its order, where no point translates them."""
        packets = None
        for crossing in crossings:
            if crossing.point not in self.views:
                yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
                continue
            view = self.views[crossing.point]
            way = Way.of(crossing, state, is_taken_up=is_taken_up)
            if not _all_sure(view.verdicts(way), boxes):
                packets = packets or PacketSet.of(self.space, boxes)
                yield from self._stops.at(view, way, crossing, packets, kind)
            elif kind == "missing" and not _all_covered(view.not_routed_elsewhere(way), boxes):
                packets = packets or PacketSet.of(self.space, boxes)
                if reason := routed_elsewhere(view, crossing, packets):
                    yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def packet_text(self, obstacle: Obstacle) -> str:
        """The witness of an obstacle in packet notation; empty where there is none."""
        if obstacle.witness is None:
            return ""
        return str(packet_of(obstacle.witness, self.views[obstacle.point].reading.configuration.interfaces))


def _all_sure(verdicts: PacketMap[int], boxes: Boxes) -> bool:
    return all(is_sure(value) for box in boxes for value in verdicts.values(box))


def _all_covered(packets: PacketSet, boxes: Boxes) -> bool:
    return all(packets.covers(box) for box in boxes)
