"""Matches put together: what several conditions of one rule take, with bounds on what is spelled out."""

from collections.abc import Sequence

from portwright.packets.box import Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals, normalize

_MOST_BOXES = 200_000  # boxes of one match


class Obscure(Exception):
    """A constant that this reader cannot turn into a number; the argument says why, for people."""


def box(**constraints: int | tuple[int, ...]) -> Boxes:
    """The packets whose fields have these values, by the names of `Field`."""
    wanted = {}
    for name, value in constraints.items():
        numbers = value if isinstance(value, tuple) else (value,)
        wanted[Field[name]] = normalize((number, number) for number in numbers)
    found = Box.of(wanted)
    return (found,) if found is not None else ()


def any_of(matches: Sequence[Match]) -> Match:
    """The packets that one of the matches takes."""
    if len(matches) == 1:
        return matches[0]
    possible = tuple(dict.fromkeys(box for match in matches for box in match.possible))
    doubts = tuple(dict.fromkeys(doubt for match in matches for doubt in match.doubts))
    if not doubts:
        return Match(possible, possible)
    return Match(tuple(dict.fromkeys(box for match in matches for box in match.sure)), possible, doubts)


def both(one: Match, other: Match) -> Match:
    """The packets that both take; in doubt where that would be too many boxes to list."""
    if len(one.possible) * len(other.possible) > _MOST_BOXES:
        smaller = min(one.possible, other.possible, key=len)
        return Match.doubtful(Doubt("too many combinations of values"), smaller)
    return settled(one & other)


def settled(match: Match) -> Match:
    """The match without its doubts where they turn out not to matter."""
    if match.doubts and _same(match.sure, match.possible):
        return Match(match.possible, match.possible)
    return match


def _same(one: Boxes, other: Boxes) -> bool:
    return set(one) == set(other)


def within(match: Match, boxes: Boxes) -> Match:
    """The part of a match that lies in some boxes."""
    return settled(Match(intersect(match.sure, boxes), intersect(match.possible, boxes), match.doubts))


def reason_of(match: Match) -> str:
    """Why a match is in doubt, with the line that makes it so where that is another one."""
    if not match.doubts:
        return ""
    doubt = match.doubts[0]
    return f"{doubt.reason} ({doubt.source})" if doubt.source is not None else doubt.reason


_MOST_PIECES = 256  # ranges of one masked value


def masked(values: Intervals, mask: int, bits: int) -> Intervals:
    """The numbers whose masked bits are among `values`. Raises Obscure where they are too scattered to list."""
    last = 2**bits - 1
    low = (mask & -mask).bit_length() - 1 if mask else bits  # bits below do not count
    if mask == last - (2**low - 1):
        return _prefix_masked(values, mask, last)
    free = [bit for bit in range(low, bits) if not mask >> bit & 1]
    if sum(final - first + 1 for first, final in values) << len(free) > _MOST_PIECES:
        raise Obscure(f"the mask {mask:#x} picks values that are too scattered")
    found = [number for first, final in values for number in range(first, final + 1) if not number & ~mask]
    for bit in free:
        found += [number | 1 << bit for number in found]
    return normalize((number, number + 2**low - 1) for number in found)


def _prefix_masked(values: Intervals, mask: int, last: int) -> Intervals:
    block = last - mask  # the host part, all ones
    found = []
    for first, final in values:
        start, end = (first + block) & mask, (final & mask) | block
        if start <= min(end, last):
            found.append((start, end))
    return normalize(found)
