"""AD FS: signs users in for web sites that trust it, by a password that Active Directory or a partner has checked.

A user comes by redirect (WS-Federation), gives name and password on a form, and is sent back with a signed token.
"""

from collections.abc import Callable, Mapping
from functools import cache

from portwright.protocols import saml, wsfed
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import Request, Response, form, page, redirect
from portwright.protocols.kerberos import Principal, sign_in
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.identity.signing_in import known_user
from portwright.rehearse.servers.mail.mailboxes import address_of, may_sign_in
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.table import spoken

SIGN_IN = "/adfs/ls/"
_SECURE_CHANNEL = "ad.rpc-mapper", "ad.rpc-dynamic", "ad.rpc-directory", "ad.rpc-netlogon"
_FORM = (
    '<html><head><title>Sign In</title></head><body><form method="post">'
    '<input name="UserName"><input name="Password" type="password"><button>Sign in</button></form>{}</body></html>'
)


@cache
def farm_signer(domain: str) -> saml.Signer:
    """What signs the tokens of a farm: every server of it has the same."""
    return saml.make_signer(domain)


class _SignInPages:
    """The pages of a security token service, whoever checks the passwords."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def entity(self) -> str:
        """Who says so in its tokens."""
        return f"http://{self._host.realm.domain}/adfs/services/trust"

    @property
    def signer(self) -> saml.Signer:
        """What signs its tokens."""
        return farm_signer(self._host.realm.domain)

    async def answer(self, question: object) -> object:
        """The page for a request; None where it is for somebody else."""
        if not isinstance(question, Request):
            return None
        if question.path == wsfed.METADATA:
            return self._metadata()
        return await self._sign_in(question) if question.path.rstrip("/") == SIGN_IN.rstrip("/") else None

    def _metadata(self) -> Response:
        address = f"https://{self._host.fqdn}{SIGN_IN}"
        document = wsfed.published(wsfed.Metadata(self.entity, address, (self.signer.certificate,)))
        return Response(200, document, (("content-type", "application/samlmetadata+xml"),))

    async def _sign_in(self, request: Request) -> Response:
        given = form(request.body.decode("utf-8", "replace"))
        wanted = wsfed.sign_in_of(request.query) or wsfed.sign_in_of(form(given.get("wctx", "")))
        if wanted is None or not self.trusts(wanted.realm):
            return page("An error occurred: there is no relying party trust for this request.", 400)
        if request.method != "POST":
            return self.elsewhere(wanted) or page(_FORM.format(""))
        try:
            claims = await self.claims(given)
        except (Refused, Misspoken) as problem:  # also where nobody could check
            self._host.say(f"nobody is signed in: {problem}")
            return page(_FORM.format("<p>Incorrect user ID or password.</p>"), 401)
        except (Unanswered, EndOfStream, OSError) as problem:
            self._host.say(f"no claims: {problem}")
            return page("An error occurred. Contact your administrator.", 503)
        token = saml.issued(saml.Claims(self.entity, wanted.realm, claims), self.signer, now())
        self._host.say(f"a token for {wanted.realm}: {claims.get(saml.UPN, '')}")
        return wsfed.posted_back(self.reply_to(wanted.realm), token, wanted.context)

    def trusts(self, realm: str) -> bool:
        """Report whether tokens are issued for this web site."""
        raise NotImplementedError

    def reply_to(self, realm: str) -> str:
        """Where the browser posts a token for this web site."""
        return realm

    def elsewhere(self, wanted: wsfed.SignIn) -> Response | None:
        """Where somebody else checks the credentials; None where it is this one."""
        del wanted
        return None

    async def claims(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """What is said of who gave this in the form. Raises Refused, Misspoken, Unanswered."""
        raise NotImplementedError


def web_names(hosts: Hosts) -> frozenset[str]:
    """The names by which somebody reaches a front end of CRM: its own, of an address in front, of a proxy."""
    found = {one.name for targets in hosts.targets.values() for one in targets if one.service == "crm/web"}
    return frozenset(found | {one.fqdn for one in hosts.values() if "crm/front-end" in one.components})


def relying_party(name: str) -> str:
    """The web site of that name, as it stands among those that trust AD FS."""
    return f"https://{name}/"


class FederationServer(_SignInPages):
    """A federation server: it asks Active Directory, or takes the token of another identity provider."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.partners = self._stored()  # identity providers by their entity: their metadata as they are known

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """The sign-in pages, the federation service, and the configuration of the farm."""
        names = "adfs/web", "adfs/certificate-sign-in", "adfs/federation", "adfs/synchronization"
        return dict.fromkeys(names, lambda: self.answer)

    def _stored(self) -> dict[str, wsfed.Metadata]:
        """What the administrator has entered: the identity provider of the site, where there is one."""
        if not self._host.needs("adfs.identity-provider"):
            return {}
        name = self._host.targets("adfs.identity-provider")[0].name
        found = wsfed.Metadata(f"http://{name}/trust", f"https://{name}{SIGN_IN}", (partner_signer(name).certificate,))
        return {found.entity: found}

    def trusts(self, realm: str) -> bool:
        """Of the CRM web sites only."""
        return realm in map(relying_party, self._host.shared(web_names))

    def elsewhere(self, wanted: wsfed.SignIn) -> Response | None:
        """To the identity provider that the request names, or the only one where Active Directory is none."""
        chosen = self.partners.get(wanted.issuer)
        if chosen is None and self._host.setting("claims.provider") == "other":
            chosen = next(iter(self.partners.values()), None)
        if chosen is None:
            return None
        onward = wsfed.SignIn(self.entity, wsfed.sign_in_query(wanted))
        return redirect(f"{chosen.address}?{wsfed.sign_in_query(onward)}")

    async def claims(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Of a token that a partner has issued, or of a name and a password."""
        if "wresult" in given:
            return self._passed_on(given["wresult"])
        user = address_of(self._host, given.get("UserName", "")).partition("@")[0]
        await self._check(user, given.get("Password", ""))
        entry = await known_user(self._host, "adfs.claims", user)
        return {saml.UPN: entry["userPrincipalName"] or address_of(self._host, user), saml.NAME: user}

    async def _check(self, user: str, password: str) -> None:
        """Have a domain controller check a password, over its secure channel too. Raises Refused, Misspoken."""
        principal = Principal.of(user, self._host.realm.name)
        try:
            for requirement in filter(self._host.needs, _SECURE_CHANNEL):
                await self._host.call(requirement, lambda one: spoken(one.service).handshake(self._host, one))
            await self._host.call("ad.kerberos", lambda _: sign_in(principal, password, now()))
        except (Unanswered, EndOfStream, OSError) as problem:
            raise Refused(f"nobody checks the password: {problem}") from None

    def _passed_on(self, token: str) -> Mapping[str, str]:
        problem = Refused("there is no other identity provider")
        for partner in self.partners.values():
            for certificate in partner.certificates:
                try:
                    return saml.verified(token, certificate, self.entity, now()).values
                except Refused as no:
                    problem = no
        raise problem

    async def work_once(self) -> None:
        """Read the metadata of those who are trusted. Raises Unanswered, Refused, Misspoken."""
        await self._metadata_by("crm.relying-party-metadata")
        partners = await self._metadata_by("adfs.identity-provider")
        self.partners = {one.entity: one for one in partners} or self.partners
        self._host.say("read the metadata of those who are trusted")

    async def _metadata_by(self, requirement: str) -> list[wsfed.Metadata]:
        found = []
        for target in self._host.targets(requirement) if self._host.needs(requirement) else ():
            async with Visit(self._host, requirement, target=target) as visit:
                found.append(wsfed.metadata_of((await visit.ask(Request("GET", wsfed.METADATA))).body))
        return found


@cache
def partner_signer(name: str) -> saml.Signer:
    """What signs the tokens of another identity provider."""
    return saml.make_signer(name)


class IdentityProvider(_SignInPages):
    """The identity provider of a partner: it knows its own users, and issues tokens for AD FS alone."""

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Its sign-in pages."""
        return {"adfs/identity-provider": lambda: self.answer}

    @property
    def entity(self) -> str:
        """By its own name."""
        return f"http://{self._host.fqdn}/trust"

    @property
    def signer(self) -> saml.Signer:
        """Its own."""
        return partner_signer(self._host.fqdn)

    def trusts(self, realm: str) -> bool:
        """Of AD FS only."""
        return realm == f"http://{self._host.realm.domain}/adfs/services/trust"

    def reply_to(self, realm: str) -> str:
        """To the sign-in pages of AD FS."""
        del realm
        return f"https://sts.{self._host.realm.domain}{SIGN_IN}"

    async def claims(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Of its own users."""
        name = given.get("UserName", "")
        if not may_sign_in(self._host, name, given.get("Password", "")):
            raise Refused("name or password is wrong")
        user = address_of(self._host, name)
        return {saml.UPN: user, saml.NAME: user.partition("@")[0]}
