"""The NAT reverse-path check.

ASA looks up which rule translates a new packet, and which one would translate the reply. Where they differ it drops the
packet: one to the real address of a translated host, or one whose reply an earlier rule claims (syslog 305013,
"Asymmetric NAT rules matched for forward and reverse flows"). The access lists are asked first.

Theory of operation. Whether the two differ can be told on the wire alone, before the destination is translated; the
drop comes after the access lists. In between a doomed packet carries a mark: the connection state UNTRACKED, which ASA
does not know and which every other stage treats as NEW. The first stage sees to it that nothing else carries the mark,
the second gives it, and the third drops what carries it, naming the rule that would translate the reply.

Rules often differ in the far end alone (one exemption for each remote site). Look-ups that agree in everything but the
source of the packet form a group, and packets are compared with groups: a thousand static rules beside a hundred
exemptions stay small.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from portwright.packets.box import ALWAYS, EVERYTHING, Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import Field, State
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.platforms.cisco_asa.nat import Translation
from portwright.policy.model import Action, Chain, Change, Look, Rewrite, Rule, Stage, Verdict
from portwright.source import Source

_MAXIMUM_WORK = 500_000  # comparisons, of all rules together
_FEW = 64
_REASON = "NAT reverse path check: the reply would be translated by this rule"
_UNTRACKED: Intervals = ((State.UNTRACKED, State.UNTRACKED),)
_MARKED: Boxes = (Box(((Field.STATE, _UNTRACKED),)),)
_MARK = Rewrite((Change(Field.STATE, _UNTRACKED),))
_UNMARK = Rewrite((Change(Field.STATE, ((State.NEW, State.NEW),)),))


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets whose destination a rule translates."""

    owner: Translation
    wire: Box
    after: Box | None  # None: not known
    changes: tuple[Change, ...]
    egress: str | None  # None: the route decides
    doubts: tuple[Doubt, ...] = ()


@dataclass(slots=True)
class _Sources:
    """Sources of packets, gathered from many rules and normalized when they are asked for."""

    _found: Intervals = ()
    _added: list[Interval] = field(default_factory=list)  # not yet in `_found`

    def add(self, ranges: Intervals) -> None:
        """Take in the sources of one more rule."""
        self._added.extend(ranges)

    def all(self) -> Intervals:
        """The sources as they are now."""
        if self._added:
            self._found = normalize((*self._found, *self._added))
            self._added.clear()
        return self._found


@dataclass(slots=True)
class _Group:
    """Look-ups that agree in everything but the source of the packet."""

    box: Box
    source: Source  # of the first
    certain: _Sources = field(default_factory=_Sources)
    doubtful: _Sources = field(default_factory=_Sources)


