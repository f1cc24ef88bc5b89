"""Changing a password: the service on port 464, over TCP and UDP (RFC 3244), and its clients."""

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, ask, send, some, take
from portwright.protocols.kerberos.ap import ApRequest, Credential, Shown, ap_reply, looked_at, read_ap_reply, shown
from portwright.protocols.kerberos.client import exchanged
from portwright.protocols.kerberos.crypto import Key, random_key
from portwright.protocols.kerberos.messages import ERROR, PRIVATE, Encrypted, KrbError, Ticket, application
from portwright.protocols.kerberos.names import VERSION, Denied, ErrorCode, Principal, Usage
from portwright.protocols.kerberos.realm import CHANGING, Realm
from portwright.protocols.kerberos.sealed import ENC_PRIVATE, INITIAL, Authenticator, ServicePart

CHANGE, SET = 1, 0xFF80  # RFC 3244, 2: versions; the older carries the new password alone
LONGEST = 1 << 16
_ADDRESS_TYPES = {4: 2, 6: 24}  # RFC 4120, 7.5.3


class Outcome(IntEnum):
    """What came of a request (RFC 3244, 2)."""

    SUCCESS = 0
    MALFORMED = 1
    HARD_ERROR = 2
    AUTHENTICATION_ERROR = 3
    SOFT_ERROR = 4
    ACCESS_DENIED = 5
    BAD_VERSION = 6
    INITIAL_FLAG_NEEDED = 7


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """May this user have this password from now on? The answer is why not; empty where it is done."""

    user: Principal
    password: str = field(repr=False)


class _NotChanged(Exception):
    def __init__(self, outcome: Outcome, text: str) -> None:
        self.outcome, self.text = outcome, text


def server(realm: Realm, clock: Callable[[], datetime], address: str) -> Talk[None]:
    """Answer one request on a TCP connection to this address of ours, with its length before it."""
    try:
        size = int.from_bytes((yield from take(4)), "big")
        data = (yield from take(size)) if size <= LONGEST else b""
    except EndOfStream:
        return
    reply = yield from _answer(realm, data, clock(), address)
    if reply:
        yield from send(len(reply).to_bytes(4, "big") + reply)


def datagram_server(realm: Realm, clock: Callable[[], datetime], address: str) -> Talk[None]:
    """Answer the request in a datagram to this address of ours."""
    reply = yield from _answer(realm, (yield from some()), clock(), address)
    if reply:
        yield from send(reply)


def _answer(realm: Realm, data: bytes, now: datetime, address: str) -> Talk[bytes]:
    """The reply to a request; nothing for what could itself be a reply, or two servers would never end."""
    try:
        version, proof, private = _framed(data)
    except Misspoken:
        return b""
    if not proof:
        return b""
    try:
        peer = _known(realm, proof, now)
    except Denied as no:
        return _error(realm, now, Outcome.AUTHENTICATION_ERROR, str(no))
    except Misspoken as problem:
        return _error(realm, now, Outcome.MALFORMED, str(problem))
    try:
        wanted = _wanted(version, peer, private)
        refused: str = yield from ask(wanted)
        outcome, text = (Outcome.SOFT_ERROR, refused) if refused else (Outcome.SUCCESS, "")
    except _NotChanged as no:
        outcome, text = no.outcome, no.text
    except Misspoken as problem:
        outcome, text = Outcome.MALFORMED, str(problem)
    return _reply(peer, outcome, text, address)


def _framed(data: bytes) -> tuple[int, bytes, bytes]:
    """Version, AP-REQ or AP-REP, and the rest (RFC 3244, 2). Raises Misspoken."""
    size, version, proof = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4))
    if len(data) < 6 or size != len(data) or 6 + proof > len(data):
        raise Misspoken("the lengths of a message about passwords do not fit")
    return version, data[6 : 6 + proof], data[6 + proof :]


def _frame(version: int, proof: bytes, private: bytes) -> bytes:
    counts = (6 + len(proof) + len(private), version, len(proof))
    return b"".join(count.to_bytes(2, "big") for count in counts) + proof + private


def _known(realm: Realm, proof: bytes, now: datetime) -> Shown:
    return looked_at(ApRequest.read(der.parse(proof)), realm.keys(CHANGING), now, Usage.AP_AUTHENTICATOR)


def _wanted(version: int, peer: Shown, private: bytes) -> ChangePassword:
    """What somebody wants changed: their own password. Raises _NotChanged, Misspoken."""
    if version not in (CHANGE, SET):
        raise _NotChanged(Outcome.BAD_VERSION, "an unknown version")
    data, _ = _opened(private, _key(peer))
    if not peer.ticket.flags & INITIAL:
        raise _NotChanged(Outcome.INITIAL_FLAG_NEEDED, "sign in for this purpose first")
    if version == CHANGE:
        return ChangePassword(peer.ticket.client, data.decode("utf-8", "replace"))
    fields = der.parse(data).fields()
    realm = fields[2].string() if 2 in fields else peer.ticket.client.realm
    target = Principal.read(fields[1], realm) if 1 in fields else peer.ticket.client
    if target != peer.ticket.client:
        raise _NotChanged(Outcome.ACCESS_DENIED, "somebody else's password")
    return ChangePassword(target, fields[0].octets().decode("utf-8", "replace"))


