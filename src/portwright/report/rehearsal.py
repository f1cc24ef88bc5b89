"""A rehearsal, as JSON by contract and as text for a person."""

from collections import Counter
from textwrap import wrap

from portwright.packets.names import protocol_name
from portwright.rehearse.evidence import FlowEvidence, Rehearsal, Tried
from portwright.report.context import WIDTH
from portwright.trace.run import Trace

SCHEMA = "portwright.rehearse/1"
TIER = "stand-in"

_WORDS = {True: "passes", False: "blocked", None: "not-tried"}
_OF_RULES = {
    "native": "its own rules",
    "rendered": "rules rendered from the plan",
    "translated": "rules translated from its configuration: no evidence that the original was read rightly",
}


def rehearsal_json(found: Rehearsal) -> dict[str, object]:
    """The rehearsal by contract `portwright.rehearse/1`."""
    return {
        "schema": SCHEMA,
        "site": found.plan.site.name,
        "tier": TIER,
        "rules_from": {rules.point: rules.origin for rules in found.rules},
        "verdict": verdict(found),
        "scenarios": [_scenario_json(one) for one in found.traces],
        "flows": [_flow_json(one) for one in found.flows],
        "unused": [flow.id for flow in found.unused],
        "unplanned": [
            {
                "host": one.node,
                "source": one.source,
                "destination": one.destination,
                "service": f"{one.protocol} {one.port}",
            }
            for one in found.unplanned
        ],
        "not_rehearsed": [
            {"point": rules.point, "file": place.file, "line": place.line, "reason": reason}
            for rules in found.rules
            for place, reason in rules.left_out
        ],
        "notes": list(found.notes),
    }


def verdict(found: Rehearsal) -> str:
    """works or broken."""
    return "broken" if found.broken or any(one.verdict == "broken" for one in found.traces) else "works"


def _scenario_json(found: Trace) -> dict[str, object]:
    steps = [
        {"step": one.step.step, "verdict": one.verdict.value, "flow": one.flow.id if one.flow else None}
        for one in found.steps
    ]
    return {"id": found.scenario.id, "verdict": found.verdict, "user_sees": found.user_sees or None, "steps": steps}


def _flow_json(one: FlowEvidence) -> dict[str, object]:
    return {
        "id": one.flow.id,
        "static": one.static.value,
        "rehearsed": _WORDS[one.passes],
        "reason": one.placed.reason or None,
        "exchanges": [_tried_json(tried) for tried in one.tried],
    }


def _tried_json(tried: Tried) -> dict[str, object]:
    return {"packet": packet_text(tried), "outcome": tried.outcome}


def packet_text(tried: Tried) -> str:
    """The request in the notation of packets."""
    exchange = tried.exchange
    source, destination = exchange.source_address, exchange.destination_address
    if exchange.version == 6:
        source, destination = f"[{source}]", f"[{destination}]"
    if not exchange.port:
        return f"{'icmp' if exchange.version == 4 else 'icmpv6'} {source} > {destination}"
    return f"{protocol_name(exchange.protocol)} {source}:{tried.source_port} > {destination}:{exchange.port}"


def rehearsal_text(found: Rehearsal) -> str:
    """The rehearsal for a person."""
    required = [one for one in found.flows if one.flow.is_required]
    words = Counter(_WORDS[one.passes] for one in required)
    works = "works, as far as it was played" if words["not-tried"] else "works"
    head = works if verdict(found) == "works" else "is broken"
    lines = [
        f"{found.plan.site.name} {head}: {words['passes']} of {len(required)} required flows pass in the rehearsal."
    ]
    lines += ["", "Who ran what", *(line for rules in found.rules for line in _rules_lines(found, rules.point))]
    lines += _blocked(found)
    lines += _disagreeing(found)
    lines += _not_tried(required)
    lines += _scenarios(found)
    lines += _records(found)
    notes = [f"Simpler than the site: {note}." for note in found.notes]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _rules_lines(found: Rehearsal, point: str) -> list[str]:
    rules = next(one for one in found.rules if one.point == point)
    lines = [f"  {point}: {_OF_RULES[rules.origin]}"]
    if rules.left_out:
        lines.append(f"    {len(rules.left_out)} lines of it are not rehearsed (--format json names them)")
    return lines


def _blocked(found: Rehearsal) -> list[str]:
    lines = ["", "Required, and blocked"] if found.broken else []
    for one in found.broken:
        failed = next(tried for tried in one.tried if tried.outcome != "answered")
        lines.append(f"  {one.flow.id}")
        lines.append(f"    {packet_text(failed)}: {failed.outcome}")
        lines += [f"    breaks {broken.scenario} at step {broken.step}" for broken in found.plan.breaks(one.flow)[:2]]
    return lines


def _disagreeing(found: Rehearsal) -> list[str]:
    """Where the proof says something else: one of the two is wrong, and both are ours."""
    told = [f"  {one.flow.id}: proof {one.static.value}, rehearsal {_WORDS[one.passes]}" for one in found.disagreements]
    return ["", "The proof says otherwise", *told] if told else []


def _not_tried(required: list[FlowEvidence]) -> list[str]:
    reasons = Counter(one.placed.reason for one in required if one.passes is None)
    lines = ["", "Required, and not tried"] if reasons else []
    return [*lines, *(f"  {count} flows: {reason}" for reason, count in reasons.most_common())]


def _scenarios(found: Rehearsal) -> list[str]:
    lines = ["", "Scenarios"] if found.traces else []
    width = max((len(one.scenario.id) for one in found.traces), default=0)
    for one in found.traces:
        word = (
            "not rehearsed" if one.verdict == "undecided" else one.verdict
        )  # its flows are of other phases, or not tried
        lines.append(f"  {one.scenario.id.ljust(width)}  {word}")
        if one.user_sees:
            lines += wrap(f"the user sees: {one.user_sees}", WIDTH, initial_indent="    ", subsequent_indent="    ")
    return lines


def _records(found: Rehearsal) -> list[str]:
    lines = ["", f"{len(found.seen)} connections were recorded where they arrived."]
    lines += [f"Required, answered, and recorded nowhere: {flow.id}" for flow in found.unused]
    lines += [
        f"Recorded, and in no plan: {one.protocol} {one.source} > {one.destination}:{one.port}"
        for one in found.unplanned
    ]
    return lines
