"""Follows a scenario over a site: which step is the first that does not work, and which rule stops it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from itertools import takewhile
from typing import Protocol

from portwright.catalog.model import Effect, Phase, Scenario, Step
from portwright.check.obstacle import FlowResult, Judgment, Obstacle
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind
from portwright.plan.model import Legs, Plan, RequiredFlow
from portwright.shapes import shorten
from portwright.trace.happening import left_out, why_not


class Judging(Protocol):
    """Whoever knows of a flow whether it passes: the proof, or a rehearsal."""

    def result(self, flow: RequiredFlow) -> FlowResult:
        """The judgment on one flow."""

    def passes_on_some_way(self, flow: RequiredFlow) -> bool:
        """Report whether a flow that is blocked passes on another of its ways."""


class Hop(StrEnum):
    """What becomes of one leg of a step."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    SAME_HOST = "same-host"
    NO_FIREWALL = "no-firewall"
    TUNNELED = "tunneled"  # inside IPsec: the firewalls on the way see the tunnel alone
    RETURN = "return"  # travels on a connection that an earlier step opened
    UNDECIDED = "undecided"
    NOT_PLACED = "not-placed"


@dataclass(frozen=True, slots=True)
class TracedStep:
    """One leg of one step."""

    step: Step
    source: str
    destination: str
    verdict: Hop
    flow: RequiredFlow | None = None
    obstacles: tuple[Obstacle, ...] = ()
    spared: bool = False  # blocked, but another of several servers can be reached: it fails now and then, or not at all
    some_way: bool = False  # blocked, but only on some of several ways: it fails now and then

    @property
    def breaks(self) -> bool:
        """Report whether nothing works without it, and it never does."""
        is_in_vain = self.verdict is Hop.BLOCKED and not self.spared and not self.some_way
        return is_in_vain and self.step.effect is Effect.BROKEN


@dataclass(frozen=True, slots=True)
class Trace:
    """A scenario with the verdict on each leg."""

    scenario: Scenario
    steps: tuple[TracedStep, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)  # steps that this site does not take -> why

    @property
    def verdict(self) -> str:
        """works, degraded, broken or undecided."""
        blocked = [traced for traced in self.steps if traced.verdict is Hop.BLOCKED]
        if any(traced.breaks for traced in self.steps):
            return "broken"
        if any(traced.verdict in (Hop.UNDECIDED, Hop.NOT_PLACED) for traced in self.steps):
            return "undecided"
        return "degraded" if blocked else "works"

    @property
    def stopped_at(self) -> TracedStep | None:
        """The leg that decides the verdict: the first that breaks, else the first that harms, else the first open."""
        blocked = [traced for traced in self.steps if traced.verdict is Hop.BLOCKED]
        breaking = [traced for traced in blocked if traced.breaks]
        open_ = [traced for traced in self.steps if traced.verdict in (Hop.UNDECIDED, Hop.NOT_PLACED)]
        return next(iter(breaking or (open_ if self.verdict == "undecided" else blocked)), None)

    @property
    def user_sees(self) -> str:
        """What the user notices of the leg that decides; empty when everything works."""
        stopped = self.stopped_at
        if stopped is None or stopped.verdict is not Hop.BLOCKED:
            return ""
        if stopped.spared and stopped.flow is not None and not stopped.flow.group:
            return f"Depending on which server it is: {stopped.step.user_sees}"
        if stopped.some_way:
            return f"Now and then, depending on which way it takes: {stopped.step.user_sees}"
        return stopped.step.user_sees


def waits_for(found: Trace, plan: Plan) -> tuple[Phase, ...]:
    """The phases for which a scenario waits: all that is blocked of it is needed only then. Empty: it does not wait."""
    blocked = [traced.flow.requirement.phase for traced in found.steps if traced.verdict is Hop.BLOCKED and traced.flow]
    return () if set(blocked) & set(plan.phases) or found.verdict == "undecided" else tuple(dict.fromkeys(blocked))


def find_scenario(plan: Plan, id: str) -> Scenario:
    """The scenario with this id, which happens on the plan's site.

    Raises InvalidInput when there is no such scenario, or when it does not happen on the site, and says why.
    """
    scenarios = plan.catalog.scenarios
    if id not in scenarios:
        close = get_close_matches(id[:60], scenarios, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(scenarios))}"
        raise InvalidInput.of(f"there is no scenario '{shorten(id)}'", hint=hint)
    if reason := why_not(plan, scenarios[id]):
        raise InvalidInput.of(f"{id} does not happen on this site: {reason}", file=plan.site.file)
    return scenarios[id]


