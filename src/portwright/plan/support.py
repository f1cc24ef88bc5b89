"""What vendors do not support, and what a careful person does not do: the catalog's support rules, as findings.

A rule speaks about hosts by their roles. Where nobody placed a component there is nothing to say.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations_with_replacement, product

from portwright.catalog.model import Check, Service, Status, SupportRule
from portwright.findings import Finding, Kind
from portwright.packets.intervals import EMPTY, Intervals, intersect
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.plan.model import Endpoint, LocalUse, RequiredFlow
from portwright.plan.ports import ports_on
from portwright.site.model import Host, Instance, Site

_MOST = 5  # names that are spelled out
_Partner = tuple[Endpoint, bool]  # another end of a flow; whether it is the one that opens the connection
_Partners = Mapping[tuple[str, str], Collection[_Partner]]  # by host, or component outside, and by what it is in a flow


def unsupported(site: Site, flows: Iterable[RequiredFlow], local: Iterable[LocalUse]) -> Iterator[Finding]:
    """What the support rules of the site's products find on it. `flows` and `local` say which host uses which."""
    rules = site.catalog.of(site.catalog.rules, site.products)
    flows, varying = tuple(flow for flow in flows if flow.requirement.status is Status.CURRENT), _varying(site)
    asks_both = any(rule.on and _asks(rule, varying) for rule in rules if rule.check is Check.CONDITION)
    support = _Support(site, flows, tuple(local), _partners(site, flows) if asks_both else {}, varying)
    for rule in rules:
        for case in _CHECKS[rule.check](support, rule):
            yield _finding(rule, case)


@dataclass(frozen=True, slots=True)
class _Role:
    """One of the roles that a rule is about, where it is placed: with the settings of one instance."""

    name: str  # of the host or group, or of the component that somebody else runs
    zone: str
    place: str
    roles: frozenset[str]  # all that it is
    host: Host | None = None
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """Where a rule is met."""

    hosts: tuple[str, ...]
    says: str  # what exactly is met
    place: str


def _finding(rule: SupportRule, case: _Case) -> Finding:
    says = rule.says.rstrip(".")
    return Finding(
        Kind.LINT,
        f"{says}: {case.says}" if case.says else says,
        subject=f"{rule.id}/{_listed(case.hosts, '+')}" if case.hosts else rule.id,
        citations=rule.citations,
        fix=rule.hint,
        place=case.place,
    )


