"""WS-Management as Windows Remote Management speaks it ([MS-WSMV]): identify, and run a command in a shell."""

import base64
import binascii
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from portwright.protocols import soap
from portwright.protocols.conversation import Misspoken, Talk
from portwright.protocols.http import Headers, Request, Response, exchange
from portwright.protocols.xmltree import Element, SubElement, child, children, local, text_of

PATH = "/wsman"
_IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"  # [MS-WSMV] 2.2.4.15
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"  # [MS-WSMV] 3.1.4.1.31
_RESOURCE = f"{_SHELL}/cmd"
_PROTOCOL = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_VENDOR, _PRODUCT = "Microsoft Corporation", "OS: 6.3.9600 SP: 0.0 Stack: 3.0"
_SOAP: Headers = (("Content-Type", "application/soap+xml;charset=UTF-8"),)
_MOST_ARGUMENTS = 1000


@dataclass(frozen=True, slots=True)
class OpenShell:
    """Begin a shell; the answer is its id."""


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a command in a shell; the answer is the command's id."""

    shell: str
    command: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receive:
    """Ask what a command has said; the answer is its Output."""

    shell: str
    command: str


@dataclass(frozen=True, slots=True)
class Signal:
    """End a command."""

    shell: str
    command: str


@dataclass(frozen=True, slots=True)
class CloseShell:
    """End a shell."""

    shell: str


Call = OpenShell | RunCommand | Receive | Signal | CloseShell
_ACTIONS: dict[type, str] = {
    OpenShell: f"{_TRANSFER}/Create",
    RunCommand: f"{_SHELL}/Command",
    Receive: f"{_SHELL}/Receive",
    Signal: f"{_SHELL}/Signal",
    CloseShell: f"{_TRANSFER}/Delete",
}


@dataclass(frozen=True, slots=True)
class Output:
    """What a command said, and how it ended."""

    out: bytes = b""
    error: bytes = b""
    code: int = 0


# -- identify


def identify() -> Request:
    """Ask which service this is; nobody has to sign in for that."""
    body = Element(f"{{{_IDENTITY}}}Identify")
    headers = (*_SOAP, ("WSMANIDENTIFY", "unauthenticated"))
    return Request("POST", PATH, headers, soap.envelope(body, version="1.2"))


def probe(host: str) -> Talk[str]:
    """What a service says that it is. Raises Misspoken where it is no such service."""
    return identity_of((yield from exchange(identify(), host)))


def identity_of(response: Response) -> str:
    """What an answer to Identify says, for people. Raises Misspoken."""
    if response.status != 200:
        raise Misspoken(f"HTTP {response.status}, and no WS-Management")
    body = soap.result(response).body
    if local(body) != "IdentifyResponse":
        raise Misspoken("no answer to Identify")
    return f"{text_of(body, 'ProductVendor', default='')[:100]} {text_of(body, 'ProductVersion', default='')[:100]}"


def is_identify(message: soap.Message) -> bool:
    """Report whether somebody asks which service this is."""
    return message.body.tag == f"{{{_IDENTITY}}}Identify"


def identified() -> Response:
    """Say which service this is: that of Windows Server 2012 R2."""
    body = Element(f"{{{_IDENTITY}}}IdentifyResponse")
    for name, text in (("ProtocolVersion", _PROTOCOL), ("ProductVendor", _VENDOR), ("ProductVersion", _PRODUCT)):
        SubElement(body, f"{{{_IDENTITY}}}{name}").text = text
    return Response(200, soap.envelope(body, version="1.2"), (("content-type", _SOAP[0][1]),))


# -- shells


def asked(call: Call, address: str) -> Request:
    """The request that asks it, of the service at an address."""
    headers = list(_header(call, address))
    return Request("POST", PATH, _SOAP, soap.envelope(_body(call), headers, "1.2"))


def _header(call: Call, address: str) -> Iterator[Element]:
    for space, name, text in (
        (_ADDRESSING, "To", address),
        (_WSMAN, "ResourceURI", _RESOURCE),
        (_ADDRESSING, "Action", _ACTIONS[type(call)]),
        (_ADDRESSING, "MessageID", f"uuid:{uuid.uuid4()}"),
    ):
        block = Element(f"{{{space}}}{name}")
        block.text = text
        yield block
    reply = Element(f"{{{_ADDRESSING}}}ReplyTo")
    SubElement(reply, f"{{{_ADDRESSING}}}Address").text = f"{_ADDRESSING}/role/anonymous"
    yield reply
    if not isinstance(call, OpenShell):
        selectors = Element(f"{{{_WSMAN}}}SelectorSet")
        SubElement(selectors, f"{{{_WSMAN}}}Selector", Name="ShellId").text = call.shell
        yield selectors


