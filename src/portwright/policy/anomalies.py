"""Shadowed and redundant rules of a stage, each with who makes it so.

A rule is *shadowed* when it can never decide: every packet that it possibly matches, of those that reach its chain, has
surely been decided before. It is *redundant* when its removal changes nothing, whether or not the shadowed rules have
been removed before: of two equal rules only the second is named, and no rule whose removal would wake a shadowed one.
Uncertain rules never shadow, and are never called redundant.

Theory of operation. Per chain one diagram whose leaves are `_Fate(label, rest, whole)`: the first rule that surely
decides, what the packets would meet behind that rule, and what they meet from the chain altogether. `_Fate.then` is
associative, so runs of plain rules are folded top-down and jumps are put between them.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from portwright.packets.box import Box
from portwright.packets.diagram import Node, Operation, Space
from portwright.packets.fields import Header
from portwright.packets.packetset import PacketSet
from portwright.policy.batches import batches
from portwright.policy.index import ChainIndex
from portwright.policy.model import Chain, Goto, Jump, Rewrite, Rule, Stage, Verdict

_NOBODY = -1
_CONTINUE, _RETURN = int(Verdict.CONTINUE), int(Verdict.RETURN)
_TRANSLATED = 32  # accepted, but as another packet: never the same as plain acceptance


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A rule that does nothing, and the rules that make it so (none: no packet that reaches the chain can match)."""

    kind: Literal["shadowed", "redundant"]
    rule: Rule
    chain: str
    because_of: tuple[Rule, ...]
    witness: Header | None  # shadowed: a packet that it matches; redundant: one that it decides


class _Fate(NamedTuple):
    label: int  # number of the first rule that surely decides, or _NOBODY
    rest: int  # verdict bits behind that rule
    whole: int  # verdict bits of the whole chain

    def then(self, other: "_Fate") -> "_Fate":
        if self.label == _NOBODY:
            return _Fate(other.label, other.rest, _first(self.whole, other.whole))
        if self.label == other.label:  # another box of the same rule
            return self
        return _Fate(self.label, _first(self.rest, other.whole), _first(self.whole, other.whole))


_NOT_ASKED = 0  # as `rest`: nobody asks whether a jump is redundant
_START = _Fate(_NOBODY, _CONTINUE, _CONTINUE)


def _first(one: int, other: int) -> int:
    return (one & ~_CONTINUE) | other if one & _CONTINUE else one


def _then(one: Hashable, other: Hashable) -> Hashable:
    assert isinstance(one, _Fate)
    assert isinstance(other, _Fate)
    return one.then(other)


def _is_settled(fate: Hashable) -> bool:
    return isinstance(fate, _Fate) and fate.label != _NOBODY and not fate.rest & _CONTINUE


def _is_start(fate: Hashable) -> bool:
    return fate == _START


def anomalies(stage: Stage) -> Iterator[Anomaly]:
    """The shadowed and redundant rules of a stage, chain by chain, in rule order; default rules are left out."""
    shadowed, redundant = _found(_Fates(stage, frozenset()))
    yield from shadowed
    gone = frozenset(anomaly.rule for anomaly in shadowed)
    if _overlap([anomaly.rule for anomaly in redundant], gone):
        still = {anomaly.rule for anomaly in _found(_Fates(stage, gone))[1]}
        redundant = [anomaly for anomaly in redundant if anomaly.rule in still]
    yield from redundant


def _found(fates: "_Fates") -> tuple[list[Anomaly], list[Anomaly]]:
    """The shadowed and the redundant rules; the maps, which may be large, are free again behind it."""
    reached = fates.reached()
    shadowed = [anomaly for chain in reached for anomaly in _shadowed(fates, chain)]
    return shadowed, [anomaly for chain in reached for anomaly in _redundant(fates, chain)]


def _overlap(rules: Iterable[Rule], others: Collection[Rule]) -> bool:
    """Report whether one of the rules and one of the others may match the same packet."""
    index = ChainIndex(tuple(others))
    boxes = (box for rule in rules for box in rule.match.possible)
    return any(True for box in boxes for _ in index.meeting(box, len(others)))


