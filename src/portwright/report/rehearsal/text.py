"""A rehearsal as text for a person."""

from collections import Counter
from textwrap import wrap

from portwright.catalog.model import Effect
from portwright.redact import redact
from portwright.rehearse.evidence import FlowEvidence, Rehearsal, Sampled, Tried
from portwright.rehearse.rules import Decider
from portwright.report.context import WIDTH
from portwright.report.rehearsal.document import WORDS, packet_text, verdict
from portwright.trace.run import Hop, Trace

_MOST_STOPPERS = 6  # lines about rules that stopped something
_OF_RULES = {
    "native": "its own rules",
    "rendered": "rules rendered from the plan",
    "translated": "rules translated from its configuration: no evidence that the original was read rightly",
}


def rehearsal_text(found: Rehearsal) -> str:
    """The rehearsal for a person."""
    required = [one for one in found.flows if one.flow.is_required]
    words = Counter(WORDS[one.passes] for one in required)
    works = "works, as far as it was played" if words["not-tried"] else "works"
    head = works if verdict(found) == "works" else "is broken"
    lines = [
        f"{found.plan.site.name} {head}: {words['passes']} of {len(required)} required flows pass in the rehearsal."
    ]
    lines += ["", "Broken on purpose", *(f"  {one}" for one in found.faults)] if found.faults else []
    lines += ["", "Who ran what", *(line for rules in found.rules for line in _rules_lines(found, rules.point))]
    lines += _blocked(found)
    lines += _disagreeing(found)
    lines += _not_tried(required)
    lines += _scenarios(found)
    lines += _records(found)
    lines += _sample(found)
    notes = [f"Note: {note}." for note in found.notes]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _rules_lines(found: Rehearsal, point: str) -> list[str]:
    rules = next(one for one in found.rules if one.point == point)
    lines = [f"  {point}: {_OF_RULES[rules.origin]}"]
    if rules.left_out:
        lines.append(f"    {len(rules.left_out)} lines of it are not rehearsed (--format json names them)")
    return lines


def _blocked(found: Rehearsal) -> list[str]:
    """What is needed and does not pass, and by which rule; what a fault explains is counted."""
    excuses = Counter(one.excused for one in found.broken if one.excused)
    lines = ["", "Required, and blocked"] if found.broken else []
    lines += [f"  {count} flows: {excuse}" for excuse, count in excuses.most_common()]
    for one in found.broken:
        if not one.excused:
            failed = next(tried for tried in one.tried if tried.outcome != "answered")
            lines.append(f"  {one.flow.id}")
            lines.append(f"    {packet_text(failed.exchange, failed.source_port)}: {_came_of(failed)}")
            lines += [
                f"    breaks {broken.scenario} at step {broken.step}" for broken in found.plan.breaks(one.flow)[:2]
            ]
    return lines


def _came_of(failed: Tried) -> str:
    """How an exchange ended, and which rule ended it."""
    if (decider := failed.stopped_by) is not None:
        word = "its reply was stopped" if decider is failed.reply_stopped_by else "stopped"
        return f"{word} by {_rule(decider)}"
    return f"{failed.outcome} ({failed.said})" if failed.said else failed.outcome


def _rule(decider: Decider) -> str:
    reference = decider.reference
    where = f"{reference.file}:{reference.line}" if reference.line else reference.file
    return f"{decider.point}, {where}  {redact(reference.text)}".rstrip()


def _disagreeing(found: Rehearsal) -> list[str]:
    """Where the proof says something else: one of the two is wrong, and both are ours."""
    told = [f"  {one.flow.id}: proof {one.static.value}, rehearsal {WORDS[one.passes]}" for one in found.disagreements]
    return ["", "The proof says otherwise", *told] if told else []


def _not_tried(required: list[FlowEvidence]) -> list[str]:
    reasons = Counter(one.placed.reason for one in required if one.passes is None)
    lines = ["", "Required, and not tried"] if reasons else []
    return [*lines, *(f"  {count} flows: {reason}" for reason, count in reasons.most_common())]


def _scenarios(found: Rehearsal) -> list[str]:
    lines = ["", "Scenarios"] if found.traces else []
    width = max((len(one.scenario.id) for one in found.traces), default=0)
    for one in found.traces:
        word, played = found.verdict_of(one), found.plays.get(one.scenario.id)
        word = "not rehearsed" if word == "undecided" else word  # its flows are of other phases, or not tried
        lines.append(f"  {one.scenario.id.ljust(width)}  {word.ljust(8)}  {played.told if played else ''}".rstrip())
        if one.user_sees:
            lines += wrap(f"the user sees: {one.user_sees}", WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines += [f"    step {step}: what comes of it comes later, and cannot be seen here" for step in _late(one)]
    return lines


def _late(one: Trace) -> list[str]:
    """The blocked steps of which nobody notices anything at first."""
    blocked = (found.step for found in one.steps if found.verdict is Hop.BLOCKED)
    return list(dict.fromkeys(step.step for step in blocked if step.effect is Effect.LATER))


def _records(found: Rehearsal) -> list[str]:
    lines = ["", f"{len(found.seen)} connections were recorded where they arrived."]
    lines += [f"Required, answered, and recorded nowhere: {flow.id}" for flow in found.unused]
    lines += [
        f"Recorded, and in no plan: {one.protocol} {one.source} > {one.destination}:{one.port}"
        for one in found.unplanned
    ]
    return lines


def _sample(found: Rehearsal) -> list[str]:
    """What nobody needs: how many of it were stopped, by which rules, and what was not."""
    if not found.sample:
        return []
    stoppers = Counter(one.decided_by[-1] for one in found.sample if one.is_blocked)
    lines = ["", f"Of {len(found.sample)} packets that nobody needs, {stoppers.total()} were stopped by a rule"]
    lines += [f"  {count:4}  {_rule(decider)}" for decider, count in stoppers.most_common(_MOST_STOPPERS)]
    rest = stoppers.total() - sum(count for _, count in stoppers.most_common(_MOST_STOPPERS))
    lines += [f"  {rest:4}  by others (--format json names them)"] if rest else []
    for one in found.sample:
        if not one.is_blocked:
            lines.append(f"  {packet_text(one.exchange, one.source_port)}: {_not_blocked(one)}")
    return lines


def _not_blocked(one: Sampled) -> str:
    if one.decided_by:
        word = "arrived" if one.has_arrived else "not stopped"
        return f"{word}, let through by {_rule(one.decided_by[-1])}"
    return "arrived" if one.has_arrived else "no rule was seen to stop it"
