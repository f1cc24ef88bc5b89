"""Starting is cheap: asking for help loads nothing that only the work needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from portwright.cli import COMMANDS

SOURCE = Path(__file__).parent.parent / "src"
HEAVY = {"yaml", "rich", "jsonschema"}
HELP = """
import sys
from portwright.cli import main
sys.argv = ["portwright", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
print("loaded:", *sys.modules)
"""


def loaded(*arguments: str) -> set[str]:
    """The modules in memory after `portwright ARGUMENTS`."""
    done = subprocess.run(
        [sys.executable, "-c", HELP.format(arguments=arguments)],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    shown, _, modules = done.stdout.rpartition("loaded:")
    assert "Usage: portwright" in shown
    return set(modules.split())


def platforms(modules: set[str]) -> set[str]:
    return {module for module in modules if module.startswith("portwright.platforms.")}


def test_help_loads_nothing_heavy():
    """The list of commands needs no YAML, no schema, no rich text and no platform."""
    modules = loaded("--help")
    assert not modules & HEAVY
    assert not platforms(modules)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_loads_no_platform(command):
    """A platform is loaded when there is a configuration of it to read."""
    assert not platforms(loaded(command, "--help"))
