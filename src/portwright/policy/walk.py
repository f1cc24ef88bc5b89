"""The walk of one packet through a policy: the obvious semantics, rule by rule.

The walk forks where a match or a verdict is uncertain and brings back every possible decider. It shares no code with
the algebra in `policy.algebra`, so that each can judge the other.

Theory of operation. `_Run.chain` collects the rules that the packet meets, up to the first that surely ends the chain,
and folds them from the back: what the packet meets *after* a rule is known when the rule is judged. That is why blame
means something: an uncertain rule is named only when matching and not matching lead to different ends of its chain, and
no longer where all of these come to the same in the chains that called it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from portwright.packets.box import Boxes
from portwright.packets.fields import Header
from portwright.packets.intervals import Intervals, contains, intersect
from portwright.policy.index import ChainIndex, Values
from portwright.policy.model import Chain, Change, Goto, Jump, Policy, Rewrite, Rule, Stage, Verdict


class Decided(Enum):
    """What a policy does with a packet, as far as it is known."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer and its reasons."""

    decided: Decided
    rule: Rule | None  # the first that blocks, or the last that accepts; None when undecided or no stage applied
    via: tuple[Rule, ...]  # every decider on the way, in order; as far as it is certain when undecided
    undecided_by: tuple[Rule, ...] = ()  # the uncertain rules that the answer hangs on
    headers: tuple[Values, ...] = ()  # the packet as it leaves, translated, one for each way it may be accepted


@dataclass(frozen=True, slots=True)
class _End:
    """One possible end of a chain or stage: CONTINUE and RETURN have no rule."""

    verdict: Verdict  # a single bit
    rule: Rule | None = None


_THROUGH = _End(Verdict.CONTINUE)


@dataclass(frozen=True, slots=True)
class _Ends:
    """All possible ends, the likeliest to be reported last, and the uncertain rules that make them differ."""

    ends: tuple[_End, ...]
    blame: tuple[Rule, ...] = ()

    def effects(self) -> set[tuple[Verdict, tuple[Change, ...]]]:
        """What the ends mean for the packet, whoever decides."""
        return {(end.verdict, changes_of(end.rule)) for end in self.ends}

    def replace(self, old: Verdict, new: Verdict) -> "_Ends":
        ends = (_End(new) if end.verdict is old else end for end in self.ends)
        return _Ends(tuple(dict.fromkeys(ends)), self.blame)

    def then(self, rest: "_Ends") -> "_Ends":
        """What follows where the packet went through."""
        if _THROUGH not in self.ends:
            return self
        kept = tuple(end for end in self.ends if end != _THROUGH)
        return _merge(_Ends(kept, self.blame), rest)


def _merge(one: _Ends, other: _Ends, doubtful: Rule | None = None) -> _Ends:
    """The ends of either; `doubtful` is to blame when it matters which, and nobody where all ends are alike."""
    blame = one.blame + other.blame
    if doubtful is not None and one.effects() != other.effects():
        blame += (doubtful,)
    merged = _Ends(_told(dict.fromkeys(one.ends + other.ends)), tuple(dict.fromkeys(blame)))
    return merged if len(merged.effects()) > 1 else _Ends(merged.ends)


def _told(ends: Iterable[_End]) -> tuple[_End, ...]:
    """Of each effect the first and the last end; the others say nothing more, and there may be thousands."""
    found: dict[tuple[Verdict, tuple[Change, ...]], list[_End]] = {}
    for end in ends:
        found.setdefault((end.verdict, changes_of(end.rule)), []).append(end)
    kept = {end for same in found.values() for end in (same[0], same[-1])}
    return tuple(end for end in ends if end in kept)


def changes_of(rule: Rule | None) -> tuple[Change, ...]:
    """How a deciding rule translates the packet."""
    return rule.action.changes if rule is not None and isinstance(rule.action, Rewrite) else ()


