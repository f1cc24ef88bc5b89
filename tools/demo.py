"""The demonstration: a firewall loses one rule, and Portwright says what breaks, where, and by which line."""

import shlex
import subprocess
import sys
from pathlib import Path

import patches

SITE = Path("examples/f6/site.yaml")
FAULT = Path("examples/f6/faults/fetch-808-blocked.patch")
POINT = "core-fw"  # the enforcement point whose configuration the fault changes
SCENARIO = "run-fetch-report"
PACKET = "tcp 10.40.0.11:50000 > 10.20.0.11:808"  # what the scenario's blocked step sends
FAULTY = Path("build/demo")
EXPECTED = {0: "proved", 1: "something is broken", 3: "not everything could be decided"}

INTRODUCTION = """\
Dynamics CRM with its reports: a front end, Reporting Services and two SQL Servers, and between
them a Cisco ASA and a Linux firewall; {site} says where everything is.
Last night somebody edited {point}, and this morning reports fail:
"""
NEXT = """\
Try next, after `. .venv/bin/activate`:

  before the edit              portwright check {site}
  what has to be open, why     portwright plan {site}
  one packet, one answer       portwright decide {config} "{packet}"
  what the edit changed        portwright diff {good} {config}
  what mends it                portwright render {site} --change --against core-fw={config}
  a configuration by itself    portwright lint {config}

More faults are in {faults}, more to read in docs/README.md."""


def prepare(folder: Path) -> Path:
    """Write the faulty configuration below `folder`, which holds `examples/`, and return its path from there."""
    [written] = patches.apply_to(folder / SITE.parent, folder / FAULT, folder / FAULTY)
    return written.relative_to(folder)


def main() -> int:
    """Run the demonstration from the repository's folder; 0 when every command answered."""
    root = Path(__file__).parent.parent
    config = prepare(root)
    print(INTRODUCTION.format(site=SITE, point=POINT))
    print("".join(f"  {line}\n" for line in changed_lines(root / FAULT)))
    faulty = ["--config", f"{POINT}={config}"]
    answered = [
        show(root, ["check", str(SITE), *faulty]),
        show(root, ["trace", str(SITE), SCENARIO, *faulty]),
    ]
    good = SITE.parent / config.name
    print(NEXT.format(site=SITE, config=config, good=good, packet=PACKET, faults=FAULT.parent))
    return 0 if all(answered) else 1


def changed_lines(fault: Path) -> list[str]:
    """The lines of a patch that take away or add."""
    text = fault.read_text(encoding="utf-8")
    return [line.rstrip() for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def show(root: Path, arguments: list[str]) -> bool:
    """Print the command, what it answers and what its exit status means; report whether it answered."""
    print(f"$ portwright {shlex.join(arguments)}", flush=True)
    status = subprocess.run([sys.executable, "-m", "portwright", *arguments], cwd=root, check=False).returncode
    print(f"\n(exit status {status}: {EXPECTED.get(status, 'unexpected')})\n", flush=True)
    return status in EXPECTED


if __name__ == "__main__":
    sys.exit(main())
