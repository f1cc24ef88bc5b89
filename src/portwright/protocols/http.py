"""HTTP/1.1 (RFC 9110, RFC 9112) over h11: requests and responses as values, many on one connection."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h11

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, ask, send, some

Headers = tuple[tuple[str, str], ...]
LARGEST_HEAD = 1 << 17  # bytes; tickets of users in many groups are large
LARGEST_BODY = 1 << 24  # bytes
_MOST_INTERIM = 16  # responses such as 100 Continue before the one that counts
_MOST_FIELDS = 1000  # of a form
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3
_REASONS = {200: "OK", 201: "Created", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
            404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large", 500: "Internal Server Error",
            502: "Bad Gateway", 503: "Service Unavailable"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `target` is the path with its query, as it stands on the first line."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header; empty where there is none."""
        return _first(self.headers, name)

    @property
    def path(self) -> str:
        """The target without its query, percent signs decoded."""
        return unquoted(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The fields of the query."""
        return form(self.target.partition("?")[2])

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the client brings (RFC 6265, 4.2)."""
        pairs = (one.strip().partition("=") for one in self.header("cookie").split(";")[:_MOST_FIELDS])
        return {name: value for name, _, value in pairs if name}


@dataclass(frozen=True, slots=True)
class Response:
    """A response. `closes`: the server ends the connection after it."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    closes: bool = False

    def header(self, name: str) -> str:
        """The first value of a header; empty where there is none."""
        return _first(self.headers, name)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    @property
    def text(self) -> str:
        """The body as UTF-8 text; what is none, replaced."""
        return self.body.decode("utf-8", "replace")


def page(text: str, status: int = 200, headers: Headers = ()) -> Response:
    """An HTML page."""
    return Response(status, text.encode(), (("content-type", "text/html; charset=utf-8"), *headers))


def redirect(where: str, headers: Headers = ()) -> Response:
    """Send the browser elsewhere."""
    return Response(302, b"", (("location", where), *headers))


# -- the two sides


def exchange(request: Request, host: str = "localhost") -> Talk[Response]:
    """Ask once and take the answer; again and again on one connection, until an answer `closes` it.

    `host` is the Host header where the request has none. Raises Misspoken for what is no HTTP.
    """
    connection = h11.Connection(h11.CLIENT, LARGEST_HEAD)
    headers = request.headers if request.header("host") else (("Host", host), *request.headers)
    if request.body and not request.header("content-length"):
        headers = (*headers, ("Content-Length", str(len(request.body))))
    try:
        opening = h11.Request(method=request.method, target=request.target, headers=_raw(headers))
        yield from send(b"".join(_written(connection, opening, request.body)))
        found = yield from _answer(connection)
    except h11.ProtocolError as problem:
        raise Misspoken(f"no HTTP: {problem}") from None
    if connection.trailing_data[0]:
        raise Misspoken("more came than one answer")
    return found


def _answer(connection: h11.Connection) -> Talk[Response]:
    for _ in range(_MOST_INTERIM):
        event = yield from _next(connection)
        if isinstance(event, h11.Response):
            body = yield from _body(connection)
            return Response(event.status_code, body, _texts(event.headers), connection.their_state is h11.MUST_CLOSE)
        if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
            raise Misspoken("no answer to the request")
    raise Misspoken("too many interim answers")


def server() -> Talk[None]:
    """Ask the application for the Response to each Request (None: no such page), until the client ends."""
    connection = h11.Connection(h11.SERVER, LARGEST_HEAD)
    while True:
        try:
            request = yield from _request(connection)
        except h11.RemoteProtocolError as problem:
            yield from _refuse(connection, problem)
            return
        except EndOfStream:
            return
        response: Response = (yield from ask(request)) or page("There is no such page here.", 404)
        yield from send(_response(connection, request, response))
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


def _request(connection: h11.Connection) -> Talk[Request]:
    event = yield from _next(connection)
    if not isinstance(event, h11.Request):
        raise EndOfStream("the client has ended")
    if connection.they_are_waiting_for_100_continue:
        interim = h11.InformationalResponse(status_code=100, headers=[])
        yield from send(connection.send(interim) or b"")
    body = yield from _body(connection)
    return Request(event.method.decode("ascii"), event.target.decode("ascii"), _texts(event.headers), body)


def _refuse(connection: h11.Connection, problem: h11.RemoteProtocolError) -> Talk[None]:
    """Say what is wrong with a request, where an answer can still be given."""
    if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        refusal = Response(problem.error_status_hint, str(problem).encode(), (("connection", "close"),))
        yield from send(_response(connection, Request("GET", "/"), refusal))


def _response(connection: h11.Connection, request: Request, response: Response) -> bytes:
    headers = [*response.headers, ("content-length", str(len(response.body)))]
    if response.closes:
        headers.append(("connection", "close"))
    reason = _REASONS.get(response.status, "").encode()
    head = h11.Response(status_code=response.status, headers=_raw(tuple(headers)), reason=reason)
    has_body = request.method != "HEAD" and response.status not in (204, 304)
    return b"".join(_written(connection, head, response.body if has_body else b""))


def _written(connection: h11.Connection, head: h11.Event, body: bytes) -> Iterator[bytes]:
    events = [head, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
    yield from (data for event in events if (data := connection.send(event)))


def _next(connection: h11.Connection) -> Talk[object]:
    """The next event. Raises EndOfStream where the other side has ended before it said anything."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        data = yield from some()
        connection.receive_data(data)
    if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
        raise EndOfStream("the other side ended without an answer")
    return event


def _body(connection: h11.Connection) -> Talk[bytes]:
    found = bytearray()
    while isinstance(event := (yield from _next(connection)), h11.Data):
        found += event.data
        if len(found) > LARGEST_BODY:
            raise h11.RemoteProtocolError("the body is too large", 413)
    return bytes(found)


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in headers]


