"""What keeps packets from passing a stage: the first rule on their way that may block them, and how they come to it.

Packets that surely pass the rules before are not asked about: each of those that are meets its blocker at this rule or
behind it, so that whatever is put in front of it comes early enough.
"""

from dataclasses import dataclass, field

from portwright.packets.packetset import PacketSet
from portwright.policy.model import Goto, Jump, Rule, Stage, Verdict

_BLOCKS = int(Verdict.DROP | Verdict.REJECT)
_MOST_VISITS = 2_000  # chains that are looked into; a chain may be entered from many rules


@dataclass(frozen=True, slots=True)
class Obstruction:
    """The first rule of a stage that may keep some packets from passing it."""

    stage: Stage
    chain: str
    rule: Rule
    entered: tuple[str, ...] = ()  # chains that the packets run through and leave again before they come to it


def obstruction(stage: Stage, packets: PacketSet, surely: bool) -> Obstruction | None:
    """The first rule that surely, or possibly, blocks one of the packets, none of which surely passes."""
    return _Search(stage, surely).first(stage.base, packets)


@dataclass(slots=True)
class _Search:
    stage: Stage
    surely: bool  # rules that may or may not block are passed over
    entered: dict[str, None] = field(default_factory=dict)
    visits: int = 0

    def first(self, name: str, packets: PacketSet) -> Obstruction | None:
        """The first blocker in a chain, or in one that it leads to."""
        self.visits += 1
        for rule in self.stage.chains[name].rules:
            if not packets:
                return None
            if any(packets.overlaps(box) for box in rule.match.possible):
                left = packets
                found, packets = self._at(name, rule, packets)
                found = found or (self._to_the_end(name, rule, left) if name == self.stage.base else None)
                if found is not None:
                    return found
        return None

    def _at(self, name: str, rule: Rule, packets: PacketSet) -> tuple[Obstruction | None, PacketSet]:
        """What a rule does to packets some of which it may match: the blocker, and what goes on to the next rule."""
        if isinstance(rule.action, Jump | Goto):
            found = self._inside(rule.action.chain, packets & PacketSet.of(packets.space, rule.match.possible))
            leaves = isinstance(rule.action, Goto)
        elif isinstance(rule.action, Verdict):
            found = Obstruction(self.stage, name, rule, tuple(self.entered)) if self._blocks(rule, packets) else None
            leaves = rule.action is not Verdict.CONTINUE
        else:
            return None, packets
        return found, packets - PacketSet.of(packets.space, rule.match.sure) if leaves and found is None else packets

    def _to_the_end(self, name: str, rule: Rule, packets: PacketSet) -> Obstruction | None:
        """A rule by which packets leave the base chain for its end, where they are blocked: by return, or by goto."""
        default = self.stage.chains[name].rules[-1]
        leaves = isinstance(rule.action, Goto) or rule.action is Verdict.RETURN
        if not leaves or not default.default or not isinstance(default.action, Verdict):
            return None
        match = rule.match.sure if self.surely else rule.match.possible
        there = packets & PacketSet.of(packets.space, match)
        blocks = bool(there) and self._blocks(default, there)
        return Obstruction(self.stage, name, rule, tuple(self.entered)) if blocks else None

    def _blocks(self, rule: Rule, packets: PacketSet) -> bool:
        assert isinstance(rule.action, Verdict)
        if not self.surely:
            return bool(int(rule.action) & _BLOCKS)
        return not int(rule.action) & ~_BLOCKS and any(packets.overlaps(box) for box in rule.match.sure)

    def _inside(self, chain: str, packets: PacketSet) -> Obstruction | None:
        found = self.first(chain, packets) if self.visits < _MOST_VISITS else None
        if found is None:
            self.entered.pop(chain, None)
            self.entered[chain] = None
        return found
