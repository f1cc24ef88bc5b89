"""RDP ([MS-RDPBCGR] 1.3.1.1): a connection is asked for, its security agreed, and TLS begun; no desktop follows.

Over datagrams (`rdp_datagrams`) the same service has its own beginning.
"""

from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Refused, Talk, secure, send, some, take
from portwright.protocols.octets import Octets

_TPKT = 3  # [T123] 8: the version; two octets later the length of all
_LONGEST = 512  # octets of a request or an answer
_REQUEST, _CONFIRM = 0xE0, 0xD0  # [X224] 13.3, 13.4
_NEGOTIATION, _ANSWER, _FAILURE = 1, 2, 3  # [MS-RDPBCGR] 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2
_OLD, _TLS, _CREDSSP, _CREDSSP_EARLY = 0, 1, 2, 8  # [MS-RDPBCGR] 2.2.1.1.1: requestedProtocols
_SECURITY = {
    _OLD: "RDP: its own security",
    _TLS: "RDP: TLS",
    _CREDSSP: "RDP: TLS with network level authentication",
    _CREDSSP_EARLY: "RDP: TLS with network level authentication",
}
_FAILURES = {  # [MS-RDPBCGR] 2.2.1.2.2
    1: "TLS is required",
    2: "TLS is not allowed",
    3: "there is no certificate for TLS",
    4: "the request is inconsistent",
    5: "network level authentication is required",
    6: "TLS with a client's certificate is required",
}
_TLS_REQUIRED = 1


@dataclass(frozen=True, slots=True)
class Said:
    """What a server chose."""

    security: int

    def __str__(self) -> str:
        return _SECURITY[self.security]


def client() -> Talk[Said]:
    """Ask for a connection, and begin TLS where the server chooses it.

    Raises Refused where the server wants other security, and Misspoken for what is no RDP.
    """
    asked = _TLS | _CREDSSP | _CREDSSP_EARLY
    yield from send(_message(_REQUEST, _negotiation(_NEGOTIATION, asked)))
    kind, options = yield from _heard()
    if kind != _CONFIRM:
        raise Misspoken(f"a request for a connection was answered by a message of type {kind:#x}")
    if not options:
        return Said(_OLD)  # a server of before TLS
    what, number = _read_negotiation(options)
    if what == _FAILURE:
        raise Refused(f"RDP: {_FAILURES.get(number, f'failure {number}')}")
    if what != _ANSWER or number not in _SECURITY:
        raise Misspoken("the server chose no security that was offered")
    if number:
        yield from secure()
    return Said(number)


def server() -> Talk[None]:
    """Answer one request for a connection by TLS, begin it, and hear what comes first: there is no desktop here.

    Raises Misspoken for what is no RDP.
    """
    kind, options = yield from _heard()
    if kind != _REQUEST:
        raise Misspoken("no connection is asked for")
    what, asked = _read_negotiation(_without_cookie(options)) if options else (_NEGOTIATION, _OLD)
    if what != _NEGOTIATION or not asked & _TLS:
        yield from send(_message(_CONFIRM, _negotiation(_FAILURE, _TLS_REQUIRED)))
        return
    yield from send(_message(_CONFIRM, _negotiation(_ANSWER, _TLS)))
    yield from secure()
    yield from some()


def _message(kind: int, options: bytes) -> bytes:
    """A message of X.224 in a packet of TPKT: the kind, two references of nothing, the class 0."""
    message = bytes([6 + len(options), kind]) + bytes(5) + options
    return bytes([_TPKT, 0]) + (4 + len(message)).to_bytes(2, "big") + message


def _negotiation(kind: int, number: int) -> bytes:
    return bytes([kind, 0, 8, 0]) + number.to_bytes(4, "little")


def _heard() -> Talk[tuple[int, bytes]]:
    """The kind of a message of X.224, and what follows its header."""
    head: bytes = yield from take(4)
    length = int.from_bytes(head[2:], "big")
    if head[0] != _TPKT or not 11 <= length <= _LONGEST:
        raise Misspoken("this is no RDP")
    octets = Octets((yield from take(length - 4)))
    size, kind = octets.number(1), octets.number(1)
    if size != length - 5:
        raise Misspoken("a message of X.224 has two lengths")
    octets.take(5)
    return kind, octets.rest()


def _without_cookie(options: bytes) -> bytes:
    """What follows a cookie or a token for load balancers ([MS-RDPBCGR] 2.2.1.1), which ends with CR LF."""
    return options.partition(b"\r\n")[2] if options.startswith(b"Cookie: ") else options


def _read_negotiation(options: bytes) -> tuple[int, int]:
    """The type and the number of a negotiation; a request with nothing but a cookie asks for the old security."""
    if not options:
        return _NEGOTIATION, _OLD
    octets = Octets(options, "little")
    kind = octets.number(1)
    octets.take(3)
    return kind, octets.number(4)
