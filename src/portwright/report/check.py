"""The report of a check, as JSON by contract and as text for a person: the consequence first, then why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap

from portwright.catalog.model import Break
from portwright.check.judge import Judgment
from portwright.check.run import CheckReport
from portwright.findings import Finding, Kind, Severity
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference, reference_json
from portwright.report.context import WIDTH, in_context
from portwright.report.grouping import Group, grouped
from portwright.site.model import Accept, Assumption, Exemption, Site

SCHEMA = "portwright.check/1"
_INDENT = 15
_QUOTED = 4  # rules of a finding that are shown in context
_LISTED = 6  # members that a group spells out
ROUTINE = (  # what every answer takes for granted
    "routing is as the site declares it",
    "idle timeouts and the capacity of connection tables are not judged",
    "the configurations are the ones in force",
)


def check_json(report: CheckReport) -> dict[str, object]:
    """The check by contract `portwright.check/1`."""
    return {
        "schema": SCHEMA,
        "site": report.plan.site.name,
        "verdict": report.verdict,
        "summary": {
            "required": len(report.results),
            "proved": report.judged(Judgment.PROVED),
            "missing": report.judged(Judgment.MISSING),
            "undecided": report.judged(Judgment.UNDECIDED),
            "excess": report.count(Kind.EXCESS),
            "not_judged": report.not_judged,
            "unplaced": report.count(Kind.UNPLACED),
        },
        "points": [asdict(point) for point in report.points],
        "assumptions": assumptions(report.plan),
        "findings": [finding_json(finding) for finding in report.findings],
    }


def finding_json(finding: Finding) -> dict[str, object]:
    """A finding by contract: stable id, kind, severity, evidence."""
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "point": finding.point or None,
        "flow": finding.flow or None,
        "witness": finding.witness or None,
        **deciding_json(finding.decided_by),
        "requirements": list(finding.requirements),
        "citations": list(finding.citations),
        "breaks": [break_json(broken) for broken in finding.breaks],
        "fix": finding.fix or None,
        "place": finding.place or None,
    }


def deciding_json(rules: Sequence[RuleReference]) -> dict[str, object]:
    """The rule that decides, and the others that have to do with it."""
    return {
        "decided_by": reference_json(rules[0]) if rules else None,
        "related": [reference_json(rule) for rule in rules[1:]],
    }


def break_json(broken: Break) -> dict[str, object]:
    """What a user loses, by contract."""
    return {
        "scenario": broken.scenario,
        "step": broken.step,
        "effect": broken.effect.value,
        "user_sees": broken.user_sees,
    }


def assumptions(plan: Plan) -> list[str]:
    """What the answer takes for granted: the routine, and whatever the site says that makes it judge less."""
    accepted = (*(flow.entry for flow in plan.accepted), *plan.accepted_rules)
    absent = (f"there is no {component} here ({why})" for component, why in plan.site.absent.items())
    said = (*map(_assumed, plan.assumptions), *map(_denied, plan.exceptions), *map(_accepted, accepted))
    open_ways = sorted({" and ".join(sorted(zones)) for zones in _without_firewall(plan.site)})
    return [*ROUTINE, *said, *absent, *(f"no firewall stands between {zones}" for zones in open_ways)]


def _without_firewall(site: Site) -> Iterator[tuple[str, str]]:
    """Pairs of zones between which the site declares a way without any point."""
    for zones, routes in site.declared_routes.items():
        if zones[0] != zones[1] and any(not route.forward for route in routes):
            yield zones


def _accepted(entry: Accept) -> str:
    what = entry.flow.text if entry.flow else f"what rules with '{entry.rule}' open at {entry.at}"
    return f"{what} may be open ({_answer(entry)})"


def _denied(entry: Exemption) -> str:
    return f"{entry.flow.text} is denied on purpose and not required ({_answer(entry)})"


def _assumed(entry: Assumption) -> str:
    what = entry.rate_limits and f"rate limits are {entry.rate_limits.replace('-', ' ')}"
    what = what or (
        f"line {entry.line} decides nothing" if entry.line else f"lines with '{entry.pattern}' decide nothing"
    )
    return f"at {entry.at} {what} ({_answer(entry)})"


def _answer(entry: Accept | Assumption | Exemption) -> str:
    return ", ".join(word for word in (entry.reason, entry.owner) if word)


# ---------------------------------------------------------------------- text


def check_text(report: CheckReport) -> str:
    """The check for a person, 100 columns wide."""
    order = sorted(report.findings, key=lambda finding: list(Severity).index(finding.severity))
    lines = [*_headline(report), ""]
    for number, group in enumerate(grouped(order), 1):
        lines += [*finding_text(number, group.first, report.plan, report.texts), *same_cause(group), ""]
    return "\n".join([*lines, *_footer(report)])


def _headline(report: CheckReport) -> list[str]:
    required, proved = len(report.results), report.judged(Judgment.PROVED)
    word = {"proved": "PROVED", "findings": "NOT IN ORDER", "undecided": "UNDECIDED"}[report.verdict]
    parts = [f"{proved} of {required} required flows proved"]
    for count, what in (
        (report.judged(Judgment.MISSING), "blocked"),
        (report.judged(Judgment.UNDECIDED), "undecided"),
        (len(report.spared), "blocked without harm, as an alternative passes"),
    ):
        parts += [f"{count} {what}"] if count else []
    excess = report.count(Kind.EXCESS)
    parts += [f"{excess} {'rule is' if excess == 1 else 'rules are'} too wide"] if excess else []
    return wrap(f"{report.plan.site.name}: {word}. {', '.join(parts)}.", WIDTH)


def finding_text(number: int, finding: Finding, plan: Plan, texts: Mapping[str, str]) -> list[str]:
    """One finding: what it means, which line decides, who needs it, where that is written."""
    mark = "" if finding.severity is Severity.ERROR else f"[{finding.severity.value}] "
    head = wrap(f"{mark}{finding.message}", WIDTH - 4)
    lines = [f"{number:>2}. {head[0]}", *(f"    {line}" for line in head[1:])]
    seen = list(dict.fromkeys(broken.user_sees for broken in finding.breaks[:1] if broken.user_sees))
    lines += _labelled("user may see" if finding.kind is Kind.UNDECIDED else "user sees", seen)
    lines += _deciding(finding, texts)
    lines += _labelled("packet", [finding.witness] if finding.witness else [])
    lines += _labelled("needed for", _needs(finding, plan))
    lines += _labelled("written in", _citations(finding, plan))
    lines += _labelled("also breaks", _others(finding.breaks))
    lines += _labelled("to mend it", [finding.fix] if finding.fix else [])
    return lines + _labelled("see", [finding.place] if finding.place else [])


def same_cause(group: Group) -> list[str]:
    """The other flows that the same rule stops, or the other lines on which the same flows hang."""
    if group.first.kind is Kind.UNDECIDED:
        lines = {str(rule.line): None for finding in group.findings[1:] for rule in finding.decided_by}
        return _labelled("also on line", [_listed(list(lines))]) if lines else []
    flows = [finding.flow for finding in group.findings[1:]]
    return _labelled("it also stops", [_listed(flows)]) if flows else []


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _labelled(label: str, texts: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        for part in wrap(text, WIDTH - 4 - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]:
            lines.append(f"    {label if not lines else '':<{_INDENT}}{part}")
    return lines


_DECIDING = {  # what a finding says of its first rule, and of the others
    Kind.MISSING: ("blocked by", "blocked by"),
    Kind.REPLY: ("blocked by", "blocked by"),
    Kind.REPLY_BYPASSES: ("blocked by", "blocked by"),
    Kind.ASSERTION: ("decided by", "and by"),
    Kind.EXCESS: ("opened by", "and by"),
    Kind.UNDECIDED: ("hangs on", "and on"),
    Kind.SHADOWED: ("rule", "decided by"),
    Kind.REDUNDANT: ("rule", "made so by"),
}


def _deciding(finding: Finding, texts: Mapping[str, str]) -> list[str]:
    """The rules of a finding in their context; for one about a rule, that rule and then those that make it so."""
    first, others = _DECIDING.get(finding.kind, ("rule", "rule"))
    lines = []
    for number, rule in enumerate(finding.decided_by[:_QUOTED]):
        lines += _rule(rule, others if number else first, texts)
    more = len(finding.decided_by) - _QUOTED
    return lines + (_labelled("", [f"and {more} more"]) if more > 0 else [])


def _rule(rule: RuleReference, label: str, texts: Mapping[str, str]) -> list[str]:
    why = f" (by default: {rule.reason})" if rule.default and rule.reason else f": {rule.reason}" if rule.reason else ""
    lines = _labelled(label, [f"{rule.file}:{rule.line}{why}" if rule.line else f"{rule.file}{why}"])
    if rule.line and rule.file in texts:
        lines += in_context(texts[rule.file], rule.line, around=1, indent=" " * (4 + _INDENT))
    return lines


def _needs(finding: Finding, plan: Plan) -> Iterator[str]:
    for id in finding.requirements[:3]:
        yield f"{id}: {plan.catalog.requirements[id].purpose}"
    if len(finding.requirements) > 3:
        yield f"and {len(finding.requirements) - 3} more requirements"


def _citations(finding: Finding, plan: Plan) -> list[str]:
    shown = [str(plan.catalog.citations[id]) for id in finding.citations[:4] if id in plan.catalog.citations]
    more = len(finding.citations) - len(shown)
    return ["; ".join([*shown, *([f"and {more} more"] if more else [])])] if shown else []


def _others(breaks: tuple[Break, ...]) -> list[str]:
    """What breaks besides the first, scenario by scenario."""
    steps: dict[str, list[Break]] = {}
    for broken in breaks[1:]:
        steps.setdefault(broken.scenario, []).append(broken)
    others = [f"{scenario} ({_steps(found)})" for scenario, found in steps.items()]
    shown = others[:_LISTED] + ([f"and {len(others) - _LISTED} more"] if len(others) > _LISTED else [])
    return ["; ".join(shown)] if shown else []


def _steps(breaks: Sequence[Break]) -> str:
    if len(breaks) == 1:
        return f"{breaks[0].effect.value} at step {breaks[0].step}"
    return f"at steps {', '.join(dict.fromkeys(broken.step for broken in breaks))}"


def _footer(report: CheckReport) -> list[str]:
    lines = ["What was read"]
    lines += [
        f"  {point.name:<14}{point.platform:<13}{point.modelled} lines modelled, {point.inert} inert, "
        f"{point.unknown} not understood"
        for point in report.points
    ]
    if report.not_judged:
        rules = "rule also permits" if report.not_judged == 1 else "rules also permit"
        lines += wrap(
            f"Not judged: {report.not_judged} {rules} traffic between addresses that the site does not name (--all).",
            WIDTH,
        )
    lines += wrap(f"Taken for granted: {'; '.join(ROUTINE)}.", WIDTH)
    said = assumptions(report.plan)[len(ROUTINE) :]
    lines += ["Said by the site:"] if said else []
    return lines + [part for text in said for part in wrap(f"  {text}", WIDTH, subsequent_indent="    ")]
