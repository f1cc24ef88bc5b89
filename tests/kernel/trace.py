"""What the kernel says of each packet that it traces: NFNLGRP_NFTRACE messages, gathered by base chain.

Each base chain that a packet runs through gives a run of messages: a message for each rule that matched, and at the
end the rule with the verdict, or the policy. The first of them carries the packet's headers.
"""

import contextlib
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from portwright.packets.fields import PORT_PROTOCOLS

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
NETLINK_NETFILTER, _SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE = 12, 270, 1, 9
_MESSAGE = 16 + 4  # nlmsghdr, nfgenmsg
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2, 3, 4, 5, 6, 8, 9
_POLICY_TYPE, _RULE_TYPE = 1, 3
_POLICY = 16
_NF_DROP, _NF_ACCEPT = 0, 1
FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 10: "ip6"}
_SO_RCVBUFFORCE = 33
_BUFFER = 64 << 20  # bytes: a batch of packets must fit


@dataclass(frozen=True, slots=True)
class Ends:
    """From where to where a packet goes, as its headers say at some place."""

    source: int
    destination: int
    source_port: int  # 0 for protocols without ports, as in `Packet`
    destination_port: int

    @classmethod
    def of(cls, network: bytes, transport: bytes) -> "Ends":
        """What an IP header and the one after it say."""
        is_four = network[0] >> 4 == 4
        start, size, protocol = (12, 4, network[9]) if is_four else (8, 16, network[6])
        source, destination = network[start : start + size], network[start + size : start + 2 * size]
        ports = transport if protocol in PORT_PROTOCOLS else b""
        return cls(_number(source), _number(destination), _number(ports[:2]), _number(ports[2:4]))


RuleKey = tuple[str | int, ...]  # family, table, handle; in legacy tables family, table, chain, number in the chain


@dataclass(frozen=True, slots=True)
class Run:
    """One packet in one base chain."""

    family: str
    table: str
    chain: str  # the base chain
    decider: RuleKey | None  # the rule that decided; None, or a rule that is not there, for the policy
    is_accepted: bool
    matched: tuple[RuleKey, ...]  # all rules that matched, in order
    ends: Ends  # of the packet as it enters the chain


@dataclass(frozen=True, slots=True)
class _Message:
    trace: int
    family: str
    table: str
    chain: str
    kind: int
    handle: int
    verdict: int  # as in linux/netfilter.h: negative ones go on
    network_header: bytes
    transport_header: bytes

    @property
    def rule(self) -> RuleKey:
        return self.family, self.table, self.handle


class TraceSocket:
    """Listens to the traces of the present network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE)

    def forget(self) -> None:
        """Drop what has come so far: packets of the kernel's own, traced by a ruleset that is gone."""
        self._socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1 << 16)

    def runs(self, seconds: float) -> Iterator[tuple[int, Run]]:
        """The mark of each packet with its runs, as they come; the end when nothing comes for some seconds."""
        gathered: dict[int, list[_Message]] = defaultdict(list)
        self._socket.settimeout(seconds)
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                return
            for message in _messages(data):
                gathered[message.trace].append(message)
                if message.verdict in (_NF_DROP, _NF_ACCEPT) or message.kind == _POLICY_TYPE:
                    yield from _run(gathered.pop(message.trace))


def _run(messages: list[_Message]) -> Iterator[tuple[int, Run]]:
    """The run that these messages tell of; nothing where the packet's headers are not among them."""
    first, last = messages[0], messages[-1]
    mark = packet_mark(first.network_header)
    if mark is None:
        return
    decider = last.rule if last.kind == _RULE_TYPE else None
    matched = tuple(message.rule for message in messages if message.kind == _RULE_TYPE)
    ends = Ends.of(first.network_header, first.transport_header)
    yield mark, Run(first.family, first.table, first.chain, decider, last.verdict == _NF_ACCEPT, matched, ends)


def packet_mark(header: bytes) -> int | None:
    """The number that a probe carries through translation: the identification of IPv4, the flow label of IPv6."""
    if len(header) >= 20 and header[0] >> 4 == 4:
        return int.from_bytes(header[4:6], "big")
    if len(header) >= 40 and header[0] >> 4 == 6:
        return int.from_bytes(header[2:4], "big")
    return None


def messages_in(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The netlink messages of a datagram: family, type, and the attributes."""
    while len(data) >= _MESSAGE:
        length = int.from_bytes(data[:4], "little")
        yield data[16], int.from_bytes(data[4:6], "little"), data[_MESSAGE:length]
        data = data[(length + 3) & ~3 :]


def _messages(data: bytes) -> Iterator[_Message]:
    for family, _, message in messages_in(data):
        attributes = dict(attributes_of(message))
        verdict = dict(attributes_of(attributes.get(_VERDICT, b""))).get(1) or attributes.get(_POLICY, b"\xff" * 4)
        yield _Message(
            _number(attributes.get(_ID, b"")),
            FAMILIES.get(family, ""),
            attributes.get(_TABLE, b"").rstrip(b"\0").decode(),
            attributes.get(_CHAIN, b"").rstrip(b"\0").decode(),
            _number(attributes.get(_TYPE, b"")),
            _number(attributes.get(_HANDLE, b"")),
            struct.unpack(">i", verdict)[0],
            attributes.get(_NETWORK_HEADER, b""),
            attributes.get(_TRANSPORT_HEADER, b""),
        )


def attributes_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes of a netlink message: type and value."""
    while len(data) >= 4:
        length, kind = struct.unpack("<HH", data[:4])
        if length < 4:
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3 :]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
