"""Why packets must pass on a site, what breaks without them, and that nothing needs them where nothing does."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from portwright.catalog.model import Break, Catalog, Phase, Reading, Requirement, Scenario, Status, Step
from portwright.findings import Finding, Kind
from portwright.packets.box import Box, Boxes
from portwright.packets.diagram import Space
from portwright.packets.fields import ICMP, ICMPV6, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals, intersect
from portwright.packets.notation import Flow
from portwright.packets.packetset import PacketSet
from portwright.plan import asked
from portwright.plan.asked import Question
from portwright.plan.make import make_plan
from portwright.plan.model import LocalUse, Plan, RequiredFlow
from portwright.plan.ports import ports_on
from portwright.site.model import Accept, Exemption, Site

_REST = 3  # flows that spell out what nothing needs
_NEAREST = 12  # flows that are told of where nothing needs what was asked
_WAYS = 6  # different ways between the ends
_WAYS_LOOKED_AT = 400  # pairs of zones
_PHASES = (Phase.RUN, Phase.ADMINISTER, Phase.CONFIGURE, Phase.SETUP)  # the longest needed first
_HUMANE = {Field.VERSION: (4, 6), Field.PROTOCOL: (6, 17, 1)}


@dataclass(frozen=True, slots=True)
class Need:
    """A flow that needs what was asked about."""

    flow: RequiredFlow
    readings: tuple[Reading, ...]  # those that open it
    breaks: tuple[Break, ...]  # what users lose without it
    alternatives: tuple[RequiredFlow, ...] = ()  # while one of these passes, nothing breaks

    @property
    def is_opened(self) -> bool:
        """Report whether the corrected reading opens it, in one phase or another."""
        return Reading.CORRECTED in self.readings


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything there is to say to a question."""

    question: Question
    needs: tuple[Need, ...]
    local: tuple[LocalUse, ...] = ()  # requirements that a host fulfils itself: no packet leaves it
    rest: Boxes = ()  # part of what was asked about that nothing needs and nobody accepts; empty: there is none
    accepts: tuple[Accept, ...] = ()  # entries of the site that answer for some of the packets
    expired: tuple[Accept, ...] = ()  # those that did until their last day
    accepted_rules: tuple[Accept, ...] = ()  # entries about rules, at points that the packets cross
    exceptions: tuple[Exemption, ...] = ()  # entries that deny some of them on purpose
    tolerated: bool = False  # some ICMP messages among them every network needs
    replies_to: tuple[RequiredFlow, ...] = ()  # flows whose replies they are
    nearest: tuple[RequiredFlow, ...] = ()  # where nothing needs them
    ways: tuple[tuple[str, ...], ...] = ()  # the points that they cross
    open: tuple[Finding, ...] = ()  # what the plan cannot settle, and what may need them all the same
    nowhere: tuple[tuple[Requirement, str], ...] = ()  # requirements without a flow on this site, and why
    would: tuple[Requirement, ...] = ()  # requirements that would need the packets if the site were set otherwise

    @property
    def verdict(self) -> str:
        """needed, printed (in the documents, by mistake), accepted, undecided or unneeded."""
        if any(need.is_opened for need in self.needs) or self.local:
            return "needed"
        if self.open:
            return "undecided"
        if self.needs:
            return "printed"
        return "accepted" if self.accepts else "unneeded"


@dataclass(frozen=True, slots=True)
class StepNeeds:
    """A step of a scenario, and the flows without which it fails."""

    step: Step
    needs: tuple[Need, ...]
    local: tuple[LocalUse, ...]
    missing: tuple[str, ...]  # requirements that have neither

    @property
    def flows(self) -> tuple[RequiredFlow, ...]:
        """The flows themselves."""
        return tuple(need.flow for need in self.needs)


