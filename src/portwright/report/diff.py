"""The differences between two configurations, as JSON by contract and as text."""

from textwrap import wrap

from portwright.policy.configuration import Configuration
from portwright.policy.difference import Comparison, Difference
from portwright.policy.model import Rule
from portwright.policy.reference import rule_json, rule_reason
from portwright.policy.text import box_text, packet_of
from portwright.policy.walk import Decided, Decision, changes_of
from portwright.redact import redact
from portwright.report.context import WIDTH, point_name
from portwright.report.effects import SiteComparison, effects_json, effects_text

_COVER = 3  # boxes of a difference that are spelled out
_RULES = 4  # rules of a side that are spelled out
_LONGEST = 600  # characters of a line that are shown
SCHEMA = "portwright.diff/1"


def diff_json(
    verdict: str,
    found: list[Difference],
    left_out: int,
    comparison: Comparison,
    old: Configuration,
    new: Configuration,
    compared: SiteComparison | None = None,
) -> dict[str, object]:
    """The differences by contract; `not_listed` counts the headers beyond those listed, `site` says what they mean."""

    def side(decision: Decision, configuration: Configuration) -> dict[str, object]:
        point = point_name(configuration.file)
        return {
            "decision": decision.decided.value,
            "rule": rule_json(decision.rule, point) if decision.rule else None,
            "via": [rule_json(rule, point) for rule in decision.via],
            "undecided_by": [rule_json(rule, point) for rule in decision.undecided_by],
        }

    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "differences": [
            {
                "witness": str(packet_of(difference.witness, comparison.interfaces)),
                "old": side(difference.old, old),
                "new": side(difference.new, new),
                "cover": [box_text(box, comparison.interfaces) for box in difference.cover],
            }
            for difference in found
        ],
        "not_listed": str(left_out),
        **({"site": effects_json(compared)} if compared is not None else {}),
    }


_HEADLINES = {
    "equal": "Equal: {old} and {new} treat every packet alike.",
    "different": "Different: {old} and {new} do not treat every packet alike.",
    "undecided": "Undecided: lines that are not modelled could make {old} and {new} differ.",
}


def diff_text(
    verdict: str,
    found: list[Difference],
    left_out: int,
    comparison: Comparison,
    old: Configuration,
    new: Configuration,
    compared: SiteComparison | None = None,
) -> str:
    """The differences for a person: what they mean for a site; what changes for which packets, and by which lines."""
    lines = [effects_text(compared, old.file, new.file), "", "Packet by packet"] if compared is not None else []
    lines += _wrapped(_HEADLINES[verdict].format(old=old.file, new=new.file), "", "")
    for number, difference in enumerate(found, 1):
        witness = packet_of(difference.witness, comparison.interfaces)
        lines += ["", f"{number}. {witness}", *_side("old", difference.old), *_side("new", difference.new)]
        cover = [box_text(box, comparison.interfaces) for box in difference.cover[:_COVER]]
        lines += ["   so do" if len(difference.cover) == 1 else "   so do, among others"]
        lines += [part for text in cover for part in _wrapped(text, " " * 5, " " * 7)]
    if left_out:
        lines += ["", f"{left_out:,} more headers are not listed."]
    if verdict == "different" and (doubts := comparison.doubts(1, {})[0]):
        lines += ["", *_wrapped(_beside(doubts[0]), "", "")]
    return "\n".join(lines)


def _beside(doubt: Difference) -> str:
    """That more packets may be treated differently, and a line that is to blame."""
    rules = [
        f"{rule.source} ({redact(rule_reason(rule))})" for rule in (*doubt.old.undecided_by, *doubt.new.undecided_by)
    ]
    such = f", such as {rules[0]}" if rules else ""
    return f"Beside these, some packets hang on lines that are not modelled{such}."


def _side(word: str, decision: Decision) -> list[str]:
    """What one configuration does with the witness, and the lines that make it so."""
    if decision.decided is Decided.UNDECIDED:
        deciding = [
            f"{rule.source}: {redact(rule_reason(rule))}\n{redact(rule.source.text)}" for rule in decision.undecided_by
        ]
    else:
        deciding = [_rule(decision.rule)] if decision.rule is not None else []
        deciding += [f"translated by {_rule(rule)}" for rule in decision.via if changes_of(rule)]
    lines = [f"   {word}  {decision.decided.value}"]
    for text in deciding[:_RULES]:
        place, _, quoted = text.partition("\n")
        lines += _wrapped(place, " " * 8, " " * 10) + _wrapped(quoted, " " * 10, " " * 12)
    return lines + ([f"        and {len(deciding) - _RULES} more"] if len(deciding) > _RULES else [])


def _rule(rule: Rule) -> str:
    """Where a rule stands, and on a line of its own what it says."""
    if rule.default:
        return f"{rule.source} (by default: {rule.reason})" if rule.reason else f"{rule.source} (by default)"
    return f"{rule.source}\n{redact(rule.source.text)}"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return wrap(text[:_LONGEST], WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
