"""What a host file says: the host, its profiles, interfaces, listeners and rules, as values.

What the file does not say is None. It is never taken for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portwright.packets.addresses import Addresses
from portwright.packets.intervals import EMPTY, Intervals
from portwright.platforms.windows_firewall.jsontext import Object, Value
from portwright.platforms.windows_firewall.members import ANY, NUMBERS, named, texts
from portwright.source import Source

PROFILES = ("Domain", "Private", "Public")
CATEGORIES = {"DomainAuthenticated": "Domain", "Private": "Private", "Public": "Public"}  # of a connection -> profile
DYNAMIC_RANGE: Intervals = ((49152, 65535),)  # KB 929851: since Windows Vista and Windows Server 2008


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of a profile, as they are in force; what is not configured is as Windows has it."""

    name: str
    enabled: str  # True, False, NotConfigured; anything else is not understood
    inbound: str  # Allow, Block, NotConfigured
    outbound: str
    allow_inbound_rules: str
    allow_local_rules: str
    disabled_interfaces: tuple[str, ...]  # aliases
    source: Source


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface with what the host knows behind it."""

    alias: str
    type: str  # Wired, Wireless, RemoteAccess; anything else is none of these
    addresses: Addresses
    networks: Addresses  # those of its addresses
    category: str  # of its connection; empty: none
    keywords: Mapping[str, Addresses | None]  # DNS, DHCP, WINS, DefaultGateway -> addresses; None: not known


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that receives on a port."""

    protocol: int  # TCP or UDP
    address: str
    port: int
    program: str | None  # path, or System; None: not known
    services: tuple[str, ...] | None  # those in the process; None: not known


@dataclass(frozen=True, slots=True)
class IpsecRule:
    """A connection security rule that is in force."""

    name: str
    requires: tuple[str, ...]  # directions in which it drops what is not protected
    ends: Addresses | None  # the remote ones; None: not known
    source: Source


@dataclass(frozen=True, slots=True)
class Tunnels:
    """What the keywords of tunnels stand for."""

    teredo: bool | None  # it may be in use
    iphttps: bool | None


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """A rule as the file has it."""

    members: Mapping[str, Value]
    source: Source

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A member as texts; None where the file does not say it."""
        return texts(self.members.get(name))

    def named(self, name: str) -> str | None:
        """A member of an enumeration, by its name."""
        return named(self.members.get(name), NUMBERS[name])

    def restriction(self, name: str) -> tuple[str, ...]:
        """The values of a member that restrict the rule; none where anything will do, or the file does not say."""
        found = self.texts(name) or ()
        if found in _NOTHING or (name in NUMBERS and self.named(name) == ANY):
            return ()
        return found


_NOTHING = ((), (ANY,), ("",))


@dataclass(frozen=True, slots=True)
class Host:
    """Everything that a host file says."""

    file: str
    name: str
    named_at: Source | None
    version: tuple[int, int] | None  # of Windows: (10, 0)
    firewall_service: str | None  # Running, Stopped
    environment: Mapping[str, str]  # variables in paths, in lower case -> value
    profiles: Mapping[str, Profile]
    interfaces: tuple[Interface, ...] | None
    rules: tuple[FirewallRule, ...] | None
    listeners: tuple[Listener, ...] | None
    service_sids: Mapping[str, bool]  # service, in lower case -> whether it has an identity of its own
    ipsec: tuple[IpsecRule, ...] | None
    tunnels: Tunnels
    dynamic_range: Intervals = DYNAMIC_RANGE  # of TCP
    pinned: Intervals = EMPTY  # TCP ports that RPC servers have been given
    ports: Object | None = None  # the part with the real ports
    notes: tuple[tuple[str, Source], ...] = ()  # what the collector could not read
    unknown: tuple[Source, ...] = field(default=())  # parts of the file that are in no table

    @property
    def addresses(self) -> Addresses:
        """Those of its interfaces."""
        found = Addresses()
        for interface in self.interfaces or ():
            found = found | interface.addresses
        return found
