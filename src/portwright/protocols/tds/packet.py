"""Packets ([MS-TDS] 2.2.3): a message is cut into pieces, each under a header of eight bytes."""

from dataclasses import dataclass
from enum import IntEnum

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, take

HEADER = 8  # bytes
PACKET = 4096  # bytes of a packet, header included, until both sides agree on another size
SIZES = (512, 32767)  # 2.2.6.4, PacketSize
MOST = 1 << 24  # bytes of a message that is taken; the protocol has no bound

_END, _IGNORE = 1, 2  # 2.2.3.1.2, Status


class Kind(IntEnum):
    """What a message is (2.2.3.1.1)."""

    BATCH = 0x01
    RPC = 0x03
    RESPONSE = 0x04  # everything that a server sends
    ATTENTION = 0x06
    TRANSACTION = 0x0E
    LOGIN = 0x10
    SSPI = 0x11
    PRELOGIN = 0x12


@dataclass(frozen=True, slots=True)
class Message:
    """A message put together."""

    kind: int
    data: bytes


def packed(kind: Kind, data: bytes, size: int = PACKET) -> bytes:
    """A message in packets."""
    room = size - HEADER
    pieces = [data[at : at + room] for at in range(0, len(data), room)] or [b""]
    return b"".join(_packet(kind, piece, number, number == len(pieces)) for number, piece in enumerate(pieces, 1))


def _packet(kind: Kind, piece: bytes, number: int, last: bool) -> bytes:
    length = (HEADER + len(piece)).to_bytes(2, "big")
    return bytes([kind, _END if last else 0]) + length + bytes([0, 0, number & 0xFF, 0]) + piece


def message(most: int = MOST) -> Talk[Message]:
    """The next message. Raises Misspoken where it is longer, or where its packets do not belong together."""
    kind, parts, length = None, [], 0
    while True:
        header = yield from take(HEADER)
        size = int.from_bytes(header[2:4], "big") - HEADER
        length += size
        if size < 0 or length > most or (kind is not None and header[0] not in (kind, Kind.ATTENTION)):
            raise Misspoken("this is no packet of TDS")
        if kind is not None and header[0] == Kind.ATTENTION:  # 3.3.5.2: it cancels the message that it interrupts
            return Message(Kind.ATTENTION, b"")
        kind = header[0]
        parts.append((yield from take(size)))
        if header[1] & _END:
            return Message(kind, b"" if header[1] & _IGNORE else b"".join(parts))


def next_message(most: int = MOST) -> Talk[Message | None]:
    """The next message; None where the other side has ended instead."""
    try:
        return (yield from message(most))
    except EndOfStream:
        return None


def reply(data: bytes, size: int = PACKET) -> Talk[None]:
    """Send what a server sends."""
    yield from send(packed(Kind.RESPONSE, data, size))
