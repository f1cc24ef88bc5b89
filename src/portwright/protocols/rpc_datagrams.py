"""RPC over datagrams ([C706] 12.5): a client pings a call that nobody made, the server says that it has none.

Nothing is called, and yet the server shows that it lives and speaks RPC.
"""

import secrets
from uuid import UUID

from portwright.protocols.conversation import Misspoken, Talk, send, some
from portwright.protocols.octets import Octets, Order
from portwright.protocols.rpc import MAPPER, Interface

_REQUEST, _PING, _RESPONSE, _FAULT, _WORKING, _NO_CALL, _REJECT = range(7)  # [C706] 12.5.2.6
_SAYS = {
    _RESPONSE: "a response",
    _FAULT: "a fault",
    _WORKING: "it is working",
    _NO_CALL: "no such call",
    _REJECT: "a rejection",
}
_IDEMPOTENT, _LITTLE_ENDIAN = 0x20, 0x10  # [C706] 12.5.2.3, 14.1
_HEADER = 80  # octets
_UNKNOWN_INTERFACE = 0x1C010003  # [C706] appendix E: nca_unk_if
_NONE = b"\xff\xff"  # a hint that is none


def client(interface: Interface = MAPPER) -> Talk[str]:
    """Ping a server and say what it said. Raises Misspoken for what is no answer to this."""
    activity = UUID(bytes=secrets.token_bytes(16), version=4)
    yield from send(_datagram(_PING, interface.uuid, interface.major, activity))
    said, answered = _read((yield from some()))
    if answered != activity or said not in _SAYS:
        raise Misspoken("the answer is not to what was asked")
    return f"RPC: {_SAYS[said]}"


def server() -> Talk[None]:
    """Answer one datagram: a ping by "no such call", a request by "no such interface"; all else is left alone."""
    asked = yield from some()
    try:
        kind, activity = _read(asked)
    except Misspoken:
        return
    if kind == _PING:
        yield from send(_datagram(_NO_CALL, MAPPER.uuid, MAPPER.major, activity))
    elif kind == _REQUEST:
        status = _UNKNOWN_INTERFACE.to_bytes(4, "little")
        yield from send(_datagram(_REJECT, MAPPER.uuid, MAPPER.major, activity, status))


def _datagram(kind: int, interface: UUID, version: int, activity: UUID, body: bytes = b"") -> bytes:
    """The header of [C706] 12.5.1 in front of a body."""
    flags = bytes([4, kind, _IDEMPOTENT, 0, _LITTLE_ENDIAN, 0, 0, 0])
    names = bytes(16) + interface.bytes_le + activity.bytes_le
    numbers = bytes(4) + version.to_bytes(4, "little") + bytes(4) + bytes(2) + _NONE + _NONE
    return flags + names + numbers + len(body).to_bytes(2, "little") + bytes(4) + body


def _read(data: bytes) -> tuple[int, UUID]:
    """The type of a datagram, and the activity that it belongs to."""
    if len(data) < _HEADER or data[0] & 0x0F != 4:
        raise Misspoken("this is no datagram of RPC")
    order: Order = "little" if data[4] & _LITTLE_ENDIAN else "big"
    octets = Octets(data, order)
    octets.take(8 + 16 + 16)
    return data[1] & 0x1F, octets.uuid()