class _Fates:
    """The fate maps of the chains of one stage, some rules being ignored."""

    def __init__(self, stage: Stage, ignored: frozenset[Rule]):
        self.space = Space()
        self._stage = stage
        self._ignored = ignored
        self._maps: dict[str, Node] = {}
        self._operation = Operation(_then, left_wins=_is_settled, left_yields=_is_start, right_yields=_is_start)
        self._reached: list[Chain] | None = None
        self._arrivals: dict[str, PacketSet] = {stage.base: PacketSet.of(self.space, stage.scope)}

    def reached(self) -> list[Chain]:
        """The chains that packets can reach, callers before those they call; fills in who arrives where."""
        if self._reached is None:
            order = _topological(self._stage)
            for chain in order:
                if chain.name in self._arrivals:
                    self._call(chain)
            self._reached = [chain for chain in order if self._arrivals.get(chain.name)]
        return self._reached

    def _call(self, chain: Chain) -> None:
        """Add the packets that jump from this chain to the arrivals of the others."""
        arriving = self._arrivals[chain.name]
        for number, rule in enumerate(chain.rules):
            if isinstance(rule.action, Jump | Goto) and rule not in self._ignored:
                here = PacketSet.of(self.space, rule.match.possible) & arriving
                open_ = Operation(partial(_is_open, number), left_wins=_is_false)
                jumping = PacketSet(self.space, self.space.apply(open_, here.root, self.of(chain.name)))
                target = rule.action.chain
                self._arrivals[target] = self._arrivals.get(target, PacketSet.nothing(self.space)) | jumping

    def arriving(self, chain: Chain) -> Node:
        """The fates of the packets that reach the chain; None for the others."""
        operation = Operation(
            lambda here, fate: fate if here else None,
            left_yields=lambda here: here is True,
        )
        return self.space.apply(operation, self._arrivals[chain.name].root, self.of(chain.name))

    def of(self, name: str) -> Node:
        """The fate map of a chain, for every packet."""
        if name not in self._maps:
            parts = list(self._parts(self._stage.chains[name]))
            self._maps[name] = self._balanced(parts)
        return self._maps[name]

    def _parts(self, chain: Chain) -> Iterator[Node]:
        numbered = [(number, rule) for number, rule in enumerate(chain.rules) if rule not in self._ignored]
        for batch in batches(numbered):
            number, rule = batch[0]
            if isinstance(rule.action, Jump | Goto):
                yield self._jump(number, rule)
            else:
                entries = [entry for item in batch for entry in _entries(*item)]
                yield self.space.fold(entries, _then, _START, _is_settled)

    def _balanced(self, parts: list[Node]) -> Node:
        while len(parts) > 1:
            pairs = zip(parts[::2], [*parts[1::2], None], strict=False)
            parts = [one if other is None else self.space.apply(self._operation, one, other) for one, other in pairs]
            self._operation.cache.clear()  # no pair comes again
        return parts[0] if parts else self.space.leaf(_START)

    def _jump(self, number: int, rule: Rule) -> Node:
        assert isinstance(rule.action, Jump | Goto)
        goto = isinstance(rule.action, Goto)
        entries = [(box, True) for box in rule.match.sure] + [(box, False) for box in rule.match.possible]
        where = self.space.first_of(entries, None)

        def combine(sure: Hashable, fate: Hashable) -> Hashable:
            assert isinstance(fate, _Fate)
            ends = _back_in_caller(fate.whole, goto)
            if sure is None:
                return _START
            if sure and not ends & _CONTINUE:
                return _Fate(number, _NOT_ASKED, ends)
            return _Fate(_NOBODY, _CONTINUE, ends if sure else ends | _CONTINUE)

        return self.space.apply(Operation(combine), where, self.of(rule.action.chain))


def _back_in_caller(verdicts: int, goto: bool) -> int:
    """What the end of a called chain means to the caller: a jump goes on, a goto returns."""
    if not verdicts & (_CONTINUE | _RETURN):
        return verdicts
    return (verdicts & ~(_CONTINUE | _RETURN)) | (_RETURN if goto else _CONTINUE)


def _is_open(number: int, here: Hashable, fate: Hashable) -> bool:
    return bool(here) and _is_undecided_before(number, fate)


def _is_false(here: Hashable) -> bool:
    return here is False


def _is_undecided_before(number: int, fate: Hashable) -> bool:
    return not _NOBODY < _label(fate) < number


def _label(fate: Hashable) -> int:
    return fate.label if isinstance(fate, _Fate) else _NOBODY


