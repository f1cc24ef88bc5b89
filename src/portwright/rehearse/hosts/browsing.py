"""A user's browser on a host: it keeps connections and cookies, follows redirects, and fills in sign-in forms."""

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from types import TracebackType
from typing import Self

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Request, Response, formed
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.identity.tickets import initiating

CRM, STS, PARTNER = "crm.web", "crm.sign-in", "crm.sign-in-elsewhere"
_FORM_TYPE = "application/x-www-form-urlencoded"
_MOST_HOPS = 12
_ASIDE = re.compile(r"<(title|button)\b[^>]*>[^<]*</\1>", re.IGNORECASE)


@dataclass(slots=True)
class Form(HTMLParser):
    """The form on a page: where it goes, and what stands in its fields."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    found: bool = False

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take up a form or one of its fields."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found, self.action = True, values.get("action", "")
        if tag == "input" and self.found and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")


class Browser:
    """A browser in which somebody works. Used as a context manager."""

    def __init__(self, host: Host, account: Account, site: str = CRM) -> None:
        self.host, self.account = host, account
        self._site = site  # the requirement by which this computer reaches CRM
        self._visits: dict[str, Visit] = {}
        self._open = AsyncExitStack()
        self._cookies: dict[str, dict[str, str]] = {}  # by requirement

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def open(
        self, target: str, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> Response:
        """Open a page of CRM, or post to it, and sign in on the way where that is asked.

        Raises Unanswered, Refused where the page is an error, and Misspoken.
        """
        try:
            return await self._opened(target, body, kind, headers or {})
        except (Unanswered, Refused, Misspoken) as problem:
            self.host.say(f"{self.account.name} sees: {problem}")
            raise

    async def _opened(self, target: str, body: bytes, kind: str, headers: dict[str, str]) -> Response:
        more = tuple(headers.items()) + ((("Content-Type", kind),) if kind else ())
        requirement, request = self._site, Request("POST" if body else "GET", target, more, body)
        for _ in range(_MOST_HOPS):
            response = await self._ask(requirement, request)
            onward = self._onward(requirement, request, response)
            if onward is None:
                return _good(response)
            requirement, request = onward
        raise Refused("the browser is sent to and fro without end")

    async def _ask(self, requirement: str, request: Request) -> Response:
        if requirement not in self._visits:
            visit = Visit(self.host, requirement, initiate=initiating(self.host, self.account))
            self._visits[requirement] = await self._open.enter_async_context(visit)
        cookies = self._cookies.setdefault(requirement, {})
        if cookies:
            brought = "; ".join(f"{name}={value}" for name, value in cookies.items())
            request = replace(request, headers=(*request.headers, ("Cookie", brought)))
        response = await self._visits[requirement].ask(request)
        for one in response.all("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            cookies[name.strip()] = value.strip()
        return response

    def _onward(self, requirement: str, request: Request, response: Response) -> tuple[str, Request] | None:
        """Where the browser goes from a page by itself, or as the user signs in; None where it stays."""
        if response.status in (301, 302, 303, 307) and (location := response.header("location")):
            return self._place(location, requirement), Request("GET", _path(location))
        if response.status != 200 or "text/html" not in response.header("content-type"):
            return None
        form = Form()
        form.feed(response.text)
        if "Password" in form.fields:
            form.fields |= {"UserName": self._login, "Password": self.account.password}
        elif "wresult" not in form.fields:
            return None
        action = form.action or request.target
        data = formed(form.fields).encode()
        return self._place(action, requirement), Request("POST", _path(action), (("Content-Type", _FORM_TYPE),), data)

    @property
    def _login(self) -> str:
        return f"{self.account.name}@{self.host.realm.domain}"

    def _place(self, address: str, here: str) -> str:
        """The requirement by which this computer reaches an address."""
        if "//" not in address:
            return here
        name = address.partition("//")[2].partition("/")[0].partition(":")[0]
        if self.host.needs(PARTNER) and name in {one.name for one in self.host.targets(PARTNER)}:
            return PARTNER
        return STS if _path(address).lower().startswith("/adfs/") else self._site


def _path(address: str) -> str:
    scheme, slashes, rest = address.partition("//")
    return "/" + rest.partition("/")[2] if slashes and scheme.endswith(":") else address


def _good(response: Response) -> Response:
    if response.status == 401 and response.header("www-authenticate"):
        raise Refused("the browser asks for the password again and again (HTTP 401)")
    if response.status >= 400:
        raise Refused(f"{_words(response)} (HTTP {response.status})")
    if not 200 <= response.status < 300:
        raise Misspoken(f"HTTP {response.status}")
    return response


def _words(response: Response) -> str:
    """The beginning of an error page, without its tags, its title and its buttons."""
    text = _ASIDE.sub("", response.text[:2000])
    while "<" in text:
        before, _, rest = text.partition("<")
        text = before + " " + rest.partition(">")[2]
    return " ".join(text.split())[:200]
