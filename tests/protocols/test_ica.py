"""Citrix: greetings are heard, and nothing else is taken for them."""

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.spoken import talked

from portwright.protocols import ica
from portwright.protocols.conversation import Misspoken, send

GREETINGS = [
    (ica.client, ica.server, "ICA: the server greets", "7f 7f 49 43 41 00"),
    (ica.gateway_client, ica.gateway_server, "CGP: the server greets", "1a 43 47 50 2f 30 31"),
]


@pytest.mark.parametrize(("client", "server", "says", "octets"), GREETINGS)
def test_a_server_greets(client, server, says, octets):
    """With the octets that recorded sessions begin with."""
    said = []
    assert talked(client(), recorded(server(), said)) == says
    assert said == [bytes.fromhex(octets)]


@pytest.mark.parametrize(("client", "server", "says", "octets"), GREETINGS)
def test_another_greeting_is_none(client, server, says, octets):
    """Somebody else may sit on the port."""

    def other():
        yield from send(b"SSH-2.0-OpenSSH_9.2\r\n")

    with pytest.raises(Misspoken, match="no greeting of Citrix"):
        talked(client(), other())


@settings(max_examples=50, deadline=None)
@given(broken([b"\x7f\x7fICA\0"]), broken([b"\x1aCGP/01"]))
def test_any_streams_end_well(icas, gateways):
    """At both sides."""
    for talk, messages in ((ica.client, icas), (ica.server, icas), (ica.gateway_client, gateways)):
        hears(talk(), messages)
    hears(ica.gateway_server(), gateways)
