"""The Front End Server of CRM: who signs in, by a ticket or by a token of AD FS, and the pages behind."""

import secrets
from collections.abc import Callable, Mapping

from portwright.protocols import saml, wsfed
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import Request, Response, form, formed, page, redirect
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.hosts.host import Host, Unanswered, Unplanned
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.crm.organization import Organization
from portwright.rehearse.servers.crm.pages import Pages
from portwright.rehearse.servers.identity.federation import SIGN_IN, farm_signer, relying_party, web_names
from portwright.rehearse.servers.identity.signing_in import guard_of, known_user
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.web import Guard

COOKIE = "MSISAuth"  # of the session, where users sign in with claims


class _Stranger(Exception):
    """Somebody whom the directory does not know."""


class FrontEnd:
    """The web site: whoever has not signed in sees nothing of it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.pages = Pages(host, Organization(host))
        self._sessions: dict[str, str] = {}  # by cookie: the user
        self._known: set[str] = set()  # users that the directory knows
        self._with_tokens = host.setting("authentication") == "claims"
        stored = (farm_signer(host.realm.domain).certificate,) if self._with_tokens else ()
        self.certificates: tuple[str, ...] = stored  # of AD FS, as the administrator has entered them

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """The web site, and the redirect to it where it has moved to HTTPS."""
        connected = self._with_claims if self._with_tokens else self._integrated
        return {"crm/web": connected, "crm/deployment-web": connected, "crm/web-redirect": lambda: self._moved}

    def _realm(self, request: Request) -> str:
        """The web site among those that trust AD FS, by the name by which the browser has reached it."""
        asked = request.header("host").partition(":")[0].lower()
        return relying_party(asked if asked in self._host.shared(web_names) else self._host.fqdn)

    def _integrated(self) -> Answer:
        guard = guard_of(self._host)

        async def answer(question: object) -> object:
            if not isinstance(question, Request):
                return None
            if question.path == wsfed.METADATA:
                return self._metadata(question)
            return await guard.stop(question) or guard.passed(await self._shown(question, guard.user))

        return answer

    def _with_claims(self) -> Answer:
        services = guard_of(self._host)  # web services of other servers come with tickets

        async def answer(question: object) -> object:
            return await self._claimed(question, services) if isinstance(question, Request) else None

        return answer

    async def _claimed(self, request: Request, services: Guard) -> Response:
        if request.path == wsfed.METADATA:
            return self._metadata(request)
        fields = form(request.body.decode("utf-8", "replace")) if request.method == "POST" else {}
        if "wresult" in fields:
            return self._entered(fields, self._realm(request))
        if user := self._sessions.get(request.cookies.get(COOKIE, "")):
            return await self._shown(request, user)
        if "/XRM" in request.path and services.acceptor:
            stopped = await services.stop(request)
            return stopped or services.passed(await self._shown(request, services.user))
        if not self._host.needs("crm.federation-metadata"):
            return page("An error has occurred: there is no security token service.", 500)
        return redirect(
            f"{self._issuer}?{wsfed.sign_in_query(wsfed.SignIn(self._realm(request), formed({'ru': request.target})))}"
        )

    def _metadata(self, request: Request) -> Response:
        """What AD FS has to know of this web site; anybody may read it."""
        realm = self._realm(request)
        return Response(200, wsfed.published(wsfed.Metadata(realm, realm)))

    @property
    def _issuer(self) -> str:
        """Where the browser is sent to."""
        servers = self._host.targets("crm.federation-metadata")
        return f"https://{servers[0].name}{SIGN_IN}"

    def _entered(self, fields: Mapping[str, str], realm: str) -> Response:
        """Somebody comes back with a token: a session begins."""
        problem = "nobody has signed it"
        for certificate in self.certificates:
            try:
                claims = saml.verified(fields["wresult"], certificate, realm, now())
            except (Refused, Misspoken) as no:
                problem = str(no)
                continue
            cookie = secrets.token_urlsafe(24)
            self._sessions[cookie] = claims.upn.partition("@")[0].lower()
            where = form(fields.get("wctx", "")).get("ru", "/")
            where = where if where.startswith("/") and not where.startswith("//") else "/"
            return redirect(where, (("set-cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; Secure"),))
        self._host.say(f"a token is refused: {problem}")
        return page("An error has occurred. The sign-in could not be checked.", 403)

    async def _shown(self, request: Request, user: str) -> Response:
        """The page for a user, or what the user sees where something behind it fails."""
        try:
            await self._know(user)
            return await self.pages(request, user) or page("There is no such page here.", 404)
        except _Stranger:
            return page("You are not a Microsoft Dynamics CRM user.", 403)
        except (Unanswered, Unplanned, Refused, Misspoken, EndOfStream, OSError) as problem:
            self._host.say(f"{request.method} {request.path}: {problem}")
            return page("An error has occurred. Try this action again.", 500)

    async def _know(self, user: str) -> None:
        """Ask for a user who comes for the first time: the domain, and the forest for the groups. Raises _Stranger."""
        if user in self._known:
            return
        try:
            for requirement in filter(self._host.needs, ("ad.ldap", "ad.global-catalog")):
                await known_user(self._host, requirement, user)
        except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
            self._host.say(f"the directory does not say who {user} is: {problem}")
            raise _Stranger from None
        self._known.add(user)

    async def _moved(self, question: object) -> object:
        """The old address: CRM answers by HTTPS now."""
        if not isinstance(question, Request):
            return None
        port = self._host.setting("web.port")
        return redirect(f"https://{self._host.fqdn}{'' if port == '443' else f':{port}'}{question.target}")

    async def work_once(self) -> None:
        """Read the metadata of AD FS, with the certificates that sign. Raises Unanswered, Refused, Misspoken."""
        if not self._host.needs("crm.federation-metadata"):
            return
        async with Visit(self._host, "crm.federation-metadata") as visit:
            found = wsfed.metadata_of((await visit.ask(Request("GET", wsfed.METADATA))).body)
        self.certificates = found.certificates or self.certificates
        self._host.say(f"read the metadata of {found.entity}")
