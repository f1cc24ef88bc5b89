"""Damaged inputs for every reader: no traceback, no hang, bounded memory. `python -m tests.fuzz.run --seconds 60`.

Each input that breaks a reader is made smaller and kept in `build/fuzz/`. The exit status is 1 where there is one.
"""

import argparse
import hashlib
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.fuzz.damage import damaged
from tests.fuzz.targets import Target, targets

from portwright.errors import InvalidInput

PATIENCE = 10  # seconds of processor time for one input
MEMORY = 1 << 30  # bytes beyond what the process has at the start
KEPT = Path("build") / "fuzz"
_SHRINKING = 30  # seconds


class Hang(BaseException):
    """An input took too long; no reader catches it."""


def breaks(target: Target, content: bytes, patience: int = PATIENCE) -> str:
    """How a reader breaks on an input: the exception and its place; empty where it reads or refuses it."""
    try:
        with _bounded(patience):
            target.run(content)
    except InvalidInput:
        return ""
    except (Exception, Hang) as problem:
        frame = traceback.extract_tb(problem.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(problem.__traceback__) if "portwright" in f.filename] or [frame]
        return f"{type(problem).__name__} at {Path(ours[-1].filename).name}:{ours[-1].name}"
    return ""


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def smaller(target: Target, content: bytes, how: str) -> bytes:
    """A smaller input that breaks the reader in the same way."""
    end, size = time.monotonic() + _SHRINKING, max(len(content) // 2, 1)
    while size and time.monotonic() < end:
        at = 0
        while at < len(content) and time.monotonic() < end:
            shorter = content[:at] + content[at + size :]
            if breaks(target, shorter) == how:
                content = shorter
            else:
                at += size
        size //= 2
    return content


def failures(seed: str, *, seconds: float, inputs: int, names: list[str]) -> Iterator[tuple[str, bytes, str]]:
    """Reader, input and how it breaks, until the time is over or every reader had so many inputs; each way once."""
    chosen, seen, end = {name: targets()[name] for name in names}, Counter[str](), time.monotonic() + seconds
    for number in range(inputs):
        for name, target in chosen.items():
            if time.monotonic() > end:
                return
            random = Random(f"{seed} {name} {number}")
            content = damaged(random.choice(target.samples), target.samples, random)
            how = breaks(target, content)
            if how and not seen[f"{name} {how}"]:
                yield name, content, how
            seen[f"{name} {how}"] += bool(how)
            TRIED[name] += 1


TRIED: Counter[str] = Counter()  # inputs by reader


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--seconds", type=float, default=60, help="stop after so long (60)")
    parser.add_argument("--inputs", type=int, default=10**9, help="for each reader at most (no limit)")
    parser.add_argument("--seed", default="1", help="another one draws other inputs (1)")
    parser.add_argument("--only", choices=list(targets()), action="append", help="this reader alone; may be repeated")
    options = parser.parse_args()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    found = 0
    names = options.only or list(targets())
    for name, content, how in failures(options.seed, seconds=options.seconds, inputs=options.inputs, names=names):
        small = smaller(targets()[name], content, how)
        KEPT.mkdir(parents=True, exist_ok=True)
        file = KEPT / f"{name}-{hashlib.sha256(small).hexdigest()[:12]}"
        file.write_bytes(small)
        print(f"{name}: {how}: {file} ({len(small)} bytes)", flush=True)
        found += 1
    print(", ".join(f"{name} {count}" for name, count in TRIED.items()), "inputs;", found, "ways to break a reader")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
