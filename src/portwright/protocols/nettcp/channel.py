"""Calls of services over net.tcp: SOAP 1.2 with addressing in binary messages, one connection for many calls.

A server asks its application `Via` at the beginning, and then `Call` for each message; both are frozen values.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import uuid4

from portwright.protocols import soap
from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, ask, send, take
from portwright.protocols.nettcp import framing
from portwright.protocols.nettcp.binaryxml import Strings, from_text, to_text
from portwright.protocols.nettcp.framing import Preamble, Record, expect
from portwright.protocols.nettcp.security import Acceptor, Initiator, Secured, accept, initiate
from portwright.protocols.xmltree import Element, SubElement, register_namespace

ADDRESSING = "http://www.w3.org/2005/08/addressing"
ANONYMOUS = f"{ADDRESSING}/anonymous"
_MUST = "{http://www.w3.org/2003/05/soap-envelope}mustUnderstand"
register_namespace("a", ADDRESSING)


# -- the client's side


@dataclass(slots=True)
class Channel:
    """An open connection to a service, for one call after the other."""

    via: str
    strings: Strings
    secured: Secured | None = None

    def call(self, action: str, body: Element, headers: Iterable[Element] = ()) -> Talk[soap.Message]:
        """What is answered. Raises soap.Fault for a fault, FramingRefused, Misspoken."""
        sent = f"urn:uuid:{uuid4()}"
        blocks = [*_addressed(action, sent, self.via), *headers]
        talk = _asked(soap.envelope(body, blocks, "1.2"), self.strings)
        message = yield from (self.secured.run(talk) if self.secured else talk)
        if message.header("RelatesTo") not in ("", sent):
            raise Misspoken("this answers another call")
        return message

    def close(self) -> Talk[None]:
        """End the session."""
        talk = send(framing.END)
        yield from (self.secured.run(talk) if self.secured else talk)


def opened(via: str, package: Initiator | None = None) -> Talk[Channel]:
    """A connection to the service at an address, secured by the package where there is one.

    Raises FramingRefused where there is no such service, or it wants another security; Refused, Misspoken.
    """
    yield from send(Preamble(via, upgrade=framing.NEGOTIATE if package else "").packed())
    if package is None:
        yield from expect(Record.PREAMBLE_ACK)
        return Channel(via, Strings())
    yield from expect(Record.UPGRADE_RESPONSE)
    secured = Secured((yield from initiate(package)))
    yield from secured.run(_acknowledged())
    return Channel(via, Strings(), secured)


def probe(via: str) -> Talk[str]:
    """What a server of net.tcp says to an address: each of its words proves that it is one."""
    try:
        yield from opened(via)
    except framing.FramingRefused as refused:
        return f"refused: {refused}"
    return "accepted"


def _acknowledged() -> Talk[None]:
    yield from send(framing.PREAMBLE_END)
    yield from expect(Record.PREAMBLE_ACK)


def _asked(document: bytes, strings: Strings) -> Talk[soap.Message]:
    yield from send(framing.envelope(from_text(document)))
    answer = yield from framing.next_envelope()
    if answer is None:
        raise EndOfStream("the service ends in place of an answer")
    return soap.opened(to_text(answer, strings))


def _addressed(action: str, sent: str, to: str) -> Iterable[Element]:
    """The headers of a request (WS-Addressing 1.0, 3)."""
    yield _header("Action", action)
    yield _header("MessageID", sent, must=False)
    reply = Element(f"{{{ADDRESSING}}}ReplyTo")
    SubElement(reply, f"{{{ADDRESSING}}}Address").text = ANONYMOUS
    yield reply
    yield _header("To", to)


def _header(name: str, text: str, *, must: bool = True) -> Element:
    found = Element(f"{{{ADDRESSING}}}{name}", {_MUST: "1"} if must else {})
    found.text = text
    return found


# -- the server's side


@dataclass(frozen=True, slots=True)
class Via:
    """Which service a client wants, by its address."""

    address: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The application's answer to `Via`: there is such a service. None says that there is not."""

    acceptor: Callable[[], Acceptor] | None = None  # for clients that say who they are
    required: bool = True  # where there is one: nobody else is served


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A message for a service. The application answers the body's element, or `Failure`."""

    via: str
    action: str
    message: soap.Message
    user: str  # the principal; empty where nobody has signed in


@dataclass(frozen=True, slots=True)
class Failure:
    """The application's answer to `Call`: it cannot be done, for this reason."""

    reason: str


def server() -> Talk[None]:
    """Serve one connection to its end. Raises Misspoken and Refused where the client is none."""
    first = yield from framing.preamble()
    endpoint: Endpoint | None = yield from ask(Via(first.via))
    wrong = _wrong(first, endpoint)
    if wrong or endpoint is None:
        yield from send(framing.fault(wrong or "EndpointNotFound"))
    elif endpoint.acceptor is None or not first.upgrade:
        yield from send(framing.PREAMBLE_ACK)
        yield from _served(first.via, "")
    else:
        yield from send(framing.UPGRADE_RESPONSE)
        accepted = yield from accept(endpoint.acceptor())
        yield from Secured(accepted.context).run(_served_after_preamble(first.via, str(accepted.client)))


def _wrong(first: Preamble, endpoint: Endpoint | None) -> str:
    """The fault that a preamble gets ([MC-NMF] 2.2.5); empty where it gets none."""
    if endpoint is None:
        return "EndpointNotFound"
    if first.mode != framing.DUPLEX:
        return "UnsupportedMode"
    if first.encoding not in (framing.BINARY, framing.BINARY_SESSION):
        return "ContentTypeInvalid"
    if not first.upgrade:
        return "UpgradeInvalid" if endpoint.acceptor and endpoint.required else ""
    return "" if endpoint.acceptor and first.upgrade == framing.NEGOTIATE else "UpgradeInvalid"


def _served_after_preamble(via: str, user: str) -> Talk[None]:
    if (yield from take(1))[0] != Record.PREAMBLE_END:
        raise Misspoken("after the negotiation the preamble ends")
    yield from send(framing.PREAMBLE_ACK)
    yield from _served(via, user)


def _served(via: str, user: str) -> Talk[None]:
    """One message after the other."""
    strings = Strings()
    while (data := (yield from framing.next_envelope())) is not None:
        message = soap.opened(to_text(data, strings))
        call = Call(via, message.header("Action"), message, user)
        answer: Element | Failure = yield from ask(call)
        yield from send(framing.envelope(from_text(_answered(call, answer))))
    yield from send(framing.END)


def _answered(call: Call, answer: Element | Failure) -> bytes:
    failed = isinstance(answer, Failure)
    headers = [_header("Action", f"{ADDRESSING}/fault" if failed else f"{call.action}Response")]
    if sent := call.message.header("MessageID"):
        headers.append(_header("RelatesTo", sent, must=False))
    if isinstance(answer, Failure):
        return soap.fault(answer.reason, "Client", "1.2", headers)
    return soap.envelope(answer, headers, "1.2")
