"""What the kernel says of packets in legacy tables of iptables: a log message for each rule that a traced one matches.

The messages name table, chain and the rule's number, but not what it did: the last one of a base chain is that of the
rule that decided, or of the chain's end, which stands for its policy.
"""

import contextlib
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from portwright.rehearse.watching.tracing import FAMILIES, NETLINK_NETFILTER, RuleKey, Run, messages_in

_FAMILY_NUMBERS = (2, 10)  # AF_INET, AF_INET6
# linux/netfilter/nfnetlink_log.h: message types of NFNL_SUBSYS_ULOG, attributes of its messages
_PACKET_MESSAGE, _CONFIG_MESSAGE = 4 << 8 | 0, 4 << 8 | 1
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5
_BIND, _COPY_PACKET = 1, 2
_HEADER, _PAYLOAD, _PREFIX = 1, 9, 10
_COPIED = 64  # bytes of each packet
_REQUEST = 1  # NLM_F_REQUEST
_BUFFER, _SO_RCVBUFFORCE = 64 << 20, 33
_BASE_CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")  # by hook: linux/netfilter.h
_TRACED = re.compile(rb"TRACE: (\w+):(.+):(?:rule|return|policy):(\d+) ")  # "policy" is an unconditional rule, too


@dataclass(frozen=True, slots=True)
class Step:
    """A packet matches a rule, or comes to the end of a chain."""

    family: str
    table: str
    hook: int
    chain: str
    number: int  # of the rule in its chain; behind the last one stands the chain's end

    @property
    def rule(self) -> RuleKey:
        """How `Loaded.lines` names the rule."""
        return self.family, self.table, self.chain, self.number


class LegacyTraces:
    """Listens to the log of the present network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind((0, 0))
        for family in _FAMILY_NUMBERS:
            Path(f"/proc/sys/net/netfilter/nf_log/{family}").write_text("nfnetlink_log", encoding="ascii")
        self._configure(_COMMAND, bytes([_BIND]))
        self._configure(_MODE, struct.pack(">IBB", _COPIED, _COPY_PACKET, 0))
        self._configure(_THRESHOLD, struct.pack(">I", 1))
        self._socket.settimeout(0)

    def _configure(self, kind: int, value: bytes) -> None:
        """Set one thing about group 0, to which traces go."""
        attribute = struct.pack("<HH", 4 + len(value), kind) + value
        attribute += bytes(-len(attribute) % 4)
        message = struct.pack("<IHHIIBBH", 20 + len(attribute), _CONFIG_MESSAGE, _REQUEST, 1, 0, 0, 0, 0) + attribute
        self._socket.send(message)

    def forget(self) -> None:
        """Drop what has come so far."""
        for _ in self._received():
            pass

    def steps(self) -> dict[int, list[Step]]:
        """What has come so far, by the mark of the packet."""
        found = defaultdict(list)
        for data in self._received():
            for family, kind, attributes in messages_in(data):
                if kind != _PACKET_MESSAGE:
                    continue
                traced = _TRACED.match(attributes.get(_PREFIX, b""))
                mark = packet_mark(attributes.get(_PAYLOAD, b""))
                if traced is not None and mark is not None:
                    table, chain, number = (part.decode() for part in traced.groups())
                    hook = attributes[_HEADER][2]
                    found[mark].append(Step(FAMILIES[family], table, hook, chain, int(number)))
        return found

    def _received(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield self._socket.recv(1 << 16)


def packet_mark(header: bytes) -> int | None:
    """The number that a probe carries through translation: the identification of IPv4, the flow label of IPv6."""
    if len(header) >= 20 and header[0] >> 4 == 4:
        return int.from_bytes(header[4:6], "big")
    if len(header) >= 40 and header[0] >> 4 == 6:
        return int.from_bytes(header[2:4], "big")
    return None


def runs(steps: Sequence[Step], *, is_through: bool, first: Run) -> list[Run]:
    """The base chains that a packet ran through after its first run.

    All of them let it through but the last, where `is_through` tells.
    """
    chains = [list(group) for _, group in groupby(steps, lambda step: (step.table, step.hook))]
    return [_run(chain, is_through or number < len(chains), first) for number, chain in enumerate(chains, 1)]


def _run(steps: Sequence[Step], is_accepted: bool, first: Run) -> Run:
    last = steps[-1]
    matched = tuple(step.rule for step in steps)
    return Run(last.family, last.table, _BASE_CHAINS[last.hook], last.rule, is_accepted, matched, *first[-2:])
