"""Addresses by the names that a site gives them."""

from portwright.packets.intervals import Interval
from portwright.policy.text import Naming
from portwright.site.model import Host, Site, Virtual, Zone

_SPELLED_OUT = 8  # neighbors in a range that are named one by one


def site_naming(site: Site) -> Naming:
    """A naming that knows the site's hosts, groups, virtual addresses and zones by their exact ranges."""
    names: dict[tuple[int, Interval], str] = {}
    things: list[Zone | Host | Virtual] = [*site.zones.values(), *site.groups.values(), *site.virtual.values()]
    things += site.hosts.values()
    for thing in things:
        for version in (4, 6):
            ranges = thing.addresses.family(version)
            if len(ranges) == 1:
                names[version, ranges[0]] = thing.name

    def name(version: int, pair: Interval) -> str | None:
        if (version, pair) in names:
            return names[version, pair]
        if pair[1] - pair[0] >= _SPELLED_OUT:
            return None
        each = [names.get((version, (address, address))) for address in range(pair[0], pair[1] + 1)]
        return ",".join(found for found in each if found) if all(each) else None

    return name
