"""Clients and services agree on Kerberos, by our code on both sides and with curl."""

import base64
import http.server
import shutil
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, WEB, Programs, clock, present
from tests.protocols.serving import served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.kerberos import Principal, gss, kdc, sign_in, ticket_for
from portwright.protocols.spnego import (
    KERBEROS,
    MICROSOFT_KERBEROS,
    NTLM,
    SPNEGO,
    Acceptor,
    Init,
    Initiator,
    NotAccepted,
    Response,
)

KEYS = REALM.keys(WEB)
TICKET = talked(
    ticket_for(talked(sign_in(ALICE, "rose garden", NOW), kdc.server(REALM, clock)), Principal.of(WEB, NAME), NOW),
    kdc.server(REALM, clock),
)


def acceptor():
    return Acceptor(KEYS, clock)


def test_one_round_trip_is_enough():
    """Both sides know each other then, and can speak."""
    client, server = Initiator(TICKET, NOW), acceptor()
    assert client.step(server.step(client.token)) == b""
    assert str(server.accepted.client) == f"alice@{NAME}"
    assert client.context.unwrap(server.accepted.context.wrap(b"hello")) == b"hello"


def test_a_client_checks_the_choice_and_the_signature():
    """A mechanism that it did not offer, and a list that was changed on the way."""
    for mechanism, signed, good in (
        (KERBEROS, Init((KERBEROS,)).list, True),
        (KERBEROS, Init((NTLM, KERBEROS)).list, False),
        (NTLM, Init((KERBEROS,)).list, False),
    ):
        client = Initiator(TICKET, NOW)
        accepted = gss.accept(Init.read(gss.framed(client.token)[1]).token, KEYS, NOW)
        answer = Response(0, mechanism, accepted.reply, accepted.context.mic(signed)).encoded
        if good:
            assert client.step(answer) == b""
        else:
            with pytest.raises(Misspoken):
                client.step(answer)


def test_tokens_of_kerberos_alone_are_accepted():
    """As some clients send them, and some services answer."""
    began, server = gss.initiate(TICKET, NOW), acceptor()
    began.finished(server.step(began.token))
    assert server.accepted.client.name == "alice"
    client, server = Initiator(TICKET, NOW), acceptor()
    raw = Init.read(gss.framed(client.token)[1]).token
    assert client.step(server.step(raw)) == b""
    assert client.context


def test_a_client_that_says_nothing_hears_the_choice():
    """As some clients of directories begin ([MS-SPNG] 3.2.5.2); then they go on as all do."""
    server = acceptor()
    mechanism, rest = gss.framed(server.step(b""))
    assert (mechanism, Init.read(rest)) == (SPNEGO, Init((MICROSOFT_KERBEROS, KERBEROS)))
    client = Initiator(TICKET, NOW)
    assert client.step(server.step(client.token)) == b""
    assert server.accepted


@pytest.mark.parametrize("first", [KERBEROS, MICROSOFT_KERBEROS], ids=["standard", "microsoft"])
def test_a_client_that_waits_for_the_choice_gets_it(first):
    """And sends its token then."""
    began, server = gss.initiate(TICKET, NOW), acceptor()
    choice = Response.read(server.step(Init((first, NTLM)).encoded))
    assert (choice.state, choice.mechanism) == (1, first)
    last = Response.read(server.step(Response(token=began.token).encoded))
    assert last.state == 0
    began.finished(last.token)
    assert server.accepted


def test_a_client_that_prefers_ntlm_has_to_sign_its_list():
    """So that nobody on the way can have changed it (RFC 4178, 5)."""
    init, began, server = Init((NTLM, KERBEROS), b"NTLMSSP\0..."), gss.initiate(TICKET, NOW), acceptor()
    assert Response.read(server.step(init.encoded)).state == 3
    answer = Response.read(server.step(Response(token=began.token).encoded))
    assert (answer.state, server.accepted) == (1, None)
    context = began.finished(answer.token)
    context.check_mic(init.list, answer.mic)
    assert Response.read(server.step(Response(mic=context.mic(init.list)).encoded)).state == 0
    assert server.accepted


