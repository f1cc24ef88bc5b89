"""Where packets are led by translation: how they leave a policy, and as what they may have come.

Filters are left aside: what they make of the packets is for the verdict map to say, and this is only about headers.
A translation that a rule may or may not apply leads both ways.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portwright.packets.box import Box
from portwright.packets.diagram import Node, Operation, PacketMap, Space
from portwright.packets.fields import LAST, Field
from portwright.packets.intervals import Intervals
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import StageMap
from portwright.policy.model import Change, Look, Policy, Rewrite, Stage

_DESTINATION = frozenset({Field.DST, Field.DPORT})
_SOURCE = frozenset({Field.SRC, Field.SPORT})
_ADDRESSED = _DESTINATION | _SOURCE
_TRANSLATED_AT = {Look.ARRIVING: _DESTINATION, Look.INNER: frozenset[Field](), Look.LEAVING: _SOURCE}
_EVERYTHING = {name: ((0, LAST[name]),) for name in Field}

Fixed = Mapping[Field, Intervals]  # the fields that a way through a point fixes


def translates(stage: Stage, fields: frozenset[Field] = _ADDRESSED) -> bool:
    """Report whether some rule of a stage rewrites one of the fields."""
    rules = (rule for chain in stage.chains.values() for rule in chain.rules)
    return any(
        change.field in fields for rule in rules if isinstance(rule.action, Rewrite) for change in rule.action.changes
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """A policy by what a packet looks like in it: as it came, with its destination translated, with its source too."""

    arriving: Policy
    inner: Policy
    leaving: Policy
    is_cut: bool  # what is `inner` surely stands between the translations

    @property
    def all(self) -> tuple[Policy, Policy, Policy]:
        """In the order in which packets meet them."""
        return self.arriving, self.inner, self.leaving

    @classmethod
    def of(cls, policy: Policy) -> "Parts":
        """The policy cut where its stages say; else by the translations that are there.

        That is behind the last of destinations and before the first of sources after it.
        """
        stages = policy.stages
        if _say_their_look(stages):
            came, inner, left = (Policy(tuple(stage for stage in stages if stage.look is look)) for look in Look)
            return cls(came, inner, left, is_cut=True)
        to = max((n + 1 for n, stage in enumerate(stages) if translates(stage, _DESTINATION)), default=0)
        behind = (n for n, stage in enumerate(stages) if n >= to and translates(stage, _SOURCE))
        out = next(behind, len(stages))
        is_cut = bool(to and out < len(stages))
        return cls(Policy(stages[:to]), Policy(stages[to:out]), Policy(stages[out:]), is_cut)


def _say_their_look(stages: Sequence[Stage]) -> bool:
    """Report whether every stage says what it sees, in order, and none translates what others should see as it was."""
    looks = [stage.look.value for stage in stages if stage.look is not None]
    return len(looks) == len(stages) and looks == sorted(looks) and not any(map(_is_misplaced, stages))


def _is_misplaced(stage: Stage) -> bool:
    return stage.look is not None and translates(stage, _ADDRESSED - _TRANSLATED_AT[stage.look])


class Translation:
    """What the translating stages of one policy do to sets of packets on one way."""

    def __init__(self, space: Space, policy: Policy, fixed: Fixed):
        self._space = space
        self._steps = [_Step.of(space, stage, fixed) for stage in policy.stages if translates(stage)]

    @property
    def is_none(self) -> bool:
        """Report whether nothing is ever translated on this way."""
        return not any(step.changed for step in self._steps)

    def changes(self, field: Field) -> bool:
        """Report whether some rule changes a field on this way."""
        return any(change.field is field for step in self._steps for _, changes in step.changed for change in changes)

    def touches(self, packets: PacketSet) -> PacketSet:
        """The packets that a rule may change."""
        found = PacketSet.nothing(self._space)
        for step in self._steps:
            for where, _ in step.changed:
                found = found | (packets & where)
        return found

    def leads(self, packets: PacketSet) -> PacketSet:
        """The packets as they may be afterwards."""
        for step in self._steps:
            packets = step.forward(packets)
        return packets

    def sources_of(self, packets: PacketSet, moved: bool = False) -> PacketSet:
        """The packets that may become one of these; with `moved`, those alone whose destination is translated."""
        touched = PacketSet.nothing(self._space)
        for step in reversed(self._steps):
            touched = step.backward(touched) | step.backward(packets, moved_only=True)
            packets = step.backward(packets)
        return touched if moved else packets

    def apart(self, packets: PacketSet) -> Iterator[PacketSet]:
        """The packets by the translation that they may meet; those that meet none come last.

        Source ports tell none apart: one translation has several classes of them, and each sender uses any.
        """
        for number, step in enumerate(self._steps):
            for where in step.alike():
                if own := packets & self._before(number, where):
                    yield own
                    packets = packets - own
        if packets:
            yield packets

    def _before(self, number: int, packets: PacketSet) -> PacketSet:
        for step in reversed(self._steps[:number]):
            packets = step.backward(packets)
        return packets


@dataclass(frozen=True, slots=True)
class _Step:
    """One stage on one way: which packets it leaves as they are, and which it changes how."""

    space: Space
    untouched: PacketSet
    changed: tuple[tuple[PacketSet, tuple[Change, ...]], ...]

    @classmethod
    def of(cls, space: Space, stage: Stage, fixed: Fixed) -> "_Step":
        made = StageMap(space, stage)
        root = made.guarded()
        either = Operation(_either)
        for field, values in fixed.items():
            root = space.assign(field, root, values, either)
        labels = {changes: bit for changes, bit in made.labels.items() if _rewrites(changes)}
        moving = sum(labels.values())
        where: PacketMap[int] = PacketMap(space, root)
        untouched = PacketSet.where(where, lambda value: bool(_integer(value) & ~moving))
        found = ((PacketSet.where(where, _has(bit)), changes) for changes, bit in labels.items())
        return cls(space, untouched, tuple((packets, changes) for packets, changes in found if packets))

    def alike(self) -> Iterable[PacketSet]:
        """The packets by how they are changed; together where changes differ for other source ports alone."""
        found: dict[Hashable, PacketSet] = {}
        for where, changes in self.changed:
            key = (free(where, Field.SPORT), tuple(change for change in changes if change.field is not Field.SPORT))
            found[key] = found.get(key, where) | where
        return found.values()

    def forward(self, packets: PacketSet) -> PacketSet:
        """The packets behind the stage."""
        found = packets & self.untouched
        for where, changes in self.changed:
            found = found | image(packets & where, changes)
        return found

    def backward(self, packets: PacketSet, moved_only: bool = False) -> PacketSet:
        """The packets before the stage that may become one of these."""
        found = PacketSet.nothing(self.space) if moved_only else packets & self.untouched
        for where, changes in self._meant(moved_only):
            led_there = packets & _results(self.space, changes)  # of many translations few lead there, and to few
            if led_there:
                found = found | (where & preimage(led_there, changes))
        return found

    def _meant(self, moved_only: bool) -> Iterator[tuple[PacketSet, tuple[Change, ...]]]:
        for where, changes in self.changed:
            if not moved_only or any(change.field in _DESTINATION for change in changes):
                yield where, changes


def image(packets: PacketSet, changes: tuple[Change, ...]) -> PacketSet:
    """The packets as these changes leave them; where one leaves a value open, with every value that it may take."""
    space = packets.space
    for change in changes:
        if change.shift is not None:
            packets = PacketSet(space, space.shift(change.field, packets.root, -change.shift))
        else:
            packets = free(packets, change.field)
        packets = packets & _holding(space, change.field, change.values)
    return packets


def preimage(packets: PacketSet, changes: tuple[Change, ...]) -> PacketSet:
    """The packets that these changes may make one of `packets`."""
    space, root, either = packets.space, packets.root, Operation(_or)
    for change in reversed(changes):
        if change.shift is not None:
            root = space.shift(change.field, root, change.shift)
        else:
            root = space.assign(change.field, root, change.values, either)
    return PacketSet(space, root)


def free(packets: PacketSet, *fields: Field) -> PacketSet:
    """The packets with every value in these fields."""
    root: Node = packets.root
    for field in fields:
        root = packets.space.assign(field, root, _EVERYTHING[field], Operation(_or))
    return PacketSet(packets.space, root)


def _results(space: Space, changes: tuple[Change, ...]) -> PacketSet:
    box = Box.of({change.field: change.values for change in changes})
    return PacketSet.of(space, [box] if box is not None else [])


def _holding(space: Space, field: Field, values: Intervals) -> PacketSet:
    box = Box.of({field: values})
    return PacketSet.of(space, [box] if box is not None else [])


def _rewrites(changes: tuple[Change, ...]) -> bool:
    return any(change.field in _ADDRESSED for change in changes)


def _has(bit: int) -> "_Test":
    return _Test(bit)


@dataclass(frozen=True, slots=True)
class _Test:
    bit: int

    def __call__(self, value: Hashable) -> bool:
        return bool(_integer(value) & self.bit)


def _integer(value: Hashable) -> int:
    assert isinstance(value, int)
    return value


def _either(one: Hashable, other: Hashable) -> int:
    return _integer(one) | _integer(other)


def _or(one: Hashable, other: Hashable) -> bool:
    return bool(one) or bool(other)
