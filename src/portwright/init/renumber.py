"""Moving a topology's example addresses into somebody's own networks."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address, ip_network

from portwright.init.yamltext import value
from portwright.packets.addresses import Address, Network

_TOKEN = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.])")
_TRIES = 4096  # addresses looked at for a free one

Moves = Mapping[Network, tuple[Network, ...]]  # the example's network -> what stands in its place


def addresses_in(text: str, network: Network) -> tuple[Address, ...]:
    """The single addresses of a network that a text names, each once."""
    found = (ip_address(token) for token in _TOKEN.findall(text) if "/" not in token)
    return tuple(dict.fromkeys(address for address in found if address in network))


def renumber(text: str, moves: Moves) -> str:
    """The text with networks replaced, and every address in them moved to the same place in the first new one.

    Raises ValueError with a sentence when a network has no room.
    """
    placed = {address: moved for old, new in moves.items() for address, moved in _placed(text, old, new[0], moves)}

    def moved(token: re.Match[str]) -> str:
        if "/" in token[0]:
            return ", ".join(value(str(network)) for network in moves.get(ip_network(token[0]), (token[0],)))
        return value(str(placed.get(ip_address(token[0]), token[0])))

    return _TOKEN.sub(moved, text)


def _placed(text: str, old: Network, new: Network, moves: Moves) -> Iterator[tuple[Address, Address]]:
    """Each address of a network with its new place: as far from the beginning as it was, or the next that is free."""
    taken: set[Address] = set()
    others = [one for networks in moves.values() for one in networks if one != new and one.prefixlen > new.prefixlen]
    for address in sorted(addresses_in(text, old), key=int):
        free = (spot for spot in _spots(new, int(address) - int(old.network_address)) if spot not in taken)
        spot = next((one for one in free if not any(one in other for other in others)), None)
        if spot is None:
            raise ValueError(f"{new} has no room for the hosts of the example: {len(addresses_in(text, old))}")
        taken.add(spot)
        yield address, spot


def _spots(network: Network, first: int) -> Iterator[Address]:
    """The usable addresses from the one at `first`, around the end."""
    size = network.num_addresses
    edges = (0, size - 1) if isinstance(network, IPv4Network) and size > 2 else (0,) if size > 2 else ()
    for step in range(min(size, _TRIES)):
        offset = (first + step) % size
        if offset not in edges:
            yield network.network_address + offset
