"""TLS within TDS ([MS-TDS] 2.2.6.5, 3.2.5.1): its handshake travels in PRELOGIN packets, then all in records."""

from typing import Protocol

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, some
from portwright.protocols.tds.packet import Kind, message, packed
from portwright.protocols.within import Within

_MOST_FLIGHTS = 8  # of a handshake
_MOST = 1 << 17  # bytes of a flight: certificates are the most of it


class Engine(Protocol):
    """One side of TLS, without a connection; version 1.2 at most, as SQL Server speaks it within TDS."""

    def handshake(self, received: bytes) -> tuple[bytes, bool]:
        """What to send next, and whether the handshake has ended. Raises Misspoken where the two do not agree."""

    def seal(self, data: bytes) -> bytes:
        """The data in records."""

    def open(self, records: bytes) -> bytes:
        """The data in records, as far as they are whole. Raises Misspoken, EndOfStream."""


class Tunnel(Within):
    """Conversations within the records of TLS."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def seal(self, data: bytes) -> bytes:
        """The data in records."""
        return self._engine.seal(data)

    def more(self) -> Talk[bytes]:
        """What the next records hold. Raises EndOfStream, Misspoken."""
        records = yield from some()
        if not records:
            raise EndOfStream("the other side ends within TLS")
        return self._engine.open(records)


def initiate(engine: Engine) -> Talk[Tunnel]:
    """The client's side of the handshake. Raises Misspoken where the two do not agree."""
    flight, done = engine.handshake(b"")
    for _ in range(_MOST_FLIGHTS):
        if flight:
            yield from send(packed(Kind.PRELOGIN, flight))
        if done:
            return Tunnel(engine)
        flight, done = engine.handshake((yield from _flight()))
    raise Misspoken("the handshake of TLS has no end")


def accept(engine: Engine) -> Talk[Tunnel]:
    """The server's side. Raises Misspoken where the two do not agree."""
    for _ in range(_MOST_FLIGHTS):
        flight, done = engine.handshake((yield from _flight()))
        if flight:
            yield from send(packed(Kind.PRELOGIN, flight))
        if done:
            return Tunnel(engine)
    raise Misspoken("the handshake of TLS has no end")


def _flight() -> Talk[bytes]:
    came = yield from message(_MOST)
    if came.kind != Kind.PRELOGIN:
        raise Misspoken("the handshake of TLS travels in PRELOGIN packets")
    return came.data