class Walker:
    """Answers for many packets against one policy."""

    def __init__(self, policy: Policy):
        self._stages = policy.stages
        self._indexes: dict[Chain, ChainIndex] = {}
        chains = (chain for stage in policy.stages if stage.translates for chain in stage.chains.values())
        self._translating = frozenset(rule for chain in chains for rule in chain.rules)

    def decide(self, header: Header | Values) -> Decision:
        """What the policy does with one packet."""
        answers = tuple(self._from(0, header))
        blocked = [answer for answer in answers if answer.verdict is not Verdict.ACCEPT]
        if blocked and len(blocked) < len(answers):
            via = _common_start([answer.via for answer in answers])
            return Decision(Decided.UNDECIDED, None, via, _blame(answers, blocked))
        drops = [answer for answer in blocked if answer.verdict is Verdict.DROP]
        chosen = (drops or answers)[-1]
        decided = Decided[Verdict(chosen.verdict).name or ""]
        return Decision(
            decided, self._reason(chosen), chosen.via, headers=tuple(dict.fromkeys(a.values for a in answers))
        )

    def _reason(self, answer: "_Answer") -> Rule | None:
        """The rule that blocks, or the last that accepts; one that is there to translate only where no other is."""
        if answer.verdict is Verdict.ACCEPT:
            for rule in reversed(answer.via):
                if rule not in self._translating:
                    return rule
        return answer.via[-1] if answer.via else None

    def _from(self, number: int, values: Values) -> Iterable["_Answer"]:
        """The possible answers of the stages from `number` on."""
        if number == len(self._stages):
            yield _Answer(Verdict.ACCEPT, (), (), values)
            return
        stage = self._stages[number]
        if not surely_meets(stage.scope, values):
            yield from self._from(number + 1, values)
        if meets(stage.scope, values):
            yield from self._through(number, values)

    def _through(self, number: int, values: Values) -> Iterable["_Answer"]:
        """The possible answers of the stages from `number` on, the packet being in the scope of that one."""
        stage = self._stages[number]
        ends = _Run(self, stage, values).base()
        passed: dict[Values, list[_Answer]] = {}
        for end in ends.ends:
            assert end.rule is not None, "a base chain ends in a default rule"
            if end.verdict is not Verdict.ACCEPT:
                yield _Answer(end.verdict, (end.rule,), ends.blame, values)
                continue
            after = apply(changes_of(end.rule), values)
            if after not in passed:
                passed[after] = list(self._from(number + 1, after))
            for rest in passed[after]:
                via = rest.via if stage.translates and end.rule.default else (end.rule, *rest.via)
                yield _Answer(rest.verdict, via, ends.blame + rest.blame, rest.values)

    def index(self, chain: Chain) -> ChainIndex:
        """The candidates' index of a chain, made when first needed."""
        if chain not in self._indexes:
            self._indexes[chain] = ChainIndex(chain.rules)
        return self._indexes[chain]


@dataclass(frozen=True, slots=True)
class _Answer:
    verdict: Verdict
    via: tuple[Rule, ...]
    blame: tuple[Rule, ...]
    values: Values


def _blame(answers: Sequence[_Answer], blocked: Sequence[_Answer]) -> tuple[Rule, ...]:
    """The rules that the answer hangs on: where only a stage's scope is in doubt, those that block inside."""
    doubtful = dict.fromkeys(rule for answer in answers for rule in answer.blame)
    return tuple(doubtful or dict.fromkeys(answer.via[-1] for answer in blocked))


def _common_start(ways: list[tuple[Rule, ...]]) -> tuple[Rule, ...]:
    common = []
    for rules in zip(*ways, strict=False):
        if len(set(rules)) > 1:
            break
        common.append(rules[0])
    return tuple(common)


