"""Conversations over sockets: what they yield (`protocols.conversation`) is done here, by asyncio."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from portwright.protocols.conversation import (
    Act,
    Ask,
    EndOfStream,
    Misspoken,
    Secure,
    Send,
    Take,
    TakeSome,
    TakeUntil,
    Talk,
)

T = TypeVar("T")
Answer = Callable[[Any], Awaitable[object]]  # the application behind a server
_CHUNK = 1 << 16  # bytes taken at once where it does not matter how many
_LONGEST_DATAGRAM = 1 << 16
_CLOSING = 1.0  # seconds for the other side to close too: under TLS one waits for the other's farewell


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS needs."""

    context: ssl.SSLContext
    name: str = ""  # of the server, for a client


class TlsEngine:
    """One side of TLS for protocols that carry its handshake in messages of their own, as TDS does.

    Version 1.2 at most, since later ones go on when the handshake is over. Raises ValueError for another context.
    """

    def __init__(self, tls: Tls, *, serves: bool) -> None:
        if tls.context.maximum_version != ssl.TLSVersion.TLSv1_2:
            raise ValueError("TLS in messages of another protocol is of version 1.2")
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = tls.name or None
        self._tls = tls.context.wrap_bio(self._incoming, self._outgoing, serves, None if serves else name)

    def handshake(self, received: bytes) -> tuple[bytes, bool]:
        """What to send next, and whether the handshake has ended. Raises Misspoken where the two do not agree."""
        self._incoming.write(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return self._outgoing.read(), False
        except ssl.SSLError as problem:
            raise Misspoken(f"TLS: {problem.reason}") from None
        return self._outgoing.read(), True

    def seal(self, data: bytes) -> bytes:
        """The data in records."""
        self._tls.write(data)
        return self._outgoing.read()

    def open(self, records: bytes) -> bytes:
        """The data in records, as far as they are whole. Raises Misspoken, EndOfStream."""
        self._incoming.write(records)
        found = bytearray()
        try:
            while data := self._tls.read(_CHUNK):
                found += data
        except ssl.SSLWantReadError:
            return bytes(found)
        except ssl.SSLError as problem:
            raise Misspoken(f"TLS: {problem.reason}") from None
        raise EndOfStream("the other side ends TLS")


class Stream:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: Tls | None = None) -> None:
        self._reader, self._writer, self._tls = reader, writer, tls

    async def run(self, talk: Talk[T], answer: Answer | None = None) -> T:
        """Run a conversation to its end. Raises what it raises, and OSError where the connection breaks."""
        return await _run(talk, self._do, answer)

    async def _do(self, act: Act) -> bytes | None:
        match act:
            case Send(data):
                self._writer.write(data)
                await self._writer.drain()
            case Take(count):
                return await self._reader.readexactly(count)
            case TakeSome():
                return await self._reader.read(_CHUNK)
            case TakeUntil(mark, most):
                found = await self._reader.readuntil(mark)
                if len(found) > most:
                    raise Misspoken(f"more than {most} bytes before {mark!r}")
                return found
            case Secure():
                if self._tls is None:
                    raise Misspoken("there is no certificate for TLS here")
                if self._reader._buffer:  # type: ignore[attr-defined]  # it would count as said under TLS (CVE-2011-0411)
                    raise Misspoken("the other side goes on in the clear where TLS begins")
                await self._writer.start_tls(self._tls.context, server_hostname=self._tls.name or None)
        return None

    async def secure(self) -> None:
        """Go on under TLS: a client's side checks the name. Raises OSError where the two do not agree."""
        await self._do(Secure())

    async def close(self) -> None:
        """End the connection; the other side sees its end, and is not waited for where it does not care."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), _CLOSING)
        except TimeoutError:
            self._writer.transport.abort()
        except (OSError, ssl.SSLError):
            pass  # it is gone already


class Datagrams:
    """A connected UDP socket: a client's side."""

    def __init__(self, made: socket.socket) -> None:
        self._socket = made

    async def run(self, talk: Talk[T], answer: Answer | None = None) -> T:
        """Run a conversation to its end."""
        return await _run(talk, self._do, answer)

    async def _do(self, act: Act) -> bytes | None:
        loop = asyncio.get_running_loop()
        match act:
            case Send(data):
                await loop.sock_sendall(self._socket, data)
            case TakeSome():
                return await loop.sock_recv(self._socket, _LONGEST_DATAGRAM)
            case _:
                raise TypeError(f"datagrams know no {act}")
        return None

    async def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Datagram:
    """A server's side for one datagram that came: the first to take, and the way back to who sent it."""

    def __init__(self, data: bytes, reply: Callable[[bytes], None]) -> None:
        self._waiting, self._reply = [data], reply

    async def run(self, talk: Talk[T], answer: Answer | None = None) -> T:
        """Run a conversation to its end."""
        return await _run(talk, self._do, answer)

    async def _do(self, act: Act) -> bytes | None:
        match act:
            case Send(data):
                self._reply(data)
            case TakeSome():
                return self._waiting.pop() if self._waiting else b""
            case _:
                raise TypeError(f"datagrams know no {act}")
        return None


async def _run(talk: Talk[T], do: Callable[[Act], Awaitable[bytes | None]], answer: Answer | None) -> T:
    """Do what a conversation yields, and send it what came of it."""
    try:
        act = next(talk)
        while True:
            try:
                came = await _done(act, do, answer)
            except asyncio.IncompleteReadError as end:
                act = talk.throw(EndOfStream(f"the other side ended after {len(end.partial)} bytes"))
            except asyncio.LimitOverrunError:
                act = talk.throw(Misspoken("a line or head is too long"))
            except Misspoken as problem:
                act = talk.throw(problem)
            else:
                act = talk.send(came)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        talk.close()


async def _done(act: Act, do: Callable[[Act], Awaitable[bytes | None]], answer: Answer | None) -> object:
    if not isinstance(act, Ask):
        return await do(act)
    if answer is None:
        raise TypeError("nobody stands behind this conversation")
    return await answer(act.question)


async def dialed(made: socket.socket, address: str, port: int, tls: Tls | None = None) -> Stream:
    """A connection from a bound socket that does not block. Raises OSError."""
    await asyncio.get_running_loop().sock_connect(made, (address, port))
    return Stream(*await asyncio.open_connection(sock=made), tls)


async def pause(seconds: float) -> None:
    """Let the others go on meanwhile."""
    await asyncio.sleep(seconds)


Connected = Callable[[Stream], Awaitable[None]]


async def listening(made: socket.socket, connected: Connected, tls: Tls | None = None) -> asyncio.Server:
    """Serve every connection to a bound socket."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(reader, writer, tls)
        try:
            await connected(stream)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client is gone, or the rehearsal is over; what it had to say it said
        finally:
            await stream.close()

    return await asyncio.start_server(one, sock=made)


Came = Callable[[Datagram], Awaitable[None]]


async def receiving(made: socket.socket, came: Came) -> asyncio.DatagramTransport:
    """Serve every datagram to a bound socket, each as a conversation of its own."""

    class Receiver(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.running: set[asyncio.Task[None]] = set()

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            task = asyncio.ensure_future(came(Datagram(data, lambda reply: self.transport.sendto(reply, addr))))  # type: ignore[attr-defined]
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Receiver, sock=made)
    return transport
