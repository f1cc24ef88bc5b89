"""What a rehearsal has shown: exchanges that were tried, connections that arrived, and what the proof says beside."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from portwright.catalog.model import Scenario
from portwright.check.obstacle import FlowResult, Judgment
from portwright.plan.model import Plan, RequiredFlow
from portwright.rehearse.lab import Lab
from portwright.rehearse.rules.running import Decider, Rules
from portwright.trace.happening import scenarios_of
from portwright.trace.run import Trace, TracedStep, trace

Tier = Literal["real", "stand-in", "echo"]  # a program of others; our own server; what was sent comes back
# misspoken: somebody is there, and does not speak the protocol of the service
# astray: somebody answers to whom the plan does not lead
Outcome = Literal["answered", "refused", "silent", "unreachable", "misspoken", "astray"]


@dataclass(frozen=True, slots=True)
class Front:
    """A virtual address by way of which somebody is asked, where a device of its own leads on to the members."""

    node: str
    address: str
    port: int  # 0 for protocols without
    mode: str  # dnat, snat or dsr


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who asks whom, by what."""

    source: str  # node
    source_address: str
    destination: str  # node that answers
    destination_address: str  # its own
    version: int  # 4 or 6
    protocol: int  # TCP, UDP or ICMP (which stands for ICMPv6 in IPv6)
    port: int = 0  # of the destination; 0 for protocols without
    source_port: int = 0  # 0: any
    asked_address: str = ""  # which the client asks for, where a point translates it; empty: the destination's own
    asked_port: int = 0
    front: Front | None = None  # which of its members is asked is not the client's to choose

    @property
    def arriving(self) -> tuple[str, int]:
        """Address and port at the end of the client's own flow: of the virtual address, where there is one."""
        return (self.front.address, self.front.port) if self.front else (self.destination_address, self.port)

    @property
    def to(self) -> tuple[str, int]:
        """Address and port as the client asks for them."""
        address, port = self.arriving
        return self.asked_address or address, self.asked_port or port

    @property
    def seen_from(self) -> str:
        """The address from which it comes to the destination, as far as load balancers are concerned."""
        return self.front.address if self.front and self.front.mode == "snat" else self.source_address


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an exchange."""

    exchange: Exchange
    outcome: Outcome
    source_port: int  # that was used; of ICMP the identifier
    said: str = ""  # what the server said, or what is wrong with it
    decided_by: tuple[Decider, ...] = ()  # the line of each point on the way, in order, up to the one that blocks
    decided_behind: tuple[Decider, ...] = ()  # the same for the way on from a virtual address
    is_led: bool = True  # it has come to the device of its virtual address, where it has one
    arrived: tuple[str, ...] = ()  # nodes that have recorded its first packet
    reply_stopped_by: Decider | None = None  # the line that stopped what came back

    @property
    def is_stopped_behind(self) -> bool:
        """Report whether a rule stopped it on its way on from a virtual address."""
        return bool(self.decided_behind) and not self.decided_behind[-1].is_accepted

    @property
    def stopped_by(self) -> Decider | None:
        """The line that stopped it or its reply, as the kernel traced it; None where none is known to have."""
        last = self.decided_by[-1] if self.decided_by else None
        if last is not None and not last.is_accepted:
            return last
        return self.reply_stopped_by if self.outcome != "answered" else None


@dataclass(frozen=True, slots=True)
class Placed:
    """A flow with its exchanges; none, and why, where it cannot be rehearsed.

    A reason beside exchanges tells why they may not be tried, where nothing real makes them possible.
    """

    flow: RequiredFlow
    exchanges: tuple[Exchange, ...]
    reason: str = ""
    is_behind: bool = False  # it is the way on from a virtual address; a flow of the client's has the same exchanges
    is_denied: bool = False  # the site denies on purpose whatever could be played of it


_PASSES = {Judgment.PROVED: True, Judgment.MISSING: False}  # what the proof says that packets do


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """What the proof says of a flow, and what came of it in the rehearsal."""

    placed: Placed
    static: Judgment
    tried: tuple[Tried, ...]
    excused: str = ""  # why it says nothing against the proof: a host was stopped, packets are late
    judged: tuple[Judgment, ...] = ()  # what the proof says of each packet that was tried, where it misses others

    @property
    def flow(self) -> RequiredFlow:
        """The flow."""
        return self.placed.flow

    @property
    def passes(self) -> bool | None:
        """Whether every exchange was answered; None where there was none."""
        return all(one.outcome == "answered" for one in self.tried) if self.tried else None

    @property
    def decided_by(self) -> Decider | None:
        """The line that stopped it or its reply; of what passes the last one that let it pass."""
        if self.passes is False:
            stopped = (one.stopped_by for one in self.tried if one.outcome != "answered")
            return next((one for one in stopped if one is not None), None)
        deciders = [decider for one in self.tried[:1] for decider in one.decided_by]
        return deciders[-1] if deciders else None

    @property
    def is_needed(self) -> bool:
        """Report whether something breaks without it, and the site does not deny it on purpose."""
        return self.flow.is_required and not self.placed.is_denied

    @property
    def disagrees(self) -> bool:
        """Report whether proof and rehearsal contradict each other about any packet that was tried."""
        if self.excused and self.passes is False:  # no fault lets anything pass
            return False
        judged = self.judged or (self.static,) * len(self.tried)
        return any(
            (one.outcome == "answered") is not _PASSES.get(judgment, one.outcome == "answered")
            for one, judgment in zip(self.tried, judged, strict=True)
        )

    @property
    def is_partly_played(self) -> bool:
        """Report whether everything passes that was tried, and the proof misses packets that were not."""
        return self.passes is True and self.static is Judgment.MISSING and not self.disagrees


@dataclass(frozen=True, slots=True)
class Seen:
    """A connection that arrived at a host, as its kernel recorded it."""

    node: str
    source: str
    destination: str
    protocol: str
    port: int
    source_port: int = 0
    identity: bytes = b""  # what stays the same of the packet when it is translated
    may_be_reply: bool = False  # the host does not track it, so the kernel cannot say what it belongs to


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario, as its own clients and servers played it."""

    works: bool
    told: str  # what the user saw at the end
    seen: tuple[Seen, ...]  # connections that arrived meanwhile, as the kernel recorded them
    dialed: Mapping[str, int] = field(default_factory=dict)  # how often somebody dialed meanwhile, by flow


