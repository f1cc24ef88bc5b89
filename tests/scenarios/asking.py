"""Answers to the questions of a story's chapter, by the product itself."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from tests.scenarios.story import Chapter, Row
from tests.scenarios.walked import not_walked

from portwright.check.assertions import Assertions
from portwright.check.obstacle import Judgment
from portwright.check.points import Way
from portwright.check.run import Check
from portwright.check.stops import on_way
from portwright.cli.site import load
from portwright.findings import Finding, Kind, Severity
from portwright.packets.notation import parse_flow
from portwright.packets.packet import Packet
from portwright.plan.model import Plan
from portwright.policy.reference import rule_reference
from portwright.site.model import Test
from portwright.source import Source
from portwright.trace.run import find_scenario, trace

PRODUCTS = Path(__file__).parent / "products"
_TODAY = date(2026, 6, 1)
_KINDS = {  # of findings about flows, as stories call them
    "missing": Kind.MISSING,
    "reply blocked": Kind.REPLY,
    "sees one direction": Kind.REPLY_BYPASSES,
    "undecided": Kind.UNDECIDED,
}
_POINT_KINDS = {"too wide": Kind.EXCESS, "undecided": Kind.UNDECIDED, **{kind.value: kind for kind in Kind}}
_TESTS = {"passes": "allow", "never passes": "deny"}
_COUNT = (Severity.ERROR, Severity.UNDECIDED)


class Asked:
    """A chapter's site, checked once."""

    def __init__(self, chapter: Chapter, folder: Path):
        self._texts = tuple(chapter.files.values())
        shutil.copytree(PRODUCTS, folder / "products")
        for name, text in chapter.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        before = Path.cwd()
        os.chdir(folder)
        try:
            self.plan, self.readings = load("site.yaml", (), _TODAY)
        finally:
            os.chdir(before)
        self.check = Check(self.plan, self.readings)
        self.report = self.check.run()
        self._left = [finding for finding in self.report.findings if finding.severity in _COUNT]

    def ask(self, row: Row) -> None:
        """Raise AssertionError when the answer is another."""
        if row.what == "check":
            assert self.report.verdict == row.answer, self._told()
        elif row.what.startswith("trace "):
            self._trace(row)
        elif row.what in self.plan.by_id:
            self._flow(row)
        elif row.what in self.plan.site.points:
            self._point(row)
        elif row.answer in _TESTS or (row.answer == "undecided" and not row.point):
            self._test(row)
        else:
            self._packet(row)

    def nothing_else(self) -> None:
        """Raise AssertionError when the check has found something that no row spoke about."""
        assert not self._left, "no row speaks about\n" + "\n".join(map(_told, self._left))

    def proved_without_a_walk(self) -> Iterator[str]:
        """What single packets say against flows that are called proved."""
        for flow in self.plan.required:
            if self.check.judge.result(flow).judgment is Judgment.PROVED:
                yield from not_walked(flow, self.check.views, self._texts)

    def _told(self) -> str:
        return "\n".join(map(_told, self.report.findings)) or "nothing found"

    # ------------------------------------------------------------------ kinds of questions

    def _flow(self, row: Row) -> None:
        found = self.check.judge.result(self.plan.flow(row.what))
        if row.answer in ("proved", "blocked without harm"):
            expected = {"proved": "proved"}.get(row.answer, "missing")
            assert found.judgment.value == expected, self._told()
            assert (row.what in self.report.spared) == (row.answer != "proved"), self._told()
            return
        assert row.answer in _KINDS, f"no answer about a flow: {row.answer}"
        expected = {Kind.UNDECIDED: "undecided"}.get(_KINDS[row.answer], "missing")
        assert found.judgment.value == expected, self._told()
        self._take(_KINDS[row.answer], row, flow=row.what)

    def _point(self, row: Row) -> None:
        self._take(_POINT_KINDS[row.answer], replace(row, point=row.what))

    def _take(self, kind: Kind, row: Row, flow: str = "") -> None:
        """There is such a finding, and it brings the lines and words that the row gives."""
        alike = [
            finding
            for finding in self.report.findings
            if finding.kind is kind and row.point in (finding.point, "")
            and (not flow or flow in (finding.flow, *finding.flows))
        ]  # fmt: skip
        found = [finding for finding in alike if _has(row, finding)]
        assert found, f"{row.what}: no finding {row.answer} with these reasons, but\n{self._told()}"
        self._left = [finding for finding in self._left if finding not in found]

    def _trace(self, row: Row) -> None:
        scenario = find_scenario(self.plan, row.what.removeprefix("trace "))
        found = trace(self.plan, self.check.judge, scenario)
        assert found.verdict == row.answer
        assert all(words in found.user_sees for words in row.says), found.user_sees

    def _test(self, row: Row) -> None:
        flow = parse_flow(f"{row.what} at {row.point}" if row.point else row.what, self.plan.site.resolve)
        for answer in _TESTS if row.answer == "undecided" else (row.answer,):
            [finding] = self._judged(Test(_TESTS[answer], flow, Source("story", 1))) or [None]
            if row.answer == "undecided":
                assert finding is not None
                assert finding.kind is Kind.UNDECIDED, finding
            else:
                assert finding is None, _told(finding)

    def _judged(self, test: Test) -> list[Finding]:
        plan: Plan = replace(self.plan, site=replace(self.plan.site, tests=(test,)))
        return list(Assertions(Check(plan, self.readings).judge).findings())

    def _packet(self, row: Row) -> None:
        view = self.check.views[row.point]
        interfaces = view.reading.configuration.interfaces
        packet = Packet.parse(row.what)
        hook = "forward"
        if self.plan.site.points[row.point].on:
            own = self.plan.site.hosts[self.plan.site.points[row.point].on].addresses
            ranges = own.family(packet.version)
            hook = "input" if any(a <= packet.destination <= b for a, b in ranges) else "output"
        way = Way(hook, packet.interface_in, packet.interface_out, packet.state)
        header = packet.header(*(interfaces.atom(name or "") for name in (packet.interface_in, packet.interface_out)))
        decision = view.walker(hook).decide(on_way(header, view, way))
        assert decision.decided.value == row.answer, decision
        told = [rule_reference(rule, row.point) for rule in (*decision.via, *decision.undecided_by)]
        for line in row.lines:
            assert any(line in one.text for one in told), told


def _has(row: Row, finding: Finding) -> bool:
    texts = [f"{rule.text} {rule.reason}" for rule in finding.decided_by]
    return all(any(line in text for text in texts) for line in row.lines) and all(
        words in finding.message for words in row.says
    )


def _told(finding: Finding) -> str:
    rules = [f"{rule.line}: {rule.text} ({rule.reason})" for rule in finding.decided_by]
    return f"- {finding.id}: {finding.message} [{finding.witness}] by {rules}"
