"""Records of .NET message framing ([MC-NMF] 2.2): how a connection begins, messages, and the end."""

from dataclasses import dataclass
from enum import IntEnum

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, take
from portwright.protocols.nettcp.binaryxml import int31_bytes, string_bytes

DUPLEX = 2  # 2.2.3.2, Mode
BINARY, BINARY_SESSION = 7, 8  # 2.2.3.4, KnownEncoding: [MC-NBFS], [MC-NBFSE]
NEGOTIATE = "application/negotiate"  # 2.2.3.5: by [MS-NNS]
FAULTS = "http://schemas.microsoft.com/ws/2006/05/framing/faults/"  # 2.2.5
MOST = 1 << 24  # bytes of a message that is taken
_LONGEST = 2048  # bytes of an address, as in WCF


class Record(IntEnum):
    """What follows (2.2.1)."""

    VERSION = 0x00
    MODE = 0x01
    VIA = 0x02
    KNOWN_ENCODING = 0x03
    EXTENSIBLE_ENCODING = 0x04
    UNSIZED_ENVELOPE = 0x05
    SIZED_ENVELOPE = 0x06
    END = 0x07
    FAULT = 0x08
    UPGRADE_REQUEST = 0x09
    UPGRADE_RESPONSE = 0x0A
    PREAMBLE_ACK = 0x0B
    PREAMBLE_END = 0x0C


class FramingRefused(Refused):
    """The other side refuses the connection before any message; the fault is the last word of its address."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """How a connection begins."""

    via: str  # net.tcp://fe01.contoso.test:808/CrmSdkListener
    encoding: int = BINARY_SESSION
    mode: int = DUPLEX
    upgrade: str = ""  # how the client wants to secure it; empty: not

    def packed(self) -> bytes:
        """Up to the request to secure the connection, or to its end."""
        start = bytes([Record.VERSION, 1, 0, Record.MODE, self.mode, Record.VIA]) + string_bytes(self.via)
        last = bytes([Record.UPGRADE_REQUEST]) + string_bytes(self.upgrade) if self.upgrade else PREAMBLE_END
        return start + bytes([Record.KNOWN_ENCODING, self.encoding]) + last


PREAMBLE_END, PREAMBLE_ACK = bytes([Record.PREAMBLE_END]), bytes([Record.PREAMBLE_ACK])
UPGRADE_RESPONSE, END = bytes([Record.UPGRADE_RESPONSE]), bytes([Record.END])


def fault(name: str) -> bytes:
    """A refusal: EndpointNotFound, UpgradeInvalid, ContentTypeInvalid ..."""
    return bytes([Record.FAULT]) + string_bytes(FAULTS + name)


def preamble() -> Talk[Preamble]:
    """What a client begins with. Raises Misspoken."""
    yield from expect(Record.VERSION)
    if (yield from take(2))[0] != 1:
        raise Misspoken("this is no version of .NET message framing that is known here")
    yield from expect(Record.MODE)
    mode = (yield from take(1))[0]
    yield from expect(Record.VIA)
    via = yield from _text()
    yield from expect(Record.KNOWN_ENCODING)
    encoding = (yield from take(1))[0]
    kind = (yield from take(1))[0]
    if kind == Record.UPGRADE_REQUEST:
        return Preamble(via, encoding, mode, (yield from _text()))
    if kind != Record.PREAMBLE_END:
        raise Misspoken(f"the preamble has a record 0x{kind:02x}")
    return Preamble(via, encoding, mode)


def expect(kind: Record) -> Talk[None]:
    """Nothing, where that record comes. Raises FramingRefused for a fault, Misspoken for another record."""
    came = (yield from take(1))[0]
    if came == kind:
        return
    if came == Record.FAULT:
        raise FramingRefused((yield from _text()).removeprefix(FAULTS)[:200])
    raise Misspoken(f"a record 0x{came:02x} comes in place of 0x{kind:02x}")


def envelope(data: bytes) -> bytes:
    """A message in its record."""
    return bytes([Record.SIZED_ENVELOPE]) + int31_bytes(len(data)) + data


def next_envelope() -> Talk[bytes | None]:
    """The next message; None at the end. Raises FramingRefused, Misspoken."""
    try:
        kind = (yield from take(1))[0]
    except EndOfStream:
        return None
    if kind == Record.END:
        return None
    if kind == Record.FAULT:
        raise FramingRefused((yield from _text()).removeprefix(FAULTS)[:200])
    if kind != Record.SIZED_ENVELOPE:
        raise Misspoken(f"a record 0x{kind:02x} comes in place of a message")
    size = yield from _size(MOST)
    return (yield from take(size))


def _text() -> Talk[str]:
    size = yield from _size(_LONGEST)
    return (yield from take(size)).decode("utf-8", "replace")


def _size(most: int) -> Talk[int]:
    """A number of one to five bytes ([MC-NMF] 2.2.2). Raises Misspoken where it is larger than `most`."""
    found = 0
    for shift in range(0, 35, 7):
        byte = (yield from take(1))[0]
        found |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    else:
        raise Misspoken("a size has more than five bytes")
    if found > most:
        raise Misspoken(f"a record has more than {most} bytes")
    return found
