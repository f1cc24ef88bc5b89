"""Catalog x site: which flows there must be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from portwright.catalog.model import Catalog, Necessity, Phase, Ports, Reading, Requirement, Status
from portwright.findings import Finding
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import ICMP, ICMPV6, Field
from portwright.packets.intervals import Intervals
from portwright.plan import gaps
from portwright.plan.candidates import MAX_PAIRS, Candidates, Choice, is_same_host, too_large
from portwright.plan.model import DEFAULT_PHASES, AcceptedFlow, Endpoint, LocalUse, Plan, RequiredFlow
from portwright.plan.ports import ports_on
from portwright.plan.relays import relayed
from portwright.plan.routing import Routing
from portwright.plan.support import unsupported
from portwright.plan.surprises import surprises
from portwright.site.model import Site

_ANY_CODE: Intervals = ((0, 255),)
_TOLERATED: tuple[tuple[int, int, int, Intervals], ...] = (  # IP version, protocol, ICMP type, codes
    (4, ICMP, 3, ((4, 4),)),  # RFC 1191: fragmentation needed, for path-MTU discovery
    (6, ICMPV6, 2, _ANY_CODE),  # RFC 8201, packet too big; RFC 4443, 3.2: receivers ignore its code
    *((6, ICMPV6, kind, _ANY_CODE) for kind in range(133, 137)),  # RFC 4861, 6.1 and 7.1: others than 0 are discarded
)


def make_plan(
    catalog: Catalog,
    site: Site,
    phases: Sequence[Phase] = DEFAULT_PHASES,
    today: date | None = None,
    reading: Reading = Reading.CORRECTED,
) -> Plan:
    """The plan of a site for the chosen phases. `today` says which entries of the site have expired.

    The literal reading opens what the documents print, mistakes included.

    Raises InvalidInput for a site too large to be planned host by host.
    """
    today = today or datetime.now().astimezone().date()
    catalog = catalog.read_as(reading)
    site = replace(site, catalog=catalog)
    maker = _Maker(catalog, site, tuple(phases), reading, Candidates.of(site), Routing.of(site))
    requirements = catalog.of(catalog.requirements, site.products)
    maker.make_room(maker.candidates.pairs(requirements))
    for requirement in requirements:
        maker.place(requirement)
    maker.note_needed()
    return maker.plan(today)


@dataclass(slots=True)
class _Maker:
    """Places one requirement after the other, and gathers what comes of it."""

    catalog: Catalog
    site: Site
    phases: tuple[Phase, ...]
    reading: Reading
    candidates: Candidates
    routing: Routing
    flows: list[RequiredFlow] = field(default_factory=list)
    others: list[RequiredFlow] = field(default_factory=list)
    local: list[LocalUse] = field(default_factory=list)
    unplaced: dict[str, dict[Requirement, None]] = field(default_factory=dict)
    strangers: dict[tuple[str, gaps.Group], dict[Requirement, None]] = field(default_factory=dict)  # of other domains
    findings: list[Finding] = field(default_factory=list)
    ports: dict[tuple[str, Endpoint], Intervals | None] = field(default_factory=dict)  # as found, by service
    relays: set[str] = field(default_factory=set)  # ids of flows behind virtual addresses, which several clients share

    def make_room(self, pairs: int) -> None:
        """Raise InvalidInput when there are more pairs of consumer and server than time and memory are meant for."""
        if pairs > MAX_PAIRS:
            raise too_large(self.site)

    def place(self, requirement: Requirement) -> None:
        """Place a requirement on every consumer that it has."""
        for source in self.candidates.consumers.get(requirement.source, ()):
            choice = self._choose(requirement, source)
            if not choice.endpoints:
                self._note_unplaced(requirement, source)
            elif choice.is_open:
                self._note_open(requirement, source, choice.endpoints)
            else:
                self._place_on(requirement, source, choice)

    def _choose(self, requirement: Requirement, source: Endpoint) -> Choice:
        """The servers on which the requirement's condition holds."""
        choice = self.candidates.choose(requirement, source)
        if not requirement.when.settings:
            return choice
        kept = tuple(one for one in choice.endpoints if self._holds(requirement, source, one))
        return replace(choice, endpoints=kept, is_open=choice.is_open and len(kept) > 1)

    def _place_on(self, requirement: Requirement, source: Endpoint, choice: Choice) -> None:
        self.make_room(len(self.flows) + len(self.others) + len(choice.endpoints))
        group = f"{requirement.id}/{source.name}" if choice.any_of else ""
        if requirement.necessity is Necessity.ONE_OF:
            group = f"{requirement.group}/{source.name}"
        for destination in choice.endpoints:
            if is_same_host(source, destination):
                if not self.catalog.are_alike(requirement.source, requirement.destination):  # nobody is its own partner
                    self.local.append(LocalUse(requirement, source))
            else:
                self._add(requirement, source, destination, group)

    def _add(self, requirement: Requirement, source: Endpoint, destination: Endpoint, group: str) -> None:
        service = self.catalog.services[requirement.service]
        ports = self._ports(requirement.service, destination)
        if ports is None:
            if self._is_needed(requirement):
                self.findings.append(gaps.dynamic_port(requirement, service, source, destination))
            return
        tunneled = requirement.tunneled is not None and requirement.tunneled.holds(
            lambda name: self._setting(name, source, destination)
        )
        routes = self.routing.between(source, destination)
        routes = tuple(dict.fromkeys(route.at_hosts for route in routes)) if tunneled else routes
        what = (service.protocol, ports, service.icmp_type)
        flow = RequiredFlow(requirement, source, destination, *what, group, routes, tunneled=tunneled)
        behind = relayed(self.site, self.routing, flow, lambda member: self._ports(requirement.service, member))
        fresh = [one for one in behind if one.id not in self.relays]
        self.relays.update(one.id for one in fresh)
        (self.flows if self._is_chosen(requirement) else self.others).extend([flow, *fresh])

    def _is_chosen(self, requirement: Requirement) -> bool:
        is_opened = requirement.status is Status.CURRENT or self.reading is Reading.LITERAL
        return is_opened and requirement.phase in self.phases

    def _holds(self, requirement: Requirement, source: Endpoint, destination: Endpoint | None) -> bool:
        return requirement.when.holds(lambda name: self._setting(name, source, destination))

    def _setting(self, name: str, source: Endpoint, destination: Endpoint | None) -> str:
        """A setting of the server's where it is one of its component, otherwise the consumer's."""
        owner = self.catalog.settings[name].component if name in self.catalog.settings else None
        of_server = destination is not None and owner is not None and owner in destination.roles
        scope = destination if destination is not None and of_server else source
        return self.site.setting(name, scope.host, scope.instance)

    def _ports(self, service: str, destination: Endpoint) -> Intervals | None:
        """The service's ports on this server; None when the server chooses one at its start."""
        if (service, destination) not in self.ports:
            self.ports[service, destination] = self._look_up(self.catalog.services[service].ports, destination)
        return self.ports[service, destination]

    def _look_up(self, ports: Ports, destination: Endpoint) -> Intervals | None:
        if destination.port is not None:
            return ((destination.port, destination.port),)
        return ports_on(self.site, ports, destination.host, destination.instance)

    def _note_unplaced(self, requirement: Requirement, source: Endpoint) -> None:
        component = requirement.destination
        if not self._is_needed(requirement) or self._is_absent(component) or not self._holds(requirement, source, None):
            return
        if component not in self.candidates.servers:
            self.unplaced.setdefault(component, {})[requirement] = None
        elif not requirement.across and not self.candidates.choose(requirement, source).endpoints:
            group = tuple((name, self._setting(name, source, None)) for name in requirement.within)
            self.strangers.setdefault((component, group), {})[requirement] = None

    def _note_open(self, requirement: Requirement, source: Endpoint, endpoints: Sequence[Endpoint]) -> None:
        if self._is_needed(requirement):
            title = self.catalog.components[requirement.destination].title
            self.findings.append(gaps.open_choice(requirement, title, source, endpoints))

    def _is_absent(self, component: str) -> bool:
        """Report whether the site does without it: it is said, or it would be one of what is said to be absent."""
        being = {component, *self.catalog.implied(component)}
        return any(being.intersection(self.catalog.parts(self.catalog.component(name).id)) for name in self.site.absent)

    def note_needed(self) -> None:
        """Components that every site of its products has."""
        for component in self.catalog.components.values():
            missing = component.needed and component.product in self.site.products
            if missing and component.id not in self.candidates.servers and not self._is_absent(component.id):
                self.unplaced.setdefault(component.id, {})

    def _is_needed(self, requirement: Requirement) -> bool:
        return self._is_chosen(requirement) and requirement.necessity is not Necessity.OPTIONAL

    def plan(self, today: date) -> Plan:
        """What has been gathered."""
        site = self.site
        accepted = [entry for entry in site.accepts if not entry.has_expired(today)]
        flows = [AcceptedFlow(entry, entry.flow, entry.flow.boxes()) for entry in accepted if entry.flow]
        exceptions = tuple(entry for entry in site.exceptions if not entry.has_expired(today))
        return Plan(
            site=site,
            catalog=self.catalog,
            phases=self.phases,
            reading=self.reading,
            flows=tuple(self.flows),
            others=tuple(self.others),
            local=tuple(self.local),
            unplaced=tuple(self.unplaced),
            findings=tuple(self._findings(today)),
            accepted=tuple(flows),
            accepted_rules=tuple(entry for entry in accepted if entry.rule is not None),
            exceptions=exceptions,
            excepted=tuple(box for entry in exceptions for box in entry.flow.boxes()),
            assumptions=tuple(entry for entry in site.assumptions if not entry.has_expired(today)),
            tolerated=tolerated(),
            by_id={flow.id: flow for flow in (*self.flows, *self.others)},
        )

    def _findings(self, today: date) -> Iterator[Finding]:
        for name, requirements in self.unplaced.items():
            yield gaps.unplaced(self.site, self.catalog.components[name], tuple(requirements))
        for (name, group), requirements in self.strangers.items():
            yield gaps.unplaced(self.site, self.catalog.components[name], tuple(requirements), group)
        yield from self.findings
        yield from gaps.unjudged(self.site, [flow for flow in self.flows if flow.is_required])
        yield from gaps.absent_yet_placed(self.site)
        yield from unsupported(self.site, (*self.flows, *self.others), self.local)
        yield from surprises(self.site, self.flows, self.others, self.local)
        yield from gaps.expired(self.site, today)


def tolerated() -> Boxes:
    """The packets that every network needs, whatever runs on it: path-MTU discovery and neighbor discovery."""
    found = (
        Box.of(
            {
                Field.VERSION: ((version, version),),
                Field.PROTOCOL: ((protocol, protocol),),
                Field.TYPE: ((kind, kind),),
                Field.CODE: codes,
            }
        )
        for version, protocol, kind, codes in _TOLERATED
    )
    return tuple(box for box in found if box is not None)
