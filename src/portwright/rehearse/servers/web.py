"""What the web servers of a rehearsal have in common: who asks, by Negotiate or by a password, and SOAP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from portwright.protocols import soap
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Request, Response, credentials, negotiate, page, token_of
from portwright.protocols.xmltree import Element


class Acceptor(Protocol):
    """Who negotiates for a server: one for each connection."""

    async def step(self, token: bytes) -> bytes:
        """What to answer. Raises Refused where nobody is accepted."""

    @property
    def user(self) -> str:
        """Who has been accepted; empty until then."""


_WAYS = "Negotiate", "NTLM"  # RFC 4559, 4; [MS-NTHT] 2.1
Check = Callable[[str, str], Awaitable[str]]  # name and password -> the user; empty where they do not fit


@dataclass(slots=True)
class Guard:
    """Asks whoever connects who it is, and remembers it as long as the connection lasts."""

    acceptor: Callable[[], Acceptor] | None = None  # Negotiate, and NTLM without negotiation
    check: Check | None = None  # Basic
    user: str = ""
    _negotiating: Acceptor | None = None
    _last: bytes = field(default=b"")  # the token that goes back with the first page
    _way: str = _WAYS[0]

    async def stop(self, request: Request) -> Response | None:
        """What to answer to somebody who has not signed in yet; None lets the request pass."""
        authorization = request.header("authorization")
        if not authorization:
            return None if self.user else self._challenge()
        for way in _WAYS if self.acceptor else ():
            if (token := token_of(authorization, way)) is not None:
                self._way = way
                return await self._step(token)
        said = credentials(authorization)
        if said is None or self.check is None:
            return self._challenge()
        self.user = await self.check(*said)
        return None if self.user else self._challenge()

    async def _step(self, token: bytes) -> Response | None:
        assert self.acceptor is not None
        if self._negotiating is None or self._negotiating.user:
            self._negotiating = self.acceptor()
        try:
            self._last = await self._negotiating.step(token)
        except (Refused, Misspoken):
            self._negotiating, self.user = None, ""
            return self._challenge()
        self.user = self._negotiating.user
        return None if self.user else self._challenge(self._last)

    def passed(self, response: Response) -> Response:
        """The page with the last token of the negotiation, by which the server proves itself."""
        if not self._last:
            return response
        token, self._last = self._last, b""
        return replace(response, headers=(*response.headers, ("www-authenticate", negotiate(token, self._way))))

    def _challenge(self, token: bytes = b"") -> Response:
        ways = [negotiate(token, self._way)] if token else [negotiate(b"", way) for way in _WAYS if self.acceptor]
        ways += ['Basic realm="rehearsal"'] if self.check and not token else []
        return page("401 - Unauthorized", 401, tuple(("www-authenticate", one) for one in ways))


Handled = tuple[Element, tuple[Element, ...]]  # body and header blocks


async def served(request: Request, handle: Callable[[soap.Message], Awaitable[Handled | Element]]) -> Response:
    """Answer a SOAP call; whatever is wrong with it, by a fault."""
    version = "1.2" if "soap+xml" in request.header("content-type") else "1.1"
    if request.method != "POST":
        return page("A web service: post SOAP here.", 405, (("allow", "POST"),))
    try:
        message = soap.opened(request.body)
        version = message.version
        handled = await handle(message)
    except Misspoken as problem:
        return soap.failed(str(problem), "Client", version)
    except Refused as problem:
        return soap.failed(str(problem), "Server", version)
    body, headers = handled if isinstance(handled, tuple) else (handled, ())
    return soap.answered(body, headers, version)
