"""Packets at the edges of what two texts mention: of each field one value of every class that they can tell apart.

Two addresses that lie in the same networks of both texts, and two ports in the same ranges, cannot be told apart by
either. The classes are found by the looks of the texts alone; what packets meet, the walk of single packets says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, product
from random import Random

from portwright.packets.fields import ICMP, TCP, UDP, Field, Flags, Header, State

_ADDRESS = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?: (255\.\d+\.\d+\.\d+|0\.0\.0\.0)|/(\d+))?")
_RANGE = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?:-| )(\d+\.\d+\.\d+\.\d+)\b")
_NUMBER = re.compile(r"(?<![\d.])\d{1,5}(?![\d.])")
_WORD = re.compile(r"[@\w][\w-]+")
_NAMED = {"https": 443, "domain": 53, "ntp": 123, "www": 80, "ssh": 22}
_STATES = ((State.NEW, Flags.OPENS), (State.ESTABLISHED, Flags.OTHER), (State.INVALID, Flags.OTHER))
_OTHER_PROTOCOL = 47
_KINDS = (0, 3, 8, 11, 13)
_CODES = (0, 4)


@dataclass(frozen=True)
class Mentioned:
    """The values of each field that some text mentions, one a class, and those next to them."""

    addresses: tuple[int, ...]
    ports: tuple[int, ...]

    @classmethod
    def of(cls, *texts: str) -> "Mentioned":
        """What the texts mention."""
        networks = set(chain.from_iterable(map(_networks, texts)))
        numbers = set(chain.from_iterable(map(_numbers, texts)))
        edges = {0, *chain.from_iterable((low, low - 1, high, high + 1) for low, high in networks)}
        classes: dict[tuple[tuple[int, int], ...], int] = {}
        for edge in sorted(edge & 0xFFFFFFFF for edge in edges):
            classes.setdefault(tuple(one for one in sorted(networks) if one[0] <= edge <= one[1]), edge)
        ports = {n for number in numbers for n in (number - 1, number, number + 1) if 0 <= n <= 65535}
        return cls(tuple(classes.values()), tuple(sorted(ports)))


def _networks(text: str) -> Iterator[tuple[int, int]]:
    for address, mask, length in _ADDRESS.findall(text):
        if not address.startswith("255."):
            network = IPv4Network(f"{address}/{mask or length or 32}", strict=False)
            yield int(network.network_address), int(network.broadcast_address)
            yield (int(IPv4Address(address)),) * 2
    for low, high in _RANGE.findall(text):
        if int(IPv4Address(low)) < int(IPv4Address(high)) and not high.startswith("255."):
            yield int(IPv4Address(low)), int(IPv4Address(high))


def _numbers(text: str) -> Iterator[int]:
    text = _ADDRESS.sub(" ", text)
    yield from (int(number) for number in _NUMBER.findall(text) if int(number) <= 65535)
    yield from (number for name, number in _NAMED.items() if re.search(rf"\b{name}\b", text))


def around(text: str, *lines: str) -> str:
    """Lines of a text with what they refer to by name: the blocks of objects, groups and sets."""
    blocks = re.split(r"\n(?=[^\s]|\t(?=set |chain ))", text)
    found = "\n".join(lines)
    for _ in range(2):  # a group of objects: two steps
        names = {word.lstrip("@") for word in _WORD.findall(found)}
        found += "".join(
            f"\n{block}" for block in blocks if _head(block) in names and block.count("\n") < 40 and block not in found
        )
    return found


def _head(block: str) -> str:
    words = block.split("\n", 1)[0].split()
    is_named = words[:1] and words[0] in ("object", "object-group", "set")
    return (words[1] if words[0] == "set" else words[2]) if is_named and len(words) > 2 else ""


def packets(near: Mentioned, far: Mentioned, atoms: Sequence[int], count: int, random: Random) -> Iterator[Header]:
    """Packets of the classes: first those all of whose values are near the line that was changed, then any."""
    close = list(product(near.addresses or far.addresses, near.addresses or far.addresses, _contents(near.ports)))
    random.shuffle(close)
    for source, destination, content in close[: count // (2 * len(atoms))]:
        for arrives in atoms:
            yield _header(arrives, random.choice(atoms), source, destination, content)
    contents = _contents(far.ports)
    for _ in range(count // 2):
        ends = (random.choice(near.addresses or far.addresses), random.choice(far.addresses))
        way = (random.choice(atoms), random.choice(atoms))
        content = random.choice(contents if random.random() < 0.5 or not near.ports else _contents(near.ports))
        yield _header(*way, *(ends if random.random() < 0.5 else ends[::-1]), content, random.choice(_STATES))


Content = tuple[int, int, int]  # protocol, then port or ICMP type, then code


def _contents(ports: Sequence[int]) -> list[Content]:
    ported = product((TCP, UDP), ports, (0,))
    return [*ported, *product((ICMP,), _KINDS, _CODES), (_OTHER_PROTOCOL, 0, 0)]


def _header(
    arrives: int,
    leaves: int,
    source: int,
    destination: int,
    content: Content,
    state: tuple[State, Flags] = _STATES[0],
) -> Header:
    one = [0] * len(Field)
    protocol, kind, code = content
    one[Field.VERSION], one[Field.PROTOCOL] = 4, protocol
    one[Field.IN], one[Field.OUT] = arrives, leaves
    one[Field.SRC], one[Field.DST] = source, destination
    one[Field.STATE], one[Field.FLAGS] = state[0], state[1] if protocol == TCP else Flags.OPENS
    if protocol in (TCP, UDP):
        one[Field.DPORT], one[Field.SPORT] = kind, 40000
    elif protocol == ICMP:
        one[Field.TYPE], one[Field.CODE] = kind, code
    return tuple(one)
