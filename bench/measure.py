"""One measurement in a process of its own, so that its memory is its own: `python -m bench.measure KIND COUNT`."""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from bench import lists
from portwright.packets.diagram import Space
from portwright.packets.fields import LAST, Field
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import PolicyMap
from portwright.policy.anomalies import anomalies
from portwright.policy.model import Policy, Stage, Verdict

FLOWS = 10_000
Result = TypeVar("Result")


class Clock:
    """Seconds per step, as they were taken."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    def time(self, step: str, work: Callable[[], Result]) -> Result:
        """The result of some work, whose duration is kept."""
        start = time.perf_counter()
        result = work()
        self.taken[step] = time.perf_counter() - start
        return result


def proofs(kind: str, count: int) -> dict[str, float]:
    """Build a list, ask what 10,000 required flows miss and what is excess, then shadowed and redundant rules."""
    stage = getattr(lists, kind)(count)
    required = lists.flows(stage, FLOWS, version=6 if kind == "ipv6" else 4)
    clock = Clock()
    space = Space()
    verdicts = clock.time("build", lambda: PolicyMap(space, Policy((stage,))))
    sure, wanted = verdicts.sure(), PacketSet.of(space, required)
    clock.time("missing", lambda: wanted - sure)
    clock.time("excess", lambda: sure - wanted)
    clock.time("useless", lambda: list(anomalies(stage)))
    return clock.taken


def oxidd(kind: str, count: int) -> dict[str, float]:
    """Build the same list with OxiDD, a library for binary decision diagrams written in Rust: the rival."""
    stage = getattr(lists, kind)(count)
    clock = Clock()
    clock.time("build", lambda: _accepted(stage))
    return clock.taken


def _accepted(stage: Stage) -> object:
    """The accepted packets: rules as pairs (decided, accepted), reduced as a balanced tree."""
    from oxidd.bcdd import BCDDManager

    manager = BCDDManager(1 << 25, 1 << 22, 1)
    order = (Field.PROTOCOL, Field.DPORT, Field.DST, Field.SRC)
    last = LAST if stage.name.endswith("6") else {**LAST, Field.SRC: 2**32 - 1, Field.DST: 2**32 - 1}
    bits = {name: [manager.var(at) for at in manager.add_vars(last[name].bit_length())] for name in order}

    def at_most(name: Field, limit: int) -> object:
        found = manager.true() if limit >= 0 else manager.false()
        for place, bit in enumerate(reversed(bits[name])):
            found = found | ~bit if limit >> place & 1 else found & ~bit
        return found

    def box(constraints):  # type: ignore[no-untyped-def]
        found = manager.true()
        for name, ranges in constraints:
            if name in bits:
                (first, end), *_ = ranges
                found &= at_most(name, end) & ~at_most(name, first - 1) if first else at_most(name, end)
        return found

    parts = []
    for rule in stage.chains[stage.base].rules:
        decided = box(rule.match.possible[0].constraints)
        parts.append((decided, decided if rule.action == Verdict.ACCEPT else manager.false()))
    while len(parts) > 1:
        rest = [*parts[1::2], (manager.false(), manager.false())]
        parts = [(a | c, b | (d & ~a)) for (a, b), (c, d) in zip(parts[::2], rest, strict=False)]
    return parts[0][1]


def main() -> None:
    """Print one measurement as JSON: seconds per step, and peak memory in MB."""
    what, kind, count = sys.argv[1:]
    taken = {"proofs": proofs, "oxidd": oxidd}[what](kind, int(count))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**taken, "memory": peak}))


if __name__ == "__main__":
    main()
