"""`portwright why`: the answer for people and programs, and the exit status."""

import pytest
from tests.cli.running import F6, copied, edit, run

from portwright.cli import COMMANDS

SITE = F6 / "site.yaml"
FETCH = "tcp ssrs01 > fe01:808"


@pytest.fixture(autouse=True)
def _command(monkeypatch):
    """The command as the command line knows it."""
    monkeypatch.setitem(COMMANDS, "why", ("portwright.cli.why", "Say why."))


def why(*arguments, site=SITE):
    return run("why", site, *arguments, "--format", "json")


def test_why_a_port_is_open():
    """The requirement, its citations with what they say and where, the scenario and step that need it, the erratum."""
    document = why(FETCH).document
    [flow] = document["flows"]
    assert (document["kind"], document["verdict"]) == ("packets", "needed")
    assert (flow["id"], flow["phase"], flow["necessity"]) == ("crm.fetch-report/ssrs01>fe01", "run", "required")
    assert (flow["path"], flow["readings"]) == (["core-fw"], ["corrected", "literal"])
    assert {"P36", "P61", "P66", "B4"} <= set(flow["citations"])
    assert document["references"]["P61"]["lines"] == "326-340"
    assert [id for id, one in document["references"].items() if one["erratum"]] == ["B4"]
    [without] = [one for one in document["without"] if one["scenario"] == "run-fetch-report"]
    assert (without["effect"], without["steps"]) == ("broken", ["4b"])
    assert document["unneeded"] == []


def test_why_a_port_is_open_for_people():
    """The same in sentences, 100 columns wide."""
    done = run("why", SITE, FETCH)
    assert (done.status, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 100
    text = " ".join(done.out.split())
    for part in (
        f"{FETCH}: 1 flow of this site needs it",
        "ssrs01 > fe01 tcp 808, through core-fw required to run",
        "Without it broken run-fetch-report step 4b: Fetch-based reports",
        "P61 line 326-340:",
        "errata to the white paper B4",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("question", "verdict", "said"),
    [
        ("tcp staff > sql01:1433", "unneeded", "nothing on this site needs it"),
        ("udp fe01 > dc01:1025", "printed", "superseded: printed, and opened by the literal reading alone"),
        ("tcp 10.50.0.40 > sql01:10000", "accepted", "Somebody answers for it: tcp 10.50.0.40 > sql01:10000 (backup"),
        ("tcp fe01:808 > ssrs01", "unneeded", "These are the replies to\n  ssrs01 > fe01  tcp 808  crm.fetch-report"),
        ("tcp fe01 > ssrs01:443,444", "needed", "Nothing needs the rest of it: tcp fe01 > ssrs01:444"),
        ("udp fe01 > sql01:1434", "needed", "required only in setup"),
        ("crm.sandbox", "needed", "fe01: it serves itself, no packet leaves it"),
        ("crm.excel-export", "unneeded", "no flow on this site: it holds where excel_dynamic_export is true"),
        ("windows.rdp", "needed", "required to administer"),
        ("P61", "needed", "crm.fetch-report"),
        ("ssrs/web", "needed", "crm.report-publishing"),
        ("icmp adm01 > sql01", "accepted", "Every network needs some of it: path-MTU discovery"),
    ],
)
def test_what_can_be_asked(question, verdict, said):
    """An answer is status 0, also that nothing needs it."""
    done = why(question)
    assert (done.status, done.document["verdict"]) == (0, verdict)
    assert said in run("why", SITE, question).out


def test_an_entry_that_is_over_is_told():
    """`--today` says which are."""
    done = why("tcp 10.50.0.40 > sql01:10000", "--today", "2031-01-01").document
    assert (done["verdict"], [one["until"] for one in done["expired"]]) == ("unneeded", ["2030-12-31"])


def test_what_nobody_decided_is_status_3(tmp_path):
    """Two SQL Servers, and the site does not say which the front end uses."""
    site = copied(tmp_path)
    edit(site, "    uses: {sql/engine: sql01}\n", "")
    done = why("tcp fe01 > sql02:1433", site=site)
    assert (done.status, done.document["verdict"]) == (3, "undecided")
    assert any("does not say which SQL Server" in text for text in done.document["open"])


def test_what_breaks_a_scenario():
    """Its steps in order, each with its flows; returns ride on the connection of an earlier step."""
    done = why("--breaks", "run-fetch-report")
    assert (done.status, done.document["kind"]) == (0, "scenario")
    steps = {one["step"]: one for one in done.document["steps"]}
    assert list(steps) == ["1", "2", "3", "4b", "6", "7"]
    assert (steps["4b"]["flows"], steps["4b"]["effect"]) == (["crm.fetch-report/ssrs01>fe01"], "broken")
    assert (steps["7"]["flows"], steps["7"]["rides"]) == ([], "4b")
    assert {one["id"] for one in done.document["flows"]} == {id for one in steps.values() for id in one["flows"]}
    text = run("why", SITE, "--breaks", "run-fetch-report").out
    assert "crm.fetch-report: ssrs01 > fe01 tcp 808, through core-fw" in text
    assert "on the connection of step 4b" in text


def test_a_step_that_is_not_taken_is_told():
    """The site has no time source of its own on the network."""
    steps = why("--breaks", "time-sync").document["steps"]
    assert [one["step"] for one in steps if one["left_out"]] == ["3"]
    assert "not taken here: the site does without time/source" in run("why", SITE, "--breaks", "time-sync").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "is nothing that can be asked about"),
        (["1434"], "about a port, ask 'tcp any > any:1434' or 'udp any > any:1434'"),
        (["UDP 1434"], "about a port, ask 'udp any > any:1434'"),
        (["tcp FE01 > sql01:1433"], "did you mean fe01?"),
        (["tcp ssrs01 > fe99:808"], "fe99"),
        (["crm.fetch-report/ssrs01>fe99"], "did you mean crm.fetch-report/ssrs01>fe01?"),
        (["--breaks", "run-fetch-reprot"], "did you mean run-fetch-report?"),
        (["--breaks", "sign-in-claims"], "does not happen on this site: authentication is integrated, not claims"),
        ([], "Missing argument 'WHAT'"),
        ([FETCH, "--breaks", "run-fetch-report"], "not both"),
    ],
)
def test_what_cannot_be_asked_is_status_2(arguments, said):
    """With a hint on standard error, and nothing on standard output."""
    done = run("why", SITE, *arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
