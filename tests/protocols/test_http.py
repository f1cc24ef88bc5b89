"""HTTP is spoken as its standard says, with clients of other makers and with our own."""

import contextlib
import shutil
import subprocess

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import EndOfStream, Misspoken, send, some
from portwright.protocols.http import (
    LARGEST_BODY,
    Request,
    Response,
    basic,
    credentials,
    exchange,
    form,
    formed,
    negotiate,
    page,
    quoted,
    redirect,
    server,
    token_of,
    unquoted,
)


def echo(request):
    """What was asked, said back."""
    if request.path == "/away":
        return redirect("/there")
    return Response(200, f"{request.method} {request.path} {request.body.decode()}".encode(), (("x-a", "1"),))


def several(*requests):
    """Ask each on one connection."""
    found = []
    for one in requests:
        came = yield from exchange(one, "crm")
        found.append(came)
    return found


def said(data):
    """A server that takes something and says those bytes."""
    yield from some()
    yield from send(data)


def test_several_exchanges_share_a_connection():
    """The client asks again where it has an answer."""
    first, second, third = talked(
        several(Request("GET", "/a%20b?x=1"), Request("POST", "/c", body=b"hello"), Request("HEAD", "/")),
        server(),
        echo,
    )
    assert (first.status, first.text, first.header("X-A")) == (200, "GET /a b ", "1")
    assert second.text == "POST /c hello"
    assert (third.body, third.header("content-length")) == (b"", "7")


def test_httpx_is_served():
    """A client of another maker, with keep-alive, a redirect and a large body in pieces."""
    with served(server, echo) as port, httpx.Client(base_url=f"http://{HOME}:{port}") as client:
        assert client.get("/x").text == "GET /x "
        assert client.get("/away", follow_redirects=True).text == "GET /there "
        assert client.post("/y", content=iter([b"a" * 100_000, b"b"])).text.endswith("aab")


def test_curl_is_served():
    """Another one, which asks whether it may go on before it sends a large body."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    with served(server, echo) as port:
        found = subprocess.run(
            [curl, "-s", "--max-time", "10", "-H", "Expect: 100-continue", "-d", "@-", f"http://{HOME}:{port}/z"],
            input=b"q" * 2_000_000, capture_output=True, timeout=60, check=True,
        ).stdout  # fmt: skip
    assert found == b"POST /z " + b"q" * 2_000_000


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.0 404 No\r\n\r\nuntil the end", 404, b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n", 204, b""),
    ],
)
def test_the_client_reads_what_servers_may_say(raw, status, body):
    """Bodies in chunks, to the end of the connection, or none."""
    found = talked(exchange(Request("GET", "/")), said(raw))
    assert (found.status, found.body) == (status, body)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 18),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (LARGEST_BODY + 1),
    ],
)
def test_the_client_takes_nothing_else(raw):
    """What is no answer, or too much of one."""
    with pytest.raises(Misspoken):
        talked(exchange(Request("GET", "/")), said(raw))


def test_a_request_that_cannot_be_written_is_misspoken():
    """A header with a line break in it is never sent."""
    with pytest.raises(Misspoken):
        next(exchange(Request("GET", "/", (("X", "a\r\nB: c"),))))


def test_the_server_says_what_is_wrong_with_a_request():
    """By status 400, or 413 where the body is too large, and ends."""

    def client(data):
        yield from send(data)
        return (yield from some())

    assert talked(client(b"nonsense\r\n\r\n"), server(), echo).startswith(b"HTTP/1.1 400 ")
    large = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + b"a" * (LARGEST_BODY + 1)
    assert talked(client(large), server(), echo).startswith(b"HTTP/1.1 413 ")


def test_an_answer_that_closes_says_so():
    """Then the client knows that it has to dial again."""
    found = talked(exchange(Request("GET", "/")), server(), lambda _: Response(200, b"", closes=True))
    assert found.closes


@given(st.binary(max_size=300))
def test_whatever_comes_ends_in_a_value_or_says_why_not(noise):
    """At the client and at the server."""
    for raw in (noise, b"HTTP/1.1 200 OK\r\n" + noise):
        with contextlib.suppress(Misspoken, EndOfStream):
            assert isinstance(talked(exchange(Request("GET", "/")), said(raw)), Response)
    for raw in (noise, b"POST / HTTP/1.1\r\nHost: x\r\n" + noise):
        talked(send(raw), server(), echo)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5))
def test_forms_come_back_as_they_were(fields):
    """Whatever characters are in them; lone surrogates are no text."""
    fields = {k.encode("utf-8", "ignore").decode(): v.encode("utf-8", "ignore").decode() for k, v in fields.items()}
    fields.pop("", None)
    assert form(formed(fields)) == fields
    assert all(unquoted(quoted(one)) == one for one in fields)


def test_headers_of_authentication_come_back():
    """Basic and Negotiate; anything else is none."""
    assert credentials(basic("ada", "a:b")) == ("ada", "a:b")
    assert credentials("Basic ???") is None
    assert token_of(negotiate(b"\x60abc"), "negotiate") == b"\x60abc"
    assert token_of("Negotiate", "Negotiate") == b""
    assert token_of("NTLM TlRM", "Negotiate") is None


def test_cookies_are_read():
    """Each by its name."""
    assert Request("GET", "/", (("Cookie", "a=1; MSISAuth=x=y"),)).cookies == {"a": "1", "MSISAuth": "x=y"}
    assert page("hi").header("content-type").startswith("text/html")
