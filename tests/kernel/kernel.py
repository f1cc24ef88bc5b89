"""The kernel as judge: what it does with packets under a ruleset, and which lines of the listing decide.

Theory of operation. A child process holds a router in namespaces of its own (`tests.kernel.router`). Beside the
ruleset it loads a tracer: a table whose first chain turns tracing on, whose middle chain tells the connection state,
and whose last chain drops what is left, so that nothing is answered and no connection is remembered. A packet that
reaches the last chain has been accepted by all chains of the ruleset.
"""

import pickle
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from tests.kernel import frames
from tests.kernel.programs import LAST_CHAINS, LEGACY, TRACER, Loaded, Refusal
from tests.kernel.router import TO_ITSELF, Probe, tos_of

from portwright.packets.fields import ICMP, ICMP_PROTOCOL, TCP, State
from portwright.packets.packet import Packet
from portwright.rehearse.watching.tracing import Ends, Run

ROOT = Path(__file__).parent.parent.parent
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_BATCH = 500  # packets
_FAREWELL = 5.0  # seconds
_ENDS = 60_000  # different marks of packets that end a batch


class Refused(Exception):
    """The kernel or the program refuses the ruleset; the argument is what the program says."""

    def __init__(self, refusal: Refusal):
        super().__init__(refusal.message)
        self.lines = refusal.lines


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the kernel did with a packet."""

    decided: str | None  # accept, drop or reject; None when the packet did not come as far as the hook's end
    via: tuple[int, ...]  # lines of the deciders, in order; of the chain's declaration where the policy decided
    state: State | None  # as connection tracking sees it, where the packet came so far
    matched: tuple[int, ...] = ()  # lines of all rules that matched, in order
    came: Ends | None = None  # from where to where, as it entered the first chain of the tracer
    left: Ends | None = None  # and its last one, where it was accepted


class Kernel:
    """A router with these interfaces; to be used in a `with` statement."""

    def __init__(self, interfaces: Sequence[str], dialect: str = "nftables"):
        self.interfaces = tuple(interfaces)
        self.dialect = dialect
        self.hook, self.path = "forward", False  # as in the last call of `load`
        self.source = ""  # the ruleset as it was loaded
        self.loaded = Loaded()
        self._batches = 0
        program = [sys.executable, "-c", "from tests.kernel.router import main; main()", dialect, *interfaces]
        pipe = subprocess.PIPE
        # In a session of its own: an interrupt reaches this process alone, which then ends the child.
        self._child = subprocess.Popen([*_UNSHARE, *program], stdin=pipe, stdout=pipe, cwd=ROOT, start_new_session=True)

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        """End the child: it stops when its input does, and its namespaces go with it."""
        _pipe(self._child.stdin).close()
        try:
            self._child.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        _pipe(self._child.stdout).close()

    @property
    def is_running(self) -> bool:
        """Report whether the router is still there."""
        return self._child.poll() is None

    def load(self, ruleset: str, hook: str, path: bool = False, packets: Sequence[Packet] = ()) -> str:
        """Load a ruleset and return its listing. Raises Refused.

        Connections that `packets` are to belong to are opened before.
        """
        self._order("prepare", [probe for packet in packets for probe in self._openers(packet)])
        answer = self._order("load", ruleset, _tracer(self.interfaces, hook, path))
        if isinstance(answer, Refusal):
            raise Refused(answer)
        self.hook, self.path, self.source, self.loaded = hook, path, ruleset, answer
        return answer.listing

    def json(self) -> str:
        """The loaded ruleset as nft prints it in JSON."""
        return self._order("json")

    def judge(self, packets: Sequence[Packet]) -> list[Ruling]:
        """What becomes of packets under the ruleset, in their order."""
        found: list[Ruling] = []
        for start in range(0, len(packets), _BATCH):
            batch = enumerate(packets[start : start + _BATCH], 1)
            found += self.judge_probes([self._probe(packet, mark) for mark, packet in batch])
        return found

    def judge_probes(self, probes: Sequence[Probe]) -> list[Ruling]:
        """What becomes of packets that somebody has put into bytes: few, and each with a mark of its own from 1 on."""
        self._batches += 1
        last = replace(_END, interface_in=self.interfaces[0])
        runs = self._order("judge", probes, self._probe(last, _BATCH + 1 + self._batches % _ENDS))
        return [self._ruling(runs.get(probe.mark, [])) for probe in probes]

    def _order(self, method: str, *arguments: object):
        """What the router answers to an order."""
        pipe = _pipe(self._child.stdin)
        pickle.dump((method, arguments), pipe)
        pipe.flush()
        return pickle.load(_pipe(self._child.stdout))

    def _probe(self, packet: Packet, mark: int, payload: bytes | None = None) -> Probe:
        is_local = packet.interface_in == ""
        tos = tos_of(self.interfaces, packet.interface_out) if packet.interface_out else TO_ITSELF
        if packet.state is State.RELATED and packet.protocol == ICMP_PROTOCOL[packet.version]:
            payload = frames.unreachable(packet, frames.datagram(_turned(_subject(packet)), 1, 0))
        elif self.dialect != "nftables" and packet.protocol == TCP and packet.state is State.INVALID:
            flags = frames.ORDERLY[packet.source_port % len(frames.ORDERLY)]  # the reader takes no others for traffic
            payload = frames.body(packet, flags)
        interface = (packet.interface_out if is_local else packet.interface_in) or self.interfaces[0]
        return Probe(mark, interface, frames.datagram(packet, mark, tos, payload), is_local)

    def _openers(self, packet: Packet) -> list[Probe]:
        """The first packet of the connection that a packet belongs to, and the answer to it."""
        if packet.state is State.ESTABLISHED:
            first = replace(packet, state=State.NEW)
        elif packet.state is State.RELATED and packet.protocol == ICMP_PROTOCOL[packet.version]:
            first = _turned(_subject(packet))
        else:
            return []
        answer = _turned(first)
        return [self._probe(first, 1), self._probe(answer, 2, frames.body(answer, frames.SYN | frames.ACK))]

    def _ruling(self, runs: list[Run]) -> Ruling:
        """The answer of the chains that the packet ran through, in order."""
        found = Ruling(None, (), None, tuple(self._matched(runs)), came=runs[0].ends if runs else None)
        for run in runs:
            if self._is_beside(run):
                if self._line(run) not in self.loaded.policies.values():
                    return replace(found, decided=None)
                continue
            if run.table != TRACER:
                found = replace(found, via=(*found.via, self._line(run)))
                if not run.is_accepted:
                    return replace(found, decided=self._blocked(run))
                continue
            states = [self.loaded.states[rule] for rule in run.matched if rule in self.loaded.states]
            found = replace(found, state=State[states[0].upper()]) if states else found
            if run.chain in LAST_CHAINS:
                return replace(found, decided="accept", left=run.ends) if run.chain == "end" else found
        return found

    def _is_beside(self, run: Run) -> bool:
        """Report whether a chain translates that is not asked about: where it does, the hook sees other packets."""
        return not self.path and (run.family, run.table, run.chain) in self.loaded.translating

    def _matched(self, runs: list[Run]) -> Iterator[int]:
        """The lines of the rules; a message without a rule tells of the end of a chain."""
        lines = self.loaded.lines
        return (lines[rule] for run in runs for rule in run.matched if rule in lines)

    def _line(self, run: Run) -> int:
        line = None if run.decider is None else self.loaded.lines.get(run.decider)
        return self.loaded.policies[run.family, run.table, run.chain] if line is None else line

    def _blocked(self, run: Run) -> str | None:
        """How a packet ended in a chain; None where only later, by the kernel itself, as legacy traces leave open."""
        text = self.loaded.listing.splitlines()[self._line(run) - 1]
        if _REJECTS[self.dialect == "nftables"].search(_QUOTED.sub("", text)):
            return "reject"
        return "drop" if self.dialect != LEGACY or _DROPS.search(text) else None


_QUOTED = re.compile(r'"[^"]*"')
_REJECTS = (re.compile(r" -j REJECT\b"), re.compile(r"\breject\b"))
_DROPS = re.compile(r"^:\S+ DROP| -j DROP")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _subject(error: Packet) -> Packet:
    """The datagram that an ICMP error is about: sent by whom the error goes to."""
    return Packet(error.version, 17, error.source, error.destination, 53, 40000,
                  interface_in=error.interface_in, interface_out=error.interface_out)  # fmt: skip


def _turned(packet: Packet) -> Packet:
    """The packet the other way round."""
    return replace(
        packet,
        source=packet.destination,
        destination=packet.source,
        source_port=packet.destination_port,
        destination_port=packet.source_port,
        interface_in=packet.interface_out,
        interface_out=packet.interface_in,
    )


_END = Packet(4, ICMP, 0xC6130001, 0xC6140001, icmp_type=8)  # 198.19.0.1 > 198.20.0.1, addresses for benchmarks


_FIRST, _LAST = -0x80000000, 0x7FFFFFFE  # connection tracking takes up a connection at 0x7FFFFFFF
_AFTER_CONNTRACK = -199
_END_OF_BATCH = "ip saddr 198.19.0.1 ip daddr 198.20.0.1 meta nftrace set 1 drop"
_STATES = "; ".join(f"ct state {state}" for state in ("new", "established", "related", "invalid", "untracked"))
_TRACE = "meta nftrace set 1"
# Not what the kernel itself answers with: it has no socket, and comes back by the loopback interface.
_FROM_HERE, _FROM_OUTSIDE = f"meta skuid 0 {_TRACE}", f'iifname != "lo" {_TRACE}'


def _tracer(interfaces: Sequence[str], hook: str, path: bool) -> str:
    """The tracer's tables: where they turn tracing on, tell the state, and stop what is left."""
    first = "output" if hook == "output" else "prerouting" if path else hook
    last = "postrouting" if path and hook != "input" else hook
    aside = {"forward": "input", "input": "forward", "output": "input"}[hook]
    middle = f"{first} priority {_FIRST + 1 if first in ('forward', 'input') else _AFTER_CONNTRACK}"
    chains = {
        "start": f"type filter hook {first} priority {_FIRST}; {_FROM_HERE if first == 'output' else _FROM_OUTSIDE}",
        "middle": f"type filter hook {middle}; {_STATES}",
        "end": f"type filter hook {last} priority {_LAST}; policy drop",
        "aside": f"type filter hook {aside} priority {_LAST}; policy drop",
    }
    devices = ", ".join(f'"{name}"' for name in interfaces)
    arrival = f"type filter hook ingress devices = {{ {devices} }} priority {_FIRST}; {_END_OF_BATCH}"
    if path and hook != "output":
        arrival += f"; {_TRACE}"
    return _table("netdev", {"arrival": arrival}) + _table("inet", chains)


def _table(family: str, chains: dict[str, str]) -> str:
    blocks = "".join(f"chain {name} {{ {text}; }}\n" for name, text in chains.items())
    return f"table {family} {TRACER} {{\n{blocks}}}\n"
