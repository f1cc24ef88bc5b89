"""Mailboxes as values: what SMTP brings, POP3 fetches and Exchange shows is the same mail of the same host."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host

INBOX, SENT = "inbox", "sentitems"


@dataclass(frozen=True, slots=True)
class Letter:
    """What people see of a message."""

    sender: str
    to: tuple[str, ...]
    subject: str
    body: str = ""

    @property
    def data(self) -> bytes:
        """The message as it travels (RFC 5322)."""
        message = EmailMessage(policy.SMTP)
        message["From"], message["To"], message["Subject"] = self.sender, ", ".join(self.to), self.subject
        message.set_content(self.body)
        return message.as_bytes()


def letter_of(data: bytes) -> Letter:
    """What people see of a message; of what is none, nothing."""
    try:
        message = message_from_bytes(data, policy=policy.default)
        body = message.get_body(("plain",))
        text = str(body.get_content()).replace("\r\n", "\n").strip() if body else ""
        to = tuple(parseaddr(one)[1] for one in str(message.get("To", "")).split(",") if one.strip())
        return Letter(parseaddr(str(message.get("From", "")))[1], to, str(message.get("Subject", "")), text)
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):  # that library raises many things
        return Letter("", (), "")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a folder."""

    id: str
    folder: str
    data: bytes


class Mailboxes:
    """The mailboxes of a host, by address; one that nobody has used yet is empty."""

    def __init__(self) -> None:
        self._held: dict[str, list[Stored]] = {}
        self._numbers = itertools.count(1)
        self.kept_by: Callable[[str, bytes], None] | None = None  # a real program that gives out what comes in

    def put(self, address: str, data: bytes, folder: str = INBOX) -> Stored:
        """Put a message into a mailbox."""
        stored = Stored(f"m{next(self._numbers)}", folder, data)
        self._held.setdefault(address.lower(), []).append(stored)
        if self.kept_by is not None and folder == INBOX:
            self.kept_by(address, data)
        return stored

    def deliver(self, recipients: Sequence[str], data: bytes) -> None:
        """Put a message into the mailbox of each recipient."""
        for address in recipients:
            self.put(address, data)

    def folder(self, address: str, folder: str = INBOX) -> tuple[Stored, ...]:
        """What a folder holds, the oldest first."""
        return tuple(one for one in self._held.get(address.lower(), ()) if one.folder == folder)

    def get(self, address: str, identity: str) -> Stored | None:
        """A message by its id."""
        return next((one for one in self._held.get(address.lower(), ()) if one.id == identity), None)

    def delete(self, address: str, identity: str) -> bool:
        """Delete a message, and say whether there was one."""
        held = self._held.get(address.lower(), [])
        kept = [one for one in held if one.id != identity]
        self._held[address.lower()] = kept
        return len(kept) < len(held)

    def letters(self, address: str, folder: str = INBOX) -> Iterator[Letter]:
        """What people see of the messages in a folder."""
        return (letter_of(one.data) for one in self.folder(address, folder))


_OF: WeakKeyDictionary["Host", Mailboxes] = WeakKeyDictionary()


def mailboxes_of(host: "Host") -> Mailboxes:
    """The mailboxes of a host, whichever of its servers asks."""
    return _OF.setdefault(host, Mailboxes())


def address_of(host: "Host", name: str) -> str:
    """The mail address of who signs in by this name."""
    user = name.rpartition("\\")[2].lower()
    return user if "@" in user else f"{user}@{host.realm.domain}"


def may_sign_in(host: "Host", name: str, password: str) -> bool:
    """Report whether a name and password fit."""
    account = host.realm.accounts.get(address_of(host, name).partition("@")[0])
    return account is not None and account.password == password
