"""Packets at the edges of a ruleset's rules: the constants of a rule and their neighbors, put together at random.

Random packets would nearly all meet the policy. The constants are found by their looks alone, so that nothing of the
reader under test decides what it is tested with.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_network
from random import Random

from tests.kernel.programs import IPV6_HEADER
from tests.kernel.router import own_address

from portwright.packets.fields import (
    EXTENSION_HEADERS,
    ICMP,
    ICMP_PROTOCOL,
    ICMPV6,
    LAST_ADDRESS,
    PORT_PROTOCOLS,
    TCP,
    UDP,
    State,
)
from portwright.packets.packet import Packet
from portwright.platforms.netfilter.names import PROTOCOLS
from portwright.platforms.nftables.names import ICMP_TYPES, ICMPV6_TYPES

_ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+(?:/\d+)?|(?<![\w.])[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*(?:/\d+)?")
_COUNTED = re.compile(r"packets \d+ bytes \d+")
_NUMBER = re.compile(r"\b\d{1,5}\b")
_WORD = re.compile(r"[a-z][a-z0-9-]+")
_SET_USED = re.compile(r"@([\w-]+)")
_SET = re.compile(r"^\t(?:set|map) ([\w-]+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"^\t\t(?!type |elements |flags |\t).*", re.MULTILINE)
_SET_MATCHED = re.compile(r"--match-set (\S+)")
_SCATTERED = re.compile(r"(\d+\.\d+\.\d+\.\d+)/\d+\.\d+\.\d+\.\d+")
_KINDS = {4: tuple({*ICMP_TYPES.values(), 1, 2, 40}), 6: tuple({*ICMPV6_TYPES.values(), 3, 100, 144, 151, 152, 200})}
_CODES = (0, 0, 1, 2, 3, 4, 5, 6, 9, 10, 13, 255)
_RARE_PROTOCOLS = (2, 33, 41, 47, 50, 51, 51, 59, 89, 103, 112, 132, 132, 135, 136, 139, 0, 253, 255)


@dataclass(slots=True)
class Hints:
    """What a piece of text mentions."""

    addresses: dict[int, list[int]] = field(default_factory=lambda: {4: [], 6: []})
    numbers: list[int] = field(default_factory=list)
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, word: str = "") -> "Hints":
        """The hints of a text, and `word` beside its own."""
        found = cls(words=frozenset([*_WORD.findall(text), word]))
        text = _COUNTED.sub("", text)
        for word in _ADDRESS.findall(text):
            found._address(word)
        plain = _ADDRESS.sub(" ", text)
        numbers = {int(word) for word in _NUMBER.findall(plain)}
        found.numbers = [n for number in numbers for n in (number, number, number - 1, number + 1) if 0 <= n <= 65535]
        return found

    def _address(self, word: str) -> None:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            return
        first, last = int(network.network_address), int(network.broadcast_address)
        near = (first, first, last, first - 1, last + 1, (first + last) // 2)
        self.addresses[network.version] += [n for n in near if 0 <= n <= LAST_ADDRESS[network.version]]


def nftables(listing: str) -> list[Hints]:
    """What each rule of a listing of nftables mentions."""
    sets = dict(_SET.findall(listing))
    members = ((line, _SET_USED.findall(line)) for line in _RULE.findall(listing))
    return [Hints.of(line + " ".join(sets.get(name, "") for name in names)) for line, names in members]


def iptables(listing: str) -> list[Hints]:
    """What each rule mentions of what ipset, iptables-save and ip6tables-save print."""
    sets: dict[str, str] = {}
    found = []
    version = "ipv4"
    for line in _SCATTERED.sub(r"\1", listing).splitlines():
        version = "ipv6" if line.startswith(IPV6_HEADER) else version
        if line.startswith("add "):
            _, name, member = line.split(" ")[:3]
            sets[name] = f"{sets.get(name, '')} {member.replace(',', ' ')}"
        elif line.startswith("-A "):
            members = " ".join(sets.get(name, "") for name in _SET_MATCHED.findall(line))
            found.append(Hints.of(f"{line} {members}", version))
    return found


class Edges:
    """Makes packets for one ruleset."""

    def __init__(self, listing: str, rules: Sequence[Hints], interfaces: Sequence[str], random: Random):
        self._interfaces = interfaces
        self._random = random
        self._all = Hints.of(listing)
        self._asks_for_types = " addrtype " in listing or "fib " in listing  # of addresses: one of the router's own
        self._rules = rules or [self._all]

    def packet(self, hook: str) -> Packet:
        """A packet near the edge of some rule, or of two."""
        pick = self._random.choice
        one, other = pick(self._rules), pick((pick(self._rules), self._all))
        version = self._version(one)
        protocol = self._protocol(one, version)
        has_ports = protocol in PORT_PROTOCOLS
        is_icmp = protocol == ICMP_PROTOCOL[version]
        ingress = "" if hook == "output" else self._interface(one)
        destination = self._address(one, other, version)
        if hook == "input" and self._asks_for_types:
            destination = own_address(version, self._interfaces.index(ingress) + 1)
        return Packet(
            version,
            protocol,
            self._address(one, other, version),
            destination,
            self._number(one, other) if has_ports else 0,
            self._number(one, other) if has_ports else 0,
            self._kind(one, version) if is_icmp else 0,
            pick(_CODES) if is_icmp else 0,
            self._state(hook, protocol),
            ingress,
            "" if hook == "input" else self._interface(one),
        )

    def _chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def _version(self, hints: Hints) -> int:
        said = [version for word, version in _VERSIONS.items() if word in hints.words]
        if said and self._chance(90):
            return self._random.choice(said)
        return 6 if self._chance(35) else 4

    def _protocol(self, hints: Hints, version: int) -> int:
        said = [PROTOCOLS[word] for word in hints.words & set(PROTOCOLS) if word not in _VERSIONS or "icmp" in word]
        said += [ICMP] * ("icmp" in hints.words) + [ICMPV6] * ("icmpv6" in hints.words)
        common = [TCP, TCP, UDP, UDP, ICMP_PROTOCOL[version], self._random.choice(_RARE_PROTOCOLS)]
        found = self._random.choice(said if said and self._chance(80) else common)
        return UDP if version == 6 and found in EXTENSION_HEADERS else found

    def _address(self, one: Hints, other: Hints, version: int) -> int:
        for hints, percent in ((one, 75), (other, 75), (self._all, 80)):
            if hints.addresses[version] and self._chance(percent):
                found = self._random.choice(hints.addresses[version])
                return found if _is_routed(version, found) else self._somewhere(version)
        return self._somewhere(version)

    def _somewhere(self, version: int) -> int:
        return self._random.choice(_SOMEWHERE[version]) + self._random.randrange(1, 250)

    def _number(self, one: Hints, other: Hints) -> int:
        for hints, percent in ((one, 75), (other, 75), (self._all, 80)):
            if hints.numbers and self._chance(percent):
                return self._random.choice(hints.numbers)
        return self._random.randrange(65536)

    def _kind(self, hints: Hints, version: int) -> int:
        names = ICMP_TYPES if version == 4 else ICMPV6_TYPES
        said = [names[word] for word in hints.words & set(names)] + [n for n in hints.numbers if n < 256]
        return self._random.choice(said if said and self._chance(70) else _KINDS[version])

    def _interface(self, hints: Hints) -> str:
        said = [name for name in self._interfaces if any(name.startswith(word) for word in hints.words)]
        return self._random.choice(said if said and self._chance(70) else self._interfaces)

    def _state(self, hook: str, protocol: int) -> State:
        """The state to aim at; what the kernel makes of it is seen later."""
        if hook != "forward" or self._chance(80):
            return State.INVALID if protocol == TCP and self._chance(10) else State.NEW
        if protocol in (ICMP, ICMPV6):
            return State.RELATED
        return State.ESTABLISHED if protocol in (TCP, UDP) else State.NEW


def _is_routed(version: int, address: int) -> bool:
    """Whether the kernel takes packets from and to such an address (RFC 6890), which is none of the router's own."""
    if address >> (96 if version == 6 else 17) == own_address(version, 0) >> (96 if version == 6 else 17):
        return False
    if version == 6:
        return address >> 16 != 0 and not IPv6Address(address).is_multicast and address >> 118 != 0xFE80 >> 6
    return address >> 24 not in (0, 127) and address < 0xE0000000


_VERSIONS = {"ip": 4, "icmp": 4, "ipv4": 4, "ip6": 6, "icmpv6": 6, "ipv6": 6}
_SOMEWHERE = {4: (0x0A000000, 0xC0A80000, 0x08080000), 6: (0xFD00 << 112, 0x20010DB8 << 96)}
