"""An intent as commands for an ASA of release 9.0 or later: objects, groups, an access list per interface.

Access lists speak of real addresses and are bound where connections arrive; what they do not permit they deny.
Cisco ASA Firewall CLI Configuration Guide, "Objects for Access Control" and "Access Rules".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from portwright.errors import InvalidInput
from portwright.packets.addresses import EVERY_ADDRESS
from portwright.packets.fields import ICMP, PORT_PROTOCOLS
from portwright.packets.names import protocol_name
from portwright.policy.intent import Intended, Intent, Named, Redirection, Traffic

SUFFIX = ".cfg"
_LONGEST = 64  # characters of an object's name
_REMARK = 100  # characters of a remark
_INSPECTION = """\
class-map inspection_default
 match default-inspection-traffic
policy-map global_policy
 class inspection_default
  inspect icmp
service-policy global_policy global"""


def render(intent: Intent) -> str:
    """The commands. Raises InvalidInput for what an ASA cannot express, every problem at once."""
    problems = list(_inexpressible(intent))
    if problems:
        raise InvalidInput([problem for wrong in problems for problem in wrong.problems])
    return "\n".join(_Writer(intent).lines()) + "\n"


def context(intent: Intent) -> str:
    """What the commands take for granted of the device that they are meant for, so that they can be read alone."""
    lines = ["ASA Version 9.8(4)"]
    for number, name in enumerate(sorted(set(intent.interfaces.values()))):
        lines += [f"interface GigabitEthernet0/{number}", f" nameif {name}", " security-level 0"]
    return "\n".join(lines) + "\n"


def _inexpressible(intent: Intent) -> Iterator[InvalidInput]:
    if intent.is_host:
        yield InvalidInput.of(f"an ASA is no firewall on a host, as the site says of {intent.point}")
    for rule in intent.rules:
        if rule.interface_in is None:
            message = f"the site does not say on which interface of {intent.point} {names_text(rule.sources)} arrive"
            yield InvalidInput.of(message, hint=f"add the zone under enforcement.{intent.point}.interfaces")
    for entry in intent.redirections:
        yield from _no_redirection(entry, intent)


def _no_redirection(entry: Redirection, intent: Intent) -> Iterator[InvalidInput]:
    for ports in (entry.to_ports, entry.becomes_ports):
        if ports is not None and (len(ports) != 1 or ports[0][0] != ports[0][1]):
            yield InvalidInput.of(f"{intent.point}: one translation of an ASA has one port, not {len(ports)} ranges")
    if entry.interface_in is None or entry.interface_out is None:
        message = f"{intent.point}: the translation of {entry.to.name} needs the interfaces on both sides of it"
        yield InvalidInput.of(message, hint=f"add the zones under enforcement.{intent.point}.interfaces")
    if len(list(entry.becomes.addresses.networks())) != 1 or len(list(entry.to.addresses.networks())) != 1:
        yield InvalidInput.of(f"{intent.point}: a static translation of an ASA leads one address or network to one")


@dataclass(slots=True)
class Names:
    """Names of objects, made of what they stand for, each once."""

    taken: dict[str, object] = field(default_factory=dict)

    def of(self, wish: str, meaning: object) -> str:
        """A name for something; the same for the same."""
        base = re.sub(r"[^A-Za-z0-9_.-]+", "-", wish).strip("-")[: _LONGEST - 4] or "x"
        name, number = base, 1
        while self.taken.setdefault(name, meaning) != meaning:
            number += 1
            name = f"{base}-{number}"
        return name


class _Writer:
    """Writes one intent; objects and groups come as rules need them."""

    def __init__(self, intent: Intent):
        self._intent = intent
        self._names = Names()
        self._objects: dict[str, list[str]] = {}
        self._groups: dict[str, list[str]] = {}

    def lines(self) -> Iterator[str]:
        """All commands in the order in which a device takes them."""
        lists = [line for interface in self._arriving() for line in self._access_list(interface)]
        intent = self._intent
        yield f"! {intent.point} of site {intent.site}: what the plan needs, and nothing else. Written by Portwright."
        for name, body in (*self._objects.items(), *self._groups.items()):
            yield name
            yield from (f" {line}" for line in body)
        yield from self._translations()
        yield "same-security-traffic permit inter-interface"  # the access lists decide, whatever the security levels
        yield from lists
        if any(kind.protocol == ICMP for rule in self._intent.rules for kind in rule.traffic):
            yield from _INSPECTION.split("\n")
        yield ": end"

    def _arriving(self) -> list[str]:
        """Every interface: one that nothing may come in on denies it all."""
        return sorted(set(self._intent.interfaces.values()))

    def _access_list(self, interface: str) -> Iterator[str]:
        name = f"{interface}_in"
        for rule in self._intent.rules:
            if rule.interface_in == interface:
                yield from (f"access-list {name} remark {text}" for text in remarks(rule))
                yield from (f"access-list {name} extended permit {line}" for line in self._entries(rule))
        yield f"access-list {name} extended deny ip any any log"
        yield f"access-group {name} in interface {interface}"

    def _entries(self, rule: Intended) -> Iterator[str]:
        """A rule as entries: one for the families that both ends have, since an entry matches within a family."""
        ends = f"{self._end(rule.sources)} {self._end(rule.destinations)}"
        traffic = [line for kind in rule.traffic for line in _service_lines(kind)]
        if len(rule.traffic) == 1 and len(traffic) == 1 and rule.traffic[0].protocol in PORT_PROTOCOLS:
            protocol, _, ports = traffic[0].partition(" destination ")
            yield f"{protocol} {ends} {ports}"
            return
        group = self._group(
            "service", f"to-{names_text(rule.destinations, '-')}", [f"service-object {x}" for x in traffic]
        )
        yield f"object-group {group} {ends}"

    def _end(self, ends: tuple[Named, ...]) -> str:
        if len(ends) == 1 and ends[0].addresses == EVERY_ADDRESS:
            return "any"
        members = [member for end in ends for member in self._members(end)]
        if len(members) == 1 and members[0].startswith("object "):
            return members[0]
        wish = ends[0].name if len(ends) == 1 else names_text(ends, "-")
        return f"object-group {self._group('network', f'{wish}-all', [f'network-object {one}' for one in members])}"

    def _members(self, end: Named) -> Iterator[str]:
        """An end as objects where it is one network of each family, otherwise as the networks that it is."""
        networks = list(end.addresses.networks())
        versions = [network.version for network in networks]
        for network in networks:
            if versions.count(network.version) == 1:
                wish = end.name if network.version == min(versions) else f"{end.name}-v6"
                name = self._names.of(wish, network)
                self._objects[f"object network {name}"] = [object_line(network)]
                yield f"object {name}"
            else:
                yield member(network)

    def _group(self, kind: str, wish: str, members: list[str]) -> str:
        name = self._names.of(wish, (kind, tuple(members)))
        self._groups[f"object-group {kind} {name}"] = members
        return name

    def _translations(self) -> Iterator[str]:
        seen: set[str] = set()
        for entry in self._intent.redirections:
            to = next(iter(entry.to.addresses.networks()))
            real = next(iter(entry.becomes.addresses.networks()))
            way = f"({entry.interface_out},{entry.interface_in})"
            mapped = self._names.of(f"public-{to.network_address}", ("public", to))
            if mapped not in seen:
                yield f"object network {mapped}"
                yield f" {object_line(to)}"
            seen.add(mapped)
            services = [""] if entry.to_ports is None else [f" service {one}" for one in _translated_ports(entry)]
            for service in services:
                yield f"object network {self._names.of(f'{entry.becomes.name}{service}', (real, mapped, service))}"
                yield f" {object_line(real)}"
                yield f" nat {way} static {mapped}{service}"


def _translated_ports(entry: Redirection) -> Iterator[str]:
    assert entry.to_ports is not None
    real = (entry.becomes_ports or entry.to_ports)[0][0]
    for protocol in map(protocol_name, entry.protocols):
        yield f"{protocol} {real} {entry.to_ports[0][0]}"


def _service_lines(kind: Traffic) -> Iterator[str]:
    name = protocol_name(kind.protocol)
    if kind.protocol == ICMP:
        yield "icmp echo"
        yield "icmp6 echo"
    elif kind.protocol in PORT_PROTOCOLS:
        for first, last in kind.ports:
            yield f"{name} destination {f'eq {first}' if first == last else f'range {first} {last}'}"
    else:
        yield name


def object_line(network: IPv4Network | IPv6Network) -> str:
    """The line of an object that is a network."""
    if network.prefixlen == network.max_prefixlen:
        return f"host {network.network_address}"
    return f"subnet {written(network)}"


def member(network: IPv4Network | IPv6Network) -> str:
    """A network as a member of a group."""
    return f"host {network.network_address}" if network.prefixlen == network.max_prefixlen else written(network)


def written(network: IPv4Network | IPv6Network) -> str:
    """A network as commands have it: with a mask, or a prefix."""
    return f"{network.network_address} {network.netmask}" if isinstance(network, IPv4Network) else str(network)


def remarks(rule: Intended) -> Iterator[str]:
    """Why the entries are there, in as many lines as it takes."""
    line = ""
    for id in rule.requirements:
        if line and len(line) + len(id) >= _REMARK:
            yield line
            line = ""
        line = f"{line} {id}".strip()
    yield line


def names_text(ends: Iterable[Named], between: str = ", ") -> str:
    """The names of ends, each once."""
    return between.join(dict.fromkeys(end.name for end in ends))
