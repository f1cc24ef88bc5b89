"""Who could serve a consumer, and who of them does: `uses` first, then the requirement's need.

Consumers of one zone that belong to the same domain and deployment mean the same servers; that is worked out once for
all of them. What is left to do for each is what the site says of it alone: `uses`, and whether it serves itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from portwright.catalog.model import Need, Phase, Requirement
from portwright.errors import InvalidInput
from portwright.plan.model import Endpoint
from portwright.site.model import Host, Instance, Outside, Site, Use, Virtual

MAX_PAIRS = 1_000_000  # consumers x servers; beyond it a site is better described by groups
MAX_LOOKS = 10_000_000  # servers looked at for all kinds of consumers: zones, domains, deployments

Endpoints = tuple[Endpoint, ...]
Alike = tuple[object, ...]  # what consumers have in common that mean the same servers


@dataclass(frozen=True, slots=True)
class Choice:
    """The endpoints that a consumer needs."""

    endpoints: Endpoints
    is_open: bool = False  # one of them, and nobody said which
    any_of: bool = False  # at least one of them


@dataclass(slots=True)
class Candidates:
    """Everything placed on a site, by the component that it is."""

    site: Site
    consumers: Mapping[str, Endpoints]  # who may open connections
    servers: Mapping[str, Endpoints]  # one endpoint per instance
    own: Mapping[tuple[str, str], Endpoints]  # by component and host: the instances on that host
    fronts: Mapping[tuple[str, str], Virtual]  # by service and member
    distances: Mapping[str, Mapping[str, int]]  # from zone to zone along declared paths: the fewest points between
    meant: dict[Alike, Endpoints] = field(default_factory=dict)  # as found so far
    nearest: dict[tuple[Alike, str], Endpoints] = field(default_factory=dict)  # by zone of the consumer too
    reached: dict[tuple[Alike, str, str], Endpoints] = field(default_factory=dict)  # by service and zone too
    looked_at: int = 0  # servers, so far

    @classmethod
    def of(cls, site: Site) -> "Candidates":
        """The placements of a site."""
        outside = [_outside(one) for one in site.outside.values()]
        consumers = [_consumer(host) for host in site.consumers()]
        servers: dict[str, list[Endpoint]] = {}
        own: dict[tuple[str, str], Endpoints] = {}
        for host in site.consumers():
            for component in sorted(host.roles):
                own[component, host.name] = tuple(_instances(host, component))
                servers.setdefault(component, []).extend(own[component, host.name])
        for endpoint in outside:
            lacking = site.catalog.lacking(endpoint.name)
            for component in (endpoint.name, *site.catalog.implied(endpoint.name)):
                if component not in lacking:  # it serves as what it implies, and needs nothing
                    servers.setdefault(component, []).append(endpoint)
        by_role = _by_role([*consumers, *outside])
        placed = {component: tuple(found) for component, found in servers.items()}
        return cls(site, by_role, placed, own, _fronts(site), _distances(site))

    def pairs(self, requirements: Iterable[Requirement]) -> int:
        """How many pairs of consumer and server there are to look at, where not only the nearest count."""
        return sum(
            len(self.consumers.get(requirement.source, ())) * len(self.servers.get(requirement.destination, ()))
            for requirement in requirements
            if requirement.need is not Need.NEAREST
        )

    def choose(self, requirement: Requirement, source: Endpoint) -> Choice:
        """The endpoints that `source` needs for the requirement; virtual addresses stand before their members."""
        if uses := self._uses(requirement, source):
            used = tuple(chain.from_iterable(self._used(use, requirement, source) for use in uses))
            return Choice(used, is_open=len(used) > len(uses))
        reached = self._reached(requirement, source)
        is_several = len(reached) > 1
        return Choice(reached, is_several and requirement.need is None, is_several and requirement.need is Need.ANY)

    def _alike(self, requirement: Requirement, source: Endpoint) -> Alike:
        """What decides which servers are meant: the component, and the domain or deployment of the consumer."""
        within = ((name, True, self._value(name, source)) for name in requirement.within)
        across = ((name, False, self._value(name, source)) for name in requirement.across)
        return (requirement.destination, requirement.phase is Phase.ADMINISTER, *within, *across)

    def _meant(self, alike: Alike, requirement: Requirement, source: Endpoint) -> Endpoints:
        if alike not in self.meant:
            servers = self.servers.get(requirement.destination, ())
            self._look_at(servers)
            if requirement.phase is Phase.ADMINISTER:  # what somebody else runs, somebody else administers
                servers = tuple(one for one in servers if one.host is not None)
            self.meant[alike] = self._meant_for(requirement, source, servers)
        return self.meant[alike]

    def _meant_for(self, requirement: Requirement, source: Endpoint, found: Endpoints) -> Endpoints:
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

    def _itself(self, requirement: Requirement, source: Endpoint) -> Endpoints:
        """The consumer's own instances of the server, if they are among those that are meant."""
        own = self.own.get((requirement.destination, source.name), ()) if source.is_one_host else ()
        return self._meant_for(requirement, source, own)

    def _used(self, use: Use, requirement: Requirement, source: Endpoint) -> Iterator[Endpoint]:
        """The endpoints that a use names: an instance, every instance of a host, or a virtual address."""
        if use.host in self.site.virtual:
            yield _virtual(self.site.virtual[use.host], requirement)
        for endpoint in self._meant_for(requirement, source, self.own.get((requirement.destination, use.host), ())):
            instance = endpoint.instance.name if endpoint.instance else None
            if use.instance in (None, instance):
                yield endpoint

    def _uses(self, requirement: Requirement, source: Endpoint) -> tuple[Use, ...]:
        uses = source.host.uses if source.host else {}
        return uses.get(requirement.id) or uses.get(requirement.destination) or ()

    def _reached(self, requirement: Requirement, source: Endpoint) -> Endpoints:
        """Those that are meant, or the nearest of them; members of a virtual address for the service by that.

        A host that is among them reaches itself; where the nearest count, it needs no other.
        """
        alike, is_nearest = self._alike(requirement, source), requirement.need is Need.NEAREST
        if itself := self._itself(requirement, source):
            found = itself if is_nearest else self._meant(alike, requirement, source)
            return self._behind_fronts(requirement, found, source)
        key = (alike, requirement.service, source.zone if is_nearest else "")
        if key not in self.reached:
            found = (self._nearest if is_nearest else self._meant)(alike, requirement, source)
            self.reached[key] = self._behind_fronts(requirement, found, source)
        return self.reached[key]

    def _nearest(self, alike: Alike, requirement: Requirement, source: Endpoint) -> Endpoints:
        """Those behind the fewest points; no declared path is farther than any."""
        key = (alike, source.zone)
        if key not in self.nearest:
            found = self._meant(alike, requirement, source)
            self._look_at(found)
            distances = {source.zone: 0} | dict(self.distances.get(source.zone, {}))
            least = min((distances[one.zone] for one in found if one.zone in distances), default=None)
            self.nearest[key] = tuple(one for one in found if distances.get(one.zone) == least)
        return self.nearest[key]

    def _look_at(self, endpoints: Endpoints) -> None:
        """Raise InvalidInput when a site has so many kinds of consumers and servers that this would go on and on."""
        self.looked_at += len(endpoints)
        if self.looked_at > MAX_LOOKS:
            raise too_large(self.site)

    def _behind_fronts(self, requirement: Requirement, found: Endpoints, source: Endpoint) -> Endpoints:
        chosen: dict[Endpoint, None] = {}
        for endpoint in found:
            front = self.fronts.get((requirement.service, _host_name(endpoint)))
            behind = front is not None and not is_same_host(source, endpoint)
            chosen[_virtual(front, requirement) if front is not None and behind else endpoint] = None
        return tuple(chosen)


def too_large(site: Site) -> InvalidInput:
    """The error for a site that time and memory are not meant for."""
    message = f"has more than {MAX_PAIRS} pairs of hosts to connect"
    return InvalidInput.of(message, file=site.file, hint="put hosts that are alike into groups")


def _fronts(site: Site) -> dict[tuple[str, str], Virtual]:
    """The first virtual address that stands before a member for a service."""
    fronts: dict[tuple[str, str], Virtual] = {}
    for virtual in site.virtual.values():
        for service in virtual.services:
            for member in virtual.members:
                fronts.setdefault((service, member), virtual)
    return fronts


def _distances(site: Site) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (source, destination), routes in site.declared_routes.items():
        found.setdefault(source, {})[destination] = min(len(route.forward) for route in routes)
    return found


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
