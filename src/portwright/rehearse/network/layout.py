"""The lab of a site: a node for each host, group and router, with the addresses and routes that the site implies."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network

from portwright.packets.addresses import Addresses
from portwright.packets.box import Boxes
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import contains
from portwright.rehearse.lab import LONGEST_NAME, Address, Hop, Kind, Lab, Network, Node, Port
from portwright.rehearse.network.fronts import answering, singles
from portwright.rehearse.network.wiring import Wiring
from portwright.site.model import Site, Zone

_HOME = "eth0"  # the only interface of a node that is no router, if its firewall does not call it otherwise
_EVERYTHING = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
# Networks between routers, which no site uses inside: RFC 6598 (shared address space), RFC 5180 (benchmarking).
_BETWEEN = {4: (ip_network("100.64.0.0/10"), 24), 6: (ip_network("2001:2::/48"), 64)}
_STRANGER = {4: "198.51.100.77", 6: "2001:db8:77::77"}  # RFC 5737, RFC 3849: a group in a zone without networks
Own = tuple[IPv4Interface | IPv6Interface, ...]
Ports = Mapping[str, Port]  # by the site's names of the interfaces
_LARGE = 1 << 25  # addresses: nobody's network


@dataclass(frozen=True, slots=True)
class Known:
    """What configurations and the plan say of a lab, beside the site."""

    answered: Mapping[str, Sequence[Network]] = field(default_factory=dict)  # by point: it translates from or to them
    hiding: Collection[str] = ()  # points that give packets addresses of their own
    members: Mapping[str, Sequence[Address]] = field(default_factory=dict)  # that a group has beside its first
    excepted: Boxes = ()  # nobody is to be asked from or at an address that is among these alone
    interfaces: Mapping[str, str] = field(default_factory=dict)  # by host: how its firewall calls the only one


def layout(site: Site, known: Known | None = None) -> Lab:
    """The lab of a site. What it has to make simpler is among the lab's notes."""
    return _Layout(site, Wiring.of(site), known or Known()).lab()


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a node that is no router lives."""

    kind: Kind
    zone: str
    addresses: Own


@dataclass(slots=True)
class _Layout:
    site: Site
    wiring: Wiring
    known: Known
    used: set[Address] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def lab(self) -> Lab:
        homes = self._homes()
        self.used |= {one.ip for home in homes.values() for one in home.addresses}
        routers = {name: self._ports(name) for name in self.site.points if self.wiring.ports(name)}
        nodes = {name: self._end(name, home, routers) for name, home in homes.items()}
        nodes |= {name: self._router(name, ports, routers, homes) for name, ports in routers.items()}
        names = {(name, inner): port.name for name, ports in routers.items() for inner, port in ports.items()}
        segments = tuple(dict.fromkeys(self.wiring.segments.values()))
        return Lab(nodes, segments, (*self.wiring.notes, *self.notes), names)

    # -- nodes that are no routers

    def _homes(self) -> dict[str, _Home]:
        """Every node that is no router."""
        return {**self._hosts(), **self._balancers(), **self._strangers()}

    def _hosts(self) -> dict[str, _Home]:
        extra, zones = self._answered_by_hosts(), self.site.zones
        return {
            host.name: _Home(
                "host",
                host.zone,
                self._inside([*singles(host.addresses), *extra.get(host.name, ())], zones[host.zone]),
            )
            for host in self.site.hosts.values()
        }

    def _balancers(self) -> dict[str, _Home]:
        """Devices that answer for virtual addresses, and for nothing else; one for those with the same address."""
        found: dict[str, list[Address]] = {}
        for name, node in answering(self.site).items():
            if node not in self.site.hosts:
                found.setdefault(node, []).extend(singles(self.site.virtual[name].addresses))
        return {name: self._balancer(name, addresses) for name, addresses in found.items()}

    def _balancer(self, name: str, addresses: Sequence[Address]) -> _Home:
        zone = self.site.virtual[name].zone
        return _Home("balancer", zone, self._inside(addresses, self.site.zones[zone]))

    def _strangers(self) -> dict[str, _Home]:
        """One computer for each group, and one for each component that somebody else runs."""
        taken = {one for host in self.site.hosts.values() for one in singles(host.addresses)}
        taken |= {one for virtual in self.site.virtual.values() for one in singles(virtual.addresses)}
        found: dict[str, _Home] = {}
        groups: list[tuple[str, Kind, str, Addresses]] = [
            *((one.name, "client", one.zone, one.addresses) for one in self.site.groups.values()),
            *((one.component, "outside", one.zone, one.addresses) for one in self.site.outside.values()),
        ]
        for name, kind, zone, addresses in groups:
            plain = self._unexcepted(addresses)
            chosen = [one for version in (4, 6) if (one := _member(plain, version, taken))]
            chosen += [
                one for one in self.known.members.get(name, ()) if one not in (*taken, *chosen) and _has(addresses, one)
            ]
            taken |= set(chosen)
            if chosen:
                found[name] = _Home(kind, zone, self._inside(chosen, self.site.zones[zone]))
            else:
                self.notes.append(f"{name} has no address in the site file: nobody plays it")
        return found

    def _unexcepted(self, addresses: Addresses) -> Addresses:
        """The addresses without those of some of them that the site excepts; all, where it excepts all."""
        for box in self.known.excepted:
            version = box.get(Field.VERSION)[0][0]
            for end in (Field.SRC, Field.DST):
                named = Addresses(v4=box.get(end)) if version == 4 else Addresses(v6=box.get(end))
                left = addresses - named
                addresses = left if left.family(version) else addresses
        return addresses

    def _inside(self, addresses: Iterable[Address], zone: Zone) -> Own:
        """The addresses with the length of their network in the zone; alone where there is none that they share.

        Hosts of a zone that go through a firewall to each other are no neighbors.
        """
        are_apart = bool(self.wiring.ways.get((zone.name, zone.name)))
        lengths = {one: one.max_prefixlen if are_apart else _length(one, zone) for one in addresses}
        return tuple(ip_interface(f"{one}/{length}") for one, length in lengths.items())

    def _answered_by_hosts(self) -> dict[str, list[Address]]:
        """Virtual addresses that a host answers for: one of the members, or whoever has the address."""
        found: dict[str, list[Address]] = {}
        for name, node in answering(self.site).items():
            virtual = self.site.virtual[name]
            if node in self.site.hosts:
                found.setdefault(node, []).extend(singles(virtual.addresses))
                if len(virtual.members) > 1 and virtual.mode == "nlb":
                    self.notes.append(f"{node} answers for {name}, as one of its members does")
        return found

    def _end(self, name: str, home: _Home, routers: Mapping[str, Ports]) -> Node:
        port = Port(self.known.interfaces.get(name, _HOME), self.wiring.segments["", home.zone], home.addresses)
        hops = (*self._outer((port,), routers), *self._hops_from(port.name, home.zone, routers))
        return Node(name, home.kind, (port,), hops, home.zone)

    def _outer(self, own: Sequence[Port], routers: Mapping[str, Ports], itself: str = "") -> Iterator[Hop]:
        """The routes to what routers answer for, each by whichever router on a node's segments is the nearest to it."""
        for name in routers:
            networks = [*self._free_ones(name), *self._own(name, routers)]
            if networks and name != itself:
                away = _distances(name, routers)
                nearer = [
                    (away[other], port.name, there)
                    for port in own
                    for other, ports in routers.items()
                    for there in ports.values()
                    if there.segment == port.segment and other in away and other != itself
                ]
                for _, leaves, there in sorted(nearer, key=lambda one: one[0])[:1]:
                    for network in networks:
                        via = there.address(network.version)
                        if via is not None and via != network.network_address:
                            yield Hop(network, leaves, via)

    def _free_ones(self, name: str) -> list[Network]:
        """What a point answers for, but for what is somebody's own."""
        return [one for one in self.known.answered.get(name, ()) if not self._is_somebodys(one)]

    def _own(self, name: str, routers: Mapping[str, Ports]) -> list[Network]:
        """The addresses that a point gives to packets."""
        return [
            ip_network(one.ip) for port in routers[name].values() for one in port.addresses if name in self.known.hiding
        ]

    def _is_somebodys(self, network: Network) -> bool:
        return any(one in network for one in self.used if one.version == network.version)

    def _hops_from(self, leaves: str, zone: str, routers: Mapping[str, Ports]) -> Iterator[Hop]:
        """The routes of a node in a zone: to each other zone by the first router of the way."""
        for (source, destination), way in self.wiring.ways.items():
            if source != zone:
                continue
            for network in self._networks(destination):
                if not way:
                    yield Hop(network, leaves, None)
                elif via := routers[way[0].router][way[0].arrives].address(network.version):
                    yield Hop(network, leaves, via)

    def _networks(self, zone: str) -> tuple[Network, ...]:
        named = self.site.zones[zone]
        return (*named.networks, *(_EVERYTHING.values() if named.rest else ()))

    # -- routers

    def _ports(self, router: str) -> dict[str, Port]:
        """The ports of a router by the site's names of its interfaces."""
        found: dict[str, Port] = {}
        for inner, segment in self.wiring.ports(router).items():
            name = _port_name(inner, {port.name for port in found.values()})
            found[inner] = Port(name, segment, tuple(self._router_addresses(segment)))
        return found

    def _router_addresses(self, segment: str) -> Iterator[IPv4Interface | IPv6Interface]:
        """A free address in each network of the zones on a segment, and one in a network between routers."""
        zones = [zone for (owner, zone), where in self.wiring.segments.items() if not owner and where == segment]
        networks = [network for zone in zones for network in self.site.zones[zone].networks]
        number = int(segment[1:])
        for version, (block, length) in _BETWEEN.items():
            first = int(block.network_address) + (number << (LAST_ADDRESS[version].bit_length() - length))
            networks.append(ip_network((first, length)))
        for network in networks:
            if (found := self._free(network)) is not None:
                yield ip_interface(f"{found}/{network.prefixlen}")

    def _free(self, network: Network) -> Address | None:
        """The last address of a network that nobody has."""
        last = int(network.broadcast_address) - (1 if network.version == 4 and network.prefixlen < 31 else 0)
        for number in range(last, max(int(network.network_address), last - 500), -1):
            address = ip_address(number) if network.version == 4 else type(network.network_address)(number)
            if address not in self.used:
                self.used.add(address)
                return address
        self.notes.append(f"no address is free in {network} for a router")
        return None

    def _router(
        self,
        name: str,
        ports: Ports,
        routers: Mapping[str, Ports],
        homes: Mapping[str, _Home],
    ) -> Node:
        outer = self._outer(tuple(ports.values()), routers, name)
        hops = [*outer, *self._onward(name, ports, routers), *self._lonely(ports, homes)]
        return Node(name, "router", tuple(ports.values()), tuple(dict.fromkeys(hops)))

    def _onward(self, name: str, ports: Ports, routers: Mapping[str, Ports]) -> Iterator[Hop]:
        """The routes to each zone; by source where packets from several zones go on differently."""
        for destination in self.site.zones:
            onward = dict(self._next(name, destination, ports, routers))
            usual = next(iter(onward.values()), None)
            for source, steps in onward.items():
                for network, port, via in steps:
                    if steps == usual:
                        yield Hop(network, port, via)
                    else:
                        yield from (
                            Hop(network, port, via, one)
                            for one in self._networks(source)
                            if one.version == network.version
                        )

    def _next(
        self, name: str, destination: str, ports: Ports, routers: Mapping[str, Ports]
    ) -> Iterator[tuple[str, tuple[tuple[Network, str, Address | None], ...]]]:
        """By source zone: how packets to a zone go on behind a router."""
        for (source, to), way in self.wiring.ways.items():
            at = next((number for number, step in enumerate(way) if step.router == name), None)
            if to != destination or at is None:
                continue
            onward = way[at + 1] if at + 1 < len(way) else None
            beyond = routers[onward.router][onward.arrives] if onward else None
            yield (
                source,
                tuple(
                    (network, ports[way[at].leaves].name, beyond.address(network.version) if beyond else None)
                    for network in self._networks(destination)
                ),
            )

    def _lonely(self, ports: Ports, homes: Mapping[str, _Home]) -> Iterator[Hop]:
        """Nodes beside the networks of their zone, on the segment of a router's port."""
        for home in homes.values():
            for port in ports.values():
                if self.wiring.segments["", home.zone] == port.segment:
                    alone = (one.network for one in home.addresses if one.network.num_addresses == 1)
                    yield from (Hop(network, port.name, None) for network in alone)


