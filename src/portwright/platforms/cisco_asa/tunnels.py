"""Virtual private networks: which packets may arrive through a tunnel and so bypass the access lists.

`sysopt connection permit-vpn` is on unless the configuration switches it off: decrypted packets then pass without a
look at the interface access lists (Cisco ASA VPN CLI Configuration Guide, "Configure IPsec to Bypass ACLs"). Whether a
packet arrived in a tunnel cannot be told from its header; what can be told is which sources the tunnels carry.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from portwright.packets.box import Box, Boxes, Doubt, Match
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.cisco_asa.lines import Block, Line
from portwright.platforms.cisco_asa.values import VERSIONS, Addresses, Values, is_all
from portwright.policy.configuration import Tunnel

_MATCH = ("match", "address")
_MOST_ROUTES = 20_000
_DYNAMIC = ("ipsec-isakmp", "dynamic")


@dataclass(slots=True)
class Tunnels:
    """What the configuration says about tunnels."""

    bypasses_access_lists: bool = True
    crypto_maps: list[Line] = field(default_factory=list)  # `crypto map` and `crypto dynamic-map`
    pools: list[Addresses] = field(default_factory=list)
    client_interfaces: dict[str, Line] = field(default_factory=dict)  # where remote users may connect
    any_peer: bool = False  # a tunnel group that lets peers propose networks of their own
    unknown_clients: bool = False  # a DHCP server hands out their addresses
    filters: list[Line] = field(default_factory=list)  # `vpn-filter value NAME`, `network-acl NAME`

    def read_web(self, block: Block) -> None:
        """Note the interfaces on which remote users may connect."""
        for line in block.body:
            if line.words[0] == "enable" and len(line.words) > 1:
                self.client_interfaces.setdefault(line.words[1], line)

    def read_tunnel_group(self, block: Block) -> None:
        """Note who may connect."""
        words = block.head.words
        if words[1:3] == ("DefaultL2LGroup", "ipsec-attributes"):
            self.any_peer = True
        if any(line.words[0] == "dhcp-server" for line in block.body):
            self.unknown_clients = True

    def read_group_policy(self, block: Block) -> None:
        """Note the filters of tunnels."""
        self.filters += [line for line in block.body if line.words[0] == "network-acl" or _is_filter(line)]


@dataclass(frozen=True, slots=True)
class Remote:
    """Addresses at the far end of the tunnels of some interfaces."""

    interfaces: tuple[str, ...]
    addresses: Addresses
    line: Line
    what: str
    brings_routes: bool  # while it is up, the addresses are routed to it

    @property
    def brings_any_route(self) -> bool:
        """Report whether it may bring routes to any address, or to more networks than can be told apart."""
        everybody = any(is_all(version, self.addresses.family(version).possible) for version in VERSIONS)
        return self.brings_routes and (everybody or self.addresses.size * len(self.interfaces) > _MOST_ROUTES)

    def match(self, atoms: Intervals, file: str, name: Field = Field.SRC) -> Match:
        """The packets that may have come through the tunnel (or by DST, that may leave through it)."""
        arrives = Field.IN if name is Field.SRC else Field.OUT
        found = self.addresses.match(name) & Match.exact((Box.of({arrives: atoms}),))
        doubt = Doubt(f"a packet {self.what} passes without a look at the access lists", self.line.source(file))
        return Match.doubtful(doubt, found.possible)


class TunnelReader:
    """Finds the far ends of all tunnels."""

    def __init__(self, tunnels: Tunnels, access_list: Callable[[str, Line], Match], interfaces: Collection[str]):
        self._tunnels = tunnels
        self._access_list = access_list
        self._known: dict[str, Boxes] = {}  # what access lists permit
        self._interfaces = interfaces  # those that exist
        self._maps = _by_name(tunnels.crypto_maps, "map")
        self._dynamic_maps = _by_name(tunnels.crypto_maps, "dynamic-map")
        self._reverse = {line.words[1:4] for line in tunnels.crypto_maps if "reverse-route" in line.words}

    def remotes(self) -> Iterator[Remote]:
        """The far ends, each once for all interfaces on which the tunnel may end."""
        for name, interfaces in self._applied().items():
            yield from self._of_map(self._maps[name], interfaces)
        clients = {name: line for name, line in self._tunnels.client_interfaces.items() if name in self._interfaces}
        if clients:
            yield self._clients(tuple(clients), next(iter(clients.values())))

    def carried(self, file: str) -> Iterator[Tunnel]:
        """What the crypto maps encrypt, by the access lists that `match address` names."""
        for name, interfaces in self._applied().items():
            lines = list(self._maps[name])
            names = [line.words[6] for line in lines if line.words[4:6] == _DYNAMIC and len(line.words) > 6]
            for line in [*lines, *(found for dynamic in names for found in self._dynamic_maps.get(dynamic, []))]:
                if line.words[4:6] == _MATCH and len(line.words) > 6:
                    packets = self._packets(line.words[6], line)
                    yield Tunnel(interfaces, packets, line.source(file))

    def _packets(self, name: str, line: Line) -> Boxes:
        """What an access list may permit, which is read once."""
        if name not in self._known:
            self._known[name] = self._access_list(name, line).possible
        return self._known[name]

    def _applied(self) -> dict[str, tuple[str, ...]]:
        """The interfaces on which each crypto map is applied."""
        found: dict[str, dict[str, None]] = {}
        for name, lines in self._maps.items():
            for line in lines:
                if line.words[3:4] == ("interface",) and line.words[4:] and line.words[4] in self._interfaces:
                    found.setdefault(name, {})[line.words[4]] = None
        return {name: tuple(interfaces) for name, interfaces in found.items()}

    def _of_map(self, lines: Iterable[Line], interfaces: tuple[str, ...]) -> Iterator[Remote]:
        lines = list(lines)
        yield from self._of_access_lists(lines, interfaces)
        dynamic = {line.words[6]: line for line in lines if line.words[4:6] == _DYNAMIC and len(line.words) > 6}
        for name, line in dynamic.items():
            yield from self._of_dynamic(name, interfaces, line)

    def _of_dynamic(self, name: str, interfaces: tuple[str, ...], line: Line) -> Iterator[Remote]:
        lines = self._dynamic_maps.get(name, [])
        reverse = any(found.words[1:4] in self._reverse for found in lines)
        if any(found.words[4:6] == _MATCH for found in lines):
            yield from self._of_access_lists(lines, interfaces)
        elif self._tunnels.any_peer:
            yield Remote(interfaces, _EVERYBODY, line, "of any peer's tunnel", reverse)
        else:
            yield self._clients(interfaces, line, reverse)

    def _of_access_lists(self, lines: Iterable[Line], interfaces: tuple[str, ...]) -> Iterator[Remote]:
        """The far ends that `match address` names, each access list once."""
        found: dict[tuple[str, bool], Line] = {}
        for line in lines:
            if line.words[4:6] == _MATCH and len(line.words) > 6:
                found.setdefault((line.words[6], line.words[1:4] in self._reverse), line)
        for (name, reverse), line in found.items():
            addresses = _destinations(self._packets(name, line))
            yield Remote(interfaces, addresses, line, "that arrives through this tunnel", reverse)

    def _clients(self, interfaces: tuple[str, ...], line: Line, reverse: bool = False) -> Remote:
        pools = self._tunnels.pools
        known = bool(pools) and not self._tunnels.unknown_clients
        addresses = Addresses.union(pools) if known else _EVERYBODY
        return Remote(interfaces, addresses, line, "of a remote user's tunnel", known or reverse)


def _by_name(lines: Iterable[Line], kind: str) -> dict[str, list[Line]]:
    """The lines `crypto KIND NAME ...`, by name."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.words[1] == kind and len(line.words) > 2:
            found.setdefault(line.words[2], []).append(line)
    return found


def _is_filter(line: Line) -> bool:
    return line.words[:2] == ("vpn-filter", "value") and len(line.words) > 2


def _destinations(boxes: Boxes) -> Addresses:
    ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    for box in boxes:
        for version in VERSIONS:
            if any(first <= version <= last for first, last in box.get(Field.VERSION)):
                last_address = LAST_ADDRESS[version]
                ranges[version] += [(a, min(b, last_address)) for a, b in box.get(Field.DST) if a <= last_address]
    return Addresses(*(Values.exact(normalize(ranges[version])) for version in VERSIONS))


def read_pool(words: tuple[str, ...]) -> tuple[str, str] | None:
    """The first and last address of `ip local pool NAME FIRST-LAST [mask MASK]`."""
    if len(words) < 5:
        return None
    first, _, last = words[4].partition("-")
    return first, last or first


_EVERYBODY = Addresses(*(Values.exact(((0, LAST_ADDRESS[version]),)) for version in VERSIONS))
