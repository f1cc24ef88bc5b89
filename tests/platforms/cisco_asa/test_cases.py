"""Realistic configurations, each with a table of decisions: `PACKET -> DECISION LINE  # why`.

The line is the one that decides, or for an undecided packet the first that makes it so; `-` where no line does.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"


def decisions() -> Iterator[object]:
    """Every row of every table."""
    for table in sorted(CASES.glob("*/decisions.txt")):
        for row in table.read_text().splitlines():
            if row and not row.startswith("#"):
                packet, _, expected = row.partition("  #")[0].partition(" -> ")
                yield pytest.param(table.parent.name, packet, expected, id=f"{table.parent.name}: {packet}")


@cache
def read(make: Callable[[str], Callable[[str], tuple[str, int]]], case: str) -> Callable[[str], tuple[str, int]]:
    return make((CASES / case / "config.cfg").read_text())


@pytest.mark.parametrize(("case", "packet", "expected"), list(decisions()))
def test_the_line_that_decides(case, packet, expected, answers):
    """Each packet meets the decision of the table, by the line of the table."""
    decided, line = read(answers, case)(packet)
    assert f"{decided} {line or '-'}" == expected


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_every_line_is_accounted_for(case, answers):
    """Modelled, inert and unknown lines together are all lines that are not empty."""
    text = (CASES / case / "config.cfg").read_text()
    census = read(answers, case).configuration.census
    unknown = {found.source.line for found in census.unknown}
    assert census.modelled + census.inert + len(unknown) == sum(bool(line.strip()) for line in text.splitlines())


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.name != "uncertain"))
def test_what_real_configurations_hold_is_known(case, answers):
    """No line of a realistic configuration is unknown."""
    assert read(answers, case).configuration.census.unknown == ()
