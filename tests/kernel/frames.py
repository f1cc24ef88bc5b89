"""Packets as bytes: `portwright.packets.packet.Packet` to an IP datagram with correct checksums."""

import struct
from dataclasses import replace

from portwright.packets.fields import ICMP, ICMPV6, PORT_PROTOCOLS, State
from portwright.packets.packet import Packet

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10  # RFC 9293, 3.1
_SENSELESS = (SYN | ACK | FIN, SYN | ACK, SYN | RST, RST, 0)  # in the first segment of a connection
ORDERLY = (SYN | ACK, RST, RST | ACK)  # of these those that orderly ends send: RFC 9293, 3.5 and 3.10
_HOPS = 64


def datagram(packet: Packet, mark: int, tos: int, payload: bytes | None = None) -> bytes:
    """The packet from its IP header on; `mark` tells it from others even when it is translated."""
    inner = body(packet) if payload is None else payload
    source, destination = _addresses(packet)
    if packet.version == 6:
        start = 6 << 28 | tos << 20 | mark
        return struct.pack(">IHBB", start, len(inner), packet.protocol, _HOPS) + source + destination + inner
    head = struct.pack(">BBHHHBB", 0x45, tos, 20 + len(inner), mark, 0, _HOPS, packet.protocol)
    return head + _checksum(head + source + destination) + source + destination + inner


def unreachable(packet: Packet, about: bytes) -> bytes:
    """The body of an ICMP error of the packet's type and code about another datagram."""
    message = bytes([packet.icmp_type, packet.icmp_code]) + bytes(6) + about
    return _with_checksum(message, 2, b"" if packet.version == 4 else _pseudo(packet, len(message)))


def _addresses(packet: Packet) -> tuple[bytes, bytes]:
    size = 4 if packet.version == 4 else 16
    return packet.source.to_bytes(size, "big"), packet.destination.to_bytes(size, "big")


def body(packet: Packet, flags: int | None = None) -> bytes:
    """What follows the IP header; TCP flags fit the packet's state where none are given."""
    ports = struct.pack(">HH", packet.source_port, packet.destination_port)
    match packet.protocol:
        case 6:
            flags = _flags(packet) if flags is None else flags
            sequence, acknowledged = (1 if flags & SYN else 2), (2 if flags & ACK else 0)
            segment = ports + struct.pack(">IIBBHHH", sequence, acknowledged, 5 << 4, flags, 1024, 0, 0)
            return _with_checksum(segment, 16, _pseudo(packet, len(segment)))
        case 17 | 136:  # UDP-Lite: the checksum covers all of it
            message = ports + struct.pack(">HH", 12, 0) + b"dumb"
            return _with_checksum(message, 6, _pseudo(packet, len(message)))
        case 1 | 58:
            message = bytes([packet.icmp_type, packet.icmp_code]) + bytes(2) + b"\0\1\0\1" + bytes(28)
            return _with_checksum(message, 2, b"" if packet.protocol == ICMP else _pseudo(packet, len(message)))
        case 132:
            return _sctp(ports)
        case 33:
            return ports + bytes(16)
        case 51:
            return authenticated(*_carried(packet))
        case _:
            return bytes(range(32))


def authenticated(protocol: int, inner: bytes) -> bytes:
    """An AH header and what stands behind it: RFC 4302, 2, with 12 bytes of an integrity check value."""
    return struct.pack(">BBHII", protocol, 4, 0, 1, 1) + bytes(12) + inner


_BEHIND_AH = (6, 6, 17, 58, 50, 59, 253)
_PORTS_BEHIND = (22, 53, 80, 443, 1433, 8080)


def _carried(packet: Packet) -> tuple[int, bytes]:
    """What a packet carries behind AH: which it is depends on its ends, so that a packet is always the same."""
    number = packet.source ^ packet.destination
    protocol = _BEHIND_AH[number % len(_BEHIND_AH)]
    has_ports = protocol in PORT_PROTOCOLS
    inner = replace(
        packet,
        protocol=protocol,
        source_port=40000 if has_ports else 0,
        destination_port=_PORTS_BEHIND[number % len(_PORTS_BEHIND)] if has_ports else 0,
        icmp_type=128 if protocol == ICMPV6 else 0,
    )
    return protocol, body(inner)


def _sctp(ports: bytes) -> bytes:
    """The packet that opens an association: RFC 9260, 3.1 and 3.3.2, with the checksum of appendix A."""
    init = struct.pack(">BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
    return ports + bytes(4) + _crc32c(ports + bytes(8) + init) + init


def _crc32c(data: bytes) -> bytes:
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0x82F63B78 if found & 1 else 0)
    return struct.pack("<I", found ^ 0xFFFFFFFF)


def _flags(packet: Packet) -> int:
    if packet.state is State.INVALID:
        return _SENSELESS[packet.source_port % len(_SENSELESS)]
    return ACK if packet.state is State.ESTABLISHED else SYN


def _pseudo(packet: Packet, length: int) -> bytes:
    """RFC 9293, 3.1 and RFC 8200, 8.1: what the checksum also covers."""
    return b"".join(_addresses(packet)) + struct.pack(">IHBB", length, 0, 0, packet.protocol)


def _with_checksum(message: bytes, at: int, pseudo: bytes) -> bytes:
    return message[:at] + _checksum(pseudo + message) + message[at + 2 :]


def _checksum(data: bytes) -> bytes:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ((~total & 0xFFFF) or 0xFFFF).to_bytes(2, "big")
