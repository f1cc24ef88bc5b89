"""A router in network namespaces of its own: the child process that holds it.

It is started under `unshare --net` and told what to do over a pipe. The namespace it starts in is the outside, to
which the far ends of all the router's interfaces belong; it makes a second one for the router. Both vanish with the
process, whatever ends it. Nothing here touches any other namespace.

The type-of-service byte of a packet says by which interface it leaves (`tos_of`), so that every destination can be
tried with every pair of interfaces; `TO_ITSELF` delivers any destination to the router itself.
"""

import contextlib
import ctypes
import os
import pickle
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from tests.kernel import nflog, programs
from tests.kernel.programs import Loaded, Refusal

from portwright.rehearse.watching.tracing import NETLINK_NETFILTER, Run, TraceSocket

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_IP_HDRINCL, _IPV6_HDRINCL = 3, 36  # linux/in.h, linux/in6.h
TO_ITSELF = 0x1C
MOST_INTERFACES = 6  # type-of-service values 0x04 to 0x18
ROUTER_MAC, OUTSIDE_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
_PATIENCE = 20.0  # seconds without a message on a busy machine
_SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/conf/all/accept_local": 1,  # the route back to a sender is the route to a receiver
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv6/conf/default/addr_gen_mode": 1,
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet to send: the bytes from the IP header on, and where it appears."""

    mark: int
    interface: str  # of arrival; of departure where the router itself sends it
    data: bytes
    is_local: bool = False  # the router itself sends it


def tos_of(interfaces: Sequence[str], name: str) -> int:
    """The type of service of packets that leave by this interface."""
    return 4 * (interfaces.index(name) + 1)


def own_address(version: int, number: int) -> int:
    """The router's address on an interface, counted from 1; from networks for benchmarks: RFC 2544, RFC 5180."""
    return int(IPv4Address(f"198.18.{number}.1") if version == 4 else IPv6Address(f"2001:2:0:{number}::1"))


class Router:
    """The namespaces, their interfaces and the sockets to send and to listen."""

    def __init__(self, dialect: str, interfaces: Sequence[str]):
        self._load = programs.LOADERS[dialect]
        self._has_connections = False
        outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        _checked(_libc().unshare(_CLONE_NEWNET))
        inside = os.open("/proc/self/ns/net", os.O_RDONLY)
        _set_sysctls()
        _ip(_links(interfaces, f"/proc/{os.getpid()}/fd/{outside}"))
        ways = [(name, version) for name in interfaces for version in (4, 6)]
        self._locals = {way: _local_socket(*way, tos_of(interfaces, way[0])) for way in ways}
        self._trace = TraceSocket()
        self._legacy = nflog.LegacyTraces() if dialect == programs.LEGACY else None
        self._flusher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        _checked(_libc().setns(outside, _CLONE_NEWNET))
        _ip([("", f"link set {name} up") for name in interfaces])
        self._senders = {name: _sender(name) for name in interfaces}
        _checked(_libc().setns(inside, _CLONE_NEWNET))

    def load(self, ruleset: str, tracer: str) -> Loaded | Refusal:
        """Replace all rules."""
        return self._load(ruleset, tracer)

    def json(self) -> str:
        """The loaded ruleset as `nft -j list ruleset` prints it, without the tracer."""
        return programs.nft_json()

    def connections(self) -> str:
        return Path("/proc/thread-self/net/nf_conntrack").read_text()

    def prepare(self, probes: Sequence[Probe]) -> None:
        """Forget all connections, and let some packets pass that no rule judges."""
        if not probes and not self._has_connections:
            return
        programs.clear(_TRACKING)
        self._flusher.send(_FLUSH_CONNECTIONS)
        self._has_connections = bool(probes)
        for probe in probes:
            self._send(probe)

    def judge(self, probes: Sequence[Probe], end: Probe) -> dict[int, list[Run]]:
        """Send the packets, and then one more to know when all have passed; the runs of each by its mark."""
        found: defaultdict[int, list[Run]] = defaultdict(list)
        self._trace.forget()
        if self._legacy is not None:
            self._legacy.forget()
        for probe in (*probes, end):
            self._send(probe)
        for run in self._trace.runs(_PATIENCE):
            mark = nflog.packet_mark(run.network_header)
            if mark is None:
                continue
            if mark == end.mark:
                return self._with_legacy(found)
            found[mark].append(run)
        raise TimeoutError("the kernel has not traced the last packet of a batch")

    def _with_legacy(self, found: dict[int, list[Run]]) -> dict[int, list[Run]]:
        """The runs of the tracer with those in legacy tables put before its last."""
        if self._legacy is None:
            return dict(found)
        for mark, steps in self._legacy.steps().items():
            own = found.get(mark, [])
            is_through = bool(own) and own[-1].chain in programs.LAST_CHAINS
            made = nflog.runs(steps, is_through=is_through, first=own[0]) if own else []
            found[mark] = [*own[:-1], *made, own[-1]] if is_through else [*own, *made]
        return dict(found)

    def _send(self, probe: Probe) -> None:
        if not probe.is_local:
            kind = b"\x08\x00" if probe.data[0] >> 4 == 4 else b"\x86\xdd"
            self._senders[probe.interface].send(_ETHERNET + kind + probe.data)
            return
        with contextlib.suppress(OSError):  # blocked, or an address to which the kernel sends nothing
            self._send_local(probe)

    def _send_local(self, probe: Probe) -> None:
        version = probe.data[0] >> 4
        start, end = (16, 20) if version == 4 else (24, 40)
        kind = socket.AF_INET if version == 4 else socket.AF_INET6
        address = socket.inet_ntop(kind, probe.data[start:end])
        self._locals[probe.interface, version].sendto(probe.data, (address, 0))


