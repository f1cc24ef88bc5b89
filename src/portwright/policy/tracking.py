"""Which packets the rules of a policy take out of connection tracking, so that it makes nothing of them."""

from dataclasses import dataclass

from portwright.packets.box import Box
from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import StageMap
from portwright.policy.model import Policy, Rewrite, Stage
from portwright.policy.translation import Fixed

_UNTRACKED = ((int(State.UNTRACKED), int(State.UNTRACKED)),)
_UNTRACKED_ALONE = (Box(((Field.STATE, _UNTRACKED),)),)


@dataclass(frozen=True, slots=True)
class Untracked:
    """The packets that are not tracked."""

    sure: PacketSet
    possible: PacketSet  # those that are surely untracked among them

    def __and__(self, packets: PacketSet) -> "Untracked":
        return Untracked(self.sure & packets, self.possible & packets)


def untracking(policy: Policy) -> tuple[Stage, ...]:
    """The stages that take packets out of tracking, but for those behind which another takes all of them in again."""
    found: list[Stage] = []
    for stage in policy.stages:
        if _takes_in_again(stage):
            found.clear()
        elif _takes_out(stage):
            found.append(stage)
    return tuple(found)


def untracked(space: Space, policy: Policy, fixed: Fixed) -> Untracked:
    """The packets of a way that rules take out of tracking, as they look to the stage that does."""
    sure = possible = PacketSet.nothing(space)
    for stage in untracking(policy):
        by_stage = _by_stage(space, stage, fixed)
        sure, possible = sure | by_stage.sure, possible | by_stage.possible
    return Untracked(sure, possible)


def _takes_out(stage: Stage) -> bool:
    actions = (rule.action for chain in stage.chains.values() for rule in chain.rules)
    return any(isinstance(action, Rewrite) and _is_meant(action) for action in actions)


def _takes_in_again(stage: Stage) -> bool:
    """Report whether a stage is there for untracked packets alone, and gives another state to those that it accepts."""
    action = stage.chains[stage.base].rules[-1].action
    changes = action.changes if isinstance(action, Rewrite) else ()
    is_other = any(change.field is Field.STATE and change.values != _UNTRACKED for change in changes)
    return is_other and stage.scope == _UNTRACKED_ALONE


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
