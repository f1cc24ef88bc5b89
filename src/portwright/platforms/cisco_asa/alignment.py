"""Which lines of an access list stay when it becomes another one: as many as can, and denials rather than permissions.

A denial that is taken out and put in again leaves a gap through which everything passes.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

_MOST = 400_000  # pairs of lines that are weighed; of more, the common stretches stay
_WEIGHTS = {"remark": 1, "deny": 100}
_WEIGHT = 10

Words = tuple[str, ...]


def aligned(before: Sequence[Words], after: Sequence[Words]) -> dict[int, int]:
    """The lines that stay: where they stood, and where they stand then."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    middle = _best(before[start : len(before) - end], after[start : len(after) - end])
    same = {at: at for at in range(start)}
    same |= {start + one: start + other for one, other in middle.items()}
    return same | {len(before) - at: len(after) - at for at in range(1, end + 1)}


def _best(one: Sequence[Words], other: Sequence[Words]) -> dict[int, int]:
    if len(one) * len(other) > _MOST:
        blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        return {block.a + at: block.b + at for block in blocks for at in range(block.size)}
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]  # of the lines from here on
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            found = best[i + 1][j + 1] + _weight(one[i]) if one[i] == other[j] else 0
            best[i][j] = max(found, best[i + 1][j], best[i][j + 1])
    return _traced(one, other, best)


def _traced(one: Sequence[Words], other: Sequence[Words], best: list[list[int]]) -> dict[int, int]:
    i = j = 0
    found = {}
    while i < len(one) and j < len(other):
        if one[i] == other[j] and best[i][j] == best[i + 1][j + 1] + _weight(one[i]):
            found[i] = j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _weight(words: Words) -> int:
    return _WEIGHTS.get(words[1] if words[:1] == ("extended",) else words[0], _WEIGHT)
