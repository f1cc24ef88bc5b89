"""Who could serve a consumer, and who of them does: `uses` first, then the requirement's need."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from portwright.catalog.model import Need, Requirement
from portwright.plan.model import Endpoint
from portwright.site.model import Host, Instance, Outside, Site, Use, Virtual


@dataclass(frozen=True, slots=True)
class Choice:
    """The endpoints that a consumer needs."""

    endpoints: tuple[Endpoint, ...]
    is_open: bool = False  # one of them, and nobody said which
    any_of: bool = False  # at least one of them


@dataclass(frozen=True, slots=True)
class Candidates:
    """Everything placed on a site, by the component that it is."""

    site: Site
    consumers: Mapping[str, tuple[Endpoint, ...]]  # who may open connections
    servers: Mapping[str, tuple[Endpoint, ...]]  # one endpoint per instance

    @classmethod
    def of(cls, site: Site) -> "Candidates":
        """The placements of a site."""
        outside = [_outside(one) for one in site.outside.values()]
        consumers = [_consumer(host) for host in site.consumers()]
        servers: dict[str, list[Endpoint]] = {}
        for host in site.consumers():
            for component in sorted(host.roles):
                servers.setdefault(component, []).extend(_instances(host, component))
        for endpoint in outside:
            for component in (endpoint.name, *site.catalog.implied(endpoint.name)):
                servers.setdefault(component, []).append(endpoint)  # it serves as what it implies, and needs nothing
        by_role = _by_role([*consumers, *outside])
        return cls(site, by_role, {component: tuple(found) for component, found in servers.items()})

    def pairs(self, requirements: Iterable[Requirement]) -> int:
        """How many pairs of consumer and server there are to look at."""
        return sum(
            len(self.consumers.get(requirement.source, ())) * len(self.servers.get(requirement.destination, ()))
            for requirement in requirements
        )

    def choose(self, requirement: Requirement, source: Endpoint) -> Choice:
        """The endpoints that `source` needs for the requirement; virtual addresses stand before their members."""
        found = self._meant_for(requirement, source, self.servers.get(requirement.destination, ()))
        if uses := self._uses(requirement, source):
            meant = tuple(chain.from_iterable(self._meant(use, requirement, found) for use in uses))
            return Choice(meant, is_open=len(meant) > len(uses))
        if requirement.need is Need.NEAREST:
            return Choice(self._nearest(source, found))
        fronted = self._fronted(requirement, source, found)
        if requirement.need is None:
            return Choice(fronted, is_open=len(fronted) > 1)
        return Choice(fronted, any_of=requirement.need is Need.ANY and len(fronted) > 1)

    def _meant_for(
        self, requirement: Requirement, source: Endpoint, found: tuple[Endpoint, ...]
    ) -> tuple[Endpoint, ...]:
        """Those of the same domain or deployment, or of another, as the requirement says."""
        for name in requirement.within:
            own = self._value(name, source)
            found = tuple(one for one in found if not own or self._value(name, one) in ("", own))
        for name in requirement.across:
            own = self._value(name, source)
            found = tuple(one for one in found if own and self._value(name, one) not in ("", own))
        return found

    def _value(self, name: str, endpoint: Endpoint) -> str:
        return self.site.setting(name, endpoint.host, endpoint.instance)

    def _meant(self, use: Use, requirement: Requirement, found: Iterable[Endpoint]) -> Iterator[Endpoint]:
        """The endpoints that a use names: an instance, every instance of a host, or a virtual address."""
        if use.host in self.site.virtual:
            yield _virtual(self.site.virtual[use.host], requirement)
        for endpoint in found:
            instance = endpoint.instance.name if endpoint.instance else None
            if use.host == _host_name(endpoint) and use.instance in (None, instance):
                yield endpoint

    def _uses(self, requirement: Requirement, source: Endpoint) -> tuple[Use, ...]:
        uses = source.host.uses if source.host else {}
        return uses.get(requirement.id) or uses.get(requirement.destination) or ()

    def _nearest(self, source: Endpoint, found: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        """The host itself if it is among them, otherwise those behind the fewest points."""
        itself = tuple(endpoint for endpoint in found if is_same_host(source, endpoint))
        zones = {endpoint.zone for endpoint in found}
        distances = {zone: self._distance(source.zone, zone) for zone in zones}
        least = min(distances.values(), default=0)
        return itself or tuple(endpoint for endpoint in found if distances[endpoint.zone] == least)

    def _distance(self, source_zone: str, zone: str) -> float:
        """How many points lie between; no declared path is farther than any."""
        return min((len(route.forward) for route in self.site.routes(source_zone, zone)), default=float("inf"))

    def _fronted(self, requirement: Requirement, source: Endpoint, found: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
        """The endpoints, members of a virtual address for the service replaced by that; a host reaches itself."""
        fronts = [virtual for virtual in self.site.virtual.values() if requirement.service in virtual.services]
        chosen: dict[Endpoint, None] = {}
        for endpoint in found:
            front = next((virtual for virtual in fronts if _host_name(endpoint) in virtual.members), None)
            behind = front is not None and not is_same_host(source, endpoint)
            chosen[_virtual(front, requirement) if front is not None and behind else endpoint] = None
        return tuple(chosen)


def is_same_host(one: Endpoint, other: Endpoint) -> bool:
    """Report whether both are the same single host."""
    return one.is_one_host and other.is_one_host and _host_name(one) == _host_name(other)


def _host_name(endpoint: Endpoint) -> str:
    return endpoint.host.name if endpoint.host else endpoint.name


def _consumer(host: Host) -> Endpoint:
    return Endpoint(host.name, host.zone, host.addresses, host.roles, host)


def _instances(host: Host, component: str) -> list[Endpoint]:
    endpoint = _consumer(host)
    found = host.instances_of(component)
    if len(found) == 1:
        return [replace(endpoint, instance=found[0])]
    return [replace(endpoint, name=f"{host.name}#{_instance_name(one)}", instance=one) for one in found]


def _instance_name(instance: Instance) -> str:
    return instance.name or "default"


def _virtual(virtual: Virtual, requirement: Requirement) -> Endpoint:
    roles = frozenset([requirement.destination])
    return Endpoint(virtual.name, virtual.zone, virtual.addresses, roles, port=virtual.port)


def _outside(outside: Outside) -> Endpoint:
    return Endpoint(outside.component, outside.zone, outside.addresses, frozenset([outside.component]))


def _by_role(endpoints: Iterable[Endpoint]) -> dict[str, tuple[Endpoint, ...]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        for role in endpoint.roles:
            found.setdefault(role, []).append(endpoint)
    return {role: tuple(members) for role, members in found.items()}
