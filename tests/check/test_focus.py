"""A check limited to what touches a flow, a point, a host, a requirement or a scenario."""

import pytest
from tests.cli.running import FAULTS, copied, run

from portwright.catalog.load import load_catalog
from portwright.check.focus import focus_on, focused
from portwright.check.obstacle import Judgment
from portwright.check.readings import read_points
from portwright.check.run import Check
from portwright.errors import InvalidInput
from portwright.plan.make import make_plan
from portwright.site.load import load_site

CATALOG = load_catalog()
FETCH = "crm.fetch-report/ssrs01>fe01"
ESTABLISHED = "ct state vmap { invalid : jump log_invalid, established : accept, related : accept }"
WIDE = '\t\tip saddr 10.20.0.0/24 accept comment "migration"\n\t\tip saddr @admins jump'


def blocked(f6):
    """Without the rule for Fetch-based reports, which a test of the site needs too."""
    text = f6.core.read_text(encoding="utf-8")
    kept = [line for line in text.split("\n") if "crm-sdk-listener object ssrs01" not in line]
    assert len(kept) == len(text.split("\n")) - 1
    f6.core.write_text("\n".join(kept), encoding="utf-8")
    return f6


def wide(f6):
    """With a rule of data-fw that lets the front end's network reach the SQL Servers on any port."""
    return f6.edit(f6.data, "\t\tip saddr @admins jump", WIDE)


def kinds(done):
    return sorted(one["kind"] for one in done.findings())


def concerned(name):
    """The required flows that a name is about, by the plan: their id, an end, or a point on their way."""
    flows = run("plan", "site.yaml", "--format", "json").document["flows"]
    ends = ("id", "requirement", "source", "destination")
    about = [one for one in flows if name in (*(one[field] for field in ends), *one["path"])]
    return [one for one in about if one["necessity"] != "optional"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (FETCH, ["missing"]),
        ("crm.fetch-report", ["missing"]),
        ("crm.sql-report", []),
        ("ssrs01", ["assertion", "missing"]),
        ("fe01", ["assertion", "missing"]),
        ("sql02", []),
        ("staff", []),
        ("core-fw", ["assertion", "missing"]),
        ("data-fw", []),
    ],
)
def test_a_lost_rule_is_told_to_those_whom_it_concerns(f6, name, found):
    """The flow, its requirement, both hosts and the point that blocks it; and to nobody else."""
    done = blocked(f6).check("--focus", name)
    assert done.document["focus"] == [name]
    assert kinds(done) == found
    assert done.document["summary"]["required"] == len(concerned(name)) > 0
    assert done.status == (1 if found else 0)


@pytest.mark.parametrize(("name", "found"), [("run-fetch-report", ["missing"]), ("run-sql-report", [])])
def test_a_lost_rule_is_told_to_the_scenario_that_breaks(f6, name, found):
    """The other kind of report still runs."""
    done = blocked(f6).check("--focus", name)
    assert (kinds(done), done.status) == (found, len(found))
    assert 0 < done.document["summary"]["required"] < 6


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fe01", ["excess"]),  # in the network that may reach too much
        ("sql02", ["excess"]),  # reached by it
        ("data-fw", ["excess"]),
        ("ssrs01", []),
        ("staff", []),
        ("core-fw", []),
        ("crm.sql-report", []),  # no requirement needs what is open
    ],
)
def test_a_rule_too_wide_is_told_to_its_point_and_to_hosts_at_its_ends(f6, name, found):
    """Excess belongs to points and hosts; where the focus has neither, the report says that it was not judged."""
    done = wide(f6).check("--focus", name)
    assert kinds(done) == found
    told = any("open without need" in text for text in done.document["not_judged"])
    assert told is (name == "crm.sql-report")


def test_several_names_add_up(f6):
    """What touches any of them counts."""
    done = wide(blocked(f6)).check("--focus", "run-fetch-report", "--focus", "sql02")
    assert done.document["focus"] == ["run-fetch-report", "sql02"]
    assert kinds(done) == ["excess", "missing"]


def test_ids_are_those_of_the_whole(f6):
    """So that a baseline of the whole site serves a focus too."""
    rule = "access-list reports_in remark CRM-0113"
    f6.edit(f6.core, rule, f"access-list reports_in extended deny tcp any any payload-class X\n{rule}")
    everything = {one["id"] for one in wide(f6).check().findings()}
    for name in ("ssrs01", "core-fw", "data-fw", FETCH):
        found = {one["id"] for one in f6.check("--focus", name).findings()}
        assert set() < found < everything


