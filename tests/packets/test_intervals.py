"""Sets of integers as ranges, against Python's own sets."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.packets import intervals

LAST = 15
spans = st.tuples(st.integers(0, LAST), st.integers(0, LAST)).map(sorted).map(tuple)
some = st.lists(spans, max_size=5)


def members(ranges):
    return {value for first, last in ranges for value in range(first, last + 1)}


def is_canonical(ranges):
    gaps_are_open = all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    return gaps_are_open and all(first <= last for first, last in ranges)


@given(some)
def test_any_ranges_have_one_canonical_form(ranges):
    """Normalizing keeps the members, and leaves ranges sorted, disjoint and not touching."""
    normal = intervals.normalize(ranges)
    assert members(normal) == members(ranges)
    assert is_canonical(normal)


@given(some, some)
def test_operations_are_those_of_sets(one, other):
    """Union, intersection and complement have the members that they should, in canonical form."""
    a, b = intervals.normalize(one), intervals.normalize(other)
    expected = {
        intervals.union(a, b): members(a) | members(b),
        intervals.intersect(a, b): members(a) & members(b),
        intervals.complement(a, LAST): set(range(LAST + 1)) - members(a),
    }
    assert all(members(ranges) == wanted and is_canonical(ranges) for ranges, wanted in expected.items())


@given(some, some)
def test_equal_sets_are_equal_tuples(one, other):
    """Two canonical forms are equal exactly when their members are."""
    assert (intervals.normalize(one) == intervals.normalize(other)) == (members(one) == members(other))


@given(some, st.integers(-1, LAST + 1))
def test_membership(ranges, value):
    """A value is contained exactly when it is a member."""
    assert intervals.contains(intervals.normalize(ranges), value) == (value in members(ranges))


def test_a_range_that_runs_backwards_is_refused():
    """An empty range is a mistake of the caller, not an empty set."""
    with pytest.raises(ValueError, match="9-3 runs backwards"):
        intervals.normalize([(1, 2), (9, 3)])
