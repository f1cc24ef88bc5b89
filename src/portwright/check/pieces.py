"""Parts of an answer in readable pieces, and what there is to say of each: who permits it, what leaves it open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest

from portwright.check.judge import Judge
from portwright.check.needs import Need, Needs, Zones
from portwright.check.obstacle import NOT_GIVEN
from portwright.check.reach import Hop, Reach, Rules, Step
from portwright.check.routed import routed_elsewhere
from portwright.check.stops import on_way
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import ICMP_PROTOCOL, PORT_PROTOCOLS, TCP, Field
from portwright.packets.intervals import Intervals, contains, normalize
from portwright.packets.packetset import PacketSet, well_formed
from portwright.plan.model import Endpoint
from portwright.policy.index import Values
from portwright.policy.model import Policy, Rewrite, Rule
from portwright.policy.reference import RuleReference, rule_reference
from portwright.policy.text import packet_of
from portwright.policy.translation import free
from portwright.site.model import Route

_MOST_ARRIVING = 4  # boxes as which one piece arrives
_VAGUE = "the site does not say behind which of its interfaces the zones lie"
_SEVERAL = "it may lead the packets to several addresses or ports"
_UNTOLD = "translations on the way may lead it elsewhere"
_UNCOUNTED = (Field.IN, Field.OUT, Field.STATE, Field.FLAGS, Field.SPORT)
_WAY = (Field.IN, Field.OUT, Field.STATE, Field.FLAGS)
_HEADER = (Field.VERSION, Field.PROTOCOL, Field.SRC, Field.SPORT, Field.DST, Field.DPORT, Field.TYPE, Field.CODE)


class Passage(StrEnum):
    """Whether packets pass."""

    CAN = "can"
    MAY = "may"  # nobody knows: it hangs on what is not modelled, or not said


@dataclass(frozen=True, slots=True)
class Leg:
    """Two ends whose ways are the same for all addresses."""

    source: Endpoint
    destination: Endpoint
    meant: Addresses  # those of the destination that a flow names; none where it names what is translated to it
    routes: tuple[Route, ...]  # empty: nobody declared one

    @property
    def zones(self) -> Zones:
        """The zones of the two ends."""
        return self.source.zone, self.destination.zone

    @property
    def is_one_host(self) -> bool:
        """Report whether both ends are one and the same host."""
        ranges = (*self.meant.v4, *self.meant.v6)
        is_single = self.source.is_one_host or (len(ranges) == 1 and ranges[0][0] == ranges[0][1])
        return is_single and self.source.addresses == self.meant


@dataclass(frozen=True, slots=True)
class Piece:
    """Packets of a part that can be said in one line."""

    boxes: Boxes  # as they are sent; one for each IP version
    arriving: Boxes  # as they arrive, where a point translates them; otherwise empty
    arrives_as_more: bool  # than these
    packet: str  # one of them


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Packets on one way between two ends that are alike in all that an answer says."""

    leg: Leg
    reach: Reach
    passage: Passage
    need: Need
    replies_pass: bool  # False: they, or what follows them, are surely blocked
    rules: Rules
    packets: PacketSet  # as they are sent
    needed_by: tuple[str, ...] = ()  # ids of flows, or what somebody answers for
    permitted_by: tuple[RuleReference, ...] = ()  # the rules that permit it, or may, in the order of the points
    translated_by: tuple[RuleReference, ...] = ()
    hangs_on: tuple[RuleReference, ...] = ()
    because: str = ""  # where the rules do not say themselves why it is not known
    replies_blocked_by: tuple[RuleReference, ...] = ()
    leads_on_to: tuple[str, ...] = ()  # members of the virtual address that is the destination, where it leads on
    pieces: tuple[Piece, ...] = ()
    left_out: int = 0  # connections beyond the pieces

    @property
    def points(self) -> tuple[str, ...]:
        """The points on the way, in order."""
        return tuple(hop.crossing.point for hop in self.reach.hops)


