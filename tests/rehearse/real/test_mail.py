"""Postfix and Dovecot as a site's mail servers, spoken to by other programs from another host."""

import pytest
from tests.rehearse.real.played import ROOT, played

pytestmark = pytest.mark.kernel
F8 = ROOT / "examples/f8/site.yaml"
WAYS = {  # what the site says of its mail servers, by a name for the way
    "plain": "",
    "submission": "  smtp.mode: submission\n  pop3.tls: true\n",
    "tls": "  smtp.mode: tls\n",
}


@pytest.fixture(scope="module", params=WAYS)
def seen(request, tmp_path_factory):
    site = tmp_path_factory.mktemp("site") / "site.yaml"
    site.write_text(F8.read_text().replace("settings:\n  auth", f"settings:\n{WAYS[request.param]}  auth", 1))
    return played("mail", site, "er01", "mail/smtp-server", "mail/pop3-server")


def test_a_message_goes_through(seen):
    """Handed over by SMTP on one node, fetched by POP3 on another, through the firewall of the perimeter."""
    assert seen["smtp"] == [0, "sent\n"]
    status, said = seen["pop3"]
    assert (status, "Subject: hello" in said) == (0, True), said


def test_a_wrong_password_is_refused(seen):
    """Whose mail it is, is asked."""
    status, said = seen["wrong"]
    assert (status, "Authentication failed" in said) == (1, True)


def test_it_says_what_it_answers(seen):
    """SMTP on the one node, POP3 on the other."""
    assert seen["services"] == [["mail/pop3-server", "mail/pop3"], ["mail/smtp-server", "mail/smtp"]]
