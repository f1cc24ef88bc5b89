"""Whether each flow passes every point on its way, request and reply; where not, by which rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from portwright.check.points import PointView, Way
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import Space
from portwright.packets.fields import Field, State
from portwright.packets.intervals import Intervals
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.algebra import DESTINATION_MOVED, SOURCE_MOVED, is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.model import Rewrite, Rule
from portwright.policy.walk import Decision
from portwright.site.model import Crossing


class Judgment(Enum):
    """What the configurations do with a flow, end to end."""

    PROVED = "proved"
    MISSING = "missing"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A point where a flow, or its reply, does not surely pass."""

    kind: Literal["missing", "reply", "undecided"]
    point: str
    crossing: Crossing | None
    witness: Values | None = None
    decision: Decision | None = None
    reason: str = ""  # where the rules do not say it themselves

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
        for route in flow.routes:
            yield from self._along(flow.packets, route.forward, State.NEW, "missing")
            yield from self._along(flow.replies, route.back, State.ESTABLISHED, "reply")

    def _along(
        self, boxes: Boxes, crossings: tuple[Crossing, ...], state: State, kind: Literal["missing", "reply"]
    ) -> Iterator[Obstacle]:
        for number, crossing in enumerate(crossings):
            if crossing.point not in self.views:
                yield Obstacle("undecided", crossing.point, crossing, reason="no configuration of this point is given")
                continue
            view, way = self.views[crossing.point], Way.of(crossing, state)
            is_last = number == len(crossings) - 1
            obstacle = self._at(view, way, crossing, boxes, kind) or self._moved(view, way, crossing, boxes, is_last)
            if obstacle is not None:
                yield obstacle

    def _at(
        self, view: PointView, way: Way, crossing: Crossing, boxes: Boxes, kind: Literal["missing", "reply"]
    ) -> Obstacle | None:
        """What stops a flow at a point, if anything does."""
        verdicts = view.verdicts(way)
        if all(is_sure(value) for box in boxes for value in verdicts.values(box)):
            return None
        packets = PacketSet.of(self.space, boxes) - (self._excepted if kind == "missing" else self._swapped())
        blocked = packets - PacketSet.where(verdicts, is_possible)
        if blocked:
            witness = self._witness(view, way, blocked)
            return Obstacle(kind, view.name, crossing, witness, view.walker(way.hook).decide(witness))
        open_ = packets - PacketSet.where(verdicts, is_sure)
        if not open_:
            return None
        witness = self._witness(view, way, open_)
        decision = view.walker(way.hook).decide(witness)
        return Obstacle("undecided", view.name, crossing, witness, decision)

    def _swapped(self) -> PacketSet:
        """The replies to the excepted packets."""
        ends = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}
        boxes = (Box.of({ends.get(f, f): ranges for f, ranges in box.constraints}) for box in self.plan.excepted)
        return PacketSet.of(self.space, [box for box in boxes if box is not None])

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
        witness = self._witness(view, way, packets)
        decision = view.walker(way.hook).decide(witness)
        reason = "the point translates the packet, and the way of the translated packet was not followed"
        return Obstacle("undecided", view.name, crossing, witness, decision, reason)

    def _witness(self, view: PointView, way: Way, packets: PacketSet) -> Values:
        """A packet that people recognize, on the interfaces of the way as far as they are known."""
        prefer = self.prefer if way.state is State.NEW else {**self.prefer, Field.DPORT: self.prefer[Field.SPORT]}
        witness: list[int | Intervals] = list(packets.witness(prefer))
        for field, values in view.constraints(way).items():
            first, last = values[0]
            witness[field] = first if first == last else values
        return tuple(witness)


def _judgment(obstacles: tuple[Obstacle, ...]) -> Judgment:
    kinds = {obstacle.kind for obstacle in obstacles}
    if kinds & {"missing", "reply"}:
        return Judgment.MISSING
    return Judgment.UNDECIDED if kinds else Judgment.PROVED
