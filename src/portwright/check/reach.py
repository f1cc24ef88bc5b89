"""What may be sent on a way so that it passes every point: as sets, with who permits it and what becomes of it.

Theory of operation. Packets are told apart as they are sent. Going back from the destination, a set is at each point
the packets that pass it and leave as one of those meant: `passing` asks for what may, `sure` for what cannot do
otherwise. Translations lead sets forward and back between what is sent and what a later point sees.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from portwright.check.judge import Judge
from portwright.check.points import PointView, Way
from portwright.check.stops import on_way
from portwright.packets.box import Box
from portwright.packets.fields import ICMP_PROTOCOL, LAST, TCP, Field, State
from portwright.packets.intervals import Intervals, complement
from portwright.packets.packetset import PacketSet
from portwright.plan.model import ECHO_REPLY, ECHO_REQUEST, reply
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.model import Rule
from portwright.policy.translation import free
from portwright.policy.walk import Decided, Decision
from portwright.site.model import Crossing, Route

Rules = tuple[Rule | None, ...]  # one for each point on the way; None: no rule there has to do with it
_MOST_BOXES = 5_000  # of the replies that a point lets pass; of more nothing is said
_SOURCE, _DESTINATION = (Field.SRC, Field.SPORT), (Field.DST, Field.DPORT)


@dataclass(frozen=True, slots=True)
class Hop:
    """One point on a way."""

    crossing: Crossing
    view: PointView | None  # None: no configuration of it is given

    @property
    def way(self) -> Way:
        """How the first packet of a connection crosses the point."""
        return Way.of(self.crossing)

    @property
    def translates(self) -> bool:
        """Report whether packets may leave the point with other addresses or ports than they came with."""
        return self.view is not None and self.view.translates(self.crossing.hook)

    def passing(self, passes: Callable[[Hashable], bool], state: State = State.NEW) -> PacketSet | None:
        """The packets whose verdict satisfies a predicate; None where no configuration is given."""
        if self.view is None:
            return None
        return self.view.passing(Way.of(self.crossing, state), passes)

    def after(self, packets: PacketSet) -> PacketSet:
        """Packets as they may leave."""
        if self.view is not None and self.translates:
            for translation in self.view.translations(self.way):
                packets = translation.leads(packets)
        return packets

    def before(self, packets: PacketSet) -> PacketSet:
        """The arriving packets that may leave as one of these."""
        if self.view is not None and self.translates:
            for translation in reversed(self.view.translations(self.way)):
                packets = translation.sources_of(packets)
        return packets

    def surely_before(self, packets: PacketSet) -> PacketSet:
        """The arriving packets that leave as one of these, however the point may translate them."""
        if self.view is not None and self.translates:
            for translation in reversed(self.view.translations(self.way)):
                packets = translation.sources_of(packets) - translation.sources_of(~packets)
        return packets


@dataclass(frozen=True, slots=True)
class Step:
    """What one point does with one packet of a way."""

    hop: Hop
    packet: Values  # as it arrives
    decision: Decision | None  # None: no configuration is given

    @property
    def point(self) -> str:
        """The name of the point."""
        return self.hop.crossing.point

    @property
    def is_certain(self) -> bool:
        """Report whether it surely passes, and in one way."""
        decision = self.decision
        return decision is not None and decision.decided is Decided.ACCEPT and len(decision.headers) == 1

    @property
    def deciding(self) -> tuple[Rule, ...]:
        """The rule that decides, or those that leave it open."""
        if self.decision is None:
            return ()
        return self.decision.undecided_by or ((self.decision.rule,) if self.decision.rule else ())

    @property
    def leaving(self) -> Values:
        """The packet as it leaves; as it came where that is not certain."""
        return self.decision.headers[0] if self.decision is not None and self.is_certain else self.packet


class Reach:
    """One way between two ends."""

    def __init__(self, judge: Judge, route: Route):
        self._judge = judge
        self.route = route
        self.hops = tuple(Hop(crossing, judge.views.get(crossing.point)) for crossing in route.forward)

    @cached_property
    def translates(self) -> bool:
        """Report whether any point on the way translates."""
        return any(hop.translates for hop in self.hops)

    def passing(self, meant: PacketSet, passes: Callable[[Hashable], bool] = is_possible) -> PacketSet:
        """What can be sent so that it passes every point and may come out as one of the packets that are meant."""
        packets = self._whatever_source(meant)
        for hop in reversed(self.hops):
            packets = hop.before(packets)
            passed = hop.passing(passes)
            packets = packets if passed is None else packets & passed
        return packets & free(meant, *_DESTINATION)

    def sure(self, meant: PacketSet) -> PacketSet:
        """What surely passes every point, on the interfaces that its routes know, and comes out as meant."""
        packets = self._whatever_source(meant)
        for hop in reversed(self.hops):
            passed = hop.passing(is_sure)
            if passed is None or hop.view is None:
                return PacketSet.nothing(self._judge.space)
            packets = hop.surely_before(packets) & passed & hop.view.not_routed_elsewhere(hop.way)
        return packets & free(meant, *_DESTINATION)

    def toward(self, meant: PacketSet) -> PacketSet:
        """What is sent to reach the destination of these packets, whether or not it passes."""
        return self.before(len(self.hops), self._whatever_source(meant)) & free(meant, *_DESTINATION)

    def _whatever_source(self, meant: PacketSet) -> PacketSet:
        """A packet that is meant has the source with which it is sent, and may arrive with another."""
        return free(meant, *_SOURCE) if self.translates else meant

    def after(self, number: int, sent: PacketSet) -> PacketSet:
        """Packets as they arrive at a point, by its number on the way; behind the last, at their destination."""
        for hop in self.hops[:number]:
            sent = hop.after(sent)
        return sent

    def before(self, number: int, arriving: PacketSet) -> PacketSet:
        """What may be sent so that it arrives as one of these at a point, by its number on the way."""
        for hop in reversed(self.hops[:number]):
            arriving = hop.before(arriving)
        return arriving

    def arrived(self, sent: PacketSet) -> PacketSet:
        """Packets as they come out at the end."""
        return self.after(len(self.hops), sent)

    # ------------------------------------------------------------------ who translates and permits it

    def by_translation(self, sent: PacketSet) -> list[PacketSet]:
        """The packets apart where other translations lead them."""
        parts = [sent] if sent else []
        for number, hop in enumerate(self.hops):
            if hop.translates:
                parts = [own for part in parts for own in self._by_translation(number, part)]
        return parts

    def _by_translation(self, number: int, sent: PacketSet) -> Iterator[PacketSet]:
        hop = self.hops[number]
        assert hop.view is not None
        to, source = hop.view.translations(hop.way)
        for led in to.apart(self.after(number, sent)):
            for hidden in source.apart(to.leads(led)):
                if own := sent & self.before(number, led & to.sources_of(hidden)):
                    yield own
                    sent = sent - own

    def permitting(self, sent: PacketSet) -> dict[Rules, PacketSet]:
        """The packets by the rules that permit them, one for each point on the way."""
        found: dict[Rules, PacketSet] = {(): sent}
        for number in range(len(self.hops)):
            found = {
                (*rules, rule): part
                for rules, packets in found.items()
                for rule, part in self._by_rule(number, packets)
            }
        return found

    def _by_rule(self, number: int, sent: PacketSet) -> Iterator[tuple[Rule | None, PacketSet]]:
        hop, rest = self.hops[number], sent
        if hop.view is not None:
            for rule, part in hop.view.permitting(hop.way, self.after(number, sent)).items():
                if own := rest & self.before(number, part):
                    yield rule, own
                    rest = rest - own
        if rest:
            yield None, rest

    def walk(self, packet: Values) -> Iterator[Step]:
        """What each point does with one packet, up to the first where that is not certain or it is stopped."""
        for hop in self.hops:
            if hop.view is None:
                yield Step(hop, packet, None)
                return
            packet = on_way(packet, hop.view, hop.way)
            decision = hop.view.walker(hop.crossing.hook).decide(packet)
            step = Step(hop, packet, decision)
            yield step
            if not step.is_certain:
                return
            packet = step.leaving

    # ------------------------------------------------------------------ replies

    @cached_property
    def answered(self) -> PacketSet:
        """What is sent and whose replies, and all that follows, are not surely stopped; or that has no replies."""
        found = PacketSet.everything(self._judge.space)
        numbers = {hop.crossing.point: number for number, hop in enumerate(self.hops)}
        back = {crossing.point for crossing in self.route.back}
        seen_by = len(self.hops)  # the replies are as this point on the way has sent them on
        for crossing in self.route.back:
            number = numbers.get(crossing.point)
            hop = Hop(crossing, self._judge.views.get(crossing.point))
            if number is None:
                found = found & self.before(seen_by, self._stray(hop))
                continue
            found = found & self.before(number, self._answered_at(self.hops[number], hop))
            seen_by = number
        for point in numbers.keys() - back:  # what follows the first packet belongs to no connection that it knows
            number = numbers[point]
            goes_on = self._unless_tcp(self.hops[number].passing(is_possible, State.INVALID))
            found = found & self.before(number, goes_on)
        return found

    def _answered_at(self, there: Hop, back: Hop) -> PacketSet:
        """The requests, as they arrive at a point, whose replies it may let pass: translated back on their way."""
        if there.view is None or not there.translates:
            known = self._asked(back.passing(is_possible, State.ESTABLISHED))
            return known if there.view is None else self._unless_untracked(there.view, there.way, known, back)
        view, way = there.view, Way.of(back.crossing, State.ESTABLISHED)
        leaving, inner, arriving = (
            self._asked(PacketSet.where(view.part_verdicts(way, number), is_possible)) for number in range(3)
        )
        to, source = view.translations(there.way)
        return arriving & to.sources_of(inner & source.sources_of(leaving))

    def _unless_untracked(self, view: PointView, way: Way, known: PacketSet, back: Hop) -> PacketSet:
        """The requests whose replies may pass: those of requests that are not tracked belong to no connection."""
        if not view.untracks(way.hook):
            return known
        lost = view.untracked(way)
        return (known - lost.sure) | (self._stray(back) & lost.possible)

    def _stray(self, hop: Hop) -> PacketSet:
        """The requests whose replies may pass a point that has not seen them: to it TCP is invalid, the rest is new."""
        return self._unless_tcp(self._asked(hop.passing(is_possible, State.INVALID))) & (
            self._tcp | self._asked(hop.passing(is_possible, State.NEW))
        )

    def _unless_tcp(self, packets: PacketSet | None) -> PacketSet:
        return PacketSet.everything(self._judge.space) if packets is None else packets | ~self._tcp

    @cached_property
    def _tcp(self) -> PacketSet:
        return PacketSet.of(self._judge.space, [_of_protocols(((TCP, TCP),))])

    def _asked(self, replies: PacketSet | None) -> PacketSet:
        """The requests that these packets answer, and those that nothing answers."""
        space = self._judge.space
        boxes = [] if replies is None else list(islice(replies.boxes(), _MOST_BOXES + 1))
        if replies is None or len(boxes) > _MOST_BOXES:
            return PacketSet.everything(space)
        asked = PacketSet.of(space, [request for box in boxes for request in _requests(box)])
        return asked | PacketSet.of(space, _UNANSWERED)


def _icmp(version: int, kind: int) -> Box:
    number = ICMP_PROTOCOL[version]
    values = {Field.VERSION: version, Field.PROTOCOL: number, Field.TYPE: kind}
    box = Box.of({name: ((value, value),) for name, value in values.items()})
    assert box is not None
    return box


def _of_protocols(protocols: Intervals) -> Box:
    box = Box.of({Field.PROTOCOL: protocols})
    assert box is not None
    return box


_NUMBERS: Intervals = tuple((number, number) for number in ICMP_PROTOCOL.values())
_NOT_ICMP = _of_protocols(complement(_NUMBERS, LAST[Field.PROTOCOL]))
_UNANSWERED = tuple(  # ICMP but for echo requests
    box
    for version, kind in ECHO_REQUEST.items()
    for other in _icmp(version, kind).complement()
    if (box := other & _of_protocols(((ICMP_PROTOCOL[version],) * 2,))) is not None
)


def _requests(answer: Box) -> Iterator[Box]:
    """The packets that those of a box answer."""
    if (box := answer & _NOT_ICMP) is not None:
        yield reply(box)
    for version in (4, 6):
        if (box := answer & _icmp(version, ECHO_REPLY[version])) is not None:
            swapped = Box(tuple(pair for pair in reply(box).constraints if pair[0] != Field.TYPE))
            if (asked := swapped & _icmp(version, ECHO_REQUEST[version])) is not None:
                yield asked
