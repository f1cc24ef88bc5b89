"""What one text of a point does otherwise than another, packet by packet."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from portwright.packets.box import AH_OVER_IPV6, Box
from portwright.packets.diagram import Operation, Space
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.policy.algebra import VERDICTS, PolicyMap, is_possible
from portwright.render.stand import Stand


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """For each hook the packets whose verdicts differ; what hangs on the same line on both sides does not."""

    gained: Mapping[str, PacketSet]  # they pass, or may pass, and did not before; behind AH they may as they do without
    lost: Mapping[str, PacketSet]  # they did pass, or may have passed; or are translated otherwise

    @classmethod
    def of(cls, old: Stand, new: Stand) -> "Effect":
        """What the second does otherwise than the first."""
        gained, lost = {}, {}
        for hook in old.hooks:
            before, after = old.map(hook), new.map(hook)
            if before.verdicts != after.verdicts:
                real = old.real(hook)
                perhaps = after.possible() - before.possible() - PacketSet.of(real.space, AH_OVER_IPV6)
                gained[hook] = (after.sure() - before.sure() | perhaps) & real
                less = (before.sure() - after.sure()) | (before.possible() - after.possible())
                lost[hook] = (less | _translated_otherwise(before, after)) & real
        return cls(gained, lost)


def _translated_otherwise(before: PolicyMap, after: PolicyMap) -> PacketSet:
    """The packets that may pass with both, and leave with other addresses."""
    space = before.space
    return PacketSet(space, space.apply(Operation(_leads_elsewhere), before.verdicts.root, after.verdicts.root))


def _leads_elsewhere(one: Hashable, other: Hashable) -> bool:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return is_possible(one) and is_possible(other) and one & ~VERDICTS != other & ~VERDICTS


def same(one: Stand, other: Stand) -> bool:
    """Report whether two texts treat every packet alike, rejecting and dropping told apart."""
    return one.hooks == other.hooks and all(one.map(hook).verdicts == other.map(hook).verdicts for hook in one.hooks)


def known_connections(space: Space) -> PacketSet:
    """The packets of connections that some rule has let through."""
    box = Box.of({Field.STATE: ((int(State.ESTABLISHED), int(State.RELATED)),)})
    return PacketSet.of(space, [box] if box else [])


def union(space: Space, parts: Mapping[str, PacketSet]) -> PacketSet:
    """The packets of all hooks together."""
    found = PacketSet.nothing(space)
    for packets in parts.values():
        found = found | packets
    return found
