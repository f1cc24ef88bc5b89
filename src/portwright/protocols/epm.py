"""The endpoint mapper of RPC ([C706] appendix O, [MS-RPCE] 2.2.1.2): at which port is this interface?

An endpoint is written as a tower ([C706] appendix L): floors of protocols, the interface above, the address below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from portwright.protocols.conversation import Misspoken, Refused, Talk
from portwright.protocols.octets import Octets
from portwright.protocols.rpc import MAPPER, NDR, Interface, call
from portwright.protocols.rpc import server as rpc_server

_MAP = 3  # [C706] appendix O: ept_map
_NOT_REGISTERED = 0x16C9A0D6  # [C706] appendix E: ept_s_not_registered
_OUT_OF_RANGE = 0x1C010002  # nca_s_op_rng_error
_UUID, _CONNECTIONS, _TCP, _IP = 0x0D, 0x0B, 0x07, 0x09  # [C706] appendix I: protocol identifiers
_HANDLE = bytes(20)  # of a search that is to go on: none
_MOST_TOWERS, _MOST_FLOORS = 64, 16
_WANTED = 4  # towers that a client asks for


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an interface is."""

    interface: Interface
    port: int  # of TCP
    address: IPv4Address  # as the server says; 0.0.0.0 where it does not

    def __str__(self) -> str:
        return f"EPM: {self.interface} at {self.port}"


def client(interface: Interface) -> Talk[Endpoint]:
    """Ask at which port of TCP an interface is. Raises Refused where it is at none, and Misspoken."""
    wanted = _tower(interface, 0, IPv4Address(0))
    arguments = _referent(1) + bytes(16) + _referent(2) + _counted(wanted) + _HANDLE + _WANTED.to_bytes(4, "little")
    returned = yield from call(MAPPER, _MAP, arguments)
    for tower in _returned(returned):
        found = _read_tower(tower)
        if found and found[0] == (interface.uuid, interface.major):
            return Endpoint(interface, found[1], found[2])
    raise Refused(f"EPM: {interface} is at no port of TCP")


def server(ports: Mapping[Interface, int], address: IPv4Address) -> Talk[None]:
    """Serve one connection: say at which port of this address each interface is."""
    return rpc_server([MAPPER], partial(_served, ports, address))


def _served(ports: Mapping[Interface, int], address: IPv4Address, number: int, octets: Octets) -> bytes | int:
    if number != _MAP:
        return _OUT_OF_RANGE
    asked, most = _asked(octets)
    found = _read_tower(asked)
    towers = [
        _tower(interface, port, address)
        for interface, port in ports.items()
        if found and found[0] == (interface.uuid, interface.major)
    ][:most]
    head = _HANDLE + len(towers).to_bytes(4, "little")
    array = b"".join(number.to_bytes(4, "little") for number in (most, 0, len(towers)))
    referents = b"".join(_referent(place) for place in range(1, len(towers) + 1))
    status = 0 if towers else _NOT_REGISTERED
    return head + array + referents + b"".join(map(_counted, towers)) + status.to_bytes(4, "little")


def _asked(octets: Octets) -> tuple[bytes, int]:
    """The tower that a client asks about, and how many it wants in answer."""
    if octets.number(4):
        octets.take(16)  # the object, which no interface here has
    if not octets.number(4):
        raise Misspoken("the endpoint mapper is asked about nothing")
    tower = _read_counted(octets)
    octets.take(20)
    return tower, min(octets.number(4), _MOST_TOWERS)


def _returned(octets: Octets) -> list[bytes]:
    """The towers that a server returned. Raises Refused for its status."""
    octets.take(20)
    count = octets.number(4)
    octets.take(8)  # the most, and the first
    if octets.number(4) != count or count > _MOST_TOWERS:
        raise Misspoken("the endpoint mapper says two numbers of towers, or too many")
    present = [octets.number(4) != 0 for _ in range(count)]
    towers = [_read_counted(octets) for there in present if there]
    status = octets.number(4)
    if status == _NOT_REGISTERED:
        raise Refused("EPM: the interface is not registered")
    if status:
        raise Refused(f"EPM: status {status:#010x}")
    return towers


def _referent(number: int) -> bytes:
    return (number * 0x20000).to_bytes(4, "little")  # any number but 0: the pointer is there


def _counted(tower: bytes) -> bytes:
    """A tower as NDR: an array, its size before it twice, up to a multiple of four."""
    return len(tower).to_bytes(4, "little") * 2 + tower + bytes(-len(tower) % 4)


def _read_counted(octets: Octets) -> bytes:
    size, length = octets.number(4), octets.number(4)
    if size != length:
        raise Misspoken("a tower has two sizes")
    tower = octets.take(length)
    octets.align(4)
    return tower


def _tower(interface: Interface, port: int, address: IPv4Address) -> bytes:
    """The floors of RPC over TCP over IP: the numbers of ports and addresses in the order of networks."""
    floors = [
        *(_syntax_floor(one) for one in (interface, NDR)),
        (bytes([_CONNECTIONS]), bytes(2)),
        (bytes([_TCP]), port.to_bytes(2, "big")),
        (bytes([_IP]), address.packed),
    ]
    written = b"".join(len(part).to_bytes(2, "little") + part for floor in floors for part in floor)
    return len(floors).to_bytes(2, "little") + written


def _syntax_floor(one: Interface) -> tuple[bytes, bytes]:
    left = bytes([_UUID]) + one.uuid.bytes_le + one.major.to_bytes(2, "little")
    return left, one.minor.to_bytes(2, "little")


def _read_tower(tower: bytes) -> tuple[tuple[object, int], int, IPv4Address] | None:
    """The interface with its major version, the port and the address; None where it is not RPC over TCP over IP."""
    octets = Octets(tower, "little")  # whatever the order of the message ([C706] appendix L)
    count = octets.number(2)
    if count > _MOST_FLOORS:
        raise Misspoken(f"a tower of {count} floors")
    floors = [(octets.take(octets.number(2)), octets.take(octets.number(2))) for _ in range(count)]
    shape = [(left[:1], len(left), len(right)) for left, right in floors]
    if shape != _SHAPE:
        return None
    top = Octets(floors[0][0][1:], "little")
    interface = (top.uuid(), top.number(2))
    return interface, int.from_bytes(floors[3][1], "big"), IPv4Address(floors[4][1])


_SHAPE = [  # of each floor: the protocol, the sizes of its two sides
    (bytes([_UUID]), 19, 2),
    (bytes([_UUID]), 19, 2),
    (bytes([_CONNECTIONS]), 1, 2),
    (bytes([_TCP]), 1, 2),
    (bytes([_IP]), 1, 4),
]
