"""Starting is cheap: asking for help loads nothing that only the work needs."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("decide", "--help")], ids=" ".join)
def test_help_loads_nothing_heavy(arguments):
    """Help needs no YAML, no schema, no rich text and no platform."""
    modules = loaded(*arguments)
    platforms = {module for module in modules if module.startswith("portwright.platforms.")}
    assert not modules & HEAVY
    assert not platforms
