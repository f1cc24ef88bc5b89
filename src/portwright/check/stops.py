"""What stops packets at one point, by which rule, with a packet that shows it."""

from collections.abc import Iterator, Mapping

from portwright.check.journey import Passing
from portwright.check.obstacle import NOT_GIVEN, Obstacle, Trouble
from portwright.check.points import PointView, Way
from portwright.check.routed import routed_elsewhere
from portwright.packets.box import Box
from portwright.packets.diagram import PacketMap, Space
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, reply
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.walk import Walker
from portwright.site.model import Crossing


class Stops:
    """What the points of a site stop, but for what the site denies on purpose."""

    def __init__(self, plan: Plan, views: Mapping[str, PointView], space: Space, prefer: Preferences):
        self.plan = plan
        self.views = views
        self.space = space
        self.prefer = prefer
        self.excepted = self._excepted_at(None)

    def translates(self, crossing: Crossing) -> bool:
        """Report whether packets may leave the point with other addresses than they came with."""
        view = self.views.get(crossing.point)
        return view is not None and view.translates(crossing.hook)

    def there(self, passing: Passing, state: State, kind: Trouble, *, is_taken_up: bool = False) -> Iterator[Obstacle]:
        """What stops packets that come to a point."""
        crossing = passing.crossing
        if crossing.point not in self.views:
            yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
            return
        view = self.views[crossing.point]
        obstacles = list(
            self.at(view, Way.of(crossing, state, is_taken_up=is_taken_up), crossing, passing.arriving, kind)
        )
        yield from obstacles
        if kind == "missing" and not obstacles and (reason := routed_elsewhere(view, crossing, passing.arriving)):
            yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def at(
        self, view: PointView, way: Way, crossing: Crossing, packets: PacketSet, kind: Trouble
    ) -> Iterator[Obstacle]:
        """What stops packets at a point, if anything does."""
        packets = packets - self._denied_on_purpose(kind, view.name)
        yield from self.stopped(view.verdicts(way), view.walker(way.hook), view, way, crossing, packets, kind)

    def stopped(
        self,
        verdicts: PacketMap[int],
        walker: Walker,
        view: PointView,
        way: Way,
        crossing: Crossing,
        packets: PacketSet,
        kind: Trouble,
    ) -> Iterator[Obstacle]:
        """What stops packets at a point, or at a part of its policy, by these verdicts."""
        blocked = packets - PacketSet.where(verdicts, is_possible)
        open_ = blocked or packets - PacketSet.where(verdicts, is_sure)
        if open_:
            witness = self.witness(view, way, open_)
            yield Obstacle(kind if blocked else "undecided", view.name, crossing, witness, walker.decide(witness))

    def _denied_on_purpose(self, kind: Trouble, point: str) -> PacketSet:
        excepted = self.excepted | self._excepted_at(point)
        if kind == "missing":
            return excepted
        return _swapped_ends(excepted) if kind == "reply" else excepted | _swapped_ends(excepted)

    def _excepted_at(self, point: str | None) -> PacketSet:
        """What the site excepts at one point alone; with None, on the whole way."""
        entries = (entry.flow for entry in self.plan.exceptions if entry.flow.point == point)
        return PacketSet.of(self.space, [box for flow in entries for box in flow.boxes()])

    def witness(self, view: PointView, way: Way, packets: PacketSet) -> Values:
        """A packet that people recognize, on the interfaces of the way as far as they are known."""
        prefer = self.prefer if way.state is State.NEW else {**self.prefer, Field.DPORT: self.prefer[Field.SPORT]}
        return on_way(packets.witness(prefer), view, way)


def on_way(header: Values, view: PointView, way: Way) -> Values:
    """A packet on the interfaces of a way, as far as they are known, and in its state."""
    values = list(header)
    for field, fixed in view.constraints(way).items():
        first, last = fixed[0][0], fixed[-1][-1]
        values[field] = first if first == last else fixed
    return tuple(values)


def _swapped_ends(packets: PacketSet) -> PacketSet:
    """Packets the other way round, whatever their state."""
    ends = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}
    boxes = (Box.of({ends.get(name, name): ranges for name, ranges in box.constraints}) for box in packets.boxes())
    return PacketSet.of(packets.space, [box for box in boxes if box is not None])


def swapped(packets: PacketSet) -> PacketSet:
    """The replies to packets."""
    return PacketSet.of(packets.space, [reply(box) for box in packets.boxes()])
