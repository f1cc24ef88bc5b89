"""Values of header fields as a configuration gives them: those that surely belong, and those that possibly do."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice

from portwright.packets import intervals
from portwright.packets.box import ALWAYS, Box, Doubt, Match
from portwright.packets.fields import LAST, LAST_ADDRESS, Field
from portwright.packets.intervals import EMPTY, Intervals
from portwright.platforms.cisco_asa.lines import Cursor, NotUnderstood

VERSIONS = (4, 6)
_MOST_DOUBTS = 20  # more reasons than anybody reads why a value is not known
MAXIMUM_RANGES = 2_000_000  # in all groups together; a group that repeats others without end must not eat the memory


def few(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The doubts, each once; of very many the first, so that groups within groups do not pile them up."""
    return tuple(islice(dict.fromkeys(doubts), _MOST_DOUBTS))


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one field."""

    sure: Intervals
    possible: Intervals  # a superset of `sure`; the same object when nothing is in doubt
    doubts: tuple[Doubt, ...] = ()

    @classmethod
    def exact(cls, ranges: Intervals) -> "Values":
        """Values without doubt."""
        return cls(ranges, ranges)

    @classmethod
    def union(cls, parts: Iterable["Values"]) -> "Values":
        """The values in any of the parts."""
        parts = tuple(parts)
        possible = intervals.normalize(pair for part in parts for pair in part.possible)
        doubts = few(doubt for part in parts for doubt in part.doubts)
        sure = intervals.normalize(pair for part in parts for pair in part.sure) if doubts else possible
        return cls(sure, possible, doubts)

    def match(self, name: Field) -> Match:
        """The packets whose field has one of the values."""
        boxes = [(box,) if (box := Box.of({name: ranges})) else () for ranges in (self.sure, self.possible)]
        return Match(boxes[0] if self.doubts else boxes[1], boxes[1], self.doubts)


def unknown_values(name: Field, doubt: Doubt) -> Values:
    """Values of which nothing is known."""
    return Values(EMPTY, ((0, LAST[name]),), (doubt,))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of both IP versions."""

    v4: Values
    v6: Values

    @classmethod
    def exact(cls, version: int, ranges: Intervals) -> "Addresses":
        """Addresses of one IP version, without doubt."""
        return cls(Values.exact(ranges), NOTHING) if version == 4 else cls(NOTHING, Values.exact(ranges))

    @classmethod
    def doubtful(cls, doubt: Doubt, versions: Iterable[int] = VERSIONS) -> "Addresses":
        """Any address may belong."""
        v4, v6 = (Values(EMPTY, ((0, LAST_ADDRESS[v]),), (doubt,)) if v in versions else NOTHING for v in VERSIONS)
        return cls(v4, v6)

    @classmethod
    def union(cls, parts: Iterable["Addresses"]) -> "Addresses":
        """The addresses in any of the parts."""
        parts = tuple(parts)
        return cls(Values.union(part.v4 for part in parts), Values.union(part.v6 for part in parts))

    def family(self, version: int) -> Values:
        """The addresses of one IP version."""
        return self.v4 if version == 4 else self.v6

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why the addresses are not known exactly."""
        return tuple(dict.fromkeys(self.v4.doubts + self.v6.doubts))

    @property
    def size(self) -> int:
        """How many ranges it takes to say the addresses."""
        return len(self.v4.possible) + len(self.v6.possible)

    def match(self, name: Field) -> Match:
        """The packets whose source or destination is one of the addresses."""
        if self == ANY:
            return ALWAYS
        possible = _boxes(name, {version: self.family(version).possible for version in VERSIONS})
        if not self.doubts:
            return Match(possible, possible)
        return Match(_boxes(name, {version: self.family(version).sure for version in VERSIONS}), possible, self.doubts)


def _boxes(name: Field, ranges: dict[int, Intervals]) -> tuple[Box, ...]:
    boxes = (
        Box.of({Field.VERSION: ((version, version),)} | ({} if is_all(version, found) else {name: found}))
        for version, found in ranges.items()
    )
    return tuple(box for box in boxes if box is not None)


def is_all(version: int, ranges: Intervals) -> bool:
    """Report whether the ranges are all addresses of an IP version."""
    return ranges == ((0, LAST_ADDRESS[version]),)


NOTHING = Values(EMPTY, EMPTY)
ANY4 = Addresses.exact(4, ((0, LAST_ADDRESS[4]),))
ANY6 = Addresses.exact(6, ((0, LAST_ADDRESS[6]),))
ANY = Addresses.union((ANY4, ANY6))


def parse_ip(word: str, names: dict[str, str]) -> tuple[int, int]:
    """IP version and number of an address or of a `name`. Raises NotUnderstood."""
    try:
        address = ip_address(names.get(word, word))
    except ValueError:
        raise NotUnderstood(f"'{word}' is neither an address nor a name defined in this file") from None
    return address.version, int(address)


def address_of(version: int, number: int) -> IPv4Address | IPv6Address:
    """An address from its IP version and number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def host(word: str, names: dict[str, str]) -> Addresses:
    """A single address. Raises NotUnderstood."""
    version, number = parse_ip(word, names)
    return Addresses.exact(version, ((number, number),))


def network_of(cursor: Cursor, names: dict[str, str]) -> IPv4Network | IPv6Network:
    """A network written as `ADDRESS MASK` or `PREFIX/LENGTH`. Raises NotUnderstood."""
    word = cursor.take()
    if "/" in word:
        try:
            return ip_network(word, strict=False)
        except ValueError:
            raise NotUnderstood(f"'{word}' is not a network") from None
    version, number = parse_ip("0.0.0.0" if word == "0" else word, names)  # noqa: S104 (a network, not a listener)
    if version == 6:
        return IPv6Network((number, 128))
    return IPv4Network((number & mask, _prefix_length(mask))) if (mask := _mask(cursor)) else IPv4Network("0.0.0.0/0")


def _mask(cursor: Cursor) -> int:
    word = cursor.take()
    try:
        return int(IPv4Address("0.0.0.0" if word == "0" else word))  # noqa: S104
    except ValueError:
        raise NotUnderstood(f"'{word}' is not a network mask") from None


def _prefix_length(mask: int) -> int:
    inverse = mask ^ LAST_ADDRESS[4]
    if inverse & (inverse + 1):
        raise NotUnderstood(f"the mask {IPv4Address(mask)} has gaps")
    return 32 - inverse.bit_length()


def span(network: IPv4Network | IPv6Network) -> Intervals:
    """The addresses of a network."""
    return ((int(network.network_address), int(network.broadcast_address)),)


def network(cursor: Cursor, names: dict[str, str]) -> Addresses:
    """The addresses of a network as `network_of` reads it. Raises NotUnderstood."""
    found = network_of(cursor, names)
    return Addresses.exact(found.version, span(found))
