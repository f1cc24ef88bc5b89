"""Whether each flow passes every point on its way, request and reply; where not, by which rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from portwright.check.journey import Journey, Passing, journeys
from portwright.check.points import PointView, Way
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import PacketMap, Space
from portwright.packets.fields import TCP, Field, State
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow, reply
from portwright.plan.relays import relays_on
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.model import Rewrite, Rule
from portwright.policy.text import address_range_text, packet_of
from portwright.policy.walk import Decision, Walker, meets
from portwright.site.model import Crossing, Route, Virtual
from portwright.source import Source

NOT_GIVEN = "no configuration of this point is given"
_MOST_ROUTED = 8  # groups of addresses whose way is compared with the routes of a point
_BALANCED = "the way from {name} on to its members is not followed"
_STRAYED = "it translates the packets to {where}, which is not where they are meant to go"


class Judgment(Enum):
    """What the configurations do with a flow, end to end."""

    PROVED = "proved"
    MISSING = "missing"
    UNDECIDED = "undecided"


Trouble = Literal["missing", "reply", "bypass"]  # bypass: a point that sees one direction of a connection alone


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A point where a flow, or its reply, does not surely pass."""

    kind: Trouble | Literal["undecided"]
    point: str
    crossing: Crossing | None
    witness: Values | None = None
    decision: Decision | None = None
    reason: str = ""  # where the rules do not say it themselves
    place: Source | None = None  # in the site file, where no point is to blame and the plan has no finding for it
    is_astray: bool = False  # the point translates the packets to somebody else

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules to blame: the one that blocks, those that lead elsewhere, or those that the answer hangs on."""
        if self.decision is None:
            return ()
        rewriting = tuple(rule for rule in self.decision.via if isinstance(rule.action, Rewrite))
        if self.is_astray and self.kind != "undecided":
            return tuple(replace(rule, reason=self.reason) for rule in rewriting)
        if self.kind == "undecided" and not self.decision.undecided_by:
            return rewriting
        return self.decision.undecided_by or ((self.decision.rule,) if self.decision.rule else ())


@dataclass(frozen=True, slots=True)
class FlowResult:
    """The judgment on a flow and its reasons."""

    flow: RequiredFlow
    judgment: Judgment
    obstacles: tuple[Obstacle, ...] = ()


class Judge:
    """Judges the flows of one plan against the configurations of the site's points."""

    def __init__(self, plan: Plan, views: Mapping[str, PointView], space: Space, prefer: Preferences):
        self.plan = plan
        self.views = views
        self.space = space
        self.prefer = prefer
        self._excepted = PacketSet.of(space, plan.excepted)
        self._results: dict[str, FlowResult] = {}
        self._seen: dict[str, PacketSet] | None = None

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
            yield from self.on(route, flow.packets, flow.replies, flow.protocol == TCP)

    def on(self, route: Route, packets: Boxes, replies: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets, or the replies to them, on one way."""
        if any(self.translates(crossing) for crossing in (*route.forward, *route.back)):
            yield from self._translated(route, packets, is_tcp)
            return
        both = {crossing.point for crossing in route.forward} & {crossing.point for crossing in route.back}
        known = tuple(crossing for crossing in route.back if crossing.point in both)
        yield from self.along(packets, route.forward, State.NEW, "missing")
        yield from self.along(replies, known, State.ESTABLISHED, "reply")
        yield from self._one_sided(route, both, packets, replies, is_tcp)

    def behind(self, virtual: Virtual) -> Iterator[Obstacle]:
        """What stops packets on their way on from a virtual address to its members; whether, where no flow goes on."""
        if not relays_on(self.plan.site, virtual):
            return
        flows = [flow for flow in self.plan.flows if virtual.name in (flow.via, flow.source.name)]
        for flow in flows:
            yield from self.result(flow).obstacles
        if not flows:
            yield Obstacle("undecided", "", None, reason=_BALANCED.format(name=virtual.name), place=virtual.source)

    def _one_sided(
        self, route: Route, both: set[str], packets: Boxes, replies: Boxes, is_tcp: bool
    ) -> Iterator[Obstacle]:
        """What stops a flow at points that see only its requests, or only its replies.

        To them what follows belongs to no connection. A SYN-ACK without its SYN, or data without a SYN-ACK, is invalid
        (nf_conntrack_proto_tcp.c, tcp_conntracks); a datagram is new.
        """
        stray = State.INVALID if is_tcp else State.NEW
        there = tuple(crossing for crossing in route.forward if crossing.point not in both and is_tcp)
        back = tuple(crossing for crossing in route.back if crossing.point not in both)
        yield from self.along(packets, there, stray, "bypass")
        yield from self.along(replies, back, stray, "bypass")

    def along(self, boxes: Boxes, crossings: tuple[Crossing, ...], state: State, kind: Trouble) -> Iterator[Obstacle]:
        """What stops packets on their way, in its order, where no point translates them."""
        packets = None
        for crossing in crossings:
            if crossing.point not in self.views:
                yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
                continue
            view, way = self.views[crossing.point], Way.of(crossing, state)
            if not _all_sure(view.verdicts(way), boxes):
                packets = packets or PacketSet.of(self.space, boxes)
                yield from self._at(view, way, crossing, packets, kind)
            elif kind == "missing" and (reason := _routed_elsewhere(view, crossing, boxes)):
                yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _at(
        self, view: PointView, way: Way, crossing: Crossing, packets: PacketSet, kind: Trouble
    ) -> Iterator[Obstacle]:
        """What stops packets at a point, if anything does."""
        packets = packets - self._denied_on_purpose(kind)
        yield from self._stopped(view.verdicts(way), view.walker(way.hook), view, way, crossing, packets, kind)

    def _stopped(
        self,
        verdicts: PacketMap[int],
        walker: Walker,
        view: PointView,
        way: Way,
        crossing: Crossing,
        packets: PacketSet,
        kind: Trouble,
    ) -> Iterator[Obstacle]:
        blocked = packets - PacketSet.where(verdicts, is_possible)
        open_ = blocked or packets - PacketSet.where(verdicts, is_sure)
        if open_:
            witness = self.witness(view, way, open_)
            yield Obstacle(kind if blocked else "undecided", view.name, crossing, witness, walker.decide(witness))

    def _denied_on_purpose(self, kind: Trouble) -> PacketSet:
        if kind == "missing":
            return self._excepted
        return self._swapped() if kind == "reply" else self._excepted | self._swapped()

    def _swapped(self) -> PacketSet:
        """The replies to the excepted packets."""
        ends = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}
        boxes = (Box.of({ends.get(f, f): ranges for f, ranges in box.constraints}) for box in self.plan.excepted)
        return PacketSet.of(self.space, [box for box in boxes if box is not None])

    # ------------------------------------------------------------------ where addresses are translated

    def seen_at(self, point: str) -> PacketSet:
        """What a point may see of the plan's flows beside their real ends: arriving, and behind its translations."""
        if self._seen is None:
            self._seen = {}
            for flow in self.plan.flows:
                for route in flow.routes:
                    if any(self.translates(crossing) for crossing in route.forward):
                        self._note_seen(route, PacketSet.of(self.space, flow.permitted))
        return self._seen.get(point, PacketSet.nothing(self.space))

    def _note_seen(self, route: Route, packets: PacketSet) -> None:
        assert self._seen is not None
        for journey in journeys(self.views, route.forward, packets):
            for passing in journey.passings:
                known = self._seen.get(passing.crossing.point, PacketSet.nothing(self.space))
                self._seen[passing.crossing.point] = known | passing.arriving | passing.inner

    def translates(self, crossing: Crossing) -> bool:
        """Report whether packets may leave the point with other addresses than they came with."""
        view = self.views.get(crossing.point)
        return view is not None and view.translates(crossing.hook)

    def _translated(self, route: Route, boxes: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets on a way with translations: any address that leads to the destination will do."""
        packets = PacketSet.of(self.space, boxes) - self._excepted  # before they are known by other addresses
        if not packets:
            return
        found = [
            tuple(self._on_journey(route, journey, is_tcp)) for journey in journeys(self.views, route.forward, packets)
        ]
        yield from min(found, key=lambda obstacles: _WEIGHT[judgment_of(obstacles)])

    def _on_journey(self, route: Route, journey: Journey, is_tcp: bool) -> Iterator[Obstacle]:
        astray = tuple(self._strayed(journey))
        if any(obstacle.kind == "missing" for obstacle in astray):  # what filters make of them there says nothing new
            yield from astray
            return
        back = {crossing.point for crossing in route.back}
        passed = {passing.crossing.point: passing for passing in journey.passings}
        for passing in journey.passings:
            yield from self._there(passing, State.NEW, "missing")
        yield from astray
        answers = swapped(journey.arrived)
        for crossing in route.back:
            known = passed.get(crossing.point)
            if known is None:
                stray = State.INVALID if is_tcp else State.NEW
                yield from self._there(Passing(crossing, answers, answers, answers), stray, "bypass")
            else:
                yield from self._answers(known, crossing, answers)
                answers = swapped(known.arriving)
        for passing in journey.passings:
            if is_tcp and passing.crossing.point not in back:
                yield from self._there(passing, State.INVALID, "bypass")

    def _there(self, passing: Passing, state: State, kind: Trouble) -> Iterator[Obstacle]:
        crossing = passing.crossing
        if crossing.point not in self.views:
            if kind == "missing":
                yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
            return
        view = self.views[crossing.point]
        obstacles = list(self._at(view, Way.of(crossing, state), crossing, passing.arriving, kind))
        yield from obstacles
        routed = kind == "missing" and not obstacles
        if routed and (reason := _routed_elsewhere(view, crossing, tuple(self._destinations(passing.inner)))):
            yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _destinations(self, packets: PacketSet) -> Iterator[Box]:
        """Where packets go, by IP version."""
        for version in (4, 6):
            family = Box(((Field.VERSION, ((version, version),)),))
            boxes, _ = (packets & PacketSet.of(self.space, [family])).cover(_MOST_ROUTED)
            yield from (joined for box in boxes if (joined := box & family) is not None)

    def _answers(self, passing: Passing, crossing: Crossing, answers: PacketSet) -> Iterator[Obstacle]:
        """What stops the replies at a point that has seen the requests.

        The connection's entry translates them back on their way: the source addresses where requests have their
        destination translated, the destination where requests have their source translated. Both lie around the filters
        that see real addresses (nf_nat_core.c; for ASA the connection decides before any of these).
        """
        if crossing.point not in self.views:
            return
        view, way = self.views[crossing.point], Way.of(crossing, State.ESTABLISHED)
        if not passing.is_translated:
            yield from self._at(view, way, crossing, answers, "reply")
            return
        seen = (swapped(passing.leaving), swapped(passing.inner), swapped(passing.arriving))
        for number, packets in enumerate(seen):
            walker, verdicts = view.part_walker(way.hook, number), view.part_verdicts(way, number)
            obstacles = list(self._stopped(verdicts, walker, view, way, crossing, packets, "reply"))
            yield from obstacles
            if obstacles:
                return

    def _strayed(self, journey: Journey) -> Iterator[Obstacle]:
        """Packets that a translation leads away from their destination."""
        strayed = journey.strayed
        if not strayed:
            return
        last = next(passing for passing in reversed(journey.passings) if passing.is_translated)
        view, way = self.views[last.crossing.point], Way.of(last.crossing)
        to, source = view.translations(way)
        witness = self.witness(view, way, last.arriving & to.sources_of(source.sources_of(strayed)))
        decision = view.walker(way.hook).decide(witness)
        meant = tuple(journey.meant.boxes())
        is_certain = decision.headers and not any(meets(meant, header) for header in decision.headers)
        there = strayed.witness(self.prefer)
        where = address_range_text(there[Field.VERSION], (there[Field.DST],) * 2)
        kind: Trouble | Literal["undecided"] = "missing" if is_certain else "undecided"
        yield Obstacle(kind, view.name, last.crossing, witness, decision, _STRAYED.format(where=where), is_astray=True)

    def packet_text(self, obstacle: Obstacle) -> str:
        """The witness of an obstacle in packet notation; empty where there is none."""
        if obstacle.witness is None:
            return ""
        return str(packet_of(obstacle.witness, self.views[obstacle.point].reading.configuration.interfaces))

    def witness(self, view: PointView, way: Way, packets: PacketSet) -> Values:
        """A packet that people recognize, on the interfaces of the way as far as they are known."""
        prefer = self.prefer if way.state is State.NEW else {**self.prefer, Field.DPORT: self.prefer[Field.SPORT]}
        return on_way(packets.witness(prefer), view, way)


def on_way(header: Values, view: PointView, way: Way) -> Values:
    """A packet on the interfaces of a way, as far as they are known, and in its state."""
    values = list(header)
    for field, fixed in view.constraints(way).items():
        first, last = fixed[0]
        values[field] = first if first == last else fixed
    return tuple(values)


_WEIGHT = {Judgment.PROVED: 0, Judgment.UNDECIDED: 1, Judgment.MISSING: 2}


def _all_sure(verdicts: PacketMap[int], boxes: Boxes) -> bool:
    return all(is_sure(value) for box in boxes for value in verdicts.values(box))


def swapped(packets: PacketSet) -> PacketSet:
    """The replies to packets."""
    return PacketSet.of(packets.space, [reply(box) for box in packets.boxes()])


def _routed_elsewhere(view: PointView, crossing: Crossing, boxes: Boxes) -> str:
    """Where a connected network or a route of a configuration leads to another interface than the site says.

    A default route says nothing against the site, which may know more. An interface without an address of its own, such
    as one of a bridge, is in no route.
    """
    configuration, leaves = view.reading.configuration, crossing.interface_out
    if crossing.hook != "forward" or not any(route.interface == leaves for route in configuration.routes):
        return ""
    ends = ((box.get(Field.VERSION)[0][0], first) for box in boxes for first, _ in box.get(Field.DST))
    for version, address in ends:
        toward = configuration.interface_toward(version, address)
        if toward not in (None, leaves) and configuration.has_own_route(version, address):
            text = address_range_text(version, (address, address))
            return f"its routes lead {text} to interface {toward}, and the site says {leaves}"
    return ""


def judgment_of(obstacles: tuple[Obstacle, ...]) -> Judgment:
    """The judgment that follows from all that stops a flow, or may."""
    kinds = {obstacle.kind for obstacle in obstacles}
    if kinds - {"undecided"}:
        return Judgment.MISSING
    return Judgment.UNDECIDED if kinds else Judgment.PROVED
