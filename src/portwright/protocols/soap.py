"""SOAP 1.1 (W3C Note of May 2000) and 1.2 (W3C 2007): envelopes, their headers and faults, over HTTP."""

from collections.abc import Iterable
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Headers, Request, Response
from portwright.protocols.xmltree import (
    Element,
    SubElement,
    child,
    children,
    local,
    parsed,
    register_namespace,
    text_of,
    written,
)

_NAMESPACE = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
_PREFIX = {"1.1": "soap", "1.2": "soap12"}
_CONTENT_TYPE = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}
_LONGEST_REASON = 500  # characters that are repeated of what a server says
for _version, _space in _NAMESPACE.items():
    register_namespace(_PREFIX[_version], _space)


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What an envelope holds: the header blocks and the first element of the body, without a name where it is empty."""

    headers: tuple[Element, ...]
    body: Element
    version: str = "1.1"

    @property
    def operation(self) -> str:
        """The local name of the body's element."""
        return local(self.body)

    def header(self, name: str) -> str:
        """The text of a header block; empty where there is none."""
        return next(((one.text or "").strip() for one in self.headers if local(one) == name), "")


class Fault(Refused):
    """The other side answered with a fault, in its own words."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}" if code else reason)
        self.code, self.reason = code, reason


def envelope(body: Element | None, headers: Iterable[Element] = (), version: str = "1.1") -> bytes:
    """An envelope as a document."""
    space = _NAMESPACE[version]
    root = Element(f"{{{space}}}Envelope")
    if blocks := tuple(headers):
        SubElement(root, f"{{{space}}}Header").extend(blocks)
    SubElement(root, f"{{{space}}}Body").extend(() if body is None else (body,))
    return written(root)


def opened(data: bytes) -> Message:
    """What an envelope holds. Raises Misspoken for what is none, and Fault for a fault."""
    root = parsed(data)
    version = next((one for one, space in _NAMESPACE.items() if root.tag == f"{{{space}}}Envelope"), None)
    if version is None:
        raise Misspoken("no SOAP envelope")
    body = next(iter(child(root, "Body")), None)
    if body is None:
        body = Element("")  # WS-Management says everything in the header where it deletes something
    if body.tag == f"{{{_NAMESPACE[version]}}}Fault":
        raise _fault(body, version)
    blocks = tuple(block for header in children(root, "Header")[:1] for block in header)
    return Message(blocks, body, version)


def _fault(body: Element, version: str) -> Fault:
    if version == "1.1":
        code, reason = text_of(body, "faultcode", default=""), text_of(body, "faultstring", default="")
    else:
        code, reason = text_of(body, "Code", "Value", default=""), text_of(body, "Reason", "Text", default="")
    return Fault(code[:_LONGEST_REASON], reason[:_LONGEST_REASON])


def fault(reason: str, code: str = "Client", version: str = "1.1", headers: Iterable[Element] = ()) -> bytes:
    """A fault as a document; `Client` and `Server` are the codes of SOAP 1.1, `Sender` and `Receiver` those of 1.2."""
    space = _NAMESPACE[version]
    body = Element(f"{{{space}}}Fault")
    if version == "1.1":
        SubElement(body, "faultcode").text = _qualified(version, code)
        SubElement(body, "faultstring").text = reason
    else:
        words = {"Client": "Sender", "Server": "Receiver"}
        value = SubElement(SubElement(body, f"{{{space}}}Code"), f"{{{space}}}Value")
        value.text = _qualified(version, words.get(code, code))
        told = SubElement(SubElement(body, f"{{{space}}}Reason"), f"{{{space}}}Text")
        told.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
        told.text = reason
    return envelope(body, headers, version)


def _qualified(version: str, code: str) -> str:
    """The code with the prefix that its namespace is written with."""
    return f"{_PREFIX[version]}:{code}"


def posted(target: str, body: Element, action: str = "", *, headers: Iterable[Element] = (), version: str = "1.1",
           more: Headers = ()) -> Request:  # fmt: skip
    """The request that carries an envelope. `more` are headers of HTTP."""
    kind = _CONTENT_TYPE[version]
    own: Headers = (("SOAPAction", f'"{action}"'),) if version == "1.1" else ()
    kind = kind if version == "1.1" or not action else f'{kind}; action="{action}"'
    return Request("POST", target, (("Content-Type", kind), *own, *more), envelope(body, headers, version))


def answered(body: Element, headers: Iterable[Element] = (), version: str = "1.1") -> Response:
    """The response that carries an envelope."""
    return Response(200, envelope(body, headers, version), (("content-type", _CONTENT_TYPE[version]),))


def failed(reason: str, code: str = "Client", version: str = "1.1") -> Response:
    """The response that carries a fault."""
    return Response(500, fault(reason, code, version), (("content-type", _CONTENT_TYPE[version]),))


def result(response: Response) -> Message:
    """What an answer holds. Raises Fault for a fault, Refused for another status, Misspoken for what is no SOAP."""
    if response.status not in (200, 500) or (response.status == 500 and not response.body):
        raise Refused(f"HTTP {response.status}")
    return opened(response.body)
