"""Sites alive: real packets through the real rules in the real kernel, beside the proof."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.running import copied, validate

NOT_POSSIBLE = 4  # exit status: the machine forbids the namespaces
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.kernel


def rehearse(*arguments):
    """Run the command in a process of its own: exit status, its JSON, what it says beside."""
    done = subprocess.run(
        [sys.executable, "-m", "portwright", "rehearse", *map(str, arguments), "--format", "json"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize("example", ["f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8"])
def test_what_is_proved_works(example, tmp_path):
    """Every required flow that somebody can play is answered, and nothing disagrees with the proof."""
    status, document, said = rehearse(copied(tmp_path, example=example))
    assert (status, document.get("verdict")) == (0, "works"), said
    validate(document, "portwright.rehearse/1")
    assert {one["rehearsed"] for one in document["flows"] if one["static"] == "missing"} <= {"blocked"}
    assert (document["unused"], document["unplanned"]) == ([], [])
    sample = document["blocked_sample"]
    assert (sample["tried"], sample["blocked"], sample["not_blocked"]) == (100, 100, [])
    assert all(one["decided_by"]["point"] in document["rules_from"] for one in sample["by"])


def test_what_was_not_played_is_not_said_to_work(tmp_path):
    """What runs inside IPsec is no part of the claim: the headline says so, and the flows are counted."""
    program = [sys.executable, "-m", "portwright", "rehearse", str(copied(tmp_path, example="f9"))]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    assert " works, as far as it was played: " in done.stdout.splitlines()[0]
    assert "it runs inside IPsec" in done.stdout


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


def test_nothing_is_left_behind(tmp_path):
    """No namespace, no interface, no rule, no process outside."""
    before = _state()
    rehearse(copied(tmp_path))
    assert _state() == before


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
