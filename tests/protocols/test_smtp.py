"""SMTP: our client and smtplib hand messages over, our server takes them."""

import smtplib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.asking import asked
from tests.protocols.certificate import certified
from tests.protocols.hostile import broken, hears, recorded
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, Refused, Secure, secure, send, until
from portwright.protocols.smtp import Login, Logins, Mail, Policy, client, probe, server
from portwright.rehearse.hosts.wire import Tls

PLAIN = Policy("mail.contoso.test")
OPEN_LOGINS = Policy("mail.contoso.test", logins=Logins.OFFERED)
SECURED = Policy("mail.contoso.test", tls=True, logins=Logins.REQUIRED)
ALICE = Login("alice", "open sesame")
HELLO = Mail("alice@contoso.test", ("bob@contoso.test",), b"Subject: hello\r\n\r\n.\r\n..two dots\r\nend\r\n")


class Office:
    """The application: one user, and a box of messages."""

    def __init__(self, why=""):
        self.taken, self.why = [], why

    def __call__(self, question):
        if isinstance(question, Login):
            return question == ALICE
        if not self.why:
            self.taken.append(question)
        return self.why


@pytest.mark.parametrize(
    ("policy", "login", "tls"),
    [(PLAIN, None, False), (OPEN_LOGINS, ALICE, False), (SECURED, ALICE, True)],
)
def test_a_message_arrives_as_it_was_sent(policy, login, tls):
    """Lines that begin with dots and all."""
    office = Office()
    assert talked(client(HELLO, login, tls=tls), server(policy), office) == "SMTP: message taken"
    assert office.taken == [HELLO]


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (PLAIN, "SMTP: mail.contoso.test ESMTP"),
        (OPEN_LOGINS, "SMTP: mail.contoso.test ESMTP, offers AUTH"),
        (SECURED, "SMTP: mail.contoso.test ESMTP, offers STARTTLS"),  # logins only under TLS
    ],
)
def test_a_probe_says_what_the_server_said_of_itself(policy, says):
    """And leaves nothing behind."""
    assert str(talked(probe(), server(policy))) == says


@pytest.mark.parametrize(
    ("talk", "policy", "why", "says"),
    [
        (client(HELLO), SECURED, "", "530 log in first"),
        (client(HELLO, Login("alice", "guess"), tls=True), SECURED, "", "535 name or password is wrong"),
        (client(HELLO, ALICE), PLAIN, "", "offers no login"),
        (client(HELLO, ALICE), SECURED, "", "offers no login"),  # a password is never sent in the clear there
        (client(HELLO, tls=True), PLAIN, "", "offers no STARTTLS"),
        (client(HELLO), PLAIN, "no such person", "554 no such person"),
    ],
)
def test_a_no_is_told_in_the_servers_words(talk, policy, why, says):
    """So that a report can show them."""
    with pytest.raises(Refused, match=says):
        talked(talk, server(policy), Office(why))


def test_an_address_that_would_be_a_command_is_no_address():
    """Nothing but the greeting was sent by then."""
    with pytest.raises(ValueError, match="none of mail"):
        talked(client(Mail("a@b>\r\nQUIT", ("c@d",), b"")), server(PLAIN), Office())


def test_a_server_of_old_that_knows_no_extensions_is_spoken_to():
    """RFC 5321, 3.2: HELO after a refused EHLO."""

    def old():
        yield from send(b"220 old\r\n500 what?\r\n250 hello\r\n221 bye\r\n")

    assert str(talked(probe(), old())) == "SMTP: old"


def test_a_reply_without_end_is_cut_off():
    """It keeps no one busy, and nothing fills up."""

    def endless():
        yield from send(b"220-more\r\n" * 5000)

    with pytest.raises(Misspoken, match="more than"):
        talked(probe(), endless())


