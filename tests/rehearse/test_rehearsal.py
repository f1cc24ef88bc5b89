"""Sites alive: real packets through the real rules in the real kernel, beside the proof."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.cli.running import copied
from tests.rehearse.rehearsing import ENVIRONMENT, NOT_POSSIBLE, command, rehearse, run

pytestmark = pytest.mark.kernel
_ALONE = """\
site: alone
products: [windows-server]
zones: {all: {networks: [10.0.0.0/24]}}
hosts:
  fe01: {zone: all, addresses: [10.0.0.5], roles: [windows/server]}
"""
_MARK = f"rehearsal-to-be-killed-{os.getpid()}"


@pytest.mark.parametrize("example", [f"f{number}" for number in range(1, 11)])
def test_what_is_proved_works(example, tmp_path):
    """Every required flow that somebody can play is answered, and nothing disagrees with the proof."""
    status, document, said = rehearse(copied(tmp_path, example=example))
    is_whole = all(one["rehearsed"] != "not-tried" for one in document["flows"] if one["static"] != "undecided")
    assert (status, document.get("verdict")) == (0 if example != "f9" else 3, "works"), said
    assert is_whole or example == "f9"
    assert {one["rehearsed"] for one in document["flows"] if one["static"] == "missing"} <= {"blocked"}
    assert (document["unused"], document["unplanned"]) == ([], [])
    sample = document["blocked_sample"]
    assert (sample["tried"], sample["blocked"], sample["not_blocked"]) == (100, 100, [])
    assert all(one["decided_by"]["point"] in document["rules_from"] for one in sample["by"])


def test_no_client_gets_a_port_again(tmp_path):
    """Who watches would take it for a connection of the scenarios before. There are few, and more than are needed."""
    site = copied(tmp_path, example="f4")
    status, document, said = rehearse(site, module="tests.rehearse.few_ports")
    assert (status, document["verdict"], document["unused"]) == (0, "works", []), said
    asked = {exchange["packet"] for flow in document["flows"] for exchange in flow["exchanges"]}
    asked |= {one["packet"] for one in document["blocked_sample"]["by"]}
    clients = [one.split(" > ")[0] for one in asked if one.split()[0] in ("tcp", "udp")]
    chosen = [one for one in clients if 40000 <= int(one.rpartition(":")[2]) <= 40199]
    assert len(set(chosen)) == len(chosen) > 100


def test_what_was_not_played_is_not_said_to_work(tmp_path):
    """What runs inside IPsec is no part of the claim: the headline says so, and the flows are counted."""
    _, out, _ = run(copied(tmp_path, example="f9"))
    assert " works, as far as it was played: " in out.splitlines()[0]
    assert "it runs inside IPsec" in out


def test_a_machine_that_is_slow_breaks_nothing(tmp_path):
    """All stand still for longer than a client waits, in every scenario, while the flows are played and the sample."""
    with subprocess.Popen(
        command(copied(tmp_path), "--patience", "0.5"), env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        said = ""
        for line in process.stderr:
            said += line
            if any(word in line for word in ("starting ", "scenario ", "playing ", "trying ")):
                time.sleep(0.05)  # until it is in the middle of something
                os.killpg(process.pid, signal.SIGSTOP)
                time.sleep(1)
                os.killpg(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=600)
    if process.returncode == NOT_POSSIBLE:
        pytest.skip(said)
    assert out.splitlines()[0] == "contoso works: 93 of 93 required flows pass in the rehearsal."
    assert "once more" not in said


def test_a_server_that_is_late_breaks_no_scenario(tmp_path):
    """Where nobody answers, and no rule was seen to stop anything, the scenario is played once more."""
    status, document, said = rehearse(copied(tmp_path), "--patience", "0.5", module="tests.rehearse.late_servers")
    assert "once more: " in said
    assert (status, document["verdict"], document["unused"]) == (0, "works", []), said


def test_what_is_open_is_said_first(tmp_path):
    """The status is that of findings, so the first line does not sound like success; rules of any length fit."""
    status, out, _ = run(copied(tmp_path, example="windows").with_name("office.yaml"))
    lines = out.splitlines()
    assert status == 1
    assert "may be open for what nobody needs" in lines[0]
    assert max(map(len, lines)) <= 100
    assert "1 line of it not rehearsed" in " ".join(out.split())


def test_where_nothing_was_rehearsed_nothing_works(tmp_path):
    """A site in which no flow is required is no success."""
    site = tmp_path / "site.yaml"
    site.write_text(_ALONE, encoding="utf-8")
    _, out, _ = run(site)
    assert out.startswith("alone: nothing that is required was rehearsed.\n")


def test_a_fault_breaks_what_the_proof_says(tmp_path):
    """The flow is blocked, its scenarios are broken, and proof and rehearsal agree about it."""
    status, document, _ = rehearse(copied(tmp_path, "fetch-808-blocked"))
    assert (status, document["verdict"]) == (1, "broken")
    flows = {one["id"]: one for one in document["flows"]}
    fetch = flows["crm.fetch-report/ssrs01>fe01"]
    assert (fetch["static"], fetch["rehearsed"]) == ("missing", "blocked")
    assert fetch["decided_by"]["text"].startswith("access-list")
    scenarios = {one["id"]: one["verdict"] for one in document["scenarios"]}
    assert (scenarios["run-fetch-report"], scenarios["run-sql-report"]) == ("broken", "works")


@pytest.mark.parametrize("example", ["f2", "f6"])
def test_reports_run_as_the_paper_has_it(example, tmp_path):
    """Each step opens its connections, as the kernel records them; what comes back on one opens none."""
    _, document, _ = rehearse(copied(tmp_path, example=example))
    scenarios = {one["id"]: one for one in document["scenarios"]}
    for name, back in (("run-sql-report", ("2", "5")), ("run-fetch-report", ("2", "7"))):
        assert scenarios[name]["played"]["works"], scenarios[name]
        opened = {one["step"]: one["opened"] for one in scenarios[name]["steps"]}
        assert {step for step, count in opened.items() if count == 0} == set(back)
    assert all(one["played"]["works"] for one in scenarios.values() if one["played"])
    tiers = {(one["host"], one["service"]): one["tier"] for one in document["services"]}
    assert tiers["fe01", "crm/web"] == tiers["sql01", "sql/tds"] == tiers["fe01", "crm/sdk-listener"] == "stand-in"


def test_junit_has_a_case_for_each_flow_scenario_and_packet(tmp_path):
    """What is blocked fails, and nothing that was not tried passes."""
    status, out, _ = run(copied(tmp_path, "fetch-808-blocked"), "--format", "junit")
    root = ET.fromstring(out)
    suites = {suite.get("name"): suite for suite in root}
    assert status == 1
    assert set(suites) == {"flows", "scenarios", "blocked", "records"}
    told = {one.get("name"): one.get("value") for one in suites["flows"].iter("property")}
    assert told == {"rules of core-fw": "translated", "rules of data-fw": "native"}
    failed = {case.get("name") for suite in suites.values() for case in suite if case.find("failure") is not None}
    assert failed == {"crm.fetch-report/ssrs01>fe01", "run-fetch-report"}


def test_nothing_is_left_behind(tmp_path):
    """No namespace, no interface, no rule, no process outside."""
    before = _state()
    rehearse(copied(tmp_path))
    assert _state() == before


def test_nothing_is_left_behind_by_one_that_is_killed(tmp_path):
    """Whoever ends it, and however."""
    before, marked = _state(), ENVIRONMENT | {"PORTWRIGHT_TEST": _MARK}
    with subprocess.Popen(
        command(copied(tmp_path)), env=marked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = [process.stderr.readline() for _ in range(2)]
        if process.poll() is not None:
            pytest.skip("".join(said))
        process.send_signal(signal.SIGKILL)
    for _ in range(600):
        if not _processes():
            break
        time.sleep(0.1)
    assert (_processes(), _state()) == ([], before)


def _processes():
    """What still runs of a rehearsal of this process's own."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and _MARK.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes())
    return found


