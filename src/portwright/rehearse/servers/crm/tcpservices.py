"""CRM's services on net.tcp: where they are, how a server of CRM calls one, and how one answers."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from portwright.protocols import organization_service, soap
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.nettcp import channel
from portwright.protocols.nettcp.channel import Call, Channel, Endpoint, Failure, Via
from portwright.protocols.ntlm.response import SignIn
from portwright.protocols.organization_service import Answer as Answered
from portwright.protocols.xmltree import Element, local
from portwright.rehearse.hosts.host import Host, Target, Unanswered
from portwright.rehearse.hosts.wire import Datagrams, Stream
from portwright.rehearse.servers.identity.passthrough import known
from portwright.rehearse.servers.identity.signing_in import acceptor_of
from portwright.rehearse.servers.identity.tickets import initiator
from portwright.rehearse.servers.role import Answer

_CONTEXT = "{http://schemas.microsoft.com/xrm/2011/Contracts}"  # of the headers CallerId and Depth

Handle = Callable[[Call], Awaitable[Element]]  # raises Refused with what the caller is told


class Caller:
    """A connection to a service, for one call after the other."""

    def __init__(self, host: Host, target: Target, wire: Stream | Datagrams, opened: Channel) -> None:
        self._host, self._target, self._wire, self._channel = host, target, wire, opened

    async def call(self, action: str, body: Element, headers: Iterable[Element] = ()) -> soap.Message:
        """What is answered. Raises Refused with the reason of a fault, Unanswered, Misspoken, EndOfStream."""
        try:
            return await self._host.converse(self._wire, self._target, self._channel.call(action, body, headers))
        except soap.Fault as fault:
            raise Refused(fault.reason) from None

    async def close(self) -> None:
        """End the session."""
        await self._host.converse(self._wire, self._target, self._channel.close())


@contextlib.asynccontextmanager
async def calling(host: Host, requirement: str, path: str, target: Target | None = None) -> AsyncIterator[Caller]:
    """A connection to a service of CRM, signed in as the host's own account. Raises Unanswered, FramingRefused."""
    where = target or host.targets(requirement)[0]
    shown = await initiator(host, host.realm.account_of(host.name), f"host/{where.name}")
    async with host.dial(requirement, where) as wire:
        address = f"net.tcp://{where.name}:{where.port}{path}"
        caller = Caller(host, where, wire, await host.converse(wire, where, channel.opened(address, shown)))
        yield caller
        with contextlib.suppress(OSError, EndOfStream, Misspoken):
            await caller.close()


def listening(host: Host, path: str, handle: Handle) -> Callable[[], Answer]:
    """What answers connections to a service, for its path alone: others share the port.

    Whoever signs in has to be one of CRM's servers. Who is no member of a domain comes without.
    """

    async def answer(question: object) -> object:
        match question:
            case Via(address) if _path(address) == path.lower():
                return Endpoint(lambda: acceptor_of(host), required=False)
            case SignIn():
                return await known(host, question)
            case Call(via=via) if _path(via) == path.lower():
                return await _handled(host, question, handle)
        return None

    return lambda: answer


def _path(address: str) -> str:
    return "/" + address.partition("//")[2].partition("/")[2].lower()


async def _handled(host: Host, call: Call, handle: Handle) -> Element | Failure:
    user = call.user.partition("@")[0].lower()
    if call.user and user not in {one.name.lower() for one in host.realm.computers.values()}:
        return Failure("Access is denied.")
    try:
        return await handle(call)
    except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
        host.say(f"{local(call.message.body)}: {problem}")
        return Failure(str(problem))


def context(user: str, depth: int = 1) -> tuple[Element, ...]:
    """The headers that say for whom a server calls, and how many plug-ins have called each other."""
    who, how_deep = Element(f"{_CONTEXT}CallerId"), Element(f"{_CONTEXT}Depth")
    who.text, how_deep.text = user, str(depth)
    return who, how_deep


def context_of(message: soap.Message) -> tuple[str, int]:
    """For whom a server calls, and the depth. Raises Refused where it does not say."""
    user, depth = message.header("CallerId"), message.header("Depth") or "1"
    if not user or not depth.isdecimal() or len(depth) > 3:
        raise Refused("The caller does not say for whom it calls.")
    return user, int(depth)


async def ask_organization(caller: Caller, call: organization_service.Call, user: str, depth: int = 1) -> Answered:
    """The organization service's answer to a call. Raises what `Caller.call` raises."""
    action = organization_service.action(type(call).__name__)
    return organization_service.answer_of(
        await caller.call(action, organization_service.asked(call), context(user, depth))
    )
