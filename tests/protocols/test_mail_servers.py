"""Postfix and Dovecot answer our clients of SMTP and POP3, in the clear and under TLS."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.protocols.alone import HERE, alone
from tests.protocols.asking import asked
from tests.protocols.certificate import certified

from portwright.protocols import pop3, smtp
from portwright.protocols.conversation import EndOfStream, Refused
from portwright.rehearse.hosts.wire import Tls

HOME = Path("/run/mail")  # in a network of its own everything below /run is gone at the end
ALICE = pop3.Login("alice", "sesame")
HELLO = smtp.Mail("bob@contoso.test", ("alice@contoso.test",), b"Subject: hello\r\n\r\n.a dot\r\nend\r\n")
POSTFIX = f"""\
compatibility_level = 3.6
queue_directory = {HOME}/queue
data_directory = {HOME}/data
mail_spool_directory = {HOME}/spool
maillog_file = {HOME}/log
maillog_file_prefixes = /run
myhostname = mail.contoso.test
mydestination = contoso.test
inet_interfaces = {HERE}
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_tls_chain_files = {HOME}/server.pem
smtpd_tls_security_level = may
alias_maps =
local_recipient_maps =
"""
DOVECOT = f"""\
protocols = pop3
listen = {HERE}
base_dir = /run/dovecot
state_dir = /run/dovecot-state
log_path = {HOME}/log
ssl_cert = <{HOME}/server.pem
ssl_key = <{HOME}/server.pem
mail_location = maildir:{HOME}/boxes/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 0
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={ALICE.password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={HOME}/boxes/%u
}}
service anvil {{
  chroot =
}}
service pop3-login {{
  chroot =
}}
"""


@pytest.mark.skipif(not shutil.which("postfix"), reason="Postfix is not installed")
def test_postfix_takes_our_messages():
    """It refuses a login, as it offers none."""
    probed, clear, secured, refused = alone(__file__, "postfix").splitlines()
    assert probed == "SMTP: mail.contoso.test ESMTP Postfix, offers STARTTLS"
    assert clear.startswith("SMTP: 2.0.0 Ok: queued as")
    assert secured.startswith("SMTP: 2.0.0 Ok: queued as")
    assert refused == "SMTP: the server offers no login by PLAIN or LOGIN"


@pytest.mark.skipif(not shutil.which("dovecot"), reason="Dovecot is not installed")
def test_dovecot_gives_us_its_messages():
    """They are fetched, fetched under TLS and deleted, and then there are none; a wrong password is refused."""
    probed, *fetched = alone(__file__, "dovecot").splitlines()
    assert probed.startswith("POP3: Dovecot")
    assert fetched == [
        str((HELLO.data,)),
        "POP3: [AUTH] Authentication failed.",
        str((HELLO.data,)),
        "()",
    ]


def _postfix(tls):
    for name in ("conf", "queue", "data", "spool"):
        (HOME / name).mkdir()
    shutil.chown(HOME / "data", "postfix")
    (HOME / "conf/main.cf").write_text(POSTFIX)
    master = [line.split() for line in Path("/etc/postfix/master.cf").read_text().splitlines() if line[:1].isalpha()]
    services = (" ".join([*words[:4], "n", *words[5:]]) for words in master if len(words) >= 8)  # none in a jail
    (HOME / "conf/master.cf").write_text("\n".join(services) + "\n")
    subprocess.run(["postfix", "-c", HOME / "conf", "start"], capture_output=True, timeout=60, check=True)
    _said(smtp.probe(), 25, tls)
    _said(smtp.client(HELLO), 25, tls)
    _said(smtp.client(HELLO, tls=True), 25, tls)
    _said(smtp.client(HELLO, smtp.Login("alice", "x"), tls=True), 25, tls)


def _dovecot(tls):
    for name in ("cur", "new", "tmp"):
        (HOME / "boxes/alice" / name).mkdir(parents=True)
    (HOME / "boxes/alice/new/1.here").write_bytes(HELLO.data)
    for path in (HOME / "boxes").rglob("*"):
        shutil.chown(path, "nobody")
    (HOME / "dovecot.conf").write_text(DOVECOT)
    command = ["dovecot", "-F", "-c", HOME / "dovecot.conf"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            _said(pop3.probe(), 110, tls)
            _said(pop3.client(ALICE), 110, tls)
            _said(pop3.client(pop3.Login("alice", "guess"), tls=True), 110, tls)
            _said(pop3.client(ALICE, tls=True, delete=True), 110, tls)
            _said(pop3.client(ALICE, tls=True), 110, tls)
        finally:
            daemon.terminate()


def _said(talk, port, tls):
    """Print what came of a conversation, as soon as the server is there."""
    for _ in range(300):
        try:
            print(asked(talk, HERE, port, tls=tls))
        except ConnectionRefusedError:
            time.sleep(0.1)
        except (Refused, EndOfStream) as problem:
            print(problem)
            return
        else:
            return


def _alone(server):
    HOME.mkdir(mode=0o755)
    _, trusting = certified(HOME)
    {"postfix": _postfix, "dovecot": _dovecot}[server](Tls(trusting, "mail.contoso.test"))


if __name__ == "__main__":
    _alone(sys.argv[1])
