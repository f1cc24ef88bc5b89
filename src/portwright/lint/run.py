"""Lints a configuration: rules without effect, rules that permit everything, loose objects, lines not understood."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portwright.findings import Finding, Kind, Severity, told_apart
from portwright.packets.box import Box
from portwright.packets.fields import Field, State
from portwright.packets.intervals import contains
from portwright.policy.anomalies import Anomaly, anomalies
from portwright.policy.configuration import Configuration, Remark, Unknown
from portwright.policy.model import Rule, Stage, Verdict
from portwright.policy.reference import RuleReference, rule_reference
from portwright.policy.text import packet_of
from portwright.source import Source

_NARROWING = (Field.SRC, Field.DST, Field.PROTOCOL, Field.SPORT, Field.DPORT, Field.TYPE, Field.FLAGS)
_LOOPBACK = "lo"


@dataclass(frozen=True, slots=True, eq=False)
class LintReport:
    """What was found in one configuration."""

    configuration: Configuration
    text: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """findings, undecided (lines were not understood) or clean."""
        if any(finding.severity in (Severity.ERROR, Severity.WARNING) for finding in self.findings):
            return "findings"
        return "undecided" if self.configuration.census.unknown else "clean"


def lint(configuration: Configuration, text: str, point: str) -> LintReport:
    """All findings, in the order of the file."""
    stages = list(_stages(configuration))
    findings = [
        *without_effect(stages, point),
        *_any_any(stages, configuration, point),
        *(remarked(remark, point) for remark in configuration.remarks),
        *(_not_understood(unknown, point) for unknown in configuration.census.unknown),
    ]
    findings.sort(key=lambda finding: finding.decided_by[0].line if finding.decided_by else 0)
    return LintReport(configuration, text, told_apart(findings))


def _stages(configuration: Configuration) -> Iterator[Stage]:
    """Every stage of every hook, each once."""
    seen: set[str] = set()
    for policy in configuration.policies.values():
        for stage in policy.stages:
            if stage.name not in seen:
                seen.add(stage.name)
                yield stage


def _line(source: Source) -> tuple[str, int, str]:
    return source.file, source.line, source.text


def without_effect(stages: Sequence[Stage], point: str) -> Iterator[Finding]:
    """Lines all of whose rules are shadowed, or redundant, wherever they stand."""
    found: defaultdict[tuple[str, int, str], list[Anomaly]] = defaultdict(list)
    standing: defaultdict[tuple[str, int, str], set[Rule]] = defaultdict(set)
    for stage in stages:
        for chain in stage.chains.values():
            for rule in chain.rules:
                standing[_line(rule.source)].add(rule)
        for anomaly in anomalies(stage):
            found[_line(anomaly.rule.source)].append(anomaly)
    for line, those in found.items():
        kinds = {anomaly.kind for anomaly in those}
        if len(kinds) == 1 and {anomaly.rule for anomaly in those} == standing[line]:
            yield _anomaly(those, point)


def _anomaly(those: list[Anomaly], point: str) -> Finding:
    """A line without effect: the line first, then those that make it so."""
    first = those[0]
    because = dict.fromkeys(rule for anomaly in those for rule in anomaly.because_of)
    shadowed = first.kind == "shadowed"
    message = "can never decide" if shadowed else "can be removed without any change"
    if not because:
        message += ": no packet that comes this far can match" if shadowed else ""
    else:
        message += ": decided before by" if shadowed else ": the same follows from"
        message += f" line {', '.join(str(line) for line in dict.fromkeys(rule.source.line for rule in because))}"
    return Finding(
        Kind.SHADOWED if shadowed else Kind.REDUNDANT,
        f"{point}: line {first.rule.source.line} {message}",
        subject=first.rule.source.text,
        point=point,
        witness=str(packet_of(first.witness)) if first.witness else "",
        decided_by=tuple(rule_reference(rule, point) for rule in (first.rule, *because)),
    )


def _any_any(stages: list[Stage], configuration: Configuration, point: str) -> Iterator[Finding]:
    """Rules that let every new connection pass, whatever its ends and service."""
    rules = (rule for stage in stages for chain in stage.chains.values() for rule in chain.rules)
    for rule in {_line(rule.source): rule for rule in rules if _permits_all(rule, configuration)}.values():
        yield Finding(
            Kind.LINT,
            f"{point}: line {rule.source.line} permits everything from anywhere to anywhere",
            subject=rule.source.text,
            point=point,
            decided_by=(rule_reference(rule, point),),
        )


def _permits_all(rule: Rule, configuration: Configuration) -> bool:
    return (
        rule.action == Verdict.ACCEPT
        and not rule.default
        and any(_is_any(box, configuration) for box in rule.match.possible)
    )


def _is_any(box: Box, configuration: Configuration) -> bool:
    """Report whether a box has every new connection of some IP version, at least on one real interface."""
    wanted = dict(box.constraints)
    if any(name in wanted for name in _NARROWING) or not contains(box.get(Field.STATE), State.NEW):
        return False
    arriving = [a for a in configuration.interfaces.atoms() if contains(box.get(Field.IN), a)]
    return any(configuration.interfaces.name(atom) != _LOOPBACK for atom in arriving)


_REMARKS = {"undefined": Kind.LINT, "unused": Kind.UNUSED, "note": Kind.NOTE}


def remarked(remark: Remark, point: str) -> Finding:
    """What a reader noticed, as a finding."""
    source = remark.source
    reference = RuleReference(point, source.file, source.line, source.text)
    return Finding(_REMARKS[remark.kind], f"{point}: {remark.message}", source.text, point, decided_by=(reference,))


_SCOPES = {
    "point": "every answer about this configuration is undecided",
    "object": "whatever uses this object is undecided",
    "rule": "what this rule does is undecided",
}


def _not_understood(unknown: Unknown, point: str) -> Finding:
    source = unknown.source
    reference = RuleReference(point, source.file, source.line, source.text, reason=unknown.reason)
    message = f"{point}: line {source.line} is not understood: {_SCOPES[unknown.scope]}"
    return Finding(Kind.UNDECIDED, message, source.text, point, decided_by=(reference,))
