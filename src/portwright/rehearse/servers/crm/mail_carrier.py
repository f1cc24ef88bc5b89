"""Mail between CRM and mailboxes, whoever carries it: the E-mail Router, or the Asynchronous Service.

Outgoing are the messages that wait as Pending Send; incoming ones become activities, each once.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol, TypeVar
from xml.sax.saxutils import quoteattr

from portwright.protocols import ews, pop3, smtp, soap
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.organization_service import (
    Answer,
    Call,
    Create,
    Record,
    Records,
    Reference,
    RetrieveMultiple,
    Update,
    Value,
)
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.mail.mailboxes import INBOX, Letter, letter_of

T = TypeVar("T")
PENDING, SENT, RECEIVED = 6, 3, 4  # statuscode of an email
COMPLETED = 1  # statecode
Way = Literal["ews", "pop3", "smtp"]
_WAYS: Mapping[str, tuple[Way, Way]] = {  # by profile: how mail comes, and how it goes
    "exchange": ("ews", "ews"),
    "pop3-smtp": ("pop3", "smtp"),
    "exchange-smtp": ("ews", "smtp"),
    "pop3-exchange": ("pop3", "ews"),
}
_MAILBOXES = '<fetch><entity name="mailbox"><all-attributes /></entity></fetch>'


@dataclass(frozen=True, slots=True)
class Means:
    """The requirements by which a carrier reaches mail servers."""

    exchange: str
    pop3: str
    smtp: str


@dataclass(slots=True)
class Carried:
    """What came of one round."""

    received: int = 0
    sent: int = 0
    problems: list[Exception] = field(default_factory=list)


class Crm(Protocol):
    """CRM, as the carrier reaches it."""

    async def ask(self, call: Call) -> Answer:
        """Call the organization service. Raises Unanswered, Refused, Misspoken."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whose mail is carried, and how."""

    address: str
    owner: str  # systemuserid
    account: Account
    comes: Way
    goes: Way


