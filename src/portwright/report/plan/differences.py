"""The two readings of a site held against each other, for people and for programs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from portwright.catalog.model import Citation
from portwright.plan.differences import Difference, Differences, Side
from portwright.report.plan.grid import escaped, markdown_table
from portwright.report.plan.rows import listed, merged, several
from portwright.report.plan.table import names
from portwright.report.plan.text import wrapped

Json = dict[str, Any]

SCHEMA = "portwright.differences/1"
_TITLES: Mapping[Side, str] = {
    Side.LITERAL: "ONLY AS PRINTED",
    Side.CORRECTED: "ONLY AS CORRECTED",
    Side.BOTH: "ON OTHER PORTS",
}


def differences_json(found: Differences) -> Json:
    """By the contract: each difference with its flows and reasons."""
    return {
        "schema": SCHEMA,
        "site": found.literal.site.name,
        "phases": [phase.value for phase in found.literal.phases],
        "flows": {"literal": len(found.literal.flows), "corrected": len(found.corrected.flows)},
        "differences": [_json(one) for one in found.found],
    }


def _json(one: Difference) -> Json:
    return {
        "in": one.side.value,
        "requirement": one.requirement.id,
        "purpose": one.requirement.purpose,
        "status": one.requirement.status.value,
        "literal": one.literal or None,
        "corrected": one.corrected or None,
        "flows": [flow.id for flow in one.flows],
        "reasons": [{"citation": reason.id, "lines": reason.lines, "says": reason.says} for reason in one.reasons],
    }


def differences_text(found: Differences) -> str:
    """For people: what only one reading opens, and why."""
    lines = [_summary(found)]
    for side, title in _TITLES.items():
        group = [one for one in found.found if one.side is side]
        lines += ["", title] if group else []
        lines += [line for one in group for line in _lines(one)]
    reasons = dict.fromkeys(reason for one in found.found for reason in one.reasons)
    lines += ["", "BECAUSE"] if reasons else []
    lines += [line for reason in reasons for line in wrapped(_reason(reason), "  ", "    ")]
    return "\n".join(lines) + "\n"


def _summary(found: Differences) -> str:
    parts = [
        f"{several(found.count(Side.LITERAL), 'flow')} only as printed",
        f"{found.count(Side.CORRECTED)} only as corrected",
        f"{found.count(Side.BOTH)} on other ports",
    ]
    return f"{found.literal.site.name}: {', '.join(parts)}"


def _lines(one: Difference) -> Iterator[str]:
    because = " ".join(reason.id for reason in one.reasons)
    yield from wrapped(f"{one.requirement.id}: {one.requirement.purpose} ({because})", "  ", "    ")
    for row in merged(one.flows, by_way=False):
        yield from wrapped(f"{names(row.sources)} > {names(row.destinations)} {_opening(one)}", "    ", "      ")


def _opening(one: Difference) -> str:
    if one.side is Side.BOTH:
        return f"{one.literal} as printed, {one.corrected} as corrected"
    return one.literal or one.corrected


def _reason(reason: Citation) -> str:
    return f"{reason}: {reason.says}"


def differences_markdown(found: Differences) -> str:
    """A table for a change request or a discussion."""
    rows = [
        (
            one.requirement.id,
            one.requirement.purpose,
            one.literal or "-",
            one.corrected or "-",
            listed([flow.id.partition("/")[2] for flow in one.flows]),
            "; ".join(map(_reason, one.reasons)),
        )
        for one in found.found
    ]
    header = ("Requirement", "Purpose", "As printed", "As corrected", "Between", "Because")
    lines = [f"# {escaped(_summary(found))}", "", *markdown_table(header, rows)]
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[Differences], str | Json]] = {
    "text": differences_text,
    "markdown": differences_markdown,
    "json": differences_json,
}
