r"""How a conversation is written: one side of a protocol as a generator, without sockets, clocks or TLS.

A conversation yields what it wants done and is sent what came of it, so that it reads from top to bottom:

    def greet() -> Talk[str]:
        yield from send(b"HELO me\r\n")
        return (yield from until(b"\n", 512)).decode("ascii")

Whoever drives it owns the connection, the deadline and the certificates: a probe, a rehearsal, or `spoken` in a test.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send this: over a stream in order, over datagrams as one of them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Take:
    """Wait for exactly that many bytes of the stream."""

    count: int  # 1 or more


@dataclass(frozen=True, slots=True)
class TakeSome:
    """Wait for what comes next: some bytes of a stream, or one datagram. Nothing: the other side has ended."""


@dataclass(frozen=True, slots=True)
class TakeUntil:
    """Wait for bytes up to and with a mark."""

    mark: bytes
    most: int  # bytes, the mark included; more are no such message


@dataclass(frozen=True, slots=True)
class Secure:
    """Go on under TLS, in the same role as before."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the application behind a server; what it answers is sent back."""

    question: object


Act = Send | Take | TakeSome | TakeUntil | Secure | Ask
Talk = Generator[Act, Any, T]  # what it returns is what came of the conversation


class EndOfStream(EOFError):
    """The other side ended where it still had to say something. The driver throws it into the conversation."""


class Misspoken(ValueError):
    """What the other side said is not what the protocol lets it say."""


class Refused(Exception):
    """The other side understood, and said no, in its own words."""


def send(data: bytes) -> Talk[None]:
    """Send this."""
    yield Send(data)


def take(count: int) -> Talk[bytes]:
    """Exactly that many bytes; none at once where the count is 0."""
    if not count:
        return b""
    data: bytes = yield Take(count)
    return data


def some() -> Talk[bytes]:
    """What comes next: some bytes, or one datagram; nothing where the other side has ended."""
    data: bytes = yield TakeSome()
    return data


def until(mark: bytes, most: int) -> Talk[bytes]:
    """The bytes up to and with the mark. The driver throws Misspoken where there are more than `most`."""
    data: bytes = yield TakeUntil(mark, most)
    return data


def secure() -> Talk[None]:
    """Go on under TLS."""
    yield Secure()


def ask(question: object) -> Talk[Any]:
    """What the application behind a server answers."""
    answer = yield Ask(question)
    return answer


def under_tls(talk: Talk[T]) -> Talk[T]:
    """The same conversation, under TLS from the start."""
    yield Secure()
    return (yield from talk)
