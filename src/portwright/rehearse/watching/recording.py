"""What the kernel records of connections that arrive at a host: the log of netfilter, read as it comes."""

import errno
import secrets
import socket
import struct
from dataclasses import replace
from ipaddress import ip_address

from portwright.packets.fields import TCP, UDP
from portwright.packets.names import protocol_name
from portwright.rehearse.evidence import Seen
from portwright.rehearse.watching.tracing import NETLINK_NETFILTER, identity, messages_in, widen

GROUP = 77  # of the log; any number below 65536
TABLE = "portwright_seen"
_NEW, _UNTRACKED = (f"{word} {secrets.token_hex(8)}" for word in ("new", "untracked"))  # no rule of the site logs so
# First of all rules, so that what a host's own firewall drops is not taken for arrived: it runs behind all of them.
RULES = f"""table inet {TABLE} {{
    chain input {{
        type filter hook input priority 300; policy accept;
        iifname != "lo" meta pkttype host ct state new jump came
        iifname != "lo" meta pkttype host ct state untracked jump came_untracked
    }}
    chain came {{
        icmp type echo-request log prefix "{_NEW}" group {GROUP} snaplen 64
        icmpv6 type echo-request log prefix "{_NEW}" group {GROUP} snaplen 64
        meta l4proto != {{ icmp, icmpv6 }} log prefix "{_NEW}" group {GROUP} snaplen 64
    }}
    chain came_untracked {{
        tcp flags & (syn | ack) == syn log prefix "{_NEW}" group {GROUP} snaplen 64
        meta l4proto != {{ tcp, icmp, icmpv6 }} log prefix "{_UNTRACKED}" group {GROUP} snaplen 64
    }}
}}
"""
# linux/netfilter/nfnetlink_log.h: message types of NFNL_SUBSYS_ULOG, attributes of its messages
_PACKET_MESSAGE, _CONFIG_MESSAGE = 4 << 8 | 0, 4 << 8 | 1
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5
_BIND, _COPY_PACKET = 1, 2
_PAYLOAD, _PREFIX = 9, 10
_COPIED = 64  # bytes of each packet
_REQUEST = 1  # NLM_F_REQUEST


class Recorder:
    """Listens to the log of the network namespace in which it is made."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.has_lost = False  # more has arrived than there was room to tell of
        self._seen: list[Seen] = []
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        widen(self._socket)
        self._socket.bind((0, 0))
        self._configure(_COMMAND, bytes([_BIND]))
        self._configure(_MODE, struct.pack(">IBB", _COPIED, _COPY_PACKET, 0))
        self._configure(_THRESHOLD, struct.pack(">I", 1))
        self._socket.settimeout(0)

    def _configure(self, kind: int, value: bytes) -> None:
        """Set one thing about the group."""
        attribute = struct.pack("<HH", 4 + len(value), kind) + value
        attribute += bytes(-len(attribute) % 4)
        head = struct.pack("<IHHIIBBH", 20 + len(attribute), _CONFIG_MESSAGE, _REQUEST, 1, 0, 0, 0, socket.htons(GROUP))
        self._socket.send(head + attribute)

    def fileno(self) -> int:
        """The number by which others wait for it."""
        return self._socket.fileno()

    def read(self) -> None:
        """Take what the kernel has said since, so that there is room for more."""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno != errno.ENOBUFS:
                    raise
                self.has_lost = True
                continue
            for _, kind, attributes in messages_in(data):
                prefix = attributes.get(_PREFIX, b"").rstrip(b"\0").decode("ascii", "replace")
                is_ours = kind == _PACKET_MESSAGE and prefix in (_NEW, _UNTRACKED)
                if is_ours and (found := arrived(self.node, attributes.get(_PAYLOAD, b""))):
                    self._seen.append(replace(found, may_be_reply=prefix == _UNTRACKED))

    def seen(self) -> list[Seen]:
        """What has arrived since it was asked last."""
        self.read()
        found, self._seen = self._seen, []
        return found


def arrived(node: str, packet: bytes) -> Seen | None:
    """What the first bytes of a packet say; None where they are no packet."""
    if len(packet) < 20:
        return None
    is_four = packet[0] >> 4 == 4
    start, size, protocol = (12, 4, packet[9]) if is_four else (8, 16, packet[6])
    ports = (packet[0] & 0xF) * 4 if is_four else 40
    if len(packet) < ports + 4:
        return None
    source, destination = (str(ip_address(packet[at : at + size])) for at in (start, start + size))
    source_port, port = struct.unpack_from("!HH", packet, ports) if protocol in (TCP, UDP) else (0, 0)
    ends = node, source, destination, protocol_name(protocol), port, source_port
    return Seen(*ends, identity(packet[:ports], packet[ports:]))
