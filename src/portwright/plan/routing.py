"""Which enforcement points lie between two ends: those between their zones, and those on the hosts themselves."""

from dataclasses import dataclass, field
from itertools import product

from portwright.plan.model import Endpoint
from portwright.site.model import Crossing, Route, Site, Virtual

Firewalls = tuple[tuple[str, ...], ...]  # on one end: for each host that may be meant, those that run on it

NOWHERE = ""  # what a host sends has no interface of arrival; what it receives, none of departure


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes of a site, by zone and by host."""

    site: Site
    on_host: dict[str, tuple[str, ...]]  # the firewalls that run on a host
    answering: dict[str, Firewalls]  # the firewalls on the hosts where packets to a virtual address arrive as they are
    known: dict[tuple[str, Firewalls, str, Firewalls], tuple[Route, ...]] = field(default_factory=dict)  # as found

    @classmethod
    def of(cls, site: Site) -> "Routing":
        """The routing of a site."""
        on_host: dict[str, tuple[str, ...]] = {}
        for point in site.points.values():
            if point.on is not None:
                on_host[point.on] = (*on_host.get(point.on, ()), point.name)
        answering = {
            virtual.name: tuple(on_host.get(name, ()) for name in _answering(site, virtual)) or ((),)
            for virtual in site.virtual.values()
        }
        return cls(site, on_host, answering)

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
        if endpoint.name in self.answering:
            return self.answering[endpoint.name]
        return (self.on_host.get(endpoint.host.name, ()) if endpoint.is_one_host and endpoint.host else (),)


def _answering(site: Site, virtual: Virtual) -> tuple[str, ...]:
    """The hosts at which packets to a virtual address arrive as they are."""
    if virtual.mode in ("nlb", "dsr"):
        return virtual.members
    return tuple(host.name for host in site.hosts.values() if host.addresses & virtual.addresses)


def _sending(points: tuple[str, ...]) -> tuple[Crossing, ...]:
    return tuple(Crossing(point, "output", NOWHERE, None) for point in points)


def _receiving(points: tuple[str, ...]) -> tuple[Crossing, ...]:
    return tuple(Crossing(point, "input", None, NOWHERE) for point in points)