def _entries(number: int, rule: Rule) -> Iterator[tuple[Box, Hashable]]:
    """A rule as boxes: a sure match of a certain verdict decides; everything else only adds to what may happen."""
    verdict = _TRANSLATED if isinstance(rule.action, Rewrite) else int(rule.action)  # type: ignore[arg-type]
    decides = not verdict & _CONTINUE
    for box in rule.match.sure:
        yield box, _Fate(number, _CONTINUE, verdict) if decides else _Fate(_NOBODY, _CONTINUE, verdict)
    if not rule.match.is_certain:
        for box in rule.match.possible:
            yield box, _Fate(_NOBODY, _CONTINUE, verdict | _CONTINUE)


def _topological(stage: Stage) -> list[Chain]:
    """The chains reachable from the base, every caller before what it calls. Readers refuse loops."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in done:
            for rule in stage.chains[name].rules:
                if isinstance(rule.action, Jump | Goto):
                    visit(rule.action.chain)
            done[name] = None

    visit(stage.base)
    return [stage.chains[name] for name in reversed(done)]


def _shadowed(fates: _Fates, chain: Chain) -> Iterator[Anomaly]:
    root = fates.arriving(chain)
    deciders = {_label(fate) for fate in fates.space.values(root)}
    index = ChainIndex(chain.rules)
    for number, rule in enumerate(chain.rules):
        if rule.default or number in deciders or rule.action == Verdict.CONTINUE:
            continue
        if _decides_where_it_matches(rule) or not _may_decide(fates.space, root, number, rule):
            yield Anomaly("shadowed", rule, chain.name, _shadowers(index, chain, number), None)


def _decides_where_it_matches(rule: Rule) -> bool:
    """Report whether the rule would stand in the map of deciders if it decided about any packet."""
    if isinstance(rule.action, Jump | Goto) or not rule.match.is_certain:
        return False
    return isinstance(rule.action, Rewrite) or Verdict.CONTINUE not in rule.action


def _may_decide(space: Space, root: Node, number: int, rule: Rule) -> bool:
    """Report whether some packet that the rule possibly matches gets as far as to it."""

    def undecided(fate: Hashable) -> bool:
        return fate is not None and _is_undecided_before(number, fate)

    return any(space.takes(root, undecided, box) for box in rule.match.possible)


def _shadowers(index: ChainIndex, chain: Chain, number: int) -> tuple[Rule, ...]:
    """The earlier rules that surely decide about the packets of a shadowed one: one if that is enough, else all."""
    rule = chain.rules[number]
    found: dict[Rule, None] = {}
    for box in rule.match.possible:
        earlier = [(at, other) for at, other in index.meeting(box, number) if _decides(other)]
        alone = next((other for _, other in earlier if any(box <= outer for outer in other.match.sure)), None)
        if alone is not None:
            found[alone] = None
            continue
        space = Space()
        rest = PacketSet.of(space, [box])
        for _, other in earlier:
            left = rest - PacketSet.of(space, other.match.sure)
            if left != rest:
                found[other] = None
            rest = left
            if not rest:
                break
    return tuple(found)


def _decides(rule: Rule) -> bool:
    """Report whether the rule ends the chain for what it surely matches (a jump: perhaps)."""
    return not isinstance(rule.action, Verdict) or Verdict.CONTINUE not in rule.action


def _redundant(fates: _Fates, chain: Chain) -> Iterator[Anomaly]:
    root = fates.arriving(chain)
    rests: defaultdict[int, set[int]] = defaultdict(set)
    for fate in fates.space.values(root):
        if isinstance(fate, _Fate):
            rests[fate.label].add(fate.rest)
    index = ChainIndex(chain.rules)
    samples = {_label(fate): header for fate, header in fates.space.samples(root).items()}
    for number, rule in enumerate(chain.rules):
        if _may_be_redundant(rule) and rests.get(number) == {int(rule.action)}:  # type: ignore[arg-type]
            witness = samples[number]
            yield Anomaly("redundant", rule, chain.name, _deciders_behind(index, rule, witness), witness)


def _may_be_redundant(rule: Rule) -> bool:
    return not rule.default and rule.match.is_certain and isinstance(rule.action, Verdict) and len(rule.action) == 1


def _deciders_behind(index: ChainIndex, rule: Rule, witness: Header) -> tuple[Rule, ...]:
    """The first rule behind `rule` that surely does the same with the witness."""
    behind = False
    for candidate in index.candidates(witness):
        if behind and candidate.match.is_certain and candidate.action == rule.action:
            return (candidate,)
        behind = behind or candidate is rule
    return ()