@dataclass(frozen=True, slots=True)
class _Support:
    """The site as the rules look at it."""

    site: Site
    flows: Sequence[RequiredFlow]
    local: Sequence[LocalUse]
    partners: _Partners
    varying: frozenset[str]  # settings that some host or instance has for itself

    # ------------------------------------------------------------------ one method a check

    def condition(self, rule: SupportRule) -> Iterator[_Case]:
        """Hosts on which the condition holds; without roles, the site."""
        if not rule.on:
            if rule.when.holds(self.site.setting):
                yield _Case((), "", self.site.file)
        elif found := [role for role in self._placed(rule.on, outside=True) if self._met(rule, role)]:
            names = _names(found)
            yield _Case(names, _listed(names), found[0].place)

    def equal(self, rule: SupportRule) -> Iterator[_Case]:
        """Hosts that should have one value of a setting, and have several."""
        for together in self._together(rule, self._meant(rule, rule.on)):
            by_value = self._by_value(rule.setting, together)
            if len(by_value) > 1:
                said = [f"{value} on {_listed(_names(roles))}" for value, roles in by_value.items()]
                odd = min(by_value.values(), key=len)  # most likely the one to be mended
                yield _Case(_names(together), f"{rule.setting} is {_and(said)}", odd[0].place)

    def single(self, rule: SupportRule) -> Iterator[_Case]:
        """One server used by hosts with different values of a setting."""
        source, destination = rule.on
        users: dict[str, list[_Role]] = {}
        for server, user in self._uses(source, destination):
            if self._holds(rule, user):
                users.setdefault(server, []).append(user)
        for server, roles in users.items():
            by_value = self._by_value(rule.setting, roles)
            if len(by_value) > 1:
                said = [f"{_listed(_names(found))} of {value}" for value, found in by_value.items()]
                hosts = tuple(dict.fromkeys((server, *(role.name for found in by_value.values() for role in found))))
                yield _Case(hosts, f"{server} serves {_and(said)}", self._place(server, roles))

    def apart(self, rule: SupportRule) -> Iterator[_Case]:
        """Hosts that offer two services on one port."""
        one, other = (self.site.catalog.services[id] for id in rule.services)
        if one.protocol != other.protocol:
            return
        others: dict[str, list[_Role]] = {}
        for role in self._meant(rule, [other.component]):
            others.setdefault(role.name, []).append(role)
        seen: set[str] = set()
        for role in self._meant(rule, [one.component]):
            for beside in others.get(role.name, ()):
                shared = intersect(self._ports(one, role), self._ports(other, beside))
                if shared and role.name not in seen:
                    seen.add(role.name)
                    where = f"{protocol_name(one.protocol)} {ports_text(shared)} of {role.name}"
                    yield _Case((role.name,), f"{one.title} and {other.title} on {where}", role.place)

    def unfiltered(self, rule: SupportRule) -> Iterator[_Case]:
        """Hosts between whose zones a firewall stands."""
        ones, others = (self._by_ground(rule, self._meant(rule, [component])) for component in rule.on)
        pairs = product(ones, others) if rule.on[0] != rule.on[1] else combinations_with_replacement(ones, 2)
        seen: set[frozenset[str]] = set()  # where one host may have both roles, each pair comes twice
        for ground, other in pairs:
            points = self._between(ground[0], other[0]) if _fit(ground[1], other[1]) else ()
            for case in _separated(ones[ground], others[other], points) if points else ():
                if frozenset(case.hosts) not in seen:
                    seen.add(frozenset(case.hosts))
                    yield case

    # ------------------------------------------------------------------ what the checks ask

    def _placed(self, components: Iterable[str], outside: bool = False) -> Iterator[_Role]:
        """The placements of the components; what somebody else runs has the settings of the site."""
        components = tuple(components)
        for component in components:
            for host in self.site.consumers():
                if component in host.roles:
                    for instance in host.instances_of(component):
                        yield _Role(host.name, host.zone, str(host.source), host.roles, host, instance)
        for one in self.site.outside.values() if outside else ():
            being = frozenset([one.component, *self.site.catalog.implied(one.component)])
            if not being.isdisjoint(components):
                yield _Role(one.component, one.zone, str(one.source), being)

    def _meant(self, rule: SupportRule, components: Iterable[str]) -> list[_Role]:
        """The placements of the components on which the rule's condition holds."""
        return [role for role in self._placed(components) if self._holds(rule, role)]

    def _met(self, rule: SupportRule, role: _Role) -> bool:
        """Report whether the condition holds on a host, or between it and another that it has to do with."""
        if self._holds(rule, role):
            return True
        if not _asks(rule, self.varying):
            return False
        keys = [(role.name, component) for component in self._beings(rule.on)]
        partners = chain.from_iterable(self.partners.get(key, ()) for key in keys)
        return any(rule.when.holds(partial(self._value_between, role, *partner)) for partner in partners)

    def _beings(self, components: Iterable[str]) -> Mapping[str, None]:
        """The components, and what they imply in their own product; that a server is a member too is another matter."""
        catalog = self.site.catalog.components
        beings = ((name, (name, *self.site.catalog.implied(name))) for name in components)
        return {one: None for name, found in beings for one in found if catalog[one].product == catalog[name].product}

    def _value_between(self, role: _Role, other: Endpoint, is_user: bool, name: str) -> str:
        """A setting of the component that has it, otherwise the consumer's."""
        owner = self.site.catalog.settings[name].component if name in self.site.catalog.settings else None
        of_other = owner not in role.roles and (is_user or owner in other.roles)
        return self.site.setting(name, other.host, other.instance) if of_other else self._value(name, role)

    def _holds(self, rule: SupportRule, role: _Role) -> bool:
        return rule.when.holds(lambda name: self._value(name, role))

    def _value(self, setting: str, role: _Role) -> str:
        return self.site.setting(setting, role.host, role.instance)

    def _ports(self, service: Service, role: _Role) -> Intervals:
        """The ports on which the service listens; a port that is chosen at the start clashes with none."""
        return ports_on(self.site, service.ports, role.host, role.instance) or EMPTY

    def _by_value(self, setting: str, roles: Iterable[_Role]) -> dict[str, list[_Role]]:
        """Who has which value. An empty one is unsaid, and fits all."""
        found: dict[str, list[_Role]] = {}
        for role in roles:
            if value := self._value(setting, role):
                found.setdefault(value, []).append(role)
        return found

    def _key(self, rule: SupportRule, role: _Role) -> tuple[str, ...]:
        return tuple(self._value(name, role) for name in rule.within)

    def _together(self, rule: SupportRule, roles: Sequence[_Role]) -> Iterator[list[_Role]]:
        """The placements that belong together: those of one deployment, say."""
        keys = dict.fromkeys(self._key(rule, role) for role in roles)
        said = [key for key in keys if all(key)] or list(keys)
        for key in said:
            yield [role for role in roles if _fit(key, self._key(rule, role))]

    def _by_ground(self, rule: SupportRule, roles: Iterable[_Role]) -> dict[tuple[str, tuple[str, ...]], list[_Role]]:
        """The placements by zone and by what they belong to."""
        found: dict[tuple[str, tuple[str, ...]], list[_Role]] = {}
        for role in roles:
            found.setdefault((role.zone, self._key(rule, role)), []).append(role)
        return found

    def _between(self, zone: str, other: str) -> tuple[str, ...]:
        """The points between two zones, there or back; firewalls on hosts are not among them."""
        routes = (*self.site.routes(zone, other), *self.site.routes(other, zone))
        return tuple(dict.fromkeys(crossing.point for route in routes for crossing in route.forward))

    def _uses(self, source: str, destination: str) -> Iterator[tuple[str, _Role]]:
        """Which server is used by whom."""
        for flow in self.flows:
            if source in flow.source.roles and destination in flow.destination.roles:
                yield flow.destination.name, _role(flow.source)
        for use in self.local:
            if {source, destination} <= use.host.roles and use.requirement.destination == destination:
                yield use.host.name, _role(use.host)

    def _place(self, server: str, roles: Sequence[_Role]) -> str:
        host = self.site.hosts.get(server.partition("#")[0])
        return str(host.source) if host else roles[0].place


