"""What a check concludes: kinds of findings, how serious each is, and the evidence that it brings."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from portwright.catalog.model import Break, Effect
from portwright.packets.packetset import PacketSet
from portwright.policy.reference import RuleReference
from portwright.redact import redact

_EFFECTS = list(Effect)  # the worst first
_COUNTED = re.compile(r"(?<=\bcounter) packets \d+ bytes \d+| # handle \d+$")  # nft(8): what `list ruleset` adds


class Severity(StrEnum):
    """How serious a finding is."""

    ERROR = "error"
    UNDECIDED = "undecided"  # nothing is proved wrong, and nothing is proved right
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """What a finding is about."""

    MISSING = "missing"  # required, and surely blocked
    UNPLACED = "unplaced"  # a required component that nobody placed
    REPLY = "reply"  # the request passes and the reply does not
    REPLY_BYPASSES = "reply-bypasses"  # the replies go around a stateful point
    ASSERTION = "assertion"  # a test of the site does not hold
    EXPIRED = "expired"  # an accept, except or assume entry whose last day is over
    EXCESS = "excess"  # surely permitted, and nothing needs it
    DRIFT = "drift"  # the site file says one port, and the host has another
    DISAGREEMENT = "disagreement"  # proof, rehearsal and probe contradict each other
    UNDECIDED = "undecided"  # an answer that depends on what Portwright does not know
    SHADOWED = "shadowed"  # a rule that never decides
    REDUNDANT = "redundant"  # a rule whose removal changes nothing
    UNUSED = "unused"  # an object that nothing refers to
    LINT = "lint"  # anything else that a careful person would change
    NOTE = "note"  # something worth knowing that harms nothing


SEVERITY: dict[Kind, Severity] = {
    Kind.MISSING: Severity.ERROR,
    Kind.UNPLACED: Severity.ERROR,
    Kind.REPLY: Severity.ERROR,
    Kind.REPLY_BYPASSES: Severity.ERROR,
    Kind.ASSERTION: Severity.ERROR,
    Kind.EXPIRED: Severity.ERROR,
    Kind.EXCESS: Severity.ERROR,
    Kind.DRIFT: Severity.ERROR,
    Kind.DISAGREEMENT: Severity.ERROR,
    Kind.UNDECIDED: Severity.UNDECIDED,
    Kind.SHADOWED: Severity.WARNING,
    Kind.REDUNDANT: Severity.NOTE,
    Kind.UNUSED: Severity.NOTE,
    Kind.LINT: Severity.WARNING,
    Kind.NOTE: Severity.NOTE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check concluded, with its evidence."""

    kind: Kind
    message: str  # the consequence first, in a sentence
    subject: str = ""  # what it is about when it is about no flow: a component, a rule, two zones
    point: str = ""
    flow: str = ""  # id of the RequiredFlow
    witness: str = ""  # a packet that shows it, in packet notation
    decided_by: tuple[RuleReference, ...] = ()
    requirements: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    breaks: tuple[Break, ...] = ()
    fix: str = ""  # shown only after it was tried
    place: str = ""  # file and line of the site or catalog, where the finding is about those
    number: int = 1  # tells apart findings of the same kind about equal texts
    flows: tuple[str, ...] = ()  # ids of the RequiredFlows, where they are several
    packets: PacketSet | None = field(default=None, compare=False, repr=False)  # those that are open, or blocked
    known: bool = False  # an earlier report has it: it does not count
    grown: str = ""  # an earlier report has less of it: what was added

    @property
    def severity(self) -> Severity:
        """How serious it is: the kind says so."""
        return SEVERITY[self.kind]

    @property
    def id(self) -> str:
        """The same from run to run: kind, point and what it is about; no line numbers, counters or secrets."""
        parts = (self.kind.value, self.point, self.flow or redact(_COUNTED.sub("", self.subject)))
        return ":".join(part for part in parts if part) + (f"#{self.number}" if self.number > 1 else "")


def weightiest(breaks: Iterable[Break]) -> Break | None:
    """The break that means most to the people who use the application; the first of several, None of none."""
    return min(breaks, key=lambda broken: _EFFECTS.index(broken.effect), default=None)


def told_apart(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in their order, those that would share an id numbered."""
    seen: Counter[str] = Counter()
    numbered = []
    for finding in findings:
        seen[finding.id] += 1
        numbered.append(replace(finding, number=seen[finding.id]))
    return tuple(numbered)
