"""Which addresses each zone has when the longest prefix wins."""

from collections.abc import Mapping

from portwright.packets.addresses import Addresses, Network
from portwright.shapes import Located
from portwright.site.model import Zone, ZoneIndex
from portwright.site.schema import ZoneEntry


def build_zones(entries: Mapping[str, ZoneEntry]) -> dict[str, Zone]:
    """The zones with what is left to each. Notes networks that two zones claim, and a second zone with the rest."""
    _note_double_claims(entries)
    _note_second_rest(entries)
    left = _shares(entries)
    return {
        name: Zone(name, tuple(network.value for network in entry.networks), entry.has_rest, left[name], entry.source)
        for name, entry in entries.items()
    }


def index_zones(zones: Mapping[str, Zone]) -> ZoneIndex:
    """The zones' addresses in order, for looking up one."""
    return {
        version: tuple(
            sorted(
                (first, last, zone.name) for zone in zones.values() for first, last in zone.addresses.family(version)
            )
        )
        for version in (4, 6)
    }


def _shares(entries: Mapping[str, ZoneEntry]) -> dict[str, Addresses]:
    """The longest prefixes take their addresses first, shorter ones what is left, the rest zone what nobody names."""
    by_length: dict[int, dict[str, list[Network]]] = {}
    for name, entry in entries.items():
        for network in entry.networks:
            length = network.value.max_prefixlen - network.value.prefixlen
            by_length.setdefault(length, {}).setdefault(name, []).append(network.value)
    shares = dict.fromkeys(entries, Addresses())
    taken = Addresses()
    for _, claims in sorted(by_length.items()):
        for name, networks in claims.items():
            shares[name] |= Addresses.of(networks) - taken
        taken |= Addresses.of(network for networks in claims.values() for network in networks)
    for name, entry in entries.items():
        if entry.has_rest:
            shares[name] |= ~taken
    return shares


def _note_double_claims(entries: Mapping[str, ZoneEntry]) -> None:
    first: dict[Network, tuple[str, Located[Network]]] = {}
    for name, entry in entries.items():
        for network in entry.networks:
            zone, earlier = first.setdefault(network.value, (name, network))
            if earlier is not network:
                place = f"in line {earlier.node.mark.line}"
                network.note(f"the network {network.value} is already in zone '{zone}'", f"first {place}")


def _note_second_rest(entries: Mapping[str, ZoneEntry]) -> None:
    rest = [entry.rest for entry in entries.values() if entry.rest is not None and entry.rest.value]
    for second in rest[1:]:
        second.note("only one zone can have the rest of all addresses", f"first in line {rest[0].node.mark.line}")
