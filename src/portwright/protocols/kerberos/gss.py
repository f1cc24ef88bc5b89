"""Kerberos as a mechanism of GSS-API: its tokens, and messages signed and sealed under a context (RFC 4121).

Channel bindings are not sent and not looked at. An acceptor keeps no record of what it saw: it guards no real secrets.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.kerberos import crypto
from portwright.protocols.kerberos.ap import (
    MUTUAL,
    ApRequest,
    Credential,
    ap_reply,
    denied,
    looked_at,
    read_ap_reply,
    shown,
)
from portwright.protocols.kerberos.crypto import CHECKSUM_BYTES, Key, random_key
from portwright.protocols.kerberos.messages import KrbError
from portwright.protocols.kerberos.names import ErrorCode, Principal, Usage
from portwright.protocols.kerberos.sealed import Authenticator, ServicePart

KERBEROS = der.oid("1.2.840.113554.1.2.2")  # RFC 4121, 4.1
AP_REQUEST_TOKEN, AP_REPLY_TOKEN, ERROR_TOKEN = b"\x01\x00", b"\x02\x00", b"\x03\x00"  # RFC 4121, 4.1
MIC_TOKEN, WRAP_TOKEN = b"\x04\x04", b"\x05\x04"  # RFC 4121, 4.2.6
FLAGS_CHECKSUM = 0x8003  # RFC 4121, 4.1.1: the authenticator's checksum carries flags and channel bindings
_HEADER = 16  # octets before what a token protects
_BY_ACCEPTOR, _SEALED, _ACCEPTOR_SUBKEY = 1, 2, 4  # RFC 4121, 4.2.2


class Flag(IntFlag):
    """What an initiator asks of a context (RFC 4121, 4.1.1.1)."""

    DELEGATE = 1
    MUTUAL = 2
    REPLAY = 4
    SEQUENCE = 8
    SEAL = 16
    SIGN = 32


USUAL = Flag.MUTUAL | Flag.REPLAY | Flag.SEQUENCE | Flag.SEAL | Flag.SIGN


class Context:
    """What both sides share once they know each other: it signs and seals what they say."""

    def __init__(self, key: Key, *, initiator: bool, acceptor_subkey: bool, ours: int, theirs: int) -> None:
        self.key = key
        self._initiator, self._subkey = initiator, _ACCEPTOR_SUBKEY if acceptor_subkey else 0
        self._ours, self._theirs = ours, theirs  # numbers of the next messages

    def wrap(self, data: bytes, *, seal: bool = True) -> bytes:
        """The data signed, and encrypted unless only signed is wanted (RFC 4121, 4.2.4)."""
        flags, usage = self._flags(_SEALED if seal else 0), self._usage(sealing=True, own=True)
        number = self._next()
        if seal:
            header = _wrap_header(flags, 0, 0, number)
            return header + crypto.encrypt(self.key, usage, data + header)
        signed = crypto.checksum(self.key, usage, data + _wrap_header(flags, 0, 0, number))
        return _wrap_header(flags, CHECKSUM_BYTES, 0, number) + data + signed

    def unwrap(self, token: bytes) -> bytes:
        """The data that the other side wrapped. Raises Misspoken, BadIntegrity."""
        flags, number = self._checked(token, WRAP_TOKEN)
        extra, turned = int.from_bytes(token[4:6], "big"), int.from_bytes(token[6:8], "big")
        body, usage = _turned_back(token[_HEADER:], turned), self._usage(sealing=True, own=False)
        if flags & _SEALED:
            return self._unsealed(body, usage, _wrap_header(flags, extra, 0, number), extra)
        if extra != CHECKSUM_BYTES or len(body) < extra:
            raise Misspoken("a signed message has no signature")
        data, signature = body[:-extra], body[-extra:]
        crypto.verify(self.key, usage, data + _wrap_header(flags, 0, 0, number), signature)
        return data

    def _unsealed(self, body: bytes, usage: Usage, header: bytes, filler: int) -> bytes:
        plain = crypto.decrypt(self.key, usage, body)
        if len(plain) < _HEADER + filler or plain[-_HEADER:] != header:
            raise Misspoken("a sealed message has another header inside than outside")
        return plain[: len(plain) - _HEADER - filler]

    def mic(self, data: bytes) -> bytes:
        """The signature of some data (RFC 4121, 4.2.6.1)."""
        header = _mic_header(self._flags(0), self._next())
        return header + crypto.checksum(self.key, self._usage(sealing=False, own=True), data + header)

    def check_mic(self, data: bytes, token: bytes) -> None:
        """Nothing, where that is the other side's signature. Raises Misspoken, BadIntegrity."""
        flags, number = self._checked(token, MIC_TOKEN)
        usage = self._usage(sealing=False, own=False)
        crypto.verify(self.key, usage, data + _mic_header(flags, number), token[_HEADER:])

    def _flags(self, flags: int) -> int:
        return flags | self._subkey | (0 if self._initiator else _BY_ACCEPTOR)

    def _usage(self, *, sealing: bool, own: bool) -> Usage:
        if self._initiator == own:
            return Usage.INITIATOR_SEAL if sealing else Usage.INITIATOR_SIGN
        return Usage.ACCEPTOR_SEAL if sealing else Usage.ACCEPTOR_SIGN

    def _next(self) -> int:
        self._ours += 1
        return self._ours - 1

    def _checked(self, token: bytes, kind: bytes) -> tuple[int, int]:
        """The flags and number of a token. Raises Misspoken where it is no such one, not theirs, or played again."""
        if len(token) < _HEADER or token[:2] != kind or token[3] != 0xFF:
            raise Misspoken("this is no token of that sort")
        flags, number = token[2], int.from_bytes(token[8:_HEADER], "big")
        if bool(flags & _BY_ACCEPTOR) != self._initiator:
            raise Misspoken("a token comes back to who sent it")
        if number < self._theirs:
            raise Misspoken("a token is played again")
        self._theirs = number + 1
        return flags, number


