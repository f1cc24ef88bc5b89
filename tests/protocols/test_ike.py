"""IKEv2: our client proposes, our server chooses or refuses."""

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, send, some
from portwright.protocols.ike import (
    AES_128,
    AES_256,
    HMAC_SHA_256,
    MODP_2048,
    P_256,
    SHA_256,
    Transform,
    client,
    server,
)

FIREWALL = (AES_128, SHA_256, HMAC_SHA_256, MODP_2048)


class OneByOne:
    """A responder whose every datagram is a conversation of its own, as it is on a network."""

    def __init__(self, make):
        self.make, self.heard = make, []

    def __iter__(self):
        while asked := (yield from some()):
            talk = self.make()
            self.heard.append(asked)
            next(talk)
            try:
                act = talk.send(asked)
            except StopIteration:
                continue
            yield act


def told(offers=FIREWALL, secret=b"", *, marked=False):
    def conversation():
        yield from responder

    responder = OneByOne(lambda: server(offers, secret, marked=marked))
    return talked(client(marked=marked), conversation(), datagrams=True), responder.heard


@pytest.mark.parametrize("marked", [False, True])
def test_a_responder_chooses_among_what_is_proposed(marked):
    """On UDP 500, and marked on UDP 4500."""
    said, heard = told(marked=marked)
    assert said == "IKEv2: AES-128, group 14 chosen"
    assert heard[0].startswith(bytes(4)) is marked


@pytest.mark.parametrize(
    ("offers", "says"),
    [
        ((Transform(1, 20, 256), SHA_256, MODP_2048), "IKEv2: refused, no proposal chosen"),  # AES-GCM alone
        ((AES_256, SHA_256, HMAC_SHA_256, P_256), "IKEv2: refused, another group wanted"),
    ],
)
def test_a_refusal_is_an_answer(offers, says):
    """Only a responder of IKE gives it."""
    assert told(offers)[0] == says


def test_a_cookie_is_returned():
    """RFC 7296, 2.6: the same request, the cookie before all else."""
    said, heard = told(secret=b"known to the responder")
    assert said == "IKEv2: AES-128, group 14 chosen"
    assert len(heard) == 2
    assert heard[1][16] == 41  # the first payload is a notification


def test_a_request_is_laid_out_as_the_standard_says():
    """RFC 7296, 3.1 and 3.3."""
    asked = told()[1][0]
    assert asked[8:24] == bytes(8) + bytes.fromhex("21 20 22 08  00 00 00 00")
    assert int.from_bytes(asked[24:28], "big") == len(asked)
    assert asked[28:48] == bytes.fromhex("22 00 00 5c  00 00 00 58 01 01 00 09  03 00 00 0c 01 00 00 0c")


@pytest.mark.parametrize("octet", [17, 19])  # the version, the flags
def test_another_message_is_no_answer(octet):
    """Such as our own, come back."""

    def other():
        asked = bytearray((yield from some()))
        asked[octet] = 0
        yield from send(bytes(asked))

    with pytest.raises(Misspoken):
        talked(client(), other(), datagrams=True)


def answers():
    said = []
    talked(client(), recorded(server(), said), datagrams=True)
    return said


def questions():
    said = []
    talked(recorded(client(), said), server(), datagrams=True)
    return said


@settings(max_examples=300, deadline=None)
@given(broken(answers()), broken(questions()))
def test_any_datagrams_end_well(said, asked):
    """At both sides; lengths are made true, so that what is inside is read, too."""
    assert hears(server(), [_long(one) for one in asked], datagrams=True) is None
    hears(client(), said, datagrams=True, fitted=lambda sent, one: _long(sent[:8] + one[8:]))


def _long(message):
    return message[:24] + len(message).to_bytes(4, "big") + message[28:] if len(message) >= 28 else message
