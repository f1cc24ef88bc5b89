"""Citrix: the page on which users of thin clients sign in and choose a program.

The sessions themselves are greeted only: nobody outside Citrix speaks their protocol.
"""

import secrets
from collections.abc import Callable, Mapping

from portwright.protocols.http import Request, Response, form, page, redirect
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.servers.mail.mailboxes import address_of, may_sign_in
from portwright.rehearse.servers.role import Answer

PORTAL = "/Citrix/StoreWeb/"
PROGRAM = "Microsoft Dynamics CRM"
_COOKIE = "CtxsAuthId"
_FORM = (
    '<html><head><title>Citrix StoreFront</title></head><body><form method="post" action="{}">'
    '<input name="UserName"><input name="Password" type="password"><button>Log On</button></form>{}</body></html>'
)


class Gateway:
    """The portal."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._sessions: dict[str, str] = {}

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Its pages."""
        return {"citrix/portal": lambda: self._answer}

    async def _answer(self, question: object) -> object:
        if not isinstance(question, Request) or not question.path.startswith("/Citrix/"):
            return None
        return self._signed_in(question) if question.method == "POST" else self._shown(question)

    def _signed_in(self, request: Request) -> Response:
        given = form(request.body.decode("utf-8", "replace"))
        name = given.get("UserName", "")
        if not may_sign_in(self._host, name, given.get("Password", "")):
            return page(_FORM.format(PORTAL, "<p>Incorrect user name or password.</p>"), 401)
        cookie = secrets.token_urlsafe(24)
        self._sessions[cookie] = address_of(self._host, name)
        self._host.say(f"{self._sessions[cookie]} has signed in")
        return redirect(PORTAL, (("set-cookie", f"{_COOKIE}={cookie}; Path=/Citrix; HttpOnly; Secure"),))

    def _shown(self, request: Request) -> Response:
        user = self._sessions.get(request.cookies.get(_COOKIE, ""))
        if user is None:
            return page(_FORM.format(PORTAL, ""))
        return page(
            f"<html><head><title>Citrix StoreFront</title></head><body><ul><li>{PROGRAM}</li></ul></body></html>"
        )