def _texts(headers: h11._headers.Headers) -> Headers:
    return tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in headers)


def _first(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name.lower()), "")


# -- what headers, targets and forms carry


def basic(user: str, password: str) -> str:
    """The Authorization header of a name and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def credentials(authorization: str) -> tuple[str, str] | None:
    """The name and the password of a Basic Authorization header; None where it is none."""
    token = token_of(authorization, "Basic")
    if token is None:
        return None
    user, colon, password = token.decode("utf-8", "replace").partition(":")
    return (user, password) if colon else None


def token_of(header: str, scheme: str) -> bytes | None:
    """The token of a challenge or of credentials in base64; None for another scheme or what is no base64."""
    named, _, token = header.strip().partition(" ")
    if named.lower() != scheme.lower():
        return None
    try:
        return base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def negotiate(token: bytes, scheme: str = "Negotiate") -> str:
    """A Negotiate challenge or Authorization header with its token (RFC 4559); or one of NTLM ([MS-NTHT] 2.1)."""
    return (f"{scheme} " + base64.b64encode(token).decode("ascii")).rstrip()


def quoted(text: str) -> str:
    """The text as a part of a URI (RFC 3986, 2.1)."""
    return "".join(chr(one) if one in _PLAIN else f"%{one:02X}" for one in text.encode())


def unquoted(text: str) -> str:
    """The text that a part of a URI stands for; what is no UTF-8, replaced."""
    raw = text.encode("utf-8", "replace")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda pair: bytes([int(pair[1], 16)]), raw).decode("utf-8", "replace")


def form(data: str) -> dict[str, str]:
    """The fields of a query or of a posted form; of one name the first counts."""
    found: dict[str, str] = {}
    for field in data.split("&")[:_MOST_FIELDS]:
        name, _, value = field.replace("+", " ").partition("=")
        if name:
            found.setdefault(unquoted(name), unquoted(value))
    return found


def formed(fields: Mapping[str, str]) -> str:
    """The fields as a query, or as the body of a posted form."""
    return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in fields.items())
