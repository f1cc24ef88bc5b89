"""IKE of the first version (RFC 2408, RFC 2409, 5.4), as IPsec of Windows speaks it unless told otherwise.

The first two messages of main mode: a proposal, and what the responder chooses. No keys are ever agreed.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.octets import Octets

_HEADER = struct.Struct("!8s8sBBBBII")  # RFC 2408, 3.1: 28 octets
_VERSION = 0x10
_MAIN_MODE, _INFORMATIONAL = 2, 5  # RFC 2408, 3.1: exchange types
_SA, _NOTIFICATION = 1, 11  # RFC 2408, 3.1: payload types
_IPSEC, _IDENTITY_ONLY, _ISAKMP, _KEY_IKE = 1, 1, 1, 1  # RFC 2407, 4.2.1, 4.4.1, 4.4.2
_ENCRYPTION, _HASH, _AUTHENTICATION, _GROUP, _LIFE_TYPE, _LIFE, _KEY_LENGTH = 1, 2, 3, 4, 11, 12, 14  # RFC 2409, A
_SHORT = 0x8000  # an attribute of two octets (RFC 2408, 3.3)
_SECONDS, _EIGHT_HOURS = 1, 28_800
_NO_PROPOSAL = 14  # RFC 2408, 3.14.1
_MARK = bytes(4)  # before a message on UDP 4500 (RFC 3948, 2.2)
_MOST_PAYLOADS, _MOST_TRANSFORMS, _MOST_ATTRIBUTES = 32, 64, 16
_NAMES: Mapping[tuple[int, int], str] = {
    (_ENCRYPTION, 5): "3DES",
    (_ENCRYPTION, 7): "AES",
    (_HASH, 2): "SHA-1",
    (_HASH, 4): "SHA-256",
    (_GROUP, 2): "group 2",
    (_GROUP, 14): "group 14",
}
RSA, SHARED_KEY = 3, 1  # RFC 2409, A: how the two show who they are


@dataclass(frozen=True, slots=True)
class Suite:
    """The algorithms of one transform (RFC 2409, appendix A, and the registry of IPsec)."""

    encryption: int
    key_bits: int  # 0: the algorithm has one length
    hash: int
    group: int
    authentication: int

    def __str__(self) -> str:
        pairs = ((_ENCRYPTION, self.encryption), (_HASH, self.hash), (_GROUP, self.group))
        cipher, digest, group = (_NAMES.get(pair, f"number {pair[1]}") for pair in pairs)
        return f"{cipher}{f'-{self.key_bits}' if self.key_bits else ''}, {digest}, {group}"


_ALGORITHMS = ((7, 256, 4, 14), (7, 128, 2, 14), (7, 128, 2, 2), (5, 0, 2, 2))
USUAL = tuple(Suite(*algorithms, shown) for algorithms, shown in product(_ALGORITHMS, (RSA, SHARED_KEY)))


def client(*, marked: bool = False) -> Talk[str]:
    """Propose how to protect what follows, and say what the responder said; `marked` for UDP 4500.

    A refusal is an answer as well: only a responder gives it. Raises Misspoken for what is no answer to this.
    """
    initiator = secrets.token_bytes(7) + b"\1"
    yield from send(_written(initiator, bytes(8), _MAIN_MODE, _SA, _proposal(1, USUAL), marked))
    cookie, _, exchange, payloads = _read((yield from some()), marked)
    if cookie != initiator:
        raise Misspoken("the answer is not to what was asked")
    for kind, body in payloads:
        if kind == _SA and exchange == _MAIN_MODE:
            chosen = [suite for _, _, suite in _suites(body)]
            if len(chosen) != 1 or chosen[0] not in USUAL:
                raise Misspoken("the responder chose nothing that was proposed")
            return f"IKEv1: {chosen[0]} chosen"
        if kind == _NOTIFICATION:
            return f"IKEv1: refused, {_reason(body)}"
    raise Misspoken("the answer neither chooses nor refuses")


def server(offers: Sequence[Suite] = USUAL, *, marked: bool = False) -> Talk[None]:
    """Answer one datagram: choose among what is proposed, or say that nothing can be chosen.

    What is no first message of main mode is left alone.
    """
    try:
        initiator, responder, exchange, payloads = _read((yield from some()), marked)
        proposals = [body for kind, body in payloads if kind == _SA]
        if responder != bytes(8) or exchange != _MAIN_MODE or not proposals:
            return
        chosen = next((one for one in _suites(proposals[0]) if one[2] in offers), None)
    except Misspoken:
        return
    if chosen is None:
        refusal = struct.pack("!IBBH", _IPSEC, _ISAKMP, 0, _NO_PROPOSAL)
        yield from send(_written(initiator, bytes(8), _INFORMATIONAL, _NOTIFICATION, refusal, marked))
        return
    number, place, suite = chosen
    answer = _proposal(number, [suite], place)
    yield from send(_written(initiator, secrets.token_bytes(7) + b"\2", _MAIN_MODE, _SA, answer, marked))


def _reason(body: bytes) -> str:
    octets = Octets(body)
    octets.take(6)
    number = octets.number(2)
    return "no proposal chosen" if number == _NO_PROPOSAL else f"notification {number}"


def _written(initiator: bytes, responder: bytes, exchange: int, kind: int, body: bytes, marked: bool) -> bytes:
    length = _HEADER.size + 4 + len(body)
    number = secrets.randbits(32) if exchange == _INFORMATIONAL else 0
    head = _HEADER.pack(initiator, responder, kind, _VERSION, exchange, 0, number, length)
    return _MARK * marked + head + struct.pack("!BBH", 0, 0, 4 + len(body)) + body


def _read(data: bytes, marked: bool) -> tuple[bytes, bytes, int, list[tuple[int, bytes]]]:
    """The two cookies, the exchange type, and the payloads by type of a message that is not encrypted."""
    if marked and data[:4] != _MARK:
        raise Misspoken("this is ESP, not IKE")
    data = data[4:] if marked else data
    if len(data) < _HEADER.size:
        raise Misspoken("this is no IKE")
    initiator, responder, following, version, exchange, flags, _, length = _HEADER.unpack_from(data)
    if version >> 4 != _VERSION >> 4 or flags & 1 or length != len(data):
        raise Misspoken("this is no first message of IKE")
    octets = Octets(data)
    octets.take(_HEADER.size)
    return initiator, responder, exchange, list(_payloads(octets, following))


def _payloads(octets: Octets, following: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST_PAYLOADS):
        if not following:
            return
        kind, following = following, octets.number(1)
        yield kind, _body(octets)
    raise Misspoken(f"more than {_MOST_PAYLOADS} payloads")


def _body(octets: Octets) -> bytes:
    """What follows the header of a payload, whose first octet was read."""
    octets.take(1)
    length = octets.number(2)
    if length < 4:
        raise Misspoken("a payload is shorter than its header")
    return octets.take(length - 4)


def _proposal(number: int, suites: Sequence[Suite], first: int = 1) -> bytes:
    """RFC 2408, 3.4 to 3.6: the one proposal of a security association."""
    last = len(suites) - 1
    transforms = b"".join(_transform(one, first + place, 0 if place == last else 3) for place, one in enumerate(suites))
    head = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), number, _ISAKMP, 0, len(suites))
    return struct.pack("!II", _IPSEC, _IDENTITY_ONLY) + head + transforms


def _transform(one: Suite, number: int, following: int) -> bytes:
    values = {_ENCRYPTION: one.encryption, _HASH: one.hash, _AUTHENTICATION: one.authentication, _GROUP: one.group}
    values |= {_LIFE_TYPE: _SECONDS, _LIFE: _EIGHT_HOURS}
    values |= {_KEY_LENGTH: one.key_bits} if one.key_bits else {}
    attributes = b"".join(struct.pack("!HH", _SHORT | kind, value) for kind, value in values.items())
    return struct.pack("!BBHBBH", following, 0, 8 + len(attributes), number, _KEY_IKE, 0) + attributes


def _suites(body: bytes) -> Iterable[tuple[int, int, Suite]]:
    """Each transform of a security association, with the numbers of its proposal and of itself."""
    octets = Octets(body)
    if octets.number(4) != _IPSEC or octets.number(4) != _IDENTITY_ONLY:
        raise Misspoken("a security association is not for IPsec")
    while octets.left:
        octets.take(1)
        inner = Octets(_body(octets))
        number, protocol, size, count = inner.take(4)
        inner.take(size)
        if protocol != _ISAKMP or count > _MOST_TRANSFORMS:
            raise Misspoken("a proposal is not for IKE, or has too many transforms")
        for _ in range(count):
            inner.take(1)
            transform = Octets(_body(inner))
            place = transform.number(1)
            transform.take(3)
            yield number, place, _suite(transform)


def _suite(octets: Octets) -> Suite:
    values: dict[int, int] = {}
    for _ in range(_MOST_ATTRIBUTES):
        if not octets.left:
            break
        kind, value = octets.number(2), octets.number(2)
        if kind & _SHORT:
            values[kind & ~_SHORT] = value
        else:
            octets.take(value)  # a longer value, as of a life: of no concern here
    found = (values.get(kind, 0) for kind in (_ENCRYPTION, _KEY_LENGTH, _HASH, _GROUP, _AUTHENTICATION))
    return Suite(*found)