def _distances(name: str, routers: Mapping[str, Ports]) -> dict[str, int]:
    """How many segments lie between a router and each other one that can be reached from it."""
    found, latest = {name: 0}, [name]
    while latest:
        segments = {port.segment for one in latest for port in routers[one].values()}
        number = found[latest[0]] + 1
        latest = [
            other
            for other, ports in routers.items()
            if other not in found and any(port.segment in segments for port in ports.values())
        ]
        found |= dict.fromkeys(latest, number)
    return found


def _has(addresses: Addresses, one: Address) -> bool:
    return contains(addresses.family(one.version), int(one))


def _member(addresses: Addresses, version: int, taken: set[Address]) -> Address | None:
    """An address of a group that nobody else has; of one as wide as the Internet, an address for documentation."""
    stranger = int(ip_address(_STRANGER[version]))
    ranges = addresses.family(version)
    wide = [(stranger, min(last, stranger + 100)) for first, last in ranges if first <= stranger <= last]
    singles_last = sorted(ranges, key=lambda ends: ends[0] == ends[1])  # such as what is left of a network
    for first, last in (*(wide if sum(b - a for a, b in ranges) > _LARGE else ()), *singles_last):
        for number in range(first + (last > first), min(last, first + 1000) + 1):
            found = ip_network((number, 32 if version == 4 else 128)).network_address
            if found not in taken:
                return found
    return None


def _length(address: Address, zone: Zone) -> int:
    """The prefix length of the network in the zone that holds the address."""
    holding = [network.prefixlen for network in zone.networks if address in network]
    return max(holding, default=address.max_prefixlen)


def _port_name(inner: str, taken: set[str]) -> str:
    """The site's name of an interface as the kernel takes it."""
    name = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in inner)[:LONGEST_NAME]
    number = 1
    while not name or name in taken or name in ("lo", "all", "default"):
        number += 1
        name = f"{name[: LONGEST_NAME - 3]}{number}"
    return name