def test_a_client_without_mutual_authentication_signs_its_list_at_once():
    """A forged signature is noticed."""
    init, began = Init((NTLM, KERBEROS)), gss.initiate(TICKET, NOW, gss.Flag.SIGN)
    for signed, good in ((init.list, True), (Init((KERBEROS,)).list, False)):
        server, context = acceptor(), began.finished()
        server.step(init.encoded)
        second = Response(token=began.token, mic=context.mic(signed)).encoded
        if good:
            context.check_mic(init.list, Response.read(server.step(second)).mic)
            assert server.accepted
        else:
            with pytest.raises(Misspoken):
                server.step(second)
            assert server.accepted is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (b"NTLMSSP\0\1\0\0\0", "offers NTLM"),
        (Init((NTLM,), b"NTLMSSP\0\1\0\0\0").encoded, "offers NTLM"),
        (Init((b"\x2a\x03",)).encoded, "unknown mechanism"),
        (Init(()).encoded, "offers nothing"),
        (b"\x60\x04\x06\x02\x2a\x03", "unknown here"),
    ],
    ids=["ntlm", "negotiated-ntlm", "other", "none", "foreign"],
)
def test_what_is_not_kerberos_is_refused_by_name(token, reason):
    """Politely, where the client understands a negotiation."""
    with pytest.raises(NotAccepted, match=reason) as refused:
        acceptor().step(token)
    if refused.value.reply:
        with pytest.raises(Refused, match="rejects"):
            Initiator(TICKET, NOW).step(refused.value.reply)


def test_a_wrong_key_is_refused_with_the_reason():
    """And the client hears that it was rejected."""
    with pytest.raises(NotAccepted, match="KRB_AP_ERR_MODIFIED") as refused:
        Acceptor(REALM.keys("alice"), clock).step(Initiator(TICKET, NOW).token)
    assert Response.read(refused.value.reply).state == 2


TRUE = Initiator(TICKET, NOW).token


@given(
    st.binary(max_size=60)
    | st.integers(0, len(TRUE) - 1).map(lambda end: TRUE[:end])
    | st.tuples(st.integers(0, len(TRUE) - 1), st.integers(1, 255)).map(
        lambda change: TRUE[: change[0]] + bytes([TRUE[change[0]] ^ change[1]]) + TRUE[change[0] + 1 :]
    )
)
def test_any_octets_are_accepted_or_refused_in_order(octets):
    """By either side, at its first and its second step."""
    for one in (acceptor(), Initiator(TICKET, NOW)):
        for _ in range(2):
            try:
                one.step(octets)
            except (Misspoken, Refused):
                continue


class Front(http.server.BaseHTTPRequestHandler):
    """A web site for who signs in by Negotiate."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        scheme, _, said = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Negotiate":
            return self.reply(401, "Negotiate", b"who are you?")
        server = Acceptor(KEYS, present)
        answer = server.step(base64.b64decode(said))
        return self.reply(200, f"Negotiate {base64.b64encode(answer).decode()}", str(server.accepted.client).encode())

    def reply(self, status, challenge, body):
        self.send_response(status)
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not (shutil.which("kinit") and shutil.which("curl")), reason="needs curl and Debian's krb5-user")
def test_curl_signs_in_to_a_web_site(tmp_path):
    """With the ticket that kinit got of our KDC; curl checks the site's answer as well."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        with served(partial(kdc.server, REALM, present)) as port:
            debian = Programs(tmp_path, port)
            debian.well("kinit", "alice", says="rose garden\n")
            address = f"http://localhost:{site.server_port}/"
            said = debian.well("curl", "-sS", "--noproxy", "*", "--negotiate", "-u", ":", address)
            alone = debian.well("curl", "-sS", "--noproxy", "*", address)
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
    assert (said, alone) == (f"alice@{NAME}", "who are you?")
