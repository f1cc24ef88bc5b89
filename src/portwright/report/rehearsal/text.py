"""A rehearsal as text for a person."""

from collections import Counter
from collections.abc import Iterable, Mapping

from portwright.catalog.model import Effect
from portwright.redact import redact
from portwright.rehearse.evidence import FlowEvidence, Rehearsal, Sampled, Tier, Tried
from portwright.rehearse.rules.running import Decider, Rules
from portwright.report.catalog_layout import counted
from portwright.report.context import WIDTH, folded
from portwright.report.rehearsal.document import WORDS, packet_text, verdict, why_partly
from portwright.trace.run import Hop, Trace

_MOST_STOPPERS = 6  # lines about rules that stopped something
_WORD = len("not rehearsed")
_PLAYERS: Mapping[Tier, str] = {"real": "by real programs", "stand-in": "by stand-ins", "echo": "by an echo"}
_OF_RULES: Mapping[str, str] = {
    "native": "its own rules",
    "rendered": "rules rendered from the plan",
    "translated": "rules translated from its configuration: no evidence that the original was read rightly",
}


def rehearsal_text(found: Rehearsal) -> str:
    """The rehearsal for a person, as wide as reports are: what came of it first, then who played it."""
    required = [one for one in found.flows if one.is_needed]
    lines = folded(_headline(found, required))
    lines += _listed("Broken on purpose", found.faults)
    lines += _blocked(found)
    lines += _disagreeing(found)
    lines += _not_tried(required)
    lines += _scenarios(found)
    lines += _sample(found)
    lines += _records(found)
    lines += _players(found)
    notes = [line for note in found.notes for line in folded(f"Note: {note}.", rest="  ")]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _headline(found: Rehearsal, required: list[FlowEvidence]) -> str:
    """What is true of everything, and never more than was played."""
    words = Counter(WORDS[one.passes] for one in required)
    passing = f"{words['passes']} of {counted(len(required), 'required flow')} pass in the rehearsal"
    heads = []
    if verdict(found) == "broken":
        heads.append("is broken")
    elif not words["passes"]:
        return f"{found.plan.site.name}: nothing that is required was rehearsed."
    else:
        is_whole = not words["not-tried"] and not any(one.is_partly_played for one in required)
        heads.append("works" if is_whole else "works, as far as it was played")
    if found.disagreements:
        heads.append("contradicts the proof")
    if any(not one.is_blocked for one in found.sample):
        heads.append("may be open for what nobody needs")
    return f"{found.plan.site.name} {', and '.join(heads)}: {passing}."


def _listed(title: str, entries: Iterable[str]) -> list[str]:
    lines = [line for entry in entries for line in folded(entry, "  ", "      ")]
    return ["", title, *lines] if lines else []


def _cut(text: str) -> str:
    """A line of a table: as wide as reports are."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _players(found: Rehearsal) -> list[str]:
    """Whose rules ran in the kernel, and who answered."""
    tiers = Counter(found.tiers.values())
    served = [f"{tiers[tier]} {what}" for tier, what in _PLAYERS.items() if tiers[tier]]
    return _listed("Who ran what", [*map(_rules_line, found.rules), f"services: {', '.join(served) or 'none'}"])


def _rules_line(rules: Rules) -> str:
    left_out = counted(len(rules.left_out), "line")
    rest = f"; {left_out} of it not rehearsed (--format json names them)" if rules.left_out else ""
    return f"{rules.point}: {_OF_RULES[rules.origin]}{rest}"


def _blocked(found: Rehearsal) -> list[str]:
    """What is needed and does not pass, and by which rule; what a fault explains is counted."""
    excuses = Counter(one.excused for one in found.broken if one.excused)
    lines = ["", "Required, and blocked"] if found.broken else []
    lines += [f"  {counted(count, 'flow')}: {excuse}" for excuse, count in excuses.most_common()]
    for one in found.broken:
        if not one.excused:
            failed = next(tried for tried in one.tried if tried.outcome != "answered")
            lines.append(f"  {one.flow.id}")
            packet = packet_text(failed.exchange, failed.source_port)
            lines += folded(f"{packet}: {_came_of(failed)}", "    ", "      ")
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
    told = (f"{one.flow.id}: proof {one.static.value}, rehearsal {WORDS[one.passes]}" for one in found.disagreements)
    return _listed("The proof says otherwise", told)


def _not_tried(required: list[FlowEvidence]) -> list[str]:
    reasons = Counter(one.placed.reason for one in required if one.passes is None)
    told = [f"{counted(count, 'flow')}: {reason}" for reason, count in reasons.most_common()]
    told += [f"{one.flow.id}: {why_partly(one)}" for one in required if one.is_partly_played]
    return _listed("Required, and not tried", told)


def _scenarios(found: Rehearsal) -> list[str]:
    lines = ["", "Scenarios"] if found.traces else []
    width = max((len(one.scenario.id) for one in found.traces), default=0)
    for one in found.traces:
        word, told = _verdict(found, one)
        lines += folded(told, f"  {one.scenario.id.ljust(width)}  {word.ljust(_WORD)}  ", " " * (width + _WORD + 6))
        if one.user_sees:
            lines += folded(f"the user sees: {one.user_sees}", "    ", "      ")
        lines += [f"    step {step}: what comes of it comes later, and cannot be seen here" for step in _late(one)]
    return [line.rstrip() for line in lines]


def _verdict(found: Rehearsal, one: Trace) -> tuple[str, str]:
    """The verdict of a scenario, and what its player saw, or why there was none."""
    word, played = found.verdict_of(one), found.plays.get(one.scenario.id)
    if word == "undecided":
        return "not rehearsed", _why_not(found, one)
    return word, played.told if played else "as its flows pass" if word == "works" else ""


def _why_not(found: Rehearsal, one: Trace) -> str:
    flows = [step.flow for step in one.steps if step.verdict is Hop.UNDECIDED and step.flow is not None]
    tried = (found.by_flow.get(flow.id) for flow in flows)
    reasons = (evidence.placed.reason if evidence else "flows of another phase are not played" for evidence in tried)
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason)) or "none of its flows is needed here"


def _late(one: Trace) -> list[str]:
    """The blocked steps of which nobody notices anything at first."""
    blocked = (found.step for found in one.steps if found.verdict is Hop.BLOCKED)
    return list(dict.fromkeys(step.step for step in blocked if step.effect is Effect.LATER))


def _records(found: Rehearsal) -> list[str]:
    number = counted(len(found.seen), "connection")
    lines = ["", f"Recorded where they arrived: {number}."]
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
    lines = ["", f"Of {len(found.sample)} packets that nobody needs, stopped by a rule: {stoppers.total()}"]
    lines += [_cut(f"  {count:4}  {_rule(decider)}") for decider, count in stoppers.most_common(_MOST_STOPPERS)]
    rest = stoppers.total() - sum(count for _, count in stoppers.most_common(_MOST_STOPPERS))
    lines += [f"  {rest:4}  by others (--format json names them)"] if rest else []
    for one in found.sample:
        if not one.is_blocked:
            lines += folded(f"{packet_text(one.exchange, one.source_port)}: {_not_blocked(one)}", "  ", "    ")
    return lines


def _not_blocked(one: Sampled) -> str:
    if one.decided_by:
        word = "arrived" if one.has_arrived else "not stopped"
        return f"{word}, let through by {_rule(one.decided_by[-1])}"
    return "arrived" if one.has_arrived else "no rule was seen to stop it"
