"""A client and a service establish a context by tokens of Kerberos, and speak under it."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, WEB, clock
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.kerberos import Denied, Flag, Principal, gss, kdc, sign_in, ticket_for
from portwright.protocols.kerberos.ap import shown
from portwright.protocols.kerberos.names import Usage
from portwright.protocols.kerberos.sealed import Authenticator

KEYS = REALM.keys(WEB)
USUAL = gss.USUAL


def ticket(service=WEB):
    tgt = talked(sign_in(ALICE, "rose garden", NOW), kdc.server(REALM, clock))
    return talked(ticket_for(tgt, Principal.of(service, NAME), NOW), kdc.server(REALM, clock))


TICKET = ticket()


def contexts(flags=USUAL):
    began = gss.initiate(TICKET, NOW, flags)
    accepted = gss.accept(began.token, KEYS, NOW)
    return began.finished(accepted.reply), accepted.context


@pytest.mark.parametrize("flags", [USUAL, Flag.SIGN], ids=["mutual", "one-sided"])
def test_a_service_learns_who_comes_and_both_can_speak(flags):
    """With and without mutual authentication."""
    began = gss.initiate(TICKET, NOW, flags)
    accepted = gss.accept(began.token, KEYS, NOW)
    assert (str(accepted.client), accepted.service.name, accepted.flags) == (f"alice@{NAME}", WEB, flags)
    assert bool(accepted.reply) == bool(flags & Flag.MUTUAL)
    client, server = began.finished(accepted.reply), accepted.context
    assert server.unwrap(client.wrap(b"question")) == b"question"
    assert client.unwrap(server.wrap(b"answer", seal=False)) == b"answer"
    client.check_mic(b"data", server.mic(b"data"))


@given(st.lists(st.tuples(st.binary(max_size=64), st.booleans(), st.booleans())))
def test_whatever_is_wrapped_comes_out(messages):
    """In both directions, sealed or signed."""
    client, server = contexts()
    for data, seal, back in messages:
        one, other = (server, client) if back else (client, server)
        token = one.wrap(data, seal=seal)
        assert (data in token) or seal
        assert other.unwrap(token) == data


@given(st.binary(max_size=40), st.booleans(), st.integers(0, 1000))
def test_a_turned_message_is_turned_back(data, seal, turned):
    """As Microsoft's side sends them: the end of the body first (RFC 4121, 4.2.5)."""
    client, server = contexts()
    token = client.wrap(data, seal=seal)
    head, body = token[:16], token[16:]
    cut = turned % len(body)
    sent = head[:6] + turned.to_bytes(2, "big") + head[8:] + body[len(body) - cut :] + body[: len(body) - cut]
    assert server.unwrap(sent) == data


@given(st.binary(min_size=1, max_size=40), st.booleans(), st.data())
def test_a_changed_message_is_noticed(data, seal, draw):
    """Whichever bit it is, but in the count that says how the body was turned."""
    client, server = contexts()
    token = bytearray(client.wrap(data, seal=seal))
    at = draw.draw(st.integers(0, len(token) - 1).filter(lambda at: at not in (6, 7)))
    token[at] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(Misspoken):
        server.unwrap(bytes(token))


def test_a_message_played_again_or_back_is_noticed():
    """By its number, and by who sent it."""
    client, server = contexts()
    token = client.wrap(b"pay")
    server.unwrap(token)
    with pytest.raises(Misspoken, match="again"):
        server.unwrap(token)
    with pytest.raises(Misspoken, match="comes back"):
        client.unwrap(token)


@pytest.mark.parametrize(
    ("keys", "now", "code"),
    [
        (REALM.keys("alice"), NOW, "KRB_AP_ERR_MODIFIED"),
        ((), NOW, "KRB_AP_ERR_NOKEY"),
        (KEYS, NOW + timedelta(minutes=6), "KRB_AP_ERR_SKEW"),
        (KEYS, NOW - timedelta(minutes=6), "KRB_AP_ERR_SKEW"),
    ],
    ids=["other-key", "no-key", "late", "early"],
)
def test_a_service_refuses_with_the_reason(keys, now, code):
    """By the standard's name."""
    with pytest.raises(Denied, match=code):
        gss.accept(gss.initiate(TICKET, NOW).token, keys, now)


def test_a_ticket_is_good_for_its_holder_in_its_time_with_what_gss_wants():
    """Neither for another name, nor before it begins, nor without the flags of GSS-API."""
    bob = dataclasses.replace(TICKET, client=Principal.of("Bob", NAME))
    with pytest.raises(Denied, match="BADMATCH"):
        gss.accept(gss.initiate(bob, NOW).token, KEYS, NOW)
    before = NOW - timedelta(hours=1)
    with pytest.raises(Denied, match="TKT_NYV"):
        gss.accept(gss.initiate(TICKET, before).token, KEYS, before)
    bare = shown(TICKET, Authenticator(ALICE, NOW), Usage.AP_AUTHENTICATOR).encoded
    with pytest.raises(Denied, match="INAPP_CKSUM"):
        gss.accept(gss.written_token(gss.AP_REQUEST_TOKEN, bare), KEYS, NOW)


def test_a_client_finds_out_a_service_without_the_key():
    """An answer to another client's request proves nothing."""
    began, other = gss.initiate(TICKET, NOW), gss.initiate(TICKET, NOW + timedelta(seconds=1))
    with pytest.raises(Misspoken, match="somebody else"):
        began.finished(gss.accept(other.token, KEYS, NOW).reply)
    with pytest.raises(Misspoken):
        began.finished(b"")


@given(st.binary(max_size=80) | st.integers(0, 500).map(lambda end: gss.initiate(TICKET, NOW).token[:end]))
def test_any_octets_are_refused_in_order(octets):
    """By both sides, and as a message under a context."""
    client, server = contexts()
    for take in (
        lambda: gss.accept(octets, KEYS, NOW),
        lambda: gss.initiate(TICKET, NOW).finished(octets),
        lambda: client.unwrap(octets),
        lambda: server.check_mic(b"", octets),
    ):
        with pytest.raises((Misspoken, Refused)):
            take()
