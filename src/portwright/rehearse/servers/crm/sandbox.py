"""The Sandbox Processing Service: it runs plug-ins for front ends and the Asynchronous Service, apart from both.

How they hand it a plug-in is CRM's own affair; ours says the same in a SOAP message of our own.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack

from portwright.protocols import organization_service, soap
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.nettcp.channel import Call
from portwright.protocols.organization_service import Answer as Answered
from portwright.protocols.organization_service import Call as Asked
from portwright.protocols.organization_service import Create, Record, Update
from portwright.protocols.xmltree import Element, SubElement, child, text_of
from portwright.rehearse.hosts.host import Host, Target, Unanswered
from portwright.rehearse.servers.crm.addresses import SANDBOX_CALLBACK, SANDBOX_HOST
from portwright.rehearse.servers.crm.plugins import PLUGINS
from portwright.rehearse.servers.crm.tcpservices import (
    Caller,
    ask_organization,
    calling,
    context,
    context_of,
    listening,
)
from portwright.rehearse.servers.role import Answer

EXECUTE = "urn:portwright:sandbox/Execute"
_NAMESPACE = "{urn:portwright:sandbox}"


class Sandbox:
    """A sandbox worker."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """The service on net.tcp."""
        return {"crm/sandbox-host": listening(self._host, SANDBOX_HOST, self._execute)}

    async def _execute(self, call: Call) -> Element:
        """Run a plug-in for its record."""
        body = call.message.body
        plugin = PLUGINS.get(text_of(body, "PluginType"))
        if call.action != EXECUTE or plugin is None:
            raise Refused(f"There is no plug-in {text_of(body, 'PluginType')[:80]}.")
        user, depth = context_of(call.message)
        targets = _ordered(self._host.targets("crm.sandbox-callback"), text_of(body, "Caller", default=""))
        done = Element(f"{_NAMESPACE}ExecuteResponse")
        async with AsyncExitStack() as connection:
            back: list[Caller] = []  # the connection by which the plug-in calls back, once it has

            async def service(asked: Asked) -> Answered:
                if not back:
                    back.append(await self._called_back(targets, connection))
                return await ask_organization(back[0], asked, user, depth + 1)

            SubElement(done, f"{_NAMESPACE}ExecuteResult").text = await plugin(service, _target_record(body))
        return done

    async def _called_back(self, targets: Iterable[Target], connection: AsyncExitStack) -> Caller:
        """A connection to the organization service of the first front end that answers."""
        last: Unanswered | None = None
        for target in targets:
            try:
                service = calling(self._host, "crm.sandbox-callback", SANDBOX_CALLBACK, target)
                return await connection.enter_async_context(service)
            except Unanswered as problem:
                last = problem
        raise Refused(f"the plug-in cannot call the organization service: {last}")


def _ordered(targets: tuple[Target, ...], caller: str) -> list[Target]:
    """A plug-in calls the front end back from which it was called, or any where it was called from none."""
    own = [one for one in targets if one.exchange.destination == caller]
    return own or list(targets)


def _target_record(body: Element) -> Record:
    asked = organization_service.call_of(soap.Message((), child(body, "Target")[0]))
    if not isinstance(asked, Create | Update):
        raise Misspoken("plug-ins run for records that are created or changed")
    return asked.record


async def run_plugin(host: Host, requirement: str, plugin: str, record: Record, user: str, depth: int = 1) -> str:
    """What a plug-in says that it did, once a sandbox has run it.

    Raises Refused with what went wrong in it, Unanswered where no sandbox answers, Misspoken, EndOfStream.
    """
    body = Element(f"{_NAMESPACE}Execute")
    SubElement(body, f"{_NAMESPACE}PluginType").text = plugin
    SubElement(body, f"{_NAMESPACE}Caller").text = host.name
    SubElement(body, f"{_NAMESPACE}Target").append(organization_service.asked(Update(record)))
    last: Unanswered | None = None
    for target in host.targets(requirement):
        try:
            async with calling(host, requirement, SANDBOX_HOST, target) as service:
                answer = await service.call(EXECUTE, body, context(user, depth))
                return text_of(answer.body, "ExecuteResult")
        except Unanswered as problem:
            last = problem
    assert last is not None  # `targets` names one at least
    raise last
