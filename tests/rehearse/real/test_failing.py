"""What is told of a daemon that fails, and what is left of all when somebody kills the rehearsal."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.rehearse.real.played import ROOT, START, environment, played

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
PAIR = ROOT / "tests/rehearse/real/pair.yaml"


@pytest.fixture(scope="module")
def seen():
    return played("failing", PAIR)


def test_a_daemon_that_ends_shows_its_own_log(seen):
    """The reason, and the last lines that it said."""
    reason, *log = seen["failed"]["chrony on dc01"]
    assert reason == "it has ended"
    assert any("Could not parse" in line for line in log), log


def test_a_controller_that_cannot_join_gives_up_in_time(seen):
    """The others are there; nobody waits for longer than it is given."""
    assert set(seen["failed"]) == {"chrony on dc01", "chrony on dc02", "samba on dc02"}
    assert seen["failed"]["samba on dc02"][0].startswith("joining ")
    assert seen["took"] < 40  # since there is a first one that could be joined


def test_no_password_is_told(seen):
    """Of nobody in the domain."""
    assert not seen["tells"]


def test_nothing_is_left_when_the_rehearsal_is_killed():
    """The kernel ends every daemon with it, and the files were in memory of theirs."""
    program = [sys.executable, "-c", START, "lasting", str(PAIR)]
    process = subprocess.Popen(program, env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.strip() == "up":
            break
    else:
        process.wait(60)
        pytest.skip("the machine forbids it, or lacks a program")
    started = descendants(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stderr.close()
    ends = time.monotonic() + 60
    while any(Path("/proc", pid).exists() for pid in started) and time.monotonic() < ends:
        time.sleep(0.1)
    assert len(started) > 20
    assert not [pid for pid in started if Path("/proc", pid).exists()]
    assert not Path("/run/portwright").exists()


def descendants(pid):
    """All processes below one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*children, *(one for child in children for one in descendants(child))]
