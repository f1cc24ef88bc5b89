"""Conversations are driven alike, whatever carries them."""

import asyncio
import socket

import pytest
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import EndOfStream, Misspoken, ask, send, some, take, until
from portwright.rehearse.hosts.wire import Datagrams, dialed


def client(word):
    """Ask by a line; the answer has its length before it."""
    yield from send(word + b"\n")
    return (yield from take((yield from take(1))[0]))


def server():
    """Answer one line with what the application says."""
    answer = yield from ask((yield from until(b"\n", 32)).strip())
    yield from send(bytes([len(answer)]) + answer)


def shout(word):
    return word.upper()


async def over_tcp(port, talk):
    made = socket.socket()
    made.setblocking(False)
    stream = await dialed(made, HOME, port)
    try:
        return await asyncio.wait_for(stream.run(talk), 5)
    finally:
        await stream.close()


def test_two_sides_talk_without_sockets_and_over_them():
    """The same generators, the same result."""
    assert talked(client(b"hello"), server(), shout) == b"HELLO"
    with served(server, shout) as port:
        assert asyncio.run(over_tcp(port, client(b"hello"))) == b"HELLO"


def test_an_early_end_and_a_line_without_end_are_told_to_the_side_that_waits():
    """As exceptions, at the place where it waits."""

    def short():
        yield from until(b"\n", 32)
        yield from send(b"\x09abc")

    with served(short) as port, pytest.raises(EndOfStream):
        asyncio.run(over_tcp(port, client(b"hello")))
    with pytest.raises(Misspoken):
        talked(client(b"x" * 99), server(), shout)


def test_datagrams_are_taken_one_by_one():
    """Each is a conversation of the server's."""

    def echo():
        yield from send(b"got " + (yield from some()))

    def sender():
        yield from send(b"one")
        first = yield from some()
        yield from send(b"two")
        return first, (yield from some())

    async def over_udp(port):
        made = socket.socket(type=socket.SOCK_DGRAM)
        made.setblocking(False)
        made.connect((HOME, port))
        wire = Datagrams(made)
        try:
            return await asyncio.wait_for(wire.run(sender()), 5)
        finally:
            await wire.close()

    with served(echo, datagrams=True) as port:
        assert asyncio.run(over_udp(port)) == (b"got one", b"got two")