@dataclass(frozen=True, slots=True)
class Reasons:
    """A site with all its flows: of every phase, and in both readings."""

    corrected: Plan
    literal: Plan

    @classmethod
    def of(cls, catalog: Catalog, site: Site, today: date | None = None) -> "Reasons":
        """The reasons of a site. Raises InvalidInput for one too large to be planned."""
        readings = (Reading.CORRECTED, Reading.LITERAL)
        return cls(*(make_plan(catalog, site, tuple(Phase), today, reading) for reading in readings))

    def why(self, text: str) -> Answer:
        """The answer to a question. Raises InvalidInput when the text is none."""
        known = {**self.literal.by_id, **self.corrected.by_id}
        question = asked.ask(self.corrected, text, known)
        needs = tuple(sorted(self._needs(question), key=_weight))
        if question.packets is not None:
            return self._about_packets(question, question.packets, needs)
        ids = question.requirements or frozenset(need.flow.requirement.id for need in needs)
        local = () if question.flow else tuple(self._local(ids))
        placed = {need.flow.requirement.id for need in needs}
        placed |= {use.requirement.id for use in self.corrected.local}
        lost = [self.corrected.catalog.requirements.get(id) for id in sorted(question.requirements - placed)]
        nowhere = tuple((one, _why_nowhere(self.corrected, one)) for one in lost if one is not None)
        hanging = tuple(one for one in self.corrected.findings if _settles_nothing(one) and ids & {*one.requirements})
        return Answer(question, needs, local, nowhere=nowhere, open=hanging)

    def steps(self, scenario: Scenario) -> tuple[StepNeeds, ...]:
        """What each step of a scenario needs on the site."""
        found = []
        for step in self.corrected.steps(scenario):
            legs = self.corrected.legs(scenario, step)
            needs = tuple(Need(flow, (), self.corrected.breaks(flow)) for flow in legs.flows)
            found.append(StepNeeds(step, needs, legs.local, legs.missing))
        return tuple(found)

    # ------------------------------------------------------------------ flows

    def _needs(self, question: Question) -> Iterator[Need]:
        opened: dict[tuple[object, ...], tuple[RequiredFlow, list[Reading]]] = {}
        for flow in self.corrected.by_id.values():
            if _concerns(question, flow):
                is_opened = flow.requirement.status is Status.CURRENT
                opened[_key(flow)] = flow, [Reading.CORRECTED] if is_opened else []
        for flow in self.literal.by_id.values():
            if _concerns(question, flow):
                opened.setdefault(_key(flow), (flow, []))[1].append(Reading.LITERAL)
        groups = self._groups() if any(flow.group for flow, _ in opened.values()) else {}
        for flow, readings in opened.values():
            others = tuple(one for one in groups.get(flow.group, ()) if one is not flow)
            breaks = self.corrected.breaks(flow) if Reading.CORRECTED in readings else ()
            yield Need(flow, tuple(readings), breaks, others)

    def _groups(self) -> Mapping[str, Sequence[RequiredFlow]]:
        """The flows of which one is enough."""
        found: dict[str, list[RequiredFlow]] = {}
        for flow in self._current():
            if flow.group:
                found.setdefault(flow.group, []).append(flow)
        return found

    def _local(self, requirements: Collection[str]) -> Iterator[LocalUse]:
        for use in self.corrected.local:
            if use.requirement.id in requirements and use.requirement.status is Status.CURRENT:
                yield use

    # ------------------------------------------------------------------ packets

    def _about_packets(self, question: Question, asked_for: Flow, needs: tuple[Need, ...]) -> Answer:
        plan, boxes = self.corrected, asked_for.boxes()
        is_needed = any(need.is_opened for need in needs)
        ways = tuple(_ways(plan.site, asked_for))
        crossed = {point for way in ways for point in way}
        accepts = tuple(one for one in plan.accepted if _meet(one.boxes, boxes))
        rest = _rest(boxes, [*(need.flow.permitted for need in needs if need.is_opened), *(a.boxes for a in accepts)])
        return Answer(
            question,
            needs,
            rest=rest if is_needed or accepts else (),
            accepts=tuple(one.entry for one in accepts),
            expired=tuple(self._expired(boxes)),
            accepted_rules=() if is_needed else tuple(one for one in plan.accepted_rules if one.at in crossed),
            exceptions=tuple(one for one in plan.exceptions if _meet(one.flow.boxes(), boxes)),
            tolerated=asked_for.protocol in (ICMP, ICMPV6) and _meet(plan.tolerated, boxes),
            replies_to=tuple(self._answered(asked_for)),
            nearest=() if is_needed else tuple(self._nearest(asked_for)[:_NEAREST]),
            ways=ways,
            open=tuple(_may_need(plan, asked_for)),
            would=() if is_needed else tuple(_would_need_otherwise(plan, asked_for)),
        )

    def _expired(self, boxes: Boxes) -> Iterator[Accept]:
        valid = [one.entry for one in self.corrected.accepted]
        for entry in self.corrected.site.accepts:
            if entry.flow is not None and entry not in valid and _meet(entry.flow.boxes(), boxes):
                yield entry

    def _answered(self, asked_for: Flow) -> Iterator[RequiredFlow]:
        """The flows whose replies these packets are; only who names a source port asks about replies."""
        if asked_for.source.ports is not None and asked_for.protocol in PORT_PROTOCOLS:
            boxes = asked_for.boxes()
            yield from (flow for flow in self._current() if _meet(flow.replies, boxes))

    def _nearest(self, asked_for: Flow) -> list[RequiredFlow]:
        """Flows between the same ends, the other way round, or to the same destination; nearest first."""
        near = [(_distance(flow, asked_for), flow) for flow in self._current()]
        near.sort(key=lambda pair: (pair[0], not pair[1].is_required, _PHASES.index(pair[1].requirement.phase)))
        return [flow for rank, flow in near if rank]

    def _current(self) -> Iterator[RequiredFlow]:
        flows = self.corrected.by_id.values()
        return (flow for flow in flows if flow.requirement.status is Status.CURRENT)


