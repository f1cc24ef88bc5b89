"""Whether each flow passes every point on its way, request and reply; where not, by which rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from portwright.check.points import PointView, Way
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import Space
from portwright.packets.fields import TCP, Field, State
from portwright.packets.intervals import Intervals, intersect
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.algebra import DESTINATION_MOVED, SOURCE_MOVED, is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.model import Rewrite, Rule
from portwright.policy.text import address_range_text, packet_of
from portwright.policy.walk import Decision
from portwright.site.model import Crossing, Route, Virtual
from portwright.source import Source

NOT_GIVEN = "no configuration of this point is given"
_TRANSLATING_MODES = ("dnat", "snat")
_BALANCED = "the way from {name} on to its members is not followed"
_DECLARED = "the site declares a translation here (nat), and the way of the translated packet was not followed"


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

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules to blame: the one that blocks, or those that the answer hangs on."""
        if self.decision is None:
            return ()
        if self.kind == "undecided" and not self.decision.undecided_by:
            return tuple(rule for rule in self.decision.via if isinstance(rule.action, Rewrite))
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

    def result(self, flow: RequiredFlow) -> FlowResult:
        """The judgment on one flow."""
        if flow.id not in self._results:
            obstacles = tuple(dict.fromkeys(self._obstacles(flow)))
            self._results[flow.id] = FlowResult(flow, _judgment(obstacles), obstacles)
        return self._results[flow.id]

    def _obstacles(self, flow: RequiredFlow) -> Iterator[Obstacle]:
        if not flow.routes:
            yield Obstacle("undecided", "", None, reason="the site declares no path between the two zones")
        if not flow.has_common_version:
            yield Obstacle("undecided", "", None, reason="the two ends have no IP version in common")
        virtual = self.plan.site.virtual.get(flow.destination.name)
        if virtual is not None and (reason := self.leads_on(virtual)):
            yield Obstacle("undecided", "", None, reason=reason, place=virtual.source)
        for route in flow.routes:
            yield from self.on(route, flow.packets, flow.replies, flow.protocol == TCP)

    def on(self, route: Route, packets: Boxes, replies: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets, or the replies to them, on one way."""
        both = {crossing.point for crossing in route.forward} & {crossing.point for crossing in route.back}
        known = tuple(crossing for crossing in route.back if crossing.point in both)
        yield from self.along(packets, route.forward, State.NEW, "missing")
        yield from self.along(replies, known, State.ESTABLISHED, "reply")
        yield from self._one_sided(route, both, packets, replies, is_tcp)

    def leads_on(self, virtual: Virtual) -> str:
        """Why the way to a virtual address does not end there: packets go on as others, or to another zone."""
        away = any(self.plan.site.hosts[member].zone != virtual.zone for member in virtual.members)
        return _BALANCED.format(name=virtual.name) if virtual.mode in _TRANSLATING_MODES or away else ""

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
        """What stops packets on their way, in its order."""
        for number, crossing in enumerate(crossings):
            if crossing.point not in self.views:
                yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
                continue
            view, way = self.views[crossing.point], Way.of(crossing, state)
            is_last = number == len(crossings) - 1
            obstacle = self._at(view, way, crossing, boxes, kind) or self._moved(view, way, crossing, boxes, is_last)
            if obstacle is not None:
                yield obstacle
            elif kind == "missing" and self._is_translated(crossing, boxes):
                yield Obstacle("undecided", crossing.point, crossing, reason=_DECLARED)
            elif kind == "missing" and (reason := _routed_elsewhere(view, crossing, boxes)):
                yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _at(self, view: PointView, way: Way, crossing: Crossing, boxes: Boxes, kind: Trouble) -> Obstacle | None:
        """What stops a flow at a point, if anything does."""
        verdicts = view.verdicts(way)
        if all(is_sure(value) for box in boxes for value in verdicts.values(box)):
            return None
        packets = PacketSet.of(self.space, boxes) - self._denied_on_purpose(kind)
        blocked = packets - PacketSet.where(verdicts, is_possible)
        if blocked:
            witness = self.witness(view, way, blocked)
            return Obstacle(kind, view.name, crossing, witness, view.walker(way.hook).decide(witness))
        open_ = packets - PacketSet.where(verdicts, is_sure)
        if not open_:
            return None
        witness = self.witness(view, way, open_)
        decision = view.walker(way.hook).decide(witness)
        return Obstacle("undecided", view.name, crossing, witness, decision)

    def _denied_on_purpose(self, kind: Trouble) -> PacketSet:
        if kind == "missing":
            return self._excepted
        return self._swapped() if kind == "reply" else self._excepted | self._swapped()

    def _swapped(self) -> PacketSet:
        """The replies to the excepted packets."""
        ends = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}
        boxes = (Box.of({ends.get(f, f): ranges for f, ranges in box.constraints}) for box in self.plan.excepted)
        return PacketSet.of(self.space, [box for box in boxes if box is not None])

    def _is_translated(self, crossing: Crossing, boxes: Boxes) -> bool:
        """Report whether the site declares a translation at the point that leads to the packets' destination."""
        entries = (entry for entry in self.plan.site.translations if entry.at == crossing.point)
        declared = [entry.becomes.addresses for entry in entries if self._may_arrive(crossing, entry.source_zone)]
        return any(
            intersect(box.get(Field.DST), addresses.family(box.get(Field.VERSION)[0][0]))
            for box in boxes
            for addresses in declared
        )

    def _may_arrive(self, crossing: Crossing, zone: str | None) -> bool:
        """Report whether packets of a zone may come in where the crossing does."""
        if zone is None or crossing.interface_in is None:
            return True
        return self.plan.site.points[crossing.point].interfaces.get(zone) in (None, crossing.interface_in)

    def _moved(self, view: PointView, way: Way, crossing: Crossing, boxes: Boxes, is_last: bool) -> Obstacle | None:
        """A translation that leads the flow elsewhere, or that the next point would see."""
        if way.state is not State.NEW:
            return None
        moved = DESTINATION_MOVED if is_last else DESTINATION_MOVED | SOURCE_MOVED
        verdicts = view.verdicts(way)
        if not any(value & moved for box in boxes for value in verdicts.values(box)):
            return None
        translated = PacketSet.where(verdicts, lambda value: isinstance(value, int) and bool(value & moved))
        packets = PacketSet.of(self.space, boxes) & translated
        witness = self.witness(view, way, packets)
        decision = view.walker(way.hook).decide(witness)
        reason = "the point translates the packet, and the way of the translated packet was not followed"
        return Obstacle("undecided", view.name, crossing, witness, decision, reason)

    def packet_text(self, obstacle: Obstacle) -> str:
        """The witness of an obstacle in packet notation; empty where there is none."""
        if obstacle.witness is None:
            return ""
        return str(packet_of(obstacle.witness, self.views[obstacle.point].reading.configuration.interfaces))

    def witness(self, view: PointView, way: Way, packets: PacketSet) -> Values:
        """A packet that people recognize, on the interfaces of the way as far as they are known."""
        prefer = self.prefer if way.state is State.NEW else {**self.prefer, Field.DPORT: self.prefer[Field.SPORT]}
        witness: list[int | Intervals] = list(packets.witness(prefer))
        for field, values in view.constraints(way).items():
            first, last = values[0]
            witness[field] = first if first == last else values
        return tuple(witness)


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


def _judgment(obstacles: tuple[Obstacle, ...]) -> Judgment:
    kinds = {obstacle.kind for obstacle in obstacles}
    if kinds - {"undecided"}:
        return Judgment.MISSING
    return Judgment.UNDECIDED if kinds else Judgment.PROVED
