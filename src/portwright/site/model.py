"""A site: where components run, what stands between them, and how it is set."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from portwright.catalog.model import Catalog, Setting
from portwright.packets.addresses import Addresses, Network
from portwright.packets.notation import End, Flow
from portwright.site.resolve import resolve
from portwright.source import Source

Hook = Literal["forward", "input", "output"]
ZoneIndex = Mapping[int, tuple[tuple[int, int, str], ...]]  # by IP version: first and last address, zone; in order

DYNAMIC = "dynamic"  # value of a port that the service chooses at its start
DEFAULT_INSTANCE = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """A group of networks of equal trust."""

    name: str
    networks: tuple[Network, ...]
    rest: bool  # it also has every address that no other zone names
    addresses: Addresses  # what is left to it when the longest prefix wins
    source: Source


def zone_of(index: ZoneIndex, version: int, address: int) -> str | None:
    """The zone in which an address lies; None: in no zone."""
    ranges = index[version]
    at = bisect_right(ranges, address, key=lambda entry: entry[0]) - 1
    return ranges[at][2] if at >= 0 and address <= ranges[at][1] else None


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A component on a host. A host may have several instances of one component, told apart by name."""

    component: str
    name: str = DEFAULT_INSTANCE
    options: Mapping[str, str] = field(default_factory=dict)  # full name of the setting -> value


@dataclass(frozen=True, slots=True)
class Use:
    """Which host, and which instance on it, a consumer uses."""

    host: str  # a host, or a virtual address
    instance: str | None = None  # None: the only one there is

    def __str__(self) -> str:
        return self.host if self.instance is None else f"{self.host}#{self.instance}"


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """A host, or a group of hosts that need not be told apart."""

    name: str
    zone: str
    addresses: Addresses
    instances: tuple[Instance, ...]  # what was placed, bundles taken apart
    roles: frozenset[str]  # components: those placed, and what they imply
    uses: Mapping[str, tuple[Use, ...]]  # by component or, more exactly, by requirement
    settings: Mapping[str, str]
    is_group: bool
    source: Source

    def instances_of(self, component: str) -> tuple[Instance, ...]:
        """The instances of a component; where a role is only implied, one without a name."""
        found = tuple(instance for instance in self.instances if instance.component == component)
        return found or ((Instance(component),) if component in self.roles else ())


@dataclass(frozen=True, slots=True)
class Virtual:
    """An address that stands for several hosts."""

    name: str
    zone: str
    addresses: Addresses
    port: int | None  # None: the port of the service
    mode: str  # nlb, dnat, snat, dsr; proxy: connections end at it, and what follows are requirements of their own
    members: tuple[str, ...]
    services: tuple[str, ...]  # clients reach these by the virtual address, and only these
    source: Source


@dataclass(frozen=True, slots=True)
class Outside:
    """A component that somebody else runs."""

    component: str
    zone: str
    names: tuple[str, ...]
    addresses: Addresses
    source: Source


@dataclass(frozen=True, slots=True)
class Point:
    """An enforcement point: a firewall between zones, or on a host."""

    name: str
    platform: str
    config: Path | None  # inside the folder of the site file; None: there is none yet
    interfaces: Mapping[str, str]  # zone -> the interface behind which it lies
    on: str | None  # the host that it runs on
    profile: str | None  # of a firewall that has several
    source: Source


@dataclass(frozen=True, slots=True)
class Crossing:
    """A packet's way through one point."""

    point: str
    hook: Hook
    interface_in: str | None  # None: the site does not say
    interface_out: str | None

    @property
    def is_vague(self) -> bool:
        """Report whether the site should say more: behind which interface of a firewall a zone lies."""
        return self.hook == "forward" and None in (self.interface_in, self.interface_out)


@dataclass(frozen=True, slots=True)
class Route:
    """The points that a packet crosses in order, and those that the replies cross."""

    forward: tuple[Crossing, ...] = ()
    back: tuple[Crossing, ...] = ()

    @property
    def at_hosts(self) -> "Route":
        """The part of the way that lies on the hosts at its ends, as for traffic inside a tunnel between them."""
        return Route(*(tuple(one for one in way if one.hook != "forward") for way in (self.forward, self.back)))

    @property
    def is_symmetric(self) -> bool:
        """Report whether the replies cross the same points, the other way round."""
        return [c.point for c in self.forward] == [c.point for c in reversed(self.back)]


@dataclass(frozen=True, slots=True)
class Translation:
    """An address translation that the configuration of a point does not say itself."""

    at: str
    source_zone: str | None
    to: End
    becomes: End
    source: Source


