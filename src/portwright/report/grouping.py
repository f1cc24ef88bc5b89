"""Findings that say the same, told once."""

from collections.abc import Iterable
from dataclasses import dataclass

from portwright.catalog.model import Effect
from portwright.findings import Finding, Kind, weightiest

_SAME_RULE = (Kind.MISSING, Kind.REPLY, Kind.REPLY_BYPASSES)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings with the same cause, the weightiest first."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that speaks for the others."""
        return self.findings[0]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Flows that one rule blocks together, and lines that leave the same flows open; all else alone. Order is kept."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_cause(finding), []).append(finding)
    return [Group(tuple(sorted(members, key=_weight))) for members in groups.values()]


def _cause(finding: Finding) -> object:
    if finding.kind in _SAME_RULE:
        return finding.kind, finding.point, finding.decided_by
    if finding.kind is Kind.UNDECIDED and finding.decided_by:
        return finding.point, finding.message, finding.requirements
    return finding


def _weight(finding: Finding) -> int:
    """What breaks something that people do comes before what harms it, and that before what harms nothing known."""
    worst = weightiest(finding.breaks)
    return list(Effect).index(worst.effect) if worst is not None else len(Effect)
