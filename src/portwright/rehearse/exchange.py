"""One exchange of a flow: the client's side of what its service speaks, from its host, within a deadline."""

import asyncio
import os
import socket
import struct

from portwright.packets.fields import TCP
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.rehearse.evidence import Exchange, Tried
from portwright.rehearse.hosts import CONNECTING, Hosts, Target, Unanswered
from portwright.rehearse.netns import Network

_NONCE = 16  # bytes
_MOST = 2048  # bytes of an answer
_ECHO = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1
_RAW_PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


async def attempt(target: Target, hosts: Hosts, patience: float = CONNECTING) -> Tried:
    """Ask a service once, and say what came of it."""
    exchange = target.exchange
    try:
        wire, port = await hosts.connect(target, patience)
    except Unanswered as problem:
        return Tried(exchange, problem.outcome, problem.source_port)
    try:
        speech = hosts.speech(exchange.destination, target.service)
        talk = speech.handshake(hosts[exchange.source], target)
        return Tried(exchange, "answered", port, await asyncio.wait_for(wire.run(talk), patience))
    except TimeoutError:
        return Tried(exchange, "silent", port)
    except ConnectionRefusedError:
        return Tried(exchange, "refused", port)
    except Refused as no:
        return Tried(exchange, "answered", port, str(no))  # somebody is there, who understood
    except (Misspoken, EndOfStream) as problem:
        return Tried(exchange, "misspoken", port, str(problem))
    except OSError:
        return Tried(exchange, "unreachable", port)
    finally:
        await wire.close()


async def ping(exchange: Exchange, network: Network, patience: float = CONNECTING) -> Tried:
    """Ask for an ICMP echo once."""
    number = os.getpid() & 0xFFFF
    made = network.socket(exchange.source, exchange.version, socket.SOCK_RAW, _RAW_PROTOCOL[exchange.version])
    try:
        made.bind((exchange.source_address, 0))
        made.connect((exchange.to[0], 0))
        await asyncio.wait_for(_echoed(made, exchange), patience)
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
    request = struct.pack("!BBHHH", _ECHO[exchange.version], 0, 0, os.getpid() & 0xFFFF, 1)
    await loop.sock_sendall(made, _with_checksum(request + nonce))
    while not (await loop.sock_recv(made, _MOST)).endswith(nonce):
        pass


def knock(exchange: Exchange, network: Network) -> socket.socket:
    """Send the first packet of an exchange and wait for nothing; the socket from which it went."""
    kind = socket.SOCK_STREAM if exchange.protocol == TCP else socket.SOCK_DGRAM
    made = network.socket(exchange.source, exchange.version, kind)
    made.bind((exchange.source_address, 0))
    made.connect_ex(exchange.to)
    if exchange.protocol != TCP:
        made.send(b"portwright")
    return made


def _with_checksum(message: bytes) -> bytes:
    """The message with its Internet checksum (RFC 1071) in the place for it; the kernel does it again for ICMPv6."""
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]
