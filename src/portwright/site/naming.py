"""Addresses by the names that a site gives them."""

from portwright.packets.intervals import Interval
from portwright.policy.text import Naming
from portwright.site.model import Site


def site_naming(site: Site) -> Naming:
    """A naming that knows the site's hosts, groups, virtual addresses and zones by their exact ranges."""
    names: dict[tuple[int, Interval], str] = {}
    for thing in (*site.zones.values(), *site.groups.values(), *site.virtual.values(), *site.hosts.values()):
        for version in (4, 6):
            ranges = thing.addresses.family(version)
            if len(ranges) == 1:
                names[version, ranges[0]] = thing.name
    return lambda version, pair: names.get((version, pair))
