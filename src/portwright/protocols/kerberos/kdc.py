"""A key distribution center: the AS and TGS exchanges over TCP and UDP (RFC 4120, 3.1, 3.3, 7.2).

A stand-in for a domain controller's port 88: pre-authentication by encrypted timestamp, AES, one realm. Its tickets
carry no PAC. What it has no answer to (renewal, user-to-user, delegation) it refuses with the standard's error.
"""

from collections.abc import Callable
from datetime import datetime

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, some, take
from portwright.protocols.kerberos import crypto
from portwright.protocols.kerberos.ap import SKEW, ApRequest, Shown, denied, looked_at
from portwright.protocols.kerberos.crypto import BadIntegrity, Key, random_key
from portwright.protocols.kerberos.messages import (
    AS_REPLY,
    AS_REQUEST,
    PA_ETYPE_INFO2,
    PA_FOR_USER,
    PA_TGS_REQUEST,
    PA_TIMESTAMP,
    TGS_REPLY,
    Encrypted,
    KdcReply,
    KdcRequest,
    KrbError,
    PaData,
    Ticket,
    encoded_pa_data,
    moment,
)
from portwright.protocols.kerberos.names import Denied, ErrorCode, NameType, Principal, Usage, ticket_granting
from portwright.protocols.kerberos.realm import ETYPES, Account, Realm
from portwright.protocols.kerberos.sealed import (
    ENC_AS_REPLY,
    ENC_TGS_REPLY,
    INITIAL,
    PRE_AUTHENTICATED,
    ReplyPart,
    TicketPart,
)

Clock = Callable[[], datetime]
LONGEST = 1 << 16  # octets of a message
NOT_MODELED = 1 << 31 - 2 | 1 << 31 - 4 | 1 << 31 - 28 | 1 << 31 - 30 | 1 << 31 - 31
# RFC 4120, 5.4.1: forwarded, proxy, enc-tkt-in-skey, renew, validate


def server(realm: Realm, clock: Clock) -> Talk[None]:
    """Answer requests on a TCP connection, each with its length before it (RFC 4120, 7.2.2)."""
    while True:
        try:
            size = int.from_bytes((yield from take(4)), "big")
        except EndOfStream:
            return
        if size > LONGEST:
            reply = _error(realm, ErrorCode.KRB_ERR_FIELD_TOOLONG, clock())
            yield from send(len(reply).to_bytes(4, "big") + reply)
            return
        reply = answer(realm, (yield from take(size)), clock())
        yield from send(len(reply).to_bytes(4, "big") + reply)


def datagram_server(realm: Realm, clock: Clock) -> Talk[None]:
    """Answer the request in a datagram."""
    yield from send(answer(realm, (yield from some()), clock()))


def answer(realm: Realm, data: bytes, now: datetime) -> bytes:
    """What the KDC of a realm answers to a request."""
    try:
        request = KdcRequest.read(data)
        if request.options & NOT_MODELED:
            raise denied(ErrorCode.KDC_ERR_BADOPTION)
        return (_as_reply if request.message == AS_REQUEST else _tgs_reply)(realm, request, now)
    except _MorePlease as more:
        return _error(realm, ErrorCode.KDC_ERR_PREAUTH_REQUIRED, now, more.data)
    except Denied as no:
        return _error(realm, no.code, now)
    except Misspoken as problem:
        return _error(realm, ErrorCode.KRB_ERR_GENERIC, now, text=str(problem))


def _error(realm: Realm, code: int, now: datetime, data: bytes = b"", text: str = "") -> bytes:
    return KrbError(code, ticket_granting(realm.name), now, text, data).encoded


class _MorePlease(Exception):
    """The client has to prove who it is first."""

    def __init__(self, data: bytes) -> None:
        self.data = data


def _as_reply(realm: Realm, request: KdcRequest, now: datetime) -> bytes:
    """The ticket that a user signs in for, where the user proves to know the password."""
    if request.realm.casefold() != realm.name.casefold():
        raise denied(ErrorCode.KDC_ERR_WRONG_REALM)
    account = realm.account(request.client) if request.client else None
    if account is None or request.client is None:
        raise denied(ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN)
    service = _service(realm, request)
    key = account.key(request.etypes)
    if key is None:
        raise denied(ErrorCode.KDC_ERR_ETYPE_NOSUPP)
    _pre_authenticate(request, account, now)
    client = Principal((account.name,), realm.name) if request.client.kind == NameType.ENTERPRISE else request.client
    inside = _ticket_part(realm, request, client, INITIAL | PRE_AUTHENTICATED, now)
    return _reply(request, inside, service, key, Usage.AS_REPLY, AS_REPLY, _hints(account, request.etypes))


