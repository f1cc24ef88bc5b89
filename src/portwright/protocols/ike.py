"""IKEv2 (RFC 7296, 1.2): the first exchange, which proposes how to protect the others; no keys are ever agreed.

On UDP 4500 each message has four octets of zero before it, which tell it from ESP (RFC 3948, 2.2).
"""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.octets import Octets

_HEADER = struct.Struct("!8s8sBBBBII")  # RFC 7296, 3.1: 28 octets
_VERSION, _SA_INIT = 0x20, 34
_INITIATOR, _RESPONSE = 0x08, 0x20
_SA, _KE, _NONCE, _NOTIFY = 33, 34, 40, 41  # RFC 7296, 3.2
_ENCRYPTION, _PRF, _INTEGRITY, _GROUP = 1, 2, 3, 4  # RFC 7296, 3.3.2
_KEY_LENGTH = 0x800E  # RFC 7296, 3.3.5
_IKE = 1  # RFC 7296, 3.3.1: the protocol that a proposal is for
_NO_PROPOSAL, _OTHER_GROUP, _COOKIE = 14, 17, 16390  # RFC 7296, 3.10.1
_REFUSALS = {
    5: "another version of IKE",
    7: "invalid syntax",
    _NO_PROPOSAL: "no proposal chosen",
    _OTHER_GROUP: "another group wanted",
}
_LAST_ERROR = 16383  # what is above is a status
_MARK = bytes(4)
_MOST_PAYLOADS, _MOST_TRANSFORMS = 32, 64
_GROUP_SIZES = {14: 256, 19: 64, 20: 96, 2: 128, 5: 192}  # octets of a public value (RFC 3526; RFC 5903, 7)
_KEY_TAKES = 32  # octets of a nonce, and of a cookie


@dataclass(frozen=True, slots=True)
class Transform:
    """One algorithm of a proposal (RFC 7296, 3.3.2, and the registry of IKEv2 parameters)."""

    kind: int
    number: int
    key_bits: int = 0  # 0: not said


