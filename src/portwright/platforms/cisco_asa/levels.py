"""An access list for an interface that has none, which permits what its security level permits.

Without an access list connections pass toward interfaces of a lower level alone, and where they leave is for the routes
to say. So the list permits the networks behind those interfaces, the longest prefixes first, as routes are looked up.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network

from portwright.platforms.cisco_asa.listing import LEVELS, Listing
from portwright.platforms.cisco_asa.render import written
from portwright.policy.configuration import Configuration

_DIGITS = 10  # of a level

Network = IPv4Network | IPv6Network


def levels(listing: Listing) -> dict[str, int]:
    """The security levels of the interfaces that have a name."""
    found = {}
    for block in listing.blocks_of("interface"):
        named = {line.words[0]: line.words[-1] for line in block.body}
        level = named.get("security-level", "")
        if "nameif" in named and level.isdecimal() and len(level) <= _DIGITS:
            found[named["nameif"]] = int(level)
    return found


def entries_for(interface: str, listing: Listing, configuration: Configuration) -> list[str] | None:
    """The entries, without their beginning; None where routes or levels do not say enough."""
    known = levels(listing)
    behind = {route.interface for route in configuration.routes}
    if not configuration.routing_is_complete or interface not in known or not behind <= known.keys():
        return None
    together = any(words[1:3] == ("permit", "inter-interface") for words in listing.commands_of(LEVELS))
    passes = {
        name: level < known[interface] or (together and level == known[interface] and name != interface)
        for name, level in known.items()
    }
    return [_entry(network, permitted) for network, permitted in _needed(_by_prefix(configuration, passes))]


def _entry(network: Network, permitted: bool) -> str:
    action = "permit" if permitted else "deny"
    whole = "any4" if network.version == 4 else "any6"
    return f"{action} ip any {written(network) if network.prefixlen else whole}"


def _by_prefix(configuration: Configuration, passes: Mapping[str, bool]) -> list[tuple[Network, bool]]:
    """Each network once, and whether it may be reached, in the order of a route lookup."""
    found: dict[Network, bool] = {}
    for route in configuration.routes:
        found[route.network] = passes[route.interface] or found.get(route.network, False)
    return sorted(
        found.items(), key=lambda entry: (-entry[0].prefixlen, entry[0].version, int(entry[0].network_address))
    )


def _needed(networks: list[tuple[Network, bool]]) -> Iterator[tuple[Network, bool]]:
    """Without the entries that say what the first wider one says anyway; at the end everything is denied."""
    for at, (network, permitted) in enumerate(networks):
        wider = (other for one, other in networks[at + 1 :] if one.version == network.version and _holds(one, network))
        if next(wider, False) is not permitted:
            yield network, permitted


def _holds(one: Network, other: Network) -> bool:
    return int(one.network_address) <= int(other.network_address) <= int(one.broadcast_address)
