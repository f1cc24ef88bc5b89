"""Addresses by the names that a site gives them."""

from portwright.packets.intervals import Interval, Intervals
from portwright.policy.text import Naming, NamingTogether
from portwright.site.model import Host, Site, Virtual, Zone

_SPELLED_OUT = 8  # neighbors in a range that are named one by one


def site_naming(site: Site) -> Naming:
    """A naming that knows the site's hosts, groups, virtual addresses and zones by their exact ranges."""
    known = _names(site)
    names = {(version, ranges[0]): name for (version, ranges), name in known.items() if len(ranges) == 1}

    def name(version: int, pair: Interval) -> str | None:
        if (version, pair) in names:
            return names[version, pair]
        if pair[1] - pair[0] >= _SPELLED_OUT:
            return None
        each = [names.get((version, (address, address))) for address in range(pair[0], pair[1] + 1)]
        return ",".join(found for found in each if found) if all(each) else None

    return name


def site_naming_together(site: Site) -> NamingTogether:
    """A naming that knows the same by all of their addresses."""
    known = _names(site)
    return lambda version, ranges: known.get((version, ranges))


def _names(site: Site) -> dict[tuple[int, Intervals], str]:
    """What everything is called, by IP version and addresses; what is more exact wins."""
    things: list[Zone | Host | Virtual] = [*site.zones.values(), *site.groups.values(), *site.virtual.values()]
    things += site.hosts.values()
    sets = ((thing, version, thing.addresses.family(version)) for thing in things for version in (4, 6))
    return {(version, ranges): thing.name for thing, version, ranges in sets if ranges}
