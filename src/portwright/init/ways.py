"""Which firewalls stand between two proposed zones, and in which order: where the routes make that plain."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from portwright.init.firewalls import Behind, Firewall
from portwright.init.zones import ProposedZone

Through = tuple[int, ...]  # firewalls, in the order in which a packet crosses them


@dataclass(frozen=True, slots=True)
class Between:
    """Zones at one end, zones at the other, and the firewalls between each two of them."""

    ones: tuple[str, ...]
    others: tuple[str, ...]
    through: Through


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways between all zones."""

    known: tuple[Between, ...]
    unknown: tuple[tuple[str, str], ...]  # pairs of zones whose way the configurations do not tell


def find_ways(firewalls: Sequence[Firewall], zones: Sequence[ProposedZone]) -> Ways:
    """The ways between each two zones."""
    facing = _facing(firewalls)
    found: dict[Through, dict[str, dict[str, None]]] = {}
    unknown: list[tuple[str, str]] = []
    for one, other in combinations(zones, 2):
        through = _through(one, other, facing)
        if through is None:
            unknown.append((one.name, other.name))
            continue
        turned = through[::-1] < through
        ends = (other.name, one.name) if turned else (one.name, other.name)
        neighbors = found.setdefault(min(through, through[::-1]), {})
        neighbors.setdefault(ends[0], {})[ends[1]] = None
        if len(through) == 1:
            neighbors.setdefault(ends[1], {})[ends[0]] = None
    return Ways(tuple(_grouped(found)), tuple(unknown))


def _facing(firewalls: Sequence[Firewall]) -> dict[tuple[int, int], str]:
    """For each two firewalls the interface of the first behind which all of the second lies, where it is one."""
    tables = [Behind.of(one.routes()) for one in firewalls]
    found = {}
    for one, table in enumerate(tables):
        for other, firewall in enumerate(firewalls):
            networks = [route.network for route in firewall.routes() if route.connected]
            toward = {table.toward(network) for network in networks} if one != other else set()
            if len(toward) == 1 and len(interfaces := toward.pop()) == 1:
                found[one, other] = interfaces[0]
    return found


def _through(one: ProposedZone, other: ProposedZone, facing: Mapping[tuple[int, int], str]) -> Through | None:
    """The firewalls from zone to zone in order; None where that is not plain."""
    ends = list(zip(one.place, other.place, strict=True))
    if any((here is None) != (there is None) for here, there in ends):
        return None
    crossed = [number for number, (here, there) in enumerate(ends) if here != there]
    before: dict[tuple[int, int], bool] = {}
    for first, second in permutations(crossed, 2):
        toward = (facing.get((first, second)), facing.get((second, first)))
        before[first, second] = toward == (ends[first][1], ends[second][0])
    # the first on the way has all others before it
    ordered = sorted(crossed, key=lambda first: -sum(before[first, other] for other in crossed if other != first))
    is_plain = all(before[pair] and not before[pair[::-1]] for pair in combinations(ordered, 2))
    return tuple(ordered) if ordered and is_plain else None


def _grouped(found: Mapping[Through, Mapping[str, Iterable[str]]]) -> Iterator[Between]:
    """Zones with the same zones at their other end, together."""
    for through, neighbors in found.items():
        groups: dict[tuple[str, ...], list[str]] = {}
        for zone, others in neighbors.items():
            # around one firewall every zone has all others at its other end, and each stands at both
            ends = tuple(sorted((*others, zone))) if len(through) == 1 else tuple(others)
            groups.setdefault(ends, []).append(zone)
        for others, zones in groups.items():
            yield Between(tuple(zones), tuple(zones) if len(through) == 1 else others, through)
