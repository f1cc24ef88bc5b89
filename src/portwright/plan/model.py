"""The flows of a site, as values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from portwright.catalog.model import (
    Break,
    Catalog,
    Condition,
    Lookup,
    Necessity,
    Phase,
    Reading,
    Requirement,
    Scenario,
    Status,
    Step,
)
from portwright.findings import Finding
from portwright.packets.addresses import Addresses
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import ICMP, ICMP_PROTOCOL, ICMPV6, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals
from portwright.packets.names import protocol_name
from portwright.packets.notation import Flow, ports_text
from portwright.site.model import Accept, Assumption, Crossing, Exemption, Host, Instance, Route, Site

DEFAULT_PHASES = (Phase.RUN, Phase.ADMINISTER)
EPHEMERAL: Intervals = ((1024, 65535),)  # RFC 6056, 3.2: what clients may choose; systems use parts of it

_ECHO_REQUEST = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1
_ECHO_CODE: Intervals = ((0, 0),)
_ECHO_REPLY = {4: 0, 6: 129}
_SWAPPED = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a flow: a host, a group, a virtual address, or something outside."""

    name: str  # fe01, staff, crm; `sql01#CRM` where the host has several instances
    zone: str
    addresses: Addresses
    roles: frozenset[str]  # components that it is
    host: Host | None = None  # a host or a group; None for virtual addresses and for what is outside
    instance: Instance | None = None
    port: int | None = None  # of a virtual address, in place of the service's own

    @property
    def is_one_host(self) -> bool:
        """Report whether this is a single host, which can serve itself."""
        return self.host is not None and not self.host.is_group


@dataclass(frozen=True, slots=True)
class RequiredFlow:
    """A requirement placed on two ends."""

    requirement: Requirement
    source: Endpoint
    destination: Endpoint
    protocol: int  # IP protocol number; ICMP stands for ICMPv6 in IPv6
    ports: Intervals  # destination ports; empty for protocols without
    icmp_type: int | None = None  # of ICMP, in IPv4
    group: str = ""  # flows with the same group are alternatives: at least one is needed
    routes: tuple[Route, ...] = ()  # all must pass; empty: nobody declared a path
    via: str = ""  # the virtual address behind which this is the client's way on to a member
    tunneled: bool = False  # inside IPsec: only the firewalls on the two hosts see it, and `routes` has only these

    @property
    def id(self) -> str:
        """`crm.fetch-report/ssrs01>fe01`, whatever the order and the lines of any file; `crm.web/staff>crm>fe01`."""
        by = f"{self.via}>" if self.via else ""
        return f"{self.requirement.id}/{self.source.name}>{by}{self.destination.name}"

    @property
    def necessity(self) -> Necessity:
        """Whether something breaks without it."""
        return Necessity.ONE_OF if self.group else self.requirement.necessity

    @property
    def is_required(self) -> bool:
        """Report whether something breaks without it, or without it and its alternatives."""
        return self.necessity is not Necessity.OPTIONAL

    @property
    def points(self) -> tuple[str, ...]:
        """The enforcement points on the way, in order; with several routes those of all."""
        return tuple(dict.fromkeys(crossing.point for route in self.routes for crossing in route.forward))

    @property
    def label(self) -> str:
        """What to say of excess that is this flow: why the chosen phases do not need it."""
        if self.requirement.status is not Status.CURRENT:
            return f"{self.requirement.status.value}: {self.requirement.purpose}"
        return f"needed only in {self.requirement.phase.value}"

    @property
    def has_common_version(self) -> bool:
        """Report whether both ends have an address of the same IP version."""
        ends = (self.source.addresses, self.destination.addresses)
        return all(end.v4 for end in ends) or all(end.v6 for end in ends)

    @property
    def packets(self) -> Boxes:
        """What must pass: requests from the fixed source port, or from every ephemeral one."""
        return self._boxes(self.requirement.source_ports or EPHEMERAL, _ECHO_CODE)

    @property
    def permitted(self) -> Boxes:
        """What may pass for this flow: requests from any source port, with any ICMP code."""
        return self._boxes(None, None)

    @property
    def replies(self) -> Boxes:
        """The answers to `packets`."""
        return tuple(reply(box) for box in self.packets)

    def describe(self) -> str:
        """Protocol and ports, as people say them: `tcp 808`, `icmp echo`."""
        ports = ports_text(self.ports) or ("echo" if self.icmp_type is not None else "")
        return f"{protocol_name(self.protocol)} {ports}".strip()

    def _boxes(self, source_ports: Intervals | None, code: Intervals | None) -> Boxes:
        found = (self._box(version, source_ports, code) for version in (4, 6))
        return tuple(box for box in found if box is not None)

    def _box(self, version: int, source_ports: Intervals | None, code: Intervals | None) -> Box | None:
        protocol = ICMP_PROTOCOL[version] if self.protocol == ICMP else self.protocol
        constraints: dict[Field, Intervals] = {
            Field.VERSION: ((version, version),),
            Field.PROTOCOL: ((protocol, protocol),),
            Field.SRC: self.source.addresses.family(version),
            Field.DST: self.destination.addresses.family(version),
        }
        if protocol in PORT_PROTOCOLS:
            constraints[Field.DPORT] = self.ports
            if source_ports is not None:
                constraints[Field.SPORT] = source_ports
        if self.icmp_type is not None:
            constraints[Field.TYPE] = ((_ECHO_REQUEST[version],) * 2,)
            constraints |= {Field.CODE: code} if code is not None else {}
        return Box.of(constraints)


