"""The three messages of NTLM as values ([MS-NLMP] 2.2.1)."""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag

from portwright.protocols.conversation import Misspoken
from portwright.protocols.octets import Octets

MARK = b"NTLMSSP\0"  # 2.2.1: how every message begins
NEGOTIATE, CHALLENGE, AUTHENTICATE = 1, 2, 3
WINDOWS_8 = struct.pack("<BBHxxxB", 6, 2, 9200, 15)  # 2.2.2.10
LONGEST = 1 << 15  # octets of a message that is read
_MOST_PAIRS = 32
_MIC_AT = 72  # octets before the signature of the three messages (2.2.1.3)
_OEM = "cp437"  # where a client has no Unicode


class Flag(IntFlag):
    """What the two sides agree on (2.2.2.5)."""

    UNICODE = 0x1
    OEM = 0x2
    REQUEST_TARGET = 0x4
    SIGN = 0x10
    SEAL = 0x20
    NTLM = 0x200
    ANONYMOUS = 0x800
    ALWAYS_SIGN = 0x8000
    TARGET_IS_DOMAIN = 0x10000
    TARGET_IS_SERVER = 0x20000
    EXTENDED = 0x80000
    TARGET_INFO = 0x800000
    VERSION = 0x2000000
    KEY_128 = 0x20000000
    KEY_EXCHANGE = 0x40000000
    KEY_56 = 0x80000000


class Pair(IntEnum):
    """What a server says of itself, number by number (2.2.2.1)."""

    END = 0
    COMPUTER = 1
    DOMAIN = 2
    DNS_COMPUTER = 3
    DNS_DOMAIN = 4
    FLAGS = 6
    TIME = 7


HAS_MIC = 2  # of FLAGS, in a client's response


@dataclass(frozen=True, slots=True)
class Negotiate:
    """What a client begins with (2.2.1.1)."""

    flags: int

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        return MARK + struct.pack("<II16x", NEGOTIATE, self.flags)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A server's question (2.2.1.2)."""

    flags: int
    nonce: bytes  # 8 octets
    target: str = ""  # the domain, or the computer
    info: Mapping[int, bytes] = field(default_factory=dict)  # by `Pair`

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        name, info = _written(self.target, self.flags), written_pairs(self.info)
        places = _place(name, 56) + struct.pack("<I", self.flags) + self.nonce + bytes(8) + _place(info, 56 + len(name))
        return MARK + struct.pack("<I", CHALLENGE) + places + WINDOWS_8 + name + info


@dataclass(frozen=True, slots=True)
class Authenticate:
    """A client's answer (2.2.1.3)."""

    flags: int
    user: str
    domain: str = ""
    workstation: str = ""
    nt: bytes = b""
    lm: bytes = b""
    key: bytes = b""  # the session key, encrypted
    mic: bytes = b""  # of all three messages

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        names = [_written(one, self.flags) for one in (self.domain, self.user, self.workstation)]
        at, places, rest = _MIC_AT + 16, b"", b""
        for one in (self.lm, self.nt, *names, self.key):
            places += _place(one, at + len(rest))
            rest += one
        fixed = struct.pack("<I", self.flags) + WINDOWS_8 + self.mic.ljust(16, b"\0")
        return MARK + struct.pack("<I", AUTHENTICATE) + places + fixed + rest


Message = Negotiate | Challenge | Authenticate


def read(data: bytes) -> Message:
    """The message that came. Raises Misspoken."""
    if not data.startswith(MARK) or not 12 <= len(data) <= LONGEST:
        raise Misspoken("this is no message of NTLM")
    octets = Octets(data, "little")
    octets.take(len(MARK))
    kind = octets.number(4)
    if kind not in _READERS:
        raise Misspoken("this message of NTLM is unknown")
    return _READERS[kind](data, octets)


def _negotiate(_: bytes, octets: Octets) -> Negotiate:
    return Negotiate(octets.number(4))


def _challenge(data: bytes, octets: Octets) -> Challenge:
    target, flags, nonce = _field(data, octets), octets.number(4), octets.take(8)
    if not octets.left:
        return Challenge(flags, nonce, _text(target, flags))
    octets.take(8)
    return Challenge(flags, nonce, _text(target, flags), read_pairs(_field(data, octets)))


def _authenticate(data: bytes, octets: Octets) -> Authenticate:
    lm, nt, domain, user, workstation, key = (_field(data, octets) for _ in range(6))
    flags = octets.number(4)
    name, where, machine = (_text(one, flags) for one in (user, domain, workstation))
    found = Authenticate(flags, name, where, machine, nt, lm, key)
    if len(data) < _MIC_AT + 16 or not has_mic(nt):
        return found
    return replace(found, mic=data[_MIC_AT : _MIC_AT + 16])


_READERS: Mapping[int, Callable[[bytes, Octets], Message]] = {
    NEGOTIATE: _negotiate,
    CHALLENGE: _challenge,
    AUTHENTICATE: _authenticate,
}


def without_mic(message: bytes) -> bytes:
    """A client's last message as it is signed: the signature empty."""
    return message[:_MIC_AT] + bytes(16) + message[_MIC_AT + 16 :]


def has_mic(nt: bytes) -> bool:
    """Report whether a client says in its response that all three messages are signed."""
    try:
        flags = read_pairs(nt[44:]).get(Pair.FLAGS, b"")
    except Misspoken:
        return False
    return bool(int.from_bytes(flags, "little") & HAS_MIC)


def written_pairs(info: Mapping[int, bytes]) -> bytes:
    """What a server says of itself, with its end."""
    pairs: Iterable[tuple[int, bytes]] = (*info.items(), (Pair.END, b""))
    return b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)


def read_pairs(data: bytes) -> dict[int, bytes]:
    """The same, read; whatever comes after the end is left. Raises Misspoken."""
    octets, found = Octets(data, "little"), {}
    for _ in range(_MOST_PAIRS if data else 0):
        kind, size = octets.number(2), octets.number(2)
        if kind == Pair.END:
            break
        found[kind] = octets.take(size)
    return found


def _place(value: bytes, at: int) -> bytes:
    return struct.pack("<HHI", len(value), len(value), at)


def _field(data: bytes, octets: Octets) -> bytes:
    """What a field points at. Raises Misspoken where it points outside."""
    size, _, at = octets.number(2), octets.number(2), octets.number(4)
    if size and at + size > len(data):
        raise Misspoken("a field of a message of NTLM lies outside of it")
    return data[at : at + size] if size else b""


def _written(text: str, flags: int) -> bytes:
    return text.encode("utf-16-le") if flags & Flag.UNICODE else text.encode(_OEM, "replace")


def _text(data: bytes, flags: int) -> str:
    return data.decode("utf-16-le" if flags & Flag.UNICODE else _OEM, "replace")
