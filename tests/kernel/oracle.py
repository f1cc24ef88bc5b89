"""Let the kernel judge the reader of nftables on random rulesets: `python -m tests.kernel.oracle --seconds 60`.

Prints each disagreement with a minimal ruleset and its packet, and at the end what was compared and why some answers
were undecided. The exit status is 1 where something disagrees.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from random import Random

from tests.kernel.compare import READ, Disagreement, Reader, Tally, compare
from tests.kernel.edges import Edges
from tests.kernel.generate import ruleset
from tests.kernel.kernel import Kernel
from tests.kernel.loading import load_settled
from tests.kernel.shrink import shrink
from tests.kernel.vocabulary import INTERFACES

from portwright.packets.fields import State

PER_RULESET = 120  # packets
JSON_EVERY = 3  # rulesets
ASKED = (  # hook, and whether the whole path
    ("forward", False),
    ("forward", True),
    ("input", False),
    ("forward", False),
    ("input", True),
    ("output", False),
    ("output", True),
)


def disagreements(
    kernel: Kernel, seed: int, tally: Tally, *, seconds: float, packets: int, read: Reader = READ
) -> Iterator[Disagreement]:
    """Judge random rulesets until the time or the number of packets is used up."""
    end = time.monotonic() + seconds
    number = sent = 0
    while time.monotonic() < end and sent < packets:
        random = Random(f"{seed} {number}")
        hook, path = ASKED[number % len(ASKED)]
        number += 1
        if load_settled(kernel, ruleset(random, hook, path), hook, path):
            sent += PER_RULESET
            yield from compare(kernel, drawn(kernel, random), tally, json=number % JSON_EVERY == 0, read=read)


def drawn(kernel: Kernel, random: Random, count: int = PER_RULESET):
    """Packets at the edges of the rules that are loaded; connections that they belong to are open."""
    edges = Edges(kernel.loaded.listing, kernel.interfaces, random)
    packets = [edges.packet(kernel.hook) for _ in range(count)]
    if any(packet.state is not State.NEW for packet in packets):
        kernel.load(kernel.source, kernel.hook, kernel.path, packets)
    return packets


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--packets", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--seconds", type=float, default=60, help="stop after so long (60)")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other rulesets (1)")
    parser.add_argument("--most", type=int, default=10, help="disagreements to make small and print (10)")
    options = parser.parse_args()
    tally, shown, last = Tally(), 0, ""
    with Kernel(INTERFACES) as kernel:
        for found in disagreements(kernel, options.seed, tally, seconds=options.seconds, packets=options.packets):
            if found.listing != last and shown < options.most:
                print(shrink(kernel, found), end="\n\n", flush=True)
                shown += 1
            last = found.listing
    print(tally)
    print("".join(f"{count:8}  {reason or '(no reason)'}\n" for reason, count in tally.reasons.most_common(25)))
    return 1 if last else 0


if __name__ == "__main__":
    sys.exit(main())
