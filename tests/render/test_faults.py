"""Faults of all kinds in the right configurations of the examples: the change mends each, or says why it does not.

Whether it does is for a check of the changed text to say, which knows nothing of the change. PORTWRIGHT_MUTANTS says
how many faults of each configuration are tried.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from tests.cli.running import EXAMPLES
from tests.mutation.mutate import sample

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.report import CheckReport
from portwright.check.run import Check
from portwright.cli.site import load
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind
from portwright.plan.model import Plan
from portwright.render.change import changes
from portwright.render.effect import same
from portwright.render.model import Change
from portwright.render.prove import render
from portwright.render.stand import Common, Stand
from portwright.report.change import change_text

MUTANTS = max(1, int(os.environ.get("PORTWRIGHT_MUTANTS", "6")) // 3)
SEED = 20130603
NAMES = tuple(f"f{number}" for number in range(1, 7))
TABLE = "rules-csv"
_BLOCKED = (Kind.MISSING, Kind.REPLY, Kind.REPLY_BYPASSES)


@cache
def _example(name: str) -> tuple[Plan, dict[str, Reading]]:
    return load(str(EXAMPLES / name / "site.yaml"), (), None)


@cache
def _as_table(name: str, point: str) -> tuple[Plan, dict[str, Reading]]:
    """An example one of whose points is a table of rules, and nothing known of the others."""
    plan, _ = _example(name)
    points = {**plan.site.points, point: replace(plan.site.points[point], platform=TABLE)}
    plan = replace(plan, site=replace(plan.site, points=points))
    [written] = render(plan, {point: TABLE})
    return plan, {point: Reading(platforms.read(TABLE, written.text, "table"), written.text)}


def _table_faults(text: str, count: int, seed: int) -> Iterator[str]:
    """Rows that are gone, or turned."""
    chance = random.Random(seed)
    head, *rows = text.rstrip("\n").split("\n")
    for number in chance.sample(range(len(rows)), min(count, len(rows))):
        turned = rows[number].replace(",permit,", ",deny,", 1) if chance.random() < 0.5 else ""
        kept = [*rows[:number], *([turned] if turned else []), *rows[number + 1 :]]
        yield "\n".join([head, *kept, ""])


def cases() -> Iterator[object]:
    """A fault a case, of one kind after the other; the same ones every time."""
    places = [(name, point) for name in NAMES for point in _example(name)[1]]
    for at, (name, point) in enumerate(places):
        faults = sample(_example(name)[1][point].text, len(places) + MUTANTS, SEED)
        for number in range(at, at + MUTANTS):
            mutant = faults[number % len(faults)]
            text = mutant.text.replace("\n", "\r\n") if number % 3 == 1 else mutant.text
            label = f"{name} {point}, line {mutant.line}: {mutant.how} {mutant.new.strip()[:60]}"
            yield pytest.param((name, point, False), text, number % 2 == 1, id=label)
    for point in _example("f6")[1]:
        for number, text in enumerate(_table_faults(_as_table("f6", point)[1][point].text, MUTANTS, SEED)):
            yield pytest.param(("f6", point, True), text, number % 2 == 1, id=f"f6 {point}, table {number}")


@pytest.mark.parametrize(("where", "text", "tighten"), list(cases()))
def test_a_fault_is_mended_or_told(where: tuple[str, str, bool], text: str, tighten: bool) -> None:
    """Nothing is claimed that a check of the changed text denies, nothing is broken, and the way back leads back."""
    name, point, is_table = where
    plan, readings = _as_table(name, point) if is_table else _example(name)
    try:
        faulty = {**readings, point: _read(plan, point, text)}
    except InvalidInput:
        return  # nothing is changed that cannot be read
    [change] = changes(plan, faulty, [point], tighten)
    assert change.proof.failures == (), change_text(plan, [change])
    before, after = (Check(plan, {**readings, point: _read(plan, point, one)}).run() for one in (text, change.after))
    blocked = {finding.flow for finding in _at(after, point, *_BLOCKED)}
    assert blocked <= {one.what for one in change.remaining}
    assert not blocked & set(change.proof.mended)
    assert blocked <= {finding.flow for finding in _at(before, point, *_BLOCKED)}
    if not change.proof.opened:
        assert len(_at(after, point, Kind.EXCESS)) <= len(_at(before, point, Kind.EXCESS))
    if tighten and not change.remaining:
        assert _at(after, point, Kind.EXCESS) == []
    assert change.after.count("\r\n") == (change.after.count("\n") if "\r\n" in text else 0)
    assert _leads_back(plan, faulty[point], change)


def _read(plan: Plan, point: str, text: str) -> Reading:
    return Reading(platforms.read(plan.site.points[point].platform, text, "faulty"), text)


def _at(report: CheckReport, point: str, *kinds: Kind) -> list[Finding]:
    return [one for one in report.findings if one.kind in kinds and one.point == point]


def _leads_back(plan: Plan, reading: Reading, change: Change) -> bool:
    """Report whether commands and rollback, carried out one by one, come to what was there."""
    editor = platforms.editor(change.platform)
    back = editor.applied(editor.applied(change.before, change.commands), change.rollback)
    common = Common.of(reading.configuration, plan, change.point)
    return same(*(Stand(plan, change.point, one, common) for one in (change.before, back)))
