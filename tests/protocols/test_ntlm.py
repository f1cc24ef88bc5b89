"""Sign-ins by NTLM: the vectors of the standards, our two sides against each other, and clients of other makers."""

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests_ntlm import HttpNtlmAuth
from tests.protocols.serving import served

from portwright.protocols import http, spnego
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.kerberos import Principal
from portwright.protocols.ntlm import messages
from portwright.protocols.ntlm.md4 import md4
from portwright.protocols.ntlm.messages import Authenticate, Challenge, Flag, Negotiate
from portwright.protocols.ntlm.response import Login, SignIn
from portwright.protocols.ntlm.sides import Client, Server, about
from portwright.rehearse.servers.web import Guard

ABOUT = about("fe01.contoso.test", "CONTOSO", "contoso.test", datetime.now(UTC))
ALICE = Login("alice", "rose garden", "CONTOSO", "PC01")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
        ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
        ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4(text, digest):
    """RFC 1320, A.5."""
    assert md4(text.encode()).hex() == digest


def test_the_response_of_version_2():
    """[MS-NLMP] 4.2.4: the proof is good for this password, and the key is the standard's."""
    pairs = messages.written_pairs({2: "Domain".encode("utf-16-le"), 1: "Server".encode("utf-16-le")})
    said = b"\1\1" + bytes(14) + b"\xaa" * 8 + bytes(4) + pairs + bytes(4)
    proof = bytes.fromhex("68cd0ab851e51c96aabc927bebef6a1c")
    shown = SignIn("User", "Domain", "COMPUTER", bytes.fromhex("0123456789abcdef"), proof + said)
    key = shown.key("Password")
    assert key is not None
    assert key.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    assert shown.key("password") is None


def accepted(client, password="rose garden"):
    """The two sides of a negotiation, the check in between."""
    service = spnego.Acceptor((), lambda: datetime.now(UTC), Server(ABOUT))
    token = client.token
    for _ in range(4):
        answer = service.step(token)
        if service.asks is not None:
            assert (service.asks.user, service.asks.domain) == ("alice", "CONTOSO")
            key = service.asks.key(password)
            known = spnego.Known(Principal.of("alice", "CONTOSO.TEST"), key) if key else None
            answer = service.checked(known)
        token = client.step(answer) if answer else b""
        if service.accepted:
            break
    return service.accepted


def test_both_sides_share_a_context():
    """Messages are sealed both ways; what somebody has changed is not taken."""
    client = spnego.PasswordInitiator(ALICE)
    who = accepted(client)
    assert str(who.client) == "alice@CONTOSO.TEST"
    for text in (b"one of them", b"", b"three" * 1000):
        sealed = client.context.wrap(text)
        assert who.context.unwrap(sealed) == text
        assert not text or text not in sealed
        assert client.context.unwrap(who.context.wrap(text)) == text
    sealed = bytearray(client.context.wrap(b"four"))
    sealed[-1] ^= 1
    with pytest.raises(Misspoken):
        who.context.unwrap(bytes(sealed))


def test_a_wrong_password_is_refused():
    """With a word that the client understands."""
    with pytest.raises(spnego.NotAccepted, match="password is wrong") as no:
        accepted(spnego.PasswordInitiator(ALICE), "another")
    with pytest.raises(Refused):
        spnego.PasswordInitiator(ALICE).step(no.value.reply)


def test_messages_that_somebody_has_changed_are_refused():
    """The client's signature is over all three."""
    client, server = Client(ALICE), Server(ABOUT)
    asked = server.step(client.first)
    last, _ = client.answer(asked)
    server.step(last)
    assert server.checked(server.sign_in.key("rose garden"))
    other = Server(ABOUT)
    challenge = messages.read(other.step(client.first))
    weaker = Challenge(challenge.flags & ~Flag.SEAL, challenge.nonce, challenge.target, challenge.info).encoded
    last, _ = client.answer(weaker)
    other.step(last)
    with pytest.raises(Refused, match="changed"):
        other.checked(other.sign_in.key("rose garden"))