@dataclass(frozen=True, slots=True)
class Sampled:
    """A packet that nobody needs, and what became of it."""

    exchange: Exchange
    source_port: int
    decided_by: tuple[Decider, ...]
    has_arrived: bool

    @property
    def is_known(self) -> bool:
        """Report whether the kernel has said anything of it."""
        return self.has_arrived or bool(self.decided_by)

    @property
    def is_blocked(self) -> bool:
        """Report whether the kernel says that a rule has stopped it: that it has not arrived is not enough."""
        return not self.has_arrived and bool(self.decided_by) and not self.decided_by[-1].is_accepted


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What came of everything."""

    plan: Plan
    lab: Lab
    rules: tuple[Rules, ...]
    flows: tuple[FlowEvidence, ...]
    seen: frozenset[Seen]
    sample: tuple[Sampled, ...] = ()  # of what nobody needs
    plays: Mapping[str, Played] = field(default_factory=dict)  # by scenario
    tiers: Mapping[tuple[str, str], Tier] = field(default_factory=dict)  # node and service: what answered
    faults: tuple[str, ...] = ()  # what was broken on purpose, in words
    notes: tuple[str, ...] = field(default=())
    has_lost: bool = False  # the kernel had more to tell than there was room for

    @cached_property
    def by_flow(self) -> Mapping[str, FlowEvidence]:
        """The evidence by the id of the flow."""
        return {one.flow.id: one for one in self.flows}

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """The scenarios of the site, step by step, by what was rehearsed."""
        happening: list[Scenario] = [one for one, reason in scenarios_of(self.plan) if not reason]
        return tuple(trace(self.plan, self, one) for one in happening)

    @property
    def tier(self) -> Tier:
        """The best that answered anywhere."""
        return "real" if "real" in self.tiers.values() else "stand-in"

    def verdict_of(self, one: Trace) -> str:
        """works, degraded, broken or undecided: by its flows, and by whoever played it."""
        played = self.plays.get(one.scenario.id)
        if played is None:
            return one.verdict
        if not played.works:
            return "broken"
        return "works" if one.verdict == "undecided" else one.verdict  # flows of other phases have been done without

    def opened(self, scenario: str, step: TracedStep) -> int | None:
        """How many connections a step opened when the scenario was played; None where nobody played it."""
        played = self.plays.get(scenario)
        if played is None:
            return None
        evidence = self.by_flow.get(step.flow.id) if step.flow is not None and step.step.opens else None
        tried = evidence.tried if evidence else ()
        ends = {(one.exchange.destination, one.exchange.port) for one in tried}
        sources = {one.exchange.seen_from for one in tried}
        recorded = sum(
            (one.node, one.port) in ends and (one.source in sources or one.source not in self._owners)
            for one in played.seen
        )
        return min(recorded, played.dialed.get(step.flow.id, 0)) if step.flow is not None else 0

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        """The host that has an address of its own: whoever comes with another one has been translated on the way."""
        ends = self.lab.of_kind("host", "client", "outside")
        return {str(one.ip): node.name for node in ends for port in node.ports for one in port.addresses}

    def result(self, flow: RequiredFlow) -> FlowResult:
        """What the rehearsal says of a flow, for `trace`."""
        evidence = self.by_flow.get(flow.id)
        passes = evidence.passes if evidence else None
        judgment = {True: Judgment.PROVED, False: Judgment.MISSING}.get(passes, Judgment.UNDECIDED)  # type: ignore[arg-type]
        return FlowResult(flow, judgment)

    def passes_on_some_way(self, flow: RequiredFlow) -> bool:
        """A rehearsal takes one way."""
        del flow
        return False

    @property
    def broken(self) -> tuple[FlowEvidence, ...]:
        """The required flows that do not pass."""
        return tuple(one for one in self.flows if one.is_needed and one.passes is False)

    @property
    def disagreements(self) -> tuple[FlowEvidence, ...]:
        """The flows about which proof and rehearsal differ."""
        return tuple(one for one in self.flows if one.disagrees)

    @property
    def unused(self) -> tuple[RequiredFlow, ...]:
        """Required flows of TCP and UDP that were answered, and that no host has recorded; as far as it is known."""
        if self.has_lost:
            return ()
        arrived = {(one.node, one.source_port, one.port) for one in self.seen}
        return tuple(
            one.flow
            for one in self.flows
            if one.is_needed and one.passes and not any(_is_among(tried, arrived) for tried in one.tried)
        )

    @property
    def unplanned(self) -> tuple[Seen, ...]:
        """What arrived somewhere and belongs to no flow of the plan: by who came, and to which port of whom."""
        planned = list(self._planned())
        sources: dict[tuple[str, int], set[str]] = defaultdict(set)
        ranges: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for source, destination, (first, last) in planned:
            sources[destination, first].add(source)
            ranges[destination].add((first, last))

        def is_planned(one: Seen) -> bool:
            came = self._owners.get(one.source)
            inside = [first for first, last in ranges[one.node] if first <= one.port <= last]
            return any(came is None or came in sources[one.node, first] for first in inside)

        return tuple(sorted((one for one in self.seen if not one.may_be_reply and not is_planned(one)), key=str))

    def _planned(self) -> Iterator[tuple[str, str, tuple[int, int]]]:
        """Who may come to whom, at which ports; of a range real programs choose others than the edges that are tried.

        Between two fixed ports the two directions are one connection, which whoever is first opens.
        """
        for each in self.flows:
            for one in each.placed.exchanges:
                for ports in {*each.flow.ports, (one.port, one.port)}:
                    yield one.source, one.destination, ports
                if one.source_port:
                    yield one.destination, one.source, (one.source_port, one.source_port)


def _is_among(tried: Tried, arrived: set[tuple[str, int, int]]) -> bool:
    """Report whether a host has recorded what was tried.

    Between two fixed ports the two directions are one connection, which whoever was first has opened.
    """
    exchange = tried.exchange
    if not exchange.source_port:
        is_at_home = exchange.source == exchange.destination or not exchange.port
        is_met = bool(tried.arrived) if exchange.front else exchange.destination in tried.arrived
        return is_met or is_at_home
    ends = {(exchange.destination, exchange.port), (exchange.source, exchange.source_port)}
    return any((node, port) in ends for node, _, port in arrived)
