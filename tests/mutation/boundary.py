"""Packets at the edges of what two texts mention: of each field one value of every class that they can tell apart.

Two addresses that lie in the same networks of both texts, and two ports in the same ranges, cannot be told apart by
either. The classes are found by the looks of the texts alone; what packets meet, the walk of single packets says.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from itertools import chain, product
from random import Random

from portwright.packets.fields import ICMP_PROTOCOL, TCP, UDP, Field, Flags, Header, State
from portwright.platforms.cisco_asa.names import PORTS
from portwright.platforms.netfilter.names import SERVICES

_ADDRESS = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?: (255\.\d+\.\d+\.\d+|0\.0\.0\.0)|/(\d+))?")
_RANGE = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?:-| )(\d+\.\d+\.\d+\.\d+)\b")
_LONG = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:/\d+)?(?![\w:.])", re.IGNORECASE)  # IPv6
_NUMBER = re.compile(r"(?<![\d.])\d{1,5}(?![\d.])")
_WORD = re.compile(r"[@\w][\w-]+")
_NAMED = SERVICES | PORTS
_STATES = ((State.NEW, Flags.OPENS), (State.ESTABLISHED, Flags.OTHER), (State.INVALID, Flags.OTHER))
_OTHER_PROTOCOL = 47
_KINDS = {4: (0, 3, 8, 11, 13), 6: (1, 2, 128, 129, 135)}
_CODES = (0, 4)
_LAST = {4: 2**32 - 1, 6: 2**128 - 1}

Ends = tuple[int, int, int]  # IP version, source, destination
Content = tuple[int, int, int]  # protocol, then port or ICMP type, then code


@dataclass(frozen=True)
class Mentioned:
    """The values of each field that some text mentions, one a class, and those next to them."""

    addresses: Mapping[int, tuple[int, ...]]  # by IP version
    ports: tuple[int, ...]

    @classmethod
    def of(cls, *texts: str) -> "Mentioned":
        """What the texts mention."""
        ranges = {4: set(chain.from_iterable(map(_short, texts))), 6: set(chain.from_iterable(map(_long, texts)))}
        numbers = set(chain.from_iterable(map(_numbers, texts)))
        ports = {n for number in numbers for n in (number - 1, number, number + 1) if 0 <= n <= 65535}
        found = {version: _classes(some, _LAST[version]) for version, some in ranges.items()}
        return cls(found, tuple(sorted(ports)))

    def ends(self, *others: "Mentioned") -> list[Ends]:
        """Every pair of addresses of one IP version; where there are none of it, those of the others."""
        known = {version: self.addresses[version] for version in (4, 6) if self.addresses[version]}
        for other in others if not known else ():
            known = {version: other.addresses[version] for version in (4, 6) if other.addresses[version]}
        return [(version, *pair) for version, some in known.items() for pair in product(some, some)]


def _classes(ranges: set[tuple[int, int]], last: int) -> tuple[int, ...]:
    """One address of every class that the ranges tell apart; none where there are no ranges."""
    edges = {0, *chain.from_iterable((low, low - 1, high, high + 1) for low, high in ranges)} if ranges else set()
    classes: dict[tuple[tuple[int, int], ...], int] = {}
    for edge in sorted(edge & last for edge in edges):
        classes.setdefault(tuple(one for one in sorted(ranges) if one[0] <= edge <= one[1]), edge)
    return tuple(classes.values())


def _short(text: str) -> Iterator[tuple[int, int]]:
    for address, mask, length in _ADDRESS.findall(text):
        if not address.startswith("255."):
            network = IPv4Network(f"{address}/{mask or length or 32}", strict=False)
            yield int(network.network_address), int(network.broadcast_address)
            yield (int(IPv4Address(address)),) * 2
    for low, high in _RANGE.findall(text):
        if int(IPv4Address(low)) < int(IPv4Address(high)) and not high.startswith("255."):
            yield int(IPv4Address(low)), int(IPv4Address(high))


def _long(text: str) -> Iterator[tuple[int, int]]:
    for word in _LONG.findall(text):
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            continue  # a hardware address, a time of day
        yield int(network.network_address), int(network.broadcast_address)
        yield (int(ip_network(word.partition("/")[0]).network_address),) * 2


def _numbers(text: str) -> Iterator[int]:
    text = _LONG.sub(" ", _ADDRESS.sub(" ", text))
    yield from (int(number) for number in _NUMBER.findall(text) if int(number) <= 65535)
    yield from (_NAMED[word] for word in set(_WORD.findall(text)) if word in _NAMED)


def around(text: str, *lines: str) -> str:
    """Lines of a text with what they refer to by name: the blocks of objects, groups and sets."""
    blocks = re.split(r"\n(?=[^\s]|\t(?=set |map |chain ))", text)
    found = "\n".join(lines)
    for _ in range(2):  # a group of objects: two steps
        names = {word.lstrip("@") for word in _WORD.findall(found)}
        found += "".join(
            f"\n{block}" for block in blocks if _head(block) in names and block.count("\n") < 40 and block not in found
        )
    return found


def _head(block: str) -> str:
    words = block.split("\n", 1)[0].split()
    is_named = words[:1] and words[0] in ("object", "object-group", "set", "map")
    return (words[1] if words[0] in ("set", "map") else words[2]) if is_named and len(words) > 2 else ""


def packets(near: Mentioned, far: Mentioned, atoms: Sequence[int], count: int, random: Random) -> Iterator[Header]:
    """Packets of the classes: first those all of whose values are near the line that was changed, then any."""
    close = [(ends, one) for ends in near.ends(far) for one in _contents(ends[0], near.ports)]
    random.shuffle(close)
    for ends, content in close[: count // (2 * len(atoms))]:
        for arrives in atoms:
            yield _header(arrives, random.choice(atoms), ends, content)
    for _ in range(count // 2):
        ends = _any_ends(near, far, random)
        ports = far.ports if random.random() < 0.5 or not near.ports else near.ports
        content = random.choice(_contents(ends[0], ports))
        yield _header(random.choice(atoms), random.choice(atoms), ends, content, random.choice(_STATES))


def _any_ends(near: Mentioned, far: Mentioned, random: Random) -> Ends:
    """An address near the line and any other, either way round."""
    version = random.choice([version for version in (4, 6) if far.addresses[version]])
    one = random.choice(near.addresses[version] or far.addresses[version])
    other = random.choice(far.addresses[version])
    return (version, one, other) if random.random() < 0.5 else (version, other, one)


def _contents(version: int, ports: Sequence[int]) -> list[Content]:
    ported = product((TCP, UDP), ports, (0,))
    return [*ported, *product((ICMP_PROTOCOL[version],), _KINDS[version], _CODES), (_OTHER_PROTOCOL, 0, 0)]


def _header(arrives: int, leaves: int, ends: Ends, content: Content, state: tuple[State, Flags] = _STATES[0]) -> Header:
    one = [0] * len(Field)
    protocol, kind, code = content
    one[Field.PROTOCOL] = protocol
    one[Field.VERSION], one[Field.SRC], one[Field.DST] = ends
    one[Field.IN], one[Field.OUT] = arrives, leaves
    one[Field.STATE], one[Field.FLAGS] = state[0], state[1] if protocol == TCP else Flags.OPENS
    if protocol in (TCP, UDP):
        one[Field.DPORT], one[Field.SPORT] = kind, 40000
    elif protocol in ICMP_PROTOCOL.values():
        one[Field.TYPE], one[Field.CODE] = kind, code
    return tuple(one)
