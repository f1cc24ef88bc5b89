"""Let the kernel judge the readers of its rules, on random rulesets and on realistic ones: `make oracle`.

Prints each disagreement with a minimal ruleset and its packet, and at the end what was compared, which constructs took
part and why some answers were undecided. The exit status is 1 where something disagrees, 4 where no kernel is in reach.
"""

import argparse
import ctypes
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from random import Random

from tests.kernel.compare import Disagreement, Reader, Tally, compare
from tests.kernel.dialects import DIALECTS
from tests.kernel.edges import Edges
from tests.kernel.extensions import missing
from tests.kernel.kernel import Kernel
from tests.kernel.loading import load_settled
from tests.kernel.reach import out_of_reach
from tests.kernel.realistic import realistic
from tests.kernel.shrink import shrink
from tests.kernel.vocabulary import INTERFACES

from portwright.packets.packet import Packet

PER_RULESET = 500  # packets
JSON_EVERY = 3  # rulesets
ASKED = (  # hook, and whether the whole path
    ("forward", False),
    ("forward", True),
    ("input", False),
    ("forward", True),
    ("input", True),
    ("output", False),
    ("output", True),
)
SHARES = {"nftables": 0.35, "iptables": 0.35, "iptables-legacy": 0.15}  # of the time, for random rulesets
_NOT_POSSIBLE = 4  # exit status
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
REALISTIC_SHARE = 0.05  # of the time, for the realistic ones of each dialect


# Rulesets


def disagreements(
    kernel: Kernel,
    seed: int,
    tally: Tally,
    *,
    seconds: float,
    packets: int,
    each: int = PER_RULESET,
    read: Reader | None = None,
) -> Iterator[Disagreement]:
    """Judge random rulesets until the time or the number of packets is used up."""
    dialect = DIALECTS[kernel.dialect]
    if dialect.platform == "iptables":
        tally.missing |= missing(kernel)
    end = time.monotonic() + seconds
    number = sent = 0
    while time.monotonic() < end and sent < packets:
        random = Random(f"{seed} {number}")
        hook, path = ASKED[number % len(ASKED)]
        number += 1
        text = dialect.draw(random, hook, path, tally.missing)
        packets_drawn = load_settled(kernel, text, hook, path, partial(drawn, kernel, random, each))
        if packets_drawn is not None:
            sent += each
            json = dialect.has_json and number % JSON_EVERY == 0
            yield from list(compare(kernel, packets_drawn, tally, json=json, read=read))  # before others load rules


def disagreements_in_realistic(seed: int, dialect: str, tally: Tally, seconds: float) -> Iterator[Disagreement]:
    """Judge realistic rulesets on every hook until the time is used up; each disagreement is made small."""
    end = time.monotonic() + seconds
    for number, (_, text, interfaces) in enumerate(cycle(realistic(dialect))):
        random = Random(f"{seed} {number}")
        with Kernel(interfaces, dialect) as kernel:
            for hook, path in dict.fromkeys(ASKED):
                if time.monotonic() > end:
                    return
                packets = load_settled(kernel, text, hook, path, partial(drawn, kernel, random))
                found = next(compare(kernel, packets or [], tally), None)
                if found is not None:
                    yield shrink(kernel, found)


def drawn(kernel: Kernel, random: Random, count: int = PER_RULESET) -> list[Packet]:
    """Packets at the edges of the rules that are loaded."""
    listing = kernel.loaded.listing
    edges = Edges(listing, DIALECTS[kernel.dialect].hints(listing), kernel.interfaces, random)
    return [edges.packet(kernel.hook) for _ in range(count)]


# Runs


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does in one go."""

    dialect: str
    seed: int
    seconds: float
    packets: int
    most: int  # disagreements to make small
    is_realistic: bool


def work(job: Job) -> tuple[str, Tally, list[str]]:
    """The dialect, what was compared, and the disagreements."""
    tally, found, last = Tally.of(job.dialect), [], ""
    if job.is_realistic:
        judged = disagreements_in_realistic(job.seed, job.dialect, tally, job.seconds)
        found += map(str, judged)
        return job.dialect, tally, found
    with Kernel(INTERFACES, job.dialect) as kernel:
        for one in disagreements(kernel, job.seed, tally, seconds=job.seconds, packets=job.packets):
            if one.listing != last and len(found) < job.most:
                found.append(str(shrink(kernel, one)))
            last = one.listing
    return job.dialect, tally, found


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """The work in pieces, for as many processes as are wanted."""
    shares = {name: SHARES[name] for name in options.dialect}
    whole = sum(shares.values()) + REALISTIC_SHARE * len(shares)
    for process in range(options.processes):
        seed = options.seed * 1000 + process
        for dialect, share in shares.items():
            for part, is_realistic in ((share, False), (REALISTIC_SHARE, True)):
                part /= whole
                packets = int(options.packets * part / options.processes) + 1
                yield Job(dialect, seed, options.seconds * part, packets, options.most, is_realistic)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the arguments say."""
    options = _options(arguments)
    reasons = {dialect: out_of_reach("nftables") or out_of_reach(dialect) for dialect in options.dialect}
    options.dialect = [dialect for dialect, reason in reasons.items() if not reason]
    print("".join(f"{dialect} is not judged: {reason}\n" for dialect, reason in reasons.items() if reason), end="")
    if not options.dialect:
        return _NOT_POSSIBLE
    tallies = {dialect: Tally.of(dialect) for dialect in options.dialect}
    start, wrong = time.monotonic(), 0
    with ProcessPoolExecutor(options.processes, initializer=_end_with_master) as pool:
        for done in as_completed([pool.submit(work, job) for job in jobs(options)]):
            dialect, tally, found = done.result()
            tallies[dialect].add(tally)
            print(f"{dialect}: {tally.judged} packets judged", file=sys.stderr, flush=True)
            wrong += len(found)
            print("".join(f"{dialect}: {one}\n\n" for one in found), end="", flush=True)
    for dialect, tally in tallies.items():
        _report(dialect, tally)
    judged, seconds = sum(tally.judged for tally in tallies.values()), time.monotonic() - start
    print(f"\n{judged} packets judged in {seconds:.0f} s ({judged / seconds:.0f}/s); disagreements: {wrong}")
    return 1 if wrong else 0


def _end_with_master() -> None:
    """Have the kernel end this process when the one that waits for it ends, however it does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _report(dialect: str, tally: Tally) -> None:
    print(f"\n{dialect}: {tally}\n\n{tally.coverage}\n\nundecided, and why")
    print("".join(f"{count:8}  {reason or '(no reason)'}\n" for reason, count in tally.reasons.most_common(25)), end="")
    print("".join(f"not in this kernel: {phrase}: {reason}\n" for phrase, reason in tally.missing.items()), end="")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--seconds", type=float, default=300, help="stop after so long (300)")
    parser.add_argument("--packets", type=int, default=10**9, help="stop after about so many")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other rulesets (1)")
    parser.add_argument("--most", type=int, default=5, help="disagreements of a piece of work to make small (5)")
    parser.add_argument("--processes", type=int, default=2, help="at the same time (2)")
    parser.add_argument("--dialect", nargs="+", default=list(SHARES), choices=list(SHARES), help="those to judge (all)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