def _wrap_header(flags: int, extra: int, turned: int, number: int) -> bytes:
    counts = extra.to_bytes(2, "big") + turned.to_bytes(2, "big")
    return WRAP_TOKEN + bytes((flags, 0xFF)) + counts + number.to_bytes(8, "big")


def _mic_header(flags: int, number: int) -> bytes:
    return MIC_TOKEN + bytes((flags,)) + b"\xff" * 5 + number.to_bytes(8, "big")


def _turned_back(body: bytes, turned: int) -> bytes:
    """A body as it was before its end was turned to its start (RFC 4121, 4.2.5)."""
    turned = turned % len(body) if body else 0
    return body[turned:] + body[:turned]


@dataclass(frozen=True, slots=True)
class Initiated:
    """An initiator who has said its word."""

    token: bytes  # to send
    credential: Credential
    authenticator: Authenticator
    flags: Flag

    def finished(self, reply: bytes = b"") -> Context:
        """The context, by the service's answer; none is needed where mutual authentication was not asked for.

        Raises Denied, BadIntegrity where the service does not know its own key, Misspoken.
        """
        subkey = self.authenticator.subkey or self.credential.key
        number = self.authenticator.sequence or 0
        if not reply and not self.flags & Flag.MUTUAL:
            return Context(subkey, initiator=True, acceptor_subkey=False, ours=number, theirs=number)
        part = self._proved(reply)
        theirs = number if part.sequence is None else part.sequence
        by_acceptor = part.subkey is not None
        return Context(part.subkey or subkey, initiator=True, acceptor_subkey=by_acceptor, ours=number, theirs=theirs)

    def _proved(self, reply: bytes) -> ServicePart:
        kind, body = read_token(reply)
        if kind == ERROR_TOKEN:
            raise KrbError.read(der.parse(body)).denied
        if kind != AP_REPLY_TOKEN:
            raise Misspoken("the service does not answer with an AP-REP")
        part = read_ap_reply(der.parse(body), self.credential.key)
        if part.time != self.authenticator.time:
            raise Misspoken("the service answers somebody else's request")
        return part


