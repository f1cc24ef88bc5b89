"""The NAT reverse-path check.

ASA looks up which rule translates a new packet, and which one would translate the reply. Where they differ it drops the
packet: one to the real address of a translated host, or one whose reply an earlier rule claims (syslog 305013,
"Asymmetric NAT rules matched for forward and reverse flows").

Theory of operation. Rules often differ in the far end alone (one exemption for each remote site). Look-ups that agree
in everything but the source form a group; a translated packet is compared with groups, and a group's sources become
one chain that all those comparisons share. So a thousand static rules beside a hundred exemptions stay small.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from portwright.packets.box import Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.cisco_asa.nat import Translation
from portwright.policy.model import Chain, Change, Jump, Rule, Verdict
from portwright.source import Source

_MAXIMUM_PAIRS = 1_000_000  # comparisons, of all rules together
_REASON = "NAT reverse path check: the reply would be translated by this rule"


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets whose destination a rule translates."""

    owner: Translation
    wire: Box
    after: Box | None  # None: not known
    changes: tuple[Change, ...]
    egress: str | None  # None: the route decides
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class _Member:
    """A rule that translates the replies to packets from `sources`."""

    owner: Translation
    sources: Intervals | None  # None: any
    certain: bool


@dataclass(slots=True)
class _Group:
    """Look-ups that agree in everything but the source of the packet."""

    number: int
    box: Box
    members: list[_Member] = field(default_factory=list)


class ReversePath:
    """Finds the packets whose reply another rule would translate."""

    def __init__(self, fresh: Boxes, file: str):
        self._fresh = fresh  # only packets that belong to no connection are checked
        self._nobody = Source(file, 0)
        self._groups: dict[Box, _Group] = {}
        self._of_host: dict[int, list[_Group]] = {}  # groups about a single destination
        self._others: list[_Group] = []
        self._pairs = 0
        self.chains: dict[str, Chain] = {}

    def add(self, owner: Translation, box: Box, certain: bool) -> None:
        """Take in the look-up of the next rule: the packets whose reply it translates."""
        sources = dict(box.constraints).get(Field.SRC)
        rest = Box(tuple(pair for pair in box.constraints if pair[0] is not Field.SRC))
        group = self._groups.get(rest)
        if group is None:
            group = self._groups[rest] = _Group(len(self._groups), rest)
            host = _single(rest)
            (self._others if host is None else self._of_host.setdefault(host, [])).append(group)
        group.members.append(_Member(owner, sources, certain))

    def against_earlier(self, flow: Flow) -> Iterator[Rule]:
        """Drops for the packets of a flow whose reply meets an earlier rule."""
        if flow.after is None:
            return
        for group in self._candidates(flow.after):
            common = flow.after & group.box
            if common is None:
                continue
            shared = Field.SRC not in dict(common.constraints)
            self._pairs += 1 if shared else len(group.members)
            if self._pairs > _MAXIMUM_PAIRS:
                yield from _too_many(flow)
                return
            if not shared:
                yield from self._one_by_one(flow, common, group)
            else:
                yield from self._shared(flow, common, group)

    def _candidates(self, after: Box) -> Iterable[_Group]:
        host = _single(after)
        if host is not None:
            return (*self._of_host.get(host, ()), *self._others)
        self._pairs += len(self._groups)
        return self._groups.values()

    def _one_by_one(self, flow: Flow, common: Box, group: _Group) -> Iterator[Rule]:
        for member in group.members:
            found = common & _from(member.sources)
            if found is not None:
                yield from self._drop(member, _before(found, flow))

    def _shared(self, flow: Flow, common: Box, group: _Group) -> Iterator[Rule]:
        name = f"replies {group.number}.{len(group.members)}"
        if name not in self.chains:
            rules = tuple(_rule(member, (_from(member.sources),)) for member in group.members)
            self.chains[name] = Chain(name, rules, self._nobody)
        boxes = intersect((_before(common, flow),), self._fresh)
        if boxes:
            yield Rule(Match(boxes, boxes), Jump(name), flow.owner.source)

    def of_untranslated(self) -> Iterator[Rule]:
        """Drops for packets whose destination nothing translated, though the reply's source would be."""
        for group in self._groups.values():
            for member in group.members:
                box = group.box & _from(member.sources)
                if box is not None:
                    yield from self._drop(member, box)

    def _drop(self, member: _Member, box: Box) -> Iterator[Rule]:
        boxes = intersect((box,), self._fresh)
        if boxes:
            yield _rule(member, boxes)


def _rule(member: _Member, boxes: Boxes) -> Rule:
    source = member.owner.source
    doubt = Doubt("whether ASA checks the reply against this rule depends on its options", source)
    match = Match(boxes, boxes) if member.certain else Match.doubtful(doubt, boxes)
    return Rule(match, Verdict.DROP, source, reason=_REASON)


def _too_many(flow: Flow) -> Iterator[Rule]:
    doubt = Doubt("too many translation rules to check each reply against all of them", flow.owner.source)
    yield Rule(Match.doubtful(doubt, (flow.wire,)), Verdict.DROP, flow.owner.source, reason=doubt.reason)


def _single(box: Box) -> int | None:
    """The destination of a box if it is a single address."""
    ranges = dict(box.constraints).get(Field.DST, ())
    return ranges[0][0] if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else None


def _from(sources: Intervals | None) -> Box:
    return Box() if sources is None else Box(((Field.SRC, sources),))


def _before(after: Box, flow: Flow) -> Box:
    """The packets on the wire that become `after`."""
    constraints = dict(after.constraints)
    for change in flow.changes:
        if change.shift is not None and change.field in constraints:
            moved = ((first - change.shift, last - change.shift) for first, last in constraints[change.field])
            constraints[change.field] = normalize(moved)
    found = Box.of(constraints)
    assert found is not None, "shifting empties no constraint"
    return found
