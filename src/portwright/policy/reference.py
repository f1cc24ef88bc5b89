"""Rules as reports name them: the same everywhere."""

from dataclasses import dataclass

from portwright.packets.box import Doubt
from portwright.policy.model import Rule
from portwright.redact import redact


@dataclass(frozen=True, slots=True)
class RuleReference:
    """A rule of a configuration."""

    point: str  # the enforcement point; the file's stem where there is no site
    file: str
    line: int  # 1-based; 0 for the file as a whole
    text: str
    default: bool = False  # nobody wrote it
    reason: str = ""  # why a default is so, or what could not be modelled


def rule_reference(rule: Rule, point: str, reason: str = "") -> RuleReference:
    """A rule as reports name it."""
    source = rule.source
    return RuleReference(point, source.file, source.line, source.text, rule.default, reason or rule_reason(rule))


def rule_json(rule: Rule, point: str, reason: str = "") -> dict[str, object]:
    """A rule by contract: point, file, line, text, whether nobody wrote it, and why it decides or is in doubt."""
    return reference_json(rule_reference(rule, point, reason))


def reference_json(rule: RuleReference) -> dict[str, object]:
    """A reference by contract, its fields in their order; secrets in what the configuration says are masked."""
    shown = {"text": redact(rule.text), "reason": redact(rule.reason)}
    return {name: shown.get(name, getattr(rule, name)) for name in RuleReference.__slots__}


def rule_reason(rule: Rule) -> str:
    """Why a rule is a default or in doubt; empty for an ordinary rule."""
    doubts = [
        doubt.reason if _is_here(doubt, rule) else f"{doubt.reason} ({doubt.source})" for doubt in rule.match.doubts
    ]
    own = rule.reason if all(rule.reason not in doubt for doubt in doubts) else ""
    return "; ".join(dict.fromkeys(filter(None, (own, *doubts))))


def _is_here(doubt: Doubt, rule: Rule) -> bool:
    return doubt.source is None or (doubt.source.file, doubt.source.line) == (rule.source.file, rule.source.line)
