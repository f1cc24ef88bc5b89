"""The check as JUnit XML: a suite for each point, and nothing is shown as passed that is not proved."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.cli.running import FAULTS

FETCH = "crm.fetch-report/ssrs01>fe01"


def root(checked, *options):
    return ET.fromstring(checked.run("--format", "junit", *options).out)


def outcomes(suite):
    """Name of a test case -> passed, failure, error or skipped."""
    return {case.get("name"): case[0].tag if len(case) else "passed" for case in suite.iter("testcase")}


def suites(document):
    return {suite.get("name"): suite for suite in document}


def test_a_proved_site_has_a_passed_case_for_each_flow_at_each_point(checked):
    """93 required flows cross core-fw and some of them data-fw too; the tests of the site belong to the plan."""
    checked.site()
    document = root(checked)
    assert list(suites(document)) == ["plan", "core-fw", "data-fw"]
    assert set(outcomes(document).values()) == {"passed"}
    assert len(suites(document)["core-fw"].findall("testcase")) == 93
    assert list(outcomes(suites(document)["plan"])) == [
        "test: deny tcp staff > sql01:1433",
        "test: deny any staff > sql02",
        "test: allow tcp ssrs01 > fe01:808",
    ]


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_counts_are_those_of_the_cases(checked, fault):
    """Of each suite and of the whole; a case has a name of its own in its suite, and at most one outcome."""
    checked.site(fault)
    document = root(checked)
    for element in (document, *document):
        found = (
            list(outcomes(element).values())
            if element is not document
            else [outcome for suite in document for outcome in outcomes(suite).values()]
        )
        told = {name: int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        assert told == {
            "tests": len(list(element.iter("testcase"))),
            "failures": found.count("failure"),
            "errors": found.count("error"),
            "skipped": found.count("skipped"),
        }
        assert len(found) == told["tests"]
    assert all(len(case) <= 1 for case in document.iter("testcase"))


@pytest.mark.parametrize("fault", [None, *FAULTS])
@pytest.mark.parametrize("options", [[], ["--fail-on", "lint,shadowed"], ["--focus", "sql01"]], ids=str)
def test_cases_fail_exactly_when_the_command_does(checked, fault, options):
    """Failures for status 1, errors alone for 3, neither for 0."""
    checked.site(fault)
    document = root(checked, *options)
    failures, errors = int(document.get("failures")), int(document.get("errors"))
    assert checked.run("--format", "junit", *options).status == (1 if failures else 3 if errors else 0)


def test_a_blocked_flow_fails_where_it_is_blocked(checked):
    """With the message, the rule and the packet; the class is site and point."""
    checked.site("fetch-808-blocked")
    document = root(checked)
    [case] = [one for one in suites(document)["core-fw"] if one.get("name") == FETCH]
    assert case.get("classname") == "contoso.core-fw"
    [failure] = case
    assert (failure.tag, failure.get("type")) == ("failure", "missing")
    assert failure.get("message").startswith("Fetch-based reports fail at step 4b")
    assert "core-fw.cfg:141  access-list reports_in extended deny ip any any log" in failure.text
    assert "packet: tcp 10.40.0.11:40000 > 10.20.0.11:808" in failure.text
    assert outcomes(suites(document)["plan"])["test: allow tcp ssrs01 > fe01:808"] == "failure"


def test_an_undecided_flow_is_an_error(checked):
    """It is neither passed nor failed: each of the flows that hang on the line, and the test of the site."""
    checked.site("not-understood")
    found = [name for suite in root(checked) for name, outcome in outcomes(suite).items() if outcome == "error"]
    assert len(found) == 4
    assert {FETCH, "test: allow tcp ssrs01 > fe01:808"} <= set(found)


def test_a_finding_about_no_flow_is_a_case(checked):
    """Excess fails; a warning is skipped, as it does not count."""
    checked.site("too-wide")
    [excess] = [case for case in suites(root(checked))["data-fw"].iter("testcase") if len(case)]
    assert (excess.get("name").split(":")[0], excess[0].tag) == ("excess", "failure")
    checked.site("shadowed")
    [warning] = [case for case in suites(root(checked))["core-fw"].iter("testcase") if len(case.findall("skipped"))]
    assert warning.get("name").startswith("shadowed:core-fw:")
    assert warning[0].get("message").startswith("[warning] core-fw: line 142 can never decide")


def test_what_is_known_is_skipped(checked):
    """A baseline takes away what fails, and nothing passes for it."""
    checked.site("fetch-808-blocked")
    checked.run("--format", "json", "-o", "before.json")
    document = root(checked, "--baseline", "before.json")
    assert [document.get(name) for name in ("failures", "errors", "skipped")] == ["0", "0", "2"]
    assert outcomes(suites(document)["core-fw"])[FETCH] == "skipped"


def test_the_plan_says_what_the_answer_rests_on(checked):
    """Counts as properties, assumptions and entries in the output; each point has its lines counted."""
    checked.site("not-understood")
    found = suites(root(checked))
    properties = {one.get("name"): one.get("value") for one in found["plan"].iter("property")}
    assert (properties["verdict"], properties["required"], properties["undecided"]) == ("undecided", "93", "3")
    said = found["plan"].find("system-out").text
    assert "taken for granted: routing is as the site declares it" in said
    assert "(backup server, dba, until 2030-12-31)" in said
    lines = {one.get("name"): one.get("value") for one in found["core-fw"].iter("property")}
    assert (lines["platform"], lines["unknown"]) == ("cisco-asa", "1")


def test_no_character_makes_it_no_xml(checked):
    """Control characters, halves of pairs and letters of every script, in a rule that is told about."""
    checked.site("too-wide")
    file = Path("data-fw.nft")
    comment = "temporary \x01\x1b\ufffe & <größer> 日本"
    file.write_text(file.read_text(encoding="utf-8").replace("temporary", comment), encoding="utf-8")
    out = checked.run("--format", "junit").out
    assert out.isascii()
    [excess] = [case for case in suites(ET.fromstring(out))["data-fw"].iter("testcase") if len(case)]
    assert "& <größer> 日本" in excess[0].text
