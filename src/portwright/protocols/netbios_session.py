"""The NetBIOS session service (RFC 1002, 4.3): a session between two names, then framed messages.

Direct hosting (TCP 445, [MS-SMB2] 2.1) has the same messages without the session.
"""

from portwright.protocols.conversation import Misspoken, Refused, Talk, send, take
from portwright.protocols.netbios import SERVER, Name

_MESSAGE, _REQUEST, _POSITIVE, _NEGATIVE, _KEEP_ALIVE = 0x00, 0x81, 0x82, 0x83, 0x85  # RFC 1002, 4.3.1
_NAMES = 68  # octets of two names without scope
_LONGEST = 1 << 20  # octets of a message: 17 bits allow less, direct hosting 16 times more
_MOST_KEEP_ALIVES = 100  # in a row

ANY_SERVER = Name("*SMBSERVER", SERVER)  # whatever the node is called ([MS-SMB] 2.1)
_CALLING = Name("PORTWRIGHT")


def client(called: Name = ANY_SERVER) -> Talk[None]:
    """Ask for a session. Raises Refused where there is none for this name, and Misspoken."""
    yield from send(bytes([_REQUEST, 0, 0, _NAMES]) + called.encoded + _CALLING.encoded)
    kind, data = yield from _frame()
    if kind == _NEGATIVE:
        raise Refused(f"NetBIOS: no session with {called} (code {data[:1].hex()})")
    if kind != _POSITIVE:
        raise Misspoken(f"a request for a session was answered by a message of type {kind:#x}")


def server() -> Talk[None]:
    """Grant a session, whatever name is called. Raises Misspoken where none is asked for."""
    kind, data = yield from _frame()
    if kind != _REQUEST or len(data) < _NAMES:
        raise Misspoken("no session is asked for")
    yield from send(bytes([_POSITIVE, 0, 0, 0]))


def message() -> Talk[bytes]:
    """The next message of a session. Raises Misspoken for what is none."""
    for _ in range(_MOST_KEEP_ALIVES):
        kind, data = yield from _frame()
        if kind == _MESSAGE:
            return data
        if kind != _KEEP_ALIVE:
            break
    raise Misspoken("this is no message of a session")


def framed(data: bytes) -> bytes:
    """A message with its length."""
    return bytes([_MESSAGE]) + len(data).to_bytes(3, "big") + data


def _frame() -> Talk[tuple[int, bytes]]:
    head: bytes = yield from take(4)
    length = int.from_bytes(head[1:], "big")
    if length > _LONGEST or head[0] not in (_MESSAGE, _REQUEST, _POSITIVE, _NEGATIVE, _KEEP_ALIVE):
        raise Misspoken("this is no session of NetBIOS, and no message of SMB")
    return head[0], (yield from take(length))
