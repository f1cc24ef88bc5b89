"""Shadowed and redundant rules of a stage, each with who makes it so.

A rule is *shadowed* when it can never decide: every packet that it possibly matches, of those that reach its chain, has
surely been decided before. It is *redundant* when its removal changes nothing, whether or not the shadowed rules have
been removed before: of two equal rules only the second is named, and no rule whose removal would wake a shadowed one.
Uncertain rules never shadow, and are never called redundant.

Theory of operation. Every question is asked rule by rule, of the few other rules that meet its boxes. A familiar packet
usually refutes it: one that reaches the rule undecided, or that what stands behind would treat otherwise. Only where
no packet at hand does is the set of all packets built, in a scratch space that goes with the question: the packets
of the rule less those that whole blocks of rules decide, whose maps are made once, and those of the rules between.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain as chained
from itertools import islice
from typing import Literal

from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import Node, Priority, Space
from portwright.packets.fields import Field, Header
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import CONTINUE, RETURN, StageMap, first, settles
from portwright.policy.index import ChainIndex
from portwright.policy.model import Chain, Goto, Jump, Rewrite, Rule, Stage, Verdict

_TRANSLATED = 32  # accepted, but as another packet: never the same as plain acceptance
_ANYTHING = 31  # every verdict bit
_BLOCK = 64  # rules whose maps are made together; 32 to 128 differ little
_TRIED = 24  # rules behind, each of which may show by a packet that a rule is not redundant


_NOBODY: frozenset[Rule] = frozenset()  # no rule is thought away

Numbered = tuple[int, Rule]  # a rule and its place in the chain


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A rule that does nothing, and the rules that make it so (none: no packet that reaches the chain can match)."""

    kind: Literal["shadowed", "redundant"]
    rule: Rule
    chain: str
    because_of: tuple[Rule, ...]
    witness: Header | None  # of a redundant rule: a packet that it decides


def anomalies(stage: Stage) -> Iterator[Anomaly]:
    """The shadowed rules of a stage, then the redundant ones, in rule order; default rules are left out."""
    visits = _visits(stage)
    shadowed = [anomaly for visit in visits for anomaly in visit.shadowed()]
    yield from shadowed
    gone = frozenset(anomaly.rule for anomaly in shadowed)
    for visit in visits:
        yield from visit.redundant(gone)


def _visits(stage: Stage) -> list["_Visit"]:
    """The chains that packets can reach, callers before those they call."""
    space = Space()
    verdicts = StageMap(space, stage)
    arriving: dict[str, PacketSet] = {stage.base: PacketSet.of(space, stage.scope)}
    visits = []
    for chain in _topological(stage):
        if arriving.get(chain.name):
            visit = _Visit(chain, arriving[chain.name], verdicts)
            visits.append(visit)
            for target, packets in visit.calls():
                arriving[target] = arriving.get(target, PacketSet.nothing(space)) | packets
    return visits


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


