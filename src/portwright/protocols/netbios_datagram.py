"""The NetBIOS datagram service (RFC 1002, 4.4): one datagram to a name, and one back, or an error."""

import secrets
from collections.abc import Sequence
from ipaddress import IPv4Address

from portwright.protocols.conversation import Misspoken, Refused, Talk, send, some
from portwright.protocols.netbios import Name
from portwright.protocols.octets import Octets

_DIRECT_UNIQUE, _ERROR = 0x10, 0x13  # RFC 1002, 4.4.1
_FIRST = 0x02  # and the only part
_NOT_PRESENT = 0x82  # RFC 1002, 4.4.3: nobody has the name
_ENCODED = 34  # octets of a name without scope
_PORT = 138


def client(called: Name, calling: Name, address: IPv4Address) -> Talk[str]:
    """Send one datagram from a name at our address, and hear it again.

    Raises Refused where nobody there has the name called, and Misspoken.
    """
    nonce = secrets.token_bytes(16)
    number = secrets.token_bytes(2)
    yield from send(_datagram(number, address, calling.encoded, called.encoded, nonce))
    octets = Octets((yield from some()))
    kind, _, answered = octets.number(1), octets.number(1), octets.take(2)
    if kind == _ERROR and answered == number:
        octets.take(6)
        raise Refused(f"NetBIOS: nobody there is {called} (code {octets.number(1):02x})")
    octets.take(10)
    said, heard = octets.take(_ENCODED), octets.take(_ENCODED)
    if kind != _DIRECT_UNIQUE or (said, heard, octets.rest()) != (called.encoded, calling.encoded, nonce):
        raise Misspoken("the answer is not to what was sent")
    return f"NetBIOS: {called} sent a datagram back"


def server(names: Sequence[Name], address: IPv4Address) -> Talk[None]:
    """Send one datagram back to where it came from; what is none is left alone."""
    octets = Octets((yield from some()))
    try:
        kind, _, number = octets.number(1), octets.number(1), octets.take(2)
        octets.take(10)
        calling, called, data = octets.take(_ENCODED), octets.take(_ENCODED), octets.rest()
    except Misspoken:
        return
    if kind != _DIRECT_UNIQUE:
        return
    if any(one.encoded == called for one in names):
        yield from send(_datagram(number, address, called, calling, data))
    else:
        where = address.packed + _PORT.to_bytes(2, "big")
        yield from send(bytes([_ERROR, _FIRST]) + number + where + bytes([_NOT_PRESENT]))


def _datagram(number: bytes, address: IPv4Address, source: bytes, destination: bytes, data: bytes) -> bytes:
    body = source + destination + data
    where = address.packed + _PORT.to_bytes(2, "big")
    return bytes([_DIRECT_UNIQUE, _FIRST]) + number + where + len(body).to_bytes(2, "big") + bytes(2) + body
