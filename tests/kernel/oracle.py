"""Let the kernel judge the reader of nftables on random rulesets: `python -m tests.kernel.oracle --seconds 60`.

Prints each disagreement with a minimal ruleset and its packet, and at the end what was compared and why some answers
were undecided. The exit status is 1 where something disagrees.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from random import Random

from portwright.packets.fields import State
from tests.kernel.compare import Disagreement, Tally, compare
from tests.kernel.edges import Edges
from tests.kernel.generate import INTERFACES, Generator
from tests.kernel.kernel import Kernel
from tests.kernel.shrink import load, settle, shrink

PER_RULESET = 120  # packets
JSON_EVERY = 3  # rulesets
HOOKS = (("forward", False), ("forward", False), ("forward", True), ("input", False), ("input", True), ("output", False),
         ("output", True))  # fmt: skip


def disagreements(kernel: Kernel, seed: int, tally: Tally, seconds: float, packets: int) -> Iterator[Disagreement]:
    """Judge random rulesets until the time or the number of packets is used up."""
    end = time.monotonic() + seconds
    sent = number = 0
    while time.monotonic() < end and sent < packets:
        random = Random(f"{seed} {number}")
        hook, path = HOOKS[number % len(HOOKS)]
        number += 1
        text = Generator(random, hook, path).ruleset()
        if not (load(kernel, text, hook, path) and settle(kernel, hook, path)):
            continue
        edges = Edges(kernel.loaded.listing, INTERFACES, random)
        drawn = [edges.packet(hook) for _ in range(PER_RULESET)]
        if any(packet.state is not State.NEW for packet in drawn):
            kernel.load(kernel.source, hook, path, drawn)
        sent += len(drawn)
        yield from compare(kernel, drawn, tally, json=number % JSON_EVERY == 0)


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--packets", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=10, help="disagreements to make small and print")
    options = parser.parse_args()
    tally, shown, last = Tally(), 0, ""
    with Kernel(INTERFACES) as kernel:
        for found in disagreements(kernel, options.seed, tally, options.seconds, options.packets):
            if found.listing != last and shown < options.most:
                print(shrink(kernel, found), end="\n\n", flush=True)
            shown, last = shown + 1, found.listing
    print(tally)
    for reason, count in tally.reasons.most_common(25):
        print(f"  {count:6}  {reason}")
    return 1 if shown else 0


if __name__ == "__main__":
    sys.exit(main())
