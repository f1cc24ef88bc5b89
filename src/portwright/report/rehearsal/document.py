"""A rehearsal as JSON, by contract `portwright.rehearse/1`."""

from portwright.packets.fields import ICMP
from portwright.packets.names import PROTOCOL_NAMES, protocol_name
from portwright.policy.reference import reference_json
from portwright.rehearse.evidence import Exchange, FlowEvidence, Rehearsal, Sampled, Tried
from portwright.trace.run import Hop, Trace, TracedStep

SCHEMA = "portwright.rehearse/1"
WORDS = {True: "passes", False: "blocked", None: "not-tried"}
Json = dict[str, object]


def rehearsal_json(found: Rehearsal) -> Json:
    """The document."""
    return {
        "schema": SCHEMA,
        "site": found.plan.site.name,
        "tier": found.tier,
        "services": [{"host": node, "service": service, "tier": tier} for (node, service), tier in found.tiers.items()],
        "rules_from": {rules.point: rules.origin for rules in found.rules},
        "faults": list(found.faults),
        "verdict": verdict(found),
        "scenarios": [_scenario_json(found, one) for one in found.traces],
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
        "blocked_sample": {
            "tried": len(found.sample),
            "blocked": sum(one.is_blocked for one in found.sample),
            "not_blocked": [_sampled_json(one) for one in found.sample if not one.is_blocked],
            "by": [_sampled_json(one) for one in found.sample if one.is_blocked],
        },
        "not_rehearsed": [
            {"point": rules.point, "file": place.file, "line": place.line, "reason": reason}
            for rules in found.rules
            for place, reason in rules.left_out
        ],
        "notes": list(found.notes),
    }


def why_partly(one: FlowEvidence) -> str:
    """Why a flow of which everything passes that was played is not whole."""
    ways = len({route.forward for route in one.flow.routes})
    others = f"other packets of it, or on others of its {ways} ways" if ways > 1 else "other packets of it"
    return f"what was played passes, and the proof says that {others} are stopped"


def verdict(found: Rehearsal) -> str:
    """works or broken."""
    return "broken" if found.broken or any(found.verdict_of(one) == "broken" for one in found.traces) else "works"


def _scenario_json(found: Rehearsal, one: Trace) -> Json:
    played = found.plays.get(one.scenario.id)
    return {
        "id": one.scenario.id,
        "verdict": found.verdict_of(one),
        "user_sees": one.user_sees or None,
        "played": None if played is None else {"works": played.works, "told": played.told},
        "steps": [_step_json(found, one, step) for step in one.steps],
    }


def _step_json(found: Rehearsal, trace: Trace, one: TracedStep) -> Json:
    return {
        "step": one.step.step,
        "verdict": one.verdict.value,
        "flow": one.flow.id if one.flow else None,
        "opened": found.opened(trace.scenario.id, one),
        "effect": one.step.effect.value if one.verdict is Hop.BLOCKED else None,
    }


def _flow_json(one: FlowEvidence) -> Json:
    decider = one.decided_by
    return {
        "id": one.flow.id,
        "static": one.static.value,
        "rehearsed": WORDS[one.passes],
        "decided_by": reference_json(decider.reference) if decider else None,
        "reason": one.placed.reason or (why_partly(one) if one.is_partly_played else None),
        "exchanges": [_tried_json(tried) for tried in one.tried],
    }


def _tried_json(tried: Tried) -> Json:
    return {
        "packet": packet_text(tried.exchange, tried.source_port),
        "outcome": tried.outcome,
        "said": tried.said or None,
        "via": [reference_json(one.reference) for one in tried.decided_by],
    }


def _sampled_json(one: Sampled) -> Json:
    rule = one.decided_by[-1].reference if one.decided_by else None
    return {
        "packet": packet_text(one.exchange, one.source_port),
        "decided_by": reference_json(rule) if rule else None,
        "arrived": one.has_arrived,
    }


def packet_text(exchange: Exchange, source_port: int) -> str:
    """The request in the notation of packets."""
    source, (destination, port) = exchange.source_address, exchange.to
    if exchange.version == 6:
        source, destination = f"[{source}]", f"[{destination}]"
    if exchange.protocol == ICMP:
        return f"{'icmp' if exchange.version == 4 else 'icmpv6'} {source} > {destination}"
    if not exchange.port:
        name = PROTOCOL_NAMES.get(exchange.protocol, f"proto {exchange.protocol}")
        return f"{name} {source} > {destination}"
    return f"{protocol_name(exchange.protocol)} {source}:{source_port} > {destination}:{port}"
