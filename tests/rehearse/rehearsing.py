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
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
# The command line by another module, inside namespaces.
_INSIDE = "import sys; from portwright.rehearse.supervisor import inside; sys.exit(inside(sys.argv[2:], sys.argv[1]))"


def command(*arguments, module=""):
    """The command line; that of a module of the tests, if one is named, which runs inside the namespaces."""
    program = ["-c", _INSIDE, module] if module else ["-m", "portwright"]
    return [sys.executable, *program, "rehearse", *map(str, arguments)]


def run(*arguments, stdin="", patience=600, module=""):
    """Run the command: status, standard output, standard error. Skips where this machine cannot have it."""
    done = subprocess.run(
        command(*arguments, module=module),
        env=ENVIRONMENT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip(done.stderr.strip())
    return done.returncode, done.stdout, done.stderr


def rehearse(*arguments, module=""):
    """The same in JSON, held to its schema: status, document, standard error."""
    status, out, said = run(*arguments, "--format", "json", module=module)
    document = json.loads(out) if out else {}
    if document.get("schema") == "portwright.rehearse/1":
        validate(document, "portwright.rehearse/1")
    return status, document, said
