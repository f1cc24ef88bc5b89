"""What a rehearsal has shown: exchanges that were tried, connections that arrived, and what the proof says beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from portwright.catalog.model import Scenario
from portwright.check.obstacle import FlowResult, Judgment
from portwright.plan.model import Plan, RequiredFlow
from portwright.rehearse.lab import Lab
from portwright.rehearse.rules import Rules
from portwright.trace.happening import scenarios_of
from portwright.trace.run import Trace, trace

Outcome = Literal["answered", "refused", "silent", "unreachable"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who asks whom, by what."""

    source: str  # node
    source_address: str
    destination: str  # node that answers
    destination_address: str  # which the client asks for
    version: int  # 4 or 6
    protocol: int  # TCP, UDP or ICMP (which stands for ICMPv6 in IPv6)
    port: int = 0  # of the destination; 0 for ICMP
    source_port: int = 0  # 0: any


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an exchange."""

    exchange: Exchange
    outcome: Outcome
    source_port: int  # that was used; of ICMP the identifier


@dataclass(frozen=True, slots=True)
class Placed:
    """A flow with its exchanges; none, and why, where it cannot be rehearsed."""

    flow: RequiredFlow
    exchanges: tuple[Exchange, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """What the proof says of a flow, and what came of it in the rehearsal."""

    placed: Placed
    static: Judgment
    tried: tuple[Tried, ...]

    @property
    def flow(self) -> RequiredFlow:
        """The flow."""
        return self.placed.flow

    @property
    def passes(self) -> bool | None:
        """Whether every exchange was answered; None where there was none."""
        return all(one.outcome == "answered" for one in self.tried) if self.tried else None

    @property
    def disagrees(self) -> bool:
        """Report whether proof and rehearsal contradict each other."""
        wanted = {Judgment.PROVED: True, Judgment.MISSING: False}.get(self.static)
        return None not in (wanted, self.passes) and wanted != self.passes


@dataclass(frozen=True, slots=True)
class Seen:
    """A connection that arrived at a host, as its kernel recorded it."""

    node: str
    source: str
    destination: str
    protocol: str
    port: int


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What came of everything."""

    plan: Plan
    lab: Lab
    rules: tuple[Rules, ...]
    flows: tuple[FlowEvidence, ...]
    seen: frozenset[Seen]
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def by_flow(self) -> Mapping[str, FlowEvidence]:
        """The evidence by the id of the flow."""
        return {one.flow.id: one for one in self.flows}

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """The scenarios of the site, step by step, by what was rehearsed."""
        happening: list[Scenario] = [one for one, reason in scenarios_of(self.plan) if not reason]
        return tuple(trace(self.plan, self, one) for one in happening)

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
        return tuple(one for one in self.flows if one.flow.is_required and one.passes is False)

    @property
    def disagreements(self) -> tuple[FlowEvidence, ...]:
        """The flows about which proof and rehearsal differ."""
        return tuple(one for one in self.flows if one.disagrees)

    @property
    def unused(self) -> tuple[RequiredFlow, ...]:
        """Required flows of TCP and UDP that were answered, and that no host has recorded."""
        arrived = {(one.node, one.destination, one.port) for one in self.seen}
        return tuple(
            one.flow
            for one in self.flows
            if one.flow.is_required and one.passes and not any(_is_among(tried, arrived) for tried in one.tried)
        )

    @property
    def unplanned(self) -> tuple[Seen, ...]:
        """What arrived somewhere and belongs to no flow that was played."""
        played = {(one.exchange.destination, one.exchange.port) for each in self.flows for one in each.tried}
        return tuple(sorted((one for one in self.seen if (one.node, one.port) not in played), key=str))


def _is_among(tried: Tried, arrived: set[tuple[str, str, int]]) -> bool:
    exchange = tried.exchange
    return not exchange.port or any((node, port) == (exchange.destination, exchange.port) for node, _, port in arrived)