def _key(flow: RequiredFlow) -> tuple[object, ...]:
    return flow.id, flow.protocol, flow.ports


def _weight(need: Need) -> tuple[bool, bool, int]:
    """What is required comes before what is optional, and what is opened before what is only printed."""
    return not need.is_opened, not need.flow.is_required, _PHASES.index(need.flow.requirement.phase)


def _concerns(question: Question, flow: RequiredFlow) -> bool:
    if question.packets is None:
        return flow.id == question.flow or flow.requirement.id in question.requirements
    at, wanted = question.packets.point, question.packets.destination.ports
    if wanted is not None and not intersect(wanted, flow.ports):
        return False  # the quickest to see
    boxes = flow.permitted if question.packets.source.ports is None else flow.packets
    return (at is None or at in flow.points) and _meet(boxes, question.packets.boxes())


def _meet(some: Iterable[Box], others: Sequence[Box]) -> bool:
    return any(one & other is not None for one in some for other in others)


def _rest(boxes: Boxes, needed: Iterable[Boxes]) -> Boxes:
    """What of the packets is left when the others are taken away, in a few boxes."""
    space = Space()
    rest = PacketSet.of(space, boxes) - PacketSet.of(space, [box for union in needed for box in union])
    return tuple(rest.cover(_REST, _HUMANE)[0])


def _distance(flow: RequiredFlow, asked_for: Flow) -> int:
    """1: the same ends; 2: the same turned around; 3: the same service of the same destination; 4: another. 0: far."""
    source, destination = asked_for.source.addresses, asked_for.destination.addresses
    to, of = flow.destination.addresses & destination, flow.source.addresses & source
    if to and of:
        return 1
    alike = asked_for.protocol in (None, flow.protocol)
    alike &= asked_for.destination.ports is None or bool(intersect(asked_for.destination.ports, flow.ports))
    if alike and flow.source.addresses & destination and flow.destination.addresses & source:
        return 2
    return (3 if alike else 4) if to else 0


def _ways(site: Site, asked_for: Flow) -> list[tuple[str, ...]]:
    """The points that the packets cross between the zones of their ends, way by way; none where there are too many."""
    at = asked_for.point
    if at is not None and site.points[at].on is not None:
        return [(at,)]
    zones = [(one, other) for one in site.split(asked_for.source.addresses)
             for other in site.split(asked_for.destination.addresses)]  # fmt: skip
    routes = [route for pair in zones[:_WAYS_LOOKED_AT] for route in site.routes(*pair)]
    ways = (tuple(crossing.point for crossing in route.forward) for route in routes)
    found = dict.fromkeys(way for way in ways if at is None or at in way)
    return list(found) if len(found) <= _WAYS and len(zones) <= _WAYS_LOOKED_AT else []


# ---------------------------------------------------------------------- what is not settled


def _settles_nothing(finding: Finding) -> bool:
    return finding.kind in (Kind.UNDECIDED, Kind.UNPLACED) and not finding.subject.startswith("path/")


