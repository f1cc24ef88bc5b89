"""Which enforcement points lie between two ends: those between their zones, and those on the hosts themselves."""

from dataclasses import dataclass, field
from itertools import product

from portwright.plan.model import Endpoint
from portwright.site.model import Crossing, Route, Site

Firewalls = tuple[tuple[str, ...], ...]  # on one end: for each host that may be meant, those that run on it

NOWHERE = ""  # what a host sends has no interface of arrival; what it receives, none of departure


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes of a site, by zone and by host."""

    site: Site
    on_host: dict[str, tuple[str, ...]]  # the firewalls that run on a host
    known: dict[tuple[str, Firewalls, str, Firewalls], tuple[Route, ...]] = field(default_factory=dict)  # as found

    @classmethod
    def of(cls, site: Site) -> "Routing":
        """The routing of a site."""
        on_host: dict[str, tuple[str, ...]] = {}
        for point in site.points.values():
            if point.on is not None:
                on_host[point.on] = (*on_host.get(point.on, ()), point.name)
        return cls(site, on_host)

    def between(self, source: Endpoint, destination: Endpoint) -> tuple[Route, ...]:
        """The ways from end to end; several must all pass. Empty: nobody declared one."""
        key = (source.zone, self._firewalls(source), destination.zone, self._firewalls(destination))
        if key not in self.known:  # hosts need much of each other, by the same ways
            self.known[key] = self._ways(*key)
        return self.known[key]

    def _ways(self, source: str, leave_by: Firewalls, destination: str, arrive_by: Firewalls) -> tuple[Route, ...]:
        """Every declared way between two zones, with the firewalls on the hosts at its ends."""
        ends = dict.fromkeys(product(leave_by, arrive_by))
        return tuple(
            Route(
                (*_sending(leaving), *route.forward, *_receiving(arriving)),
                (*_sending(arriving), *route.back, *_receiving(leaving)),
            )
            for route in self.site.routes(source, destination)
            for leaving, arriving in ends
        )

    def _firewalls(self, endpoint: Endpoint) -> Firewalls:
        """The firewalls on an end: one way for each host that may be meant, as any member of a virtual address may."""
        if virtual := self.site.virtual.get(endpoint.name):
            return tuple(self.on_host.get(member, ()) for member in virtual.members) or ((),)
        return (self.on_host.get(endpoint.host.name, ()) if endpoint.is_one_host and endpoint.host else (),)


def _sending(points: tuple[str, ...]) -> tuple[Crossing, ...]:
    return tuple(Crossing(point, "output", NOWHERE, None) for point in points)


def _receiving(points: tuple[str, ...]) -> tuple[Crossing, ...]:
    return tuple(Crossing(point, "input", None, NOWHERE) for point in points)
