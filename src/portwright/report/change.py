"""A change of configurations, as JSON by contract and as text for a person: rule by rule, why, and what was proved."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from portwright.check.wording import consequence
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference, reference_json
from portwright.redact import redact
from portwright.render.model import Change, Proof, Remaining, Step
from portwright.report.check.document import break_json
from portwright.report.context import WIDTH

SCHEMA = "portwright.change/1"
_HOW = "Proved on the text and by the commands, there and back"
_LISTED = 6  # flows or packets that a line spells out
_VERDICTS = {
    "proved": "proved",
    "partly": "proved, and something remains",
    "stuck": "nothing that a rule could mend",
    "failed": "NOT proved, and not written",
    "nothing": "nothing to change",
}


def verdict(change: Change) -> str:
    """How it stands with a change: proved, partly, stuck, failed or nothing."""
    if change.proof.failures:
        return "failed"
    if change.remaining:
        return "stuck" if change.is_empty else "partly"
    return "nothing" if change.is_empty else "proved"


def change_json(plan: Plan, changes: Sequence[Change]) -> dict[str, object]:
    """The changes by contract `portwright.change/1`."""
    return {"schema": SCHEMA, "site": plan.site.name, "points": [_point_json(change) for change in changes]}


def _point_json(change: Change) -> dict[str, object]:
    return {
        "name": change.point,
        "platform": change.platform,
        "file": change.file,
        "verdict": verdict(change),
        "steps": [_step_json(step) for step in change.steps],
        "commands": _masked(change.commands),
        "rollback": _masked(change.rollback),
        "remaining": [
            {
                "what": redact(one.what),
                "reason": one.reason,
                "undecided": one.is_undecided,
                "because": reference_json(one.because) if one.because else None,
            }
            for one in change.remaining
        ],
        "proof": {
            "mended": list(change.proof.mended),
            "gained": list(change.proof.gained),
            "lost": list(change.proof.lost),
            "opened": list(change.proof.opened),
            "moved": list(change.proof.moved),
            "known_connections": change.proof.knows_connections,
            "failures": list(change.proof.failures),
        },
    }


def _masked(lines: Sequence[str]) -> list[str]:
    """Lines of a configuration without what they keep secret, which only the files that are written have."""
    return [redact(line) for line in lines]


def _step_json(step: Step) -> dict[str, object]:
    return {
        "place": redact(step.edit.place),
        "added": _masked(step.edit.added),
        "removed": _masked(step.edit.removed),
        "because": reference_json(step.because),
        "requirements": list(step.requirements),
        "flows": list(step.flows),
        "breaks": [break_json(broken) for broken in step.breaks],
    }


def change_text(plan: Plan, changes: Sequence[Change]) -> str:
    """The changes for a person, a part for each point."""
    return "\n\n".join("\n".join(_point(plan, change)) for change in changes)


def _point(plan: Plan, change: Change) -> Iterator[str]:
    yield f"{change.point} ({change.platform}, {change.file}): {_VERDICTS[verdict(change)]}"
    for number, step in enumerate(change.steps, 1):
        yield ""
        yield from _step(plan, number, step)
    for title, lines in (("Commands", change.commands), ("The way back", change.rollback)):
        if lines:
            yield from ("", title, *(f"    {line}" for line in _masked(lines)))
    if change.steps or change.proof.failures:
        yield from ("", *_proof(change.proof))
    for group in _alike(change.remaining):
        yield from ("", *_remaining(group))


def _step(plan: Plan, number: int, step: Step) -> Iterator[str]:
    moves = step.edit.removed == step.edit.added
    yield f"{number}. {redact(step.edit.place)}{', moved up' if moves else ''}"
    yield from (f"   - {line}" for line in _masked(step.edit.removed) if not moves)
    yield from (f"   + {line}" for line in _masked(step.edit.added))
    because = "stopped by" if step.flows else "for what nothing needs of"
    because = "led elsewhere by" if step.leads else because
    yield from _wrapped(f"{because} {_rule(step.because)}", "     ")
    if step.flows:
        yield from _wrapped(_listed(step.flows), "     for ")
    if step.breaks:
        yield from _wrapped(consequence(plan, step.breaks), "     without it: ")


def _rule(rule: RuleReference) -> str:
    place = f"{rule.file}:{rule.line}" if rule.line else rule.file
    if rule.default:
        return f"{place} (by default: {rule.reason})"
    text = f"{place}: {redact(rule.text)}"
    return f"{text} ({redact(rule.reason)})" if rule.reason else text


def _listed(parts: Sequence[str]) -> str:
    shown = ", ".join(parts[:_LISTED])
    return shown if len(parts) <= _LISTED else f"{shown} and {len(parts) - _LISTED} more"


def _proof(proof: Proof) -> Iterator[str]:
    if proof.failures:
        yield "Not proved:"
        yield from (line for text in proof.failures for line in _wrapped(text, "    "))
        return
    number = len(proof.mended)
    flows = f"{number} required flow{'s' if number > 1 else ''} {'pass' if number > 1 else 'passes'} that did not"
    yield from _wrapped(f"{_HOW}: {flows}." if number else f"{_HOW}.", "")
    known = ["packets of connections that were let through"] if proof.knows_connections else []
    yield from _wrapped("; ".join([*proof.gained, *known]) or "nothing", "    passes more: ")
    if proof.opened:
        yield from _wrapped("; ".join(proof.opened), "    and of this nothing needs: ")
    if proof.moved:
        yield from _wrapped("; ".join(proof.moved), "    is translated otherwise: ")
    yield from _wrapped("; ".join(proof.lost) or "nothing", "    passes less: ")


def _alike(remaining: Sequence[Remaining]) -> list[list[Remaining]]:
    """What remains, by its reason."""
    groups: dict[object, list[Remaining]] = {}
    for one in remaining:
        groups.setdefault((one.reason, one.because), []).append(one)
    return list(groups.values())


def _remaining(group: Sequence[Remaining]) -> Iterator[str]:
    first = group[0]
    yield from _wrapped(f"{_listed([redact(one.what) for one in group])}: {first.reason}", "Remains: ")
    if first.because is not None:
        yield from _wrapped(_rule(first.because), "    ")


def _wrapped(text: str, first: str) -> list[str]:
    indent = " " * (len(first) - len(first.lstrip()) + 2)
    return wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
