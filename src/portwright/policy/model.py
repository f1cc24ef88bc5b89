"""Rules, chains, stages and policies: what a parsed configuration means.

A policy is a pipeline of stages. A packet runs through the stages in order; within a stage it enters the base chain.
ACCEPT ends the *stage* (the next one goes on), DROP and REJECT end the walk, CONTINUE goes on with the next rule and
RETURN leaves the chain. A base chain ends in a default rule that matches everything. After the last stage an accepted
packet has passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntFlag

from portwright.packets.box import ALWAYS, EVERYTHING, Boxes, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals
from portwright.source import Source


class Verdict(IntFlag):
    """What becomes of a packet. Several bits: one of these, and Portwright cannot tell which."""

    ACCEPT = 1
    DROP = 2
    REJECT = 4
    CONTINUE = 8
    RETURN = 16


ANY_VERDICT = Verdict.ACCEPT | Verdict.DROP | Verdict.REJECT


@dataclass(frozen=True, slots=True)
class Jump:
    """Run the chain; where it ends or returns, go on with the next rule."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Run the chain; where it ends or returns, return from the present chain too."""

    chain: str


@dataclass(frozen=True, slots=True)
class Change:
    """One header field is rewritten.

    With `shift` the new value is the old one plus `shift` (`values` then holds every result). Without, it is *one of*
    `values`: a constant when that is a single value, otherwise unknown within it (a port of a PAT pool).
    """

    field: Field
    values: Intervals
    shift: int | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Translate the packet and end the stage, as ACCEPT does."""

    changes: tuple[Change, ...]


Action = Verdict | Jump | Goto | Rewrite


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule of a chain. Rules are told apart by identity: one line of a file may become several."""

    match: Match
    action: Action
    source: Source
    default: bool = False  # nobody wrote it: a chain policy, an implicit deny, a security level
    reason: str = ""  # for people: why the default is so, or what could not be modelled


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Rules in order. A packet that no rule ends goes back to where it came from."""

    name: str
    rules: tuple[Rule, ...]
    source: Source


class Look(Enum):
    """What packets look like to a stage, by where it stands among the translations of its point.

    A connection's entry translates replies back at the same places: those that a stage sees are answers to packets as
    they look on the far side of it, first as they left, then as they were between the translations, then as they came.
    """

    ARRIVING = 0  # as they came
    INNER = 1  # with their destination translated
    LEAVING = 2  # with their source translated too


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Chains that work together; the packet enters at `base`, whose last rule is a default."""

    name: str  # for people: "inet filter forward", "access-group in"
    base: str
    chains: Mapping[str, Chain]
    scope: Boxes = (EVERYTHING,)  # packets outside pass the stage untouched (another family, no new connection)
    translates: bool = False  # it is there to translate: an accept in it is never why a packet passes
    look: Look | None = None  # one that translates makes the next from this; None: the platform does not say

    def __post_init__(self) -> None:
        last = self.chains[self.base].rules[-1:]
        if not last or last[0].match != ALWAYS or isinstance(last[0].action, Jump | Goto):
            raise ValueError(f"stage {self.name}: the base chain has no default rule at its end")


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Everything that a packet on one path through an enforcement point meets, in order."""

    stages: tuple[Stage, ...]
