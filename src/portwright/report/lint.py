"""The report of a lint, as JSON and as text."""

from collections import Counter
from textwrap import wrap

from portwright.findings import Finding, Severity
from portwright.lint.run import LintReport
from portwright.redact import redact
from portwright.report.check import finding_json
from portwright.report.context import WIDTH, in_context

SCHEMA = "portwright.lint/1"
_SHOWN_LINES = 3  # rules that make another one do nothing, in context


def lint_json(report: LintReport) -> dict[str, object]:
    """The lint by contract `portwright.lint/1`."""
    census = report.configuration.census
    return {
        "schema": SCHEMA,
        "file": report.configuration.file,
        "platform": report.configuration.platform,
        "verdict": report.verdict,
        "summary": {
            **{severity.value: 0 for severity in Severity},
            **Counter(finding.severity.value for finding in report.findings),
        },
        "lines": {"modelled": census.modelled, "inert": census.inert, "unknown": len(census.unknown)},
        "findings": [finding_json(finding) for finding in report.findings],
    }


def lint_text(report: LintReport) -> str:
    """The findings for a person, in the order of the file."""
    lines = [_headline(report), ""]
    for finding in report.findings:
        lines += [*_finding(finding, report.text), ""]
    census = report.configuration.census
    read = f"{census.modelled} lines modelled, {census.inert} inert, {len(census.unknown)} not understood"
    return "\n".join([*lines, f"Read as {report.configuration.platform}: {read}."])


def _headline(report: LintReport) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    words = [
        f"{counts[s]} {s.value}{'s' if counts[s] != 1 else ''}" for s in Severity if counts[s] and s != "undecided"
    ]
    undecided = counts[Severity.UNDECIDED]
    words += [f"{undecided} line{'s' if undecided != 1 else ''} not understood"] if undecided else []
    return f"{report.configuration.file}: {', '.join(words) or 'nothing to remark'}"


def _finding(finding: Finding, text: str) -> list[str]:
    lines = wrap(f"{finding.severity.value}: {finding.message}", WIDTH, break_on_hyphens=False)
    for reference in finding.decided_by[: 1 + _SHOWN_LINES]:
        around = 1 if reference is finding.decided_by[0] else 0
        lines += in_context(text, reference.line, around) if reference.line else []
    reason = finding.decided_by[0].reason if finding.decided_by else ""
    return [*lines, *(_because(reason) if reason else [])]


def _because(reason: str) -> list[str]:
    return wrap(
        f"because: {redact(reason)}", WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
    )
