"""What a configuration is to do, free of any vendor: the input of every renderer."""

from collections.abc import Mapping
from dataclasses import dataclass

from portwright.packets.addresses import Addresses
from portwright.packets.intervals import EMPTY, Intervals


@dataclass(frozen=True, slots=True)
class Named:
    """An end of rules under the name that people give it."""

    name: str  # fe01, staff, crm
    addresses: Addresses


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passes: destination ports of a protocol, or an ICMP request."""

    protocol: int  # IP protocol number; ICMP stands for ICMPv6 in IPv6
    ports: Intervals = EMPTY  # destination ports; empty for protocols without
    icmp_type: int | None = None  # of ICMP, in IPv4; None: every type

    @property
    def order(self) -> tuple[int, Intervals, int]:
        """By protocol, then by port."""
        return self.protocol, self.ports, -1 if self.icmp_type is None else self.icmp_type


@dataclass(frozen=True, slots=True)
class Intended:
    """One rule: all of the sources may open all of the traffic to all of the destinations."""

    hook: str  # forward; input and output at the firewall of a host
    interface_in: str | None  # None: not known, or the host itself sends
    interface_out: str | None  # None: not known, or the host itself receives
    sources: tuple[Named, ...]
    destinations: tuple[Named, ...]
    traffic: tuple[Traffic, ...]
    requirements: tuple[str, ...]  # why: ids such as crm.fetch-report
    flows: tuple[str, ...]  # ids such as crm.fetch-report/ssrs01>fe01
    is_reply: bool = False  # the sources answer: the ports are theirs, and an echo is an echo reply


@dataclass(frozen=True, slots=True)
class Redirection:
    """New connections to an address are led to another one."""

    interface_in: str | None  # behind which they come; None: any
    interface_out: str | None  # behind which the real address lies; None: not known
    to: Named
    to_ports: Intervals | None  # None: all
    becomes: Named
    becomes_ports: Intervals | None  # None: as they are
    protocols: tuple[int, ...]  # those with ports that are led there, where ports are given


@dataclass(frozen=True, slots=True)
class Intent:
    """Everything that one enforcement point is to pass; all other new connections it drops, replies it lets pass."""

    point: str
    site: str
    interfaces: Mapping[str, str]  # zone -> the interface behind which it lies
    is_host: bool  # the firewall of a host, which guards only what that host receives and sends
    rules: tuple[Intended, ...]
    redirections: tuple[Redirection, ...] = ()
    profile: str | None = None  # of a host's firewall with several: the one in force; None: whichever it is

    @property
    def ends(self) -> tuple[Named, ...]:
        """Every end of some rule, once, in order of name."""
        found = {end for rule in self.rules for end in (*rule.sources, *rule.destinations)}
        return tuple(sorted(found, key=lambda end: (end.name, end.addresses.texts())))
