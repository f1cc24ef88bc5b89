"""The evidence of a finding in words, the same in every report for people: labels, and what stands behind them."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from portwright.catalog.model import Break
from portwright.check.obstacle import Judgment
from portwright.check.report import CheckReport
from portwright.findings import Finding, Kind, Severity, weightiest
from portwright.plan.model import Plan
from portwright.policy.reference import RuleReference
from portwright.redact import redact
from portwright.report.grouping import Group, grouped

QUOTED = 4  # rules of a finding that are shown in context
_LISTED = 6  # members that a group spells out

VERDICTS = {"proved": "PROVED", "findings": "NOT IN ORDER", "undecided": "UNDECIDED"}
DECIDING = {  # what a finding says of its first rule, and of the others
    Kind.MISSING: ("blocked by", "blocked by"),
    Kind.REPLY: ("blocked by", "blocked by"),
    Kind.REPLY_BYPASSES: ("blocked by", "blocked by"),
    Kind.ASSERTION: ("decided by", "and by"),
    Kind.EXCESS: ("opened by", "and by"),
    Kind.UNDECIDED: ("hangs on", "and on"),
    Kind.SHADOWED: ("rule", "decided by"),
    Kind.REDUNDANT: ("rule", "made so by"),
}


def in_order(report: CheckReport) -> list[Group]:
    """The findings, new ones first and then the most severe, those with one cause together."""
    order = sorted(report.findings, key=lambda finding: list(Severity).index(finding.severity))
    return [group for known in (False, True) for group in grouped(one for one in order if one.known is known)]


def headline(report: CheckReport) -> str:
    """The verdict and the counts behind it."""
    limited = f", only what touches {' or '.join(report.focus)}" if report.focus else ""
    return f"{report.plan.site.name}{limited}: {VERDICTS[report.verdict]}. {counts(report)}."


def counts(report: CheckReport) -> str:
    """How many required flows got which judgment, and what else was found."""
    parts = [f"{report.judged(Judgment.PROVED)} of {len(report.results)} required flows proved"]
    for count, what in (
        (report.judged(Judgment.MISSING), "blocked"),
        (report.judged(Judgment.UNDECIDED), "undecided"),
        (sum(one.flow.id in report.spared for one in report.results), "blocked without harm, as an alternative passes"),
    ):
        parts += [f"{count} {what}"] if count else []
    for kind, one, more in _COUNTED:
        number = report.count(kind)
        parts += [f"{number} {one if number == 1 else more}"] if number else []
    others = sum(finding.kind is Kind.UNDECIDED and not (finding.flow or finding.flows) for finding in report.findings)
    parts += [f"{others} other {'answer' if others == 1 else 'answers'} not known"] if others else []
    return ", ".join(parts)


_COUNTED = (
    (Kind.EXCESS, "rule is too wide", "rules are too wide"),
    (Kind.ASSERTION, "test of the site does not hold", "tests of the site do not hold"),
    (Kind.UNPLACED, "component is not placed", "components are not placed"),
    (Kind.EXPIRED, "entry has expired", "entries have expired"),
)


def compared_with(report: CheckReport) -> str:
    """What has changed since the earlier report; empty where there is none."""
    if not report.baseline:
        return ""
    is_new = f"{report.new} {'finding is' if report.new == 1 else 'findings are'} new"
    grown = [f"{report.grown} {'has' if report.grown == 1 else 'have'} grown"] if report.grown else []
    counted = ", ".join([is_new, *grown, f"{report.known} known, {len(report.mended)} mended"])
    return f"Since {report.baseline}: {counted}. What is known does not count for the exit status.{_by_id(report)}"


def _by_id(report: CheckReport) -> str:
    """That some may have grown without being seen."""
    if not report.by_id_alone:
        return ""
    them = "1 known finding" if report.by_id_alone == 1 else f"{report.by_id_alone} known findings"
    return f" Of {them} only the id was compared, as its packets are not told: whether it has grown is not known."


def mark(finding: Finding) -> str:
    """What stands before a finding that is no new error."""
    words = [] if finding.severity is Severity.ERROR else [finding.severity.value]
    words = ["known", *words] if finding.known else ["grown", *words] if finding.grown else words
    return f"[{', '.join(words)}] " if words else ""


def evidence(finding: Finding, plan: Plan) -> Iterator[tuple[str, str]]:
    """What stands below a finding and its rules, each behind its label."""
    if finding.grown:
        yield "grown", f"since the baseline: {finding.grown}"
    if finding.witness:
        yield "packet", finding.witness
    if finding.flows:
        yield "flows", _listed(finding.flows)
    yield from (("needed for", text) for text in _needs(finding, plan))
    if cited := _cited(finding, plan):
        yield "written in", cited
    if others := _others(finding.breaks):
        yield "also breaks", others
    if finding.fix:
        yield from zip_longest(["to mend it"], finding.fix.split("\n"), fillvalue="")
    if finding.place:
        yield "see", finding.place


def user_sees(finding: Finding) -> tuple[str, str]:
    """What the people who use the application notice, behind its label; empty where that is not known."""
    worst = weightiest(finding.breaks)
    seen = worst.user_sees if worst is not None else ""
    return "user may see" if finding.kind is Kind.UNDECIDED else "user sees", seen


def same_cause(group: Group) -> tuple[str, str]:
    """The other flows that the same rule stops, or the other lines on which the same flows hang, behind a label."""
    if group.first.kind is Kind.UNDECIDED:
        lines = {str(rule.line): None for finding in group.findings[1:] for rule in finding.decided_by}
        return "also on line", _listed(list(lines))
    return "it also stops", _listed([finding.flow for finding in group.findings[1:]])


def rule_place(rule: RuleReference) -> str:
    """Where a rule stands, and why it is a default or in doubt."""
    reason = redact(rule.reason)
    why = f" (by default: {reason})" if rule.default and reason else f": {reason}" if reason else ""
    return f"{rule.file}:{rule.line}{why}" if rule.line else f"{rule.file}{why}"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _needs(finding: Finding, plan: Plan) -> Iterator[str]:
    for id in finding.requirements[:3]:
        yield f"{id}: {plan.catalog.requirements[id].purpose}"
    if len(finding.requirements) > 3:
        yield f"and {len(finding.requirements) - 3} more requirements"


def _cited(finding: Finding, plan: Plan) -> str:
    shown = [str(plan.catalog.citations[id]) for id in finding.citations[:4] if id in plan.catalog.citations]
    more = len(finding.citations) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])]) if shown else ""


def _others(breaks: tuple[Break, ...]) -> str:
    """What breaks besides the weightiest, scenario by scenario."""
    steps: dict[str, list[Break]] = {}
    for broken in breaks:
        if broken is not weightiest(breaks):
            steps.setdefault(broken.scenario, []).append(broken)
    others = [f"{scenario} ({_steps(found)})" for scenario, found in steps.items()]
    return "; ".join(others[:_LISTED] + ([f"and {len(others) - _LISTED} more"] if len(others) > _LISTED else []))


def _steps(breaks: Sequence[Break]) -> str:
    if len(breaks) == 1:
        return f"{breaks[0].effect.value} at step {breaks[0].step}"
    steps = sorted({broken.step for broken in breaks}, key=_in_order_of_steps)
    effects = {broken.effect.value for broken in breaks}
    same = f"{effects.pop()} " if len(effects) == 1 else ""
    return f"{same}at step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"


def _in_order_of_steps(step: str) -> tuple[int, str]:
    """4b behind 4 and before 10."""
    number = step.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(number) if number.isdecimal() else 0, step
