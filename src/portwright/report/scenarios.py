"""All scenarios of a site: which happen, and how those that were traced ended; as JSON and as text."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from portwright.catalog.model import Phase, Scenario
from portwright.plan.model import Plan
from portwright.report.context import WIDTH
from portwright.report.trace import trace_json
from portwright.trace.run import Hop, Trace, waits_for

LIST_SCHEMA = "portwright.scenarios/1"
ALL_SCHEMA = "portwright.traces/1"

Elsewhere = Sequence[tuple[Scenario, str]]  # scenarios that do not happen on the site, and why

_ENDINGS = {  # verdict -> how a row says it
    "works": "works",
    "degraded": "not well",
    "broken": "BROKEN",
    "undecided": "UNDECIDED",
}
_WAITING = "not now"


def scenarios_json(plan: Plan, happening: Sequence[Scenario], elsewhere: Elsewhere) -> dict[str, object]:
    """The scenarios that a site may be asked about, by contract `portwright.scenarios/1`."""
    return {
        "schema": LIST_SCHEMA,
        "site": plan.site.name,
        "scenarios": [{"scenario": one.id, "title": one.title} for one in happening],
        "elsewhere": _elsewhere_json(elsewhere),
    }


def traces_json(plan: Plan, traces: Sequence[Trace], elsewhere: Elsewhere) -> dict[str, object]:
    """The traces of all scenarios, by contract `portwright.traces/1`."""
    return {
        "schema": ALL_SCHEMA,
        "site": plan.site.name,
        "traces": [trace_json(found) for found in traces],
        "waiting": [
            {"scenario": found.scenario.id, "phases": [phase.value for phase in phases]}
            for found in traces
            if (phases := waits_for(found, plan))
        ],
        "elsewhere": _elsewhere_json(elsewhere),
    }


def _elsewhere_json(elsewhere: Elsewhere) -> list[dict[str, str]]:
    return [{"scenario": one.id, "title": one.title, "because": reason} for one, reason in elsewhere]


def scenarios_text(plan: Plan, happening: Sequence[Scenario], elsewhere: Elsewhere) -> str:
    """The scenarios for a person."""
    number = len(happening)
    head = f"{plan.site.name}: {number} scenario{'' if number == 1 else 's'} can be traced"
    return "\n".join([head, "", *_rows([(one.id, one.title) for one in happening]), *_not_here(elsewhere)])


def traces_text(plan: Plan, traces: Sequence[Trace], elsewhere: Elsewhere) -> str:
    """How each scenario ends, in a line or two."""
    rows = [_row(found, waits_for(found, plan)) for found in traces]
    return "\n".join([_headline(plan, traces), "", *_rows(rows), *_not_here(elsewhere)])


def _headline(plan: Plan, traces: Sequence[Trace]) -> str:
    counts = Counter(_WAITING if waits_for(found, plan) else _ENDINGS[found.verdict] for found in traces)
    endings = [ending for ending in (*_ENDINGS.values(), _WAITING) if counts[ending] and ending != "works"]
    others = "".join(f", {counts[ending]} {ending.lower()}" for ending in endings)
    return f"{plan.site.name}: {counts['works']} of {len(traces)} scenarios work{others}"


def _row(found: Trace, phases: Sequence[Phase]) -> tuple[str, str, str]:
    if not phases:
        return _ENDINGS[found.verdict], found.scenario.id, _ending(found)
    return _WAITING, found.scenario.id, f"closed now, needed only in {' and '.join(phases)}: {_ending(found)}"


def _ending(found: Trace) -> str:
    """What the scenario is; where it does not work, at which step and what the user sees."""
    stopped = found.stopped_at
    if stopped is None:
        return found.scenario.title
    where = f"at step {stopped.step.step}, {stopped.source} > {stopped.destination}"
    if stopped.verdict is Hop.BLOCKED:
        return f"{where}: {found.user_sees}" if found.user_sees else where
    return f"{where}: {'not placed' if stopped.verdict is Hop.NOT_PLACED else 'it cannot be decided whether it passes'}"


def _not_here(elsewhere: Elsewhere) -> list[str]:
    if not elsewhere:
        return []
    return ["", "Does not happen here", *_rows([(one.id, reason) for one, reason in elsewhere])]


def _rows(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of a table, the last column as wide as there is room."""
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    lines = []
    for *cells, text in rows:
        head = "  " + "".join(f"{cell:<{width + 2}}" for cell, width in zip(cells, widths, strict=True))
        parts = wrap(text, WIDTH - len(head), break_on_hyphens=False) or [""]
        lines += [f"{head if not number else ' ' * len(head)}{part}".rstrip() for number, part in enumerate(parts)]
    return lines
