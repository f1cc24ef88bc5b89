"""`python -m bench.rehearse`: how long a rehearsal takes from command to report, and what it needs in memory.

The examples are rehearsed as they are: F2 with twelve hosts and three firewalls, with stand-ins and with real programs,
and F9 with its 919 flows. Memory is that of every process of a rehearsal, shared pages in their
part (PSS), looked at ten times a second.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.plan import site_text

_HOSTS = (25, 50, 100, 200)
_EXAMPLES = Path(__file__).parents[1] / "examples"
_MARK = f"bench-rehearse-{os.getpid()}"
_PHASE = re.compile(r"portwright: +([\d.]+) s  (.*)")


def main() -> None:
    """Measure, and print a line for each."""
    for name, options in (("f2", ()), ("f2", ("--tier", "real")), ("f9", ())):
        _measure(f"{name} {' '.join(options)}".strip(), _EXAMPLES / name / "site.yaml", options)
    before = 0.0
    for hosts in _HOSTS:
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder, "site.yaml")
            site.write_text(site_text("campus", hosts), encoding="utf-8")
            took = _measure(f"campus of {hosts}", site, ())
        if before:
            print(f"{'':>18}growth per host x{took / before / 2:.1f}")
        before = took


def _measure(title: str, site: Path, options: tuple[str, ...]) -> float:
    """Rehearse, print what it took, and return the seconds."""
    command = [sys.executable, "-m", "portwright", "rehearse", str(site), *options]
    begun, most = time.monotonic(), 0
    with subprocess.Popen(
        command, env=os.environ | {"BENCH": _MARK}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            most = max(most, _memory())
            time.sleep(0.1)
        took = time.monotonic() - begun
        assert process.stdout is not None
        assert process.stderr is not None
        head, said = process.stdout.readline().strip(), process.stderr.read()
    phases = _PHASE.findall(said)
    playing = _between(phases, "playing", "trying")
    print(f"{title:>16}: {took:5.1f} s, {most >> 20:5} MB; {playing}; {head or said.strip()}", flush=True)
    return took


def _between(phases: list[tuple[str, str]], first: str, last: str) -> str:
    starts = {text.split()[0]: (float(at), text) for at, text in phases}
    if first not in starts or last not in starts:
        return "no exchanges"
    return f"{starts[first][1]} took {starts[last][0] - starts[first][0]:.1f} s"


def _memory() -> int:
    """Bytes of all processes of the rehearsal."""
    found = 0
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and _MARK.encode() in (folder / "environ").read_bytes():
                text = (folder / "smaps_rollup").read_text(encoding="ascii")
                found += int(re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)[1]) << 10  # type: ignore[index]
        except (OSError, TypeError):
            continue
    return found


if __name__ == "__main__":
    main()
