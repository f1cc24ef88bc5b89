"""Scenarios that another configuration makes work or fail."""

from collections.abc import Iterator
from dataclasses import dataclass

from portwright.check.judge import Judge
from portwright.plan.model import Plan
from portwright.trace.run import Trace, trace

_ORDER = ("works", "degraded", "undecided", "broken")


@dataclass(frozen=True, slots=True)
class ScenarioChange:
    """A scenario whose verdict is another one afterwards."""

    before: Trace
    after: Trace

    @property
    def is_worse(self) -> bool:
        """Report whether less of it works than before."""
        return _ORDER.index(self.after.verdict) > _ORDER.index(self.before.verdict)


def scenario_changes(plan: Plan, before: Judge, after: Judge) -> Iterator[ScenarioChange]:
    """The scenarios of the plan's site that two judges see differently; what is worse afterwards comes first."""
    traced = (ScenarioChange(trace(plan, before, one), trace(plan, after, one)) for one in plan.scenarios())
    changed = [change for change in traced if change.before.verdict != change.after.verdict]
    yield from sorted(changed, key=lambda change: not change.is_worse)
