"""The E-mail Router: it asks CRM's web services what to send, and brings them what has come."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from portwright.protocols import organization_service as crm
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.organization_service import Answer as Told
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.crm.mail_carrier import Carried, Carrier, Means
from portwright.rehearse.servers.identity.tickets import initiating
from portwright.rehearse.servers.mail.mailboxes import letter_of
from portwright.rehearse.servers.role import Answer

_MEANS = Means("crm.router-exchange", "crm.router-pop3", "crm.router-smtp")
_FORWARDED = "crm.router-forward-mailbox", "crm.router-forward-pop3"  # by Exchange, by POP3


class WebServices:
    """CRM by its web services, on one connection."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def ask(self, call: crm.Call) -> Told:
        """Call the organization service. Raises Unanswered, Refused, Misspoken."""
        name = type(call).__name__
        return crm.answer_of(await self._visit.call(crm.PATH, crm.asked(call), crm.action(name)))


class EmailRouter:
    """It serves nobody: it works when it is time, as an account that may act for all users."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """None."""
        return {}

    async def work_once(self) -> Carried:
        """Carry what waits, also what was forwarded to the mailbox that it reads for everybody."""
        initiate = initiating(self._host, self._host.realm.administrator)
        async with Visit(self._host, "crm.router-web", initiate=initiate) as visit:
            carrier = Carrier(self._host, WebServices(visit), _MEANS)
            carried = await carrier.work_once()
            if any(map(self._host.needs, _FORWARDED)):
                try:
                    await self._read_forwarded(carrier, carried)
                except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
                    self._host.say(f"the forward mailbox: {problem}")
                    carried.problems.append(problem)
        return carried

    async def _read_forwarded(self, carrier: Carrier, carried: Carried) -> None:
        """Each message belongs to whom it was sent to, though it lies in the mailbox of the administrator."""
        boxes = await carrier.mailboxes()
        account = self._host.realm.administrator
        address = forward_address(self._host)
        exchange, pop3 = _FORWARDED
        for one in dict.fromkeys(box.comes for box in boxes):
            if not self._host.needs(exchange if one == "ews" else pop3):
                continue
            forward = replace(boxes[0], address=address, account=account, comes=one)
            for data in await carrier.fetch(forward, pop3_by=pop3, exchange_by=exchange):
                for box in boxes:
                    if box.address.lower() in {to.lower() for to in letter_of(data).to}:
                        carried.received += await carrier.promote(data, box)


def forward_address(host: Host) -> str:
    """The mailbox to which the users' rules forward mail."""
    return f"{host.realm.administrator.name.lower()}@{host.realm.domain}"
