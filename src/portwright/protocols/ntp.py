"""NTP (RFC 5905): the time of one server, asked for by one datagram.

Both sides are told what time it is: a client asks its clock twice, since an answer takes its time.
"""

import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Refused, Talk, send, some

_HEADER = struct.Struct("!BBbbII4sQQQQ")  # RFC 5905, 7.3: 48 octets; what may follow is read by nobody here
_EPOCH = 2_208_988_800  # seconds from 1900, where NTP begins, to 1970 (RFC 5905, figure 4)
_ERA = 1 << 32  # seconds, after which the count begins again (RFC 5905, 6)
_FRACTION = 1 << 32  # of a second
_VERSION = 4
_SYMMETRIC_ACTIVE, _SYMMETRIC_PASSIVE, _CLIENT, _SERVER = 1, 2, 3, 4  # RFC 5905, figure 10
_ANSWERED_BY = {_CLIENT: _SERVER, _SYMMETRIC_ACTIVE: _SYMMETRIC_PASSIVE}
_NOT_SYNCHRONIZED = 3  # the leap indicator (RFC 5905, figure 9)
_UNSPECIFIED, _LAST_STRATUM = 0, 15  # RFC 5905, figure 11


@dataclass(frozen=True, slots=True)
class Time:
    """What a time server said."""

    stratum: int  # 1: at a clock of reference; 2 to 15: so many steps from one; 16: at none
    synchronized: bool
    ahead: float  # seconds that its clock is ahead of ours at least; negative: behind; 0 where it may be the same

    def __str__(self) -> str:
        if not self.synchronized:
            return "NTP: not synchronized"
        if abs(self.ahead) < 1:
            return f"NTP: stratum {self.stratum}, within a second of our clock"
        side = "ahead of" if self.ahead > 0 else "behind"
        return f"NTP: stratum {self.stratum}, {abs(self.ahead):.0f} s {side} our clock"


def client(clock: Callable[[], float]) -> Talk[Time]:
    """Ask a time server; `clock` is ours, in seconds since 1970.

    Raises Refused where it asks to be left alone (the kiss of death, RFC 5905, 7.4), and Misspoken for what is no
    answer to this.
    """
    nonce = secrets.randbits(64) or 1  # what comes back as the origin; our clock is nobody's business
    asked = clock()
    yield from send(_HEADER.pack(_VERSION << 3 | _CLIENT, 0, 0, 0, 0, 0, bytes(4), 0, 0, 0, nonce))
    said = yield from some()
    answered = clock()
    if len(said) < _HEADER.size:
        raise Misspoken(f"an answer of NTP has 48 bytes or more, this has {len(said)}")
    flags, stratum, _, _, _, _, reference, _, origin, _, transmitted = _HEADER.unpack_from(said)
    if flags & 7 != _SERVER or origin != nonce:
        raise Misspoken("the answer is not to what was asked")
    if stratum == _UNSPECIFIED:
        raise Refused("NTP: " + "".join(chr(one) for one in reference if 32 < one < 127))
    synchronized = flags >> 6 != _NOT_SYNCHRONIZED and stratum <= _LAST_STRATUM and transmitted != 0
    return Time(stratum, synchronized, min(_ahead(transmitted, asked), 0.0) or max(_ahead(transmitted, answered), 0.0))


def server(now: float, stratum: int = 3, reference: bytes = b"LOCL") -> Talk[None]:
    """Answer one datagram of a client with the time `now`; what is no request is left alone."""
    asked = yield from some()
    if len(asked) < _HEADER.size:
        return
    flags, _, poll, _, _, _, _, _, _, _, transmitted = _HEADER.unpack_from(asked)
    version, mode = flags >> 3 & 7, _ANSWERED_BY.get(flags & 7)
    if mode is None or not 1 <= version <= _VERSION:
        return
    at = _timestamp(now)
    first = version << 3 | mode
    yield from send(_HEADER.pack(first, stratum, poll, -20, 0, 0, reference, at, transmitted, at, at))


def _timestamp(now: float) -> int:
    """Seconds since 1970 as a timestamp of NTP, of whatever era."""
    return int((now + _EPOCH) * _FRACTION) % (_ERA * _FRACTION)


def _ahead(timestamp: int, now: float) -> float:
    """How far a timestamp is ahead of `now`, taken in the era in which it is nearest."""
    whole = _ERA * _FRACTION
    difference = (timestamp - _timestamp(now)) % whole
    return (difference - whole if difference >= whole // 2 else difference) / _FRACTION
