"""Routes, and the interfaces on which a packet arrives and leaves.

ASA translates the destination before it looks for the interface to leave on: a translation rule that names the
interface decides it, otherwise the route to the translated destination.
Cisco ASA Firewall CLI Configuration Guide, "NAT Packet Routing".
Interfaces for management only have a routing table of their own, which packets through the firewall never use.
Cisco ASA General Operations CLI Configuration Guide, "Routing Table for Management Traffic" (since 9.5).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network, summarize_address_range
from itertools import groupby

from portwright.packets.fields import LAST_ADDRESS, Field, Header
from portwright.packets.intervals import Intervals, complement, intersect, normalize
from portwright.packets.packet import Packet
from portwright.platforms.cisco_asa.interfaces import Interface
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.tunnels import Remote
from portwright.platforms.cisco_asa.values import VERSIONS, address_of, network_of, span
from portwright.policy.configuration import Route
from portwright.policy.index import ChainIndex
from portwright.policy.interfaces import OTHER, Interfaces
from portwright.policy.model import Rewrite, Rule
from portwright.policy.walk import apply, surely_meets

_DEFAULTS = (ip_network("0.0.0.0/0"), ip_network("::/0"))
NULL = "Null0"  # packets routed there are discarded
_VALUE_WORDS = frozenset(("track",))
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A `route` line."""

    interface: str
    network: Network
    metric: int
    tracked: bool
    line: Line

    @property
    def discards(self) -> bool:
        """Report whether packets routed there are discarded."""
        return self.interface == NULL


def read_route(line: Line, names: dict[str, str]) -> StaticRoute | None:
    """The route of `route IF NET MASK GATEWAY [METRIC] [track N]`; None where it holds for VPN traffic alone.

    Raises NotUnderstood.
    """
    cursor = Cursor(line.words)
    cursor.accept("ipv6")
    cursor.accept("route")
    interface, found = cursor.take(), network_of(cursor, names)
    if interface.lower() == NULL.lower():
        interface = NULL
    else:
        cursor.take()  # the gateway
    metric = cursor.number(255, "a metric") if cursor.peek().isdecimal() else 1
    options = cursor.rest()
    if "tunneled" in options:
        return None
    unknown = [word for word in options if word not in _VALUE_WORDS and not word.isdecimal()]
    if unknown:
        raise NotUnderstood(f"'{unknown[0]}' is not understood here")
    return StaticRoute(interface, found, metric, "track" in options, line)


def for_traffic(
    interfaces: Mapping[str, Interface], statics: Iterable[StaticRoute]
) -> tuple[dict[str, Interface], list[StaticRoute]]:
    """The interfaces and routes of packets through the firewall, those for management only left out."""
    aside = {name for name, one in interfaces.items() if one.management_only}
    kept = {name: one for name, one in interfaces.items() if name not in aside}
    return kept, [route for route in statics if route.interface not in aside]


def routes_of(
    interfaces: Mapping[str, Interface], statics: Iterable[StaticRoute], ledger: Ledger
) -> tuple[tuple[Route, ...], bool]:
    """The routes of a configuration, and whether nothing that an interface learns could add to them."""
    found, complete = list(connected_routes(interfaces, ledger.file)), True
    for interface in interfaces.values():
        complete = complete and len(interface.learned) <= len(interface.default_route)
        found += [Route(_DEFAULTS[0], interface.name, False, n.source(ledger.file)) for n in interface.default_route]
    found += [Route(n.network, n.interface, False, n.line.source(ledger.file)) for n in _best(statics)]
    return tuple(found), complete


def connected_routes(interfaces: Mapping[str, Interface], file: str) -> Iterator[Route]:
    """The networks of the interfaces."""
    members: dict[str, list[str]] = {}
    for name, interface in interfaces.items():
        members.setdefault(interface.bridge_group, []).append(name)
    for interface in interfaces.values():
        # the network of a bridge group lies behind all its members
        for name in (members.get(interface.bridge) if interface.bridge else None) or (interface.name,):
            for network, _, line in interface.networks:
                yield Route(network, name, True, line.source(file))


def _best(statics: Iterable[StaticRoute]) -> list[StaticRoute]:
    """The routes without those that a lower metric makes mere spares. A tracked route may yield to its spare."""
    groups: dict[Network, list[StaticRoute]] = {}
    for route in statics:
        groups.setdefault(route.network, []).append(route)
    best = []
    for routes in groups.values():
        lowest = min(route.metric for route in routes)
        tracked = any(route.tracked for route in routes if route.metric == lowest)
        best += [route for route in routes if tracked or route.metric == lowest]
    return best


def tunnel_routes(remotes: Iterable[Remote], routes: tuple[Route, ...], file: str) -> list[Route]:
    """The routes that tunnels bring while they are up, each beside the one that holds while they are not."""
    table, found = RouteTable(routes, True), []
    for remote in remotes:
        for network in _networks(remote) if remote.brings_routes and not remote.brings_any_route else ():
            present = table.toward(network.version, int(network.network_address))
            if set(present) != set(remote.interfaces):
                names = (*remote.interfaces, *present)
                found += [Route(network, name, False, remote.line.source(file)) for name in dict.fromkeys(names)]
    return found


def _networks(remote: Remote) -> Iterator[Network]:
    for version in VERSIONS:
        for first, last in remote.addresses.family(version).possible:
            yield from summarize_address_range(address_of(version, first), address_of(version, last))


