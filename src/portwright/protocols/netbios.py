"""The NetBIOS name service (RFC 1001, RFC 1002): whose name is this, and which names has a node?"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from portwright.protocols.conversation import Misspoken, Refused, Talk, send, some
from portwright.protocols.octets import Octets

_RESPONSE, _AUTHORITATIVE, _RECURSION, _BROADCAST = 0x8000, 0x0400, 0x0100, 0x0010  # RFC 1002, 4.2.1.1
_OPERATION, _CODE = 0x7800, 0x000F
_NAME_ERROR = 3  # RFC 1002, 4.2.14
_NB, _NBSTAT, _NULL, _IN = 0x20, 0x21, 0x0A, 1  # RFC 1002, 4.2.1.2 and 4.2.1.3
_GROUP, _ACTIVE = 0x8000, 0x0400  # RFC 1002, 4.2.18
_POINTER = 0xC0  # to a name that came before (RFC 1035, 4.1.4)
_TTL = 300_000  # seconds
_STATISTICS = 46  # octets after the names of a node (RFC 1002, 4.2.18)
_ENCODED = 32  # octets of a name (RFC 1001, 14.1)
WORKSTATION, SERVER, CONTROLLERS = 0x00, 0x20, 0x1C  # the last octet of a name: what it is a name for


@dataclass(frozen=True, slots=True)
class Name:
    """A NetBIOS name. Raises ValueError for what is none."""

    text: str  # 1 to 15 characters
    use: int = WORKSTATION  # the sixteenth octet
    group: bool = False  # several nodes may have it

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= 15 or not self.text.isascii() or not self.text.isprintable():
            raise ValueError("a NetBIOS name has 1 to 15 characters of ASCII")

    @property
    def octets(self) -> bytes:
        """The sixteen octets of the name; "*" stands for any."""
        filler = b"\0" if self.text == "*" else b" "  # RFC 1002, 4.2.17
        return self.text.upper().encode("ascii").ljust(15, filler) + bytes([self.use])

    @property
    def encoded(self) -> bytes:
        """The name as messages hold it (RFC 1001, 14.1), of no scope."""
        halves = (half for octet in self.octets for half in divmod(octet, 16))
        return bytes([_ENCODED, *(ord("A") + half for half in halves), 0])

    def __str__(self) -> str:
        return f"{self.text}<{self.use:02x}>"


ANY = Name("*")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name is."""

    name: Name
    addresses: tuple[IPv4Address, ...]

    def __str__(self) -> str:
        return f"NetBIOS: {self.name} is at {', '.join(map(str, self.addresses))}"


@dataclass(frozen=True, slots=True)
class Status:
    """Which names a node has."""

    names: tuple[Name, ...]

    def __str__(self) -> str:
        return "NetBIOS: " + ", ".join(map(str, self.names))


def client(name: Name) -> Talk[Found]:
    """Ask a node where a name is. Raises Refused where it is nowhere, and Misspoken."""
    data = yield from _asked(name, _NB)
    octets = Octets(data)
    addresses = []
    while octets.left >= 6:
        octets.take(2)  # flags: whose kind of node
        addresses.append(IPv4Address(octets.take(4)))
    if not addresses:
        raise Misspoken("an answer without an address")
    return Found(name, tuple(addresses))


def status_client() -> Talk[Status]:
    """Ask a node for its names, as anybody may. Raises Misspoken for what is no answer to this."""
    octets = Octets((yield from _asked(ANY, _NBSTAT)))
    names = []
    for _ in range(octets.number(1)):
        text, use = octets.take(15), octets.number(1)
        names.append(_shown(text, use, octets.number(2)))
    return Status(tuple(names))


def server(names: Sequence[Name], address: IPv4Address) -> Talk[None]:
    """Answer one datagram about these names of a node; what is no question is left alone."""
    asked = yield from some()
    try:
        number, flags, name, kind = _question(asked)
    except Misspoken:
        return
    if flags & (_RESPONSE | _OPERATION):
        return
    if kind == _NBSTAT:
        yield from send(_answer(number, _RESPONSE | _AUTHORITATIVE, name, kind, 0, _listed(names)))
        return
    held = next((one for one in names if one.encoded == name), None)
    code = _RESPONSE | _AUTHORITATIVE | _RECURSION
    if held:
        data = (_GROUP * held.group).to_bytes(2, "big") + address.packed
        yield from send(_answer(number, code, name, _NB, _TTL, data))
    elif not flags & _BROADCAST:
        yield from send(_answer(number, code | _NAME_ERROR, name, _NULL, 0, b""))


def _asked(name: Name, kind: int) -> Talk[bytes]:
    """Ask one question; the data of the answer."""
    number = secrets.token_bytes(2)
    yield from send(number + bytes(3) + b"\1" + bytes(6) + name.encoded + kind.to_bytes(2, "big") + b"\0\1")
    octets = Octets((yield from some()))
    if octets.take(2) != number or not (flags := octets.number(2)) & _RESPONSE:
        raise Misspoken("the answer is not to what was asked")
    if flags & _CODE:
        raise Refused(f"NetBIOS: {name} is not known (code {flags & _CODE})")
    questions, answers = octets.number(2), octets.number(2)
    octets.take(4)
    if questions or not answers:
        raise Misspoken("an answer without data")
    _take_name(octets)
    if octets.number(2) != kind or octets.number(2) != _IN:
        raise Misspoken("the answer is of another kind")
    octets.take(4)  # how long it holds
    return octets.take(octets.number(2))


def _question(data: bytes) -> tuple[bytes, int, bytes, int]:
    """The number, flags, name and type of a question."""
    octets = Octets(data)
    number, flags, questions = octets.take(2), octets.number(2), octets.number(2)
    octets.take(6)
    if questions != 1:
        raise Misspoken("a datagram asks one question")
    name, kind = _take_name(octets), octets.number(2)
    if not name or octets.number(2) != _IN:
        raise Misspoken("a question without a name, or of another class")
    return number, flags, name, kind


def _take_name(octets: Octets) -> bytes:
    """A name as it is encoded, without its scope; nothing for a pointer to one."""
    length = octets.number(1)
    if length & _POINTER == _POINTER:
        octets.take(1)
        return b""
    if length != _ENCODED:
        raise Misspoken("this is no NetBIOS name")
    name = bytes([length]) + octets.take(length) + b"\0"
    while label := octets.number(1):  # the scope
        octets.take(label)
    return name


def _answer(number: bytes, flags: int, name: bytes, kind: int, holds: int, data: bytes) -> bytes:
    head = number + flags.to_bytes(2, "big") + b"\0\0\0\1" + bytes(4)
    record = name + kind.to_bytes(2, "big") + b"\0\1" + holds.to_bytes(4, "big")
    return head + record + len(data).to_bytes(2, "big") + data


def _listed(names: Sequence[Name]) -> bytes:
    flags = (_ACTIVE | _GROUP * one.group for one in names)
    listed = b"".join(one.octets + flag.to_bytes(2, "big") for one, flag in zip(names, flags, strict=True))
    return bytes([len(names)]) + listed + bytes(_STATISTICS)


def _shown(text: bytes, use: int, flags: int) -> Name:
    """A name that a node says it has: what is not printable in it is shown as a question mark."""
    shown = "".join(chr(octet) if 32 <= octet < 127 else "?" for octet in text).rstrip()
    return Name(shown or "?", use, bool(flags & _GROUP))
