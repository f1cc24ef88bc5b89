"""SMB 2 and 3 ([MS-SMB2]): the dialect, a session of nobody, and the share that every server has, IPC$.

Messages come over TCP 445, or over a session of NetBIOS on TCP 139 (`over_netbios`).
"""

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from portwright.protocols.conversation import Misspoken, Talk, send
from portwright.protocols.netbios_session import framed, message
from portwright.protocols.ntlm import anonymous as ntlm
from portwright.protocols.octets import Octets

NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT = 0, 1, 2, 3, 4  # [MS-SMB2] 2.2.1.2
CREATE, ECHO = 5, 13
SMB2, SMB1 = b"\xfeSMB", b"\xffSMB"  # how a message begins
DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}  # [MS-SMB2] 2.2.3
WITH_CONTEXTS = 0x0311  # the dialect whose negotiation has contexts
SUCCESS, MORE_PROCESSING = 0, 0xC0000016  # [MS-ERREF] 2.3.1
ACCESS_DENIED, LOGON_FAILURE, NOT_SUPPORTED = 0xC0000022, 0xC000006D, 0xC00000BB
BAD_NETWORK_NAME, INVALID_PARAMETER, SESSION_DELETED = 0xC00000CC, 0xC000000D, 0xC0000203
_STATUSES = {
    ACCESS_DENIED: "access denied",
    LOGON_FAILURE: "logon failure",
    NOT_SUPPORTED: "not supported",
    BAD_NETWORK_NAME: "no such share",
}
IS_RESPONSE = 0x1  # [MS-SMB2] 2.2.1.2: SMB2_FLAGS_SERVER_TO_REDIR
SIGNING_ENABLED, SIGNING_REQUIRED = 1, 2  # [MS-SMB2] 2.2.3
IS_GUEST, IS_NULL = 1, 2  # [MS-SMB2] 2.2.6
PIPE = 2  # [MS-SMB2] 2.2.10: the type of the share IPC$
_PENDING = 0x103  # STATUS_PENDING: the true answer comes later ([MS-SMB2] 3.3.4.2)
_HEADER = struct.Struct("<4sHHIHHIIQIIQ16x")  # [MS-SMB2] 2.2.1.2: 64 octets
HEADER = _HEADER.size
_MOST_PENDING = 20


@dataclass(frozen=True, slots=True)
class Message:
    """A message of SMB 2."""

    command: int
    number: int  # MessageId: what a response answers
    body: bytes
    status: int = 0
    flags: int = 0
    credits: int = 1
    tree: int = 0
    session: int = 0

    @property
    def octets(self) -> Octets:
        """The body, to be read."""
        return Octets(self.body, "little")

    def slice(self, offset: int, length: int) -> bytes:
        """A part of the body that stands so far from the start of the message. Raises Misspoken where it does not."""
        octets = self.octets
        octets.take(max(0, offset - HEADER))
        return octets.take(length)

    def written(self) -> bytes:
        """The message as it is sent."""
        numbers = (self.status, self.command, self.credits, self.flags, 0, self.number, 0xFEFF, self.tree, self.session)
        return framed(_HEADER.pack(SMB2, HEADER, 1, *numbers) + self.body)


def read(data: bytes) -> Message:
    """A message. Raises Misspoken for what is none of SMB 2, or several in one."""
    if len(data) < HEADER:
        raise Misspoken("this is no message of SMB 2")
    first, size, _, status, command, credit, flags, following, number, _, tree, session = _HEADER.unpack_from(data)
    if first != SMB2 or size != HEADER or following:
        raise Misspoken("this is no single message of SMB 2")
    return Message(command, number, data[HEADER:], status, flags, credit, tree, session)


@dataclass(frozen=True, slots=True)
class Said:
    """What a server said of itself."""

    dialect: int
    signing_required: bool
    session: str  # "anonymous", "guest", or why there is none; empty where none was asked for

    def __str__(self) -> str:
        signing = ", signing required" if self.signing_required else ""
        session = f", session: {self.session}" if self.session else ""
        return f"SMB {DIALECTS[self.dialect]}{signing}{session}"


def client(host: str = "") -> Talk[Said]:
    """Negotiate with a server; where its name is given, connect to its share IPC$ as nobody, and leave.

    That a server lets nobody in is no error: it lives. Raises Misspoken for what is no SMB 2.
    """
    exchange = _Exchange()
    said = yield from exchange.negotiated()
    if not host:
        return said
    session = yield from exchange.signed_in()
    if exchange.session:
        session = yield from exchange.visited(host, session)
    return replace(said, session=session)


