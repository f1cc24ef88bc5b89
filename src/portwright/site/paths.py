"""The ways between zones that the site declares, and what each firewall on them sees."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from portwright.errors import InvalidInput
from portwright.shapes import Located
from portwright.site.model import Crossing, Point, Route
from portwright.site.schema import PathEntry

Ends = tuple[str, str]  # source zone and destination zone

MAX_WAYS = 200_000


def declared_routes(entries: Iterable[PathEntry], points: Mapping[str, Point]) -> dict[Ends, tuple[Route, ...]]:
    """Every way that a path declares, in both directions where it says 'between'."""
    routes: dict[Ends, dict[Route, None]] = {}
    ways = 0
    for entry in entries:
        ways += _count(entry)
        if ways > MAX_WAYS:
            raise InvalidInput.of(f"has more than {MAX_WAYS} ways between zones", file=entry.source.file, path="paths")
        _note_host_firewalls(entry, points)
        for points_crossed in (entry.through, entry.back or ()):
            _note_twice(points_crossed)
        for ends, through, back in _ways(entry):
            route = Route(_crossings(through, ends, points), _crossings(back, (ends[1], ends[0]), points))
            routes.setdefault(ends, {})[route] = None
    return {ends: tuple(found) for ends, found in routes.items()}


def _count(entry: PathEntry) -> int:
    if entry.between is None:
        return len(entry.sources) * len(entry.destinations)
    return 2 * len(entry.between[0]) * len(entry.between[1])


def _ways(entry: PathEntry) -> Iterator[tuple[Ends, list[str], list[str]]]:
    """The ends of each way, the points there and the points back."""
    there = [point.value for point in entry.through]
    back = there[::-1] if entry.back is None else [point.value for point in entry.back]
    if entry.between is None:
        for ends in product(entry.sources, entry.destinations):
            yield ends, there, back
        return
    one, other = entry.between
    for source, destination in product(one, other):
        if source != destination or len(one) == len(other) == 1:  # lists may overlap; a zone to itself is said alone
            yield (source, destination), there, back
            yield (destination, source), back, there


def _crossings(through: list[str], ends: Ends, points: Mapping[str, Point]) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(name, "forward", points[name].interfaces.get(ends[0]), points[name].interfaces.get(ends[1]))
        for name in through
        if name in points
    )


def _note_host_firewalls(entry: PathEntry, points: Mapping[str, Point]) -> None:
    for point in (*entry.through, *(entry.back or ())):
        if point.value in points and points[point.value].on is not None:
            _note_host_firewall(point)


def _note_host_firewall(point: Located[str]) -> None:
    hint = "leave it out: the firewall of a host is crossed whenever that host is an end"
    point.note(f"'{point.value}' runs on a host, so it lies on no path between zones", hint)


def _note_twice(points: Iterable[Located[str]]) -> None:
    seen: set[str] = set()
    for point in points:
        if point.value in seen:
            point.note(f"'{point.value}' is on this way already", "a packet crosses a point once")
        seen.add(point.value)
