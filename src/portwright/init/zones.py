"""Zones out of what lies behind the interfaces of firewalls: networks that all of them see in the same place."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from portwright.errors import InvalidInput
from portwright.init.firewalls import EVERYWHERE, Behind, Firewall
from portwright.init.naming import unique
from portwright.packets.addresses import Address, Network

MAX_ZONES = 250
_AROUND = {4: 24, 6: 64}  # prefix lengths of the networks proposed around hosts when nothing else is known

_LOCAL = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))  # RFC 1918, RFC 4193
_SMALL = 8  # addresses; networks between firewalls and routers have no more

Place = tuple[str | None, ...]  # by firewall: the interface behind which a network lies; None: the firewall says none


@dataclass(frozen=True, slots=True)
class ProposedZone:
    """Networks in the same place."""

    name: str
    networks: tuple[Network, ...]
    has_rest: bool  # by the default routes
    place: Place
    why: str


def propose_zones(
    firewalls: Sequence[Firewall], taken: Iterable[str], hosts: Iterable[Address] = ()
) -> tuple[ProposedZone, ...]:
    """The zones that the firewalls' routes make, in their order, networks between firewalls in one of their own.

    No zone has a name of those taken. A network with hosts in it is none between firewalls. Raises InvalidInput for
    more zones than a person could use.
    """
    tables = [Behind.of(one.routes()) for one in firewalls]
    places = _places(firewalls, tables)
    _refuse_many(len(places))
    owners = _owners(firewalls, tables)
    wires = frozenset(_wires(firewalls, places, frozenset(hosts)))
    names = set(taken)
    zones = []
    for place, networks in places.items():
        own = tuple(network for network in networks if network not in EVERYWHERE and network not in wires)
        if own or any(network in EVERYWHERE for network in networks):
            firewall, interface = owners.get(place) or _first(place)
            name = unique(interface, names, "zone")
            names.add(name)
            why = f"behind {interface} of {firewalls[firewall].name}{_also(own, tables)}"
            zones.append(ProposedZone(name, own, len(own) < len(set(networks) - wires), place, why))
    if wires:
        ordered = tuple(network for networks in places.values() for network in networks if network in wires)
        why = "between firewalls and routers: no path leads there"
        zones.append(ProposedZone(unique("wires", names, "wires"), ordered, False, (None,) * len(firewalls), why))
    return tuple(zones)


def _wires(
    firewalls: Sequence[Firewall], places: Mapping[Place, tuple[Network, ...]], hosts: frozenset[Address]
) -> Iterator[Network]:
    """Small local networks of firewalls themselves, behind which others lie or a second firewall."""
    connected = Counter(network for one in firewalls for network in {r.network for r in one.routes() if r.connected})
    for networks in places.values():
        for network in networks:
            is_small = network.num_addresses <= _SMALL and any(_is_within(network, local) for local in _LOCAL)
            leads_on = connected[network] > 1 or (connected[network] and len(networks) > 1)
            if is_small and leads_on and not any(address in hosts for address in network):
                yield network


def _is_within(network: Network, other: Network) -> bool:
    return (
        network.version == other.version and network.network_address in other and network.prefixlen >= other.prefixlen
    )


def _also(networks: Iterable[Network], tables: Iterable[Behind]) -> str:
    """The other interfaces that a firewall may choose, for a comment."""
    others = dict.fromkeys(one for table in tables for network in networks for one in table.toward(network)[1:])
    return f"; some also behind {', '.join(others)}" if others else ""


def _places(firewalls: Sequence[Firewall], tables: Sequence[Behind]) -> dict[Place, tuple[Network, ...]]:
    """The networks that any firewall knows, by their place. Default routes come last: the rest of all addresses."""
    known = dict.fromkeys(route.network for one in firewalls for route in one.routes())
    named = sorted((network for network in known if network.prefixlen), key=lambda network: network.version)
    found: dict[Place, list[Network]] = {}
    rest: Place | None = None
    for network in (*named, *(one for one in EVERYWHERE if one in known)):
        place = _beside(_place(network, tables), network.version, tables, found)
        if network in EVERYWHERE:
            place = rest = rest or place  # IPv4 and IPv6 are taken to have the same rest
        found.setdefault(place, []).append(network)
    return {place: tuple(networks) for place, networks in found.items()}


def _place(network: Network, tables: Iterable[Behind]) -> Place:
    return tuple(next(iter(table.toward(network)), None) for table in tables)


def _beside(place: Place, version: int, tables: Sequence[Behind], known: Iterable[Place]) -> Place:
    """The one known place that agrees with a place, whose gaps are only firewalls without this IP version."""
    gaps = [number for number, interface in enumerate(place) if interface is None]
    if not gaps or any(tables[number].knows(version) for number in gaps):
        return place
    agreeing = [one for one in known if all(one[n] == place[n] for n in range(len(place)) if n not in gaps)]
    return agreeing[0] if len(agreeing) == 1 else place


def _owners(firewalls: Sequence[Firewall], tables: Sequence[Behind]) -> dict[Place, tuple[int, str]]:
    """The place of each interface's own networks, and whose they are: a zone has the name of that interface."""
    found: dict[Place, tuple[int, str]] = {}
    for number, firewall in enumerate(firewalls):
        for route in firewall.routes():
            if route.connected:
                found.setdefault(_place(route.network, tables), (number, route.interface))
    return found


def _first(place: Place) -> tuple[int, str]:
    return next((number, interface) for number, interface in enumerate(place) if interface is not None)


def zones_around(addresses: Iterable[Address], firewalls: int, taken: Iterable[str]) -> tuple[ProposedZone, ...]:
    """A zone for each small network in which hosts lie, where no configuration tells them. Raises InvalidInput."""
    networks = dict.fromkeys(ip_network((address, _AROUND[address.version]), strict=False) for address in addresses)
    _refuse_many(len(networks))
    names, zones = set(taken), []
    for network in sorted(networks, key=lambda one: (one.version, one.network_address)):
        name = unique(f"net-{network.network_address}", names, "net")
        names.add(name)
        zones.append(ProposedZone(name, (network,), False, (None,) * firewalls, "around the hosts in it"))
    return tuple(zones)


def _refuse_many(zones: int) -> None:
    if zones > MAX_ZONES:
        message = f"there would be {zones} zones, more than {MAX_ZONES}"
        raise InvalidInput.of(message, hint="begin with the firewalls and hosts of the application")


def zone_finder(zones: Iterable[ProposedZone]) -> "ZoneFinder":
    """What tells the zone of an address."""
    zones = tuple(zones)
    rest = next((zone for zone in zones if zone.has_rest), None)
    networks = {network: zone for zone in zones for network in zone.networks}
    lengths = sorted({(network.version, network.prefixlen) for network in networks}, reverse=True)
    return ZoneFinder(networks, tuple(lengths), rest)


@dataclass(frozen=True, slots=True)
class ZoneFinder:
    """The zones by network."""

    networks: Mapping[Network, ProposedZone]
    lengths: tuple[tuple[int, int], ...]  # IP version and prefix length, longest first
    rest: ProposedZone | None

    def zone_of(self, address: Address) -> ProposedZone | None:
        """The zone in which an address lies: the longest prefix wins."""
        for version, length in self.lengths:
            if version == address.version:
                zone = self.networks.get(ip_network((address, length), strict=False))
                if zone is not None:
                    return zone
        return self.rest
