"""Virtual private networks: which packets may arrive through a tunnel and so bypass the access lists.

`sysopt connection permit-vpn` is on unless the configuration switches it off: decrypted packets then pass without a
look at the interface access lists (Cisco ASA VPN CLI Configuration Guide, "Configure IPsec to Bypass ACLs"). Whether a
packet arrived in a tunnel cannot be told from its header; what can be told is which sources the tunnels carry.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from portwright.packets.box import Box, Boxes, Doubt, Match
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import normalize
from portwright.platforms.cisco_asa.lines import Block, Line
from portwright.platforms.cisco_asa.values import VERSIONS, Addresses, Values, is_all
from portwright.policy.interfaces import Interfaces


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
    """Addresses at the far end of the tunnels of an interface."""

    interface: str
    addresses: Addresses
    line: Line
    what: str
    brings_routes: bool  # while it is up, the addresses are routed to it

    @property
    def is_everybody(self) -> bool:
        """Report whether any address may be at the far end."""
        return any(is_all(version, self.addresses.family(version).possible) for version in VERSIONS)

    def match(self, interfaces: Interfaces, file: str, name: Field = Field.SRC) -> Match:
        """The packets that may have come through the tunnel (or by DST, that may leave through it)."""
        arrives = Field.IN if name is Field.SRC else Field.OUT
        found = self.addresses.match(name) & Match.exact((Box.of({arrives: interfaces.exactly(self.interface)}),))
        doubt = Doubt(f"a packet {self.what} passes without a look at the access lists", self.line.source(file))
        return Match.doubtful(doubt, found.possible)


class TunnelReader:
    """Finds the far ends of all tunnels."""

    def __init__(self, tunnels: Tunnels, access_list: Callable[[str, Line], Match]):
        self._tunnels = tunnels
        self._access_list = access_list
        self._maps = [line for line in tunnels.crypto_maps if line.words[1] == "map"]
        self._reverse = {line.words[1:4] for line in tunnels.crypto_maps if "reverse-route" in line.words}

    def remotes(self) -> Iterator[Remote]:
        """The far ends, by interface."""
        for applied in self._maps:
            if applied.words[3:4] == ("interface",) and len(applied.words) > 4:
                yield from self._of_map(applied.words[2], applied.words[4])
        for interface, line in self._tunnels.client_interfaces.items():
            yield self._clients(interface, line)

    def _of_map(self, name: str, interface: str) -> Iterator[Remote]:
        for line in self._maps:
            words = line.words
            if words[2] != name:
                continue
            if words[4:6] == ("match", "address") and len(words) > 6:
                yield self._of_access_list(words[6], interface, line)
            elif words[4:6] == ("ipsec-isakmp", "dynamic") and len(words) > 6:
                yield from self._of_dynamic(words[6], interface, line)

    def _of_dynamic(self, name: str, interface: str, line: Line) -> Iterator[Remote]:
        matches = [
            found
            for found in self._tunnels.crypto_maps
            if found.words[1:3] == ("dynamic-map", name) and found.words[4:6] == ("match", "address")
        ]
        for found in matches:
            if len(found.words) > 6:
                yield self._of_access_list(found.words[6], interface, found)
        reverse = any(words[:2] == ("dynamic-map", name) for words in self._reverse)
        if not matches and self._tunnels.any_peer:
            yield Remote(interface, _EVERYBODY, line, "of any peer's tunnel", reverse)
        elif not matches:
            yield self._clients(interface, line, reverse)

    def _of_access_list(self, name: str, interface: str, line: Line) -> Remote:
        boxes = self._access_list(name, line).possible
        what = "that arrives through this tunnel"
        return Remote(interface, _destinations(boxes), line, what, line.words[1:4] in self._reverse)

    def _clients(self, interface: str, line: Line, reverse: bool = False) -> Remote:
        pools = self._tunnels.pools
        known = bool(pools) and not self._tunnels.unknown_clients
        addresses = Addresses.union(pools) if known else _EVERYBODY
        return Remote(interface, addresses, line, "of a remote user's tunnel", known or reverse)


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
