"""Sign-in: PRELOGIN and LOGIN7 ([MS-TDS] 2.2.6.5, 2.2.6.4)."""

from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken
from portwright.protocols.tds.octets import Octets
from portwright.protocols.tds.packet import PACKET, SIZES
from portwright.protocols.tds.tokens import VERSION

ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUP, ENCRYPT_REQ = 0, 1, 2, 3
OLDEST = 0x72090002  # TDS 7.2, SQL Server 2005

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _END = 0, 1, 2, 3, 4, 0xFF
_INTEGRATED = 0x80  # OptionFlags2, fIntSecurity
_NAMES = ("host", "user", "password", "application", "server", "unused", "library", "language", "database")
_FIXED = 36  # bytes before the places of the texts
_WHOLE = 94  # bytes before the texts


@dataclass(frozen=True, slots=True)
class Prelogin:
    """What one side says of itself before the sign-in."""

    version: tuple[int, int, int]
    encryption: int
    instance: str = ""

    def packed(self) -> bytes:
        """As it is sent."""
        major, minor, build = self.version
        said = {
            _VERSION: bytes([major, minor]) + build.to_bytes(2, "big") + bytes(2),
            _ENCRYPTION: bytes([self.encryption]),
            _INSTANCE: self.instance.encode("ascii", "replace") + b"\0",
            _THREAD: bytes(4),
            _MARS: b"\0",
        }
        place, head, body = 5 * len(said) + 1, b"", b""
        for token, value in said.items():
            head += bytes([token]) + (place + len(body)).to_bytes(2, "big") + len(value).to_bytes(2, "big")
            body += value
        return head + bytes([_END]) + body


def read_prelogin(data: bytes) -> Prelogin:
    """What the other side said. Raises Misspoken."""
    octets, said = Octets(data, "PRELOGIN"), {}
    while (token := octets.uint8()) != _END:
        place, size = (int.from_bytes(octets.take(2), "big") for _ in range(2))
        if place + size > len(data):
            raise Misspoken("PRELOGIN points beyond its end")
        said[token] = data[place : place + size]
    version, encryption = said.get(_VERSION, b""), said.get(_ENCRYPTION, b"")
    if len(version) < 4 or len(encryption) != 1:
        raise Misspoken("PRELOGIN says neither version nor encryption")
    instance = said.get(_INSTANCE, b"").partition(b"\0")[0].decode("ascii", "replace")
    return Prelogin((version[0], version[1], int.from_bytes(version[2:4], "big")), encryption[0], instance)


@dataclass(frozen=True, slots=True)
class Login:
    """Who wants to sign in, and from where. A server asks its application this; see `server`."""

    user: str
    password: str
    database: str = ""  # empty: the user's own
    host: str = ""
    application: str = "Portwright"
    server: str = ""
    token: bytes | None = None  # of a security package, in place of user and password
    packet: int = PACKET  # bytes of a packet that the client wants
    version: int = VERSION

    def __repr__(self) -> str:
        return f"Login({self.user!r} from {self.host!r} to {self.database!r})"  # never the password

    def packed(self) -> bytes:
        """LOGIN7 as it is sent. What is longer than the field allows is cut off."""
        said = {
            "host": self.host, "user": self.user, "password": self.password, "application": self.application,
            "server": self.server, "library": "Portwright", "database": self.database,
        }  # fmt: skip
        places, texts = b"", b""
        for name in _NAMES:
            plain = said.get(name, "").encode("utf-16-le", "replace")[:256]
            places += _place(_WHOLE + len(texts), len(plain) // 2)
            texts += _hidden(plain) if name == "password" else plain
        token = self.token or b""
        places += bytes(6) + _place(_WHOLE + len(texts), min(len(token), 0xFFFF)) + 2 * _place(_WHOLE + len(texts), 0)
        long = (len(token) if len(token) >= 0xFFFF else 0).to_bytes(4, "little")
        body = self._options() + places + long + texts + token
        return (len(body) + 4).to_bytes(4, "little") + body

    def _options(self) -> bytes:
        numbers = b"".join(
            number.to_bytes(4, "little") for number in (self.version, self.packet, 0x07000000, 1, 0)
        )  # version, packet size, client version, process, connection
        flags = bytes([0xE0, 0x03 | (_INTEGRATED if self.token is not None else 0), 0, 0])
        return numbers + flags + bytes(4) + (0x0409).to_bytes(4, "little")


def read_login(data: bytes) -> Login:
    """LOGIN7. Raises Misspoken."""
    octets = Octets(data, "LOGIN7")
    if octets.uint32() > len(data):
        raise Misspoken("LOGIN7 is shorter than it says")
    version, packet = octets.uint32(), octets.uint32()
    octets.take(13)
    flags = octets.uint8()
    octets.take(_FIXED - octets.at)
    said = {name: _at(data, octets.uint16(), 2 * octets.uint16()) for name in _NAMES}
    octets.take(6)
    place, size = octets.uint16(), octets.uint16()
    octets.take(8)
    long = octets.uint32()
    token = _at(data, place, long if size == 0xFFFF and long else size)
    plain = _shown(said.pop("password"))
    texts = {name: value.decode("utf-16-le", "replace") for name, value in said.items()}
    return Login(
        texts["user"], plain.decode("utf-16-le", "replace"), texts["database"], texts["host"], texts["application"],
        texts["server"], token if flags & _INTEGRATED else None, _agreed(packet), version,
    )  # fmt: skip


def _agreed(packet: int) -> int:
    return packet if SIZES[0] <= packet <= SIZES[1] else PACKET


def _at(data: bytes, place: int, size: int) -> bytes:
    if place + size > len(data):
        raise Misspoken("LOGIN7 points beyond its end")
    return data[place : place + size]


def _place(at: int, count: int) -> bytes:
    return at.to_bytes(2, "little") + count.to_bytes(2, "little")


def _hidden(plain: bytes) -> bytes:
    """A password as LOGIN7 hides it, which hides nothing: halves of bytes changed, then 0xA5 over them."""
    return bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in plain)


def _shown(hidden: bytes) -> bytes:
    return bytes(((byte ^ 0xA5) << 4 | (byte ^ 0xA5) >> 4) & 0xFF for byte in hidden)
