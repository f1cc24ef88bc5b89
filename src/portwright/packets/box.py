"""Boxes: products of intervals over header fields, and matches built of them.

A box says which values each field may have; a field it does not name may have any. A *match* has two unions of boxes:
the packets it surely matches and those it possibly matches. They differ where Portwright could not model what the
configuration says, and then `doubts` says what and where.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portwright.packets import intervals
from portwright.packets.fields import AH, LAST, Field, Header
from portwright.packets.intervals import Intervals
from portwright.source import Source


@dataclass(frozen=True, slots=True)
class Box:
    """The packets whose every named field has one of the given values."""

    constraints: tuple[tuple[Field, Intervals], ...] = ()  # in Field order; no field twice; none empty or full

    @classmethod
    def of(cls, constraints: Mapping[Field, Intervals]) -> "Box | None":
        """The box with these constraints; None when some field has no value left."""
        kept = []
        for name in sorted(constraints):
            ranges = constraints[name]
            if not ranges:
                return None
            if ranges != ((0, LAST[name]),):
                kept.append((name, ranges))
        return cls(tuple(kept))

    def __and__(self, other: "Box") -> "Box | None":
        """The packets in both; None when there are none."""
        merged = dict(self.constraints)
        for name, ranges in other.constraints:
            merged[name] = intervals.intersect(merged[name], ranges) if name in merged else ranges
        return Box.of(merged)

    def __contains__(self, header: Header) -> bool:
        return all(intervals.contains(ranges, header[name]) for name, ranges in self.constraints)

    def __le__(self, other: "Box") -> bool:
        """Report whether every packet of this box is in the other."""
        mine = dict(self.constraints)
        return all(
            name in mine and intervals.intersect(mine[name], ranges) == mine[name] for name, ranges in other.constraints
        )

    def get(self, name: Field) -> Intervals:
        """The values that one field may have."""
        return dict(self.constraints).get(name, ((0, LAST[name]),))

    def complement(self) -> tuple["Box", ...]:
        """The packets outside, as disjoint boxes."""
        outside = []
        inside: dict[Field, Intervals] = {}
        for name, ranges in self.constraints:
            box = Box.of({**inside, name: intervals.complement(ranges, LAST[name])})
            if box is not None:
                outside.append(box)
            inside[name] = ranges
        return tuple(outside)


EVERYTHING = Box()
Boxes = tuple[Box, ...]  # a union; boxes may overlap


def intersect(one: Boxes, other: Boxes) -> Boxes:
    """The packets in both unions."""
    if one == (EVERYTHING,):
        return other
    if other == (EVERYTHING,):
        return one
    found = (a & b for a in one for b in other)
    return tuple(dict.fromkeys(box for box in found if box is not None))


def complement(boxes: Boxes) -> Boxes:
    """The packets outside a union of boxes. The number of boxes may grow as a product; meant for few."""
    rest: Boxes = (EVERYTHING,)
    for box in boxes:
        rest = intersect(rest, box.complement())
    return rest


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something in a configuration that Portwright does not model, in a few words, and where it stands."""

    reason: str
    source: Source | None = None  # None: the line of the rule itself


# RFC 4302, 3.1.1: AH stands between the header of IPv6 and what the packet carries, as extension headers do
BEHIND_AH = Doubt("what an IPv6 packet carries behind AH is not known, and the kernel looks there")
PERHAPS_BEHIND_AH = Doubt("what an IPv6 packet carries behind AH is not known, and the kernel may look there")
AH_OVER_IPV6: Boxes = (Box(((Field.VERSION, ((6, 6),)), (Field.PROTOCOL, ((AH, AH),)))),)
HIDDEN_BY_AH = frozenset((BEHIND_AH, PERHAPS_BEHIND_AH))


@dataclass(frozen=True, slots=True)
class Match:
    """The packets that a rule surely matches, and those that it possibly matches."""

    sure: Boxes
    possible: Boxes  # a superset of `sure`; the same object when nothing is in doubt
    doubts: tuple[Doubt, ...] = field(default=())  # why they differ

    @classmethod
    def exact(cls, boxes: Iterable[Box | None]) -> "Match":
        """A match without doubt; None among the boxes (nothing) is left out."""
        union = tuple(dict.fromkeys(box for box in boxes if box is not None))
        return cls(union, union)

    @classmethod
    def doubtful(cls, doubt: Doubt, boxes: Boxes = (EVERYTHING,)) -> "Match":
        """A match that may or may not take any packet of `boxes`."""
        return cls((), boxes, (doubt,))

    @property
    def is_certain(self) -> bool:
        """Report whether the match was modelled exactly."""
        return not self.doubts

    def __and__(self, other: "Match") -> "Match":
        """The packets that both match."""
        possible = intersect(self.possible, other.possible)
        doubts = tuple(dict.fromkeys(self.doubts + other.doubts))
        return Match(intersect(self.sure, other.sure) if doubts else possible, possible, doubts)

    def __or__(self, other: "Match") -> "Match":
        """The packets that either matches."""
        possible = tuple(dict.fromkeys(self.possible + other.possible))
        doubts = tuple(dict.fromkeys(self.doubts + other.doubts))
        return Match(tuple(dict.fromkeys(self.sure + other.sure)) if doubts else possible, possible, doubts)

    def __invert__(self) -> "Match":
        """The packets that it does not match: surely those that it cannot possibly match."""
        if self.is_certain:
            return Match.exact(complement(self.possible))
        return Match(complement(self.possible), complement(self.sure), self.doubts)


ALWAYS = Match((EVERYTHING,), (EVERYTHING,))
NEVER = Match((), ())
