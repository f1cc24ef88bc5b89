"""The judgment on a flow, and what stands in its way."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from portwright.plan.model import RequiredFlow
from portwright.policy.index import Values
from portwright.policy.model import Rewrite, Rule
from portwright.policy.walk import Decision
from portwright.site.model import Crossing
from portwright.source import Source

NOT_GIVEN = "no configuration of this point is given"
TAKEN_UP = "it sees the answers alone: behind the first they are new to it, unless nf_conntrack_tcp_loose is 0"


class Judgment(Enum):
    """What the configurations do with a flow, end to end."""

    PROVED = "proved"
    MISSING = "missing"
    UNDECIDED = "undecided"


Trouble = Literal["missing", "reply", "bypass"]  # bypass: a point that sees one direction of a connection alone


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A point where a flow, or its reply, does not surely pass."""

    kind: Trouble | Literal["undecided"]
    point: str
    crossing: Crossing | None
    witness: Values | None = None
    decision: Decision | None = None
    reason: str = ""  # where the rules do not say it themselves
    place: Source | None = None  # in the site file, where no point is to blame and the plan has no finding for it
    is_astray: bool = False  # the point translates the packets to somebody else

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules to blame: the one that blocks, those that lead elsewhere, or those that the answer hangs on."""
        if self.decision is None:
            return ()
        rewriting = tuple(rule for rule in self.decision.via if isinstance(rule.action, Rewrite))
        if self.is_astray and rewriting and self.kind != "undecided":
            return tuple(replace(rule, reason=self.reason) for rule in rewriting)
        if self.kind == "undecided" and not self.decision.undecided_by:
            return rewriting
        return self.decision.undecided_by or ((self.decision.rule,) if self.decision.rule else ())


def in_doubt(obstacle: Obstacle, reason: str) -> Obstacle:
    """The obstacle, as one that may be there, and its rule as the one that the answer hangs on."""
    decision = obstacle.decision
    if decision is not None and decision.rule is not None:
        decision = replace(decision, undecided_by=(decision.rule,))
    return replace(obstacle, kind="undecided", reason=reason, decision=decision)


@dataclass(frozen=True, slots=True)
class FlowResult:
    """The judgment on a flow and its reasons."""

    flow: RequiredFlow
    judgment: Judgment
    obstacles: tuple[Obstacle, ...] = ()


def judgment_of(obstacles: tuple[Obstacle, ...]) -> Judgment:
    """The judgment that follows from all that stops a flow, or may."""
    kinds = {obstacle.kind for obstacle in obstacles}
    if kinds - {"undecided"}:
        return Judgment.MISSING
    return Judgment.UNDECIDED if kinds else Judgment.PROVED
