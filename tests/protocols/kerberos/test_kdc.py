"""Users sign in at the KDC and get tickets for services: by our client, and by Debian's."""

import dataclasses
import shutil
from datetime import timedelta
from functools import partial

import pytest
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, WEB, Programs, clock, present
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Refused, send, take
from portwright.protocols.kerberos import (
    Account,
    BadIntegrity,
    Denied,
    ErrorCode,
    Principal,
    kdc,
    probe,
    realm_of,
    sign_in,
    ticket_for,
)
from portwright.protocols.kerberos.ap import shown
from portwright.protocols.kerberos.client import proved, salted
from portwright.protocols.kerberos.crypto import AES256
from portwright.protocols.kerberos.messages import (
    AS_REPLY,
    ERROR,
    PA_ETYPE_INFO2,
    PA_TGS_REQUEST,
    KdcReply,
    KdcRequest,
    KrbError,
    application,
    encoded_pa_data,
)
from portwright.protocols.kerberos.names import NameType, Usage
from portwright.protocols.kerberos.sealed import Authenticator, ReplyPart

WIRES = pytest.mark.parametrize("datagrams", [False, True], ids=["tcp", "udp"])
DEBIAN = pytest.mark.skipif(not shutil.which("kinit"), reason="kinit is not installed (Debian: krb5-user)")


def asked(talk, *, datagrams=False):
    server = kdc.datagram_server if datagrams else kdc.server
    if not datagrams:
        return talked(talk, server(REALM, clock))
    return talked(talk, _datagrams(), datagrams=True)


def _datagrams():
    for _ in range(2):
        yield from kdc.datagram_server(REALM, clock)


def signed_in():
    return asked(sign_in(ALICE, "rose garden", NOW))


@WIRES
def test_a_user_signs_in_and_gets_a_ticket_for_a_service(datagrams):
    """The service's keys open it, for ten hours."""
    tgt = asked(sign_in(ALICE, "rose garden", NOW, datagrams=datagrams), datagrams=datagrams)
    web = asked(ticket_for(tgt, Principal.of(WEB, NAME), NOW, datagrams=datagrams), datagrams=datagrams)
    assert (str(tgt.service), str(web.service)) == (f"krbtgt/{NAME}@{NAME}", f"{WEB}@{NAME}")
    assert web.end == NOW.replace(microsecond=0) + timedelta(hours=10)
    assert (web.key.etype, web.ticket.sealed.etype) == (AES256, AES256)


def test_a_ticket_ends_with_the_sign_in_that_it_comes_of():
    """However late it was asked for."""
    tgt, later = signed_in(), NOW + timedelta(hours=3)
    web = talked(ticket_for(tgt, Principal.of(WEB, NAME), later), kdc.server(REALM, lambda: later))
    assert web.end == tgt.end


@WIRES
def test_a_kdc_is_known_by_its_refusal(datagrams):
    """Nobody has to know a password."""
    said = asked(probe(NAME, datagrams=datagrams), datagrams=datagrams)
    assert said == f"KDC_ERR_C_PRINCIPAL_UNKNOWN (6) of realm {NAME}"


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (lambda: sign_in(ALICE, "wrong", NOW), ErrorCode.KDC_ERR_PREAUTH_FAILED),
        (lambda: sign_in(ALICE, "rose garden", NOW + timedelta(minutes=6)), ErrorCode.KRB_AP_ERR_SKEW),
        (lambda: sign_in(Principal.of("mallory", NAME), "x", NOW), ErrorCode.KDC_ERR_C_PRINCIPAL_UNKNOWN),
        (lambda: sign_in(Principal.of("alice", "FABRIKAM.EXAMPLE"), "x", NOW), ErrorCode.KDC_ERR_WRONG_REALM),
        (lambda: ticket_for(signed_in(), Principal.of("HTTP/no", NAME), NOW), ErrorCode.KDC_ERR_S_PRINCIPAL_UNKNOWN),
        (
            lambda: ticket_for(signed_in(), Principal.of(WEB, NAME), NOW + timedelta(minutes=6)),
            ErrorCode.KRB_AP_ERR_SKEW,
        ),
    ],
    ids=["password", "clock", "user", "realm", "service", "later"],
)
def test_a_refusal_says_why(talk, code):
    """With the standard's number and name."""
    with pytest.raises(Denied, match=code.name) as refused:
        asked(talk())
    assert refused.value.code == code


