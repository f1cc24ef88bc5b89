"""RDP over datagrams ([MS-RDPEUDP] 3.1.5.1): a connection is asked for, and granted; nothing is sent over it."""

import secrets
import struct

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.octets import Octets

_HEADER = struct.Struct("!IHH")  # 2.2.2.1: the number acknowledged, the window, the flags
_SYNCHRONIZE = struct.Struct("!IHH")  # 2.2.2.5: the first number, the sizes of datagrams up and down
_EXTENSION = struct.Struct("!HH")  # 2.2.2.9: the flags, the version
_SYN, _ACK, _HAS_EXTENSION = 0x0001, 0x0004, 0x1000  # 2.2.2.1
_NOTHING_YET = 0xFFFFFFFF  # 3.1.5.1.1: what a first datagram acknowledges
_HAS_VERSION, _VERSION = 0x0001, 0x0002  # 2.2.2.9
_SIZE = 1232  # octets: to this a first datagram is filled, so that the path is tried (3.1.5.1.1)
_SMALLEST = 1132  # 2.2.2.5
_WINDOW = 64


def client() -> Talk[str]:
    """Ask for a connection. Raises Misspoken for what is no answer to this."""
    first = secrets.randbits(32)
    yield from send(_datagram(_NOTHING_YET, _SYN, first))
    octets = Octets((yield from some()))
    acknowledged, _, flags = octets.number(4), octets.number(2), octets.number(2)
    octets.take(4)
    if flags & (_SYN | _ACK) != _SYN | _ACK or acknowledged != first:
        raise Misspoken("the answer grants no connection that was asked for")
    sizes = octets.number(2), octets.number(2)
    if not all(_SMALLEST <= size <= _SIZE for size in sizes):
        raise Misspoken("the answer has datagrams of no size that is allowed")
    return f"RDP: a connection over datagrams, {min(sizes)} bytes each"


def server() -> Talk[None]:
    """Grant what one datagram asks for; what asks for nothing is left alone."""
    octets = Octets((yield from some()))
    if octets.left < _SIZE:
        return
    acknowledged, _, flags = octets.number(4), octets.number(2), octets.number(2)
    if flags & (_SYN | _ACK) == _SYN and acknowledged == _NOTHING_YET:
        yield from send(_datagram(octets.number(4), _SYN | _ACK, secrets.randbits(32)))


def _datagram(acknowledged: int, flags: int, first: int) -> bytes:
    head = _HEADER.pack(acknowledged, _WINDOW, flags | _HAS_EXTENSION)
    body = _SYNCHRONIZE.pack(first, _SIZE, _SIZE) + _EXTENSION.pack(_HAS_VERSION, _VERSION)
    return (head + body).ljust(_SIZE, b"\0")
