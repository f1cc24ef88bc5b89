"""What one text of a point does otherwise than another, packet by packet."""

from collections.abc import Mapping
from dataclasses import dataclass

from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.render.stand import Stand


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """For each hook the packets whose verdicts differ; what hangs on the same line on both sides does not."""

    gained: Mapping[str, PacketSet]  # they pass, or may pass, and did not before
    lost: Mapping[str, PacketSet]  # they did pass, or may have passed

    @classmethod
    def of(cls, old: Stand, new: Stand) -> "Effect":
        """What the second does otherwise than the first."""
        gained, lost = {}, {}
        for hook in old.hooks:
            before, after = old.map(hook), new.map(hook)
            if before.verdicts != after.verdicts:
                real = old.real(hook)
                gained[hook] = ((after.sure() - before.sure()) | (after.possible() - before.possible())) & real
                lost[hook] = ((before.sure() - after.sure()) | (before.possible() - after.possible())) & real
        return cls(gained, lost)


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
