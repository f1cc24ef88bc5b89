"""`python -m bench [SECONDS]`: time and memory against size, side by side in one run.

SECONDS (300) is how long one measurement may take; one that takes longer is shown as such.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench import lists
from portwright.packets.fields import TCP, UDP, Field
from portwright.packets.packet import address_text
from portwright.policy.model import Rule, Verdict

Measured = dict[str, float] | None  # None: stopped

STEPS = ("build", "missing", "excess", "useless")
SIZES = (1_000, 3_000, 10_000)
KINDS = {  # what each kind of list is for, and its sizes
    "ordinary": ("hierarchical sites, subnets and hosts, exceptions first", SIZES),
    "uncertain": ("the same, one rule in ten not modelled", (1_000, 3_000)),
    "ipv6": ("the same with 128-bit addresses", (1_000, 3_000)),
    "chained": ("a chain per pair of interfaces, shared chains, doubts", (2_000,)),
    "wide": ("wide ranges in two random fields, everything overlapping", (200, 400)),
}
PACKETS, RULES = 100_000, 1_000


def main() -> None:
    """Measure everything and print it."""
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("Seconds; in brackets how much it grew against the line before. Useless: shadowed and redundant rules.\n")
    print(_row("list", "rules", *STEPS, "MB", "all"))
    ordinary = {}
    for kind, (meaning, sizes) in KINDS.items():
        print(f"-- {kind}: {meaning}")
        measured = [measure("proofs", kind, size, limit) for size in sizes]
        ordinary |= dict(zip(sizes, measured, strict=True)) if kind == "ordinary" else {}
        _print_lines(kind, sizes, measured)
    if importlib.util.find_spec("oxidd"):
        _print_rival(ordinary, limit)
    _print_throughput()


def measure(what: str, kind: str, size: int, limit: float) -> Measured:
    """A measurement in a process of its own; None when it takes too long."""
    try:
        arguments = [sys.executable, "-m", "bench.measure", what, kind, str(size)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return None
    return {str(step): float(value) for step, value in json.loads(done.stdout).items()}


def _row(*words: str) -> str:
    return f"{words[0]:<10}{words[1]:>7}" + "".join(f"{word:>16}" for word in words[2:])


def _print_lines(kind: str, sizes: Iterable[int], measured: Iterable[Measured]) -> None:
    before: Measured = None
    for size, taken in zip(sizes, measured, strict=True):
        if taken is None:
            print(_row(kind, f"{size:,}", "stopped"), flush=True)
        else:
            taken["all"] = sum(taken[step] for step in STEPS)
            cells = [_cell(taken[name], before[name] if before else None) for name in (*STEPS, "memory", "all")]
            print(_row(kind, f"{size:,}", *cells), flush=True)
        before = taken


def _cell(value: float, before: float | None) -> str:
    shown = f"{value:.0f}" if value >= 100 else f"{value:.2f}"
    return f"{shown} (x{value / before:.1f})" if before else shown


def _print_rival(ordinary: dict[int, Measured], limit: float) -> None:
    print(
        "\nThe build of the ordinary lists by OxiDD (Rust), and how much longer Portwright (Python) takes for its own."
    )
    for size, ours in ordinary.items():
        theirs = measure("oxidd", "ordinary", size, limit)
        if ours and theirs:
            print(
                _row("oxidd", f"{size:,}", f"{theirs['build']:.2f}", f"x{ours['build'] / theirs['build']:.1f}"),
                flush=True,
            )
        else:
            print(_row("oxidd", f"{size:,}", "stopped"), flush=True)


def _print_throughput() -> None:
    """Decide packets through the command line, start, reading and printing included."""
    stage = lists.ordinary(RULES)
    with tempfile.TemporaryDirectory() as place:
        ruleset, packets = Path(place, "rules.nft"), Path(place, "packets.txt")
        ruleset.write_text(nft_text(stage.chains[stage.base].rules), encoding="utf-8")
        packets.write_text("".join(f"{_packet(flow)}\n" for flow in lists.flows(stage, PACKETS)), encoding="utf-8")
        start = time.perf_counter()
        arguments = ["decide", str(ruleset), "--packets", str(packets), "--platform", "nftables", "--format", "json"]
        done = subprocess.run(
            [sys.executable, "-m", "portwright", *arguments], capture_output=True, text=True, check=False
        )
        taken = time.perf_counter() - start
    answers = [json.loads(line)["decision"] for line in done.stdout.splitlines()]
    if len(answers) != PACKETS:
        raise SystemExit(f"`portwright decide` answered {len(answers)} of {PACKETS} packets\n{done.stderr}")
    print(
        f"\nportwright decide: {PACKETS:,} packets, {RULES:,} nft rules: {taken:.1f} s, {PACKETS / taken:,.0f} a second"
    )


def nft_text(rules: Iterable[Rule]) -> str:
    """The rules as an nft ruleset."""
    body = "".join(f"    {_statement(rule)}\n" for rule in rules if not rule.default)
    head = "table ip bench {\n  chain forward {\n    type filter hook forward priority filter; policy drop;\n"
    return f"{head}{body}  }}\n}}\n"


_PROTOCOLS = {TCP: "tcp", UDP: "udp"}


def _statement(rule: Rule) -> str:
    """One rule as nft writes it."""
    known = {name: ranges[0] for name, ranges in rule.match.sure[0].constraints}
    words = [f"ip {word} {_addresses(*known[name])}" for name, word in _ENDS if name in known]
    protocol = _PROTOCOLS.get(known.get(Field.PROTOCOL, (0, 0))[0])
    if Field.DPORT in known:
        first, last = known[Field.DPORT]
        words.append(f"{protocol} dport {first}" if first == last else f"{protocol} dport {first}-{last}")
    elif protocol:
        words.append(f"meta l4proto {protocol}")
    return " ".join([*words, "accept" if rule.action == Verdict.ACCEPT else "drop"])


_ENDS = ((Field.SRC, "saddr"), (Field.DST, "daddr"))


def _addresses(first: int, last: int) -> str:
    one, other = address_text(4, first), address_text(4, last)
    return one if one == other else f"{one}-{other}"


def _packet(flow: lists.Box) -> str:
    value = {name: ranges[0][0] for name, ranges in flow.constraints}
    ends = f"{address_text(4, value[Field.SRC])}:40000 > {address_text(4, value[Field.DST])}:{value[Field.DPORT]}"
    return f"{_PROTOCOLS[value[Field.PROTOCOL]]} {ends}"


if __name__ == "__main__":
    main()
