"""Sorted, disjoint, non-touching ranges of integers.

The canonical form is the invariant: equal sets are equal tuples. Bounds are inclusive, and as large as they need to be
(an IPv6 address is a 128-bit integer).
"""

from bisect import bisect_right
from collections.abc import Iterable

Interval = tuple[int, int]  # first and last value, both inclusive
Intervals = tuple[Interval, ...]

EMPTY: Intervals = ()


def normalize(ranges: Iterable[Interval]) -> Intervals:
    """The canonical form of any collection of ranges, in any order, overlapping or not.

    Raises ValueError for a range whose first value is above its last.
    """
    merged: list[Interval] = []
    for first, last in sorted(ranges):
        if first > last:
            raise ValueError(f"range {first}-{last} runs backwards")
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def union(one: Intervals, other: Intervals) -> Intervals:
    """The values in either."""
    return normalize(one + other)


def intersect(one: Intervals, other: Intervals) -> Intervals:
    """The values in both."""
    common: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            common.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def complement(ranges: Intervals, last: int) -> Intervals:
    """The values of 0..last (inclusive) that are not in `ranges`."""
    gaps: list[Interval] = []
    free = 0
    for low, high in ranges:
        if low > free:
            gaps.append((free, low - 1))
        free = high + 1
    if free <= last:
        gaps.append((free, last))
    return tuple(gaps)


def contains(ranges: Intervals, value: int) -> bool:
    """Report whether one value is in the ranges."""
    at = bisect_right(ranges, value, key=_first) - 1
    return at >= 0 and value <= ranges[at][1]


def _first(interval: Interval) -> int:
    return interval[0]
