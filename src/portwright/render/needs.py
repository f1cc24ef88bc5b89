"""What required flows need of one point: their packets as the point sees them, there and back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portwright.check.journey import Passing, journeys
from portwright.check.points import PointView, Way
from portwright.check.stops import swapped
from portwright.packets.box import Box
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.editing import Editor
from portwright.policy.translation import free
from portwright.site.model import Crossing, Route

_LIVELY = ((int(State.NEW), int(State.RELATED)), (int(State.UNTRACKED), int(State.UNTRACKED)))  # all but invalid
_NOBODY = tuple(  # RFC 1112, 4: IPv4 addresses without a use; RFC 4291, 2.4: IPv6 addresses that are not assigned
    Box(((Field.VERSION, ((version, version),)), (field, ((first, last),))))
    for version, first, last in ((4, 0xF0000000, 0xFFFFFFFE), (6, 4 << 124, (6 << 124) - 1))
    for field in (Field.DST, Field.SRC)
)
_KNOWN = ((int(State.ESTABLISHED), int(State.RELATED)),)


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """Packets that must pass one point, on one way."""

    flow: RequiredFlow
    crossing: Crossing
    is_reply: bool
    seen: tuple[PacketSet, PacketSet, PacketSet]  # as they come, between and behind the translations of the point

    @property
    def way(self) -> Way:
        """How the packets cross the point."""
        return Way.of(self.crossing, State.ESTABLISHED if self.is_reply else State.NEW)


def needs(plan: Plan, point: str, views: Mapping[str, PointView], flows: Iterable[RequiredFlow]) -> list[Need]:
    """What the flows need of a point, packets that are denied on purpose left out."""
    space = views[point].space
    excepted = PacketSet.of(space, plan.excepted)
    denied = (excepted, swapped(excepted))
    found = (need for flow in flows for route in flow.routes for need in _on(flow, route, point, views))
    kept = (_without(need, denied[need.is_reply]) for need in found)
    return [need for need in kept if need.seen[0] and not _is_guess(need)]


def _is_guess(need: Need) -> bool:
    """Report whether it is not known as what the packets come: an address that nobody has may be theirs.

    Such packets have been translated to an address of some firewall's own that no configuration tells. A rule for every
    address would let pass far more than they are.
    """
    space = need.seen[0].space
    own = PacketSet.of(space, need.flow.replies if need.is_reply else need.flow.packets)
    return any(need.seen[0].overlaps(box) and not own.overlaps(box) for box in _NOBODY)


def _without(need: Need, denied: PacketSet) -> Need:
    arriving, inner, leaving = (packets - denied for packets in need.seen)
    return Need(need.flow, need.crossing, need.is_reply, (arriving, inner, leaving))


def _on(flow: RequiredFlow, route: Route, point: str, views: Mapping[str, PointView]) -> Iterator[Need]:
    """What a flow needs of a point on one route; of several addresses that lead there the first."""
    if all(crossing.point != point for crossing in (*route.forward, *route.back)):
        return
    packets = PacketSet.of(views[point].space, flow.packets)
    journey = journeys(views, route.forward, packets)[0]
    if journey.strayed:  # where they are led no rule is to let them pass
        return
    back = {crossing.point: crossing for crossing in route.back}
    for passing in journey.passings:
        if passing.crossing.point == point:
            yield Need(flow, passing.crossing, False, (passing.arriving, passing.inner, passing.leaving))
            if point in back:
                yield Need(flow, back[point], True, _answers(flow, passing))


def _answers(flow: RequiredFlow, passing: Passing) -> tuple[PacketSet, PacketSet, PacketSet]:
    if not passing.is_translated and passing.arriving == PacketSet.of(passing.arriving.space, flow.packets):
        replies = PacketSet.of(passing.arriving.space, flow.replies)
        return replies, replies, replies
    return swapped(passing.leaving), swapped(passing.inner), swapped(passing.arriving)


@dataclass(frozen=True, slots=True, eq=False)
class Allowance:
    """The packets that may pass more than before, by hook."""

    at: Mapping[str, PacketSet]
    elsewhere: PacketSet  # the same at other hooks, which such packets hardly meet

    @classmethod
    def of(cls, found: Iterable[Need], view: PointView, editor: Editor) -> "Allowance":
        """Everything that may pass for these needs: from any source port, with any code, in any valid state.

        Where a rule cannot say on which interface packets leave, or in which state they are, it may be any.
        """
        at: dict[str, PacketSet] = {}
        for need in found:
            known = at.get(need.crossing.hook, PacketSet.nothing(view.space))
            at[need.crossing.hook] = known | _wanted(need, view, editor)
        elsewhere = PacketSet.nothing(view.space)
        for packets in at.values():
            elsewhere = elsewhere | free(packets, Field.IN, Field.OUT)
        return cls(at, elsewhere)

    def beyond(self, gained: Mapping[str, PacketSet]) -> dict[str, PacketSet]:
        """What passes more, and may not."""
        left = {hook: packets - self.at.get(hook, self.elsewhere) for hook, packets in gained.items()}
        return {hook: packets for hook, packets in left.items() if packets}

    def __or__(self, more: PacketSet) -> "Allowance":
        return Allowance({hook: packets | more for hook, packets in self.at.items()}, self.elsewhere | more)


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """The packets that must not pass less than before, by hook; without a word all of them."""

    at: Mapping[str, PacketSet] | None = None
    excused: Mapping[str, PacketSet] = field(default_factory=dict)  # for the time being: they come back
    moved: PacketSet | None = None  # translated otherwise than before, as the site says

    def missed(self, lost: Mapping[str, PacketSet]) -> dict[str, PacketSet]:
        """What passes less, and must not."""
        found = {}
        for hook, packets in lost.items():
            if self.at is not None:
                packets = packets & self.at[hook] if hook in self.at else packets - packets
            packets = packets - self.moved if self.moved is not None else packets
            found[hook] = packets - self.excused[hook] if hook in self.excused else packets
        return {hook: packets for hook, packets in found.items() if packets}


def _wanted(need: Need, view: PointView, editor: Editor) -> PacketSet:
    varying = (Field.DPORT if need.is_reply else Field.SPORT, Field.CODE)
    packets = need.seen[0] | need.seen[1] | need.seen[2]
    if view.translates(need.crossing.hook) and not need.is_reply:
        packets = packets | view.before(need.way)(need.seen[2])
    return free(packets, *varying) & PacketSet.of(view.space, _ways(need, view, editor))


def _ways(need: Need, view: PointView, editor: Editor) -> Iterator[Box]:
    """The interfaces and states; what belongs to a connection that was let through leaves where routes lead it."""
    constraints = view.constraints(need.way)
    arriving, leaving = ({name: constraints[name]} for name in (Field.IN, Field.OUT))
    states = {Field.STATE: _LIVELY} if editor.TELLS_STATE else {}
    for fixed in (
        {**arriving, **(leaving if editor.TELLS_DEPARTURE else {}), **states},
        {**arriving, Field.STATE: _KNOWN},
    ):
        if (box := Box.of(fixed)) is not None:
            yield box
