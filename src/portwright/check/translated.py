"""Whether a flow passes a way on which points translate its packets, there and back."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

from portwright.check.journey import Journey, Passing, by_port, journey_of, journeys
from portwright.check.led import Led
from portwright.check.obstacle import TAKEN_UP, Judgment, Obstacle, in_doubt, judgment_of
from portwright.check.points import Way
from portwright.check.stops import Stops, swapped
from portwright.check.untracked import UntrackedFlows
from portwright.packets.addresses import Network
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import is_possible
from portwright.site.model import Crossing, Route

_OPEN = "what {point} translates it to is not certain: it may be stopped here"
_UNTRACKED = "it takes packets of the connection out of tracking, and translates by that"
_LOOKS = "whether it sees the replies translated or not is not told apart here, and its filters do not treat them alike"
_REWRITTEN = "it would translate the replies of a connection that it has not seen"
_UNREACHED = "it translates to a part of the destination, and nothing leads to the rest"
_NEIGHBORS = "both ends lie in {network}: the answer may go straight back, from an address that was not asked"
_ONE_WAY = "it translates the packets, and the replies, which it would have to translate back, do not come to it"
_WEIGHT = {Judgment.PROVED: 0, Judgment.UNDECIDED: 1, Judgment.MISSING: 2}


class Translated:
    """What stops flows on ways with translations."""

    def __init__(self, stops: Stops, led: Led, untracked: UntrackedFlows):
        self._untracked = untracked
        self._stops = stops
        self._views = stops.views
        self._led = led

    def on(self, route: Route, boxes: Boxes, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets on a way with translations: any address that leads to the destination will do."""
        everything = PacketSet.of(self._stops.space, boxes)
        packets = everything - self._stops.excepted  # before they are known by other addresses
        if not packets:
            return
        found: dict[Hashable, Obstacle] = {}
        for part in by_port(self._views, route.forward, packets):
            for obstacle in self._best_of(route, part, is_tcp):
                found.setdefault(_cause(obstacle), obstacle)
        yield from found.values()

    def sent(self, route: Route, packets: PacketSet, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops packets, or the replies to them, that somebody sends so, whether or not they are meant to be."""
        yield from self._on_journey(route, journey_of(self._views, route.forward, packets), is_tcp)

    def _best_of(self, route: Route, packets: PacketSet, is_tcp: bool) -> tuple[Obstacle, ...]:
        found = (
            tuple(self._on_journey(route, journey, is_tcp)) or tuple(self._unanswered(journey))
            for journey in journeys(self._views, route.forward, packets)
        )
        return min(found, key=lambda obstacles: _WEIGHT[judgment_of(obstacles)])

    def _unanswered(self, journey: Journey) -> Iterator[Obstacle]:
        """Where nothing stops the packets, whether there are others who ask, or who answer."""
        yield from self._led.hidden(journey)
        exposed = list(self._led.exposed(journey))
        yield from exposed or self._led.unreturned(journey.passings, journey.arrived)

    def _on_journey(self, route: Route, journey: Journey, is_tcp: bool) -> Iterator[Obstacle]:
        astray = tuple(self._led.astray(journey))
        if any(obstacle.kind == "missing" for obstacle in astray):  # what filters make of them there says nothing new
            yield from astray
            return
        back = {crossing.point for crossing in route.back}
        passed = {passing.crossing.point: passing for passing in journey.passings}
        for number, passing in enumerate(journey.passings):
            yield from self._as_far_as_known(journey, number, self._stops.there(passing, State.NEW, "missing"))
        yield from astray
        if not astray and journey.unreached:
            last = self._led.translating(journey).crossing
            yield Obstacle("undecided", last.point, last, reason=_UNREACHED)
        yield from self._answered_directly(journey)
        answers = swapped(journey.arrived)
        for crossing in route.back:
            known = passed.get(crossing.point)
            if known is None:
                stray = State.INVALID if is_tcp else State.NEW
                if not is_tcp and self._changes(crossing, answers):
                    yield Obstacle("undecided", crossing.point, crossing, reason=_REWRITTEN)
                passing = Passing(crossing, answers, answers, answers)
                certain = list(self._stops.there(passing, stray, "bypass"))
                yield from certain
                if is_tcp and not certain:
                    taken_up = self._stops.there(passing, State.NEW, "bypass", is_taken_up=True)
                    yield from (in_doubt(one, TAKEN_UP) for one in taken_up)
            else:
                yield from self._answers(known, crossing, answers, is_tcp)
                answers = swapped(known.arriving)
        for passing in journey.passings:
            if passing.crossing.point not in back:
                yield from self._without_replies(passing, is_tcp)

    def _changes(self, crossing: Crossing, packets: PacketSet) -> bool:
        """Report whether a point may translate packets that come to it as new ones."""
        if not self._stops.translates(crossing):
            return False
        to, source = self._views[crossing.point].translations(Way.of(crossing))
        return bool(to.touches(packets) | source.touches(packets))

    def _answered_directly(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that sends packets back to the network they came from, led to another address there.

        Unless their source is translated too, the answer does not come by, and from an address that was not asked.
        """
        for passing in journey.passings:
            crossing = passing.crossing
            if passing.is_translated and crossing.interface_in == crossing.interface_out is not None:
                turned = (passing.inner - passing.arriving) & passing.leaving
                for network in (one for zone in self._stops.plan.site.zones.values() for one in zone.networks):
                    if turned & PacketSet.of(self._stops.space, [_inside(network)]):
                        reason = _NEIGHBORS.format(network=network)
                        yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _without_replies(self, passing: Passing, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops a flow at a point that never sees its replies: nobody else can translate these back."""
        if passing.is_translated:
            view, way = self._views[passing.crossing.point], Way.of(passing.crossing)
            witness = self._stops.witness(view, way, passing.arriving)
            decision = view.walker(way.hook).decide(witness)
            yield Obstacle("bypass", view.name, passing.crossing, witness, decision, _ONE_WAY, is_astray=True)
        elif is_tcp:
            yield from self._stops.there(passing, State.INVALID, "bypass")

    def _as_far_as_known(self, journey: Journey, number: int, obstacles: Iterable[Obstacle]) -> Iterator[Obstacle]:
        """The obstacles at a point, in doubt where an earlier one may translate each packet to one that passes."""
        for obstacle in obstacles:
            if obstacle.kind == "missing" and self._may_all_pass(journey, number):
                earlier = next(one for one in reversed(journey.passings[:number]) if one.is_translated)
                reason = _OPEN.format(point=earlier.crossing.point)
                yield replace(obstacle, kind="undecided", reason=reason)
            else:
                yield obstacle

    def _may_all_pass(self, journey: Journey, number: int) -> bool:
        """Report whether no packet is surely stopped at a point, for all that earlier ones may translate it to."""
        passing = journey.passings[number]
        way = Way.of(passing.crossing)
        verdicts = self._views[passing.crossing.point].verdicts(way)
        packets = PacketSet.where(verdicts, is_possible) | self._stops.excepted
        for earlier in reversed(journey.passings[:number]):
            if earlier.is_translated:
                to, source = self._views[earlier.crossing.point].translations(Way.of(earlier.crossing))
                packets = to.sources_of(source.sources_of(packets))
        return journey.sent <= packets

    def _answers(self, passing: Passing, crossing: Crossing, answers: PacketSet, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops the replies at a point that has seen the requests.

        The connection's entry translates them back on their way: the source addresses where requests have their
        destination translated, the destination where requests have their source translated. Both lie around the filters
        that see real addresses (nf_nat_core.c; for ASA the connection decides before any of these).
        """
        if crossing.point not in self._views:
            return
        view, way = self._views[crossing.point], Way.of(crossing, State.ESTABLISHED)
        there = passing.crossing
        if not passing.is_translated:
            if self._untracked.concerns(there, crossing):
                yield from self._untracked.at(there, crossing, passing.arriving, is_tcp)
            else:
                yield from self._stops.at(view, way, crossing, answers, "reply")
            return
        looks = (swapped(passing.leaving), swapped(passing.inner), swapped(passing.arriving))
        asks_untracked = view.untracks(there.hook) and bool(self._untracked.asked(there, passing.arriving).possible)
        if asks_untracked or any(view.changes_state(way, packets) for packets in looks):
            yield Obstacle("undecided", crossing.point, crossing, reason=_UNTRACKED)
            return
        is_cut = view.parts(way.hook).is_cut
        for number, look in enumerate(looks):
            seen = (look,) if is_cut or number != 1 else looks  # uncut, the filters between may stand on either side
            walker, verdicts = view.part_walker(way.hook, number), view.part_verdicts(way, number)
            found = [list(self._stops.stopped(verdicts, walker, view, way, crossing, one, "reply")) for one in seen]
            stopping = [obstacle for obstacles in found for obstacle in obstacles]
            if stopping:
                is_sure_ = all(obstacles and obstacles[0].kind == "reply" for obstacles in found)
                yield stopping[0] if is_sure_ else replace(stopping[0], kind="undecided", reason=_LOOKS)
                return


def _cause(obstacle: Obstacle) -> Hashable:
    """What obstacles have in common that differ by their packets alone."""
    decision = obstacle.decision
    by = (decision.rule, decision.undecided_by) if decision is not None else None
    return obstacle.kind, obstacle.point, obstacle.crossing, obstacle.reason, by


def _inside(network: Network) -> Box:
    """The packets from a network to itself."""
    ends = ((int(network.network_address), int(network.broadcast_address)),)
    box = Box.of({Field.VERSION: ((network.version,) * 2,), Field.SRC: ends, Field.DST: ends})
    assert box is not None
    return box
