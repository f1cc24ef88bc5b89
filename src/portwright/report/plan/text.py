"""The plan for people, requirement by requirement."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from textwrap import wrap

from portwright.findings import Finding, Severity
from portwright.plan.model import Plan, RequiredFlow
from portwright.report.context import WIDTH
from portwright.report.plan.rows import counted, listed, via

LEGEND = (
    "P: facts of the white paper; B: errata to it; S: other documents. "
    "`--format json` has the lines and what each says."
)


def plan_text(plan: Plan) -> str:
    """The plan, requirement by requirement: what for, who needs it of whom, through what, and where it is written."""
    lines = [f"{plan.site.name}: {counted(plan)}"]
    for title, flows in (("REQUIRED", plan.required), ("OPTIONAL", plan.optional)):
        if flows:
            lines += ["", title, *_sections(flows)]
    lines += findings_text(plan.findings)
    lines += ["", *wrapped(LEGEND, "", "")]
    return "\n".join(lines) + "\n"


def findings_text(findings: Iterable[Finding], where: str = "") -> list[str]:
    """What the plan cannot settle, and what would; then advice. Nothing where there is nothing."""
    told = told_once(findings)
    open_ones = [alike for alike in told if _is_open(alike[0])]
    advice = [alike for alike in told if not _is_open(alike[0])]
    lines = ["", f"NOT SETTLED{where}", *chain.from_iterable(map(_settled_by, open_ones))] if open_ones else []
    return lines + (["", f"ADVICE{where}", *chain.from_iterable(map(_settled_by, advice))] if advice else [])


def told_once(findings: Iterable[Finding]) -> list[list[Finding]]:
    """The findings in order, those that differ only in the flow together."""
    found: dict[object, list[Finding]] = {}
    for one in findings:
        found.setdefault((one.kind, one.message, one.fix), []).append(one)
    return list(found.values())


def message(alike: Sequence[Finding]) -> str:
    """What findings that say the same say, and for how many flows."""
    return alike[0].message if len(alike) == 1 else f"{alike[0].message} ({len(alike)} flows)"


def wrapped(text: str, first: str, then: str) -> list[str]:
    """The text within the width of every report."""
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False)


def _sections(flows: Iterable[RequiredFlow]) -> Iterator[str]:
    by_requirement: dict[str, list[RequiredFlow]] = {}
    for flow in flows:
        by_requirement.setdefault(flow.requirement.id, []).append(flow)
    sections = list(by_requirement.values())
    rows = [_rows(section) for section in sections]
    width = max(len(ends) for found in rows for ends, _ in found)
    for section, found in zip(sections, rows, strict=True):
        requirement = section[0].requirement
        cited = " ".join(requirement.citations)
        yield from wrapped(f"{requirement.id}: {requirement.purpose} ({cited})", "  ", "    ")
        yield from (f"    {ends.ljust(width)}  {path}".rstrip() for ends, path in found)


def _rows(flows: Iterable[RequiredFlow]) -> list[tuple[str, str]]:
    """Who needs it of whom, and the way: sources that share service, destination and way in one row."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for flow in flows:
        found.setdefault((flow.destination.name, flow.describe(), via(flow)), []).append(flow.source.name)
    return [
        (f"{listed(sources)} > {destination} {service}", path)
        for (destination, service, path), sources in found.items()
    ]


def _settled_by(alike: Sequence[Finding]) -> Iterator[str]:
    first = alike[0]
    yield from wrapped(f"{first.kind.value}: {message(alike)}", "  ", "    ")
    if first.fix:
        yield from wrapped(first.fix, f"    {'to settle it' if _is_open(first) else 'better'}: ", "    ")


def _is_open(finding: Finding) -> bool:
    return finding.severity in (Severity.ERROR, Severity.UNDECIDED)