class _Run:
    """One packet in one stage; each chain is run once."""

    def __init__(self, walker: Walker, stage: Stage, values: Values):
        self._walker = walker
        self._stage = stage
        self._values = values
        self._done: dict[str, _Ends] = {}

    def base(self) -> _Ends:
        """The ends of the stage: a packet that returns from the base chain meets its default."""
        default = self._stage.chains[self._stage.base].rules[-1]
        return self.chain(self._stage.base).replace(Verdict.RETURN, Verdict.CONTINUE).then(self._action(default))

    def chain(self, name: str) -> _Ends:
        if name not in self._done:
            self._done[name] = self._fold(self._met(self._stage.chains[name]))
        return self._done[name]

    def _met(self, chain: Chain) -> list[tuple[Rule, bool]]:
        """The rules that the packet meets and whether it surely matches, up to one that surely ends the chain."""
        met = []
        for rule in self._walker.index(chain).candidates(self._values):
            sure = surely_meets(rule.match.sure, self._values, rule.match.is_certain)
            met.append((rule, sure))
            if sure and _THROUGH not in self._action(rule).ends:
                break
        return met

    def _fold(self, met: list[tuple[Rule, bool]]) -> _Ends:
        rest = _Ends((_End(Verdict.RETURN),))  # off the end of a chain and RETURN are the same for whoever called it
        for rule, sure in reversed(met):
            matched = self._matched(rule, rest)
            rest = matched if sure else _merge(matched, rest, rule)
        return rest

    def _matched(self, rule: Rule, rest: _Ends) -> _Ends:
        """The ends of a packet that matches: an action of several verdicts is to blame when it matters which."""
        if not isinstance(rule.action, Verdict):
            return self._action(rule).then(rest)
        one, *others = (_Ends((_verdict_end(verdict, rule),)).then(rest) for verdict in rule.action)
        for other in others:
            one = _merge(one, other, rule)
        return one

    def _action(self, rule: Rule) -> _Ends:
        """The ends that the action of a matching rule may have."""
        match rule.action:
            case Jump(chain):
                return self.chain(chain).replace(Verdict.RETURN, Verdict.CONTINUE)
            case Goto(chain):
                return self.chain(chain)
            case Rewrite():
                return _Ends((_End(Verdict.ACCEPT, rule),))
            case verdicts:
                return _Ends(tuple(_verdict_end(verdict, rule) for verdict in verdicts))


_WITHOUT_RULE = Verdict.CONTINUE | Verdict.RETURN


def _verdict_end(verdict: Verdict, rule: Rule) -> _End:
    return _End(verdict) if verdict & _WITHOUT_RULE else _End(verdict, rule)


def decide(policy: Policy, header: Header | Values) -> Decision:
    """What the policy does with one packet; for many packets keep a `Walker`."""
    return Walker(policy).decide(header)


def meets(boxes: Boxes, values: Values) -> bool:
    """Report whether a packet, or one that it may be, is in the boxes."""
    return any(all(_overlaps(ranges, values[name]) for name, ranges in box.constraints) for box in boxes)


def surely_meets(boxes: Boxes, values: Values, known_candidate: bool = False) -> bool:
    """Report whether the packet is in the boxes whatever its unknown values are."""
    if known_candidate and all(isinstance(value, int) for value in values):
        return True
    return any(all(_within(ranges, values[name]) for name, ranges in box.constraints) for box in boxes)


def _overlaps(ranges: Intervals, value: int | Intervals) -> bool:
    return contains(ranges, value) if isinstance(value, int) else bool(intersect(ranges, value))


def _within(ranges: Intervals, value: int | Intervals) -> bool:
    return contains(ranges, value) if isinstance(value, int) else intersect(ranges, value) == value


def apply(changes: tuple[Change, ...], values: Values) -> Values:
    """The packet after translation; a value becomes unknown where the change leaves it open."""
    if not changes:
        return values
    after = list(values)
    for change in changes:
        after[change.field] = _changed(change, values[change.field])
    return tuple(after)


def _changed(change: Change, value: int | Intervals) -> int | Intervals:
    if change.shift is not None:
        if isinstance(value, int):
            return value + change.shift
        return tuple((first + change.shift, last + change.shift) for first, last in value)
    first, last = change.values[0]
    return first if len(change.values) == 1 and first == last else change.values
