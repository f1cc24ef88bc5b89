"""Runs a play (`plays`) in a lab of its own, and hands back what it has seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOT_POSSIBLE = 4  # exit status: the machine forbids the namespaces, or lacks a program
START = """import sys
from portwright.rehearse.supervisor import inside
sys.exit(inside(sys.argv[1:], "tests.rehearse.real.plays"))"""


def environment():
    """Our environment, with the sources of this repository."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}


def played(play: str, *words: Path | str, patience: float = 600) -> dict:
    """What came of a play on a site; the test is skipped where this machine cannot have it."""
    done = subprocess.run(
        [sys.executable, "-c", START, play, *map(str, words)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
