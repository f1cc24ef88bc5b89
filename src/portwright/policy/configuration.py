"""What a platform's reader makes of one configuration file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from portwright.packets.box import Boxes
from portwright.packets.packet import Packet
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Policy
from portwright.source import Source

Network = IPv4Network | IPv6Network
Hook = Literal["forward", "input", "output"]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a reader noticed that is no error: an undefined or unused object, a missing end, a legacy form."""

    kind: Literal["undefined", "unused", "note"]
    message: str
    source: Source


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line that Portwright could not model, and which answers it makes undecided."""

    source: Source
    reason: str
    scope: Literal["point", "object", "rule"] = "rule"


@dataclass(frozen=True, slots=True)
class Census:
    """Each line of the configuration is modelled, inert (it decides about no packet) or unknown."""

    modelled: int  # lines
    inert: int  # lines
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """A setting of the catalog as the host really has it, on which the configuration was taken."""

    setting: str  # sql.port
    values: tuple[str, ...]  # any of these: a host may listen on several ports
    instance: str  # of the component; empty: the default one, or none
    source: Source


@dataclass(frozen=True, slots=True)
class Route:
    """A network that lies behind an interface."""

    network: Network
    interface: str
    connected: bool  # the interface's own network; otherwise a static route
    source: Source


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Packets that leave by some interfaces inside a tunnel, and whose replies arrive there inside it."""

    interfaces: tuple[str, ...]
    carried: Boxes  # as they leave
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """One parsed configuration file.

    `policies` holds a policy per hook, and where the platform tells them apart also one per hook with the whole path
    around it (`forward/path`: prerouting, NAT and postrouting too). A platform with one pipeline has `forward` alone.
    """

    platform: str
    file: str
    policies: Mapping[str, Policy]
    interfaces: Interfaces
    census: Census
    remarks: tuple[Remark, ...] = ()
    routes: tuple[Route, ...] = field(default=())  # longest prefix wins
    routing_is_complete: bool = False  # no routing protocol: connected and static routes are all there is
    declares_interfaces: bool = False  # there are no interfaces but the ones in `interfaces`
    crossings: Callable[[Packet], list[tuple[int, int]]] | None = None  # `ways`, where translation comes before routing
    own: Boxes = ()  # packets to the device's own addresses, as far as the file tells these
    hostname: str = ""  # what the device calls itself; empty where the configuration does not say
    named_at: Source | None = None  # the line that says it
    tunnels: tuple[Tunnel, ...] = ()  # those of which the file says what they carry
    observed: tuple[Observed, ...] = ()  # what the file of a host says of its software
    profiles: Mapping[str, Callable[[], "Configuration"]] = field(default_factory=dict)  # the same, another in force

    def policy(self, hook: str = "forward", path: bool = False) -> Policy:
        """The policy for a hook, with or without the whole path; the only one where the platform has just one."""
        return self.policies.get(f"{hook}/path" if path else hook) or self.policies["forward"]

    def under(self, profile: str) -> "Configuration":
        """The configuration with one of its profiles in force. Raises KeyError for a profile that it does not have."""
        return self.profiles[profile]()

    def interface_toward(self, version: int, address: int) -> str | None:
        """The interface behind which an address lies, where the configuration makes that certain; otherwise None."""
        if not self.routing_is_complete:
            return None
        matching = self._routes_to(version, address)
        if not matching:
            return None
        longest = max(route.network.prefixlen for route in matching)
        found = {route.interface for route in matching if route.network.prefixlen == longest}
        return found.pop() if len(found) == 1 else None

    def has_own_route(self, version: int, address: int) -> bool:
        """Report whether a route leads to an address that does not lead everywhere."""
        return any(route.network.prefixlen for route in self._routes_to(version, address))

    def _routes_to(self, version: int, address: int) -> list[Route]:
        return [
            route
            for route in self.routes
            if route.network.version == version
            and int(route.network.network_address) <= address <= int(route.network.broadcast_address)
        ]

    def ways(self, packet: Packet, hook: str = "forward") -> list[tuple[int, int]]:
        """The pairs of interface atoms (in, out) on which the packet may cross, those it names or all there are."""
        if self.crossings is not None:
            return self.crossings(packet)
        return [(i, o) for i in self._ingress(packet, hook) for o in self._egress(packet, hook)]

    def _ingress(self, packet: Packet, hook: str) -> list[int]:
        if hook == "output":
            return [self.interfaces.atom("")]
        return self._atoms(packet.interface_in, packet.version, packet.source)

    def _egress(self, packet: Packet, hook: str) -> list[int]:
        if hook == "input":
            return [self.interfaces.atom("")]
        return self._atoms(packet.interface_out, packet.version, packet.destination)

    def _atoms(self, named: str | None, version: int, address: int) -> list[int]:
        name = named if named is not None else self.interface_toward(version, address)
        return [self.interfaces.atom(name)] if name is not None else list(self.interfaces.atoms())
