"""A host's visits to web sites and web services: connections held open, and signing in where it is asked for."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from portwright.protocols import soap
from portwright.protocols.conversation import EndOfStream
from portwright.protocols.http import Request, Response, basic, exchange, negotiate, token_of
from portwright.protocols.xmltree import Element
from portwright.rehearse.hosts.host import Host, Target
from portwright.rehearse.hosts.wire import Datagrams, Stream

_MOST_LEGS = 5  # of a negotiation


class Initiator(Protocol):
    """Who negotiates for a client, as `protocols.spnego` does."""

    token: bytes

    def step(self, answer: bytes) -> bytes:
        """What to say next; nothing where all is said."""


Initiate = Callable[[str], Awaitable[Initiator]]  # by the service principal name


class Visit:
    """A visit: one connection, or the next where the server has closed it. Used as a context manager.

    `initiate` signs in by Negotiate, `password` by Basic, each only where the server asks for it.
    """

    def __init__(
        self,
        host: Host,
        requirement: str,
        *,
        initiate: Initiate | None = None,
        password: tuple[str, str] | None = None,
        target: Target | None = None,
    ) -> None:
        self._host, self._requirement = host, requirement
        self._initiate, self._password = initiate, password
        self.target = target or host.targets(requirement)[0]
        self._open = AsyncExitStack()
        self._wire: Stream | Datagrams | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._wire = None
        await self._open.aclose()

    @property
    def address(self) -> str:
        """The address of the site, as a browser shows it."""
        scheme = "https" if self.target.is_secure else "http"
        usual = {"https": 443, "http": 80}[scheme]
        return f"{scheme}://{self.target.name}" + (f":{self.target.port}" if self.target.port != usual else "")

    async def ask(self, request: Request) -> Response:
        """Ask, and sign in where that is wanted. Raises Unanswered, Refused, Misspoken, EndOfStream."""
        response = await self._exchange(request)
        if response.status != 401:
            return response
        offered = {one.partition(" ")[0].lower() for one in response.all("www-authenticate")}
        if self._initiate and "negotiate" in offered:
            return await self._negotiated(request, await self._initiate(f"HTTP/{self.target.name}"))
        if self._password and "basic" in offered:
            return await self._exchange(_with(request, basic(*self._password)))
        return response

    async def call(self, path: str, body: Element, action: str = "", **more: object) -> soap.Message:
        """Call a web service. Raises what `ask` raises, and Fault."""
        return soap.result(await self.ask(soap.posted(path, body, action, **more)))  # type: ignore[arg-type]

    async def _negotiated(self, request: Request, initiator: Initiator) -> Response:
        token = initiator.token
        for _ in range(_MOST_LEGS):
            response = await self._exchange(_with(request, negotiate(token)))
            answers = (token_of(one, "Negotiate") for one in response.all("www-authenticate"))
            answer = next(filter(None, answers), b"")
            token = initiator.step(answer) if answer else b""
            if response.status != 401 or not token:
                return response
        return response

    async def _exchange(self, request: Request) -> Response:
        wire, is_old = self._wire, self._wire is not None
        if wire is None:
            wire = self._wire = await self._open.enter_async_context(self._host.dial(self._requirement, self.target))
        try:
            talk = exchange(request, self.address.partition("//")[2])
            response = await self._host.converse(wire, self.target, talk)
        except (EndOfStream, ConnectionError):
            await self._leave()
            if is_old:  # a server may close a connection that waits (RFC 9112, 9.5)
                return await self._exchange(request)
            raise
        except Exception:
            await self._leave()  # nobody knows any more what comes next on it
            raise
        if response.closes:
            await self._leave()
        return response


def _with(request: Request, authorization: str) -> Request:
    return replace(request, headers=(*request.headers, ("Authorization", authorization)))
