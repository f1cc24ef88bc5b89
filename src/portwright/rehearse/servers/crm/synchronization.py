"""Server-side synchronization: the E-mail Integration Service, which runs inside the Asynchronous Service."""

from portwright.protocols import ews
from portwright.protocols import organization_service as crm
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import Request
from portwright.protocols.organization_service import Answer as Told
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.crm.mail_carrier import Carried, Carrier, Means
from portwright.rehearse.servers.crm.organization import Organization

_AUTODISCOVER, _BY_REDIRECT = "crm.sync-autodiscover", "crm.sync-autodiscover-http"


class Database:
    """CRM by its database, as the Asynchronous Service sees it."""

    def __init__(self, host: Host) -> None:
        self._user = host.realm.administrator.name.lower()
        self._organization = Organization(host, "crm.async-database")

    async def ask(self, call: crm.Call) -> Told:
        """Do what the organization service does. Raises Unanswered, Refused, Misspoken."""
        return await self._organization.answer(self._user, call)


class Synchronization:
    """It serves nobody: it works when it is time."""

    def __init__(self, host: Host) -> None:
        self._host = host
        means = Means("crm.sync-exchange", "crm.sync-pop3", "crm.sync-smtp")
        self._carrier = Carrier(host, Database(host), means)

    async def work_once(self) -> Carried:
        """Carry what waits in the mailboxes that CRM lists."""
        return await self._carrier.work_once()

    async def find_exchange(self) -> str:
        """The address of Exchange Web Services, by Autodiscover or, where that is silent, by its redirect.

        Raises Unanswered, Refused, Misspoken.
        """
        box = (await self._carrier.mailboxes())[0]
        try:
            async with Visit(self._host, _AUTODISCOVER, password=(box.account.name, box.account.password)) as visit:
                answer = await visit.ask(ews.where_is(box.address))
            if answer.status != 200:
                raise Refused(f"Autodiscover: HTTP {answer.status}")
            return ews.ews_address(answer.body)
        except (Unanswered, EndOfStream, OSError) as problem:
            self._host.say(f"Autodiscover on HTTPS: {problem}")
            if not self._host.needs(_BY_REDIRECT):
                raise
        return await self.find_redirect()

    async def find_redirect(self) -> str:
        """Where Autodiscover on HTTP sends whoever asks. Raises Unanswered, Misspoken."""
        async with Visit(self._host, _BY_REDIRECT) as visit:
            answer = await visit.ask(Request("GET", ews.AUTODISCOVER))
        if answer.status != 302 or not answer.header("location"):
            raise Misspoken("Autodiscover on HTTP does not redirect")
        return answer.header("location")
