"""What the kernel says of each packet that it traces: NFNLGRP_NFTRACE messages, gathered by base chain.

Each base chain that a packet runs through gives a run of messages: a message for each rule that matched, and at the
end the rule with the verdict, or the policy. The first of them carries the packet's headers.
"""

import contextlib
import errno
import functools
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from portwright.packets.fields import PORT_PROTOCOLS, TCP, UDP

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
NETLINK_NETFILTER, _SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE = 12, 270, 1, 9
_MESSAGE = 16 + 4  # bytes: nlmsghdr, nfgenmsg
_MESSAGE_HEADER = struct.Struct("<IH")  # length, type
_ATTRIBUTE = 4  # bytes: nlattr
_ATTRIBUTE_HEADER = struct.Struct("<HH")  # length, type
_ENOUGH = 20  # bytes of a transport header and what follows: as many as the kernel tells of
_SHORTEST_HEADER = 20  # bytes, RFC 791, 3.1
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2, 3, 4, 5, 6, 8, 9
_POLICY_TYPE, _RULE_TYPE = 1, 3
_MARK, _POLICY = 14, 16
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


class Run(NamedTuple):
    """One packet in one base chain."""

    family: str
    table: str
    chain: str  # the base chain
    decider: RuleKey | None  # the rule that decided; None, or a rule that is not there, for the policy
    is_accepted: bool
    matched: tuple[RuleKey, ...]  # all rules that matched, in order
    network_header: bytes  # of the packet as it enters the chain
    transport_header: bytes
    mark: int = 0  # of the packet as it leaves the chain

    @property
    def ends(self) -> Ends:
        """From where to where the packet goes as it enters the chain."""
        return Ends.of(self.network_header, self.transport_header)

    @property
    def protocol(self) -> int:
        """The IP protocol, of IPv6 the next header."""
        return self.network_header[9] if self.network_header[0] >> 4 == 4 else self.network_header[6]

    @property
    def identity(self) -> bytes:
        """What stays the same of a packet when its addresses and ports are translated."""
        return identity(self.network_header, self.transport_header)


def identity(network: bytes, transport: bytes) -> bytes:
    """What stays the same of a packet when its addresses and ports are translated."""
    is_four, said = network[0] >> 4 == 4, transport[:_ENOUGH]
    protocol = network[9] if is_four else network[6]
    if protocol == TCP:
        return said[4:8]  # the sequence number
    if protocol != UDP:  # type, and what a message begins with: many pings have the same number
        return said[:1] + said[4:]
    # the length and what is said, and identification or flow label
    return said[4:6] + said[8:] + network[slice(4, 6) if is_four else slice(1, 4)]


class _Message(NamedTuple):
    trace: bytes
    family: str
    table: bytes
    chain: bytes
    kind: int
    handle: int
    verdict: int  # as in linux/netfilter.h: negative ones go on
    network_header: bytes
    transport_header: bytes
    mark: int

    @property
    def rule(self) -> RuleKey:
        return self.family, _name(self.table), self.handle


class TraceSocket:
    """Listens to the traces of the present network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        widen(self._socket)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE)
        self._unfinished: dict[bytes, list[_Message]] = defaultdict(list)
        self.has_lost = False  # the kernel had more to say than there was room for

    def fileno(self) -> int:
        """Its number, for those who wait for it."""
        return self._socket.fileno()

    def forget(self) -> None:
        """Drop what has come so far: packets of the kernel's own, traced by a ruleset that is gone."""
        self._socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1 << 16)

    def runs(self, seconds: float) -> Iterator[Run]:
        """The runs of all packets, as they come; the end when nothing comes for some seconds. 0: what is there."""
        self._socket.settimeout(seconds)
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except (TimeoutError, BlockingIOError):
                return
            except OSError as problem:
                if problem.errno != errno.ENOBUFS:
                    raise
                self.has_lost = True
                self._unfinished.clear()  # what is missing of them is not known
                continue
            for message in _messages(data):
                gathered = self._unfinished[message.trace]
                gathered.append(message)
                if message.verdict in (_NF_DROP, _NF_ACCEPT) or message.kind == _POLICY_TYPE:
                    yield from _run(self._unfinished.pop(message.trace))


def _run(messages: list[_Message]) -> Iterator[Run]:
    """The run that these messages tell of; nothing where the packet's headers are not among them."""
    first, last = messages[0], messages[-1]
    if len(first.network_header) < _SHORTEST_HEADER:
        return
    decider = last.rule if last.kind == _RULE_TYPE else None
    matched = tuple(message.rule for message in messages if message.kind == _RULE_TYPE)
    at = first.family, _name(first.table), _name(first.chain)
    headers = first.network_header, first.transport_header[:_ENOUGH]
    yield Run(*at, decider, last.verdict == _NF_ACCEPT, matched, *headers, last.mark)


def widen(made: socket.socket) -> None:
    """Have a netlink socket keep as much as it may: what comes while nobody reads must fit."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    with contextlib.suppress(PermissionError):  # an ordinary user may not have more than net.core.rmem_max
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)


def messages_in(data: bytes) -> Iterator[tuple[int, int, dict[int, bytes]]]:
    """The netlink messages of a datagram: family, type, and the attributes."""
    at = 0
    while len(data) - at >= _MESSAGE:
        length, kind = _MESSAGE_HEADER.unpack_from(data, at)
        yield data[at + 16], kind, _attributes(data, at + _MESSAGE, at + length)
        at += (length + 3) & ~3


def _messages(data: bytes) -> Iterator[_Message]:
    for family, _, attributes in messages_in(data):
        get = attributes.get
        yield _Message(
            get(_ID, b""),
            FAMILIES.get(family, ""),
            get(_TABLE, b""),
            get(_CHAIN, b""),
            _number(get(_TYPE, b"")),
            _number(get(_HANDLE, b"")),
            int.from_bytes(get(_VERDICT, b"")[_ATTRIBUTE:][:4] or get(_POLICY, b"\xff" * 4), "big", signed=True),
            get(_NETWORK_HEADER, b""),
            get(_TRANSPORT_HEADER, b""),
            _number(get(_MARK, b"")),
        )


def _attributes(data: bytes, at: int, end: int) -> dict[int, bytes]:
    """The attributes between two places of a datagram: type and value."""
    found = {}
    while end - at >= _ATTRIBUTE:
        length, kind = _ATTRIBUTE_HEADER.unpack_from(data, at)
        if length < _ATTRIBUTE:
            break
        found[kind & 0x3FFF] = data[at + _ATTRIBUTE : at + length]
        at += (length + 3) & ~3
    return found


@functools.cache
def _name(text: bytes) -> str:
    return text.rstrip(b"\0").decode()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
