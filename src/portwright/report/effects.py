"""What another configuration of a point means for a site: the part of a comparison that concerns people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from portwright.check.effects import AcceptedChange, Effects, FlowChange
from portwright.check.obstacle import Judgment
from portwright.check.run import Check
from portwright.findings import Finding
from portwright.policy.reference import RuleReference, reference_json, rule_reference
from portwright.redact import redact
from portwright.report.check.document import finding_json
from portwright.report.check.said import assumptions, routine
from portwright.report.check.text import finding_text, group_text
from portwright.report.context import WIDTH
from portwright.report.grouping import grouped
from portwright.trace.changes import ScenarioChange

_SHOWN = 10  # entries under one heading
_WORDS = {Judgment.PROVED: "passes", Judgment.MISSING: "is blocked", Judgment.UNDECIDED: "is not known to pass"}


@dataclass(frozen=True, slots=True, eq=False)
class SiteComparison:
    """The effects of another configuration, with what is needed to tell them."""

    effects: Effects
    after: Check
    scenarios: tuple[ScenarioChange, ...]
    texts: Mapping[str, str]  # configuration file -> its text

    @property
    def verdict(self) -> str:
        """loses, differs, undecided or equal; scenarios follow from the flows."""
        return self.effects.verdict

    def lost(self) -> list[Finding]:
        """The lost flows as findings about the new configuration; those with a working alternative at the end."""
        spared = self.effects.spared
        return [
            finding
            for change in sorted(self.effects.lost, key=lambda change: change.flow.id in spared)
            for finding in self.after.blocked(change.after)
        ]


# ---------------------------------------------------------------------- JSON


def effects_json(compared: SiteComparison) -> dict[str, object]:
    """The member `site` of `portwright.diff/1`."""
    effects = compared.effects
    return {
        "site": effects.plan.site.name,
        "point": effects.point,
        "verdict": compared.verdict,
        "lost": [finding_json(finding) for finding in compared.lost()],
        "spared": [change.flow.id for change in effects.lost if change.flow.id in effects.spared],
        "gained": [_flow_json(change) for change in effects.gained],
        "undecided": [_flow_json(change) for change in effects.undecided],
        "scenarios": [_scenario_json(change) for change in compared.scenarios],
        "tests_broken": [finding_json(finding) for finding in effects.broken],
        "tests_mended": [finding_json(finding) for finding in effects.mended],
        "accepted_lost": [_accepted_json(change) for change in effects.accepted if change.is_lost],
        "accepted_gained": [_accepted_json(change) for change in effects.accepted if not change.is_lost],
        "opened": [finding_json(finding) for finding in effects.opened],
        "closed": [finding_json(finding) for finding in effects.closed],
        "doubts": [finding_json(finding) for finding in effects.doubts],
        "assumptions": assumptions(effects.plan),
    }


def _flow_json(change: FlowChange) -> dict[str, object]:
    return {
        "flow": change.flow.id,
        "requirement": change.flow.requirement.id,
        "required": change.flow.is_required,
        "before": change.before.judgment.value,
        "after": change.after.judgment.value,
        "hangs_on": [reference_json(rule) for rule in _hanging(change)],
    }


def _scenario_json(change: ScenarioChange) -> dict[str, object]:
    stopped = change.after.stopped_at
    return {
        "scenario": change.after.scenario.id,
        "before": change.before.verdict,
        "after": change.after.verdict,
        "step": stopped.step.step if stopped is not None else None,
        "user_sees": change.after.user_sees or None,
    }


def _accepted_json(change: AcceptedChange) -> dict[str, object]:
    return {"flow": change.entry.about, "owner": change.entry.owner, "packet": change.packet}


def _hanging(change: FlowChange) -> list[RuleReference]:
    """The rules on which it hangs what becomes of a flow afterwards, or before where that is known."""
    for result in (change.after, change.before):
        obstacles = [obstacle for obstacle in result.obstacles if obstacle.kind == "undecided"]
        if rules := [rule_reference(rule, one.point) for one in obstacles for rule in one.rules]:
            return list(dict.fromkeys(rules))
    return []


# ---------------------------------------------------------------------- text


def effects_text(compared: SiteComparison, old: str, new: str) -> str:
    """The effects for a person: what is lost first, with the line that blocks it and what the user sees."""
    effects = compared.effects
    headline = _HEADLINES["fails" if compared.verdict == "loses" and not effects.needed else compared.verdict]
    lines = wrap(f"{effects.plan.site.name}: {headline}{_counts(compared)}", WIDTH)
    lines += wrap(f"{effects.point}: {new} in place of {old}", WIDTH)
    for heading, body in (
        ("Lost", _lost(compared)),
        ("Tests that do not hold any more", _findings(compared, effects.broken)),
        ("Scenarios", [line for change in compared.scenarios for line in _scenario(change)]),
        ("Gained", _flows(effects.gained)),
        ("Tests that hold now", _findings(compared, effects.mended, briefly=True)),
        ("Flows that somebody answers for", [line for one in effects.accepted for line in _accepted(one)]),
        ("Opened, and nothing needs it", _findings(compared, effects.opened)),
        ("Closed, and nothing needed it", _findings(compared, effects.closed, briefly=True)),
        ("Not known", [*_flows(effects.undecided), *_findings(compared, effects.doubts)]),
    ):
        lines += ["", heading, *body] if body else []
    return "\n".join([*lines, "", *wrap(f"Taken for granted: {'; '.join(routine(effects.plan.site))}.", WIDTH)])


_HEADLINES = {
    "loses": "Different: something that is required is lost",
    "fails": "Different: a test of the site does not hold any more",
    "differs": "Different: nothing that is required is lost, and something changes",
    "undecided": "Undecided: lines that are not modelled may change something that concerns the site",
    "equal": "Equal in effect: every flow, test and scenario stays as it is, and nothing is opened or closed",
}


def _counts(compared: SiteComparison) -> str:
    effects = compared.effects
    required = [change for change in effects.lost if change.flow.is_required]
    counted = (
        (len(effects.needed), "{} required flow{} lost"),
        (len(required) - len(effects.needed), "{} lost with an alternative that still passes"),
        (len(effects.lost) - len(required), "{} optional flow{} lost"),
        (sum(change.is_lost for change in effects.accepted), "{} accepted flow{} lost"),
        (len(effects.broken), "{} test{} broken"),
        (len(effects.gained), "{} flow{} gained"),
        (len(effects.opened), "{} rule{} opened too wide"),
        (len(effects.closed), "{} rule{} closed"),
        (len(effects.undecided), "{} flow{} undecided"),
    )
    said = [text.format(number, "s" if number > 1 else "") for number, text in counted if number]
    return f" ({', '.join(said)})." if said else "."


def _lost(compared: SiteComparison) -> list[str]:
    """The lost flows, those that one rule stops together."""
    groups = grouped(compared.lost())
    lines: list[str] = []
    for number, group in enumerate(groups[:_SHOWN], 1):
        lines += group_text(number, group, compared.effects.plan, compared.texts)
        names = [finding.flow for finding in group.findings if finding.flow in compared.effects.spared]
        lines += [f"    an alternative still passes for {', '.join(names)}"] if names else []
    return lines + _more(len(groups))


def _findings(compared: SiteComparison, findings: Sequence[Finding], briefly: bool = False) -> list[str]:
    lines: list[str] = []
    for number, finding in enumerate(findings[:_SHOWN], 1):
        if briefly:
            lines += wrap(f"{number:>2}. {finding.message}", WIDTH, subsequent_indent="    ")
            lines += [f"    {rule.file}:{rule.line}" for rule in finding.decided_by[:1]]
        else:
            lines += finding_text(number, finding, compared.effects.plan, compared.texts)
    return lines + _more(len(findings))


def _more(number: int) -> list[str]:
    return [f"    and {number - _SHOWN} more"] if number > _SHOWN else []


def _flows(changes: Sequence[FlowChange]) -> list[str]:
    lines = [line for change in changes[:_SHOWN] for line in _flow(change)]
    return lines + _more(len(changes))


def _flow(change: FlowChange) -> Iterator[str]:
    flow = change.flow
    before, after = _WORDS[change.before.judgment], _WORDS[change.after.judgment]
    then = f"{after}, before it {before}" if before != after else f"{after}, before and after"
    ends = f"{flow.source.name} > {flow.destination.name} on {flow.describe()} ({flow.requirement.id})"
    yield from wrap(f"{ends} {then}", WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    for rule in _hanging(change)[:1] if change.after.judgment is not Judgment.PROVED else ():
        yield from _wrapped(f"hangs on {rule.file}:{rule.line}: {redact(rule.reason)}")


def _scenario(change: ScenarioChange) -> Iterator[str]:
    stopped = change.after.stopped_at
    where = f" at step {stopped.step.step}" if stopped is not None else ""
    after = change.after
    yield from _wrapped(f"{after.scenario.id}: {change.before.verdict} before, {after.verdict} now{where}", "  ")
    yield from _wrapped(f"the user sees: {after.user_sees}") if after.user_sees else ()


def _accepted(change: AcceptedChange) -> Iterable[str]:
    word = "does not pass any more" if change.is_lost else "passes now"
    entry = change.entry
    return _wrapped(f"{entry.about} ({entry.reason}, {entry.owner}) {word}, such as {change.packet}", "  ")


def _wrapped(text: str, indent: str = "    ") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
