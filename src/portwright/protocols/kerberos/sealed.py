"""What Kerberos encrypts: the inside of tickets, replies and authenticators (RFC 4120, 5.3 to 5.5)."""

from dataclasses import dataclass
from datetime import datetime

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.der import Element
from portwright.protocols.kerberos.crypto import Key
from portwright.protocols.kerberos.messages import application, moment
from portwright.protocols.kerberos.names import VERSION, Principal

AUTHENTICATOR, ENC_TICKET, ENC_AS_REPLY, ENC_TGS_REPLY, ENC_AP_REPLY, ENC_PRIVATE = 2, 3, 25, 26, 27, 28
INITIAL, PRE_AUTHENTICATED = 1 << 31 - 9, 1 << 31 - 10  # RFC 4120, 5.3: flags of tickets
NO_TRANSIT = der.members([(0, der.integer(1)), (1, der.octets(b""))])  # RFC 4120, 3.3.3.2: no realm between


def encoded_key(key: Key) -> bytes:
    """A key within a message."""
    return der.members([(0, der.integer(key.etype)), (1, der.octets(key.value))])


def read_key(element: Element) -> Key:
    """The key that came. Raises Misspoken."""
    fields = element.fields()
    return Key(fields[0].integer(), fields[1].octets())


@dataclass(frozen=True, slots=True)
class TicketPart:
    """What a service reads in a ticket."""

    client: Principal
    key: Key
    flags: int
    authenticated: datetime
    start: datetime
    end: datetime

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.bits(self.flags.to_bytes(4, "big"))),
            (1, encoded_key(self.key)),
            (2, der.string(self.client.realm)),
            (3, self.client.encoded),
            (4, NO_TRANSIT),
            (5, der.time(self.authenticated)),
            (6, der.time(self.start)),
            (7, der.time(self.end)),
        ]
        return der.application(ENC_TICKET, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "TicketPart":
        """What came. Raises Misspoken."""
        fields = element.inner(application(ENC_TICKET)).fields()
        client, since = Principal.read(fields[3], fields[2].string()), fields[5].time()
        start = fields[6].time() if 6 in fields else since
        flags = int.from_bytes(fields[0].bits()[:4].ljust(4, b"\0"), "big")
        return cls(client, read_key(fields[1]), flags, since, start, fields[7].time())


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """What a client reads in a KDC's reply."""

    key: Key
    nonce: int
    flags: int
    authenticated: datetime
    start: datetime
    end: datetime
    server: Principal

    def encoded(self, number: int) -> bytes:
        """Its octets, as ENC_AS_REPLY or ENC_TGS_REPLY."""
        last_request = der.sequence(der.members([(0, der.integer(0)), (1, der.time(self.authenticated))]))
        members = [
            (0, encoded_key(self.key)),
            (1, last_request),
            (2, der.integer(self.nonce)),
            (4, der.bits(self.flags.to_bytes(4, "big"))),
            (5, der.time(self.authenticated)),
            (6, der.time(self.start)),
            (7, der.time(self.end)),
            (9, der.string(self.server.realm)),
            (10, self.server.encoded),
        ]
        return der.application(number, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "ReplyPart":
        """What came. Raises Misspoken."""
        if element.tag not in (application(ENC_AS_REPLY), application(ENC_TGS_REPLY)):  # some KDCs mix them up
            raise Misspoken("the encrypted part of a reply is something else")
        fields = element.inner(element.tag).fields()
        since = fields[5].time()
        return cls(
            read_key(fields[0]),
            fields[2].integer(),
            int.from_bytes(fields[4].bits()[:4].ljust(4, b"\0"), "big"),
            since,
            fields[6].time() if 6 in fields else since,
            fields[7].time(),
            Principal.read(fields[10], fields[9].string()),
        )


@dataclass(frozen=True, slots=True)
class Authenticator:
    """What proves that who shows a ticket has its key, now."""

    client: Principal
    time: datetime
    checksum: tuple[int, bytes] | None = None  # type and value
    subkey: Key | None = None
    sequence: int | None = None

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.integer(VERSION)),
            (1, der.string(self.client.realm)),
            (2, self.client.encoded),
            (3, encoded_checksum(*self.checksum) if self.checksum else None),
            (4, der.integer(self.time.microsecond)),
            (5, der.time(self.time)),
            (6, encoded_key(self.subkey) if self.subkey else None),
            (7, der.integer(self.sequence) if self.sequence is not None else None),
        ]
        return der.application(AUTHENTICATOR, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "Authenticator":
        """What came. Raises Misspoken."""
        fields = element.inner(application(AUTHENTICATOR)).fields()
        signed = fields[3].fields() if 3 in fields else None
        return cls(
            Principal.read(fields[2], fields[1].string()),
            moment(fields, 5, 4),
            (signed[0].integer(), signed[1].octets()) if signed else None,
            read_key(fields[6]) if 6 in fields else None,
            fields[7].integer() & 0xFFFFFFFF if 7 in fields else None,
        )


def encoded_checksum(kind: int, value: bytes) -> bytes:
    """A checksum within a message."""
    return der.members([(0, der.integer(kind)), (1, der.octets(value))])


@dataclass(frozen=True, slots=True)
class ServicePart:
    """What a client reads in a service's answer: its own time back, encrypted, proves the service."""

    time: datetime
    subkey: Key | None = None
    sequence: int | None = None

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.time(self.time)),
            (1, der.integer(self.time.microsecond)),
            (2, encoded_key(self.subkey) if self.subkey else None),
            (3, der.integer(self.sequence) if self.sequence is not None else None),
        ]
        return der.application(ENC_AP_REPLY, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "ServicePart":
        """What came. Raises Misspoken."""
        fields = element.inner(application(ENC_AP_REPLY)).fields()
        subkey = read_key(fields[2]) if 2 in fields else None
        return cls(moment(fields, 0, 1), subkey, fields[3].integer() & 0xFFFFFFFF if 3 in fields else None)
