"""RPC over TCP ([C706] chapter 12, [MS-RPCE] 2.2.2): a client binds to an interface and calls it.

An answer of any kind to a bind proves a server of RPC; whether the interface is there is said beside it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, Talk, send, take
from portwright.protocols.octets import Octets, Order

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13  # [C706] 12.6.4
_ALTER_CONTEXT, _ALTER_CONTEXT_RESPONSE = 14, 15
_LAST, _FIRST_AND_LAST, _HAS_OBJECT = 0x02, 0x03, 0x80  # [C706] 12.6.3.1: the whole of a message in one fragment
_HEADER = 16  # octets
_LONGEST_FRAGMENT = 5840  # octets: what Windows offers
_SIZES = _LONGEST_FRAGMENT.to_bytes(2, "little") * 2  # sent and received
_GROUP = (0x53F0).to_bytes(4, "little")  # of associations: any number but 0
_MOST_FRAGMENTS = 64  # that a call returns
_LITTLE_ENDIAN = 0x10  # [C706] 14.1
_OUT_OF_RANGE, _UNKNOWN_INTERFACE = 0x1C010002, 0x1C010003  # [C706] appendix E: nca_s_op_rng_error, nca_s_unk_if
_ACCEPTED, _REJECTED, _NEGOTIATED = 0, 2, 3  # [C706] 12.6.3.1: p_cont_def_result_t; [MS-RPCE] 2.2.2.4
_NO_SUCH_INTERFACE, _NO_SUCH_TRANSFER = 1, 2  # [C706] 12.6.3.1: p_provider_reason_t
_UNKNOWN_AUTHENTICATION = 8  # [MS-RPCE] 2.2.2.5
_NEGOTIATION = "6cb71c2c-9812-4540-"  # [MS-RPCE] 3.3.1.5.3: how the transfer syntax begins that offers features
_MOST_CONTEXTS = 32


@dataclass(frozen=True, slots=True)
class Interface:
    """What a server of RPC offers, and in which version."""

    name: str
    uuid: UUID
    major: int
    minor: int = 0

    def __str__(self) -> str:
        return self.name


def _interface(name: str, uuid: str, major: int) -> Interface:
    return Interface(name, UUID(uuid), major)


NDR = _interface("NDR", "8a885d04-1ceb-11c9-9fe8-08002b104860", 2)  # [C706] appendix I: how arguments are written
MAPPER = _interface("EPM", "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3)  # [C706] appendix O
INTERFACES = {
    one.name: one
    for one in (
        MAPPER,
        _interface("netlogon", "12345678-1234-abcd-ef00-01234567cffb", 1),  # [MS-NRPC] 1.9
        _interface("drsuapi", "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4),  # [MS-DRSR] 1.9
        _interface("lsarpc", "12345778-1234-abcd-ef00-0123456789ab", 0),  # [MS-LSAD] 1.9
        _interface("samr", "12345778-1234-abcd-ef00-0123456789ac", 1),  # [MS-SAMR] 1.9
        _interface("frsrpc", "897e2e5f-93f3-4376-9c9c-fd2277495c27", 1),  # [MS-FRS2] 1.9: replication of files
        _interface("svcctl", "367abb81-9844-35f1-ad32-98f038001003", 2),  # [MS-SCMR] 1.9
        _interface("winreg", "338cd001-2244-31f1-aaaa-900090003738", 1),  # [MS-RRP] 1.9
        _interface("dcom", "99fcfec4-5260-101b-bbcb-00aa0021347a", 0),  # [MS-DCOM] 1.9: IObjectExporter
    )
}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a server said to a bind."""

    interface: Interface
    reason: str  # why the interface is not there; empty where it is

    def __str__(self) -> str:
        return f"RPC: {self.interface}" + (f" is not here ({self.reason})" if self.reason else " bound")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A message, or a part of one."""

    kind: int
    flags: int
    call: int
    order: Order
    body: bytes  # without what authenticates it
    authenticated: bool

    @property
    def octets(self) -> Octets:
        """The body, to be read."""
        return Octets(self.body, self.order)


def client(interface: Interface) -> Talk[Bound]:
    """Bind to an interface. Raises Misspoken where no server of RPC answers."""
    context = bytes(2) + b"\1\0" + _syntax(interface) + _syntax(NDR)  # number 0, with one way of writing arguments
    yield from send(_fragment(BIND, 1, _SIZES + bytes(4) + b"\1\0\0\0" + context))
    said = yield from fragment()
    if said.kind == BIND_NAK:
        return Bound(interface, f"bind refused, reason {said.octets.number(2)}")
    if said.kind == FAULT:
        return Bound(interface, f"fault {_status(said):#010x}")
    if said.kind != BIND_ACK:
        raise Misspoken(f"a bind was answered by a message of type {said.kind}")
    return Bound(interface, _result(said))


def call(interface: Interface, number: int, arguments: bytes) -> Talk[Octets]:
    """Bind to an interface and call one of its operations; what it returned, to be read.

    Raises Refused for what the server refuses or a fault, and Misspoken.
    """
    bound = yield from client(interface)
    if bound.reason:
        raise Refused(str(bound))
    head = len(arguments).to_bytes(4, "little") + bytes(2) + number.to_bytes(2, "little")
    yield from send(_fragment(REQUEST, 2, head + arguments))
    returned = bytearray()
    for _ in range(_MOST_FRAGMENTS):
        said = yield from fragment()
        if said.kind == FAULT:
            raise Refused(f"RPC: {interface} said fault {_status(said):#010x}")
        if said.kind != RESPONSE:
            raise Misspoken(f"a call was answered by a message of type {said.kind}")
        octets = said.octets
        octets.take(8)  # the hint of a size, the context, the count of cancels
        returned += octets.rest()
        if said.flags & _LAST:
            return Octets(bytes(returned), said.order)
    raise Misspoken(f"a call returned more than {_MOST_FRAGMENTS} fragments")


Serve = Callable[[int, Octets], bytes | int]  # the number of an operation and its arguments -> what returns, or a fault


def _nothing(_: int, __: Octets) -> int:
    return _OUT_OF_RANGE


def server(interfaces: Collection[Interface], serve: Serve = _nothing) -> Talk[None]:
    """Serve one connection: bind to these interfaces, and answer calls; where nobody serves them, with a fault.

    Raises Misspoken for what is no RPC.
    """
    bound: set[int] = set()
    try:
        while True:
            said = yield from fragment()
            yield from send(_answer(said, interfaces, serve, bound))
    except EndOfStream:
        return


def _answer(said: Fragment, interfaces: Collection[Interface], serve: Serve, bound: set[int]) -> bytes:
    if said.kind in (BIND, _ALTER_CONTEXT):
        if said.authenticated:
            return _fragment(BIND_NAK, said.call, _UNKNOWN_AUTHENTICATION.to_bytes(2, "little") + b"\1\5\0")
        return _bind_ack(said, interfaces, bound)
    if said.kind != REQUEST or said.flags & _FIRST_AND_LAST != _FIRST_AND_LAST:
        raise Misspoken(f"a message of type {said.kind} is not for here")
    octets = said.octets
    octets.take(4)  # the hint of a size
    context, number = octets.number(2), octets.number(2)
    if said.flags & _HAS_OBJECT:
        octets.take(16)
    returned = serve(number, octets) if context in bound else _UNKNOWN_INTERFACE
    if isinstance(returned, int):
        fault = bytes(4) + context.to_bytes(2, "little") + bytes(2) + returned.to_bytes(4, "little") + bytes(4)
        return _fragment(FAULT, said.call, fault)
    head = len(returned).to_bytes(4, "little") + context.to_bytes(2, "little") + bytes(2)
    return _fragment(RESPONSE, said.call, head + returned)


def _bind_ack(said: Fragment, interfaces: Collection[Interface], bound: set[int]) -> bytes:
    octets = said.octets
    octets.take(8)  # sizes and the group of associations
    count = octets.number(1)
    octets.take(3)
    results = b""
    for _ in range(min(count, _MOST_CONTEXTS)):
        context, transfers = octets.number(2), octets.number(1)
        octets.take(1)
        offered = _read_syntax(octets)
        syntaxes = [_read_syntax(octets) for _ in range(transfers)]
        result, reason = _judged(offered, syntaxes, interfaces)
        if result == _ACCEPTED:
            bound.add(context)
        results += result.to_bytes(2, "little") + reason.to_bytes(2, "little")
        results += _syntax(NDR) if result == _ACCEPTED else bytes(20)
    kind = BIND_ACK if said.kind == BIND else _ALTER_CONTEXT_RESPONSE
    address = b"\1\0\0\0"  # an empty second address with its NUL, and up to a multiple of four
    listed = bytes([min(count, _MOST_CONTEXTS), 0, 0, 0]) + results
    return _fragment(kind, said.call, _SIZES + _GROUP + address + listed)


def _judged(
    offered: tuple[UUID, int, int], syntaxes: list[tuple[UUID, int, int]], interfaces: Collection[Interface]
) -> tuple[int, int]:
    """The result and reason for one context of a bind."""
    if any(str(uuid).startswith(_NEGOTIATION) for uuid, _, _ in syntaxes):
        return _NEGOTIATED, 0  # none of the features offered
    if not any(offered == (one.uuid, one.major, one.minor) for one in interfaces):
        return _REJECTED, _NO_SUCH_INTERFACE
    if (NDR.uuid, NDR.major, NDR.minor) not in syntaxes:
        return _REJECTED, _NO_SUCH_TRANSFER
    return _ACCEPTED, 0


def fragment() -> Talk[Fragment]:
    """One fragment of RPC from a stream. Raises Misspoken for what is none."""
    head: bytes = yield from take(_HEADER)
    order: Order = "little" if head[4] & _LITTLE_ENDIAN else "big"
    octets = Octets(head, order)
    version, _, kind, flags = octets.take(4)
    octets.take(4)
    length, authentication, number = octets.number(2), octets.number(2), octets.number(4)
    if version != 5 or length < _HEADER:
        raise Misspoken("this is no RPC")
    body: bytes = yield from take(length - _HEADER)
    kept = len(body) - (authentication + 8 if authentication else 0)  # [MS-RPCE] 2.2.2.11: 8 octets come before it
    if kept < 0:
        raise Misspoken("what authenticates a fragment is longer than the fragment")
    return Fragment(kind, flags, number, order, body[:kept], authentication > 0)


def _fragment(kind: int, number: int, body: bytes) -> bytes:
    head = bytes([5, 0, kind, _FIRST_AND_LAST, _LITTLE_ENDIAN, 0, 0, 0])
    return head + (_HEADER + len(body)).to_bytes(2, "little") + bytes(2) + number.to_bytes(4, "little") + body


def _syntax(one: Interface) -> bytes:
    return one.uuid.bytes_le + one.major.to_bytes(2, "little") + one.minor.to_bytes(2, "little")


def _read_syntax(octets: Octets) -> tuple[UUID, int, int]:
    return octets.uuid(), octets.number(2), octets.number(2)


def _result(said: Fragment) -> str:
    """Why the one context of our bind was not accepted; empty where it was."""
    octets = said.octets
    octets.take(8)
    octets.take(octets.number(2))  # the second address
    octets.align(4)
    count = octets.number(1)
    octets.take(3)
    if not count:
        raise Misspoken("a bind was answered without a result")
    result, reason = octets.number(2), octets.number(2)
    return "" if result == _ACCEPTED else f"result {result}, reason {reason}"


def _status(said: Fragment) -> int:
    octets = said.octets
    octets.take(8)
    return octets.number(4)
