"""Runs of plain rules, cut to the size at which their maps are cheapest to build.

Building top-down costs as much as all crossings of all rules of a run; maps of short runs are small, share much, and
combine as a balanced tree. Measured by `python -m bench`: a list of 10,000 rules takes a fifth of the time so.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from portwright.policy.model import Goto, Jump, Rule

Numbered = tuple[int, Rule]  # a rule and its place in the chain
_BOXES = 48  # in a batch; 16 to 256 differ little


def batches(rules: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """The rules in order: each jump alone, plain rules in batches. No rule is in two batches."""
    for jumps, run in groupby(rules, key=lambda numbered: isinstance(numbered[1].action, Jump | Goto)):
        batch: list[Numbered] = []
        boxes = 0
        for numbered in run:
            if batch and (jumps or boxes >= _BOXES):
                yield batch
                batch, boxes = [], 0
            batch.append(numbered)
            boxes += len(numbered[1].match.possible)
        yield batch
