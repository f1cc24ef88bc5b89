"""A traced scenario, as JSON by contract and as text for a person."""

from collections.abc import Mapping
from textwrap import wrap

from portwright.check.obstacle import Obstacle
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference, rule_reference
from portwright.redact import redact
from portwright.report.check import deciding_json
from portwright.report.context import WIDTH, in_context
from portwright.trace.run import Hop, Trace, TracedStep

SCHEMA = "portwright.trace/1"

_SIGNS = {
    Hop.ALLOWED: "passes",
    Hop.BLOCKED: "BLOCKED",
    Hop.SAME_HOST: "same host",
    Hop.NO_FIREWALL: "no firewall",
    Hop.TUNNELED: "in the tunnel",
    Hop.RETURN: "open connection",
    Hop.UNDECIDED: "UNDECIDED",
    Hop.NOT_PLACED: "not placed",
}
_VERBS = {
    "missing": "blocks it",
    "reply": "blocks the replies",
    "bypass": "sees one direction of the connection alone and blocks it",
    "undecided": "leaves it undecided",
}
_HEADLINES = {
    "works": "works",
    "degraded": "works, but not well",
    "broken": "is broken",
    "undecided": "cannot be decided",
}


def trace_json(found: Trace) -> dict[str, object]:
    """The trace by contract `portwright.trace/1`."""
    return {
        "schema": SCHEMA,
        "scenario": found.scenario.id,
        "verdict": found.verdict,
        "steps": [
            {
                "step": traced.step.step,
                "source": traced.source,
                "destination": traced.destination,
                "service": traced.flow.requirement.service if traced.flow else traced.step.service,
                "verdict": traced.verdict.value,
                **deciding_json(deciders(traced)),
            }
            for traced in found.steps
        ],
        "user_sees": found.user_sees or None,
        "left_out": [{"step": step, "because": reason} for step, reason in found.left_out.items()],
    }


def deciders(traced: TracedStep) -> list[RuleReference]:
    """The rules that stop a leg, or leave it open."""
    return [rule_reference(rule, obstacle.point) for obstacle in traced.obstacles for rule in obstacle.rules]


def trace_text(found: Trace, plan: Plan, texts: Mapping[str, str]) -> str:
    """The trace for a person: the verdict, the steps, and what stops the first that does not work."""
    lines = [f"{found.scenario.title}: {_HEADLINES[found.verdict]}{_where(found)}"]
    if found.user_sees:
        lines += wrap(f"The user sees: {found.user_sees}", WIDTH, initial_indent="  ", subsequent_indent="  ")
    lines += ["", *_table(found)]
    lines += [""] if found.left_out else []
    for step, reason in found.left_out.items():
        lines += wrap(f"Step {step} is not taken here: {reason}.", WIDTH, break_on_hyphens=False)
    stopped = found.stopped_at
    if stopped is not None:
        lines += ["", *_explained(stopped, plan, texts)]
    return "\n".join(lines)


def _where(found: Trace) -> str:
    stopped = found.stopped_at
    return f" at step {stopped.step.step}" if stopped is not None else ""


def _table(found: Trace) -> list[str]:
    rows = [
        (traced.step.step, f"{traced.source} > {traced.destination}", _service(traced), _SIGNS[traced.verdict])
        for traced in found.steps
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = []
    for traced, row in zip(found.steps, rows, strict=True):
        mark = ">" if traced is found.stopped_at else " "
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        lines.append(f"{mark} {cells}  {row[3]}".rstrip())
    return lines


def _service(traced: TracedStep) -> str:
    if traced.flow is None or traced.verdict in (Hop.RETURN, Hop.SAME_HOST):
        return traced.step.service
    return f"{traced.flow.requirement.service} {traced.flow.describe()}"


def _explained(traced: TracedStep, plan: Plan, texts: Mapping[str, str]) -> list[str]:
    """Why a leg does not surely work: what it carries, the rule in its context, where the paper says so."""
    lines = [f"Step {traced.step.step} carries {traced.step.carries}."]
    if traced.verdict is Hop.NOT_PLACED:
        lines.append(
            f"The site does not say where {traced.destination} runs for {traced.source}: nobody placed it, or there "
            "are several and no 'uses' says which."
        )
    for obstacle in traced.obstacles:
        lines += _obstacle(obstacle, texts)
    if traced.flow is not None:
        cited = [str(plan.catalog.citations[id]) for id in traced.flow.requirement.citations]
        lines.append(f"Needed for {traced.flow.requirement.id}, written in {'; '.join(cited)}")
    return [part for line in lines for part in _fitting(line)]


def _fitting(line: str) -> list[str]:
    """A sentence, wrapped; a quoted line as it is."""
    return [line] if line.startswith(" ") else wrap(line, WIDTH, break_on_hyphens=False)


def _obstacle(obstacle: Obstacle, texts: Mapping[str, str]) -> list[str]:
    word = _VERBS[obstacle.kind]
    lines = []
    for rule in (rule_reference(rule, obstacle.point) for rule in obstacle.rules):
        because = f": {redact(reason)}" if (reason := obstacle.reason or rule.reason) else ""
        lines.append(f"{obstacle.point} {word} by {rule.file}:{rule.line}{because}")
        lines += in_context(texts.get(rule.file, ""), rule.line) if rule.line else []
    return lines or [f"{obstacle.point or 'The site'}: {obstacle.reason}"]
