"""Boxes as sets of headers, and matches as three-valued conditions."""

from hypothesis import given
from hypothesis import strategies as st
from tests.packets.strategies import boxes, headers, matches, unions

from portwright.packets.box import ALWAYS, EVERYTHING, NEVER, Box, Match, complement, intersect
from portwright.packets.fields import LAST, Field


def within(union, header):
    return any(header in box for box in union)


def truth(match, header):
    """True, False, or None where it cannot be known."""
    return True if within(match.sure, header) else None if within(match.possible, header) else False


@given(boxes(), boxes(), headers())
def test_the_intersection_of_boxes(one, other, header):
    """A header is in `a & b` exactly when it is in both; None stands for no header."""
    both = one & other
    assert (both is not None and header in both) == (header in one and header in other)


@given(boxes(), boxes())
def test_a_box_within_another(one, other):
    """`a <= b` exactly when the intersection is a itself."""
    assert (one <= other) == (one & other == one)


@given(boxes(), headers())
def test_the_complement_of_a_box_is_disjoint(box, header):
    """Every header is either in the box or in exactly one part of its complement."""
    assert [header in part for part in (box, *box.complement())].count(True) == 1


@given(unions(3), unions(3), headers())
def test_unions(one, other, header):
    """Intersection and complement of unions are those of sets."""
    assert within(intersect(tuple(one), tuple(other)), header) == (within(one, header) and within(other, header))
    assert within(complement(tuple(one)), header) != within(one, header)


@given(st.sampled_from(Field))
def test_a_full_constraint_is_none(name):
    """A field that may have any value is not named, so equal boxes are equal."""
    assert Box.of({name: ((0, LAST[name]),)}) == EVERYTHING
    assert EVERYTHING.get(name) == ((0, LAST[name]),)


@given(st.sampled_from(Field))
def test_an_empty_constraint_is_no_box(name):
    """A field without a possible value leaves no packet."""
    assert Box.of({name: ()}) is None


@given(matches(), matches(), headers())
def test_matches_are_three_valued(one, other, header):
    """And, or and not follow Kleene's tables: unknown unless the other side settles it."""
    a, b = truth(one, header), truth(other, header)
    assert truth(one & other, header) is (False if False in (a, b) else None if None in (a, b) else True)
    assert truth(one | other, header) is (True if True in (a, b) else None if None in (a, b) else False)
    assert truth(~one, header) is (None if a is None else not a)


@given(matches(), matches())
def test_what_is_certain_stays_so(one, other):
    """Doubts are passed on, and without them sure and possible are the same object."""
    for match, parts in ((one & other, (one, other)), (one | other, (one, other)), (~one, (one,))):
        assert match.doubts == tuple(dict.fromkeys(doubt for part in parts for doubt in part.doubts))
        assert match.is_certain == all(part.is_certain for part in parts)
        assert not match.is_certain or match.sure is match.possible


@given(matches(), headers())
def test_always_and_never(match, header):
    """They are the units of `and` and `or`."""
    assert truth(match & ALWAYS, header) is truth(match | NEVER, header) is truth(match, header)
    assert truth(match & NEVER, header) is False
    assert truth(match | ALWAYS, header) is True


def test_nothing_is_left_out_of_an_exact_match():
    """Boxes that came out empty are dropped, and equal ones are kept once."""
    assert Match.exact([None, EVERYTHING, EVERYTHING]) == ALWAYS
    assert Match.exact([None]) == NEVER
