"""What the kernel says of packets belongs to the packet that was meant."""

import struct

import pytest

from portwright.packets.fields import TCP
from portwright.rehearse.evidence import Exchange
from portwright.rehearse.watching.deciders import Traced
from portwright.rehearse.watching.tracing import Run

_FROM, _TO, _PORT = "192.0.2.1", "192.0.2.2", 443
_EXCHANGE = Exchange("client", _FROM, "server", _TO, 4, TCP, _PORT)
_FIXED = Exchange("client", _FROM, "server", _TO, 4, TCP, _PORT, source_port=500)


def _syn(sequence, source_port=40_000):
    """A first packet of the connection that the client opens to the server."""
    network = bytes([0x45, *bytes(8), TCP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2])
    transport = struct.pack("!HHI", source_port, _PORT, sequence) + bytes(12)
    return Run("inet", "filter", "forward", None, True, (), network, transport)


class _Socket:
    """Where the kernel has told of some packets."""

    has_lost = False

    def __init__(self):
        self.told = []

    def runs(self, _seconds):
        told, self.told = self.told, []
        yield from told


@pytest.fixture
def kernel():
    return _Socket()


@pytest.fixture
def traced(kernel):
    return Traced(network=None, rules={}, _sockets={"fw": kernel})


def _identity(sequence):
    return struct.pack("!I", sequence)


def test_the_first_packet_of_a_connection_counts(traced, kernel):
    kernel.told = [_syn(1), _syn(2)]
    traced.read()
    assert traced.identity(_EXCHANGE, 40_000) == _identity(1)


def test_a_port_that_is_used_again_is_another_connection(traced, kernel):
    kernel.told = [_syn(1)]
    traced.forget()
    kernel.told = [_syn(2)]
    traced.read()
    assert traced.identity(_EXCHANGE, 40_000) == _identity(2)


def test_what_comes_from_a_fixed_port_stays(traced, kernel):
    kernel.told = [_syn(1), _syn(3, source_port=500)]
    traced.forget(but_from={500})
    assert (traced.identity(_EXCHANGE, 40_000), traced.identity(_FIXED, 500)) == (None, _identity(3))