def over_netbios(session: Talk[None], talk: Talk[Said]) -> Talk[Said]:
    """The same conversation, after a session of NetBIOS was asked for."""
    yield from session
    return (yield from talk)


class _Exchange:
    """A client's requests and their answers, one after the other."""

    def __init__(self) -> None:
        self.number = self.session = 0

    def asked(self, command: int, body: bytes, tree: int = 0) -> Talk[Message]:
        """Send a request; the answer, whatever its status."""
        asked = Message(command, self.number, body, credits=8, tree=tree, session=self.session)
        self.number += 1
        yield from send(asked.written())
        for _ in range(_MOST_PENDING):
            said = read((yield from message()))
            if said.number != asked.number or said.command != command or not said.flags & IS_RESPONSE:
                raise Misspoken("the answer is not to what was asked")
            if said.status != _PENDING:
                return said
        raise Misspoken("the server says again and again that it is not ready")

    def negotiated(self) -> Talk[Said]:
        """[MS-SMB2] 2.2.3 and 2.2.4."""
        said = yield from self.asked(NEGOTIATE, negotiation(sorted(DIALECTS)))
        if said.status:
            raise Misspoken(f"the negotiation ends with {_status(said.status)}")
        octets = said.octets
        octets.take(2)
        mode, dialect = octets.number(2), octets.number(2)
        if dialect not in DIALECTS:
            raise Misspoken(f"the server chose a dialect {dialect:#06x} that was not offered")
        return Said(dialect, bool(mode & SIGNING_REQUIRED), "")

    def signed_in(self) -> Talk[str]:
        """Sign in as nobody; as whom the server took that, or why it did not."""
        first = yield from self.asked(SESSION_SETUP, setup(ntlm.negotiate()))
        if first.status != MORE_PROCESSING:
            return _status(first.status)
        self.session = first.session
        last = yield from self.asked(SESSION_SETUP, setup(ntlm.nobody(_token(first))))
        if last.status:
            self.session = 0
            return _status(last.status)
        octets = last.octets
        octets.take(2)
        flags = octets.number(2)
        return "guest" if flags & IS_GUEST else "anonymous"

    def visited(self, host: str, session: str) -> Talk[str]:
        """Connect to IPC$, and leave as one should."""
        path = rf"\\{host}\IPC$".encode("utf-16-le")
        tree = yield from self.asked(TREE_CONNECT, struct.pack("<HHHH", 9, 0, HEADER + 8, len(path)) + path)
        if not tree.status:
            yield from self.asked(TREE_DISCONNECT, EMPTY, tree.tree)
        yield from self.asked(LOGOFF, EMPTY)
        return session if not tree.status else f"{session}, IPC$: {_status(tree.status)}"


EMPTY = struct.pack("<HH", 4, 0)  # the body of what needs none ([MS-SMB2] 2.2.7, 2.2.11, 2.2.28)


def negotiation(dialects: Sequence[int]) -> bytes:
    """[MS-SMB2] 2.2.3, with the one context that 3.1.1 must have."""
    numbers = struct.pack(f"<{len(dialects)}H", *dialects)
    end = HEADER + 36 + len(numbers)
    filler = bytes(-end % 8)
    context = end + len(filler), 1
    head = struct.pack("<HHHHI", 36, len(dialects), SIGNING_ENABLED, 0, 0) + secrets.token_bytes(16)
    return head + struct.pack("<IHH", *context, 0) + numbers + filler + preauthentication()


def preauthentication() -> bytes:
    """[MS-SMB2] 2.2.3.1.1: what was negotiated is hashed by SHA-512."""
    salt = secrets.token_bytes(32)
    data = struct.pack("<HHH", 1, len(salt), 1) + salt
    return struct.pack("<HHI", 1, len(data), 0) + data


def setup(token: bytes) -> bytes:
    """[MS-SMB2] 2.2.5."""
    return struct.pack("<HBBIIHHQ", 25, 0, SIGNING_ENABLED, 0, 0, HEADER + 24, len(token), 0) + token


def _token(said: Message) -> bytes:
    """[MS-SMB2] 2.2.6."""
    octets = said.octets
    octets.take(4)
    return said.slice(octets.number(2), octets.number(2))


def _status(status: int) -> str:
    return _STATUSES.get(status, f"status {status:#010x}")
