"""Users change their passwords: by our client, and by Debian's kpasswd."""

import shutil
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import ALICE, NAME, NOW, REALM, Programs, clock, present
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols import der
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send, some
from portwright.protocols.kerberos import Denied, Principal, kdc, kpasswd, sign_in, ticket_for
from portwright.protocols.kerberos.client import proved
from portwright.protocols.kerberos.kpasswd import Outcome
from portwright.protocols.kerberos.messages import PRIVATE, Encrypted, application
from portwright.protocols.kerberos.names import Usage
from portwright.protocols.kerberos.realm import CHANGING

BOB = Principal.of("Bob", NAME)
WIRES = pytest.mark.parametrize("datagrams", [False, True], ids=["tcp", "udp"])
SERVERS = {False: kpasswd.server, True: kpasswd.datagram_server}


class Application:
    """Who decides on passwords, and holds the realm."""

    def __init__(self):
        self.realm = REALM

    def __call__(self, question):
        if len(question.password) < 6:
            return "too short"
        self.realm = self.realm.with_password(question.user.name, question.password)
        return ""


def asked(talk, application, *, datagrams=False):
    server = SERVERS[datagrams](REALM, clock, HOME)
    return talked(talk, server, application, datagrams=datagrams)


def credential(service=CHANGING):
    talk = proved(ALICE, REALM.keys("alice")[0], NOW, server=Principal.of(service, NAME))
    return talked(talk, kdc.server(REALM, clock))


@WIRES
def test_a_changed_password_is_the_one_to_sign_in_with(datagrams):
    """And the old one no more."""
    application = Application()
    asked(kpasswd.change(credential(), "new roses", NOW, HOME, datagrams=datagrams), application, datagrams=datagrams)
    assert talked(sign_in(ALICE, "new roses", NOW), kdc.server(application.realm, clock)).client == ALICE
    with pytest.raises(Denied, match="PREAUTH_FAILED"):
        talked(sign_in(ALICE, "rose garden", NOW), kdc.server(application.realm, clock))


def test_a_password_that_is_refused_is_refused_with_the_reason():
    """Which the application gives."""
    with pytest.raises(Refused, match=r"soft error.*too short"):
        asked(kpasswd.change(credential(), "short", NOW, HOME), Application())


def test_a_ticket_out_of_another_ticket_changes_nothing():
    """Who leaves a desk unlocked shall not lose the password."""
    tgt = credential(f"krbtgt/{NAME}")
    indirect = talked(ticket_for(tgt, Principal.of(CHANGING, NAME), NOW), kdc.server(REALM, clock))
    with pytest.raises(Refused, match="initial flag needed"):
        asked(kpasswd.change(indirect, "new roses", NOW, HOME), Application())


@pytest.mark.parametrize(
    ("version", "wanted", "complaint"),
    [
        (kpasswd.SET, der.members([(0, der.octets(b"new bricks")), (1, BOB.encoded)]), Outcome.ACCESS_DENIED),
        (7, b"new bricks", Outcome.BAD_VERSION),
        (kpasswd.SET, b"new bricks", Outcome.MALFORMED),
    ],
    ids=["somebody-else", "version", "malformed"],
)
def test_a_request_that_cannot_be_met_is_refused_by_name(version, wanted, complaint):
    """Somebody else's password, an unknown version, and what cannot be read."""
    sent, authenticator = kpasswd.request(credential(), wanted, NOW, HOME, version)
    reply = talked(_sent(sent), kpasswd.datagram_server(REALM, clock, HOME), Application(), datagrams=True)
    said = _read(reply, authenticator.subkey)
    assert said[1] == complaint


def _read(reply, key):
    """What a reply says, opened as its client does: RFC 3244, 2 by hand."""
    proof = int.from_bytes(reply[4:6], "big")
    fields = der.parse(reply[6 + proof :]).inner(application(PRIVATE)).fields()
    part = Encrypted.read(fields[3]).opened(key, Usage.PRIVATE).inner(application(28)).fields()
    return part[0].octets()


@WIRES
def test_the_service_is_known_by_its_refusal(datagrams):
    """Nobody has to sign in."""
    said = asked(kpasswd.probe(NAME, NOW, HOME, datagrams=datagrams), None, datagrams=datagrams)
    assert said.startswith("authentication error (3)")


@given(
    st.binary(max_size=60)
    | st.binary(max_size=60).map(lambda rest: (len(rest) + 6).to_bytes(2, "big") + b"\xff\x80\0\x10" + rest)
)
def test_any_octets_end_in_order(octets):
    """For the service and the client; an answer to an answer never comes."""

    reply = talked(_sent(octets), kpasswd.datagram_server(REALM, clock, HOME), Application(), datagrams=True)
    if reply:
        assert not talked(_sent(reply), kpasswd.datagram_server(REALM, clock, HOME), None, datagrams=True)
    with pytest.raises((Misspoken, Refused, EndOfStream)):
        talked(kpasswd.probe(NAME, NOW, HOME, datagrams=True), _sent(octets), datagrams=True)


def _sent(data):
    yield from send(data)
    return (yield from some())


@pytest.mark.skipif(not shutil.which("kpasswd"), reason="kpasswd is not installed (Debian: krb5-user)")
@WIRES
def test_debian_changes_a_password(tmp_path, datagrams):
    """And hears why another is refused."""
    application = Application()

    def center():
        return kdc.server(application.realm, present)

    with (
        served(center) as port,
        served(partial(SERVERS[datagrams], REALM, present, HOME), application, datagrams=datagrams) as changing,
    ):
        debian = Programs(tmp_path, port, kpasswd=changing)
        refused, status = debian.run("kpasswd", "alice", says="rose garden\nabc\nabc\n")
        assert "Password changed" in debian.well("kpasswd", "alice", says="rose garden\nnew roses\nnew roses\n")
        debian.well("kinit", "alice", says="new roses\n")
    assert status
    assert "too short" in refused
