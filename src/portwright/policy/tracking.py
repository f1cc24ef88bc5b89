"""Which packets the rules of a policy take out of connection tracking, so that it makes nothing of them."""

from dataclasses import dataclass

from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import StageMap
from portwright.policy.model import Policy, Rewrite, Stage
from portwright.policy.translation import Fixed

_UNTRACKED = ((int(State.UNTRACKED), int(State.UNTRACKED)),)


@dataclass(frozen=True, slots=True)
class Untracked:
    """The packets that are not tracked."""

    sure: PacketSet
    possible: PacketSet  # those that are surely untracked among them

    def __and__(self, packets: PacketSet) -> "Untracked":
        return Untracked(self.sure & packets, self.possible & packets)


def takes_out(stage: Stage) -> bool:
    """Report whether some rule of a stage takes packets out of tracking."""
    actions = (rule.action for chain in stage.chains.values() for rule in chain.rules)
    return any(isinstance(action, Rewrite) and _is_meant(action) for action in actions)


def untracked(space: Space, policy: Policy, fixed: Fixed) -> Untracked:
    """The packets of a way that rules take out of tracking, as they look to the stage that does."""
    sure = possible = PacketSet.nothing(space)
    for stage in policy.stages:
        if takes_out(stage):
            by_rule = _by_stage(space, stage, fixed)
            sure, possible = sure | by_rule.sure, possible | by_rule.possible
    return Untracked(sure, possible)


def _by_stage(space: Space, stage: Stage, fixed: Fixed) -> Untracked:
    made = StageMap(space, stage)
    root = made.guarded()
    for field, values in fixed.items():
        root = space.assign(field, root, values, Operation(_either))
    out = sum(bit for changes, bit in made.labels.items() if _is_meant(Rewrite(changes)))
    tracked = sum(made.labels.values()) - out
    where: PacketMap[int] = PacketMap(space, root)
    return Untracked(
        PacketSet.where(where, lambda value: bool(_integer(value) & out) and not _integer(value) & tracked),
        PacketSet.where(where, lambda value: bool(_integer(value) & out)),
    )


def _is_meant(action: Rewrite) -> bool:
    return any(change.field is Field.STATE and change.values == _UNTRACKED for change in action.changes)


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value


def _either(one: object, other: object) -> int:
    return _integer(one) | _integer(other)
