"""What a check concluded, as a value: judgments, findings, and how well the configurations were understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portwright.check.extent import Extent
from portwright.check.obstacle import FlowResult, Judgment
from portwright.findings import Finding, Kind, Severity
from portwright.plan.model import Plan
from portwright.policy.configuration import Unknown


@dataclass(frozen=True, slots=True)
class PointSummary:
    """How well a configuration was understood: lines."""

    name: str
    platform: str
    file: str
    modelled: int
    inert: int
    not_understood: tuple[Unknown, ...]

    @property
    def unknown(self) -> int:
        """How many lines were not understood."""
        return len(self.not_understood)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A finding of an earlier report, as far as the report tells it."""

    id: str
    finding: Finding
    severity: Severity
    extent: Extent | None = None  # None: the report does not say which packets it is about


@dataclass(frozen=True, slots=True, eq=False)
class CheckReport:
    """Everything that a check concluded."""

    plan: Plan
    results: tuple[FlowResult, ...]  # of the required flows
    findings: tuple[Finding, ...]
    points: tuple[PointSummary, ...]
    not_judged: int  # rules that also permit what lies outside the universe of excess
    spared: frozenset[str] = frozenset()  # ids of blocked flows one of whose alternatives is not blocked
    texts: Mapping[str, str] = field(default_factory=dict)  # configuration file -> its text
    focus: tuple[str, ...] = ()  # the names to which it is limited; empty: to none
    only_at: tuple[str, ...] = ()  # points: of flows that only cross them, what they meet elsewhere is left out
    excess_judged: bool = True  # False: the focus has nothing that could be too open
    baseline: str = ""  # the earlier report with which it was compared; empty: with none
    mended: tuple[Earlier, ...] = ()  # findings of that report that are gone
    by_id_alone: int = 0  # known findings of which that report does not say the packets

    @property
    def verdict(self) -> str:
        """proved, findings or undecided; what an earlier report knows already is part of it."""
        severities = {finding.severity for finding in self.findings}
        if Severity.ERROR in severities:
            return "findings"
        return "undecided" if Severity.UNDECIDED in severities or self.judged(Judgment.UNDECIDED) else "proved"

    def count(self, kind: Kind) -> int:
        """How many findings of a kind there are."""
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def known(self) -> int:
        """How many findings an earlier report has as they are."""
        return sum(finding.known for finding in self.findings)

    @property
    def grown(self) -> int:
        """How many findings an earlier report has smaller than they are."""
        return sum(bool(finding.grown) for finding in self.findings)

    @property
    def new(self) -> int:
        """How many findings an earlier report does not have."""
        return len(self.findings) - self.known - self.grown

    def judged(self, judgment: Judgment) -> int:
        """How many required flows got a judgment; those that are spared count for none."""
        return sum(result.judgment is judgment and result.flow.id not in self.spared for result in self.results)


@dataclass(frozen=True, slots=True)
class Counting:
    """Which findings count for the exit status."""

    kinds: frozenset[Kind] | None = None  # None: errors, and what is undecided

    def counts(self, finding: Finding) -> bool:
        """Report whether a finding counts: by its kind, and unless an earlier report has it."""
        if finding.known:
            return False
        if self.kinds is not None:
            return finding.kind in self.kinds
        return finding.severity in (Severity.ERROR, Severity.UNDECIDED)