def test_a_refusal_for_the_clock_tells_the_other_clock():
    """So that somebody can set it right."""
    with pytest.raises(Denied, match=r"SKEW \(37\) of realm CONTOSO.EXAMPLE, whose clock says 2026-05-04 09:30:01Z"):
        asked(sign_in(ALICE, "rose garden", NOW + timedelta(minutes=6)))


def test_a_ticket_of_yesterday_is_refused():
    """Even with a good clock."""
    tgt = signed_in()
    later = NOW + timedelta(hours=11)
    with pytest.raises(Denied, match="TKT_EXPIRED"):
        talked(ticket_for(tgt, Principal.of(WEB, NAME), later), kdc.server(REALM, lambda: later))


def test_a_ticket_without_its_key_is_of_no_use():
    """Who stole it cannot show it."""
    tgt = signed_in()
    stolen = dataclasses.replace(tgt, key=dataclasses.replace(tgt.key, value=bytes(32)))
    with pytest.raises(Denied, match="BAD_INTEGRITY"):
        asked(ticket_for(stolen, Principal.of(WEB, NAME), NOW))


def test_a_kdc_that_does_not_know_the_password_is_found_out():
    """Its reply cannot be read, whatever it lets pass."""
    impostor = realm_of(NAME, {"alice": "guessed"})
    guess = next(proved(ALICE, impostor.keys("alice")[0], NOW)).data
    reply = kdc.answer(impostor, guess[4:], NOW)
    with pytest.raises(BadIntegrity):
        talked(proved(ALICE, REALM.keys("alice")[0], NOW), send(len(reply).to_bytes(4, "big") + reply))


def test_a_reply_to_another_request_is_found_out():
    """Even to the same user's of the same moment."""
    key = REALM.keys("alice")[0]
    reply = kdc.answer(REALM, next(proved(ALICE, key, NOW)).data[4:], NOW)
    with pytest.raises(Misspoken, match="another request"):
        talked(proved(ALICE, key, NOW), send(len(reply).to_bytes(4, "big") + reply))


def test_a_request_that_was_changed_on_the_way_is_refused():
    """Nobody turns a ticket for one service into a ticket for another."""
    request = KdcRequest.read(next(ticket_for(signed_in(), Principal.of(WEB, NAME), NOW)).data[4:])
    changed = dataclasses.replace(request, server=Principal.of("host/fe01", NAME))
    for sent, code in ((request, None), (changed, ErrorCode.KRB_AP_ERR_MODIFIED)):
        answer = der.parse(kdc.answer(REALM, sent.encoded, NOW))
        assert (KrbError.read(answer).code if answer.tag == application(ERROR) else None) == code


def test_a_request_without_a_signature_is_refused():
    """It could have been anybody's."""
    tgt = signed_in()
    request = KdcRequest.read(next(ticket_for(tgt, Principal.of(WEB, NAME), NOW)).data[4:])
    unsigned = shown(tgt, Authenticator(ALICE, NOW), Usage.TGS_AUTHENTICATOR).encoded
    sent = dataclasses.replace(request, pa_data=((PA_TGS_REQUEST, unsigned),))
    assert KrbError.read(der.parse(kdc.answer(REALM, sent.encoded, NOW))).code == ErrorCode.KRB_AP_ERR_INAPP_CKSUM


def tampered(**changes):
    """A KDC that answers another request than the one that was sent to it."""
    request = KdcRequest.read((yield from take(int.from_bytes((yield from take(4)), "big"))))
    reply = kdc.answer(REALM, dataclasses.replace(request, **changes).encoded, NOW)
    yield from send(len(reply).to_bytes(4, "big") + reply)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"server": Principal.of("kadmin/changepw", NAME)}, "a ticket for kadmin/changepw"),
        ({"client": Principal.of("host/fe01", NAME)}, "is for host/fe01"),
    ],
    ids=["service", "client"],
)
def test_a_reply_about_something_else_is_found_out(changes, complaint):
    """A first request carries no signature: who is on the way could change it."""
    web = Principal.of("web", NAME)
    assert talked(proved(web, REALM.keys("web")[0], NOW), tampered()).client == web
    with pytest.raises(Misspoken, match=complaint):
        talked(proved(web, REALM.keys("web")[0], NOW), tampered(**changes))