def test_smtplib_hands_over_under_tls_with_a_login(tmp_path):
    """By PLAIN and by LOGIN, and a wrong password is refused."""
    tls, trusting = certified(tmp_path)
    office = Office()
    for method in ("auth_plain", "auth_login"):
        with served(lambda: server(SECURED), office, tls=tls) as port, smtplib.SMTP(HOME, port, timeout=60) as session:
            session.starttls(context=trusting)
            session.user, session.password = "alice", "wrong"
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.auth(method.removeprefix("auth_").upper(), getattr(session, method))
            session.user, session.password = ALICE.name, ALICE.password
            session.auth(method.removeprefix("auth_").upper(), getattr(session, method))
            session.sendmail(HELLO.sender, HELLO.recipients, HELLO.data)
    assert office.taken == [HELLO, HELLO]


def test_smtplib_is_told_what_is_refused():
    """A second message over the same connection is taken, too."""
    office = Office()
    with served(lambda: server(PLAIN), office) as port, smtplib.SMTP(HOME, port, timeout=60) as session:
        assert session.docmd("DATA")[0] == 503
        assert session.docmd("RCPT", "TO:<bob@contoso.test>")[0] == 503
        assert session.docmd("EXPN", "staff")[0] == 500
        session.sendmail(HELLO.sender, HELLO.recipients, HELLO.data)
        session.sendmail("", ["x@contoso.test", "y@contoso.test"], b"two\r\n")
    assert office.taken[1] == Mail("", ("x@contoso.test", "y@contoso.test"), b"two\r\n")


def test_what_is_said_in_the_clear_where_tls_begins_is_not_believed(tmp_path):
    """Somebody between the two could say it, and it would count as said under TLS."""
    tls, trusting = certified(tmp_path)

    def injected():
        yield from send(b"220 here\r\n")
        yield from until(b"\r\n", 512)
        yield from send(b"250-here\r\n250 STARTTLS\r\n")
        yield from until(b"\r\n", 512)
        yield from send(b"220 go ahead\r\n250 AUTH PLAIN\r\n")
        yield from secure()
        yield from until(b"\r\n", 512)

    with served(injected, tls=tls) as port, pytest.raises(Misspoken, match="in the clear"):
        asked(client(HELLO, ALICE, tls=True), HOME, port, tls=Tls(trusting, "mail.contoso.test"))


def said_by(talk, other, answer=None):
    """What one side says in a true conversation."""
    said = []
    talked(talk, recorded(other, said), answer)
    return said


def sent_by(talk, other, answer):
    said = []
    talked(recorded(talk, said), other, answer)
    return said


@settings(max_examples=200, deadline=None)
@given(broken(said_by(client(HELLO, ALICE), server(OPEN_LOGINS), Office())))
def test_any_answers_end_well_at_the_client(messages):
    """Whatever the server says."""
    hears(client(HELLO, ALICE), messages)


@settings(max_examples=200, deadline=None)
@given(broken(sent_by(client(HELLO, ALICE), server(OPEN_LOGINS), Office())))
def test_any_commands_end_well_at_the_server(messages):
    """Whatever the client says."""
    hears(server(OPEN_LOGINS), messages, Office())


@given(st.lists(st.sampled_from([b"a", b".", b"\r\n", b"..", b"\r\n."])))
def test_every_text_of_lines_comes_through(parts):
    """Dots at the start of lines are doubled and taken away again."""
    data = b"".join(parts)
    data += b"" if not data or data.endswith(b"\r\n") else b"\r\n"
    office = Office()
    talked(client(Mail("a@b", ("c@d",), data)), server(PLAIN), office)
    assert office.taken[0].data == data


def test_tls_is_asked_for_before_the_login_is_said():
    """The order of what the client sends."""
    acts = []
    talk, other = client(HELLO, ALICE, tls=True), server(SECURED)

    def watched():
        came = None
        while True:
            try:
                act = talk.send(came)
            except StopIteration as end:
                return end.value
            acts.append("TLS" if isinstance(act, Secure) else getattr(act, "data", b"")[:4])
            came = yield act

    talked(watched(), other, Office())
    assert acts.index("TLS") < acts.index(b"AUTH")
