"""Whatever comes over the wire, a KDC answers and a client ends in order."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, WEB, clock
from tests.protocols.spoken import talked

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send, take
from portwright.protocols.kerberos import Principal, kdc, probe, sign_in, ticket_for
from portwright.protocols.kerberos.client import proved, salted
from portwright.protocols.kerberos.crypto import random_key
from portwright.protocols.kerberos.messages import ERROR, KrbError, application
from portwright.protocols.kerberos.sealed import ENC_AS_REPLY, Authenticator, ReplyPart, ServicePart, TicketPart
from portwright.protocols.kerberos.status import reason

KEY = REALM.keys("alice")[0]
TGT = talked(sign_in(ALICE, "rose garden", NOW), kdc.server(REALM, clock))
TALKS = {
    "probe": lambda: probe(NAME),
    "salted": lambda: salted(ALICE),
    "proved": lambda: proved(ALICE, KEY, NOW),
    "ticket": lambda: ticket_for(TGT, Principal.of(WEB, NAME), NOW),
}
ASKED = {name: next(talk()).data[4:] for name, talk in TALKS.items()}
SAID = {name: kdc.answer(REALM, asked, NOW) for name, asked in ASKED.items()}


def damaged(messages):
    """True messages, cut short or with an octet changed; and any octets."""

    def cut(message):
        return st.integers(0, len(message) - 1).map(lambda end: message[:end])

    def changed(message):
        def change(at, octet):
            return message[:at] + bytes([message[at] ^ octet]) + message[at + 1 :]

        return st.builds(change, st.integers(0, len(message) - 1), st.integers(1, 255))

    true = st.sampled_from(list(messages.values()))
    return st.binary(max_size=60) | true | true.flatmap(cut) | true.flatmap(changed)


@given(damaged(ASKED))
def test_a_kdc_answers_whatever_it_is_asked(octets):
    """With a reply or an error, both well-formed."""
    answer = der.parse(kdc.answer(REALM, octets, NOW))
    if answer.tag == application(ERROR):
        assert KrbError.read(answer).server.realm == NAME


@given(damaged(SAID), st.sampled_from(list(TALKS)), st.integers(-8, 8))
def test_a_client_ends_in_order_whatever_it_is_told(octets, name, more):
    """Also where the length before the message is wrong."""
    said = send(max(0, len(octets) + more).to_bytes(4, "big") + octets)
    with contextlib.suppress(Misspoken, Refused, EndOfStream):
        talked(TALKS[name](), said)


PRINCIPAL_KEY = random_key()
INSIDE = {
    TicketPart.read: TicketPart(ALICE, PRINCIPAL_KEY, 1, NOW, NOW, NOW).encoded,
    ReplyPart.read: ReplyPart(PRINCIPAL_KEY, 7, 1, NOW, NOW, NOW, ALICE).encoded(ENC_AS_REPLY),
    Authenticator.read: Authenticator(ALICE, NOW, (16, bytes(12)), PRINCIPAL_KEY, 5).encoded,
    ServicePart.read: ServicePart(NOW, PRINCIPAL_KEY, 5).encoded,
}


@given(st.sampled_from(list(INSIDE)), damaged(INSIDE))
def test_what_was_sealed_is_read_or_misspoken(read, octets):
    """Who has a key may still seal nonsense with it."""
    with contextlib.suppress(Misspoken):
        read(der.parse(octets))


@given(damaged({18: bytes.fromhex("3015a103020103a20e040c340200c00000000001000000")}))
def test_the_data_of_an_error_never_breaks_it(octets):
    """It is told, or passed over."""
    assert isinstance(reason(octets), str)


def test_a_message_that_is_too_long_is_not_waited_for():
    """By the server, which says so, and the client."""

    def shout():
        yield from send(b"\xff\xff\xff\xff")
        return (yield from take(int.from_bytes((yield from take(4)), "big")))

    said = talked(shout(), kdc.server(REALM, clock))
    assert "KRB_ERR_FIELD_TOOLONG" in str(KrbError.read(der.parse(said)))
    for talk in TALKS.values():
        with pytest.raises(Misspoken, match="4294967295 octets"):
            talked(talk(), send(b"\xff\xff\xff\xff"))