def trace(plan: Plan, judge: Judging, scenario: Scenario) -> Trace:
    """The scenario on the plan's site, each leg judged."""
    idle = left_out(plan, scenario)
    taken = [step for step in plan.steps(scenario) if step.step not in idle]
    return Trace(scenario, tuple(leg for step in taken for leg in _legs(plan, judge, scenario, step)), idle)


def _legs(plan: Plan, judge: Judging, scenario: Scenario, step: Step) -> Iterator[TracedStep]:
    legs = plan.legs(scenario, step)
    for local in legs.local:
        yield TracedStep(step, local.host.name, local.host.name, Hop.SAME_HOST)
    if not step.opens:
        yield from (_riding(step, legs, flow) for flow in legs.flows)
    else:
        takes_turns = any(one.opens and one.destination == step.source for one in _before(scenario, step))
        yield from (_opening(judge, step, legs, flow, takes_turns) for flow in legs.flows)
    unsettled = list(_unsettled(plan, step, legs)) if step.opens else []
    yield from unsettled
    if not legs.flows and not legs.local and not unsettled:
        yield TracedStep(step, step.source, step.destination, Hop.NOT_PLACED)


def _before(scenario: Scenario, step: Step) -> Iterator[Step]:
    return takewhile(lambda one: one.step != step.step, scenario.steps)


def _unsettled(plan: Plan, step: Step, legs: Legs) -> Iterator[TracedStep]:
    """Legs that the plan could not place: nobody runs the component, or nobody said which of several is used."""
    requirements = plan.catalog.requirements
    for component in dict.fromkeys(requirements[id].destination for id in legs.missing):
        if component in plan.unplaced:
            yield TracedStep(step, step.source, component, Hop.NOT_PLACED)
    served = {(one.requirement.id, one.source.name) for one in legs.flows}
    served |= {(one.requirement.id, one.host.name) for one in legs.local}
    nowhere = {id for finding in plan.findings if _lacks_one_nearby(finding) for id in finding.requirements}
    open_ = {finding.subject or finding.flow.partition(">")[0] for finding in plan.findings if _leaves_open(finding)}
    for consumer in plan.site.consumers():
        if step.source in consumer.roles:
            for id in step.requirements:
                is_lost = id in nowhere and (id, consumer.name) not in served
                if is_lost or f"{id}/{consumer.name}" in open_:
                    yield TracedStep(step, consumer.name, requirements[id].destination, Hop.NOT_PLACED)


def _lacks_one_nearby(finding: Finding) -> bool:
    """Report whether a component is placed, and not in the domain of some host that needs it."""
    return finding.kind is Kind.UNPLACED and finding.subject.count("/") > 1


def _leaves_open(finding: Finding) -> bool:
    """Report whether a finding of the plan says that no flow could be made: which server, or which port."""
    return finding.kind is Kind.UNDECIDED and "/" in (finding.subject or finding.flow)


def _riding(step: Step, legs: Legs, flow: RequiredFlow) -> TracedStep:
    """A leg on an open connection: whether it opened is the business of the step that opened it."""
    ends = (flow.destination.name, flow.source.name) if legs.returns else (flow.source.name, flow.destination.name)
    return TracedStep(step, *ends, Hop.RETURN, flow)


def _opening(judge: Judging, step: Step, legs: Legs, flow: RequiredFlow, takes_turns: bool) -> TracedStep:
    """A leg of its own; `takes_turns` where an earlier step has led to the source, or to another like it."""
    result = judge.result(flow)
    verdict = {Judgment.MISSING: Hop.BLOCKED, Judgment.UNDECIDED: Hop.UNDECIDED}.get(result.judgment)
    if verdict is None:
        verdict = Hop.ALLOWED if flow.points else Hop.TUNNELED if flow.tunneled else Hop.NO_FIREWALL
    others = (other for other in legs.flows if other is not flow and _serves_too(other, flow, takes_turns))
    spared = verdict is Hop.BLOCKED and any(judge.result(other).judgment is not Judgment.MISSING for other in others)
    some_way = verdict is Hop.BLOCKED and judge.passes_on_some_way(flow)
    return TracedStep(step, flow.source.name, flow.destination.name, verdict, flow, result.obstacles, spared, some_way)


def _serves_too(other: RequiredFlow, flow: RequiredFlow, takes_turns: bool) -> bool:
    """Report whether another flow may do what one is for: an alternative, or the way of or to another server."""
    if flow.group and other.group == flow.group:
        return True
    is_same_consumer = takes_turns or other.source.name == flow.source.name
    return is_same_consumer and (other.requirement.id, other.via) == (flow.requirement.id, flow.via)
