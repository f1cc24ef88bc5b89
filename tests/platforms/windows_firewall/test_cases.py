"""Realistic hosts: for each packet the decision and the line that makes it."""

import json

import pytest
from tests.platforms.windows_firewall.hosts import CASES, NAME, Expected, decision, expectations, text_of

from portwright.lint.run import lint
from portwright.platforms import read

NOT_UNDERSTOOD = {"german-workstation": ["'SomethingNew' of the rule is not known here"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_packet_is_decided_by_its_line(case):
    """Every packet of the table gets its decision from the line that the table names."""
    text, found = text_of(case), []
    for expected in expectations(case):
        hook, _, profile = expected.under.partition(" ")
        got = decision(text, expected.packet, hook, profile or None)
        rule = got.undecided_by[0] if got.decided.value == "undecided" else got.rule
        found.append(Expected(expected.under, expected.packet, got.decided.value, rule.source.line if rule else 0))
    assert found == expectations(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_says_why_it_exists(case):
    """The first line of a table is the reason for the case."""
    assert (case / "decisions.txt").read_text().startswith("why: ")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_rule_is_counted_once(case):
    """In force, inert or not understood; what is not understood is named."""
    census = read(NAME, text_of(case), "host.json").census
    rules = json.loads(text_of(case))["rules"]
    assert census.modelled + census.inert + len(census.unknown) == len(rules)
    assert [one.reason for one in census.unknown] == NOT_UNDERSTOOD.get(case.name, [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_host_can_be_linted(case):
    """Its parts that could not be read are told."""
    text = text_of(case)
    report = lint(read(NAME, text, "host.json"), text, case.name)
    told = [one.message for one in report.findings if "could not read" in one.message]
    assert len(told) == len(json.loads(text)["notes"])


@pytest.mark.parametrize(
    ("profile", "told"), [("domain", 1), ("public", 1), (None, 0)], ids=["domain", "public", "nobody says"]
)
def test_a_connection_in_another_profile_than_the_site_says(profile, told):
    """It is noted: the report server has one in Domain and one in Public."""
    case = next(one for one in CASES if one.name == "report-server")
    remarks = read(NAME, text_of(case), "host.json", profile).remarks
    assert [remark.message.startswith("the site says profile") for remark in remarks] == [True] * told


@pytest.mark.parametrize("hook", ["input", "output", "forward"])
def test_the_whole_path_is_what_the_hook_is(hook):
    """A check asks for the path: there is nothing beside."""
    configuration = read(NAME, text_of(CASES[0]), "host.json")
    assert configuration.policy(hook, path=True) is configuration.policy(hook)
    assert configuration.policies[f"{hook}/path"] is configuration.policies[hook]