def _state():
    ip = shutil.which("ip")
    return [
        subprocess.run([ip, *words], capture_output=True, text=True, check=True).stdout
        for words in (["netns"], ["-br", "link"])
    ]


def test_a_site_that_is_wrong_is_told_before_anything_is_built(tmp_path):
    """Status 2, as everywhere."""
    file = tmp_path / "site.yaml"
    file.write_text("site: a\n", encoding="utf-8")
    assert rehearse(file)[0] == 2


def test_an_ordinary_user_sees_the_same(tmp_path):
    """What the kernel says is taken as it comes: without root's rights its buffers are small."""
    if not shutil.which("unshare"):
        pytest.skip("unshare is not here")
    program = ["unshare", "--user", "--map-root-user", *command(copied(tmp_path)), "--format", "json"]
    done = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == NOT_POSSIBLE or "unshare failed" in done.stderr:
        pytest.skip(done.stderr.strip())
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"], document["unused"]) == (0, "works", [])
    assert document["blocked_sample"]["blocked"] == 100


def test_an_interruption_ends_it_at_once(tmp_path):
    """Ctrl-C while clients and servers talk: nobody waits for anybody's farewell."""
    program = command(copied(tmp_path), "--latency", "100")
    with subprocess.Popen(
        program, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        said = ""
        while "scenario 1 " not in said:
            if not (line := process.stderr.readline()):
                pytest.skip(said)
            said += line
        time.sleep(1)
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert said.endswith("portwright: interrupted\n")
    assert "Traceback" not in said
    assert time.monotonic() - begun < 20  # a farewell under TLS may take 30
