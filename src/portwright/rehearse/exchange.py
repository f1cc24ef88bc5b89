"""One exchange: a client asks from its host, a server on another answers with what it was asked.

A stand-in of the simplest kind for any service of TCP or UDP: what arrives goes back. ICMP is answered by the kernel.
"""

import asyncio
import contextlib
import os
import socket
import struct
from typing import Protocol, cast

from portwright.packets.fields import ICMP, TCP, UDP
from portwright.rehearse.evidence import Exchange, Tried

PATIENCE = 3.0  # seconds that a client waits for an answer
_NONCE = 16  # bytes
_MOST = 2048  # bytes of an answer
_ECHO = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1
_RAW_PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


class Sockets(Protocol):
    """Whoever makes sockets in the hosts of a lab."""

    def socket(self, node: str, version: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of a node that does not block."""


class Servers:
    """Answers on every address, transport and port that is asked for; each is opened once."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._open: dict[tuple[str, str, int, int], asyncio.AbstractServer | asyncio.DatagramTransport] = {}

    async def answer(self, exchange: Exchange) -> None:
        """Answer what this exchange asks. Raises OSError where the port cannot be had."""
        key = (exchange.destination, exchange.destination_address, exchange.protocol, exchange.port)
        if key in self._open or exchange.protocol not in (TCP, UDP):
            return
        kind = socket.SOCK_STREAM if exchange.protocol == TCP else socket.SOCK_DGRAM
        made = self._sockets.socket(exchange.destination, exchange.version, kind)
        made.bind((exchange.destination_address, exchange.port))  # the answer comes from the address that was asked
        if kind == socket.SOCK_STREAM:
            made.listen(128)
            self._open[key] = await asyncio.start_server(_echo, sock=made)
        else:
            loop = asyncio.get_running_loop()
            self._open[key], _ = await loop.create_datagram_endpoint(_Mirror, sock=made)

    def close(self) -> None:
        """Stop answering."""
        for server in self._open.values():
            server.close()
        self._open.clear()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.write(await reader.read(_MOST))
        await writer.drain()
    writer.close()


class _Mirror(asyncio.DatagramProtocol):
    """Sends every datagram back."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


async def attempt(exchange: Exchange, sockets: Sockets, patience: float = PATIENCE) -> Tried:
    """Ask once, and say what came of it."""
    kind = {TCP: socket.SOCK_STREAM, UDP: socket.SOCK_DGRAM, ICMP: socket.SOCK_RAW}[exchange.protocol]
    protocol = _RAW_PROTOCOL[exchange.version] if exchange.protocol == ICMP else 0
    made = sockets.socket(exchange.source, exchange.version, kind, protocol)
    try:
        made.bind((exchange.source_address, exchange.source_port))
        if exchange.protocol != TCP:  # at once: until then it takes what comes for a server on the same port
            made.connect((exchange.destination_address, exchange.port))
        ask = _ping if exchange.protocol == ICMP else _ask
        number = os.getpid() & 0xFFFF if exchange.protocol == ICMP else made.getsockname()[1]
        try:
            done = await asyncio.wait_for(ask(made, exchange), patience)
        except TimeoutError:
            return Tried(exchange, "silent", number)
        except ConnectionRefusedError:
            return Tried(exchange, "refused", number)
        except OSError:
            return Tried(exchange, "unreachable", number)
        return Tried(exchange, "answered" if done else "refused", number)
    finally:
        made.close()


async def _ask(made: socket.socket, exchange: Exchange) -> bool:
    loop, nonce = asyncio.get_running_loop(), os.urandom(_NONCE)
    if exchange.protocol == TCP:
        await loop.sock_connect(made, (exchange.destination_address, exchange.port))
    await loop.sock_sendall(made, nonce)
    return await loop.sock_recv(made, _MOST) == nonce


async def _ping(made: socket.socket, exchange: Exchange) -> bool:
    """An echo request, until its own reply comes."""
    loop, nonce = asyncio.get_running_loop(), os.urandom(_NONCE)
    await loop.sock_sendall(made, _with_checksum(struct.pack("!BBHHH", _ECHO[exchange.version], 0, 0, 0, 1) + nonce))
    while True:
        if (await loop.sock_recv(made, _MOST)).endswith(nonce):
            return True


def _with_checksum(message: bytes) -> bytes:
    """The message with its Internet checksum (RFC 1071) in the place for it; the kernel does it again for ICMPv6."""
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]