def _key(peer: Shown) -> Key:
    return peer.authenticator.subkey or peer.ticket.key


def _reply(peer: Shown, outcome: Outcome, text: str, address: str) -> bytes:
    number = secrets.randbits(30)
    proof = ap_reply(peer.ticket.key, ServicePart(peer.authenticator.time, None, number))
    return _frame(CHANGE, proof, _private(_said(outcome, text), _key(peer), number, address))


def _error(realm: Realm, now: datetime, outcome: Outcome, text: str) -> bytes:
    server = Principal.of(CHANGING, realm.name)
    return _frame(CHANGE, b"", KrbError(ErrorCode.KRB_ERR_GENERIC, server, now, text, _said(outcome, text)).encoded)


def _said(outcome: Outcome, text: str) -> bytes:
    return outcome.to_bytes(2, "big") + text.encode()


def _private(data: bytes, key: Key, number: int, address: str) -> bytes:
    """A KRB-PRIV (RFC 4120, 5.7.1)."""
    where = ipaddress.ip_address(address)
    sender = der.members([(0, der.integer(_ADDRESS_TYPES[where.version])), (1, der.octets(where.packed))])
    part = der.members([(0, der.octets(data)), (3, der.integer(number)), (4, sender)])
    sealed = Encrypted.by(key, Usage.PRIVATE, der.application(ENC_PRIVATE, part))
    members = (0, der.integer(VERSION)), (1, der.integer(PRIVATE)), (3, sealed.encoded)
    return der.application(PRIVATE, der.members(members))


def _opened(private: bytes, key: Key) -> tuple[bytes, int]:
    """The data and the number of a KRB-PRIV. Raises BadIntegrity, Misspoken."""
    fields = der.parse(private).inner(application(PRIVATE)).fields()
    part = Encrypted.read(fields[3]).opened(key, Usage.PRIVATE).inner(application(ENC_PRIVATE)).fields()
    return part[0].octets(), part[3].integer() & 0xFFFFFFFF if 3 in part else 0


def probe(realm: str, now: datetime, address: str, *, datagrams: bool = False) -> Talk[str]:
    """What the service says to a ticket that nobody issued: any of its answers proves that it is one.

    A request that were malformed would get none: some servers drop those, lest two of them answer each other for ever.
    """
    nobody, service, key = Principal.of("portwright-probe", realm), Principal.of(CHANGING, realm), random_key()
    forged = Ticket(service, Encrypted.by(random_key(), Usage.TICKET, b""))
    asked, _ = request(Credential(nobody, service, forged, key, now, now), b"", now, address)
    _, proof, rest = _framed((yield from exchanged(asked, datagrams=datagrams)))
    if proof:
        raise Misspoken("the service believes a ticket that nobody issued")
    return str(_read_error(rest))


def change(signed_in: Credential, password: str, now: datetime, address: str, *, datagrams: bool = False) -> Talk[None]:
    """Change one's own password, having signed in for `kadmin/changepw`; `address` is one's own. Raises Refused."""
    wanted = der.members([(0, der.octets(password.encode()))])
    asked, authenticator = request(signed_in, wanted, now, address)
    _, proof, rest = _framed((yield from exchanged(asked, datagrams=datagrams)))
    if not proof:
        raise _read_error(rest)
    part = read_ap_reply(der.parse(proof), signed_in.key)
    if part.time != authenticator.time:
        raise Misspoken("the service answers somebody else's request")
    data, _ = _opened(rest, part.subkey or authenticator.subkey or signed_in.key)
    if said := _refusal(data):
        raise Refused(said)


def request(
    signed_in: Credential, wanted: bytes, now: datetime, address: str, version: int = SET
) -> tuple[bytes, Authenticator]:
    """A request, and the authenticator that its answer must fit."""
    number, subkey = secrets.randbits(30), random_key(signed_in.key.etype)
    authenticator = Authenticator(signed_in.client, now, None, subkey, number)
    proof = shown(signed_in, authenticator, Usage.AP_AUTHENTICATOR).encoded
    return _frame(version, proof, _private(wanted, subkey, number, address)), authenticator


def _read_error(data: bytes) -> Refused:
    """The service's error as an exception. Raises Misspoken where it is none."""
    error = KrbError.read(der.parse(data).expect(application(ERROR)))
    said = _refusal(error.data) if error.data else ""
    return Refused(f"{said or 'refused'}: {error}")


def _refusal(data: bytes) -> str:
    """What a result says that is no success (RFC 3244, 2); empty for a success. Raises Misspoken."""
    if len(data) < 2:
        raise Misspoken("a result without a code")
    code = int.from_bytes(data[:2], "big")
    if code == Outcome.SUCCESS:
        return ""
    name = Outcome(code).name.lower().replace("_", " ") if code in Outcome.__members__.values() else "result"
    text = data[2:].decode("utf-8", "replace").strip()
    return f"{name} ({code})" + (f": {text}" if text.isprintable() and text else "")  # Microsoft's is a policy in bits