def _may_need(plan: Plan, asked_for: Flow) -> Iterator[Finding]:
    """What the plan could not place, and what would need such packets if it could."""
    for finding in plan.findings:
        if _settles_nothing(finding):
            requirements = [plan.catalog.requirements[id] for id in finding.requirements]
            if any(_would_need(plan, one, _named_source(finding), asked_for) for one in requirements):
                yield finding


def _would_need_otherwise(plan: Plan, asked_for: Flow) -> Iterator[Requirement]:
    """Requirements whose condition holds nowhere on the site, between hosts that it has."""
    for requirement in plan.catalog.of(plan.catalog.requirements, plan.site.products):
        if requirement.status is Status.CURRENT and not plan.happens(requirement.when):
            to = [one for one in plan.site.consumers() if requirement.destination in one.roles]
            is_met = any(one.addresses & asked_for.destination.addresses for one in to)
            if is_met and _would_need(plan, requirement, "", asked_for, dynamic_may_be=False):
                yield requirement


def _named_source(finding: Finding) -> str:
    """The consumer that a finding is about; empty: any."""
    if finding.kind is not Kind.UNDECIDED:
        return ""
    return (finding.flow or finding.subject).partition("/")[2].partition(">")[0]


def _would_need(
    plan: Plan, requirement: Requirement, source: str, asked_for: Flow, dynamic_may_be: bool = True
) -> bool:
    """Report whether packets may serve a requirement of a consumer, wherever its server is."""
    service = plan.catalog.services[requirement.service]
    sources = [one for one in plan.site.consumers() if requirement.source in one.roles and source in ("", one.name)]
    if asked_for.protocol not in (None, service.protocol):
        return False
    if not any(one.addresses & asked_for.source.addresses for one in sources):
        return False
    wanted = asked_for.destination.ports
    if wanted is None or not service.ports.text:
        return True
    known = (dynamic_may_be if ports is None else bool(intersect(wanted, ports)) for ports in _ports(plan, requirement))
    return any(known)


def _ports(plan: Plan, requirement: Requirement) -> Iterator[Intervals | None]:
    """The ports on which servers of the site listen, and on which one would that nobody placed; None: dynamic."""
    site, ports = plan.site, plan.catalog.services[requirement.service].ports
    yield ports_on(site, ports, None)
    for host in site.consumers():
        if requirement.destination in host.roles:
            yield from (
                ports_on(site, ports, host, instance) for instance in host.instances_of(requirement.destination)
            )
    for virtual in site.virtual.values():
        if virtual.port is not None and requirement.service in virtual.services:
            yield ((virtual.port, virtual.port),)


def _why_nowhere(plan: Plan, requirement: Requirement) -> str:
    """Why a requirement has no flow on the site."""
    site, catalog = plan.site, plan.catalog
    if requirement.product not in site.products:
        return f"the site does not have {catalog.products[requirement.product].title}"
    later = [name for name in site.products if requirement.id in catalog.products[name].leaves_out]
    if later:
        return f"{catalog.products[later[0]].title} no longer needs it"
    for end in (requirement.source, requirement.destination):
        if reason := _missing_end(plan, end):
            return reason
    unlike = [
        (name, site.setting(name)) for name, values in requirement.when.settings if site.setting(name) not in values
    ]
    if unlike:
        return f"it holds where {requirement.when}; here {' and '.join(f'{name} is {value}' for name, value in unlike)}"
    return "no host of this site uses another in this way"


def _missing_end(plan: Plan, component: str) -> str:
    site, catalog = plan.site, plan.catalog
    for name, reason in site.absent.items():
        if {component, *catalog.implied(component)}.intersection(catalog.parts(catalog.component(name).id)):
            return f"the site does without {name} ({reason})"
    is_outside = any(component in (name, *catalog.implied(name)) for name in site.outside)
    is_placed = is_outside or any(component in host.roles for host in site.consumers())
    return "" if is_placed else f"no host is {component}"


def by_effect(breaks: Iterable[Break]) -> Mapping[str, list[Break]]:
    """What breaks, scenario by scenario; the worst effect first."""
    found: dict[str, list[Break]] = {}
    for broken in sorted(dict.fromkeys(breaks), key=_harm):
        found.setdefault(broken.scenario, []).append(broken)
    return found


def _harm(broken: Break) -> int:
    return list(type(broken.effect)).index(broken.effect)
