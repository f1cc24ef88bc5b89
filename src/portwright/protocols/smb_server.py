"""A server of SMB 2 and 3 ([MS-SMB2] 3.3) that has the share IPC$ and nothing in it: everybody may look.

Whoever signs in is nobody or a guest; no password is checked, and nothing can be opened.
"""

import struct
from collections.abc import Callable
from dataclasses import replace
from uuid import NAMESPACE_DNS, uuid5

from portwright.protocols import netbios_session
from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send
from portwright.protocols.netbios_session import message
from portwright.protocols.ntlm import anonymous as ntlm
from portwright.protocols.octets import Octets
from portwright.protocols.smb import (
    ACCESS_DENIED,
    BAD_NETWORK_NAME,
    DIALECTS,
    ECHO,
    EMPTY,
    HEADER,
    INVALID_PARAMETER,
    IS_GUEST,
    IS_NULL,
    IS_RESPONSE,
    LOGOFF,
    LOGON_FAILURE,
    MORE_PROCESSING,
    NEGOTIATE,
    NOT_SUPPORTED,
    PIPE,
    SESSION_DELETED,
    SESSION_SETUP,
    SIGNING_ENABLED,
    SMB1,
    SUCCESS,
    TREE_CONNECT,
    TREE_DISCONNECT,
    WITH_CONTEXTS,
    Message,
    preauthentication,
    read,
)

_SMB1_NEGOTIATE = 0x72  # [MS-CIFS] 2.2.4.52
_SMB1_HEADER = 32
_ANY_DIALECT = 0x02FF  # [MS-SMB2] 2.2.4: go on with a negotiation of SMB 2
_BY_NAME = {b"SMB 2.???": _ANY_DIALECT, b"SMB 2.002": 0x0202}  # [MS-SMB2] 3.3.5.3
_MOST_DIALECTS, _MOST_CREDITS = 64, 64
_SESSION, _TREE = 0x1001, 1  # of a connection, which has one of each
_LARGEST = 1 << 16  # octets read, written or transacted at once
_READ = 0x001F00A9  # [MS-SMB2] 2.2.13.1.1: what one may do with the share


def server(host: str, *, over_netbios: bool = False) -> Talk[None]:
    """Serve one connection, after a session of NetBIOS where it comes over one (TCP 139).

    Raises Misspoken for what is no SMB 2.
    """
    try:
        if over_netbios:
            yield from netbios_session.server()
        served = _Connection(host)
        while True:
            data = yield from message()
            answer = _old_negotiation(served, data) if data.startswith(SMB1) else served.answer(read(data))
            yield from send(answer.written())
    except EndOfStream:
        return


def _old_negotiation(served: "_Connection", data: bytes) -> Message:
    """A negotiation of SMB 1 that offers SMB 2, too, is answered by SMB 2 ([MS-SMB2] 3.3.5.3)."""
    octets = Octets(data, "little")
    octets.take(4)
    if octets.number(1) != _SMB1_NEGOTIATE:
        raise Misspoken("SMB 1 is not spoken here")
    octets.take(_SMB1_HEADER - 5)
    octets.take(2 * octets.number(1) + 2)
    offered = {name.lstrip(b"\2") for name in octets.rest().split(b"\0")}
    chosen = next((dialect for name, dialect in _BY_NAME.items() if name in offered), None)
    if chosen is None:
        raise Misspoken("SMB 1 is not spoken here")
    return Message(NEGOTIATE, 0, served.chosen(chosen), flags=IS_RESPONSE)


class _Connection:
    """What one client has come to."""

    def __init__(self, host: str) -> None:
        self.host, self.signed_in, self.connected = host, False, False
        self.handlers: dict[int, Callable[[Message], Message]] = {
            NEGOTIATE: self.negotiate,
            SESSION_SETUP: self.set_up,
            TREE_CONNECT: self.connect,
            TREE_DISCONNECT: self.disconnect,
            LOGOFF: self.log_off,
            ECHO: lambda asked: replace(asked, body=EMPTY),
        }

    def answer(self, asked: Message) -> Message:
        """A response, to the request's number, with as many credits as it asks for within reason."""
        if asked.command not in (NEGOTIATE, SESSION_SETUP, ECHO) and not self.signed_in:
            said = _failed(asked, SESSION_DELETED)
        else:
            said = self.handlers.get(asked.command, _unknown)(asked)
        return replace(said, flags=IS_RESPONSE, credits=min(max(1, asked.credits), _MOST_CREDITS))

    def negotiate(self, asked: Message) -> Message:
        octets = asked.octets
        octets.take(2)
        count = octets.number(2)
        octets.take(32)
        offered = {octets.number(2) for _ in range(min(count, _MOST_DIALECTS))}
        common = offered & set(DIALECTS)
        return replace(asked, body=self.chosen(max(common))) if common else _failed(asked, NOT_SUPPORTED)

    def chosen(self, dialect: int) -> bytes:
        """[MS-SMB2] 2.2.4."""
        token = ntlm.hint()
        start = HEADER + 64
        filler = bytes(-(start + len(token)) % 8)
        contexts = dialect == WITH_CONTEXTS
        head = struct.pack("<HHHH", 65, SIGNING_ENABLED, dialect, int(contexts))
        sizes = struct.pack("<IIII", 0, _LARGEST, _LARGEST, _LARGEST) + bytes(16)  # no clock is told
        place = struct.pack("<HHI", start, len(token), start + len(token) + len(filler) if contexts else 0)
        body = head + uuid5(NAMESPACE_DNS, self.host).bytes_le + sizes + place + token
        return body + filler + preauthentication() if contexts else body

    def set_up(self, asked: Message) -> Message:
        octets = asked.octets
        octets.take(12)
        token = asked.slice(octets.number(2), octets.number(2))
        if challenge := ntlm.challenge(token, self.host.partition(".")[0]):
            return replace(asked, status=MORE_PROCESSING, session=_SESSION, body=_setup_response(0, challenge))
        user = ntlm.signed_in(token)
        if user is None or asked.session != _SESSION:
            return _failed(asked, LOGON_FAILURE)
        self.signed_in = True
        flags = IS_NULL if user is ntlm.User.NOBODY else IS_GUEST
        return replace(asked, status=SUCCESS, body=_setup_response(flags, ntlm.done(token)))

    def connect(self, asked: Message) -> Message:
        octets = asked.octets
        octets.take(4)
        path = asked.slice(octets.number(2), octets.number(2)).decode("utf-16-le", "replace")
        if path.upper().split("\\")[-1] != "IPC$":
            return _failed(asked, BAD_NETWORK_NAME)
        self.connected = True
        return replace(asked, tree=_TREE, body=struct.pack("<HBBIII", 16, PIPE, 0, 0, 0, _READ))

    def disconnect(self, asked: Message) -> Message:
        if not self.connected or asked.tree != _TREE:
            return _failed(asked, INVALID_PARAMETER)
        self.connected = False
        return replace(asked, body=EMPTY)

    def log_off(self, asked: Message) -> Message:
        self.signed_in = self.connected = False
        return replace(asked, body=EMPTY)


def _setup_response(flags: int, token: bytes) -> bytes:
    """[MS-SMB2] 2.2.6."""
    return struct.pack("<HHHH", 9, flags, HEADER + 8, len(token)) + token


def _unknown(asked: Message) -> Message:
    """There is nothing in the share to be opened or asked."""
    return _failed(asked, ACCESS_DENIED)


def _failed(asked: Message, status: int) -> Message:
    """[MS-SMB2] 2.2.2."""
    return replace(asked, status=status, body=struct.pack("<HBBIB", 9, 0, 0, 0, 0))
