"""A client of a KDC: whether one is there, signing in, tickets for services (RFC 4120, 3.1, 3.3).

A KDC may end a TCP connection after each answer. Then `salted` and `proved` go on connections of their own; `sign_in`
is both on one.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Refused, Talk, send, some, take
from portwright.protocols.kerberos import crypto
from portwright.protocols.kerberos.ap import Credential, shown
from portwright.protocols.kerberos.crypto import AES256, CHECKSUM_TYPE, ITERATIONS, Key, random_key, string_to_key
from portwright.protocols.kerberos.messages import (
    AS_REPLY,
    AS_REQUEST,
    ERROR,
    FOREVER,
    PA_ETYPE_INFO2,
    PA_TGS_REQUEST,
    PA_TIMESTAMP,
    TGS_REPLY,
    TGS_REQUEST,
    Encrypted,
    KdcReply,
    KdcRequest,
    KrbError,
    PaData,
    application,
    read_pa_data,
)
from portwright.protocols.kerberos.names import ErrorCode, Principal, Usage, ticket_granting
from portwright.protocols.kerberos.realm import ETYPES
from portwright.protocols.kerberos.sealed import Authenticator, ReplyPart

LONGEST = 1 << 20  # octets of an answer: tickets with a large PAC reach some 64 KiB
NOBODY = "portwright-probe"  # whom no realm should know


def exchanged(message: bytes, *, datagrams: bool = False) -> Talk[bytes]:
    """The KDC's answer to one message (RFC 4120, 7.2). Raises Misspoken where it is too long."""
    if datagrams:
        yield from send(message)
        return (yield from some())
    yield from send(len(message).to_bytes(4, "big") + message)
    size = int.from_bytes((yield from take(4)), "big")
    if not 0 < size <= LONGEST:
        raise Misspoken(f"a KDC's answer of {size} octets")
    return (yield from take(size))


def probe(realm: str, *, datagrams: bool = False) -> Talk[str]:
    """What the KDC of a realm says to somebody it does not know: any of its answers proves that it is one."""
    request = _as_request(Principal.of(NOBODY, realm))
    answer = der.parse((yield from exchanged(request.encoded, datagrams=datagrams)))
    if answer.tag == application(ERROR):
        return str(KrbError.read(answer))
    reply = KdcReply.read(answer.encoded, AS_REPLY)
    return f"a ticket for {reply.client}"


@dataclass(frozen=True, slots=True)
class Salted:
    """How a KDC makes an account's key of its password."""

    etype: int
    salt: str
    iterations: int = ITERATIONS

    def key(self, password: str) -> Key:
        """The key of a password. Raises Misspoken where the KDC's wishes are out of bounds."""
        return string_to_key(password, self.salt, self.etype, self.iterations)


def sign_in(client: Principal, password: str, now: datetime, *, datagrams: bool = False) -> Talk[Credential]:
    """The ticket-granting ticket of a user. Raises Denied; KRB_ERR_RESPONSE_TOO_BIG by UDP means: ask by TCP."""
    found = yield from salted(client, datagrams=datagrams)
    return (yield from proved(client, found.key(password), now, datagrams=datagrams))


def salted(client: Principal, *, datagrams: bool = False) -> Talk[Salted]:
    """How a password of that user becomes a key: what a KDC says to a request without proof. Raises Denied.

    Refused where the account has none of the keys that we know: RC4 is spoken no more.
    """
    answer = der.parse((yield from exchanged(_as_request(client).encoded, datagrams=datagrams)))
    if answer.tag != application(ERROR):  # an account without pre-authentication: its reply says the same
        return _salted(KdcReply.read(answer.encoded, AS_REPLY).pa_data, client)
    error = KrbError.read(answer)
    if error.code != ErrorCode.KDC_ERR_PREAUTH_REQUIRED:
        raise error.denied
    return _salted(read_pa_data(der.parse(error.data)), client)