@dataclass(frozen=True, slots=True)
class Accept:
    """Excess that somebody answers for: a flow, or what the rules of a point with this text permit."""

    flow: Flow | None
    at: str | None
    rule: str | None
    reason: str
    owner: str
    until: date | None  # inclusive; None: without end
    source: Source

    @property
    def about(self) -> str:
        """What the entry speaks about."""
        return self.flow.text if self.flow else f"{self.at}/{self.rule}"

    def has_expired(self, today: date) -> bool:
        """Report whether its last day is over."""
        return self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class Exemption:
    """A deliberate deny inside a required flow."""

    flow: Flow
    reason: str
    owner: str
    until: date | None  # inclusive; None: without end
    source: Source

    @property
    def about(self) -> str:
        """What the entry speaks about."""
        return self.flow.text

    def has_expired(self, today: date) -> bool:
        """Report whether its last day is over."""
        return self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a person vouches for where Portwright cannot know: a line, lines by text, rate limits, private sources."""

    at: str
    line: int | None
    pattern: str | None  # a text that the lines contain
    rate_limits: str | None  # not-exceeded
    private_sources: str | None  # translated: by somebody behind the point, before they are on the Internet
    reason: str
    owner: str
    until: date | None  # inclusive; None: without end
    source: Source

    @property
    def about(self) -> str:
        """What the entry speaks about."""
        return f"{self.at}/{self.pattern or self.rate_limits or self._private or f'line {self.line}'}"

    @property
    def _private(self) -> str:
        return f"private sources {self.private_sources}" if self.private_sources else ""

    def has_expired(self, today: date) -> bool:
        """Report whether its last day is over."""
        return self.until is not None and today > self.until


@dataclass(frozen=True, slots=True)
class Test:
    """Something that must hold end to end: `deny` that no packet passes, `allow` that all do."""

    __test__ = False  # not one of pytest's

    verdict: Literal["allow", "deny"]
    flow: Flow
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One site, checked against the catalog; every name in it exists."""

    name: str
    file: str
    folder: Path
    catalog: Catalog
    products: frozenset[str]  # with all that they cannot be without
    zones: Mapping[str, Zone]
    zone_index: ZoneIndex
    hosts: Mapping[str, Host]
    groups: Mapping[str, Host]
    virtual: Mapping[str, Virtual]
    absent: Mapping[str, str]  # component -> why it is not here
    outside: Mapping[str, Outside]
    settings: Mapping[str, str]
    points: Mapping[str, Point]
    declared_routes: Mapping[tuple[str, str], tuple[Route, ...]]  # (source zone, destination zone)
    names: Mapping[str, Addresses]  # everything that flow notation may name
    translations: tuple[Translation, ...] = ()
    accepts: tuple[Accept, ...] = ()
    exceptions: tuple[Exemption, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    tests: tuple[Test, ...] = ()

    def zone_of(self, version: int, address: int) -> str | None:
        """The zone in which an address lies: the longest prefix wins. None: in no zone."""
        return zone_of(self.zone_index, version, address)

    def split(self, addresses: Addresses) -> dict[str, Addresses]:
        """The addresses by zone. Those in no zone are left out."""
        parts = ((zone.name, zone.addresses & addresses) for zone in self.zones.values())
        return {name: part for name, part in parts if part}

    def routes(self, source_zone: str, destination_zone: str) -> tuple[Route, ...]:
        """The ways from zone to zone; several must all pass. Empty: nobody declared one."""
        declared = self.declared_routes.get((source_zone, destination_zone), ())
        return declared or ((Route(),) if source_zone == destination_zone else ())

    def consumers(self) -> tuple[Host, ...]:
        """Hosts and groups."""
        return (*self.hosts.values(), *self.groups.values())

    def setting(self, name: str, host: Host | None = None, instance: Instance | None = None) -> str:
        """The value of a setting: of the instance, else of the host, else of the site, else of the product."""
        if name == "instance":
            return "named" if instance and instance.name else "default"
        for scope in (instance.options if instance else {}, host.settings if host else {}, self.settings):
            if name in scope:
                return scope[name]
        return self._default(self.catalog.settings[name], host, instance)

    def _default(self, setting: Setting, host: Host | None, instance: Instance | None) -> str:
        for condition, value in setting.defaults:
            if condition.holds(lambda name: self.setting(name, host, instance)):
                return value
        return setting.default

    def resolve(self, name: str) -> Addresses:
        """The addresses of a host, group, zone, virtual address or outside component. Raises ValueError."""
        return resolve(self.names, name)
