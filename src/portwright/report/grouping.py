"""Findings that say the same, told once."""

from collections.abc import Iterable
from dataclasses import dataclass

from portwright.findings import Finding, Kind

_GROUPED = (Kind.MISSING, Kind.REPLY)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings with the same cause, the weightiest first."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that speaks for the others."""
        return self.findings[0]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Blocked flows with the same deciding rule together, in the order of their first; all else alone."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        key = (finding.kind, finding.point, finding.decided_by) if finding.kind in _GROUPED else finding
        groups.setdefault(key, []).append(finding)
    return [Group(tuple(sorted(members, key=_weight))) for members in groups.values()]


def _weight(finding: Finding) -> int:
    """What breaks a business function comes before what breaks none that the catalog knows."""
    return 0 if finding.breaks else 1