_CHECKS: Mapping[Check, Callable[[_Support, SupportRule], Iterator[_Case]]] = {
    Check.CONDITION: _Support.condition,
    Check.EQUAL: _Support.equal,
    Check.SINGLE: _Support.single,
    Check.APART: _Support.apart,
    Check.UNFILTERED: _Support.unfiltered,
}


def _separated(ones: Sequence[_Role], others: Sequence[_Role], points: Sequence[str]) -> Iterator[_Case]:
    """The firewalls between two sets of hosts, unless both are the same single host."""
    names, far = _names(ones), _names(others)
    if names == far:
        if len(names) > 1 or (ones[0].host is not None and ones[0].host.is_group):
            *first, last = names
            said = f"{_listed(first)} and {last}" if first else f"the hosts of {last}"
            yield _Case(names, f"{_and(points)} between {said}", ones[0].place)
    else:
        hosts = tuple(dict.fromkeys((*names, *far)))
        yield _Case(hosts, f"{_and(points)} between {_listed(names)} and {_listed(far)}", ones[0].place)


def _role(endpoint: Endpoint) -> _Role:
    place = str(endpoint.host.source) if endpoint.host else ""
    return _Role(endpoint.name, endpoint.zone, place, endpoint.roles, endpoint.host, endpoint.instance)


def _asks(rule: SupportRule, varying: frozenset[str]) -> bool:
    """Report whether the rule asks for something that is not set alike on all hosts."""
    return not varying.isdisjoint(name for name, _ in rule.when.settings)


def _partners(site: Site, flows: Iterable[RequiredFlow]) -> _Partners:
    """Whom each host uses and by whom it is used; a virtual address stands for its members."""
    found: dict[tuple[str, str], dict[tuple[str, bool], _Partner]] = {}
    for flow in flows:
        source, destination = flow.source, flow.destination
        for server in _hosts(site, destination):
            found.setdefault((server, flow.requirement.destination), {})[source.name, True] = source, True
        for user in _hosts(site, source):
            found.setdefault((user, flow.requirement.source), {})[destination.name, False] = destination, False
    return {key: tuple(partners.values()) for key, partners in found.items()}


def _hosts(site: Site, endpoint: Endpoint) -> tuple[str, ...]:
    if endpoint.name in site.virtual:
        return site.virtual[endpoint.name].members
    return (endpoint.host.name if endpoint.host else endpoint.name,)


def _varying(site: Site) -> frozenset[str]:
    settings = (host.settings for host in site.consumers())
    options = (instance.options for host in site.consumers() for instance in host.instances)
    return frozenset(chain.from_iterable((*settings, *options)))


def _fit(one: Sequence[str], other: Sequence[str]) -> bool:
    """Report whether two hosts have to do with each other; what is unsaid fits all."""
    return all(not mine or not theirs or mine == theirs for mine, theirs in zip(one, other, strict=True))


def _names(roles: Iterable[_Role]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(role.name for role in roles))


def _listed(names: Sequence[str], separator: str = ", ") -> str:
    """The names, or the first of them and how many more there are."""
    more = [f"{len(names) - _MOST} more"] if len(names) > _MOST else []
    return separator.join([*names[:_MOST], *more])


def _and(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
