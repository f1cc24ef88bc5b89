"""A rehearsal as JUnit XML, for build servers: suites for the flows, the scenarios, what nobody needs, and the records.

A test case is a flow, a scenario, or a packet of the sample; two compare what hosts have recorded with the plan. What
was not tried is skipped, with the reason, so that nothing is shown as passed that was not played. Properties of a
suite say whose rules ran: those of a translated configuration are no evidence that the original was read rightly.
"""

from xml.etree.ElementTree import Element, SubElement

from portwright.redact import redact
from portwright.rehearse.evidence import FlowEvidence, Rehearsal, Sampled
from portwright.rehearse.rules.running import Decider
from portwright.report.junitxml import count, legal, written
from portwright.report.rehearsal.document import WORDS, packet_text, why_partly
from portwright.trace.run import Trace


def rehearsal_junit(found: Rehearsal) -> str:
    """The XML document."""
    site = found.plan.site.name
    root = Element("testsuites", name=legal(f"portwright rehearse {site}"))
    suites = (("flows", _flows), ("scenarios", _scenarios), ("blocked", _sample), ("records", _records))
    for name, write in suites:
        suite = SubElement(root, "testsuite", name=name)
        _describe(suite, found)
        write(suite, f"{site}.{name}", found)
        count(suite)
    return written(root)


def _describe(suite: Element, found: Rehearsal) -> None:
    """Say whose rules ran, and what was broken on purpose."""
    properties = SubElement(suite, "properties")
    told = [(f"rules of {rules.point}", rules.origin) for rules in found.rules]
    for name, value in (*told, *(("broken on purpose", fault) for fault in found.faults)):
        SubElement(properties, "property", name=legal(name), value=legal(value))


def _flows(suite: Element, classname: str, found: Rehearsal) -> None:
    for one in found.flows:
        case = SubElement(suite, "testcase", name=legal(one.flow.id), classname=legal(classname))
        if one.disagrees:
            _fail(case, "failure", "disagreement", f"proof {one.static.value}, rehearsal {WORDS[one.passes]}", one)
        elif one.passes is None:
            SubElement(case, "skipped", message=legal(one.placed.reason))
        elif one.is_partly_played:
            SubElement(case, "skipped", message=legal(why_partly(one)))
        elif not one.passes:
            _fail(case, "failure" if one.is_needed else "skipped", "blocked", "it does not pass", one)


def _fail(case: Element, tag: str, kind: str, message: str, one: FlowEvidence) -> None:
    element = SubElement(case, tag, message=legal(message))
    if tag != "skipped":
        element.set("type", kind)
    lines = [f"{packet_text(tried.exchange, tried.source_port)}: {tried.outcome} {tried.said}" for tried in one.tried]
    element.text = legal("\n".join([*lines, *_by(one.decided_by)]))


def _by(decider: Decider | None) -> list[str]:
    if decider is None:
        return []
    rule = decider.reference
    return [f"decided by {rule.point}, {rule.file}:{rule.line}  {redact(rule.text)}".rstrip()]


def _scenarios(suite: Element, classname: str, found: Rehearsal) -> None:
    for one in found.traces:
        case = SubElement(suite, "testcase", name=legal(one.scenario.id), classname=legal(classname))
        verdict = found.verdict_of(one)
        if verdict == "broken":
            SubElement(case, "failure", type="broken", message=legal(_seen_by_user(found, one)))
        elif verdict == "undecided":
            SubElement(case, "skipped", message="not rehearsed: its flows are of other phases, or were not tried")


def _seen_by_user(found: Rehearsal, one: Trace) -> str:
    played = found.plays.get(one.scenario.id)
    return one.user_sees or (played.told if played is not None else "")


def _sample(suite: Element, classname: str, found: Rehearsal) -> None:
    for one in found.sample:
        name = packet_text(one.exchange, one.source_port)
        case = SubElement(suite, "testcase", name=legal(name), classname=legal(classname))
        if not one.is_blocked:
            SubElement(case, "failure", type="open", message=legal(_open(one)))


def _open(one: Sampled) -> str:
    word = "nobody needs it, and it arrived" if one.has_arrived else "no rule was seen to stop it"
    return "; ".join([word, *_by(one.decided_by[-1] if one.decided_by else None)])


def _records(suite: Element, classname: str, found: Rehearsal) -> None:
    unplanned = [f"{one.protocol} {one.source} > {one.destination}:{one.port}" for one in found.unplanned]
    for name, wrong in (
        ("what was answered was recorded", [flow.id for flow in found.unused]),
        ("what was recorded is planned", unplanned),
    ):
        case = SubElement(suite, "testcase", name=name, classname=legal(classname))
        if wrong:
            SubElement(case, "failure", type="records", message=legal(wrong[0])).text = legal("\n".join(wrong))
