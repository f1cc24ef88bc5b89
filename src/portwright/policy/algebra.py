"""The meaning of a policy as one map: every packet to the set of verdicts that it may meet.

Proved: the set is {ACCEPT}. Missing: ACCEPT is not in it. Undecided: both. Chains are composed as diagrams: `first`
replaces CONTINUE in one map by the next, a jump is the target's map on the packets that match, a goto turns the
target's CONTINUE into RETURN, and at the end of a chain RETURN becomes CONTINUE. The algebra shares no code with the
walk in `policy.walk`, so that each can judge the other.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import eq

from portwright.packets.diagram import Node, Operation, PacketMap, Priority, Space
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet
from portwright.policy.batches import batches
from portwright.policy.model import Chain, Change, Goto, Jump, Policy, Rewrite, Rule, Stage, Verdict

ACCEPT, DROP, REJECT, CONTINUE, RETURN = (int(verdict) for verdict in Verdict)
VERDICTS = ACCEPT | DROP | REJECT
SOURCE_MOVED, DESTINATION_MOVED = 32, 64  # pseudo-verdicts: on some way the packet leaves translated
_FIRST_LABEL = 128  # bits from here on, inside one stage: "accepted, translated in this way"
_MOVES = {
    Field.SRC: SOURCE_MOVED,
    Field.SPORT: SOURCE_MOVED,
    Field.DST: DESTINATION_MOVED,
    Field.DPORT: DESTINATION_MOVED,
}


def first(one: Hashable, other: Hashable) -> Hashable:
    """Verdicts one after the other: CONTINUE in the first is replaced by the second."""
    assert isinstance(one, int)
    assert isinstance(other, int)
    return (one & ~CONTINUE) | other if one & CONTINUE else one


def settles(value: Hashable) -> bool:
    """Report whether nothing that follows matters."""
    return isinstance(value, int) and not value & CONTINUE


def _goes_through(value: Hashable) -> bool:
    return value == CONTINUE


def _either(one: Hashable, other: Hashable) -> Hashable:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return one | other


Translations = dict[tuple[Change, ...], int]  # every translation met, numbered


def is_sure(value: Hashable) -> bool:
    """Report whether a value of a verdict map means that the packet surely passes."""
    return isinstance(value, int) and value & VERDICTS == ACCEPT


def is_possible(value: Hashable) -> bool:
    """Report whether a value of a verdict map means that the packet may pass."""
    return isinstance(value, int) and bool(value & ACCEPT)


def _first_operation() -> Operation:
    return Operation(first, left_wins=settles, left_yields=_goes_through, right_yields=_goes_through)


class PolicyMap:
    """The verdict map of one policy in one space, and the sets that proofs are made of."""

    def __init__(self, space: Space, policy: Policy, translations: Translations | None = None):
        """With `translations`, which several maps may share, values also tell how an accepted packet is translated."""
        self.space = space
        self._translations = translations
        self._first = _first_operation()
        self._either = Operation(_either)
        self.verdicts: PacketMap[int] = PacketMap(space, self._pipeline(policy.stages))

    def sure(self) -> PacketSet:
        """The packets that surely pass."""
        return PacketSet.where(self.verdicts, is_sure)

    def possible(self) -> PacketSet:
        """The packets that may pass."""
        return PacketSet.where(self.verdicts, is_possible)

    def _pipeline(self, stages: Sequence[Stage]) -> Node:
        rest = self.space.leaf(ACCEPT)
        for stage in reversed(stages):
            rest = StageMap(self.space, stage, self._first).then(rest, self._either, self._translations)
        return rest


class AcceptingRules:
    """Which rule of a stage lets a packet go on: the first that may, per packet."""

    def __init__(self, space: Space, stage: Stage):
        self._numbers: dict[Rule, int] = {}  # of the accepting rules, from 1 on
        self._space = space
        first = Operation(_first_label, left_wins=settles, left_yields=_goes_through, right_yields=_goes_through)
        self._root = StageMap(space, stage, first, self._number).guarded()
        self._inside = Operation(_number_of, left_wins=_is_outside)

    def _number(self, rule: Rule) -> int:
        """The value of a rule: its verdicts, and above them its number when it accepts."""
        verdicts = ACCEPT if isinstance(rule.action, Rewrite) else int(rule.action)  # type: ignore[arg-type]
        if not verdicts & ACCEPT:
            return verdicts
        return verdicts | self._numbers.setdefault(rule, len(self._numbers) + 1) * _FIRST_LABEL

    def parts(self, packets: PacketSet) -> dict[Rule | None, PacketSet]:
        """The packets by the rule that lets them go on; None for those that no rule accepts."""
        labels: PacketMap[int] = PacketMap(self._space, self._space.apply(self._inside, packets.root, self._root))
        rules = (None, *self._numbers)
        return {
            rules[number - 1]: PacketSet.where(labels, partial(eq, number)) for number in sorted(labels.values() - {0})
        }


def _is_outside(inside: Hashable) -> bool:
    return inside is False


def _number_of(_inside: Hashable, value: Hashable) -> int:
    """The number of a rule and one, as the packets outside have none."""
    assert isinstance(value, int)
    return value // _FIRST_LABEL + 1


def _first_label(one: Hashable, other: Hashable) -> Hashable:
    """`first` on verdicts with a rule number above them: the first number stays."""
    assert isinstance(one, int)
    assert isinstance(other, int)
    if not one & CONTINUE:
        return one
    number = one // _FIRST_LABEL or other // _FIRST_LABEL
    return ((one & ~CONTINUE) | other) % _FIRST_LABEL | number * _FIRST_LABEL


class StageMap:
    """One stage as a map to verdicts and translations."""

    def __init__(
        self, space: Space, stage: Stage, first: Operation | None = None, value_of: Callable[[Rule], int] | None = None
    ):
        self._space = space
        self._stage = stage
        self._operation = first or _first_operation()
        self._value = value_of or self._labelled
        self._chains: dict[str, Node] = {}
        self._labels: dict[tuple[Change, ...], int] = {(): ACCEPT}  # how accepted packets are translated -> bit
        self._translating: dict[tuple[Change, ...], dict[Rule, None]] = {}  # which rules ask for it

    def then(self, rest: Node, either: Operation, translations: Translations | None) -> Node:
        """The map of this stage followed by `rest`, which accepted packets enter translated."""
        root = self.guarded()
        gather = Operation(_gathered, left_yields=_is_nothing, right_yields=_is_nothing)
        behind = self._balanced(gather, list(self._behind(rest, either, translations)))
        accepting = sum(self._labels.values())
        return self._space.apply(_continued(accepting), root, behind)

    def _behind(self, rest: Node, either: Operation, translations: Translations | None) -> Iterator[Node]:
        """For each way of being accepted, where a rule may ask for it, what comes behind; packed as `_Behind`."""
        for changes, bit in self._labels.items():
            moved = sum({_MOVES[change.field] for change in changes if change.field in _MOVES})
            if translations is not None and changes:
                moved |= _FIRST_LABEL << translations.setdefault(changes, len(translations))
            boxes = [box for rule in self._translating.get(changes, ()) for box in rule.match.possible]
            where = self._space.first_of([(box, True) for box in boxes], False) if changes else self._space.leaf(True)
            before = _before(self._space, rest, changes, either)
            yield self._space.apply(_packing(bit, moved), where, before)

    def base(self) -> Node:
        """The map of the base chain, its default taking what returns."""
        default = self._leaf_of(self._stage.chains[self._stage.base].rules[-1])
        chain = self._space.map(_returns_become_continue, self.chain(self._stage.base))
        return self._then(chain, default)

    def guarded(self) -> Node:
        """The map of the stage: packets out of its scope are accepted untouched."""
        inside = self._space.first_of([(box, CONTINUE) for box in self._stage.scope], ACCEPT)
        return self._then(inside, self.base())

    @property
    def labels(self) -> Mapping[tuple[Change, ...], int]:
        """How accepted packets are translated, each way with its bit in the values; of the maps made so far."""
        return self._labels

    def chain(self, name: str) -> Node:
        """The map of a chain: CONTINUE where a packet falls off its end, RETURN where a rule returns."""
        if name not in self._chains:
            self._chains[name] = self._run(self._stage.chains[name])
        return self._chains[name]

    def _run(self, chain: Chain) -> Node:
        parts = [self._part([rule for _, rule in batch]) for batch in batches(enumerate(chain.rules))]
        return self._balanced(self._operation, parts or [self._space.leaf(CONTINUE)])

    def _part(self, rules: Sequence[Rule]) -> Node:
        if isinstance(rules[0].action, Jump | Goto):
            return self._jump(rules[0])
        return self._plain([entry for rule in rules for entry in self._entries(rule)])

    def _balanced(self, operation: Operation, parts: list[Node]) -> Node:
        """An associative operation over parts as a balanced tree: small maps combine cheaply."""
        while len(parts) > 1:
            pairs = zip(parts[::2], [*parts[1::2], None], strict=False)
            parts = [one if other is None else self._space.apply(operation, one, other) for one, other in pairs]
        return parts[0]

    def _then(self, one: Node, other: Node) -> Node:
        return self._space.apply(self._operation, one, other)

    def _plain(self, entries: list[Priority]) -> Node:
        if all(settles(value) for _, value in entries):
            return self._space.first_of(entries, CONTINUE)
        return self._space.fold(entries, self._operation.combine, CONTINUE, settles)

    def _entries(self, rule: Rule) -> Iterable[Priority]:
        """A rule as boxes with values: where it surely matches, then where it possibly does."""
        value = self._value(rule)
        yield from ((box, value) for box in rule.match.sure)
        if not rule.match.is_certain:
            yield from ((box, value | CONTINUE) for box in rule.match.possible)

    def _labelled(self, rule: Rule) -> int:
        """The verdicts of a rule, or the bit of its translation."""
        if not isinstance(rule.action, Rewrite):
            assert isinstance(rule.action, Verdict)
            return int(rule.action)
        changes = rule.action.changes
        self._translating.setdefault(changes, {})[rule] = None
        return self._labels.setdefault(changes, _FIRST_LABEL << len(self._labels))

    def _leaf_of(self, rule: Rule) -> Node:
        return self._space.leaf(self._value(rule))

    def _jump(self, rule: Rule) -> Node:
        assert isinstance(rule.action, Jump | Goto)
        target = self.chain(rule.action.chain)
        ends = _continue_becomes_return if isinstance(rule.action, Goto) else _returns_become_continue
        target = self._space.map(ends, target)
        skipped = -1  # a value no chain has: "the rule does not match here"
        entries: list[Priority] = [(box, 0) for box in rule.match.sure]
        entries += [(box, CONTINUE) for box in rule.match.possible]
        where = self._space.first_of(entries, skipped)
        return self._space.apply(_restricting(skipped), where, target)


def _returns_become_continue(value: Hashable) -> Hashable:
    assert isinstance(value, int)
    return (value & ~RETURN) | CONTINUE if value & RETURN else value


def _continue_becomes_return(value: Hashable) -> Hashable:
    assert isinstance(value, int)
    return (value & ~CONTINUE) | RETURN if value & CONTINUE else value


def _restricting(skipped: int) -> Operation:
    """Where the left map is 0 the right one, where CONTINUE the right one or CONTINUE, else CONTINUE."""

    def combine(where: Hashable, target: Hashable) -> Hashable:
        assert isinstance(where, int)
        assert isinstance(target, int)
        return CONTINUE if where == skipped else where | target

    return Operation(combine, left_yields=lambda where: where == 0)


_Behind = frozenset[tuple[int, int]]  # bit of an accepting label, verdicts behind it; False: nothing


def _is_nothing(behind: Hashable) -> bool:
    return behind is False


def _packing(bit: int, moved: int) -> Operation:
    """Verdicts behind a label where it may occur, marked as `moved` where they accept; elsewhere nothing."""

    def combine(_here: Hashable, verdicts: Hashable) -> _Behind:
        assert isinstance(verdicts, int)
        return frozenset({(bit, verdicts | (moved if verdicts & ACCEPT else 0))})

    return Operation(combine, left_wins=_is_nothing)


def _gathered(one: Hashable, other: Hashable) -> Hashable:
    assert isinstance(one, frozenset)
    assert isinstance(other, frozenset)
    return one | other


def _continued(accepting: int) -> Operation:
    """The accepting bits of the left value are replaced by what comes behind them."""

    def combine(verdicts: Hashable, behind: Hashable) -> int:
        assert isinstance(verdicts, int)
        assert isinstance(behind, frozenset)
        result = verdicts & ~accepting
        for bit, after in behind:
            result |= after if verdicts & bit else 0
        return result

    return Operation(combine, left_wins=lambda verdicts: isinstance(verdicts, int) and not verdicts & accepting)


def _before(space: Space, root: Node, changes: tuple[Change, ...], either: Operation) -> Node:
    """The map that packets meet who will be translated by `changes` and then meet `root`."""
    for change in changes:
        if change.shift is not None:
            root = space.shift(change.field, root, change.shift)
        else:
            root = space.assign(change.field, root, change.values, either)
    return root
