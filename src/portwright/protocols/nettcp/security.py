"""A connection secured by negotiation ([MS-NNS]): tokens first, then whatever is said signed and encrypted."""

from typing import Protocol

from portwright.protocols.conversation import Misspoken, Refused, Talk, ask, send, take
from portwright.protocols.ntlm.response import SignIn
from portwright.protocols.spnego import Known
from portwright.protocols.within import Within

DONE, ERROR, IN_PROGRESS = 0x14, 0x15, 0x16  # 2.2.1, MessageId
_CHUNK = 0xFC00  # bytes of a message, 2.2.2: at most 64,512
_MOST_TOKENS = 8
_MOST = 1 << 20  # bytes of a frame that is taken


class Context(Protocol):
    """What both sides share once they know each other."""

    def wrap(self, data: bytes) -> bytes:
        """The data, signed and encrypted."""

    def unwrap(self, token: bytes) -> bytes:
        """The data that the other side wrapped. Raises Misspoken, or another ValueError."""


class Initiator(Protocol):
    """A client's security package, as `protocols.spnego` has it."""

    token: bytes

    @property
    def context(self) -> Context | None:
        """What is shared, at the end."""

    def step(self, answer: bytes) -> bytes:
        """What to say next; nothing where all is said."""


class Accepted(Protocol):
    """Who has been accepted."""

    @property
    def context(self) -> Context:
        """What is shared."""

    @property
    def client(self) -> object:
        """The client's principal, whose text is its name."""


class Acceptor(Protocol):
    """A service's security package, as `protocols.spnego` has it."""

    @property
    def accepted(self) -> Accepted | None:
        """Who has been accepted, at the end."""

    @property
    def asks(self) -> SignIn | None:
        """A sign-in by NTLM that the application has to check."""

    def checked(self, known: Known | None) -> bytes:
        """What to answer after that. Raises Refused."""

    def step(self, token: bytes) -> bytes:
        """What to answer, possibly nothing. Raises Refused, perhaps with a `reply` to send."""


def initiate(package: Initiator) -> Talk[Context]:
    """The context, by the client's side of the negotiation. Raises Refused, Misspoken."""
    token, says_done = package.token, False
    for _ in range(_MOST_TOKENS):
        yield from send(_handshake(DONE if says_done else IN_PROGRESS, token))
        kind, answer = yield from _token()
        token = package.step(answer) if answer else b""
        if kind == DONE:
            if package.context is None or token:
                raise Misspoken("the service has done, and the client has not")
            return package.context
        says_done = package.context is not None
    raise Misspoken("the negotiation has no end")


def accept(package: Acceptor) -> Talk[Accepted]:
    """Who the client is, by the service's side; the application is asked `SignIn` for the check of NTLM.

    Raises Refused, after the client has been told; Misspoken.
    """
    for _ in range(_MOST_TOKENS):
        _, token = yield from _token()
        try:
            answer = package.step(token)
            if package.asks is not None:
                answer = package.checked((yield from ask(package.asks)))
        except Refused:
            yield from send(_handshake(ERROR, _LOGON_DENIED))
            raise
        accepted = package.accepted
        yield from send(_handshake(DONE if accepted else IN_PROGRESS, answer))
        if accepted:
            return accepted
    raise Misspoken("the negotiation has no end")


_LOGON_DENIED = bytes(4) + bytes.fromhex("8009030c")  # 2.2.1: an HRESULT of SEC_E_LOGON_DENIED


def _handshake(kind: int, token: bytes) -> bytes:
    return bytes([kind, 1, 0]) + len(token).to_bytes(2, "big") + token


def _token() -> Talk[tuple[int, bytes]]:
    header = yield from take(5)
    token = yield from take(int.from_bytes(header[3:], "big"))
    if header[0] == ERROR:
        why = "logon denied" if token == _LOGON_DENIED else f"0x{token[-4:].hex()}"
        raise Refused(f"the other side refuses the negotiation: {why}")
    if header[0] not in (DONE, IN_PROGRESS) or header[1] != 1:
        raise Misspoken("this is no token of a negotiation")
    return header[0], token


class Secured(Within):
    """Conversations under a context: their bytes travel in frames (2.2.2)."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def seal(self, data: bytes) -> bytes:
        """The data in frames."""
        return b"".join(map(self._frame, _chunks(data)))

    def more(self) -> Talk[bytes]:
        """What the next frame holds. Raises EndOfStream, Misspoken."""
        size = int.from_bytes((yield from take(4)), "little")
        if not 0 < size <= _MOST:
            raise Misspoken(f"a frame has {size} bytes")
        wrapped = yield from take(size)
        try:
            return self._context.unwrap(wrapped)
        except ValueError as problem:
            raise Misspoken(f"a frame is not what the other side wrapped: {problem}") from None

    def _frame(self, data: bytes) -> bytes:
        wrapped = self._context.wrap(data)
        return len(wrapped).to_bytes(4, "little") + wrapped


def _chunks(data: bytes) -> list[bytes]:
    return [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
