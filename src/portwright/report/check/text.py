"""The check as text for a person: the consequence first, then why."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from textwrap import wrap

from portwright.check.report import CheckReport
from portwright.findings import Finding
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference
from portwright.report.check.evidence import (
    DECIDING,
    QUOTED,
    compared_with,
    evidence,
    headline,
    in_order,
    mark,
    rule_place,
    same_cause,
    user_sees,
)
from portwright.report.check.said import not_judged, routine, said_by_site
from portwright.report.context import WIDTH, folded, in_context
from portwright.report.grouping import Group

_INDENT = 15


def check_text(report: CheckReport) -> str:
    """The check for a person, as wide as reports are."""
    lines = folded(headline(report))
    lines += [*(folded(compared_with(report)) if report.baseline else []), ""]
    for number, group in enumerate(in_order(report), 1):
        lines += [*group_text(number, group, report.plan, report.texts), ""]
    return "\n".join([*lines, *_mended(report), *_footer(report)])


def group_text(number: int, group: Group, plan: Plan, texts: Mapping[str, str]) -> list[str]:
    """Findings with one cause: the weightiest, and what else it is about."""
    label, text = same_cause(group)
    return [*finding_text(number, group.first, plan, texts), *(_labelled(label, [text]) if text else [])]


def finding_text(number: int, finding: Finding, plan: Plan, texts: Mapping[str, str]) -> list[str]:
    """One finding: what it means, which line decides, who needs it, where that is written."""
    lines = folded(f"{mark(finding)}{finding.message}", f"{number:>2}. ", "    ")
    label, seen = user_sees(finding)
    lines += _labelled(label, [seen] if seen else [])
    lines += _deciding(finding, texts)
    for label, found in groupby(evidence(finding, plan), key=lambda pair: pair[0]):
        lines += _labelled(label, (text for _, text in found))
    return lines


def _labelled(label: str, texts: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        for part in wrap(text, WIDTH - 4 - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]:
            lines.append(f"    {label if not lines else '':<{_INDENT}}{part}")
    return lines


def _deciding(finding: Finding, texts: Mapping[str, str]) -> list[str]:
    """The rules of a finding in their context; for one about a rule, that rule and then those that make it so."""
    first, others = DECIDING.get(finding.kind, ("rule", "rule"))
    lines = []
    for number, rule in enumerate(finding.decided_by[:QUOTED]):
        lines += _rule(rule, others if number else first, texts)
    more = len(finding.decided_by) - QUOTED
    return lines + (_labelled("", [f"and {more} more"]) if more > 0 else [])


def _rule(rule: RuleReference, label: str, texts: Mapping[str, str]) -> list[str]:
    lines = _labelled(label, [rule_place(rule)])
    if rule.line and rule.file in texts:
        lines += in_context(texts[rule.file], rule.line, around=1, indent=" " * (4 + _INDENT))
    return lines


def _mended(report: CheckReport) -> list[str]:
    if not report.mended:
        return []
    told = (_entry(earlier.finding.message) for earlier in report.mended)
    return [f"Mended since {report.baseline}", *(line for lines in told for line in lines), ""]


def _footer(report: CheckReport) -> list[str]:
    lines = ["What was read"]
    lines += [
        f"  {point.name:<14}{point.platform:<12} {point.modelled} lines modelled, {point.inert} inert, "
        f"{point.unknown} not understood"
        for point in report.points
    ]
    if left_out := not_judged(report):
        lines += folded(f"Not judged: {'; '.join(left_out)}.")
    lines += folded(f"Taken for granted: {'; '.join(routine(report.plan.site))}.")
    said = said_by_site(report.plan)
    lines += ["Said by the site:"] if said else []
    return lines + [line for text in said for line in _entry(text)]


def _entry(text: str) -> list[str]:
    return folded(text, "  ", "    ")
