"""Follows a scenario over a site: which step is the first that does not work, and which rule stops it."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from portwright.catalog.model import Effect, Scenario, Step
from portwright.check.judge import Judge, Judgment, Obstacle
from portwright.errors import InvalidInput
from portwright.findings import Finding, Kind
from portwright.plan.model import Legs, Plan, RequiredFlow


class Hop(StrEnum):
    """What becomes of one leg of a step."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    SAME_HOST = "same-host"
    NO_FIREWALL = "no-firewall"
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
    spared: bool = False  # blocked, but another of several servers can be reached


@dataclass(frozen=True, slots=True)
class Trace:
    """A scenario with the verdict on each leg."""

    scenario: Scenario
    steps: tuple[TracedStep, ...]

    @property
    def verdict(self) -> str:
        """works, degraded, broken or undecided."""
        blocked = [traced for traced in self.steps if traced.verdict is Hop.BLOCKED]
        if any(traced.step.effect is Effect.BROKEN and not traced.spared for traced in blocked):
            return "broken"
        if any(traced.verdict in (Hop.UNDECIDED, Hop.NOT_PLACED) for traced in self.steps):
            return "undecided"
        return "degraded" if blocked else "works"

    @property
    def stopped_at(self) -> TracedStep | None:
        """The leg that decides the verdict: the first that breaks, else the first that harms, else the first open."""
        blocked = [traced for traced in self.steps if traced.verdict is Hop.BLOCKED]
        breaking = [traced for traced in blocked if traced.step.effect is Effect.BROKEN and not traced.spared]
        open_ = [traced for traced in self.steps if traced.verdict in (Hop.UNDECIDED, Hop.NOT_PLACED)]
        return next(iter(breaking or (open_ if self.verdict == "undecided" else blocked)), None)

    @property
    def user_sees(self) -> str:
        """What the user notices of the leg that decides; empty when everything works."""
        stopped = self.stopped_at
        if stopped is None or stopped.verdict is not Hop.BLOCKED:
            return ""
        return stopped.step.user_sees


def find_scenario(plan: Plan, id: str) -> Scenario:
    """The scenario with this id. Raises InvalidInput, with what may have been meant."""
    scenarios = plan.catalog.scenarios
    if id not in scenarios:
        close = get_close_matches(id, scenarios, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(scenarios))}"
        raise InvalidInput.of(f"there is no scenario '{id}'", hint=hint)
    return scenarios[id]


def trace(plan: Plan, judge: Judge, scenario: Scenario) -> Trace:
    """The scenario on the plan's site, each leg judged."""
    return Trace(scenario, tuple(leg for step in plan.steps(scenario) for leg in _legs(plan, judge, scenario, step)))


def _legs(plan: Plan, judge: Judge, scenario: Scenario, step: Step) -> Iterator[TracedStep]:
    legs = plan.legs(scenario, step)
    for local in legs.local:
        yield TracedStep(step, local.host.name, local.host.name, Hop.SAME_HOST)
    if not step.opens:
        yield from (_riding(step, legs, flow) for flow in legs.flows)
    else:
        yield from (_opening(judge, step, legs, flow) for flow in legs.flows)
    unsettled = list(_unsettled(plan, step, legs)) if step.opens else []
    yield from unsettled
    if not legs.flows and not legs.local and not unsettled:
        yield TracedStep(step, step.source, step.destination, Hop.NOT_PLACED)


def _unsettled(plan: Plan, step: Step, legs: Legs) -> Iterator[TracedStep]:
    """Legs that the plan could not place: nobody runs the component, or nobody said which of several is used."""
    requirements = plan.catalog.requirements
    for component in dict.fromkeys(requirements[id].destination for id in legs.missing):
        if component in plan.unplaced:
            yield TracedStep(step, step.source, component, Hop.NOT_PLACED)
    open_ = {finding.subject or finding.flow.partition(">")[0] for finding in plan.findings if _leaves_open(finding)}
    for consumer in plan.site.consumers():
        if step.source in consumer.roles:
            for id in step.requirements:
                if f"{id}/{consumer.name}" in open_:
                    yield TracedStep(step, consumer.name, requirements[id].destination, Hop.NOT_PLACED)


def _leaves_open(finding: Finding) -> bool:
    """Report whether a finding of the plan says that no flow could be made: which server, or which port."""
    return finding.kind is Kind.UNDECIDED and "/" in (finding.subject or finding.flow)


def _riding(step: Step, legs: Legs, flow: RequiredFlow) -> TracedStep:
    """A leg on an open connection: whether it opened is the business of the step that opened it."""
    ends = (flow.destination.name, flow.source.name) if legs.returns else (flow.source.name, flow.destination.name)
    return TracedStep(step, *ends, Hop.RETURN, flow)


def _opening(judge: Judge, step: Step, legs: Legs, flow: RequiredFlow) -> TracedStep:
    result = judge.result(flow)
    verdict = {Judgment.MISSING: Hop.BLOCKED, Judgment.UNDECIDED: Hop.UNDECIDED}.get(result.judgment)
    if verdict is None:
        verdict = Hop.ALLOWED if flow.points else Hop.NO_FIREWALL
    spared = verdict is Hop.BLOCKED and any(
        judge.result(other).judgment is not Judgment.MISSING
        for other in legs.flows
        if other is not flow and flow.group and other.group == flow.group
    )
    return TracedStep(step, flow.source.name, flow.destination.name, verdict, flow, result.obstacles, spared)
