"""Web Application Proxy: ends the connections from the Internet, and opens its own to AD FS and CRM."""

from collections.abc import Callable, Mapping

from portwright.protocols.conversation import EndOfStream, Misspoken
from portwright.protocols.http import Request, Response, page
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.role import Answer

_FEDERATION = "/adfs/", "/federationmetadata/"
_OF_A_CONNECTION = frozenset(  # RFC 9110, 7.6.1: not passed on
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade content-length host".split()
)


class WebApplicationProxy:
    """Passes requests on: those for AD FS to it, all others to CRM."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """What it publishes."""
        names = "adfs/web", "adfs/certificate-sign-in", "adfs/proxied-sign-in", "crm/web"
        return dict.fromkeys(names, self._connected)

    def _connected(self) -> Answer:
        async def answer(question: object) -> object:
            return await self._passed_on(question) if isinstance(question, Request) else None

        return answer

    async def _passed_on(self, request: Request) -> Response:
        is_federation = request.path.lower().startswith(_FEDERATION)
        requirement, failure = ("adfs.proxy", 503) if is_federation else ("crm.proxied-web", 502)
        if not self._host.needs(requirement):
            return page("There is no such page here.", 404)
        headers = tuple((name, value) for name, value in request.headers if name.lower() not in _OF_A_CONNECTION)
        onward = Request(request.method, request.target, (("Host", request.header("host")), *headers), request.body)
        try:
            async with Visit(self._host, requirement) as visit:
                found = await visit.ask(onward)
        except (Unanswered, Misspoken, EndOfStream, OSError) as problem:
            self._host.say(f"cannot pass on {request.method} {request.path}: {problem}")
            return page(f"Web Application Proxy: HTTP {failure}", failure)
        kept = tuple((name, value) for name, value in found.headers if name.lower() not in _OF_A_CONNECTION)
        return Response(found.status, found.body, kept)