def reply(box: Box) -> Box:
    """The packets that answer those of a box: ends swapped, an echo reply for an echo request."""
    swapped = {_SWAPPED.get(name, name): ranges for name, ranges in box.constraints}
    if box.get(Field.PROTOCOL) in (((ICMP, ICMP),), ((ICMPV6, ICMPV6),)):
        version = box.get(Field.VERSION)[0][0]
        swapped[Field.TYPE] = ((_ECHO_REPLY[version],) * 2,)
    answered = Box.of(swapped)
    assert answered is not None  # swapping two fields of the same size empties none
    return answered


@dataclass(frozen=True, slots=True)
class LocalUse:
    """A host serves itself: no packet leaves it."""

    requirement: Requirement
    host: Endpoint


@dataclass(frozen=True, slots=True)
class AcceptedFlow:
    """Excess that somebody answers for."""

    entry: Accept
    flow: Flow
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Legs:
    """Where a step of a scenario runs."""

    flows: tuple[RequiredFlow, ...] = ()
    local: tuple[LocalUse, ...] = ()
    returns: bool = False  # the step is traffic back on the connections of the flows
    missing: tuple[str, ...] = ()  # requirements of the step that have neither flow nor local use

    @property
    def is_placed(self) -> bool:
        """Report whether everything that the step needs runs somewhere."""
        return not self.missing


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that a site needs of its network, and what it may have."""

    site: Site
    catalog: Catalog
    phases: tuple[Phase, ...]
    reading: Reading
    flows: tuple[RequiredFlow, ...]  # of the chosen phases: required and optional
    others: tuple[RequiredFlow, ...]  # of other phases, and legacy and superseded ones: known, and not permitted
    local: tuple[LocalUse, ...]
    unplaced: tuple[str, ...]  # components that are required and that nobody placed
    findings: tuple[Finding, ...]  # what the plan itself found: unplaced, undecided, expired
    accepted: tuple[AcceptedFlow, ...]
    accepted_rules: tuple[Accept, ...]  # accept entries about the rules of a point
    exceptions: tuple[Exemption, ...]
    excepted: Boxes  # their packets, deliberately denied: not required
    assumptions: tuple[Assumption, ...]
    tolerated: Boxes  # what every network needs, whatever runs on it
    by_id: Mapping[str, RequiredFlow]
    needed_by: dict[str, list[tuple[str, Break]]] = field(default_factory=dict, init=False)  # see `breaks`

    @property
    def required(self) -> tuple[RequiredFlow, ...]:
        """The flows without which something breaks, alternatives included."""
        return tuple(flow for flow in self.flows if flow.is_required)

    @property
    def optional(self) -> tuple[RequiredFlow, ...]:
        """The flows that may be there and need not."""
        return tuple(flow for flow in self.flows if not flow.is_required)

    def flow(self, id: str) -> RequiredFlow:
        """The flow with this id, of any phase. Raises KeyError."""
        return self.by_id[id]

    def at(self, point: str) -> Iterator[tuple[RequiredFlow, Crossing]]:
        """The flows of the chosen phases that cross a point, and how."""
        for flow in self.flows:
            for route in flow.routes:
                yield from ((flow, crossing) for crossing in route.forward if crossing.point == point)

    def breaks(self, flow: RequiredFlow) -> tuple[Break, ...]:
        """What users lose without the flow, in the scenarios that happen on this site."""
        if not self.needed_by:
            self._note_needs()
        steps = self.needed_by.get(flow.requirement.id, ())
        return tuple(broken for source, broken in steps if source in flow.source.roles)

    def _note_needs(self) -> None:
        """By requirement, the steps that need it: who takes each, and what users lose."""
        for scenario in self.scenarios():
            for step in self.steps(scenario):
                broken = Break(scenario.id, step.step, step.effect, step.user_sees)
                for id in step.requirements:
                    self.needed_by.setdefault(id, []).append((step.source, broken))

    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios of the site's products whose conditions hold."""
        found = self.catalog.of(self.catalog.scenarios, self.site.products)
        return tuple(scenario for scenario in found if self.happens(scenario.when))

    def steps(self, scenario: Scenario) -> tuple[Step, ...]:
        """The steps that are taken on this site: of several ways, those whose conditions hold."""
        return tuple(step for step in scenario.steps if self.happens(step.when))

    def happens(self, condition: Condition) -> bool:
        """Report whether a condition holds on the site, or on a host, group or instance that is set in another way."""
        names = {name for name, _ in condition.settings}
        return condition.holds(self.site.setting) or any(
            condition.holds(_lookup(self.site, host, instance))
            for host in self.site.consumers()
            for instance in (None, *host.instances)
            if not names.isdisjoint(instance.options if instance else host.settings)
        )

    def legs(self, scenario: Scenario, step: Step) -> Legs:
        """Where a step runs: its flows, and the hosts that serve themselves."""
        if not step.opens:
            ridden = next(other for other in scenario.steps if other.step == step.rides)
            returns = step.source == ridden.destination and step.destination == ridden.source
            return replace(self.legs(scenario, ridden), returns=returns)
        flows = self._taking(step, [one for one in self.by_id.values() if _runs(step, one.requirement, one.source)])
        local = tuple(use for use in self.local if _runs(step, use.requirement, use.host))
        placed = {flow.requirement.id for flow in flows} | {use.requirement.id for use in local}
        return Legs(flows, local, missing=tuple(id for id in step.requirements if id not in placed))

    def _taking(self, step: Step, flows: Sequence[RequiredFlow]) -> tuple[RequiredFlow, ...]:
        """The flows whose ends are set to take this step of several; all, where the settings are of other hosts."""
        taking = tuple(flow for flow in flows if step.when.holds(self._between(flow)))
        return taking or tuple(flows)

    def _between(self, flow: RequiredFlow) -> Lookup:
        """The settings of a flow: the server's where they are of a component that it is, else the consumer's."""

        def look_up(name: str) -> str:
            owner = self.catalog.settings[name].component if name in self.catalog.settings else None
            scope = flow.destination if owner is not None and owner in flow.destination.roles else flow.source
            return self.site.setting(name, scope.host, scope.instance)

        return look_up


def _lookup(site: Site, host: Host, instance: Instance | None) -> Lookup:
    return lambda name: site.setting(name, host, instance)


def _runs(step: Step, requirement: Requirement, source: Endpoint) -> bool:
    return requirement.id in step.requirements and step.source in source.roles
