"""One exchange of a flow: the client's side of what its service speaks, from its host, within a deadline.

For protocols without ports nobody speaks anything: a packet with a plausible header goes there, and one comes back.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable

from portwright.packets.fields import TCP
from portwright.packets.names import PROTOCOLS
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.rehearse.evidence import Exchange, Tried
from portwright.rehearse.hosts.host import CONNECTING, Hosts, Target, Unanswered
from portwright.rehearse.netns import Network

Stopped = Callable[[], bool]  # whether the kernel has said that a rule stopped a packet
_LOOKING = 0.1  # seconds between two looks at what the kernel says
_NONCE = 16  # bytes
_MOST = 2048  # bytes of an answer
_ECHO = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1
_REPLY = {4: 0, 6: 129}  # the same
_QUESTION, _ANSWER = b"portwright?", b"portwright!"  # so that nobody answers an answer
_EXPERIMENT = 253  # RFC 3692, 2.1; of IPv6 connection tracking looks behind AH, and takes no packet with nothing there
_RAW_PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


async def attempt(target: Target, hosts: Hosts, patience: float = CONNECTING) -> Tried:
    """Ask a service once, and say what came of it."""
    exchange = target.exchange
    try:
        wire, port = await hosts.connect(target)
    except Unanswered as problem:
        return Tried(exchange, problem.outcome, problem.source_port, problem.said)
    try:
        speech = hosts.speech(exchange.destination, target.service)
        talk = speech.handshake(hosts[exchange.source], target)
        async with asyncio.timeout(patience):
            return Tried(exchange, "answered", port, await wire.run(talk))
    except TimeoutError:
        return Tried(exchange, "silent", port)
    except ConnectionRefusedError:
        return Tried(exchange, "refused", port)
    except Refused as no:
        return Tried(exchange, "answered", port, str(no))  # somebody is there, who understood
    except (Misspoken, EndOfStream) as problem:
        return Tried(exchange, "misspoken", port, str(problem))
    except OSError as problem:
        return Tried(exchange, "unreachable", port, problem.strerror or type(problem).__name__)
    finally:
        await wire.close()


async def ping(exchange: Exchange, network: Network, patience: float = CONNECTING) -> Tried:
    """Ask for an ICMP echo once."""
    number = os.getpid() & 0xFFFF
    made = network.socket(exchange.source, exchange.version, socket.SOCK_RAW, _RAW_PROTOCOL[exchange.version])
    try:
        made.bind((exchange.source_address, 0))
        made.connect((exchange.to[0], 0))
        async with asyncio.timeout(patience):
            await _echoed(made, exchange)
    except TimeoutError:
        return Tried(exchange, "silent", number)
    except OSError:
        return Tried(exchange, "unreachable", number)
    finally:
        made.close()
    return Tried(exchange, "answered", number, "an echo")


async def _echoed(made: socket.socket, exchange: Exchange) -> None:
    """Send an echo request, and wait until its own reply comes."""
    loop, nonce = asyncio.get_running_loop(), os.urandom(_NONCE)
    sequence = int.from_bytes(os.urandom(2))  # by which the kernel's trace tells one from the other
    request = struct.pack("!BBHHH", _ECHO[exchange.version], 0, 0, os.getpid() & 0xFFFF, sequence)
    await loop.sock_sendall(made, _with_checksum(request + nonce))
    while not _is_reply(await loop.sock_recv(made, _MOST), exchange.version, nonce):
        pass


def _is_reply(packet: bytes, version: int, nonce: bytes) -> bool:
    """Report whether this is the echo itself, and no error that quotes the request; IPv4 has its header before it."""
    message = packet[(packet[0] & 0xF) * 4 :] if version == 4 else packet
    return message[:1] == bytes([_REPLY[version]]) and message.endswith(nonce)


async def raw(exchange: Exchange, network: Network, is_stopped: Stopped, patience: float = CONNECTING) -> Tried:
    """Send a packet of a protocol without ports once, and wait for what answers it, unless a rule has stopped it."""
    made = network.socket(exchange.source, exchange.version, socket.SOCK_RAW, exchange.protocol)
    try:
        made.bind((exchange.source_address, 0))
        made.connect((exchange.to[0], 0))
        async with asyncio.timeout(patience):
            await _returned_or_stopped(made, exchange.protocol, is_stopped)
    except TimeoutError:
        return Tried(exchange, "silent", 0)
    except OSError:
        return Tried(exchange, "unreachable", 0)
    finally:
        made.close()
    return Tried(exchange, "answered", 0, "a packet came back")


async def _returned_or_stopped(made: socket.socket, protocol: int, is_stopped: Stopped) -> None:
    """Raises TimeoutError as soon as a rule is known to have stopped the packet: nobody sends it again."""
    returned = asyncio.ensure_future(_returned(made, protocol))
    try:
        while not (await asyncio.wait({returned}, timeout=_LOOKING))[0]:
            if is_stopped():
                raise TimeoutError
        await returned
    finally:
        returned.cancel()
        await asyncio.wait({returned})  # before its socket is closed: the event loop must have forgotten it


async def _returned(made: socket.socket, protocol: int) -> None:
    loop, nonce = asyncio.get_running_loop(), os.urandom(_NONCE)
    await loop.sock_sendall(made, _header(protocol) + _QUESTION + nonce)
    while not (await loop.sock_recv(made, _MOST)).endswith(_ANSWER + nonce):
        pass


async def answer_raw(made: socket.socket, protocol: int) -> None:
    """Answer every such packet that comes to a socket, until it is closed."""
    loop = asyncio.get_running_loop()
    while True:
        packet, client = await loop.sock_recvfrom(made, _MOST)
        _, question, nonce = packet.rpartition(_QUESTION)
        if question and len(nonce) == _NONCE:
            await loop.sock_sendto(made, _header(protocol) + _ANSWER + nonce, client)


def _header(protocol: int) -> bytes:
    """What stands before the payload: an index of security parameters and a number, as if there were such."""
    if protocol == PROTOCOLS["esp"]:  # RFC 4303, 2
        return os.urandom(8)
    if protocol == PROTOCOLS["ah"]:  # RFC 4302, 2: 12 bytes of an integrity check value, so 24 bytes, less 2 words
        return struct.pack("!BBH", _EXPERIMENT, 4, 0) + os.urandom(20)
    if protocol == PROTOCOLS["gre"]:  # RFC 2784, 2.1: no options, version 0, IPv4; other bits the kernel would read
        return struct.pack("!HH", 0, 0x0800) + os.urandom(4)
    return os.urandom(8)


def knock(exchange: Exchange, network: Network) -> socket.socket:
    """Send the first packet of an exchange and wait for nothing; the socket from which it went."""
    kind = socket.SOCK_STREAM if exchange.protocol == TCP else socket.SOCK_DGRAM
    made = network.socket(exchange.source, exchange.version, kind)
    network.bind(made, exchange.source, exchange.source_address)
    made.connect_ex(exchange.to)
    if exchange.protocol != TCP:
        with contextlib.suppress(OSError):  # a rule of its own host stops it, or there is no way
            made.send(os.urandom(_NONCE))  # the kernel's trace tells packets apart by what they say
    return made


def _with_checksum(message: bytes) -> bytes:
    """The message with its Internet checksum (RFC 1071) in the place for it; the kernel does it again for ICMPv6."""
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]
