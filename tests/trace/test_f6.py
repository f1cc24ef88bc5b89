"""The scenarios of the example site, right and with each fault."""

import pytest
from tests.cli.running import FAULTS, SCENARIOS, copied, edit, line_of, rules, run

RIGHT = dict.fromkeys(SCENARIOS, "works")
STATUS = {"works": 0, "broken": 1, "degraded": 1, "undecided": 3}
EXPECTED = {  # fault -> scenario -> verdict
    None: RIGHT,
    "fetch-808-blocked": RIGHT | {"run-fetch-report": "broken"},
    "shadowed": RIGHT | {"run-fetch-report": "broken"},
    "too-wide": RIGHT,
    "not-understood": RIGHT | dict.fromkeys(["run-fetch-report", "run-sql-report", "publish-report"], "undecided"),
    "replies-blocked": dict.fromkeys(SCENARIOS, "broken"),
}


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """Trace a scenario over the site with a fault, from within its folder."""

    def traced(scenario, fault=None, *options):
        monkeypatch.chdir(copied(tmp_path, fault).parent)
        return run("trace", "site.yaml", scenario, *options)

    return traced


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_each_scenario_has_its_verdict(trace, fault, scenario):
    """The exit status says the same as the verdict, and a step that is blocked or open names its rule."""
    done = trace(scenario, fault, "--format", "json")
    assert done.document["verdict"] == EXPECTED[fault][scenario]
    assert done.status == STATUS[done.document["verdict"]]
    for step in done.document["steps"]:
        assert bool(step["decided_by"]) == (step["verdict"] in ("blocked", "undecided"))


def test_the_first_step_that_fails_says_what_the_user_sees(trace, tmp_path):
    """Step 4b is blocked by the deny; steps that ride on an open connection are returns."""
    done = trace("run-fetch-report", "fetch-808-blocked", "--format", "json")
    steps = {step["step"]: step for step in done.document["steps"]}
    deny = line_of(tmp_path / "f6" / "core-fw.cfg", "access-list reports_in extended deny ip any any")
    assert steps["4b"]["verdict"] == "blocked"
    assert (steps["4b"]["source"], steps["4b"]["destination"]) == ("ssrs01", "fe01")
    assert [(rule["point"], rule["line"]) for rule in rules(steps["4b"])] == [("core-fw", deny)]
    assert steps["7"]["verdict"] == "return"
    assert "Fetch-based reports" in done.document["user_sees"]


def test_what_works_shows_the_user_nothing(trace):
    """A scenario that works has nothing to tell of."""
    assert not trace("run-sql-report", None, "--format", "json").document["user_sees"]


def test_another_configuration_is_followed_with_config(trace, tmp_path):
    """`--config POINT=FILE` takes the place of the site's own."""
    faulty = copied(tmp_path / "other", "shadowed").parent / "core-fw.cfg"
    assert trace("run-fetch-report", None, "--config", f"core-fw={faulty}").status == 1


def test_a_component_that_nobody_placed_leaves_the_scenario_undecided(tmp_path):
    """Also when the step has other legs that pass: without a name server nobody signs in."""
    site = copied(tmp_path / "changed")
    edit(site, "ad/pdc-emulator, dns/server]", "ad/pdc-emulator]")
    done = run("trace", site, "sign-in-integrated", "--format", "json")
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    assert ("1", "not-placed") in {(step["step"], step["verdict"]) for step in done.document["steps"]}


def test_a_choice_that_nobody_made_leaves_the_scenario_undecided(tmp_path):
    """Two SQL Servers, and the site does not say which the front end uses."""
    site = copied(tmp_path / "changed")
    edit(site, "    uses: {sql/engine: sql01}\n", "")
    done = run("trace", site, "sign-in-integrated", "--format", "json")
    assert done.status == 3
    [step] = [one for one in done.document["steps"] if one["verdict"] == "not-placed"]
    assert (step["step"], step["source"], step["destination"]) == ("7", "fe01", "sql/engine")


def test_a_port_that_nobody_can_know_leaves_the_scenario_undecided(tmp_path):
    """An instance of SQL Server with a dynamic port."""
    site = copied(tmp_path / "changed")
    edit(
        site,
        "addresses: [10.30.0.21], roles: [sql/engine]",
        "addresses: [10.30.0.21], roles: [{sql/engine: {port: dynamic}}]",
    )
    done = run("trace", site, "sign-in-integrated", "--format", "json")
    assert ({one["verdict"] for one in done.document["steps"] if one["step"] == "7"}, done.status) == (
        {"not-placed"},
        3,
    )


def test_an_unknown_scenario_is_refused_with_a_hint(trace):
    """Status 2, and the name that was probably meant."""
    done = trace("run-fetch-reprot", None, "--format", "json")
    assert done.status == 2
    assert done.document["errors"][0]["hint"] == "did you mean run-fetch-report?"


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        *((scenario, None) for scenario in SCENARIOS),
        ("run-fetch-report", "fetch-808-blocked"),
        ("run-sql-report", "not-understood"),
        ("run-sql-report", "replies-blocked"),
        ("publish-report", "replies-blocked"),
    ],
)
def test_the_trace_for_people_reads_as_agreed(trace, scenario, fault, snapshot):
    """The verdict and what the user sees first, then the steps, then why; 100 columns."""
    done = trace(scenario, fault)
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 100
    assert done.out == snapshot