def connections(packets: PacketSet) -> int:
    """How many connections a set holds: sources, destinations, protocols, destination ports or ICMP types and codes."""
    fixed = Box.of(dict.fromkeys(_UNCOUNTED, ((0, 0),)))
    assert fixed is not None
    return (free(packets, *_UNCOUNTED) & PacketSet.of(packets.space, [fixed])).count()


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said of packets beside what they are good for."""

    permitted_by: tuple[RuleReference, ...]
    translated_by: tuple[RuleReference, ...]
    hangs_on: tuple[RuleReference, ...]
    because: str
    replies_blocked_by: tuple[RuleReference, ...]


class Pieces:
    """Spells out the parts of an answer."""

    def __init__(self, judge: Judge, needs: Needs):
        self._judge = judge
        self._needs = needs
        self.space = judge.space
        self.prefer = judge.prefer
        self.real = well_formed(judge.space)

    def needed_by(self, part: Part) -> tuple[str, ...]:
        """Who needs a part: ids of flows, or what somebody answers for."""
        return self._needs.names(part.reach, part.leg.zones, part.need, part.rules, part.packets)

    def spelled_out(self, parts: Sequence[Part], limit: int) -> Iterator[Part]:
        """The parts, those that matter most with pieces, at most `limit` of these together."""
        first = sorted(range(len(parts)), key=lambda number: _weight(parts[number]))[:limit]
        spellings = {number: _Spelling(self, parts[number]) for number in first}
        for _ in range(limit):
            if (least := min(spellings.values(), key=_urgency, default=None)) is None or not least.rest:
                break
            least.go_on()
        for number, part in enumerate(parts):
            if number in spellings:
                yield from spellings[number].parts()
            else:
                yield replace(part, left_out=connections(part.packets))

    def piece(self, part: Part, witness: Values, boxes: Boxes) -> Piece:
        """These packets of a part, and as what they arrive."""
        sent = PacketSet.of(self.space, boxes) & part.packets & self.real
        rest = part.reach.arrived(sent) & self.real if part.reach.translates else sent
        arriving: list[Box] = []
        while rest and rest != sent and len(arriving) < _MOST_ARRIVING:
            arriving.append((rest | ~self.real).grow(rest.witness(self.prefer), apart=True))
            rest = rest - PacketSet.of(self.space, arriving)
        return Piece(boxes, tuple(arriving), bool(arriving and rest), str(packet_of(witness)))

    def said(self, part: Part, witness: Values, boxes: Boxes) -> Said:
        """What a packet of a part shows beside who permits it; who translates it, all packets of the boxes."""
        steps = list(part.reach.walk(witness))
        rules = (_permitting(part, step, rule) for step, rule in zip_longest(steps, part.rules))
        permitted_by = tuple(
            rule_reference(rule, point) for point, rule in zip(part.points, rules, strict=True) if rule is not None
        )
        translating = self._translating(part, PacketSet.of(self.space, boxes) & part.packets)
        blocked_by = () if part.replies_pass else self._stopping_replies(part, witness)
        hangs_on, because = ((), "") if part.passage is Passage.CAN else _left_open(part, steps)
        return Said(permitted_by, tuple(dict.fromkeys(translating)), hangs_on, because, blocked_by)

    def _translating(self, part: Part, sent: PacketSet) -> Iterator[RuleReference]:
        """The rules that translate some of the packets, found by one of each that meets it."""
        for number, hop in enumerate(part.reach.hops):
            if hop.view is not None and hop.translates:
                arriving = part.reach.after(number, sent)
                rules = sorted(_rewriting(hop.view.policy(hop.way.hook)), key=lambda rule: rule.source.line)
                for rule in rules:
                    if any(_meets(hop, rule, values) for values in self._meeting(hop, rule, arriving)):
                        yield rule_reference(rule, hop.crossing.point)

    def _meeting(self, hop: Hop, rule: Rule, arriving: PacketSet) -> Iterator[Values]:
        """Packets that a translating rule may match as they arrive, or with their destination translated."""
        assert hop.view is not None
        to, _ = hop.view.translations(hop.way)
        matched = PacketSet.of(self.space, [_without_way(box) for box in rule.match.possible])
        for packets in (arriving & matched, arriving & to.sources_of(to.leads(arriving) & matched)):
            if packets:
                yield on_way(packets.witness(self.prefer), hop.view, hop.way)

    def _stopping_replies(self, part: Part, sent: Values) -> tuple[RuleReference, ...]:
        """The rules that stop the replies to a packet, or what follows it."""
        box = _exactly({name: sent[name] for name in _HEADER})
        obstacles = self._judge.sent(part.reach.route, (box,), sent[Field.PROTOCOL] == TCP)
        stopping = (one for one in obstacles if one.kind in ("reply", "bypass"))
        return tuple(dict.fromkeys(rule_reference(rule, one.point) for one in stopping for rule in one.rules))


class _Spelling:
    """One part that is being spelled out, piece by piece."""

    def __init__(self, pieces: Pieces, part: Part):
        self._pieces = pieces
        self._part = part
        self._frame = _frame(part)
        self._room = part.packets | ~pieces.real | ~PacketSet.of(pieces.space, self._frame)
        self._found: dict[Said, list[Piece]] = {}
        self.rest = part.packets & pieces.real
        self.told = 0  # pieces

    def go_on(self) -> None:
        """Spell out one more piece."""
        witness = self.rest.witness(self._pieces.prefer)
        box = self._room.grow(witness, apart=True)
        self.rest = self.rest - PacketSet.of(self._pieces.space, [box])
        boxes = tuple(inside for one in self._frame if (inside := _with_real_protocols(box & one)) is not None)
        piece = self._pieces.piece(self._part, witness, boxes)
        self._found.setdefault(self._pieces.said(self._part, witness, boxes), []).append(piece)
        self.told += 1

    def parts(self) -> Iterator[Part]:
        """The part with its pieces; several parts where different lines leave it open."""
        left_out = connections(self.rest)
        names = self._pieces.needed_by(self._part)
        for said, pieces in self._found.items():
            told = {name: getattr(said, name) for name in Said.__slots__}
            yield replace(self._part, **told, needed_by=names, pieces=tuple(pieces), left_out=left_out)
            left_out = 0


def _urgency(spelling: _Spelling) -> tuple[bool, int]:
    """Parts take turns as long as something of them is left."""
    return not spelling.rest, spelling.told


def _with_real_protocols(box: Box | None) -> Box | None:
    """The box without protocols that have no packet in it: only some have ports, or ICMP types."""
    if box is None:
        return None
    icmp = {ICMP_PROTOCOL[version] for version in ICMP_PROTOCOL if contains(box.get(Field.VERSION), version)}
    has_no_ports = all(contains(box.get(name), 0) for name in (Field.SPORT, Field.DPORT))
    has_no_type = all(contains(box.get(name), 0) for name in (Field.TYPE, Field.CODE))
    protocols = tuple(
        (number, number)
        for first, last in box.get(Field.PROTOCOL)
        for number in range(first, last + 1)
        if (has_no_type or number in icmp) and (has_no_ports or number in PORT_PROTOCOLS)
    )
    return Box.of({**dict(box.constraints), Field.PROTOCOL: normalize(protocols)})


def _weight(part: Part) -> int:
    """What nothing needs and what is not known comes first."""
    return 0 if part.passage is Passage.MAY else list(Need).index(part.need)


def _frame(part: Part) -> Boxes:
    """All packets between the ends of a part; to any destination where that is translated."""
    destinations = EVERY_ADDRESS if part.reach.translates else part.leg.meant
    boxes = (
        Box.of(
            {
                Field.VERSION: ((version, version),),
                Field.SRC: part.leg.source.addresses.family(version),
                Field.DST: destinations.family(version),
            }
        )
        for version in (4, 6)
    )
    return tuple(box for box in boxes if box is not None)


def _exactly(values: Mapping[Field, int | Intervals]) -> Box:
    box = Box.of({name: ((value, value),) if isinstance(value, int) else value for name, value in values.items()})
    assert box is not None
    return box


def _permitting(part: Part, step: Step | None, rule: Rule | None) -> Rule | None:
    """The rule of a point that permits a packet: of what surely passes, one that surely does."""
    if part.passage is Passage.MAY or rule is None or rule.match.is_certain:
        return rule
    met = step.decision.via if step is not None and step.decision is not None else ()
    return next((one for one in reversed(met) if not one.default and not isinstance(one.action, Rewrite)), rule)


def _rewriting(policy: Policy) -> Iterator[Rule]:
    """The rules of a policy that translate addresses or ports, in their order."""
    for stage in policy.stages:
        for chain in stage.chains.values():
            yield from (rule for rule in chain.rules if isinstance(rule.action, Rewrite))


def _meets(hop: Hop, rule: Rule, packet: Values) -> bool:
    assert hop.view is not None
    return rule in hop.view.walker(hop.way.hook).decide(packet).via


def _without_way(box: Box) -> Box:
    """The box without what a way fixes."""
    return Box(tuple((name, ranges) for name, ranges in box.constraints if name not in _WAY))


def _translating(step: Step) -> Iterator[RuleReference]:
    """The rules that translate a packet at one point."""
    for rule in step.decision.via if step.decision is not None else ():
        if isinstance(rule.action, Rewrite):
            yield rule_reference(rule, step.point)


def _left_open(part: Part, steps: Sequence[Step]) -> tuple[tuple[RuleReference, ...], str]:
    """The rules on which it hangs whether a packet passes, and why where these do not say it."""
    last = steps[-1]
    if last.decision is None:
        return (), f"{last.point}: {NOT_GIVEN}"
    if rules := last.decision.undecided_by:
        is_vague = last.hop.crossing.is_vague and all(rule.match.is_certain for rule in rules)
        return tuple(rule_reference(rule, last.point) for rule in rules), f"{last.point}: {_VAGUE}" if is_vague else ""
    if last.is_certain:
        return (), part.because or next(_elsewhere(steps), _UNTOLD)
    return tuple(rule for step in steps for rule in _translating(step)), _SEVERAL


def _elsewhere(steps: Sequence[Step]) -> Iterator[str]:
    """Where the routes of a configuration lead a packet elsewhere than the site says."""
    for step in steps:
        if step.hop.view is not None:
            view, fixed = step.hop.view, step.hop.view.constraints(step.hop.way)
            packet = _exactly({name: step.packet[name] for name in Field if name not in fixed})
            if reason := routed_elsewhere(view, step.hop.crossing, PacketSet.of(view.space, [packet])):
                yield f"{step.point}: {reason}"