@pytest.mark.parametrize("bit", [2, 4, 28, 30, 31], ids=["forwarded", "proxy", "user-to-user", "renew", "validate"])
def test_what_the_kdc_has_no_answer_to_it_refuses(bit):
    """Rather than grant something else."""
    request = KdcRequest.read(next(ticket_for(signed_in(), Principal.of(WEB, NAME), NOW)).data[4:])
    asked_for = dataclasses.replace(request, options=1 << 31 - bit)
    answer = KrbError.read(der.parse(kdc.answer(REALM, asked_for.encoded, NOW)))
    assert answer.code == ErrorCode.KDC_ERR_BADOPTION


@pytest.mark.parametrize("nonce", [0, 1 << 30, (1 << 32) - 1, -1, -(1 << 31)])
def test_a_nonce_comes_back_as_it_was_sent(nonce):
    """Heimdal reads 32 bits with a sign, and refuses to read more."""
    request = dataclasses.replace(KdcRequest.read(next(salted(ALICE)).data[4:]), nonce=nonce)
    proof = KdcRequest.read(next(proved(ALICE, REALM.keys("alice")[0], NOW)).data[4:]).pa_data
    reply = kdc.answer(REALM, dataclasses.replace(request, pa_data=proof).encoded, NOW)
    sealed = KdcReply.read(reply, AS_REPLY).sealed
    assert ReplyPart.read(sealed.opened(REALM.keys("alice")[0], Usage.AS_REPLY)).nonce == nonce


def test_a_name_as_for_mail_is_that_of_the_account():
    """As Windows sends what a user typed (RFC 6806, 5)."""
    typed = Principal((f"Alice@{NAME.lower()}",), NAME, NameType.ENTERPRISE)
    assert asked(salted(typed)).salt == f"{NAME}alice"
    with pytest.raises(Denied, match="C_PRINCIPAL_UNKNOWN"):
        asked(salted(Principal(("alice@fabrikam.example",), NAME, NameType.ENTERPRISE)))


def test_an_account_without_aes_is_refused_on_both_sides():
    """By the KDC, and by a client whom a KDC offers RC4 alone."""
    old = dataclasses.replace(REALM, accounts=dict(REALM.accounts) | {"alice": Account("alice", ())})
    with pytest.raises(Denied, match="ETYPE_NOSUPP"):
        talked(salted(ALICE), kdc.server(old, clock))
    rc4 = der.sequence(der.members([(0, der.integer(23))]))
    data = encoded_pa_data([(PA_ETYPE_INFO2, rc4)])
    error = KrbError(ErrorCode.KDC_ERR_PREAUTH_REQUIRED, Principal.of(f"krbtgt/{NAME}", NAME), NOW, "", data).encoded
    with pytest.raises(Refused, match="no AES key of alice"):
        talked(salted(ALICE), send(len(error).to_bytes(4, "big") + error))


@DEBIAN
@WIRES
def test_debian_signs_in(tmp_path, datagrams):
    """kinit, kvno and klist, over TCP and UDP."""
    talk = partial(kdc.datagram_server if datagrams else kdc.server, REALM, present)
    with served(talk, datagrams=datagrams) as port:
        debian = Programs(tmp_path, port, udp=datagrams)
        debian.well("kinit", "alice", says="rose garden\n")
        assert f"{WEB}@{NAME}: kvno" in debian.well("kvno", WEB)
    said = debian.well("klist", "-e")
    assert f"Default principal: alice@{NAME}" in said
    assert f"{WEB}@{NAME}" in said
    assert "aes256-cts-hmac-sha1-96" in said


@DEBIAN
@pytest.mark.parametrize(
    ("command", "says", "complaint"),
    [
        (["kinit", "alice"], "wrong\n", "Password incorrect"),
        (["kinit", "mallory"], "", "not found in Kerberos database"),
        (["kinit", "-S", "HTTP/no", "alice"], "rose garden\n", "not found in Kerberos database"),
    ],
)
def test_debian_understands_a_refusal(tmp_path, command, says, complaint):
    """And says it in its own words."""
    with served(partial(kdc.server, REALM, present)) as port:
        said, status = Programs(tmp_path, port).run(*command, says=says)
    assert status
    assert complaint in said