def _hex(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


_ETHERNET = _hex(ROUTER_MAC) + _hex(OUTSIDE_MAC)
_TRACKING = "table inet tracking { chain forward { type filter hook forward priority 0; ct state new; }; }\n"
# IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK without a tuple: all connections. nlmsghdr, then nfgenmsg.
_FLUSH_CONNECTIONS = (20).to_bytes(4, "little") + b"\x02\x01\x01\x00" + bytes(12)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _set_sysctls() -> None:
    for name, value in _SYSCTLS.items():
        Path("/proc/sys", name).write_text(str(value), encoding="ascii")


def _ip(commands: Iterable[tuple[str, str]]) -> None:
    """Run commands of ip by family, each family in one batch."""
    batches = defaultdict(list)
    for family, command in commands:
        batches[family].append(command)
    for family, batch in batches.items():
        program = ["ip", *([family] if family else []), "-batch", "-"]
        subprocess.run(program, input="\n".join(batch), text=True, check=True, stdout=subprocess.DEVNULL)


def _links(interfaces: Sequence[str], outside: str) -> Iterable[tuple[str, str]]:
    """Interfaces with an address, a neighbor beyond, and a route of their own; everything to itself on demand."""
    yield "", "link set lo up"
    for number, name in enumerate(interfaces, 1):
        peer = f"peer name {name} address {OUTSIDE_MAC} netns {outside}"
        yield "", f"link add {name} address {ROUTER_MAC} type veth {peer}"
        yield "", f"link set {name} up"
        for family, address, beyond, length in (
            ("-4", IPv4Address(own_address(4, number)), f"198.18.{number}.2", 24),
            ("-6", IPv6Address(own_address(6, number)), f"2001:2:0:{number}::2", 64),
        ):
            nodad = " nodad" if family == "-6" else ""
            yield family, f"address add {address}/{length} dev {name}{nodad}"
            yield family, f"neighbor add {beyond} lladdr {OUTSIDE_MAC} dev {name} nud permanent"
            yield family, f"rule add tos {tos_of(interfaces, name):#x} lookup {100 + number}"
            yield family, f"route add default via {beyond} dev {name} table {100 + number} onlink"
    for family in ("-4", "-6"):
        yield family, f"rule add tos {TO_ITSELF:#x} lookup 100"
        yield family, "route add local default dev lo table 100"


def _sender(interface: str) -> socket.socket:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    return sender


def _local_socket(interface: str, version: int, tos: int) -> socket.socket:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    if version == 4:
        sender.setsockopt(socket.IPPROTO_IP, _IP_HDRINCL, 1)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    else:
        sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
    return sender


def main() -> None:
    """Obey what comes in, one pickled (method, arguments) after another, until the pipe ends."""
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})  # on one of them packets stay in order
    router = Router(sys.argv[1], sys.argv[2:])
    while True:
        try:
            method, arguments = pickle.load(orders)
        except EOFError:
            return
        pickle.dump(getattr(router, method)(*arguments), answers)
        answers.flush()
