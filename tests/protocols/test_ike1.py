"""IKE of the first version: our client proposes, our server chooses or refuses."""

import pytest
from hypothesis import given, settings
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.spoken import talked

from portwright.protocols import ike
from portwright.protocols.conversation import Misspoken, send, some
from portwright.protocols.ike1 import SHARED_KEY, Suite, client, server

OLD = Suite(5, 0, 2, 2, SHARED_KEY)  # what Windows of long ago takes
UNUSUAL = Suite(7, 192, 6, 20, SHARED_KEY)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize(
    ("offers", "says"),
    [
        ([OLD], "IKEv1: 3DES, SHA-1, group 2 chosen"),
        ([Suite(7, 128, 2, 2, SHARED_KEY), OLD], "IKEv1: AES-128, SHA-1, group 2 chosen"),
        ([UNUSUAL], "IKEv1: refused, no proposal chosen"),
    ],
)
def test_a_responder_chooses_or_refuses(offers, says, marked):
    """Either shows that it lives; on UDP 500, and marked on UDP 4500."""
    assert talked(client(marked=marked), server(offers, marked=marked), datagrams=True) == says


def test_a_proposal_is_laid_out_as_the_standard_says():
    """RFC 2408, 3.1 and 3.4 to 3.6; RFC 2409, appendix A."""
    asked = []
    talked(recorded(client(), asked), server(), datagrams=True)
    message = asked[0]
    assert message[8:24] == bytes(8) + bytes.fromhex("01 10 02 00  00 00 00 00")
    assert int.from_bytes(message[24:28], "big") == len(message)
    assert message[32:48] == bytes.fromhex("00 00 00 01 00 00 00 01") + bytes.fromhex("00 00 01 20 01 01 00 08")
    first = (
        "03 00 00 24 01 01 00 00  80 01 00 07 80 02 00 04 80 03 00 03 80 04 00 0e 80 0b 00 01 80 0c 70 80 80 0e 01 00"
    )
    assert message[48:84] == bytes.fromhex(first)


def test_the_versions_leave_each_other_alone():
    """A responder of one does not answer the other."""
    asked = []
    talked(recorded(client(), asked), server(), datagrams=True)
    talked(recorded(ike.client(), asked), ike.server(), datagrams=True)
    assert hears(recorded(ike.server(), (said := [])), [asked[0]], datagrams=True) is None
    assert hears(recorded(server(), said), [asked[1]], datagrams=True) is None
    assert said == []


def test_a_choice_of_what_was_not_proposed_is_none():
    """Nor is our own proposal, come back."""

    def echo():
        yield from send((yield from some()))

    with pytest.raises(Misspoken):
        talked(client(), echo(), datagrams=True)


def messages(*, asks):
    said = []
    mine, other = client(), server()
    talked(recorded(mine, said) if asks else mine, other if asks else recorded(other, said), datagrams=True)
    return said


@settings(max_examples=300, deadline=None)
@given(broken(messages(asks=False)), broken(messages(asks=True)))
def test_any_datagrams_end_well(said, asked):
    """At both sides; lengths are made true, so that what is inside is read, too."""
    assert hears(server(), [_long(one) for one in asked], datagrams=True) is None
    hears(client(), said, datagrams=True, fitted=lambda sent, one: _long(sent[:8] + one[8:]))


def _long(message):
    return message[:24] + len(message).to_bytes(4, "big") + message[28:] if len(message) >= 28 else message