AES_256, AES_128 = Transform(_ENCRYPTION, 12, 256), Transform(_ENCRYPTION, 12, 128)
SHA_256, SHA_1 = Transform(_PRF, 5), Transform(_PRF, 2)
HMAC_SHA_256, HMAC_SHA_1 = Transform(_INTEGRITY, 12), Transform(_INTEGRITY, 2)
MODP_2048, P_256, MODP_1024 = Transform(_GROUP, 14), Transform(_GROUP, 19), Transform(_GROUP, 2)
USUAL = (AES_256, AES_128, SHA_256, SHA_1, HMAC_SHA_256, HMAC_SHA_1, MODP_2048, P_256, MODP_1024)
_NAMES = {AES_256: "AES-256", AES_128: "AES-128", MODP_2048: "group 14", P_256: "group 19", MODP_1024: "group 2"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of IKE_SA_INIT: its payloads by type, in order."""

    initiator: bytes  # 8 octets
    responder: bytes  # 8 octets, zero in a request
    response: bool
    payloads: tuple[tuple[int, bytes], ...]

    def of(self, kind: int) -> list[bytes]:
        """The payloads of one type."""
        return [body for one, body in self.payloads if one == kind]

    def notice(self, *wanted: int) -> tuple[int, bytes] | None:
        """The first notification, of these types where any are named, with its data."""
        for body in self.of(_NOTIFY):
            octets = Octets(body)
            octets.take(1)
            size, kind = octets.number(1), octets.number(2)
            octets.take(size)
            if kind in wanted or not wanted:
                return kind, octets.rest()
        return None


def client(*, marked: bool = False) -> Talk[str]:
    """Propose how to protect what follows, and say what the responder said; `marked` for UDP 4500.

    A refusal is an answer as well: only a responder gives it. Raises Misspoken for what is no answer to this.
    """
    initiator, nonce = secrets.token_bytes(7) + b"\1", secrets.token_bytes(_KEY_TAKES)
    payloads = [(_SA, _proposal(1, USUAL)), (_KE, _public(MODP_2048)), (_NONCE, nonce)]
    said = yield from _asked(initiator, payloads, marked)
    if cookie := said.notice(_COOKIE):  # RFC 7296, 2.6: show that you receive where you say you are
        said = yield from _asked(initiator, [(_NOTIFY, _notification(*cookie)), *payloads], marked)
    return f"IKEv2: {_outcome(said)}"


def server(offers: Sequence[Transform] = USUAL, secret: bytes = b"", *, marked: bool = False) -> Talk[None]:
    """Answer one datagram: choose among what is proposed, or say that nothing can be chosen.

    With a secret, only whoever returns a cookie is answered. What is no request of IKE_SA_INIT is left alone.
    """
    try:
        asked = _read((yield from some()), marked)
        if asked.response or asked.responder != bytes(8):
            return
        answer = list(_answer(asked, offers, secret))
    except Misspoken:
        return
    refused = answer[0][0] == _NOTIFY
    responder = bytes(8) if refused else secrets.token_bytes(7) + b"\2"
    yield from send(_written(asked.initiator, responder, _RESPONSE, answer, marked))


def _answer(asked: Message, offers: Sequence[Transform], secret: bytes) -> Iterable[tuple[int, bytes]]:
    nonces, keys, proposals = asked.of(_NONCE), asked.of(_KE), asked.of(_SA)
    if not (nonces and keys and proposals):
        raise Misspoken("a request lacks a payload")
    cookie = hashlib.sha256(secret + asked.initiator + nonces[0]).digest()
    if secret and asked.notice(_COOKIE) != (_COOKIE, cookie):
        return [(_NOTIFY, _notification(_COOKIE, cookie))]
    chosen = _chosen(proposals[0], offers)
    if chosen is None:
        return [(_NOTIFY, _notification(_NO_PROPOSAL, b""))]
    number, transforms = chosen
    group = next(one for one in transforms if one.kind == _GROUP)
    if keys[0][:2] != group.number.to_bytes(2, "big"):
        return [(_NOTIFY, _notification(_OTHER_GROUP, group.number.to_bytes(2, "big")))]
    return [(_SA, _proposal(number, transforms)), (_KE, _public(group)), (_NONCE, secrets.token_bytes(_KEY_TAKES))]


def _chosen(proposals: bytes, offers: Sequence[Transform]) -> tuple[int, list[Transform]] | None:
    """The first proposal of which one transform of every kind is offered here, and those (RFC 7296, 3.3.6)."""
    for number, transforms in _proposals(proposals):
        kinds = {one.kind for one in transforms}
        first = {kind: next((one for one in transforms if one.kind == kind and one in offers), None) for kind in kinds}
        found = [one for one in first.values() if one]
        if _GROUP in kinds and len(found) == len(kinds):
            return number, sorted(found, key=lambda one: one.kind)
    return None


def _asked(initiator: bytes, payloads: Sequence[tuple[int, bytes]], marked: bool) -> Talk[Message]:
    yield from send(_written(initiator, bytes(8), _INITIATOR, payloads, marked))
    said = _read((yield from some()), marked)
    if not said.response or said.initiator != initiator:
        raise Misspoken("the answer is not to what was asked")
    return said


def _outcome(said: Message) -> str:
    if chosen := said.of(_SA):
        transforms = [one for _, some_of in _proposals(chosen[0]) for one in some_of]
        names = [_NAMES[one] for one in transforms if one in _NAMES]
        return ", ".join(names) + " chosen" if names else "a proposal chosen"
    if notice := said.notice():
        if notice[0] > _LAST_ERROR:
            raise Misspoken(f"the answer is nothing but a notification {notice[0]}")
        return f"refused, {_REFUSALS.get(notice[0], f'notification {notice[0]}')}"
    raise Misspoken("the answer neither chooses nor refuses")


def _written(
    initiator: bytes, responder: bytes, flags: int, payloads: Sequence[tuple[int, bytes]], marked: bool
) -> bytes:
    kinds = [kind for kind, _ in payloads]
    body = b"".join(
        struct.pack("!BBH", following, 0, 4 + len(data)) + data
        for (_, data), following in zip(payloads, [*kinds[1:], 0], strict=True)
    )
    length = _HEADER.size + len(body)
    head = _HEADER.pack(initiator, responder, kinds[0], _VERSION, _SA_INIT, flags, 0, length)
    return _MARK * marked + head + body


def _read(data: bytes, marked: bool) -> Message:
    if marked and data[:4] != _MARK:
        raise Misspoken("this is ESP, not IKE")
    data = data[4:] if marked else data
    if len(data) < _HEADER.size:
        raise Misspoken("this is no IKE")
    initiator, responder, following, version, exchange, flags, _, length = _HEADER.unpack_from(data)
    if version >> 4 != _VERSION >> 4 or exchange != _SA_INIT or length != len(data):
        raise Misspoken("this is no message of IKE_SA_INIT")
    octets = Octets(data)
    octets.take(_HEADER.size)
    payloads = tuple(_payloads(octets, following))
    return Message(initiator, responder, bool(flags & _RESPONSE), payloads)


def _payloads(octets: Octets, following: int) -> Iterable[tuple[int, bytes]]:
    for _ in range(_MOST_PAYLOADS):
        if not following:
            return
        kind, following = following, octets.number(1)
        octets.take(1)
        length = octets.number(2)
        if length < 4:
            raise Misspoken("a payload is shorter than its header")
        yield kind, octets.take(length - 4)
    raise Misspoken(f"more than {_MOST_PAYLOADS} payloads")


def _proposal(number: int, transforms: Sequence[Transform]) -> bytes:
    """RFC 7296, 3.3.1 and 3.3.2: the one proposal of a payload."""
    last = len(transforms) - 1
    body = b"".join(_transform(one, 0 if place == last else 3) for place, one in enumerate(transforms))
    return struct.pack("!BBHBBBB", 0, 0, 8 + len(body), number, _IKE, 0, len(transforms)) + body


def _transform(one: Transform, following: int) -> bytes:
    attribute = struct.pack("!HH", _KEY_LENGTH, one.key_bits) if one.key_bits else b""
    return struct.pack("!BBHBBH", following, 0, 8 + len(attribute), one.kind, 0, one.number) + attribute


def _proposals(data: bytes) -> Iterable[tuple[int, list[Transform]]]:
    octets = Octets(data)
    while octets.left:
        octets.take(2)
        length = octets.number(2)
        if length < 8:
            raise Misspoken("a proposal is shorter than its header")
        inner = Octets(octets.take(length - 4))
        number, protocol, size, count = inner.take(4)
        inner.take(size)
        if protocol == _IKE and count <= _MOST_TRANSFORMS:
            yield number, [_read_transform(inner) for _ in range(count)]


def _read_transform(octets: Octets) -> Transform:
    octets.take(2)
    length, kind = octets.number(2), octets.number(1)
    octets.take(1)
    number = octets.number(2)
    if length < 8:
        raise Misspoken("a transform is shorter than its header")
    attributes = octets.take(length - 8)
    said = attributes.startswith(_KEY_LENGTH.to_bytes(2, "big")) and len(attributes) == 4
    return Transform(kind, number, int.from_bytes(attributes[2:], "big") if said else 0)


def _public(group: Transform) -> bytes:
    """A public value that nobody knows the private one of: it is never used (RFC 7296, 3.4)."""
    value = b"\0" + secrets.token_bytes(_GROUP_SIZES[group.number] - 1)
    return group.number.to_bytes(2, "big") + bytes(2) + value


def _notification(kind: int, data: bytes) -> bytes:
    """RFC 7296, 3.10."""
    return struct.pack("!BBH", 0, 0, kind) + data