class Carrier:
    """Carries mail for the mailboxes of an organization."""

    def __init__(self, host: Host, crm: Crm, means: Means) -> None:
        self._host, self._crm, self._means = host, crm, means

    async def work_once(self) -> Carried:
        """Carry what waits, both ways. What cannot be done now is told, and tried again in the next round."""
        carried = Carried()
        for box in await self._tried(carried, self.mailboxes) or ():
            for record in await self._tried(carried, partial(self._pending, box)) or ():
                await self._tried(carried, partial(self._send, box, record, carried))
            await self._tried(carried, partial(self._receive, box, carried))
        return carried

    async def _tried(self, carried: Carried, work: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await work()
        except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
            self._host.say(str(problem) or type(problem).__name__)
            carried.problems.append(problem)
            return None

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        """The mailboxes that CRM lists; with the profile `both` every other one is of Exchange."""
        profile, found = self._host.setting("mail.profile"), []
        for place, one in enumerate(await self._records(_MAILBOXES)):
            address = str(one.attributes.get("emailaddress", ""))
            account = self._host.realm.accounts.get(address.partition("@")[0].lower())
            if account is None:
                continue
            comes, goes = _WAYS.get(profile) or _WAYS[("exchange", "pop3-smtp")[place % 2]]
            found.append(Mailbox(address, _id_of(one.attributes.get("ownerid")), account, comes, goes))
        return tuple(found)

    async def _records(self, fetch: str) -> tuple[Record, ...]:
        answer = await self._crm.ask(RetrieveMultiple(fetch))
        return answer.records if isinstance(answer, Records) else ()

    # -- outgoing

    async def _pending(self, box: Mailbox) -> tuple[Record, ...]:
        return await self._records(_emails(ownerid=box.owner, statuscode=str(PENDING)))

    async def _send(self, box: Mailbox, record: Record, carried: Carried) -> None:
        fields = {name: str(value or "") for name, value in record.attributes.items()}
        to = tuple(one.strip() for one in fields.get("torecipients", "").split(";") if one.strip())
        letter = Letter(box.address, to, fields.get("subject", ""), fields.get("description", ""))
        if box.goes == "smtp":
            await self._by_smtp(box, letter)
        else:
            item = ews.Item(sender=letter.sender, to=to, subject=letter.subject, body=letter.body, mime=letter.data)
            await self._exchange(box, ews.CreateItem(item, "SendAndSaveCopy"))
        changed: dict[str, Value] = {"statuscode": SENT, "statecode": COMPLETED}
        await self._crm.ask(Update(Record("email", record.id, changed)))
        carried.sent += 1
        self._host.say(f"sent mail of {box.address} to {', '.join(to)}")

    async def _by_smtp(self, box: Mailbox, letter: Letter) -> None:
        mail = smtp.Mail(letter.sender, letter.to, letter.data)
        target = self._host.targets(self._means.smtp)[0]
        mode = target.lookup("smtp.mode")
        login = None if mode == "relay" else smtp.Login(box.account.name, box.account.password)
        await self._host.call(
            self._means.smtp, lambda _: smtp.client(mail, login, tls=mode == "submission", name=self._host.fqdn), target
        )

    # -- incoming

    async def _receive(self, box: Mailbox, carried: Carried) -> None:
        for data in await self.fetch(box):
            carried.received += await self.promote(data, box)

    async def fetch(self, box: Mailbox, *, pop3_by: str = "", exchange_by: str = "") -> tuple[bytes, ...]:
        """The messages in a mailbox; they stay there. The requirements are the usual ones unless they are named."""
        if box.comes == "pop3":
            login = pop3.Login(box.account.name, box.account.password)
            return await self._host.call(pop3_by or self._means.pop3, lambda _: pop3.client(login))
        async with self._mailbox(box, exchange_by) as visit:
            listed = ews.items_of(await _called(visit, ews.FindItem(INBOX)))
            if not listed:
                return ()
            found = ews.items_of(await _called(visit, ews.GetItem(tuple(one.id for one in listed))))
        return tuple(one.mime for one in found)

    async def promote(self, data: bytes, box: Mailbox) -> int:
        """Make an activity of a message, unless there is one already; how many were made."""
        letter, identity = letter_of(data), hashlib.sha256(data).hexdigest()[:32]
        if await self._records(_emails(messageid=identity)):
            return 0
        fields: dict[str, Value] = {
            "subject": letter.subject, "description": letter.body, "sender": letter.sender, "messageid": identity,
            "torecipients": "; ".join(letter.to), "directioncode": False, "statuscode": RECEIVED,
            "statecode": COMPLETED, "ownerid": Reference("systemuser", box.owner),
        }  # fmt: skip
        await self._crm.ask(Create(Record("email", attributes=fields)))
        self._host.say(f"mail of {letter.sender} to {box.address} is an activity now")
        return 1

    async def _exchange(self, box: Mailbox, call: ews.Call) -> tuple[ews.Item, ...]:
        async with self._mailbox(box) as visit:
            return ews.items_of(await _called(visit, call))

    def _mailbox(self, box: Mailbox, requirement: str = "") -> Visit:
        account = box.account.name, box.account.password
        return Visit(self._host, requirement or self._means.exchange, password=account)


async def _called(visit: Visit, call: ews.Call) -> soap.Message:
    return await visit.call(ews.PATH, ews.asked(call), ews.action(call), headers=(ews.version_header(),))


def _emails(**conditions: str) -> str:
    """A query for the emails of which these attributes have these values."""
    tests = "".join(
        f'<condition attribute="{name}" operator="eq" value={quoteattr(value)} />' for name, value in conditions.items()
    )
    return f'<fetch><entity name="email"><all-attributes /><filter>{tests}</filter></entity></fetch>'


def _id_of(value: Value) -> str:
    return value.id if isinstance(value, Reference) else str(value or "")
