"""Mail clients of the standard library, run on a host of a lab: `python -m tests.rehearse.real.clients smtp ...`.

Passwords come by the standard input.
"""

import poplib
import smtplib
import ssl
import sys
from time import sleep

PATIENCE = 30  # seconds


def anybody():
    """TLS without asking who it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def smtp(server, port, mode, text):
    """Hand over a message to alice."""
    secret = sys.stdin.read()
    kind = smtplib.SMTP_SSL if mode == "tls" else smtplib.SMTP
    with kind(server, int(port), timeout=PATIENCE, **({"context": anybody()} if mode == "tls" else {})) as session:
        if mode == "submission":
            session.starttls(context=anybody())
        if secret:
            session.login("alice", secret)
        session.sendmail("crm@crm.test", "alice@anywhere.test", f"Subject: {text}\r\n\r\n")
    print("sent")


def pop3(server, port, tls):
    """Fetch the first message of alice; it may take a moment until it is there."""
    secret, found = sys.stdin.read(), 0
    for _ in range(100):
        if tls == "true":
            box = poplib.POP3_SSL(server, int(port), timeout=PATIENCE, context=anybody())
        else:
            box = poplib.POP3(server, int(port), timeout=PATIENCE)
        box.user("alice")
        box.pass_(secret)
        found = box.stat()[0]
        if found:
            break
        box.quit()
        sleep(0.2)
    print(b" ".join(box.retr(1)[1]).decode("ascii"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
