"""Whether each flow passes every point on its way, request and reply; where not, by which rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from portwright.check.journey import Journey, Passing, journeys, out_of_reach, without_return
from portwright.check.points import PointView, Way
from portwright.packets.addresses import Network
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import PacketMap, Space
from portwright.packets.fields import PORT_PROTOCOLS, TCP, Field, State
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow, reply
from portwright.plan.relays import relays_on
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.index import Values
from portwright.policy.model import Policy, Rewrite, Rule
from portwright.policy.text import address_range_text, packet_of
from portwright.policy.translation import Translation, free
from portwright.policy.walk import Decision, Walker, meets
from portwright.site.model import Crossing, Route, Virtual
from portwright.source import Source

NOT_GIVEN = "no configuration of this point is given"
_BALANCED = "the way from {name} on to its members is not followed"
_OPEN = "what {point} translates it to is not certain: it may be stopped here"
_UNTRACKED = "it takes replies out of connection tracking, and translates them by it"
_LOOKS = "whether it sees the replies translated or not is not told apart here, and its filters do not treat them alike"
_REWRITTEN = "it would translate the replies of a connection that it has not seen"
_UNREACHED = "it translates to a part of the destination, and nothing leads to the rest"
_STRAYED = "it translates the packets to {where}, which is not where they are meant to go"
_NEIGHBORS = "both ends lie in {network}: the answer may go straight back, from an address that was not asked"
_HIDDEN = "it translates, and yet leads no address of the Internet to {where}, which is private"
_ONE_WAY = "it translates the packets, and the replies, which it would have to translate back, do not come to it"
_EXPOSED = "it translates others on that way, and leaves as it is a private address, to which no reply finds back"
_KEPT = "it leads other ports to the destination, and not {where}"


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
        if self.is_astray and rewriting and self.kind != "undecided":
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
        self._excepted = self._excepted_at(None)
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
            elif kind == "missing" and not _all_covered(view.not_routed_elsewhere(way), boxes):
                packets = packets or PacketSet.of(self.space, boxes)
                if reason := routed_elsewhere(view, crossing, packets):
                    yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _at(
        self, view: PointView, way: Way, crossing: Crossing, packets: PacketSet, kind: Trouble
    ) -> Iterator[Obstacle]:
        """What stops packets at a point, if anything does."""
        packets = packets - self._denied_on_purpose(kind, view.name)
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

    def _denied_on_purpose(self, kind: Trouble, point: str) -> PacketSet:
        excepted = self._excepted | self._excepted_at(point)
        if kind == "missing":
            return excepted
        return _swapped_ends(excepted) if kind == "reply" else excepted | _swapped_ends(excepted)

    def _excepted_at(self, point: str | None) -> PacketSet:
        """What the site excepts at one point alone; with None, on the whole way."""
        entries = (entry.flow for entry in self.plan.exceptions if entry.flow.point == point)
        return PacketSet.of(self.space, [box for flow in entries for box in flow.boxes()])

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
                inner = passing.arriving if journey.strayed else passing.inner
                self._seen[passing.crossing.point] = known | passing.arriving | inner

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
            tuple(self._on_journey(route, journey, is_tcp)) or (*self._hidden(journey), *self._exposed(journey))
            for journey in journeys(self.views, route.forward, packets)
        ]
        yield from min(found, key=lambda obstacles: _WEIGHT[judgment_of(obstacles)])

    def _on_journey(self, route: Route, journey: Journey, is_tcp: bool) -> Iterator[Obstacle]:
        astray = tuple(self._strayed(journey))
        if any(obstacle.kind == "missing" for obstacle in astray):  # what filters make of them there says nothing new
            yield from astray
            return
        back = {crossing.point for crossing in route.back}
        passed = {passing.crossing.point: passing for passing in journey.passings}
        for number, passing in enumerate(journey.passings):
            yield from self._as_far_as_known(journey, number, self._there(passing, State.NEW, "missing"))
        yield from astray
        if not astray and journey.unreached:
            last = self._translating(journey).crossing
            yield Obstacle("undecided", last.point, last, reason=_UNREACHED)
        yield from self._answered_directly(journey)
        answers = swapped(journey.arrived)
        for crossing in route.back:
            known = passed.get(crossing.point)
            if known is None:
                stray = State.INVALID if is_tcp else State.NEW
                if not is_tcp and self._changes(crossing, answers):
                    yield Obstacle("undecided", crossing.point, crossing, reason=_REWRITTEN)
                yield from self._there(Passing(crossing, answers, answers, answers), stray, "bypass")
            else:
                yield from self._answers(known, crossing, answers)
                answers = swapped(known.arriving)
        for passing in journey.passings:
            if passing.crossing.point not in back:
                yield from self._without_replies(passing, is_tcp)

    def _changes(self, crossing: Crossing, packets: PacketSet) -> bool:
        """Report whether a point may translate packets that come to it as new ones."""
        if not self.translates(crossing):
            return False
        to, source = self.views[crossing.point].translations(Way.of(crossing))
        return bool(to.touches(packets) | source.touches(packets))

    def _answered_directly(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that sends packets back to the network they came from, led to another address there.

        Unless their source is translated too, the answer does not come by, and from an address that was not asked.
        """
        for passing in journey.passings:
            crossing = passing.crossing
            if passing.is_translated and crossing.interface_in == crossing.interface_out is not None:
                turned = (passing.inner - passing.arriving) & passing.leaving
                for network in (one for zone in self.plan.site.zones.values() for one in zone.networks):
                    if turned & PacketSet.of(self.space, [_inside(network)]):
                        reason = _NEIGHBORS.format(network=network)
                        yield Obstacle("undecided", crossing.point, crossing, reason=reason)

    def _without_replies(self, passing: Passing, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops a flow at a point that never sees its replies: nobody else can translate these back."""
        if passing.is_translated:
            view, way = self.views[passing.crossing.point], Way.of(passing.crossing)
            witness = self.witness(view, way, passing.arriving)
            decision = view.walker(way.hook).decide(witness)
            yield Obstacle("bypass", view.name, passing.crossing, witness, decision, _ONE_WAY, is_astray=True)
        elif is_tcp:
            yield from self._there(passing, State.INVALID, "bypass")

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
        verdicts = self.views[passing.crossing.point].verdicts(way)
        packets = PacketSet.where(verdicts, is_possible) | self._excepted
        for earlier in reversed(journey.passings[:number]):
            if earlier.is_translated:
                to, source = self.views[earlier.crossing.point].translations(Way.of(earlier.crossing))
                packets = to.sources_of(source.sources_of(packets))
        return journey.passings[0].arriving <= packets

    def _there(self, passing: Passing, state: State, kind: Trouble) -> Iterator[Obstacle]:
        crossing = passing.crossing
        if crossing.point not in self.views:
            yield Obstacle("undecided", crossing.point, crossing, reason=NOT_GIVEN)
            return
        view = self.views[crossing.point]
        obstacles = list(self._at(view, Way.of(crossing, state), crossing, passing.arriving, kind))
        yield from obstacles
        if kind == "missing" and not obstacles and (reason := routed_elsewhere(view, crossing, passing.arriving)):
            yield Obstacle("undecided", crossing.point, crossing, reason=reason)

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
        looks = (swapped(passing.leaving), swapped(passing.inner), swapped(passing.arriving))
        if any(view.changes_state(way, packets) for packets in looks):
            yield Obstacle("undecided", crossing.point, crossing, reason=_UNTRACKED)
            return
        is_cut = view.parts(way.hook).is_cut
        for number, look in enumerate(looks):
            seen = (look,) if is_cut or number != 1 else looks  # uncut, the filters between may stand on either side
            walker, verdicts = view.part_walker(way.hook, number), view.part_verdicts(way, number)
            found = [list(self._stopped(verdicts, walker, view, way, crossing, one, "reply")) for one in seen]
            stopping = [obstacle for obstacles in found for obstacle in obstacles]
            if stopping:
                is_sure_ = all(obstacles and obstacles[0].kind == "reply" for obstacles in found)
                yield stopping[0] if is_sure_ else replace(stopping[0], kind="undecided", reason=_LOOKS)
                return

    def _strayed(self, journey: Journey) -> Iterator[Obstacle]:
        """Packets that a translation leads away from their destination."""
        strayed = journey.strayed
        if not strayed:
            return
        last = self._translating(journey)
        view, way = self.views[last.crossing.point], Way.of(last.crossing)
        to, source = view.translations(way)
        witness = self.witness(view, way, last.arriving & to.sources_of(source.sources_of(strayed)))
        decision = view.walker(way.hook).decide(witness)
        meant = tuple(journey.meant.boxes())
        is_certain = decision.headers and not any(meets(meant, header) for header in decision.headers)
        there = strayed.witness(self.prefer)
        reason = (_STRAYED if last.is_translated else _KEPT).format(where=_destination_text(there))
        kind: Trouble | Literal["undecided"] = "missing" if is_certain else "undecided"
        yield Obstacle(kind, view.name, last.crossing, witness, decision, reason, is_astray=True)

    def _hidden(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that translates for clients of the Internet, and yet leads none of them to a private address."""
        lost = journey.passings[0].arriving & out_of_reach(self.space)
        outward = swapped(lost)
        for passing in journey.passings if lost else ():
            crossing = passing.crossing
            if self.translates(crossing):
                view = self.views[crossing.point]
                back = Way(crossing.hook, crossing.interface_out, crossing.interface_in)
                publishes = not view.translations(Way.of(crossing))[0].is_none
                if publishes or view.translations(back)[1].leads(outward) - outward:
                    where = _destination_text(lost.witness(self.prefer))
                    yield Obstacle("undecided", crossing.point, crossing, reason=_HIDDEN.format(where=where))

    def _exposed(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that gives others a public address on their way, and no rule says why not these."""
        for passing in journey.passings:
            if self.translates(passing.crossing):
                view, way = self.views[passing.crossing.point], Way.of(passing.crossing)
                to, source = view.translations(way)
                bare = journey.arrived & passing.leaving & without_return(self.space)
                if bare and _translates_others(source, bare):
                    witness = self.witness(view, way, passing.arriving & to.sources_of(source.sources_of(bare)))
                    if not _is_exempted(view.parts(way.hook).leaving, view.walker(way.hook).decide(witness)):
                        yield Obstacle("undecided", view.name, passing.crossing, witness, reason=_EXPOSED)

    def _translating(self, journey: Journey) -> Passing:
        """The last point that translates the packets of a journey, or else the first that translates others."""
        passings = journey.passings
        known = (passing for passing in reversed(passings) if passing.is_translated)
        return next(known, None) or next(passing for passing in passings if self.translates(passing.crossing))

    def leaves_private(self, flow: RequiredFlow) -> bool:
        """Report whether packets of a flow leave the last firewall from private addresses to public ones."""
        lost = without_return(self.space)
        packets = PacketSet.of(self.space, flow.packets)
        return bool(packets & lost) and any(
            journey.arrived & lost
            for route in flow.routes
            if route.forward
            for journey in journeys(self.views, route.forward, packets)
        )

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


def _swapped_ends(packets: PacketSet) -> PacketSet:
    """Packets the other way round, whatever their state."""
    ends = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}
    boxes = (Box.of({ends.get(name, name): ranges for name, ranges in box.constraints}) for box in packets.boxes())
    return PacketSet.of(packets.space, [box for box in boxes if box is not None])


def _all_sure(verdicts: PacketMap[int], boxes: Boxes) -> bool:
    return all(is_sure(value) for box in boxes for value in verdicts.values(box))


def swapped(packets: PacketSet) -> PacketSet:
    """The replies to packets."""
    return PacketSet.of(packets.space, [reply(box) for box in packets.boxes()])


def _translates_others(source: Translation, packets: PacketSet) -> bool:
    """Report whether another sender of such packets has them translated from whatever port: no mere replies."""
    such = free(packets, Field.SRC)
    changed = source.touches(such)
    return bool(free(changed, Field.SPORT) - free(such - changed, Field.SPORT))


def _is_exempted(policy: Policy, decision: Decision) -> bool:
    """Report whether a rule of the policy that somebody wrote says that a packet is not translated."""
    written = {rule for stage in policy.stages for chain in stage.chains.values() for rule in chain.rules}
    return any(rule in written and not rule.default for rule in decision.via)


def _inside(network: Network) -> Box:
    """The packets from a network to itself."""
    ends = ((int(network.network_address), int(network.broadcast_address)),)
    box = Box.of({Field.VERSION: ((network.version,) * 2,), Field.SRC: ends, Field.DST: ends})
    assert box is not None
    return box


def _destination_text(header: Values) -> str:
    """Where a packet goes: its address, with the port where it has one."""
    version, address, port = header[Field.VERSION], header[Field.DST], header[Field.DPORT]
    assert isinstance(version, int)
    assert isinstance(address, int)
    text = address_range_text(version, (address, address))
    if header[Field.PROTOCOL] not in PORT_PROTOCOLS:
        return text
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"


def _all_covered(packets: PacketSet, boxes: Boxes) -> bool:
    return all(packets.covers(box) for box in boxes)


def routed_elsewhere(view: PointView, crossing: Crossing, packets: PacketSet) -> str:
    """Where a connected network or a route of a configuration leads to another interface than the site says.

    A default route says nothing against the site, which may know more. An interface without an address of its own, such
    as one of a bridge, is in no route.
    """
    configuration, leaves = view.reading.configuration, crossing.interface_out
    if crossing.hook != "forward" or not any(route.interface == leaves for route in configuration.routes):
        return ""
    way = Way.of(crossing)
    astray = packets - view.not_routed_elsewhere(way)
    if not astray:
        return ""
    there = view.translations(way)[0].leads(astray).witness()
    version, address = there[Field.VERSION], there[Field.DST]
    toward = configuration.interface_toward(version, address) or "another one"
    text = address_range_text(version, (address, address))
    return f"its routes lead {text} to interface {toward}, and the site says {leaves}"


def judgment_of(obstacles: tuple[Obstacle, ...]) -> Judgment:
    """The judgment that follows from all that stops a flow, or may."""
    kinds = {obstacle.kind for obstacle in obstacles}
    if kinds - {"undecided"}:
        return Judgment.MISSING
    return Judgment.UNDECIDED if kinds else Judgment.PROVED
