"""Exchange: mailboxes by Exchange Web Services, Autodiscover, and the sign-in of Outlook by MAPI over HTTP.

Outlook's own protocol carries remote operations that nobody else speaks; what is played of it is its sign-in and the
answer to its first request ([MS-OXCMAPIHTTP] 2.2.3.1), which is what a firewall can block.
"""

from collections.abc import Callable, Iterator, Mapping

from portwright.protocols import ews, soap
from portwright.protocols.conversation import Misspoken
from portwright.protocols.http import Request, Response, redirect
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.servers.identity.signing_in import guard_of
from portwright.rehearse.servers.mail.mailboxes import INBOX, SENT, Letter, Stored, letter_of, mailboxes_of
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.web import Guard, Handled, served

MAPI = "/mapi/emsmdb/"
_FOLDERS = INBOX, SENT, "msgfolderroot", "root", "deleteditems", "drafts", "outbox"


class ExchangeServer:
    """The mailboxes of an organization, for whoever signs in."""

    def __init__(self, host: Host) -> None:
        self._host, self._mailboxes = host, mailboxes_of(host)

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Everything on HTTPS, and the redirect of Autodiscover on HTTP."""
        return {
            "exchange/ews": self._connected,
            "exchange/outlook": self._connected,
            "exchange/autodiscover": self._connected,
            "exchange/autodiscover-http": lambda: self._redirect,
        }

    def _connected(self) -> Answer:
        guard = guard_of(self._host, passwords=True)

        async def answer(question: object) -> object:
            return await self._page(question, guard) if isinstance(question, Request) else None

        return answer

    async def _page(self, request: Request, guard: Guard) -> Response | None:
        path = request.path.lower()
        if path not in (ews.PATH.lower(), ews.AUTODISCOVER) and not path.startswith(MAPI):
            return None
        if stopped := await guard.stop(request):
            return stopped
        address = f"{guard.user}@{self._host.realm.domain}"
        if path.startswith(MAPI):
            return guard.passed(_mapi(request, self._host.fqdn))
        if path == ews.AUTODISCOVER:
            return guard.passed(self._found(request))
        return guard.passed(await served(request, lambda message: self._served(message, address)))

    async def _redirect(self, question: object) -> object:
        """[MS-OXDISCO] 3.1.5.4: a client follows a redirect to HTTPS from the port without TLS."""
        if isinstance(question, Request) and question.path.lower() == ews.AUTODISCOVER:
            return redirect(f"https://{self._host.fqdn}{ews.AUTODISCOVER}")
        return None

    def _found(self, request: Request) -> Response:
        try:
            address = ews.whose(request.body)
        except Misspoken as problem:
            return Response(400, str(problem).encode())
        scheme, port = self._host.setting("ews.scheme"), self._host.setting("ews.port")
        return ews.found_at(address, f"{scheme}://{self._host.fqdn}:{port}{ews.PATH}")

    async def _served(self, message: soap.Message, address: str) -> Handled:
        call = ews.call_of(message)
        return ews.told(call, tuple(self._parts(call, address))), (ews.server_header(),)

    def _parts(self, call: ews.Call, address: str) -> Iterator[ews.Part]:
        """One part for each thing that was asked for."""
        match call:
            case ews.GetFolder(folders):
                for name in folders:
                    count = len(self._mailboxes.folder(address, name))
                    yield ews.Folder(name, count) if name in _FOLDERS else "ErrorFolderNotFound"
            case ews.FindItem(folder):
                yield tuple(map(_listed, self._mailboxes.folder(address, folder)))
            case ews.CreateItem(item, disposition):
                yield self._create(item, disposition, address)
            case ews.GetItem(ids) | ews.SendItem(ids) | ews.DeleteItem(ids):
                for identity in ids:
                    found = self._mailboxes.get(address, identity)
                    yield self._one(call, found, address) if found else "ErrorItemNotFound"

    def _one(self, call: ews.Call, found: Stored, address: str) -> ews.Part:
        if isinstance(call, ews.GetItem):
            return (_shown(found),)
        self._mailboxes.delete(address, found.id)
        if isinstance(call, ews.SendItem):
            self._send(found.data, address)
        return ()

    def _create(self, item: ews.Item, disposition: str, address: str) -> ews.Part:
        letter = Letter(item.sender or address, item.to, item.subject, item.body)
        data = item.mime or letter.data
        if disposition == "SaveOnly":
            return (_listed(self._mailboxes.put(address, data, "drafts")),)
        if not letter_of(data).to:
            return "ErrorInvalidRecipients"
        self._send(data, address, keep=disposition == "SendAndSaveCopy")
        return ()

    def _send(self, data: bytes, address: str, *, keep: bool = True) -> None:
        letter = letter_of(data)
        self._mailboxes.deliver(letter.to, data)
        if keep:
            self._mailboxes.put(address, data, SENT)
        self._host.say(f"sent mail of {address} to {', '.join(letter.to)}")


def _listed(stored: Stored) -> ews.Item:
    letter = letter_of(stored.data)
    return ews.Item(stored.id, letter.sender, letter.to, letter.subject)


def _shown(stored: Stored) -> ews.Item:
    letter = letter_of(stored.data)
    return ews.Item(stored.id, letter.sender, letter.to, letter.subject, letter.body, stored.data)


def _mapi(request: Request, name: str) -> Response:
    """The answer to a request of Outlook: to PING, nothing but that it has arrived ([MS-OXCMAPIHTTP] 2.2.6)."""
    asked, number = request.header("x-requesttype"), request.header("x-requestid")
    code = "0" if asked in ("PING", "Connect", "Disconnect") else "5"  # 5: invalid request type
    headers = (
        ("content-type", "application/mapi-http"),
        ("x-requesttype", asked or "PING"),
        ("x-requestid", number),
        ("x-responsecode", code),
        ("x-serverapplication", "Exchange/15.00.0516.032"),
        ("x-serverinfo", name),
    )
    body = b"PROCESSING\r\nDONE\r\nX-ResponseCode: " + code.encode() + b"\r\nX-ElapsedTime: 0\r\n\r\n"
    return Response(200, body, headers)


def outlook(kind: str = "PING") -> Request:
    """What Outlook asks first."""
    headers = (
        ("Content-Type", "application/mapi-http"),
        ("X-RequestType", kind),
        ("X-RequestId", "{00000000-0000-0000-0000-000000000001}:1"),
        ("X-ClientApplication", "Outlook/15.0.4420.1017"),
    )
    return Request("POST", MAPI, headers)


def greeted(response: Response) -> bool:
    """Report whether the other side is the Exchange that Outlook asks for."""
    return response.status == 200 and response.header("x-responsecode") == "0"
