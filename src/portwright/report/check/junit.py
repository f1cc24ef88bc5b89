"""The check as JUnit XML, for build servers: a suite for each point and one for the plan.

A test case is a required flow at a point, a test of the site, or a finding that is about neither. It fails exactly when
its finding counts for the exit status: as a failure where something is certain, as an error where nothing is. What does
not count is skipped, with the reason, so that nothing is shown as passed that is not proved.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from portwright.check.obstacle import FlowResult
from portwright.check.report import CheckReport, Counting, PointSummary
from portwright.findings import Finding, Severity
from portwright.plan.model import RequiredFlow
from portwright.redact import redact
from portwright.report.check.document import summary_json
from portwright.report.check.evidence import compared_with, evidence, headline, mark, rule_place, user_sees
from portwright.report.check.said import assumptions, not_judged
from portwright.report.junitxml import count, legal, written
from portwright.site.model import Test

_PLAN = "plan"
_SPARED = "blocked without harm: an alternative passes"


@dataclass(slots=True)
class _Case:
    """A test case: its name, and the findings that speak against it."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    remark: str = ""  # why it is skipped although no finding speaks against it


def check_junit(report: CheckReport, counting: Counting) -> str:
    """The XML document."""
    site = report.plan.site.name
    root = Element("testsuites", name=legal(f"portwright check {site}"))
    cases = _cases(report)
    for point in ("", *report.plan.site.points):
        if cases[point] or not point:
            summary = next((one for one in report.points if one.name == point), None)
            suite = SubElement(root, "testsuite", name=legal(point or _PLAN))
            _describe(suite, report, summary, point)
            for case in cases[point]:
                _write(suite, case, f"{site}.{point or _PLAN}", report, counting)
            count(suite)
            if not point:
                SubElement(suite, "system-out").text = legal("\n".join(_said(report)))
    return written(root)


# ---------------------------------------------------------------------- which cases there are


def _cases(report: CheckReport) -> dict[str, list[_Case]]:
    """The cases by point: required flows that cross it, tests of the site, findings that are about none of these."""
    told: set[str] = set()
    about = _by_flow(report.findings)
    cases: defaultdict[str, list[_Case]] = defaultdict(list)
    for result in report.results:
        for point in _crossed(result.flow) or ("",):
            case = _case(result, point, about[point, result.flow.id], report)
            told.update(finding.id for finding in case.findings)
            cases[point].append(case)
    for test in () if report.focus else report.plan.site.tests:
        case = _Case(f"test: {test.verdict} {test.flow.text}", [one for one in report.findings if _is_of(one, test)])
        told.update(finding.id for finding in case.findings)
        cases[""].append(case)
    for finding in report.findings:
        if finding.id not in told:
            cases[finding.point].append(_Case(finding.id, [finding]))
    return cases


def _is_of(finding: Finding, test: Test) -> bool:
    """Report whether a finding says that a test of the site does not hold, or may not."""
    return finding.subject == f"{test.verdict} {test.flow.text}" and finding.place == str(test.source)


def _by_flow(findings: Iterable[Finding]) -> defaultdict[tuple[str, str], list[Finding]]:
    found: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        for flow in dict.fromkeys((finding.flow, *finding.flows)):
            found[finding.point, flow].append(finding)
    return found


def _crossed(flow: RequiredFlow) -> tuple[str, ...]:
    ways = (crossing.point for route in flow.routes for crossing in (*route.forward, *route.back))
    return tuple(dict.fromkeys(ways))


def _case(result: FlowResult, point: str, findings: Sequence[Finding], report: CheckReport) -> _Case:
    case = _Case(result.flow.id, list(findings))
    stopped = any(obstacle.point == point for obstacle in result.obstacles)
    if stopped and not findings:
        case.remark = _SPARED if result.flow.id in report.spared else "not proved"
    return case


# ---------------------------------------------------------------------- how they are written


def _write(suite: Element, case: _Case, classname: str, report: CheckReport, counting: Counting) -> None:
    element = SubElement(suite, "testcase", name=legal(case.name), classname=legal(classname))
    order = sorted(case.findings, key=lambda finding: (not counting.counts(finding), _rank(finding)))
    if order:
        first = order[0]
        outcome = SubElement(element, _outcome(first, counting), message=legal(f"{mark(first)}{first.message}"))
        if outcome.tag != "skipped":
            outcome.set("type", first.kind.value)
        outcome.text = legal("\n\n".join("\n".join(_details(finding, report)) for finding in order))
    elif case.remark:
        SubElement(element, "skipped", message=legal(case.remark))


def _rank(finding: Finding) -> int:
    return list(Severity).index(finding.severity)


def _outcome(finding: Finding, counting: Counting) -> str:
    if not counting.counts(finding):
        return "skipped"
    return "error" if finding.severity is Severity.UNDECIDED else "failure"


def _details(finding: Finding, report: CheckReport) -> Iterator[str]:
    """A finding with its evidence, a line each."""
    yield f"{finding.kind.value}: {finding.message}"
    label, seen = user_sees(finding)
    rules = (("rule", f"{rule_place(rule)}  {redact(rule.text)}".rstrip()) for rule in finding.decided_by)
    for name, text in ((label, seen), *rules, *evidence(finding, report.plan), ("id", finding.id)):
        if text:
            yield f"  {name}: {text}"


def _describe(suite: Element, report: CheckReport, summary: PointSummary | None, point: str) -> None:
    """The suite's properties: how well the configuration was understood, or the counts of the whole."""
    found: dict[str, object] = {}
    if not point:
        found = {"verdict": report.verdict, **summary_json(report)}
    elif summary is not None:
        fields = ("platform", "file", "modelled", "inert", "unknown")
        found = {name: getattr(summary, name) for name in fields}
    if found:
        properties = SubElement(suite, "properties")
        for name, value in found.items():
            SubElement(properties, "property", name=name, value=legal(str(value)))


def _said(report: CheckReport) -> Iterator[str]:
    yield headline(report)
    if told := compared_with(report):
        yield told
    yield from (f"mended: {earlier.finding.message}" for earlier in report.mended)
    yield from (f"not judged: {text}" for text in not_judged(report))
    yield from (f"taken for granted: {text}" for text in assumptions(report.plan))