class RouteTable:
    """Longest-prefix look-up over many routes."""

    def __init__(self, routes: Iterable[Route], complete: bool):
        self._complete = complete
        self._tables: dict[tuple[int, int], dict[int, set[Route]]] = {}  # by (version, prefix length)
        for route in routes:
            table = self._tables.setdefault((route.network.version, route.network.prefixlen), {})
            table.setdefault(int(route.network.network_address), set()).add(route)
        self._lengths = sorted(self._tables, key=lambda key: -key[1])

    def toward(self, version: int, address: int) -> tuple[str, ...]:
        """The interfaces behind which an address may lie; none where the configuration does not make that certain.

        A network of an interface's own is certain even beside a routing protocol; a static route is not, because the
        protocol may know a longer prefix.
        """
        for family, length in self._lengths:
            if family != version:
                continue
            bits = (32 if version == 4 else 128) - length
            found = self._tables[family, length].get(address >> bits << bits)
            if found:
                if not self._complete and not any(route.connected for route in found):
                    return ()
                return tuple(sorted({route.interface for route in found}))
        return ()


def by_network(routes: Iterable[Route], version: int) -> list[tuple[Intervals, frozenset[str]]]:
    """Each network of the routes, shorter prefixes first, and the interfaces that lead to it."""
    found = sorted((r for r in routes if r.network.version == version), key=lambda r: (r.network.prefixlen, r.network))
    groups = groupby(found, key=lambda route: route.network)
    return [(span(network), frozenset(route.interface for route in alternatives)) for network, alternatives in groups]


def reached_through(networks: Iterable[tuple[Intervals, frozenset[str]]], interface: str, version: int) -> Intervals:
    """The addresses whose route leads through an interface, longer prefixes taken into account."""
    reached: Intervals = ()
    for around, interfaces in networks:
        if interface in interfaces:
            reached = normalize(reached + around)
        elif reached:
            reached = intersect(reached, complement(around, LAST_ADDRESS[version]))
    return reached


@dataclass(frozen=True, slots=True)
class Untranslation:
    """A rule of the destination stage, and the interface that it sends the packet to (None: the route decides)."""

    rule: Rule
    egress: str | None


class Crossings:
    """Finds the pairs of interface atoms on which a packet may cross."""

    def __init__(
        self,
        interfaces: Interfaces,
        usable: Iterable[str],  # interfaces that are up and pass packets
        table: RouteTable,
        untranslations: Iterable[Untranslation],
        sources: RouteTable,  # where sources lie; those of management networks too
        redirected: Iterable[str],  # interfaces where packets arrive whose way a route map chooses
    ):
        self._interfaces = interfaces
        self._usable = [interfaces.atom(name) for name in usable]
        self._table = table
        self._sources = sources
        self._redirected = frozenset(interfaces.atom(name) for name in redirected)
        self._egress_of = {found.rule: found.egress for found in untranslations}
        self._index: ChainIndex | None = None  # made when first needed

    def __call__(self, packet: Packet) -> list[tuple[int, int]]:
        """The pairs (in, out): those that the packet names, the routes tell, or all in which it crosses.

        A packet that is not known to turn back where it came from is taken to leave on another interface.
        """
        ingress = self._named(packet.interface_in) or self._behind(packet.version, packet.source)
        pairs = []
        for arrives in ingress or self._usable:
            egress = self._named(packet.interface_out) or self._leaving(packet, arrives)
            known = bool(ingress and egress)
            pairs += [(arrives, leaves) for leaves in egress or self._usable if known or arrives != leaves]
        return list(dict.fromkeys(pairs)) or [(OTHER, OTHER)]

    def _leaving(self, packet: Packet, arrives: int) -> list[int]:
        if arrives in self._redirected:
            return []
        return self._translated(packet, arrives) or self._toward(packet.version, packet.destination)

    def _named(self, name: str | None) -> list[int]:
        return [] if name is None else [self._interfaces.atom(name)]

    def _behind(self, version: int, address: int) -> list[int]:
        return [self._interfaces.atom(name) for name in self._sources.toward(version, address)]

    def _toward(self, version: int, address: int) -> list[int]:
        return [self._interfaces.atom(name) for name in self._table.toward(version, address)]

    def _translated(self, packet: Packet, arrives: int) -> list[int]:
        """The interfaces that translation of the destination sends the packet to; none where the route decides."""
        header = packet.header(arrives, OTHER)
        route = self._toward(packet.version, packet.destination)
        leaves: list[int] = []
        certain = True
        if self._index is None:
            self._index = ChainIndex(tuple(self._egress_of))
        for rule in self._index.candidates(header):
            sure = surely_meets(rule.match.sure, header)
            certain = certain and sure
            leaves += self._named(self._egress_of[rule]) or self._after(rule, header)
            if sure:
                break
        return leaves + route if leaves and not certain else leaves

    def _after(self, rule: Rule, header: Header) -> list[int]:
        """The interfaces toward the destination as the rule leaves it."""
        changes = rule.action.changes if isinstance(rule.action, Rewrite) else ()
        destination = apply(changes, header)[Field.DST]
        found = self._toward(header[Field.VERSION], destination) if isinstance(destination, int) else []
        return found or (self._usable if changes else [])
