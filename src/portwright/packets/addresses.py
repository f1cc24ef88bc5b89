"""Sets of addresses of both families, and how people write them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)

from portwright.packets import intervals
from portwright.packets.fields import LAST_ADDRESS
from portwright.packets.intervals import EMPTY, Intervals

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Addresses:
    """A set of IPv4 and IPv6 addresses."""

    v4: Intervals = EMPTY
    v6: Intervals = EMPTY

    @classmethod
    def of(cls, networks: Iterable[Network]) -> "Addresses":
        """The addresses in any of these networks."""
        found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            found[network.version].append((int(network.network_address), int(network.broadcast_address)))
        return cls(intervals.normalize(found[4]), intervals.normalize(found[6]))

    def family(self, version: int) -> Intervals:
        """The addresses of IP version 4 or 6."""
        return self.v4 if version == 4 else self.v6

    def __or__(self, other: "Addresses") -> "Addresses":
        return Addresses(intervals.union(self.v4, other.v4), intervals.union(self.v6, other.v6))

    def __and__(self, other: "Addresses") -> "Addresses":
        return Addresses(intervals.intersect(self.v4, other.v4), intervals.intersect(self.v6, other.v6))

    def __invert__(self) -> "Addresses":
        return Addresses(intervals.complement(self.v4, LAST_ADDRESS[4]), intervals.complement(self.v6, LAST_ADDRESS[6]))

    def __sub__(self, other: "Addresses") -> "Addresses":
        return self & ~other

    def __le__(self, other: "Addresses") -> bool:
        return self & other == self

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def texts(self) -> tuple[str, ...]:
        """The set as addresses and networks, as people write them: IPv4 first."""
        return tuple(_network_text(network) for network in self.networks())

    def networks(self) -> Iterator[Network]:
        """The fewest networks that make up the set: IPv4 first."""
        for first, last in self.v4:
            yield from summarize_address_range(IPv4Address(first), IPv4Address(last))
        for first, last in self.v6:
            yield from summarize_address_range(IPv6Address(first), IPv6Address(last))


EVERY_ADDRESS = Addresses(((0, LAST_ADDRESS[4]),), ((0, LAST_ADDRESS[6]),))


def parse_addresses(text: str) -> Addresses:
    """The addresses that `10.1.0.0/16`, `10.1.0.9` or `10.1.0.1-10.1.0.9` means. Raises ValueError."""
    first, dash, last = text.partition("-")
    if dash:
        return _range(ip_address(first.strip()), ip_address(last.strip()))
    return Addresses.of([ip_network(text)])


def _range(first: Address, last: Address) -> Addresses:
    if first.version != last.version:
        raise ValueError(f"{first} and {last} are of different IP versions")
    span = intervals.normalize([(int(first), int(last))])
    return Addresses(v4=span) if first.version == 4 else Addresses(v6=span)


def _network_text(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