def test_without_ntlm_the_service_refuses_it():
    """As one that takes tickets alone."""
    service = spnego.Acceptor((), lambda: datetime.now(UTC))
    with pytest.raises(spnego.NotAccepted, match="NTLM"):
        service.step(spnego.PasswordInitiator(ALICE).token)
    with pytest.raises(spnego.NotAccepted, match="NTLM"):
        service.step(Client(ALICE).first)


def test_nobody_and_older_versions_are_refused():
    """Neither an anonymous sign-in nor version 1."""
    with pytest.raises(Refused, match="older"):
        Server(ABOUT).step(Negotiate(Flag.NTLM).encoded)
    server = Server(ABOUT)
    server.step(Client(ALICE).first)
    with pytest.raises(Refused, match="nobody"):
        server.step(Authenticate(Flag.UNICODE, "").encoded)
    assert SignIn("alice", "", "", bytes(8), bytes(24)).key("rose garden") is None


TRUE = (
    Client(ALICE).first,
    Server(ABOUT).step(Client(ALICE).first),
    Client(ALICE).answer(Server(ABOUT).step(Client(ALICE).first))[0],
)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=120).map(lambda rest: messages.MARK + rest)))
def test_whatever_comes_is_read_or_refused(data):
    """By either side, with and without negotiation."""
    hear(data)


@given(st.sampled_from(TRUE), st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_what_is_cut_or_changed_is_read_or_refused(message, at, other):
    """And nothing else happens."""
    hear(message[:at])
    hear(message[:at] + other + message[at + len(other) :])


def hear(data):
    sides = [Server(ABOUT).step, Client(ALICE).answer, spnego.PasswordInitiator(ALICE).step]
    answering, negotiating = Server(ABOUT), spnego.Acceptor((), lambda: datetime.now(UTC), Server(ABOUT))
    answering.step(TRUE[0])
    for step in (*sides, answering.step, negotiating.step):
        try:
            step(data)
        except (Misspoken, Refused):
            continue
    if answering.sign_in is not None:
        assert answering.sign_in.key("another password") is None


# -- clients of other makers


class Door:
    """Who stands before a web site, and knows one password."""

    def __init__(self):
        self.user = ""
        self.service = spnego.Acceptor((), lambda: datetime.now(UTC), Server(ABOUT))

    async def step(self, token):
        answer = self.service.step(token)
        if (asks := self.service.asks) is not None:
            key = asks.key("rose garden")
            answer = self.service.checked(spnego.Known(Principal.of(asks.user, "CONTOSO.TEST"), key) if key else None)
        if self.service.accepted:
            self.user = str(self.service.accepted.client)
        return answer


def site():
    """A web site for who signs in, a guard before each connection."""
    guard = Guard(Door)

    def answer(question):
        return drive(guard.stop(question)) or guard.passed(http.page(guard.user))

    return answer


def drive(coroutine):
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("user", ["alice", "CONTOSO\\alice"])
def test_curl_signs_in(user):
    """With the right password alone."""
    with served(http.server, site()) as port:
        said = curl(port, f"{user}:rose garden")
        assert said == "alice@CONTOSO.TEST200"
    with served(http.server, site()) as port:
        assert curl(port, f"{user}:another").endswith("401")


def curl(port, login):
    line = ["curl", "-sS", "--noproxy", "*", "--ntlm", "-u", login, "-w", "%{http_code}", f"http://127.0.0.1:{port}/"]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout


def test_requests_ntlm_signs_in():
    """By a client that signs all three messages."""
    with served(http.server, site()) as port:
        auth = HttpNtlmAuth("CONTOSO\\alice", "rose garden")
        answer = requests.get(f"http://127.0.0.1:{port}/", auth=auth, timeout=60, proxies={"http": ""})
    assert (answer.status_code, answer.text) == (200, "alice@CONTOSO.TEST")