def _salted(pa_data: PaData, client: Principal) -> Salted:
    """The first of the KDC's wishes that we can meet (RFC 4120, 5.2.7.5)."""
    default = Salted(AES256, client.realm + "".join(client.parts))
    said = next((value for kind, value in pa_data if kind == PA_ETYPE_INFO2), None)
    if said is None:
        return default
    for entry in der.parse(said).parts():
        fields = entry.fields()
        if (etype := fields[0].integer()) in ETYPES:
            salt = fields[1].string() if 1 in fields else default.salt
            given = fields[2].octets() if 2 in fields else b""
            return Salted(etype, salt, int.from_bytes(given, "big") if len(given) == 4 else ITERATIONS)
    raise Refused(f"the KDC has no AES key of {client}")


def proved(
    client: Principal, key: Key, now: datetime, *, server: Principal | None = None, datagrams: bool = False
) -> Talk[Credential]:
    """The ticket of a user who proves to have the key; for the ticket-granting service unless another is named.

    Raises Denied; Misspoken where the answer is not by somebody who knows the key.
    """
    stamp = der.members([(0, der.time(now)), (1, der.integer(now.microsecond))])
    proof = (PA_TIMESTAMP, Encrypted.by(key, Usage.PA_TIMESTAMP, stamp).encoded)
    request = _as_request(client, server, (key.etype,), (proof,))
    reply = KdcReply.read((yield from exchanged(request.encoded, datagrams=datagrams)), AS_REPLY)
    return _credential(request, reply, key, Usage.AS_REPLY)


def _as_request(
    client: Principal, server: Principal | None = None, etypes: tuple[int, ...] = ETYPES, pa_data: PaData = ()
) -> KdcRequest:
    return KdcRequest(
        AS_REQUEST,
        client.realm,
        client,
        server or ticket_granting(client.realm),
        FOREVER,
        secrets.randbits(31),
        etypes,
        pa_data=pa_data,
    )


def ticket_for(
    signed_in: Credential, service: Principal, now: datetime, *, datagrams: bool = False
) -> Talk[Credential]:
    """A ticket for a service. Raises Denied."""
    request = KdcRequest(TGS_REQUEST, service.realm, None, service, FOREVER, secrets.randbits(31), ETYPES)
    key, subkey = signed_in.key, random_key(signed_in.key.etype)
    signature = crypto.checksum(key, Usage.TGS_CHECKSUM, request.encoded_body)
    authenticator = Authenticator(signed_in.client, now, (CHECKSUM_TYPE[key.etype], signature), subkey)
    proof = (PA_TGS_REQUEST, shown(signed_in, authenticator, Usage.TGS_AUTHENTICATOR).encoded)
    signed = KdcRequest(
        TGS_REQUEST, request.realm, None, service, request.till, request.nonce, request.etypes, pa_data=(proof,)
    )
    reply = KdcReply.read((yield from exchanged(signed.encoded, datagrams=datagrams)), TGS_REPLY)
    return _credential(request, reply, subkey, Usage.TGS_REPLY_SUBKEY)


def _credential(request: KdcRequest, reply: KdcReply, key: Key, usage: Usage) -> Credential:
    """What the reply grants, where it answers this request."""
    part = ReplyPart.read(reply.sealed.opened(key, usage))
    if part.nonce != request.nonce:
        raise Misspoken("the KDC's reply answers another request")
    if not _same(part.server, request.server) or not _same(reply.ticket.service, request.server):
        raise Misspoken(f"the KDC's reply is a ticket for {part.server}, not for {request.server}")
    if request.client and not _same(reply.client, request.client):
        raise Misspoken(f"the KDC's reply is for {reply.client}, not for {request.client}")
    return Credential(reply.client, part.server, reply.ticket, part.key, part.start, part.end)


def _same(one: Principal, other: Principal) -> bool:
    """Whether two names mean one principal: Active Directory does not tell upper from lower case."""
    return str(one).casefold() == str(other).casefold()
