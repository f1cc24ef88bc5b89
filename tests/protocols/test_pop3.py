"""POP3: our client and poplib fetch messages, our server gives them."""

import poplib

import pytest
from hypothesis import given, settings
from tests.protocols.certificate import certified
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, Refused, send
from portwright.protocols.pop3 import Delete, Entry, List, Login, Retrieve, client, probe, server

HOST = "mail.contoso.test"
ALICE = Login("alice", "open sesame")
FIRST, SECOND = b"Subject: one\r\n\r\n.\r\n..x\r\nlast\r\n", b"Subject: two\r\n\r\nhello\r\n"


class Office:
    """The application: one mailbox."""

    def __init__(self):
        self.mailbox = {"u1": FIRST, "u2": SECOND}

    def __call__(self, question):
        match question:
            case Login():
                return question == ALICE
            case List("alice"):
                return tuple(Entry(uid, len(data)) for uid, data in self.mailbox.items())
            case Retrieve("alice", uid):
                return self.mailbox[uid]
            case Delete("alice", uids):
                for uid in uids:
                    del self.mailbox[uid]
                return None
        raise AssertionError(question)


@pytest.mark.parametrize("tls", [False, True])
def test_messages_are_fetched_as_they_are(tls):
    """Lines that begin with dots and all; nothing is deleted."""
    office = Office()
    assert talked(client(ALICE, tls=tls), server(HOST, tls=tls), office) == (FIRST, SECOND)
    assert len(office.mailbox) == 2


def test_messages_are_deleted_where_that_is_wanted():
    """The application is told at the end."""
    office = Office()
    talked(client(ALICE, delete=True), server(HOST), office)
    assert office.mailbox == {}


def test_a_probe_says_what_the_server_said_of_itself():
    """Its banner, and what it can."""
    assert (
        str(talked(probe(), server(HOST, tls=True)))
        == "POP3: mail.contoso.test POP3, offers TOP, UIDL, RESP-CODES, STLS"
    )


@pytest.mark.parametrize(
    ("talk", "tls", "says"),
    [
        (client(Login("alice", "guess")), False, "name or password is wrong"),
        (client(ALICE), True, "say STLS first"),
        (client(ALICE, tls=True), False, "not offered"),
    ],
)
def test_a_no_is_told_in_the_servers_words(talk, tls, says):
    """So that a report can show them."""
    with pytest.raises(Refused, match=says):
        talked(talk, server(HOST, tls=tls), Office())


@pytest.mark.parametrize("count", [b"", b"99999", b"x", b"1" * 400])
def test_a_mailbox_of_no_size_is_not_believed(count):
    """Nor one that is too large."""

    def liar():
        yield from send(b"+OK\r\n+OK\r\n+OK\r\n+OK " + count + b"\r\n")

    with pytest.raises(Misspoken):
        talked(client(ALICE), liar())


def test_a_text_without_end_is_not_heard_forever():
    """Lines go on and on, and no dot comes."""
    outcome = hears(probe(), [b"+OK\r\n+OK\r\n", (b"x" * 32_000 + b"\r\n") * 200])
    assert "no end" in str(outcome)


@pytest.mark.parametrize("tls", [False, True])
def test_poplib_lists_fetches_and_deletes(tls, tmp_path):
    """All that poplib knows to ask."""
    office, (secured, trusting) = Office(), certified(tmp_path)
    with served(lambda: server(HOST, tls=tls), office, tls=secured) as port:
        session = poplib.POP3(HOME, port, timeout=60)
        if tls:
            session.stls(context=trusting)
        session.user("alice")
        with pytest.raises(poplib.error_proto, match="AUTH"):
            session.pass_("guess")
        session.user("alice")
        session.pass_("open sesame")
        assert session.stat() == (2, len(FIRST) + len(SECOND))
        assert session.list()[1] == [b"1 %d" % len(FIRST), b"2 %d" % len(SECOND)]
        assert session.uidl(2) == b"+OK 2 u2"
        assert session.retr(1)[1] == FIRST.split(b"\r\n")[:-1]
        assert session.top(1, 1)[1] == [b"Subject: one", b"", b"."]
        assert "TOP" in session.capa()
        session.dele(1)
        session.rset()
        session.dele(2)
        with pytest.raises(poplib.error_proto, match="no such message"):
            session.retr(2)
        assert session.stat() == (1, len(FIRST))
        session.quit()
    assert office.mailbox == {"u1": FIRST}


def test_who_hangs_up_deletes_nothing():
    """RFC 1939, 6: only QUIT comes to the update."""
    office = Office()

    def rude():
        yield from send(b"USER alice\r\nPASS open sesame\r\nDELE 1\r\n")

    talked(rude(), server(HOST), office)
    assert len(office.mailbox) == 2


def heard(asks=False):
    said = []
    mine, other = client(ALICE, delete=True), server(HOST)
    talked(recorded(mine, said) if asks else mine, other if asks else recorded(other, said), Office())
    return said


@settings(max_examples=200, deadline=None)
@given(broken(heard()))
def test_any_answers_end_well_at_the_client(messages):
    """Whatever the server says."""
    hears(client(ALICE, delete=True), messages)


@settings(max_examples=200, deadline=None)
@given(broken(heard(asks=True)))
def test_any_commands_end_well_at_the_server(messages):
    """Whatever the client says."""
    hears(server(HOST), messages, Office())