def _service(realm: Realm, request: KdcRequest) -> Account:
    found = realm.account(request.server)
    if found is None:
        raise denied(ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN)
    return found


def _pre_authenticate(request: KdcRequest, account: Account, now: datetime) -> None:
    """Nothing, where an encrypted timestamp of now proves the client (RFC 4120, 5.2.7.2)."""
    proof = request.pa(PA_TIMESTAMP)
    if proof is None:
        empty = (PA_TIMESTAMP, b"")
        raise _MorePlease(encoded_pa_data([*_hints(account, request.etypes), empty]))
    sealed = Encrypted.read(der.parse(proof))
    key = account.key((sealed.etype,))
    if key is None:
        raise denied(ErrorCode.KDC_ERR_ETYPE_NOSUPP)
    try:
        said = moment(sealed.opened(key, Usage.PA_TIMESTAMP).fields(), 0, 1)
    except BadIntegrity as problem:
        raise denied(ErrorCode.KDC_ERR_PREAUTH_FAILED) from problem
    if abs(said - now) > SKEW:
        raise denied(ErrorCode.KRB_AP_ERR_SKEW)


def _hints(account: Account, etypes: tuple[int, ...]) -> PaData:
    """Which keys the account has, and their salt (ETYPE-INFO2: RFC 4120, 5.2.7.5)."""
    entries = [
        der.members([(0, der.integer(key.etype)), (1, der.string(account.salt))])
        for key in account.keys
        if key.etype in etypes
    ]
    return ((PA_ETYPE_INFO2, der.sequence(*entries)),)


def _tgs_reply(realm: Realm, request: KdcRequest, now: datetime) -> bytes:
    """The ticket for a service, for who shows the ticket of a sign-in."""
    if request.pa(PA_FOR_USER) is not None:
        raise denied(ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP)
    shown = _signed_in(realm, request, now)
    service = _service(realm, request)
    inside = _ticket_part(realm, request, shown.ticket.client, PRE_AUTHENTICATED, now, shown.ticket)
    subkey = shown.authenticator.subkey
    usage = Usage.TGS_REPLY_SUBKEY if subkey else Usage.TGS_REPLY
    return _reply(request, inside, service, subkey or shown.ticket.key, usage, TGS_REPLY)


def _signed_in(realm: Realm, request: KdcRequest, now: datetime) -> Shown:
    """Who asks: the ticket of a sign-in, with a signature over the request (RFC 4120, 5.2.7.1)."""
    proof = request.pa(PA_TGS_REQUEST)
    if proof is None:
        raise denied(ErrorCode.KDC_ERR_PADATA_TYPE_NOSUPP)
    keys = realm.keys(f"krbtgt/{realm.name}")
    shown = looked_at(ApRequest.read(der.parse(proof)), keys, now, Usage.TGS_AUTHENTICATOR)
    kind, signature = shown.authenticator.checksum or (0, b"")
    key = shown.ticket.key
    if kind != crypto.CHECKSUM_TYPE[key.etype]:
        raise denied(ErrorCode.KRB_AP_ERR_INAPP_CKSUM)
    try:
        crypto.verify(key, Usage.TGS_CHECKSUM, request.body, signature)
    except BadIntegrity as problem:
        raise denied(ErrorCode.KRB_AP_ERR_MODIFIED) from problem
    return shown


def _ticket_part(
    realm: Realm, request: KdcRequest, client: Principal, flags: int, now: datetime, signed_in: TicketPart | None = None
) -> TicketPart:
    etype = next((one for one in ETYPES if one in request.etypes), None)
    if etype is None:
        raise denied(ErrorCode.KDC_ERR_ETYPE_NOSUPP)
    last = now + realm.lifetime
    if request.till > now:
        last = min(last, request.till)
    if signed_in:
        last = min(last, signed_in.end)
    since = signed_in.authenticated if signed_in else now
    return TicketPart(client, random_key(etype), flags, since, now, last)


def _reply(
    request: KdcRequest,
    inside: TicketPart,
    service: Account,
    key: Key,
    usage: Usage,
    message: int,
    pa_data: PaData = (),
) -> bytes:
    ticket = Ticket(request.server, Encrypted.by(service.keys[0], Usage.TICKET, inside.encoded))
    part = ReplyPart(
        inside.key, request.nonce, inside.flags, inside.authenticated, inside.start, inside.end, request.server
    )
    number = ENC_AS_REPLY if message == AS_REPLY else ENC_TGS_REPLY
    return KdcReply(message, inside.client, ticket, Encrypted.by(key, usage, part.encoded(number)), pa_data).encoded
