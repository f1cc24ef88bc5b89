"""What is intended as entries of access lists, in the words that a configuration already has for it.

An object or group is used where it stands for exactly the same; only where none does is a new one made.
"""

from collections.abc import Iterable, Iterator

from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import Match
from portwright.packets.fields import ICMP, PORT_PROTOCOLS
from portwright.packets.names import protocol_name
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.lines import Cursor
from portwright.platforms.cisco_asa.objects import Objects
from portwright.platforms.cisco_asa.render import Names, member, names_text, object_line
from portwright.policy.intent import Intended, Named, Traffic


class Entries:
    """Writes entries with the objects of one configuration."""

    def __init__(self, objects: Objects):
        self._objects = objects
        self._names = Names(dict.fromkeys((*objects.objects, *objects.groups), object()))
        self._new: dict[str, tuple[str, ...]] = {}

    def definitions(self) -> Iterator[str]:
        """The objects and groups that had to be made, an object before its groups."""
        for head, body in self._new.items():
            yield head
            yield from (f" {line}" for line in body)

    def of(self, rule: Intended) -> Iterator[str]:
        """The entries for a rule, without their beginning."""
        if not _has_common_version(rule):
            return
        if rule.is_reply:
            source, destination = self._end(rule.sources, rule), self._end(rule.destinations, rule)
            yield from (entry for kind in rule.traffic for entry in _replies(kind, source, destination))
            return
        traffic = list(_services(rule))
        ends = f"{self._end(rule.sources, rule)} {self._end(rule.destinations, rule)}"
        if len(traffic) == 1:
            named = self._service(traffic, ("object",))
            protocol, _, ports = traffic[0].partition(" destination ")
            yield f"{named} {ends}" if named else _single(protocol, ends, ports)
            return
        named = self._service(traffic, ("object", "object-group")) or self._new_service(rule, traffic)
        yield f"{named} {ends}"

    def name(self, end: Named) -> str:
        """The name of an object, or of a group, that stands for exactly these addresses."""
        found = self._known(end.addresses, end.name) or next(self._members(end))
        return found.split()[1]

    # -- services -----------------------------------------------------------------------------------------------

    def _service(self, traffic: Iterable[str], kinds: tuple[str, ...]) -> str:
        """The object or group that stands for exactly this; empty where there is none."""
        meant = _meaning(services.any_of(services.service(Cursor(tuple(one.split()))) for one in traffic))
        known = (self._objects.objects, self._objects.groups)
        for reference, definitions in zip(("object", "object-group"), known, strict=True):
            for name, definition in definitions.items():
                if reference in kinds and definition.kind == "service" and not definition.protocol:
                    found = self._objects.services(reference, name, definition.head)
                    if found.is_certain and _meaning(found) == meant:
                        return f"{reference} {name}"
        return ""

    def _new_service(self, rule: Intended, traffic: list[str]) -> str:
        members = tuple(f"service-object {one}" for one in traffic)
        name = self._names.of(f"to-{names_text(rule.destinations, '-')}", ("service", members))
        self._new[f"object-group service {name}"] = members
        return f"object-group {name}"

    # -- addresses ----------------------------------------------------------------------------------------------

    def _end(self, ends: tuple[Named, ...], rule: Intended) -> str:
        """One end of a rule: `any`, an object, a group. An entry matches within the IP versions that both ends have."""
        together = _union(ends)
        if all(together.family(version) == EVERY_ADDRESS.family(version) for version in _versions(rule)):
            return "any"
        wish = ends[0].name if len(ends) == 1 else names_text(ends, "-")
        if known := self._known(together, wish):
            return known
        members = [line for end in ends for line in self._members(end)]
        if len(members) == 1 and members[0].startswith("object "):
            return members[0]
        lines = tuple(f"network-object {one}" for one in members)
        name = self._names.of(f"{wish}-all", ("network", lines))
        self._new[f"object-group network {name}"] = lines
        return f"object-group {name}"

    def _known(self, addresses: Addresses, wish: str) -> str:
        """The object or group that stands for exactly these addresses, best the one with that name."""
        found = []
        known = (self._objects.objects, self._objects.groups)
        for reference, definitions in zip(("object", "object-group"), known, strict=True):
            for name, definition in definitions.items():
                if definition.kind == "network":
                    has = self._objects.addresses(reference, name, definition.head)
                    if not has.doubts and Addresses(has.v4.possible, has.v6.possible) == addresses:
                        found.append(f"{reference} {name}")
        return min(found, key=lambda one: one.split()[1].lower() != wish.lower(), default="")

    def _members(self, end: Named) -> Iterator[str]:
        networks = list(end.addresses.networks())
        versions = [network.version for network in networks]
        for network in networks:
            if known := self._known(Addresses.of([network]), end.name):
                yield known
            elif versions.count(network.version) == 1:
                wish = end.name if network.version == min(versions) else f"{end.name}-v6"
                name = self._names.of(wish, network)
                self._new[f"object network {name}"] = (object_line(network),)
                yield f"object {name}"
            else:
                yield member(network)


def _union(ends: Iterable[Named]) -> Addresses:
    found = Addresses()
    for end in ends:
        found = found | end.addresses
    return found


def _has_common_version(rule: Intended) -> bool:
    return bool(_versions(rule))


def _versions(rule: Intended) -> tuple[int, ...]:
    sources, destinations = _union(rule.sources), _union(rule.destinations)
    return tuple(v for v in (4, 6) if sources.family(v) and destinations.family(v))


def _meaning(match: Match) -> frozenset[object]:
    return frozenset(match.possible)


def _services(rule: Intended) -> Iterator[str]:
    """The traffic in the words of service objects; ICMP for the IP versions that both ends have."""
    for kind in rule.traffic:
        name = protocol_name(kind.protocol)
        if kind.protocol == ICMP:
            yield from (word if kind.icmp_type is None else f"{word} echo" for word in _icmp(rule))
        elif kind.protocol in PORT_PROTOCOLS:
            for first, last in kind.ports:
                yield f"{name} destination {_ports(first, last)}"
        else:
            yield name


def _icmp(rule: Intended) -> Iterator[str]:
    return ({4: "icmp", 6: "icmp6"}[version] for version in _versions(rule))


def _single(protocol: str, ends: str, ports: str) -> str:
    """An entry for one service: `tcp A B eq 443`, `icmp A B echo`, `esp A B`."""
    word, _, kind = protocol.partition(" ")
    return " ".join(part for part in (word, ends, ports or kind) if part)


def _replies(kind: Traffic, source: str, destination: str) -> Iterator[str]:
    name = protocol_name(kind.protocol)
    if kind.protocol == ICMP:
        yield f"icmp {source} {destination}{'' if kind.icmp_type is None else ' echo-reply'}"
    elif kind.protocol in PORT_PROTOCOLS:
        yield from (f"{name} {source} {_ports(first, last)} {destination}" for first, last in kind.ports)
    else:
        yield f"{name} {source} {destination}"


def _ports(first: int, last: int) -> str:
    return f"eq {first}" if first == last else f"range {first} {last}"
