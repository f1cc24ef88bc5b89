"""What would close each finding of a check: commands that were applied, read again and seen to close it.

A fix is for its finding alone, whatever becomes of the others; where one closes several it is found once.
"""

from collections.abc import Iterator, Mapping

from portwright import platforms
from portwright.check.points import Reading
from portwright.check.report import CheckReport
from portwright.check.run import Check
from portwright.findings import Finding, Kind, Severity
from portwright.plan.model import Plan
from portwright.render.change import Mending
from portwright.render.model import Change

_MOST = 50  # changes that are worked out; a report with more findings has fewer causes
_ABOUT_FLOWS = (Kind.MISSING, Kind.REPLY)


def fixes(report: CheckReport, plan: Plan, readings: Mapping[str, Reading]) -> dict[str, str]:
    """The commands that close a finding alone, by its id; findings that no command closes have none."""
    return _Fixes(report, plan, readings).found()


class _Fixes:
    def __init__(self, report: CheckReport, plan: Plan, readings: Mapping[str, Reading]):
        self._report, self._plan, self._readings = report, plan, readings
        self._serious = _serious(report)
        self._closing: list[tuple[Change, frozenset[str]]] = []  # changes, and the findings that are gone then
        self._tried = 0

    def found(self) -> dict[str, str]:
        texts = {}
        for finding in self._report.findings:
            change = self._known(finding) or self._new(finding)
            if change is not None:
                texts[finding.id] = "\n".join(change.commands)
        return texts

    def _known(self, finding: Finding) -> Change | None:
        return next((change for change, closed in self._closing if finding.id in closed), None)

    def _new(self, finding: Finding) -> Change | None:
        if self._tried >= _MOST or not self._can_change(finding.point):
            return None
        for change in self._changes(finding):
            self._tried += 1
            closed = frozenset() if change.proof.failures else self._closed(change)
            if finding.id in closed:
                self._closing.append((change, closed))
                return change
        return None

    def _can_change(self, point: str) -> bool:
        known = point in self._readings and self._plan.site.points[point].platform in platforms.EDITING
        return known and self._readings[point].text.lstrip("\ufeff \t\r\n")[:1] != "{"

    def _changes(self, finding: Finding) -> Iterator[Change]:
        """The change that is to close a finding."""
        if finding.kind in _ABOUT_FLOWS:
            flow = self._plan.flow(finding.flow)
            yield Mending(self._plan, self._readings, finding.point, [flow]).change(tighten=False)
        elif finding.kind is Kind.EXCESS and finding.decided_by:
            lines = {finding.decided_by[0].line}
            yield Mending(self._plan, self._readings, finding.point, []).change(tighten=True, lines=lines)

    def _closed(self, change: Change) -> frozenset[str]:
        """The findings that the change closes; none where it opens another."""
        configuration = platforms.read(change.platform, change.after, change.file)
        after = Check(self._plan, {**self._readings, change.point: Reading(configuration, change.after)}).run()
        if _serious(after) - self._serious:
            return frozenset()
        return frozenset(finding.id for finding in self._report.findings) - {one.id for one in after.findings}


def _serious(report: CheckReport) -> set[str]:
    return {one.id for one in report.findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)}
