"""Devices that answer for virtual addresses, in the kernel: nftables and routes in the namespace of each.

Each new connection for a port of a virtual address goes to the next member. Which one that is, its packets have as
their mark, for as long as it lasts, and so the kernel's trace tells it. With `dnat` and `snat` the destination becomes
the member's; with `snat` the source becomes the device's own. With `dsr` the packet stays as it is and goes to the
member's interface; members have the address too, and tell nobody on their segment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from portwright.packets.fields import ICMP, ICMPV6, PORT_PROTOCOLS
from portwright.rehearse.evidence import Exchange, Front
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network

TABLE = "portwright_balancer"
_RETURNS = 500  # priority of the rules by which replies go back through the device, and the number of their table
_BY_MARK, _LOCAL = 100, 400  # priorities; what is marked goes before what is the machine's own
_FIRST_TABLE = 2000  # of routes by mark
_LEFT_BY_OTHERS = 0  # priority of the rule that the kernel begins with
_FAMILY = {4: "ip", 6: "ip6"}
_WIDTH = {4: 32, 6: 128}
# Members do not tell others that they have the address; and they answer the device, which asks for them from it.
_QUIET = {"ipv4/conf/all/arp_ignore": 1, "ipv4/conf/all/arp_announce": 2, "ipv4/conf/all/accept_local": 1}


@dataclass(frozen=True, slots=True)
class VirtualService:
    """What a device answers for: a port of a virtual address."""

    front: Front
    version: int
    protocol: int


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody to whom a device leads on."""

    node: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Balancers:
    """The devices of a lab, with the services that somebody asks for."""

    lab: Lab
    exchanges: tuple[Exchange, ...]
    marks: Mapping[tuple[VirtualService, Member], int]

    @classmethod
    def of(cls, lab: Lab, exchanges: Iterable[Exchange]) -> "Balancers":
        """The devices that these exchanges need."""
        led = tuple(one for one in dict.fromkeys(exchanges) if one.front)
        members = dict.fromkeys((service_of(one), _member(one)) for one in led)
        return cls(lab, led, {one: number for number, one in enumerate(members, 1)})

    def mark(self, exchange: Exchange) -> int:
        """The mark of packets that the device leads to the exchange's member."""
        return self.marks[service_of(exchange), _member(exchange)]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The devices."""
        return tuple(dict.fromkeys(service.front.node for service, _ in self.marks))

    def set_up(self, network: Network) -> None:
        """Have them lead on. Raises OSError, ValueError where the kernel does not take it."""
        for node in self.nodes:
            network.load(node, self.rules(node))
            for version in (4, 6):
                network.configure(node, version, self._by_mark(node, version))
        for (node, version), commands in self._returns().items():
            network.configure(node, version, commands)
        for service, member in self.marks:
            if service.front.mode == "dsr":
                network.adjust(member.node, _QUIET)
                address = f"{service.front.address}/{_WIDTH[service.version]}"
                network.configure(member.node, service.version, [f"address replace {address} dev lo"])

    # -- rules

    def rules(self, node: str) -> str:
        """The rules of a device, for `nft -f`."""
        own = {key: mark for key, mark in self.marks.items() if key[0].front.node == node}
        sets = [line for (service, _), mark in own.items() for line in _memory(service, mark)]
        chosen = [line for service in dict.fromkeys(one for one, _ in own) for line in self._choices(service)]
        led = [line for (service, member), mark in own.items() for line in _destination(service, member, mark)]
        hidden = [line for (service, _), mark in own.items() for line in _source(service, mark)]
        chains = (
            ("choosing", "type filter hook prerouting priority -150", [*self._remembered(own), *chosen]),
            ("leading", "type nat hook prerouting priority -100", led),
            ("hiding", "type nat hook postrouting priority 100", hidden),
        )
        body = [line for name, place, lines in chains for line in _chain(name, f"{place}; policy accept;", lines)]
        return "\n".join([f"table inet {TABLE} {{", *sets, *body, "}", ""])

    def _remembered(self, own: Mapping[tuple[VirtualService, Member], int]) -> Iterator[str]:
        for (service, _), mark in own.items():
            if service.protocol in PORT_PROTOCOLS:
                yield f"{_key(service)} @led_{mark} meta mark set {mark} accept"

    def _choices(self, service: VirtualService) -> Iterator[str]:
        """Who is next; a member that asks for its own service gets at the others, unless its address is hidden."""
        members = {member: mark for (one, member), mark in self.marks.items() if one == service}
        for member in members if service.front.mode == "dnat" else ():
            others = [mark for other, mark in members.items() if other.node != member.node]
            if others:
                yield f"{_FAMILY[service.version]} saddr {member.address} {_next(service, others)}"
        yield _next(service, list(members.values()))

    # -- routes

    def _by_mark(self, node: str, version: int) -> list[str]:
        """With direct return: packets go to a member by their mark, although their destination is the machine's own."""
        found = []
        for (service, member), mark in self.marks.items():
            if (service.front.node, service.version, service.front.mode) == (node, version, "dsr"):
                port = self.lab.nodes[member.node].ports[0]
                table = _FIRST_TABLE + mark
                found.append(f"rule add fwmark {mark} lookup {table} priority {_BY_MARK}")
                home = port.address(version)
                found.append(f"route add default via {home} dev {self.lab.nodes[node].ports[0].name} table {table}")
        if found:
            found += [f"rule add lookup local priority {_LOCAL}", f"rule del priority {_LEFT_BY_OTHERS}"]
        return found

    def _returns(self) -> dict[tuple[str, int], list[str]]:
        """Where only the destination is translated: what members reply goes back through the device."""
        found: dict[tuple[str, int], dict[str, None]] = {}
        for exchange in self.exchanges:
            if exchange.front is not None and exchange.front.mode == "dnat":
                for node, command in self._way_back(exchange, exchange.front):
                    found.setdefault((node, exchange.version), {})[command] = None
        return {key: list(commands) for key, commands in found.items()}

    def _way_back(self, exchange: Exchange, front: Front) -> Iterator[tuple[str, str]]:
        ends = ip_address(exchange.destination_address), ip_address(front.address)
        way = self.lab.way(exchange.destination, front.node, exchange.version) or []
        for node in way[:-1]:
            hop = self.lab.route(node, *ends)
            if hop is not None:
                via = hop.via or front.address
                table = _RETURNS + [port.name for port in self.lab.nodes[node].ports].index(hop.port)
                kind = _kind(exchange)
                yield node, f"rule add {kind} lookup {table} priority {_RETURNS}"
                yield node, f"route replace {exchange.source_address} via {via} dev {hop.port} table {table} onlink"