def initiate(credential: Credential, now: datetime, flags: Flag = USUAL) -> Initiated:
    """The word of an initiator who has a ticket for the service."""
    said = (16).to_bytes(4, "little") + bytes(16) + int(flags).to_bytes(4, "little")  # no channel bindings
    subkey, number = random_key(credential.key.etype), secrets.randbits(30)
    authenticator = Authenticator(credential.client, now, (FLAGS_CHECKSUM, said), subkey, number)
    options = MUTUAL if flags & Flag.MUTUAL else 0
    request = shown(credential, authenticator, Usage.AP_AUTHENTICATOR, options)
    return Initiated(written_token(AP_REQUEST_TOKEN, request.encoded), credential, authenticator, flags)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who has been accepted, and how to go on."""

    client: Principal
    service: Principal  # by which name the client knows us
    context: Context
    reply: bytes  # the token to send; none where the client wants none
    flags: Flag


def accept(token: bytes, keys: Iterable[Key], now: datetime) -> Accepted:
    """Who shows a good ticket for the service that has these keys. Raises Denied, Misspoken."""
    kind, body = read_token(token)
    if kind != AP_REQUEST_TOKEN:
        raise Misspoken("the client does not begin with an AP-REQ")
    request = ApRequest.read(der.parse(body))
    seen = looked_at(request, keys, now, Usage.AP_AUTHENTICATOR)
    flags, authenticator = _flags(seen.authenticator), seen.authenticator
    theirs = authenticator.sequence or 0
    if not request.options & MUTUAL:
        key = authenticator.subkey or seen.ticket.key
        context = Context(key, initiator=False, acceptor_subkey=False, ours=theirs, theirs=theirs)
        return Accepted(seen.ticket.client, request.ticket.service, context, b"", flags)
    key, ours = random_key(seen.ticket.key.etype), secrets.randbits(30)
    part = ServicePart(authenticator.time, key, ours)
    reply = written_token(AP_REPLY_TOKEN, ap_reply(seen.ticket.key, part))
    context = Context(key, initiator=False, acceptor_subkey=True, ours=ours, theirs=theirs)
    return Accepted(seen.ticket.client, request.ticket.service, context, reply, flags)


def _flags(authenticator: Authenticator) -> Flag:
    """What the initiator asks for. Raises Denied where it does not say so, Misspoken where it is cut short."""
    kind, said = authenticator.checksum or (0, b"")
    if kind != FLAGS_CHECKSUM:
        raise denied(ErrorCode.KRB_AP_ERR_INAPP_CKSUM)
    if len(said) < 24 or said[:4] != (16).to_bytes(4, "little"):
        raise Misspoken("the authenticator's flags are cut short")
    return Flag(int.from_bytes(said[20:24], "little") & sum(Flag))


def written_token(kind: bytes, body: bytes) -> bytes:
    """A token that establishes a context (RFC 2743, 3.1)."""
    return der.element(der.APPLICATION | der.CONSTRUCTED, der.element(der.OID, KERBEROS) + kind + body)


def read_token(token: bytes) -> tuple[bytes, bytes]:
    """The kind and body of a token of Kerberos. Raises Misspoken."""
    mechanism, rest = framed(token)
    if mechanism != KERBEROS or len(rest) < 2:
        raise Misspoken("this is no token of Kerberos")
    return rest[:2], rest[2:]


def framed(token: bytes) -> tuple[bytes, bytes]:
    """The mechanism that an initial token names, and the rest (RFC 2743, 3.1). Raises Misspoken."""
    content = der.parse(token).expect(der.APPLICATION | der.CONSTRUCTED).content
    mechanism, rest = der.first(content)
    return mechanism.oid(), rest