class _Visit:
    """One chain with the packets that reach it."""

    def __init__(self, chain: Chain, arriving: PacketSet, verdicts: StageMap):
        self._chain = chain
        self._arriving = arriving
        self._index = ChainIndex(chain.rules)
        self._blocks: dict[tuple[int, bool], _Block] = {}
        self._ends = {  # jump -> the packets that surely do not come back from it
            rule: _ends(rule, arriving.space, verdicts) for rule in chain.rules if isinstance(rule.action, Jump | Goto)
        }

    # ------------------------------------------------------------------ who gets where

    def calls(self) -> Iterator[tuple[str, PacketSet]]:
        """The chains called and the packets that jump there."""
        for number, rule in enumerate(self._chain.rules):
            if isinstance(rule.action, Jump | Goto):
                yield rule.action.chain, self._undecided(number, self._earlier(number), scratch=False)

    def _undecided(self, number: int, earlier: list[Numbered], scratch: bool = True) -> PacketSet:
        """The packets that a rule possibly matches and no earlier one surely decides."""
        boxes = self._chain.rules[number].match.possible
        whole = sorted({at // _BLOCK for at, _ in earlier} - {number // _BLOCK})
        deciding = [self._block(block, _NOBODY).decided for block in whole]
        deciding += [self._ends[rule] for _, rule in earlier if rule in self._ends]
        space = self._arriving.space.scratch() if scratch else self._arriving.space
        rest = self._arriving.within(space) & PacketSet.of(space, boxes)
        for decided in deciding:
            rest = rest - decided.within(space)
        between = (rule for at, rule in earlier if at // _BLOCK == number // _BLOCK and rule not in self._ends)
        return rest - PacketSet.of(space, [part for rule in between for part in _parts(rule, boxes)])

    def _block(self, number: int, gone: frozenset[Rule]) -> "_Block":
        """What the rules of a block do together, some of them thought away."""
        rules = [rule for rule in self._chain.rules[number * _BLOCK : (number + 1) * _BLOCK] if rule not in gone]
        key = (number, bool(gone) and len(rules) < _BLOCK)
        if key not in self._blocks:
            self._blocks[key] = _Block.of(self._arriving.space, rules)
        return self._blocks[key]

    def _earlier(self, number: int) -> list[Numbered]:
        """The rules before that may surely decide about some packet of a rule, in order."""
        boxes = self._chain.rules[number].match.possible
        return [(at, rule) for at, rule in self._meeting(boxes, 0, number) if _decides(rule)]

    def _later(self, number: int) -> list[Numbered]:
        """The rules behind that possibly match some packet of a rule, in order."""
        return self._meeting(self._chain.rules[number].match.possible, number + 1, len(self._chain.rules))

    def _meeting(self, boxes: Boxes, start: int, end: int) -> list[Numbered]:
        found = [numbered for box in boxes for numbered in self._index.meeting(box, start, end)]
        return found if len(boxes) == 1 else sorted(set(found), key=_number)

    def _comes_to(self, rule: Rule, header: Header) -> bool:
        """Report whether a packet reaches the chain and, undecided, the rule."""
        if header not in self._arriving:
            return False
        for other in self._index.candidates(header):
            if other is rule:
                return True
            if self._surely_decides(other, header):
                return False
        return False

    def _surely_decides(self, rule: Rule, header: Header) -> bool:
        if rule in self._ends:
            return header in self._ends[rule]
        return _decides(rule) and _matches(rule, header)

    # ------------------------------------------------------------------ shadowed

    def shadowed(self) -> Iterator[Anomaly]:
        """The rules that can never decide, with those that decide before them."""
        for number, rule in enumerate(self._chain.rules):
            if not rule.default and rule.action != Verdict.CONTINUE and not self._is_alive(rule):
                causes = self._shadowers(number, self._earlier(number))
                if causes is not None:
                    yield Anomaly("shadowed", rule, self._chain.name, causes, None)

    def _is_alive(self, rule: Rule) -> bool:
        """Report whether a packet at hand comes to the rule; if none does, others may."""
        return any(self._comes_to(rule, header) for box in rule.match.possible for header in _corners(box))

    def _shadowers(self, number: int, earlier: list[Numbered]) -> tuple[Rule, ...] | None:
        """The earlier rules that shadow one: one if that is enough, else all; None when it is not shadowed."""
        boxes = self._chain.rules[number].match.possible
        alone = next((rule for _, rule in earlier if rule not in self._ends and _contains_all(rule, boxes)), None)
        if alone is not None:
            return (alone,)
        if self._undecided(number, earlier):
            return None
        space = self._arriving.space.scratch()
        rest = self._arriving.within(space) & PacketSet.of(space, boxes)
        return tuple(self._taking(rest, boxes, [rule for _, rule in earlier]))

    def _taking(self, rest: PacketSet, boxes: Boxes, rules: list[Rule]) -> Iterator[Rule]:
        """The rules that take packets of a set, until none is left."""
        for rule in rules:
            if not rest:
                return
            ends = self._ends.get(rule)
            taken = ends.within(rest.space) if ends is not None else PacketSet.of(rest.space, _parts(rule, boxes))
            if rest & taken:
                yield rule
                rest = rest - taken

    # ------------------------------------------------------------------ redundant

    def redundant(self, shadowed: frozenset[Rule]) -> Iterator[Anomaly]:
        """The rules whose removal changes nothing, with the rule behind that does the same."""
        for number, rule in enumerate(self._chain.rules):
            if rule in shadowed or not _may_be_redundant(rule):
                continue
            later = self._later(number)
            if self._is_refuted(rule, later):
                continue
            decided = self._undecided(number, self._earlier(number))
            thought_away = [_NOBODY, shadowed] if any(other in shadowed for _, other in later) else [_NOBODY]
            if all(self._is_done_behind(number, later, decided, gone) for gone in thought_away):
                witness = decided.witness()
                yield Anomaly("redundant", rule, self._chain.name, self._first_behind(rule, witness), witness)

    def _is_refuted(self, rule: Rule, later: list[Numbered]) -> bool:
        """Report whether some packet at hand is treated otherwise without the rule."""
        others = (other for _, other in later if other.action != rule.action)
        meeting = (
            outer & box
            for other in islice(others, _TRIED)
            for outer in other.match.possible[:1]
            for box in rule.match.sure
        )
        tried = chained(rule.match.sure, (box for box in meeting if box is not None))
        headers = chained.from_iterable(_corners(box) for box in tried)
        return any(self._comes_to(rule, header) and not self._same_behind(rule, header) for header in headers)

    def _same_behind(self, rule: Rule, header: Header) -> bool:
        """Report whether the rules behind do to a packet what the rule does."""
        behind = False
        for other in self._index.candidates(header):
            if behind and other.action == rule.action and _matches(other, header):
                return True
            if behind and other.action not in (rule.action, Verdict.CONTINUE):
                return False
            behind = behind or other is rule
        return False

    def _is_done_behind(self, number: int, later: list[Numbered], rest: PacketSet, gone: frozenset[Rule]) -> bool:
        """Report whether the rules behind do to all of `rest`, the packets that a rule decides, what the rule does."""
        rule, own = self._chain.rules[number], number // _BLOCK
        between = [other for at, other in later if at // _BLOCK == own and other not in gone]
        blocks = sorted({at // _BLOCK for at, _ in later} - {own})
        maps = [_Block.of(self._arriving.space, between), *(self._block(block, gone) for block in blocks)]
        otherwise = [block.doing_otherwise(int(rule.action)) for block in maps]  # type: ignore[arg-type]
        space = self._arriving.space.scratch()
        rest = rest.within(space)
        for block, other in zip(maps, otherwise, strict=True):
            if rest & other.within(space):
                return False
            rest = rest - block.decided.within(space)
        return not rest

    def _first_behind(self, rule: Rule, witness: Header) -> tuple[Rule, ...]:
        """The first rule behind `rule` that surely does the same with the witness."""
        behind = False
        for candidate in self._index.candidates(witness):
            if behind and candidate.match.is_certain and candidate.action == rule.action:
                return (candidate,)
            behind = behind or candidate is rule
        return ()


@dataclass(frozen=True, slots=True)
class _Block:
    """Rules one after the other: the verdicts that packets may meet, and those that surely get one."""

    verdicts: Node
    decided: PacketSet
    otherwise: dict[int, PacketSet]

    @classmethod
    def of(cls, space: Space, rules: Iterable[Rule]) -> "_Block":
        """The block of these rules; where a jump leads is not looked at."""
        entries = [entry for rule in rules for entry in _entries(rule)]
        verdicts = space.fold(entries, first, CONTINUE, settles)
        return cls(verdicts, PacketSet(space, space.map(settles, verdicts)), {})

    def doing_otherwise(self, action: int) -> PacketSet:
        """The packets to which some rule may do anything but the action."""
        if action not in self.otherwise:
            space = self.decided.space
            same = action | CONTINUE
            others = space.map(lambda value: isinstance(value, int) and bool(value & ~same), self.verdicts)
            self.otherwise[action] = PacketSet(space, others)
        return self.otherwise[action]


def _number(numbered: Numbered) -> int:
    return numbered[0]


def _ends(rule: Rule, space: Space, verdicts: StageMap) -> PacketSet:
    """The packets that a jump surely takes and that do not come back to the rule behind it."""
    assert isinstance(rule.action, Jump | Goto)
    sure = PacketSet.of(space, rule.match.sure)
    if isinstance(rule.action, Goto):
        return sure
    back = CONTINUE | RETURN
    final = space.map(lambda value: isinstance(value, int) and not value & back, verdicts.chain(rule.action.chain))
    return sure & PacketSet(space, final)


def _decides(rule: Rule) -> bool:
    """Report whether the rule ends the chain for what it surely matches (a jump: perhaps)."""
    return not isinstance(rule.action, Verdict) or Verdict.CONTINUE not in rule.action


def _matches(rule: Rule, header: Header) -> bool:
    """Report whether a rule that possibly matches a packet surely does."""
    return rule.match.is_certain or any(header in box for box in rule.match.sure)


def _parts(rule: Rule, boxes: Iterable[Box]) -> Iterator[Box]:
    """What a rule surely matches of some boxes."""
    found = (outer & box for outer in rule.match.sure for box in boxes)
    return (part for part in found if part is not None)


def _contains_all(rule: Rule, boxes: Iterable[Box]) -> bool:
    return all(any(box <= outer for outer in rule.match.sure) for box in boxes)


def _corners(box: Box) -> Iterator[Header]:
    """Two packets of a box: all values smallest, all largest."""
    yield tuple(box.get(name)[0][0] for name in Field)
    yield tuple(box.get(name)[-1][1] for name in Field)


def _may_be_redundant(rule: Rule) -> bool:
    certain = rule.match.is_certain and isinstance(rule.action, Verdict) and len(rule.action) == 1
    return certain and not rule.default and rule.action != Verdict.CONTINUE


def _entries(rule: Rule) -> Iterator[Priority]:
    """A rule as what it may do to the packets of its boxes; where it leads elsewhere, anything."""
    if isinstance(rule.action, Jump | Goto):
        yield from ((box, _ANYTHING) for box in rule.match.possible)
        return
    value = _TRANSLATED if isinstance(rule.action, Rewrite) else int(rule.action)
    yield from ((box, value) for box in rule.match.sure)
    if not rule.match.is_certain:
        yield from ((box, value | CONTINUE) for box in rule.match.possible)
