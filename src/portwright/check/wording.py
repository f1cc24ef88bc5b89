"""How findings about flows are worded."""

from collections.abc import Sequence

from portwright.catalog.model import Break, Effect
from portwright.check.obstacle import Obstacle
from portwright.findings import Kind, weightiest
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.model import Rule

_THEY = {True: "it hangs", False: "they hang"}
_BECAUSE = {
    Kind.REPLY: "the replies are blocked",
    Kind.REPLY_BYPASSES: "it sees one direction of the connection alone",
}


def cannot(flow: RequiredFlow, kind: Kind, obstacle: Obstacle, others: Sequence[str]) -> str:
    """What does not work, why where the rules do not say it, and at which point where several stop it."""
    notes = [_BECAUSE[kind]] if kind in _BECAUSE else []
    notes += [obstacle.reason] if obstacle.reason and not obstacle.is_astray else []
    notes += [f"at {obstacle.point}, and also stopped at {' and '.join(others)}"] if others else []
    ends = f"{flow.source.name} cannot reach {flow.destination.name} on {flow.describe()}"
    return f"{ends} ({'; '.join(notes)})" if notes else ends


def whether(flow: RequiredFlow) -> str:
    """That nobody knows whether a flow passes."""
    return f"whether {flow.source.name} reaches {flow.destination.name} on {flow.describe()} is not known"


def why(cause: Rule | str, obstacle: Obstacle, is_one: bool) -> str:
    """A line that is fully modelled leaves a flow undecided only where an interface of its way is not known."""
    is_vague = obstacle.crossing is not None and obstacle.crossing.is_vague
    if is_vague and isinstance(cause, Rule) and cause.match.is_certain:
        return "the site does not say behind which of its interfaces the zones lie"
    return f"{_THEY[is_one]} on a line that is not modelled"


def consequence(plan: Plan, breaks: tuple[Break, ...]) -> str:
    """What the weightiest break means, as the start of a sentence."""
    first = weightiest(breaks)
    assert first is not None
    scenario = plan.catalog.scenarios[first.scenario]
    fails = scenario.fails or f"'{scenario.title}' fails"
    return f"{fails}{_HOW[first.effect]} at step {first.step}"


_HOW = {
    Effect.BROKEN: "",
    Effect.DEGRADED: " in part",
    Effect.LATER: " later",
    Effect.FALLBACK: " over to a second way",
}
