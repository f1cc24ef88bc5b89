"""The check as a Markdown document, as one attaches it to a change request."""

from collections.abc import Iterator
from itertools import groupby

from portwright.check.report import CheckReport
from portwright.findings import Finding
from portwright.policy.reference import RuleReference
from portwright.redact import redact
from portwright.report.check.document import summary_json
from portwright.report.check.evidence import (
    DECIDING,
    QUOTED,
    VERDICTS,
    compared_with,
    counts,
    evidence,
    in_order,
    mark,
    rule_place,
    same_cause,
    user_sees,
)
from portwright.report.check.said import entries, not_judged, not_there, routine
from portwright.report.context import in_context
from portwright.report.grouping import Group
from portwright.report.kinds import MEANINGS
from portwright.report.plan.grid import escaped, markdown_table

_SUMMARY = {
    "required": "required flows",
    "proved": "of these proved",
    "missing": "of these blocked",
    "undecided": "of these undecided",
    "excess": "rules that permit what nothing needs",
    "unplaced": "components that nobody placed",
}
_VERBATIM = ("packet", "see")  # evidence in which no word may change
_FENCE = "```"


def check_markdown(report: CheckReport) -> str:
    """The document: verdict, counts, findings with their lines, and all that the answer rests on."""
    sections = (_summary, _findings, _mended, _read, _granted)
    lines = [f"# Firewall check of {escaped(report.plan.site.name)}", ""]
    lines += [line for section in sections for line in section(report)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _summary(report: CheckReport) -> Iterator[str]:
    yield f"**{VERDICTS[report.verdict]}.** {escaped(counts(report))}."
    yield ""
    if report.focus:
        yield f"This is only what touches {escaped(' or '.join(report.focus))}."
        yield ""
    if told := compared_with(report):
        yield escaped(told)
        yield ""
    numbers = summary_json(report)
    yield from markdown_table(("what", "number"), [(text, str(numbers[name])) for name, text in _SUMMARY.items()])
    yield ""


def _findings(report: CheckReport) -> Iterator[str]:
    groups = in_order(report)
    if groups:
        yield "## Findings"
        yield ""
    for number, group in enumerate(groups, 1):
        yield from _group(number, group, report)


def _group(number: int, group: Group, report: CheckReport) -> Iterator[str]:
    finding = group.first
    yield f"### {number}. {escaped(mark(finding) + finding.message)}"
    yield ""
    yield f"- {finding.kind.value}: {escaped(MEANINGS[finding.kind].says)}"
    label, seen = user_sees(finding)
    if seen:
        yield f"- {label}: {escaped(seen)}"
    yield from _deciding(finding, report)
    for label, found in groupby(evidence(finding, report.plan), key=lambda pair: pair[0]):
        show = _code if label in _VERBATIM else escaped
        yield f"- {label}: {'; '.join(show(text) for _, text in found)}"
    label, others = same_cause(group)
    if others:
        yield f"- {label}: {escaped(others)}"
    yield f"- id: {', '.join(_code(one.id) for one in group.findings)}"
    yield ""


def _deciding(finding: Finding, report: CheckReport) -> Iterator[str]:
    first, others = DECIDING.get(finding.kind, ("rule", "rule"))
    for number, rule in enumerate(finding.decided_by[:QUOTED]):
        yield f"- {others if number else first} {_code(rule_place(rule))}"
        yield from _quoted(rule, report)
    if len(finding.decided_by) > QUOTED:
        yield f"- and {len(finding.decided_by) - QUOTED} more"


def _quoted(rule: RuleReference, report: CheckReport) -> Iterator[str]:
    """The rule between its neighbors, as a block of code below the entry of the list."""
    if rule.line and rule.file in report.texts:
        lines = in_context(report.texts[rule.file], rule.line, around=1, indent="")
        fence = _FENCE
        while any(fence in line for line in lines):
            fence += "`"
        yield from ("", *(f"  {line}".rstrip() for line in (fence, *lines, fence)), "")


def _mended(report: CheckReport) -> Iterator[str]:
    if report.mended:
        yield f"## Mended since {escaped(report.baseline)}"
        yield ""
        yield from (f"- {escaped(one.finding.message)} ({_code(one.id)})" for one in report.mended)
        yield ""


def _read(report: CheckReport) -> Iterator[str]:
    yield "## What was read"
    yield ""
    header = ("point", "platform", "file", "lines modelled", "inert", "not understood")
    rows = (
        (one.name, one.platform, one.file, str(one.modelled), str(one.inert), str(one.unknown)) for one in report.points
    )
    yield from markdown_table(header, rows)
    yield ""
    unknown = [
        (f"{one.source}", redact(one.source.text), redact(one.reason))
        for point in report.points
        for one in point.not_understood
    ]
    if unknown:
        yield "Lines that were not understood:"
        yield ""
        yield from markdown_table(("line", "text", "reason"), unknown)
        yield ""


def _granted(report: CheckReport) -> Iterator[str]:
    yield "## What the answer rests on"
    yield ""
    yield from (f"- taken for granted: {escaped(text)}" for text in routine(report.plan.site))
    yield from (f"- said by the site: {escaped(text)}" for text in not_there(report.plan.site))
    yield from (f"- not judged: {escaped(text)}" for text in not_judged(report))
    rows = [
        (key, entry.about, entry.reason, entry.owner, str(entry.until or "without end"), str(entry.source))
        for key, entry in entries(report.plan)
    ]
    if rows:
        yield ""
        yield "Entries of the site file by which less is judged:"
        yield ""
        yield from markdown_table(("under", "what", "reason", "owner", "until", "line"), rows)


def _code(text: str) -> str:
    """A text as Markdown shows it verbatim within a line."""
    text = " ".join(text.split())
    fence = "`"
    while fence in text:
        fence += "`"
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"
