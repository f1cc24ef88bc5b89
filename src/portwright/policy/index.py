"""Finds the rules of a chain that a packet may match, without trying each.

Per field, the cut points of all rules split the domain into pieces, and each piece has a bit mask of the boxes that
admit it. The masks of a packet's values, and-ed, are exactly the boxes that contain it.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals
from portwright.policy.model import Rule

Values = tuple[int | Intervals, ...]  # a header in Field order; Intervals where a value is not known exactly


@dataclass(frozen=True, slots=True)
class _Pieces:
    """One field: piece i begins at cuts[i] and ends before cuts[i + 1]."""

    field: Field
    cuts: list[int]  # ascending; the first is 0
    masks: list[int]  # bit b of masks[i]: box b admits the values of piece i

    def mask(self, value: int | Intervals) -> int:
        """The boxes that admit the value, or some of the values."""
        if isinstance(value, int):
            return self.masks[bisect_right(self.cuts, value) - 1]
        admitted = 0
        for first, last in value:
            for piece in range(bisect_right(self.cuts, first) - 1, bisect_right(self.cuts, last)):
                admitted |= self.masks[piece]
        return admitted


class ChainIndex:
    """The rules of one chain, ready to be asked for the candidates of many packets."""

    def __init__(self, rules: Sequence[Rule]):
        self.rules = rules
        boxes = [(at, box) for at, rule in enumerate(rules) for box in rule.match.possible]
        self._owner = [at for at, _ in boxes]
        self._all = (1 << len(boxes)) - 1
        fields = sorted({name for _, box in boxes for name, _ in box.constraints})
        self._fields = [_pieces(name, [box for _, box in boxes]) for name in fields]

    def meeting(self, box: Box, first: int, end: int) -> Iterator[tuple[int, Rule]]:
        """The rules from number `first` on and before `end` that possibly match some packet of the box, numbered."""
        mask = (1 << bisect_left(self._owner, end)) - (1 << bisect_left(self._owner, first))
        constrained = dict(box.constraints)
        for pieces in self._fields:
            if pieces.field in constrained:
                mask &= pieces.mask(constrained[pieces.field])
        return ((number, self.rules[number]) for number in self._numbers(mask))

    def candidates(self, values: Values) -> Iterator[Rule]:
        """The rules that possibly match, in order, each once."""
        mask = self._all
        for pieces in self._fields:
            mask &= pieces.mask(values[pieces.field])
        return (self.rules[number] for number in self._numbers(mask))

    def _numbers(self, mask: int) -> Iterator[int]:
        """The owners of the boxes of a mask, in order, each once."""
        previous = -1
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            owner = self._owner[lowest.bit_length() - 1]
            if owner != previous:
                previous = owner
                yield owner


def _pieces(name: Field, boxes: Sequence[Box]) -> _Pieces:
    toggled: defaultdict[int, int] = defaultdict(int)  # value -> boxes that begin or cease to admit there
    for bit, box in enumerate(boxes):
        for first, last in box.get(name):
            toggled[first] ^= 1 << bit
            toggled[last + 1] ^= 1 << bit
    cuts, masks, running = [], [], 0
    for cut in sorted({0, *toggled}):
        running ^= toggled[cut]
        cuts.append(cut)
        masks.append(running)
    return _Pieces(name, cuts, masks)