def test_a_point_answers_for_itself_alone(f6):
    """A flow that another point blocks passes this one; that is said."""
    f6.edit(f6.data, ESTABLISHED, "ct state invalid drop")
    assert f6.check("--focus", "data-fw").status == 1
    done = f6.check("--focus", "core-fw")
    assert (done.status, kinds(done)) == (0, [])
    assert done.document["summary"]["proved"] == done.document["summary"]["required"] > 50
    assert "what flows meet at other points than core-fw" in done.document["not_judged"]


def test_what_nobody_placed_may_cross_any_point(f6):
    """A point is not proved while a component is missing; a host that needs nothing of it is."""
    f6.without("absent")
    assert kinds(f6.check("--focus", "data-fw")) == ["unplaced"]
    assert kinds(f6.check("--focus", "dc01")) == ["unplaced"]
    assert kinds(f6.check("--focus", "staff")) == []


def test_a_way_that_nobody_declared_concerns_its_flows(f6):
    """And every point, since it may lead through it."""
    f6.edit(f6.site, "core, admin], data], through", "core], data], through")
    assert set(kinds(f6.check("--focus", "sql01"))) == {"undecided"}
    assert set(kinds(f6.check("--focus", "core-fw"))) == {"undecided"}
    assert f6.check("--focus", "fe01").status == 0


def test_a_line_not_understood_concerns_what_hangs_on_it(f6):
    """The flows that hang on it, and no others."""
    rule = "access-list reports_in remark CRM-0113"
    f6.edit(f6.core, rule, f"access-list reports_in extended deny tcp any any payload-class X\n{rule}")
    assert f6.check("--focus", "crm.sql-report").status == 3
    assert f6.check("--focus", "dc01").status == 0
    assert "what touches dc01: PROVED" in run("check", "site.yaml", "--focus", "dc01").out


def test_an_expired_entry_concerns_the_hosts_that_it_names(f6):
    """By its addresses."""
    f6.say("accept", '{flow: "tcp app > dc01:80", reason: trial, owner: anna, until: 2026-01-31}')
    assert kinds(f6.check("--focus", "dc01")) == kinds(f6.check("--focus", "fe01")) == ["expired"]
    assert kinds(f6.check("--focus", "sql01")) == []


def test_fail_on_combines_with_it(f6):
    """A kind that is found elsewhere does not count."""
    wide(blocked(f6))
    assert f6.check("--focus", "sql02", "--fail-on", "missing").status == 0
    assert f6.check("--focus", "sql02", "--fail-on", "excess").status == 1


def test_names_that_mean_nothing_are_wrong_input(f6):
    """Each is told, with what may have been meant."""
    done = run("check", "site.yaml", "--focus", "ssrs1", "--focus", "core-fw", "--focus", "nothing-like-it")
    assert (done.status, done.out) == (2, "")
    assert "--focus ssrs1: nothing on this site has the name" in done.err
    assert "did you mean ssrs01?" in done.err
    assert "--focus nothing-like-it" in done.err


@pytest.mark.parametrize("kind", ["requirements", "scenarios", "others"])
def test_nothing_to_judge_is_no_proof(f6, kind):
    """What the site does not do, or not in its daily work, is refused, not passed."""
    plan = make_plan(CATALOG, load_site(f6.site, CATALOG))
    placed = {flow.requirement.id for flow in plan.required}
    happening = {scenario.id for scenario in plan.scenarios()}
    names = {
        "requirements": next(id for id in CATALOG.requirements if id not in placed),
        "scenarios": next(id for id in CATALOG.scenarios if id not in happening),
        "others": plan.others[0].id,
    }
    done = run("check", "site.yaml", "--focus", names[kind])
    assert (done.status, done.out) == (2, "")
    assert "nothing that is required here has to do with it" in done.err


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_whatever_is_not_proved_is_found_in_every_focus_on_it(tmp_path, fault):
    """For each point, host and group, and some flows: no flow of the focus is left without its finding."""
    site = load_site(copied(tmp_path, fault), CATALOG)
    plan = make_plan(CATALOG, site)
    files = {name: (point.platform, str(point.config)) for name, point in site.points.items()}
    report = Check(plan, read_points(files)).run()
    for name in (*site.points, *site.hosts, *site.groups, *list(plan.by_id)[::9]):
        try:
            part = focused(report, focus_on(plan, [name]))
        except InvalidInput:
            continue
        told = {id for finding in part.findings for id in (finding.flow, *finding.flows)}
        assert {result.flow.id for result in part.results if result.judgment is not Judgment.PROVED} <= told
        assert set(part.findings) <= set(report.findings)
