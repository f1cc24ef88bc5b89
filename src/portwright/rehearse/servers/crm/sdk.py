"""The organization service on net.tcp: for the reports of Reporting Services, and for plug-ins that call back."""

from collections.abc import Callable, Mapping

from portwright.protocols import organization_service
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.nettcp.channel import Call
from portwright.protocols.organization_service import Records, RetrieveMultiple
from portwright.protocols.xmltree import Element
from portwright.rehearse.hosts.host import Host, Target
from portwright.rehearse.servers.crm.addresses import SANDBOX_CALLBACK, SDK_LISTENER
from portwright.rehearse.servers.crm.organization import Organization
from portwright.rehearse.servers.crm.tcpservices import (
    ask_organization,
    calling,
    context_of,
    listening,
)
from portwright.rehearse.servers.role import Answer


class SdkListener:
    """The listeners of a front end on net.tcp; they share their port."""

    def __init__(self, host: Host) -> None:
        self._host, self.organization = host, Organization(host)

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Both listeners."""
        return {
            "crm/sdk-listener": listening(self._host, SDK_LISTENER, self._for_reports),
            "crm/sandbox-callback": listening(self._host, SANDBOX_CALLBACK, self._for_plugins),
        }

    async def _for_reports(self, call: Call) -> Element:
        """Reports read, and do nothing else."""
        asked = organization_service.call_of(call.message)
        if not isinstance(asked, RetrieveMultiple):
            raise Refused("Reports retrieve records, and do nothing else.")
        user, depth = context_of(call.message)
        return organization_service.told(asked, await self.organization.answer(user, asked, depth))

    async def _for_plugins(self, call: Call) -> Element:
        asked = organization_service.call_of(call.message)
        user, depth = context_of(call.message)
        return organization_service.told(asked, await self.organization.answer(user, asked, depth))


async def fetch_data_set(host: Host, user: str, fetch: str, target: Target | None = None) -> Records:
    """What a report server reads by FetchXML for a user, named by account or systemuserid.

    Raises Unanswered, Refused with what the front end says, Misspoken, EndOfStream.
    """
    async with calling(host, "crm.fetch-report", SDK_LISTENER, target) as caller:
        found = await ask_organization(caller, RetrieveMultiple(fetch), user)
    if not isinstance(found, Records):
        raise Misspoken("the front end does not answer with records")
    return found
