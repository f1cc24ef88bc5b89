"""Mail servers of any make: a relay or submission server by SMTP, mailboxes by POP3."""

from collections.abc import Callable, Mapping

from portwright.protocols import pop3, smtp
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.servers.mail.mailboxes import address_of, mailboxes_of, may_sign_in
from portwright.rehearse.servers.role import Answer


class SmtpServer:
    """Takes mail, and puts it into the mailboxes of those it is for."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """SMTP."""
        return {"mail/smtp": lambda: self._answer}

    async def _answer(self, question: object) -> object:
        match question:
            case smtp.Login(name, password):
                return may_sign_in(self._host, name, password)
            case smtp.Mail(sender, recipients, data):
                mailboxes_of(self._host).deliver(recipients, data)
                self._host.say(f"took mail of {sender or 'nobody'} for {', '.join(recipients)}")
                return ""
        return None


class Pop3Server:
    """Shows the mail of who signs in, and deletes what was fetched."""

    def __init__(self, host: Host) -> None:
        self._host, self._mailboxes = host, mailboxes_of(host)

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """POP3."""
        return {"mail/pop3": lambda: self._answer}

    async def _answer(self, question: object) -> object:
        match question:
            case pop3.Login(name, password):
                return may_sign_in(self._host, name, password)
            case pop3.List(name):
                held = self._mailboxes.folder(address_of(self._host, name))
                return tuple(pop3.Entry(one.id, len(one.data)) for one in held)
            case pop3.Retrieve(name, uid):
                found = self._mailboxes.get(address_of(self._host, name), uid)
                return found.data if found else b""
            case pop3.Delete(name, uids):
                for uid in uids:
                    self._mailboxes.delete(address_of(self._host, name), uid)
                self._host.say(f"{len(uids)} messages of {name} were fetched")
                return True
        return None
