"""A rehearsal's network as a value: nodes, the segments that join them, addresses, routes and rules.

Nothing here touches the machine; `netns` builds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Kind = Literal["host", "client", "outside", "router", "balancer"]

LONGEST_NAME = 15  # characters of an interface, linux/if.h IFNAMSIZ without its end


@dataclass(frozen=True, slots=True)
class Port:
    """A node's interface on a segment."""

    name: str  # 1 to 15 characters
    segment: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= LONGEST_NAME or set(self.name) & set(" /:\t\n"):
            raise ValueError(f"'{self.name}' cannot be the name of an interface")

    def address(self, version: int) -> Address | None:
        """The first address of an IP version."""
        return next((one.ip for one in self.addresses if one.version == version), None)


@dataclass(frozen=True, slots=True)
class Hop:
    """A route of a node."""

    destination: Network  # of prefix length 0: everything else
    port: str
    via: Address | None  # the next router; None: the destination is on the segment
    source: Network | None = None  # only for packets from there; goes before routes for every source


@dataclass(frozen=True, slots=True)
class Node:
    """A computer or a router."""

    name: str
    kind: Kind
    ports: tuple[Port, ...]
    hops: tuple[Hop, ...]
    zone: str = ""  # empty for routers

    def port_on(self, segment: str) -> Port:
        """The port on a segment. Raises KeyError."""
        for port in self.ports:
            if port.segment == segment:
                return port
        raise KeyError(segment)


@dataclass(frozen=True, eq=False)
class Lab:
    """Everything that is built."""

    nodes: Mapping[str, Node]
    segments: tuple[str, ...]
    notes: tuple[str, ...] = ()  # where the lab is simpler than the site
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)  # point and its interface -> the port's name

    def __post_init__(self) -> None:
        loose = {port.segment for node in self.nodes.values() for port in node.ports} - set(self.segments)
        if loose:
            raise ValueError(f"there is no segment {min(loose)}")

    def of_kind(self, *kinds: Kind) -> Iterable[Node]:
        """The nodes of some kinds."""
        return (node for node in self.nodes.values() if node.kind in kinds)

    def route(self, node: str, source: Address, destination: Address) -> Hop | None:
        """The route that a node takes for a packet: by source first, then the longest prefix. None: it has none."""
        fitting = [
            hop
            for hop in self.nodes[node].hops
            if destination in hop.destination and (hop.source is None or source in hop.source)
        ]
        return max(fitting, key=_precedence, default=None)

    def way(self, source: str, destination: str, version: int) -> list[str] | None:
        """The nodes that a packet passes between two nodes, both included; None where it gets lost."""
        key = source, destination, version
        if key not in self._ways:
            self._ways[key] = self._find_way(*key)
        found = self._ways[key]
        return None if found is None else list(found)

    def _find_way(self, source: str, destination: str, version: int) -> list[str] | None:
        ends = [_home(self.nodes[name], version) for name in (source, destination)]
        if None in ends:
            return None
        at, way = source, [source]
        while at != destination and len(way) <= len(self.nodes):
            hop = self.route(at, *ends)  # type: ignore[arg-type]
            found = self._beyond(at, hop, ends[1]) if hop else None
            if found is None:
                return None
            at = found
            way.append(at)
        return way if at == destination else None

    def _beyond(self, node: str, hop: Hop, destination: Address | None) -> str | None:
        """The node that has the next address on the segment of a hop."""
        segment = next(port.segment for port in self.nodes[node].ports if port.name == hop.port)
        return self._owners.get((segment, hop.via or destination))

    @cached_property
    def _owners(self) -> Mapping[tuple[str, Address | None], str]:
        """The first node that has an address on a segment."""
        found: dict[tuple[str, Address | None], str] = {}
        for node in self.nodes.values():
            for port in node.ports:
                for one in port.addresses:
                    found.setdefault((port.segment, one.ip), node.name)
        return found

    @cached_property
    def _ways(self) -> dict[tuple[str, str, int], list[str] | None]:
        """The ways that have been asked for: many exchanges take the same."""
        return {}


def _precedence(hop: Hop) -> tuple[int, int]:
    return (hop.source.prefixlen if hop.source is not None else -1, hop.destination.prefixlen)


def _home(node: Node, version: int) -> Address | None:
    return next((found for port in node.ports if (found := port.address(version)) is not None), None)