def _body(call: Call) -> Element | None:
    match call:
        case OpenShell():
            root = Element(_tag("Shell"))
            SubElement(root, _tag("InputStreams")).text = "stdin"
            SubElement(root, _tag("OutputStreams")).text = "stdout stderr"
        case RunCommand(_, command, arguments):
            root = Element(_tag("CommandLine"))
            SubElement(root, _tag("Command")).text = command
            for one in arguments:
                SubElement(root, _tag("Arguments")).text = one
        case Receive(_, command):
            root = Element(_tag("Receive"))
            SubElement(root, _tag("DesiredStream"), CommandId=command).text = "stdout stderr"
        case Signal(_, command):
            root = Element(_tag("Signal"), CommandId=command)
            SubElement(root, _tag("Code")).text = f"{_SHELL}/signal/terminate"
        case CloseShell():
            return None
    return root


def call_of(message: soap.Message) -> Call:
    """What a message asks. Raises Misspoken for what is no call that is known."""
    action, shell = message.header("Action"), _shell_of(message)
    kind = next((kind for kind, one in _ACTIONS.items() if one == action), None)
    body = message.body
    if kind is OpenShell:
        return OpenShell()
    if kind is CloseShell:
        return CloseShell(shell)
    if kind is RunCommand:
        arguments = tuple((one.text or "").strip() for one in children(body, "Arguments")[:_MOST_ARGUMENTS])
        return RunCommand(shell, text_of(body, "Command").strip('"'), arguments)
    if kind is Receive:
        return Receive(shell, child(body, "DesiredStream").get("CommandId", ""))
    if kind is Signal:
        return Signal(shell, body.get("CommandId", ""))
    raise Misspoken("WS-Management has no such action here")


def _shell_of(message: soap.Message) -> str:
    return next(((two.text or "").strip() for one in message.headers if local(one) == "SelectorSet" for two in one), "")


def told(message: soap.Message, call: Call, answer: str | Output = "") -> Response:
    """The answer to a message: the id of a shell or command, or what a command said."""
    headers = [_block("Action", f"{_ACTIONS[type(call)]}Response"), _block("MessageID", f"uuid:{uuid.uuid4()}")]
    headers.append(_block("RelatesTo", message.header("MessageID")))
    data = soap.envelope(_told(call, answer), headers, "1.2")
    return Response(200, data, (("content-type", _SOAP[0][1]),))


def _block(name: str, text: str) -> Element:
    block = Element(f"{{{_ADDRESSING}}}{name}")
    block.text = text
    return block


def _told(call: Call, answer: str | Output) -> Element | None:
    match call, answer:
        case OpenShell(), str():
            root = Element(f"{{{_TRANSFER}}}ResourceCreated")
            SubElement(root, f"{{{_ADDRESSING}}}Address").text = PATH
            parameters = SubElement(root, f"{{{_ADDRESSING}}}ReferenceParameters")
            SubElement(parameters, f"{{{_WSMAN}}}ResourceURI").text = _RESOURCE
            selectors = SubElement(parameters, f"{{{_WSMAN}}}SelectorSet")
            SubElement(selectors, f"{{{_WSMAN}}}Selector", Name="ShellId").text = answer
            return root
        case RunCommand(), str():
            root = Element(_tag("CommandResponse"))
            SubElement(root, _tag("CommandId")).text = answer
            return root
        case Receive(_, command), Output():
            return _said(command, answer)
        case Signal(), _:
            return Element(_tag("SignalResponse"))
    return None


def _said(command: str, output: Output) -> Element:
    root = Element(_tag("ReceiveResponse"))
    for name, data in (("stdout", output.out), ("stderr", output.error)):
        if data:
            stream = SubElement(root, _tag("Stream"), Name=name, CommandId=command)
            stream.text = base64.b64encode(data).decode("ascii")
    state = SubElement(root, _tag("CommandState"), CommandId=command, State=f"{_SHELL}/CommandState/Done")
    SubElement(state, _tag("ExitCode")).text = str(output.code)
    return root


def id_of(message: soap.Message) -> str:
    """The id of the shell or command that was begun. Raises Misspoken."""
    if message.operation == "CommandResponse":
        return text_of(message.body, "CommandId")
    selectors = [one for one in message.body.iter() if local(one) == "Selector" and one.get("Name") == "ShellId"]
    if not selectors:
        raise Misspoken("no shell was begun")
    return (selectors[0].text or "").strip()


def output_of(message: soap.Message) -> Output:
    """What a command said. Raises Misspoken."""
    said = {"stdout": bytearray(), "stderr": bytearray()}
    for one in children(message.body, "Stream"):
        if one.get("Name", "") in said:
            said[one.get("Name", "")] += _decoded(one.text or "")
    code = text_of(message.body, "CommandState", "ExitCode", default="0")[:10]
    number = int(code) if code.lstrip("-").isdecimal() and code.isascii() else 1
    return Output(bytes(said["stdout"]), bytes(said["stderr"]), number)


def command_line(call: RunCommand) -> str:
    """What was typed; that of PowerShell where it came encoded."""
    words = [call.command, *call.arguments]
    words = [part for word in words for part in word.split()]
    if len(words) > 1 and words[0].lower() in ("powershell", "powershell.exe") and words[-2].lower().startswith("-enc"):
        return _decoded(words[-1]).decode("utf-16-le", "replace").strip()
    return " ".join(words)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Misspoken("no base64") from None


def _tag(name: str) -> str:
    return f"{{{_SHELL}}}{name}"
