"""Which zones and interfaces of routers share a segment, and which routers a packet passes, as the site declares it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from portwright.site.model import Crossing, Site

Attachment = tuple[str, str]  # a point and its interface, or "" and a zone


@dataclass(frozen=True, slots=True)
class Step:
    """A router on a way: where packets arrive and leave."""

    router: str
    arrives: str  # interface, as the site names it
    leaves: str


Way = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """The ways between zones, and the segments that they make."""

    ways: Mapping[tuple[str, str], Way]  # (source zone, destination zone); none where nobody declared one
    segments: Mapping[Attachment, str]  # every interface of a router, and every zone, by the segment it is on
    notes: tuple[str, ...]

    @classmethod
    def of(cls, site: Site) -> "Wiring":
        """The wiring of a site."""
        ways, notes = _ways(site)
        return cls(ways, _segments(site, ways), notes)

    def ports(self, router: str) -> dict[str, str]:
        """The interfaces of a router and the segments they are on."""
        return {name: segment for (owner, name), segment in self.segments.items() if owner == router}


def _ways(site: Site) -> tuple[dict[tuple[str, str], Way], tuple[str, ...]]:
    ways: dict[tuple[str, str], Way] = {}
    notes: list[str] = []
    for ends, routes in site.declared_routes.items():
        ways[ends] = _way(routes[0].forward, ends)
        if len(routes) > 1:
            taken = " and ".join(step.router for step in ways[ends]) or "no firewall"
            notes.append(f"{ends[0]} to {ends[1]} goes through {taken} alone: one of {len(routes)} alternatives")
    for (source, destination), routes in site.declared_routes.items():  # replies may go where no request was declared
        ways.setdefault((destination, source), _way(routes[0].back, (destination, source)))
    for zone in site.zones:
        ways.setdefault((zone, zone), ())
    return ways, tuple(notes)


def _way(crossings: Iterable[Crossing], ends: tuple[str, str]) -> Way:
    """The routers of a way; interfaces that the site does not name are called after what lies behind them."""
    crossed = [one for one in crossings if one.hook == "forward"]  # the others are on the hosts themselves
    if not crossed:
        return ()
    names = [one.point for one in crossed]
    before, after = [ends[0], *names[:-1]], [*names[1:], ends[1]]
    return tuple(
        Step(one.point, one.interface_in or f"to {behind}", one.interface_out or f"to {ahead}")
        for one, behind, ahead in zip(crossed, before, after, strict=True)
    )


def _segments(site: Site, ways: Mapping[tuple[str, str], Way]) -> dict[Attachment, str]:
    """Interfaces and zones that touch, by the name of their segment."""
    touching: dict[Attachment, Attachment] = {("", zone): ("", zone) for zone in site.zones}

    def root(one: Attachment) -> Attachment:
        touching.setdefault(one, one)
        while touching[one] != one:
            touching[one] = touching[touching[one]]
            one = touching[one]
        return one

    for ends, way in ways.items():
        for one, other in _links(ends, way):
            touching[root(one)] = root(other)
    numbers: dict[Attachment, str] = {}
    return {one: numbers.setdefault(root(one), f"s{len(numbers) + 1}") for one in list(touching)}


def _links(ends: tuple[str, str], way: Way) -> Iterator[tuple[Attachment, Attachment]]:
    """What a way joins directly."""
    if not way:
        yield ("", ends[0]), ("", ends[1])
        return
    yield ("", ends[0]), (way[0].router, way[0].arrives)
    for one, other in pairwise(way):
        yield (one.router, one.leaves), (other.router, other.arrives)
    yield (way[-1].router, way[-1].leaves), ("", ends[1])
