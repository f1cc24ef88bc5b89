"""The plan for people, requirement by requirement."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from textwrap import wrap

from portwright.findings import Finding, Severity
from portwright.plan.model import Plan, RequiredFlow
from portwright.report.context import WIDTH
from portwright.report.plan.rows import Row, counted, listed, merged

_INDENT = "    "
_NAMED = 12  # ends of a row; CSV and JSON name all
_WAY = 40  # columns that the ways have beside the ends; a longer one goes beyond the edge

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
    sections = [merged(found) for found in by_requirement.values()]
    texts = {id(row): _ends(row) for section in sections for row in section}
    room = WIDTH - len(_INDENT) - 2 - min(_WAY, max(len(row.via) for section in sections for row in section))
    width = min(max(map(len, texts.values())), room)
    for section in sections:
        requirement = section[0].requirement
        cited = " ".join(requirement.citations)
        yield from wrapped(f"{requirement.id}: {requirement.purpose} ({cited})", "  ", "    ")
        for row in section:
            first, *more = wrap(texts[id(row)], width, subsequent_indent="  ", break_on_hyphens=False)
            yield f"{_INDENT}{first.ljust(width)}  {row.via}"
            yield from (f"{_INDENT}{part}" for part in more)


def _ends(row: Row) -> str:
    """Who needs it of whom."""
    ends = (listed([end.name for end in found], _NAMED) for found in (row.sources, row.destinations))
    return f"{' > '.join(ends)} {row.opening}"


def _settled_by(alike: Sequence[Finding]) -> Iterator[str]:
    first = alike[0]
    yield from wrapped(f"{first.kind.value}: {message(alike)}", "  ", "    ")
    if first.fix:
        yield from wrapped(first.fix, f"    {'to settle it' if _is_open(first) else 'better'}: ", "    ")


def _is_open(finding: Finding) -> bool:
    return finding.severity in (Severity.ERROR, Severity.UNDECIDED)
