"""A lab as commands of ip(8): cables, addresses, routes, and who knows whom."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from portwright.rehearse.lab import Hop, Lab, Node, Port

_FIRST_TABLE = 1000  # of routes by source


def links(lab: Lab, names: Mapping[str, str], switch: str) -> Iterator[str]:
    """The cables: each from a port to the switch; `names` and `switch` are namespaces."""
    for number, (node, port) in enumerate(_all_ports(lab)):
        own = f"{port.name} address {_hardware(number)} netns {names[node]}"
        yield f"link add {own} type veth peer name port{number} netns {switch}"


def _all_ports(lab: Lab) -> Iterator[tuple[str, Port]]:
    """Every port with the name of its node, in the order of their numbers."""
    return ((node.name, port) for node in lab.nodes.values() for port in node.ports)


def _hardware(number: int) -> str:
    """The hardware address of a port: one that nobody has bought (IEEE 802, 8.2: locally administered)."""
    return f"02:00:00:{number >> 16 & 0xFF:02x}:{number >> 8 & 0xFF:02x}:{number & 0xFF:02x}"


def neighbors(lab: Lab, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The commands by which nodes know routers on their segments, routers know everybody there, and pairs each other.

    Of IPv4 alone: in IPv6 rules may stop the messages by which neighbors find each other.
    """
    ports: dict[str, list[tuple[Port, str]]] = {name: [] for name in lab.nodes}
    for number, (name, port) in enumerate(_all_ports(lab)):
        ports[name].append((port, _hardware(number)))
    routers = [node.name for node in lab.of_kind("router")]
    beside = set(product(lab.nodes, routers))
    for one, other in sorted({*pairs, *beside, *((other, one) for one, other in beside)}):
        for (port, _), (there, hardware) in product(ports[one], ports[other]):
            if one != other and port.segment == there.segment:
                for address in there.addresses:
                    if address.version == 4:
                        yield one, f"neighbor replace {address.ip} lladdr {hardware} nud permanent dev {port.name}"


def settings(node: Node, family: str) -> Iterator[str]:
    """Addresses and routes of one family."""
    version = int(family[1:])
    if version == 4:
        yield "link set lo up"
    for port in node.ports:
        yield from _port_settings(port, version)
    own = {(one.network, port.name) for port in node.ports for one in port.addresses}
    for number, (source, hops) in enumerate(_by_source(node, version).items(), _FIRST_TABLE):
        if source:
            yield from (
                f"rule add from {source} to {hop.destination} lookup {number} priority {number}" for hop in hops
            )
        for hop in hops:
            if source or (hop.destination, hop.port) not in own:
                table = f" table {number}" if source else ""
                via = f" via {hop.via}" if hop.via else ""
                yield f"route replace {hop.destination}{via} dev {hop.port}{table}" + (" onlink" if via else "")


def _port_settings(port: Port, version: int) -> Iterator[str]:
    if version == 4:
        yield f"link set {port.name} up"
    nodad = " nodad" if version == 6 else ""
    yield from (f"address add {one} dev {port.name}{nodad}" for one in port.addresses if one.version == version)


def _by_source(node: Node, version: int) -> dict[str, list[Hop]]:
    """The routes by the network that they are for; longer prefixes first, the empty text for every source last."""
    found: dict[str, list[Hop]] = {}
    for hop in sorted(node.hops, key=lambda one: -(one.source.prefixlen if one.source is not None else -1)):
        if hop.destination.version == version:
            found.setdefault(str(hop.source or ""), []).append(hop)
    return found
