"""What the tests of rehearsals share: the command in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.running import validate

NOT_POSSIBLE = 4  # exit status: the machine forbids the namespaces, or lacks a program
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src")}


def command(*arguments):
    """The command line."""
    return [sys.executable, "-m", "portwright", "rehearse", *map(str, arguments)]


def run(*arguments, stdin="", patience=300):
    """Run the command: status, standard output, standard error. Skips where this machine cannot have it."""
    done = subprocess.run(
        command(*arguments), env=ENVIRONMENT, input=stdin, capture_output=True, text=True, timeout=patience, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    return done.returncode, done.stdout, done.stderr


def rehearse(*arguments):
    """The same in JSON, held to its schema: status, document, standard error."""
    status, out, said = run(*arguments, "--format", "json")
    document = json.loads(out) if out else {}
    if document.get("schema") == "portwright.rehearse/1":
        validate(document, "portwright.rehearse/1")
    return status, document, said
