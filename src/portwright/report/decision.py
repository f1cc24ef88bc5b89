"""A decision about one packet, as JSON by contract and as text for a person."""

from portwright.packets.packet import Packet
from portwright.policy.answer import Answerer
from portwright.policy.model import Rule
from portwright.policy.reference import rule_json, rule_reason
from portwright.policy.walk import Decided, Decision
from portwright.redact import redact
from portwright.report.context import in_context, point_name

_SAYING = {
    Decided.ACCEPT: "passes",
    Decided.DROP: "is dropped",
    Decided.REJECT: "is rejected",
    Decided.UNDECIDED: "is undecided",
}


def decision_json(line: str, packet: Packet, decision: Decision, answerer: Answerer) -> dict[str, object]:
    """The decision by contract: packet, decision, rule, via, undecided_by."""

    def reference(rule: Rule, reason: str = "") -> dict[str, object]:
        return rule_json(rule, point_name(answerer.configuration.file), reason)

    return {
        "packet": line,
        "decision": decision.decided.value,
        "rule": reference(decision.rule) if decision.rule is not None else None,
        "via": [reference(rule) for rule in decision.via],
        "undecided_by": [reference(rule, why) for rule, why in _doubts(packet, decision, answerer).items()],
    }


def _doubts(packet: Packet, decision: Decision, answerer: Answerer) -> dict[Rule, str]:
    """The rules that leave the answer open, with the reason of each."""
    by_rule = {rule: rule_reason(rule) for rule in decision.undecided_by}
    if not all(by_rule.values()):  # nothing is wrong with the rules: they differ by interface
        by_rule |= answerer.reasons(packet)
    return by_rule


def decision_text(line: str, packet: Packet, decision: Decision, answerer: Answerer, text: str) -> str:
    """The decision as a sentence, with the lines that decide in their context."""
    shown = [f"{line} {_SAYING[decision.decided]}"]
    if decision.decided is Decided.UNDECIDED:
        for rule, why in _doubts(packet, decision, answerer).items():
            shown += ["", f"  hangs on {rule.source}: {redact(why)}", *in_context(text, rule.source.line)]
        return "\n".join(shown)
    for rule in decision.via:
        shown += ["", f"  {_who(rule)} {rule.source}{_because(rule)}", *in_context(text, rule.source.line)]
    return "\n".join(shown)


def _who(rule: Rule) -> str:
    return "by default, see" if rule.default else "decided by"


def _because(rule: Rule) -> str:
    return f": {redact(rule_reason(rule))}" if rule_reason(rule) else ""