def service_of(exchange: Exchange) -> VirtualService:
    """What is asked for. Raises ValueError for what goes to nobody's virtual address."""
    if exchange.front is None:
        raise ValueError("it goes to no virtual address")
    return VirtualService(exchange.front, exchange.version, exchange.protocol)


def _member(exchange: Exchange) -> Member:
    return Member(exchange.destination, exchange.destination_address, exchange.port)


def _protocol(service: VirtualService | Exchange) -> int:
    return ICMPV6 if service.protocol == ICMP and service.version == 6 else service.protocol


def _kind(exchange: Exchange) -> str:
    """The selector of ip-rule(8) for replies to an exchange."""
    port = f" sport {exchange.port}" if exchange.port else ""
    ends = f"from {exchange.destination_address} to {exchange.source_address}"
    return f"{ends} ipproto {_protocol(exchange)}{port}"


def _chain(name: str, place: str, lines: Sequence[str]) -> list[str]:
    return [f"    chain {name} {{", *(f"        {line}" for line in (place, *lines)), "    }"]


def _key(service: VirtualService) -> str:
    """What the packets of a connection have in common, as long as nobody translates them."""
    return f"{_FAMILY[service.version]} saddr . meta l4proto . th sport . th dport"


def _memory(service: VirtualService, mark: int) -> list[str]:
    """The connections that a member has, and the chain that gives it one more."""
    words = [f"meta mark set {mark}", "accept"]
    if service.protocol not in PORT_PROTOCOLS:
        return _chain(f"to_{mark}", " ".join(words), ())
    kind = f"type ipv{service.version}_addr . inet_proto . inet_service . inet_service; flags dynamic; size 65535;"
    remembered = f"add @led_{mark} {{ {_key(service)} }}"
    return [f"    set led_{mark} {{ {kind} }}", *_chain(f"to_{mark}", " ".join([remembered, *words]), ())]


def _next(service: VirtualService, marks: Sequence[int]) -> str:
    front, turns = service.front, ", ".join(f"{number} : goto to_{mark}" for number, mark in enumerate(marks))
    port = f" th dport {front.port}" if service.protocol in PORT_PROTOCOLS else ""
    packets = f"{_FAMILY[service.version]} daddr {front.address} meta l4proto {_protocol(service)}{port}"
    return f"{packets} numgen inc mod {len(marks)} vmap {{ {turns} }}"


def _destination(service: VirtualService, member: Member, mark: int) -> Iterator[str]:
    if service.front.mode != "dsr":
        address = f"[{member.address}]" if service.version == 6 and member.port else member.address
        port = f":{member.port}" if member.port else ""
        family = _FAMILY[service.version]
        yield f"meta mark {mark} meta l4proto {_protocol(service)} dnat {family} to {address}{port}"


def _source(service: VirtualService, mark: int) -> Iterator[str]:
    if service.front.mode == "snat":
        yield f"meta mark {mark} snat {_FAMILY[service.version]} to {service.front.address}"
