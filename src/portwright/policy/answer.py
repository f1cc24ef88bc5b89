"""What a configuration does with a packet whose interfaces may not be known."""

from collections.abc import Iterable, Iterator

from portwright.packets.intervals import Intervals, normalize
from portwright.packets.packet import Packet
from portwright.policy.configuration import Configuration
from portwright.policy.index import Values
from portwright.policy.model import Rule
from portwright.policy.walk import Decided, Decision, Walker

Way = tuple[int, int]  # interface atoms: in, out


class Answerer:
    """Answers for many packets against one hook of a configuration."""

    def __init__(self, configuration: Configuration, hook: str = "forward", path: bool = False):
        self.configuration = configuration
        self._hook = hook
        self._walker = Walker(configuration.policy(hook, path))

    def decide(self, packet: Packet) -> Decision:
        """The decision on every way the packet may cross; undecided where the ways differ."""
        ways = self.configuration.ways(packet, self._hook)
        if len(ways) > 1:
            together = self._walker.decide(_on_all(packet, ways))
            if together.decided is not Decided.UNDECIDED:
                return together
        return _merged([decision for _, decision in self._until_they_differ(packet)])

    def reasons(self, packet: Packet) -> dict[Rule, str]:
        """For an answer that differs by interface: what rules decide on which way, as far as needed."""
        names = self.configuration.interfaces.name
        reasons: dict[Rule, str] = {}
        for way, decision in self._until_they_differ(packet):
            if decision.rule is not None:
                text = f"{decision.decided.value} when it goes in on {names(way[0])} and out on {names(way[1])}"
                reasons.setdefault(decision.rule, text)
        return reasons

    def _until_they_differ(self, packet: Packet) -> Iterator[tuple[Way, Decision]]:
        """The decisions on the ways that the packet may cross, up to the first that settles that they differ."""
        passes = set()
        for way in self.configuration.ways(packet, self._hook):
            decision = self._walker.decide(packet.header(*way))
            yield way, decision
            passes.add(decision.decided is Decided.ACCEPT)
            if len(passes) > 1 or decision.decided is Decided.UNDECIDED:
                return


def _on_all(packet: Packet, ways: list[Way]) -> Values:
    header = packet.header(0, 0)
    return (_either(way[0] for way in ways), _either(way[1] for way in ways), *header[2:])


def _either(atoms: Iterable[int]) -> int | Intervals:
    found = normalize((atom, atom) for atom in atoms)
    return found[0][0] if len(found) == 1 and found[0][0] == found[0][1] else found


def _merged(decisions: list[Decision]) -> Decision:
    """The common answer of several ways; drop where some drop and the others reject."""
    kinds = {decision.decided for decision in decisions}
    if len(kinds) == 1 and Decided.UNDECIDED not in kinds:
        return decisions[0]
    if kinds <= {Decided.DROP, Decided.REJECT}:
        return next(decision for decision in decisions if decision.decided is Decided.DROP)
    blame = [rule for decision in decisions for rule in decision.undecided_by]
    blame = blame or [decision.rule for decision in decisions if decision.rule is not None]
    return Decision(Decided.UNDECIDED, None, (), tuple(dict.fromkeys(blame)))
