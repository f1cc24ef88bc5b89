"""The messages of Kerberos in the open: requests, replies, tickets, errors (RFC 4120, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.der import Element, Fields
from portwright.protocols.kerberos import crypto
from portwright.protocols.kerberos.crypto import Key
from portwright.protocols.kerberos.names import VERSION, Denied, ErrorCode, Principal, Usage, error_name
from portwright.protocols.kerberos.status import reason

TICKET, AS_REQUEST, AS_REPLY, TGS_REQUEST, TGS_REPLY = 1, 10, 11, 12, 13  # RFC 4120, 5.10: application tags
AP_REQUEST, AP_REPLY, PRIVATE, ERROR = 14, 15, 21, 30
PA_TGS_REQUEST, PA_TIMESTAMP, PA_ETYPE_INFO2, PA_FOR_USER = 1, 2, 19, 129  # RFC 4120, 7.5.2; [MS-SFU] 2.2.1
MOST_ETYPES = 64
FOREVER = datetime(2037, 9, 13, 2, 48, 5, tzinfo=UTC)  # what clients ask for who want the longest there is


def application(number: int) -> int:
    """The identifier octet of a message."""
    return der.APPLICATION | der.CONSTRUCTED | number


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Something encrypted, and by what sort of key."""

    etype: int
    cipher: bytes
    version: int | None = None  # of the key, as it came: a read-only domain controller goes by it ([MS-KILE] 3.1.5.8)

    @classmethod
    def by(cls, key: Key, usage: Usage, plain: bytes) -> "Encrypted":
        """Something encrypted with that key."""
        return cls(key.etype, crypto.encrypt(key, usage, plain))

    def opened(self, key: Key, usage: Usage) -> Element:
        """What is in it. Raises BadIntegrity, and Misspoken where that is no element."""
        if key.etype != self.etype:
            raise crypto.BadIntegrity(f"encrypted with encryption type {self.etype}, not {key.etype}")
        return der.first(crypto.decrypt(key, usage, self.cipher))[0]  # some types of encryption leave padding

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        version = None if self.version is None else der.integer(self.version)
        return der.members([(0, der.integer(self.etype)), (1, version), (2, der.octets(self.cipher))])

    @classmethod
    def read(cls, element: Element) -> "Encrypted":
        """What came. Raises Misspoken."""
        fields = element.fields()
        return cls(fields[0].integer(), fields[2].octets(), fields[1].integer() if 1 in fields else None)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket: for a service, readable by it alone."""

    service: Principal
    sealed: Encrypted

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = (0, der.integer(VERSION)), (1, der.string(self.service.realm)), (2, self.service.encoded)
        return der.application(TICKET, der.members([*members, (3, self.sealed.encoded)]))

    @classmethod
    def read(cls, element: Element) -> "Ticket":
        """The ticket that came. Raises Misspoken."""
        fields = element.inner(application(TICKET)).fields()
        return cls(Principal.read(fields[2], fields[1].string()), Encrypted.read(fields[3]))


PaData = tuple[tuple[int, bytes], ...]  # type and value of each piece of pre-authentication data


@dataclass(frozen=True, slots=True)
class KdcRequest:
    """An AS-REQ or TGS-REQ."""

    message: int  # AS_REQUEST or TGS_REQUEST
    realm: str
    client: Principal | None  # none in a TGS-REQ: the ticket says it
    server: Principal
    till: datetime
    nonce: int  # as the client sent it: some read 32 bits with a sign, some without
    etypes: tuple[int, ...]
    options: int = 0  # the 32 bits of KDCOptions (RFC 4120, 5.4.1), the first as the highest
    pa_data: PaData = ()
    body: bytes = b""  # as it came: what a TGS-REQ signs

    @property
    def encoded_body(self) -> bytes:
        """The octets of its body."""
        return der.members(
            [
                (0, der.bits(self.options.to_bytes(4, "big"))),
                (1, self.client.encoded if self.client else None),
                (2, der.string(self.realm)),
                (3, self.server.encoded),
                (5, der.time(self.till)),
                (7, der.integer(self.nonce)),
                (8, der.sequence(*map(der.integer, self.etypes))),
            ]
        )

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        pa_data = encoded_pa_data(self.pa_data) if self.pa_data else None
        head = (1, der.integer(VERSION)), (2, der.integer(self.message)), (3, pa_data)
        return der.application(self.message, der.members([*head, (4, self.encoded_body)]))

    @classmethod
    def read(cls, data: bytes) -> "KdcRequest":
        """The request that came. Raises Misspoken."""
        element = der.parse(data)
        message = element.tag & 0x1F
        if message not in (AS_REQUEST, TGS_REQUEST):
            raise Misspoken("neither an AS-REQ nor a TGS-REQ")
        fields = element.inner(application(message)).fields()
        body = fields[4].fields()
        realm = body[2].string()
        return cls(
            message,
            realm,
            Principal.read(body[1], realm) if 1 in body else None,
            Principal.read(body[3], realm),
            body[5].time(),
            body[7].integer(),
            tuple(part.integer() for part in body[8].parts()[:MOST_ETYPES]),
            int.from_bytes(body[0].bits()[:4].ljust(4, b"\0"), "big"),
            read_pa_data(fields[3]) if 3 in fields else (),
            fields[4].encoded,
        )

    def pa(self, kind: int) -> bytes | None:
        """The pre-authentication data of that type."""
        return next((value for one, value in self.pa_data if one == kind), None)


@dataclass(frozen=True, slots=True)
class KdcReply:
    """An AS-REP or TGS-REP."""

    message: int
    client: Principal
    ticket: Ticket
    sealed: Encrypted
    pa_data: PaData = ()

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.integer(VERSION)),
            (1, der.integer(self.message)),
            (2, encoded_pa_data(self.pa_data) if self.pa_data else None),
            (3, der.string(self.client.realm)),
            (4, self.client.encoded),
            (5, self.ticket.encoded),
            (6, self.sealed.encoded),
        ]
        return der.application(self.message, der.members(members))

    @classmethod
    def read(cls, data: bytes, message: int) -> "KdcReply":
        """The reply of that sort that came. Raises Denied where it is an error, Misspoken where it is neither."""
        element = der.parse(data)
        if element.tag == application(ERROR):
            raise KrbError.read(element).denied
        fields = element.inner(application(message)).fields()
        client = Principal.read(fields[4], fields[3].string())
        pa_data = read_pa_data(fields[2]) if 2 in fields else ()
        return cls(message, client, Ticket.read(fields[5]), Encrypted.read(fields[6]), pa_data)


@dataclass(frozen=True, slots=True)
class KrbError:
    """A KRB-ERROR."""

    code: int
    server: Principal
    time: datetime  # the server's
    text: str = ""
    data: bytes = b""

    def __str__(self) -> str:
        said = f": {text}" if (text := self.text or reason(self.data)) else ""
        if self.code == ErrorCode.KRB_AP_ERR_SKEW:
            said = f", whose clock says {self.time:%Y-%m-%d %H:%M:%SZ}{said}"
        return f"{error_name(self.code)} of realm {self.server.realm}{said}"

    @property
    def denied(self) -> Denied:
        """The same as an exception."""
        return Denied(self.code, str(self))

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        members = [
            (0, der.integer(VERSION)),
            (1, der.integer(ERROR)),
            (4, der.time(self.time)),
            (5, der.integer(self.time.microsecond)),
            (6, der.integer(self.code)),
            (9, der.string(self.server.realm)),
            (10, self.server.encoded),
            (11, der.string(self.text) if self.text else None),
            (12, der.octets(self.data) if self.data else None),
        ]
        return der.application(ERROR, der.members(members))

    @classmethod
    def read(cls, element: Element) -> "KrbError":
        """The error that came. Raises Misspoken."""
        fields = element.inner(application(ERROR)).fields()
        server = Principal.read(fields[10], fields[9].string(), least=0)  # Samba leaves it empty
        text = fields[11].string() if 11 in fields else ""
        data = fields[12].octets() if 12 in fields else b""
        return cls(fields[6].integer(), server, moment(fields, 4, 5), text, data)


def moment(fields: Fields, seconds: int, microseconds: int) -> datetime:
    """A time in two members of a sequence; the second may be absent. Raises Misspoken."""
    micro = fields[microseconds].integer() if microseconds in fields else 0
    if not 0 <= micro < 1_000_000:
        raise Misspoken("more microseconds than a second has")
    return fields[seconds].time().replace(microsecond=micro)


def encoded_pa_data(pa_data: Sequence[tuple[int, bytes]]) -> bytes:
    """Pre-authentication data (RFC 4120, 5.2.7), also as the METHOD-DATA of an error."""
    return der.sequence(*(der.members([(1, der.integer(kind)), (2, der.octets(value))]) for kind, value in pa_data))


def read_pa_data(element: Element) -> PaData:
    """The pre-authentication data that came. Raises Misspoken."""
    found = (part.fields() for part in element.parts())
    return tuple((fields[1].integer(), fields[2].octets()) for fields in found)