class ReversePath:
    """Finds the packets whose reply another rule would translate."""

    def __init__(self, fresh: Boxes, own: Boxes, file: str):
        self._fresh = fresh  # only packets that belong to no connection are checked
        self._own = own  # packets for the firewall itself have no reply that it would translate
        self._nobody = Source(file, 0)
        self._groups: dict[Box, _Group] = {}
        self._near: dict[tuple[int, int], list[_Group]] = {}  # groups about few destinations, by neighborhood
        self._wide: list[_Group] = []  # groups about many destinations
        self._work = 0
        self._marks: list[Rule] = []
        self._drops: list[Rule] = []

    def add_flow(self, flow: Flow) -> None:
        """Take in packets whose destination the next rule translates; earlier rules may claim the reply of some."""
        if flow.after is not None and self._work > _MAXIMUM_WORK:
            self._marks.append(self._made(Match.doubtful(_TOO_MANY, (flow.wire,)), _MARK, _REASON, flow.owner.source))
        elif flow.after is not None:
            for group in self._candidates(flow.after):
                self._work += 1
                common = flow.after & group.box
                if common is not None:
                    self._mark(group, common, flow)
        match = Match((), (flow.wire,), flow.doubts) if flow.doubts else Match((flow.wire,), (flow.wire,))
        self._marks.append(self._made(match, Verdict.ACCEPT, "translated", flow.owner.source))

    def add_lookup(self, owner: Translation, box: Box, certain: bool) -> None:
        """Take in the packets (as they are after translation) whose reply the next rule translates."""
        group = self._group_of(Box(tuple(pair for pair in box.constraints if pair[0] is not Field.SRC)), owner.source)
        (group.certain if certain else group.doubtful).add(box.get(Field.SRC))
        doubt = Doubt("whether ASA checks the reply against this rule depends on its options", owner.source)
        match = Match((box,), (box,)) if certain else Match.doubtful(doubt, (box,))
        self._drops.append(Rule(match, Verdict.DROP, owner.source, default=True, reason=_REASON))

    def stages(self, doubts: tuple[Rule, ...]) -> tuple[Stage, Stage, Stage]:
        """Two stages before the translation of the destination, and one after the access lists, led by `doubts`."""
        self._marks.append(self._made(Match(self._own, self._own), Verdict.ACCEPT, "for the firewall itself"))
        for group in self._groups.values():
            self._mark(group, group.box)
        return (
            self._stage("connection state as ASA knows it", (), _UNMARK, _MARKED, Look.ARRIVING),
            self._stage("reverse path: look-up", self._marks, Verdict.ACCEPT, (EVERYTHING,), Look.ARRIVING),
            self._stage("reverse path: check", (*doubts, *self._drops), _UNMARK, _MARKED, Look.INNER),
        )

    def _stage(self, name: str, rules: Sequence[Rule], ending: Action, scope: Boxes, look: Look) -> Stage:
        default = self._made(ALWAYS, ending, "the reply is translated alike")
        return Stage(name, name, {name: Chain(name, (*rules, default), self._nobody)}, scope, True, look)

    def _made(self, match: Match, action: Action, reason: str, source: Source | None = None) -> Rule:
        return Rule(match, action, source or self._nobody, default=True, reason=reason)

    def _group_of(self, box: Box, source: Source) -> _Group:
        group = self._groups.get(box)
        if group is None:
            group = self._groups[box] = _Group(box, source)
            near = _neighborhoods(box)
            for where in near:
                self._near.setdefault(where, []).append(group)
            if not near:
                self._wide.append(group)
        return group

    def _candidates(self, after: Box) -> Iterable[_Group]:
        """The groups whose destinations may overlap."""
        near = _neighborhoods(after)
        if not near:
            return self._groups.values()
        close = {id(group): group for where in near for group in self._near.get(where, ())}
        return (*close.values(), *self._wide)

    def _mark(self, group: _Group, common: Box, flow: Flow | None = None) -> None:
        """Mark the packets (of a flow) whose reply a rule of the group translates."""
        for sources, doubts in ((group.certain, ()), (group.doubtful, (_DOUBT,))):
            ranges = sources.all()
            self._work += len(ranges)
            if self._work > _MAXIMUM_WORK:
                ranges, doubts = ((0, 2**128 - 1),) if ranges else (), (_TOO_MANY,)
            box = common & _from(ranges) if ranges else None
            if box is not None:
                boxes = intersect((_before(box, flow) if flow else box,), self._fresh)
                self._marks.append(
                    self._made(Match(() if doubts else boxes, boxes, doubts), _MARK, _REASON, group.source)
                )


_DOUBT = Doubt("whether ASA checks replies depends on the options of the rule")
_TOO_MANY = Doubt("too many translation rules to compare each with all others")


def _neighborhoods(box: Box) -> list[tuple[int, int]]:
    """The /24 (IPv6: /120) networks in which the destinations of a box lie; none where they are many."""
    ranges = box.get(Field.DST)
    if sum((last >> 8) - (first >> 8) + 1 for first, last in ranges) > _FEW:
        return []
    version = box.get(Field.VERSION)[0][0]
    return sorted({(version, part) for first, last in ranges for part in range(first >> 8, (last >> 8) + 1)})


def _from(sources: Intervals) -> Box:
    found = Box.of({Field.SRC: sources})
    assert found is not None, "there are sources"
    return found


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
