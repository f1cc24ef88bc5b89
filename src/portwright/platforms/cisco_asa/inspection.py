"""Class maps, policy maps and service policies, as far as they decide whether a packet passes.

Inspection of ICMP makes its replies part of a connection; inspection of DCE/RPC opens ports that the endpoint mapper
hands out; TCP state bypass gives up the check of connections; a module (FirePOWER, IPS) has a policy of its own. Every
other inspection judges contents, limits rates or marks packets.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from math import prod
from operator import and_, or_

from portwright.packets.box import ALWAYS, NEVER, Box, Doubt, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import normalize
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.values import Values
from portwright.policy.interfaces import Interfaces
from portwright.source import Source

_MODULES = {"sfr": "the FirePOWER module", "ips": "the IPS module", "cxsc": "the CX module", "csc": "the CSC module"}
_INERT_ACTIONS = frozenset(
    ("inspect", "police", "priority", "shape", "user-statistics", "flow-export", "description", "parameters", "match",
     "service-policy", "exit", "drop-connection", "log", "reset", "set")
)  # fmt: skip
_MOST_BOXES = 100_000  # that the conditions of a class may multiply to
_SWAPPED = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT,
            Field.IN: Field.OUT, Field.OUT: Field.IN}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a service policy does to the packets of a class."""

    words: tuple[str, ...]
    match: Match
    source: Source


@dataclass(slots=True)
class ServicePolicies:
    """What is written about classes and policies."""

    classes: dict[str, Block] = field(default_factory=dict)
    management: set[str] = field(default_factory=set)  # classes of packets to the firewall itself
    policies: dict[str, Block] = field(default_factory=dict)
    applied: list[Line] = field(default_factory=list)


def is_typed(block: Block) -> bool:
    """Report whether a class map or policy map judges contents or traffic to the firewall itself: `type inspect`."""
    return block.head.words[1:2] == ("type",)


class Inspector:
    """Finds the actions of the service policies that are applied."""

    def __init__(
        self,
        written: ServicePolicies,
        ledger: Ledger,
        interfaces: Interfaces,
        access_list: Callable[[str, Line], Match],  # the packets that an access list permits
    ):
        self._written = written
        self._ledger = ledger
        self._interfaces = interfaces
        self._access_list = access_list

    def actions(self) -> list[Action]:
        """Every action, with the packets of its class."""
        found: list[Action] = []
        for name, lines in self._places().items():
            policy = self._written.policies.get(name)
            if policy is None:
                self._ledger.undefined(lines[0], f"policy-map {name} is not defined")
                continue
            found += self._of_policy(policy, self._where(lines))
        return found

    def _places(self) -> dict[str, list[Line]]:
        """The `service-policy` lines, by the policy that they apply."""
        found: dict[str, list[Line]] = {}
        for line in self._written.applied:
            found.setdefault(line.words[1] if len(line.words) > 1 else "", []).append(line)
        return found

    def _known(self, lines: Iterable[Line]) -> set[str]:
        """The interfaces of `service-policy NAME interface IF` that exist."""
        named = {line.words[3]: line for line in lines if len(line.words) > 3}
        for name in named.keys() - set(self._interfaces.names):
            self._ledger.undefined(named[name], f"interface {name} is not defined")
        return named.keys() & set(self._interfaces.names)

    def _where(self, lines: Iterable[Line]) -> Match:
        """The packets that `service-policy` lines are about: either direction on their interfaces, or all."""
        if any("interface" not in line.words[2:3] for line in lines):
            return ALWAYS
        names = self._known(lines)
        if not names:
            return NEVER
        atoms = normalize(atom for name in names for atom in self._interfaces.exactly(name))
        return Match.exact((Box.of({Field.IN: atoms}), Box.of({Field.OUT: atoms})))

    def _of_policy(self, policy: Block, where: Match) -> Iterable[Action]:
        match, head = ALWAYS, policy.head
        found: dict[tuple[Line, tuple[str, ...]], Action] = {}
        for line in policy.body:
            if line.words[0] == "class" and len(line.words) > 1:
                match, head = where & self._class(line.words[1], line), line
            elif line.words[0] == "no":
                found.pop((head, line.words[1:]), None)
            elif line.words[0] in _MODULES or line.words[0] in _INERT_ACTIONS:
                found[head, line.words] = Action(line.words, match, line.source(self._ledger.file))
            else:
                self._ledger.not_understood(line, f"'{line.words[0]}' is not understood in a policy map", "point")
        return found.values()

    def _class(self, name: str, line: Line) -> Match:
        if name == "class-default":
            return ALWAYS
        if name in self._written.management:
            return NEVER
        block = self._written.classes.get(name)
        if block is None:
            self._ledger.undefined(line, f"class-map {name} is not defined")
            return Match.doubtful(Doubt(f"class-map {name} is not defined", line.source(self._ledger.file)))
        conditions = [self._condition(condition) for condition in block.body if condition.words[0] == "match"]
        join = or_ if "match-any" in block.head.words else and_
        if join is and_ and prod(len(found.possible) for found in conditions) > _MOST_BOXES:
            doubt = Doubt("the class has too many conditions", line.source(self._ledger.file))
            return Match.doubtful(doubt, conditions[0].possible)
        return reduce(join, conditions) if conditions else ALWAYS

    def _condition(self, line: Line) -> Match:
        cursor = Cursor(line.words[1:])
        if cursor.peek() in ("any", "default-inspection-traffic"):
            return ALWAYS  # each inspection looks at its own ports
        if cursor.accept("access-list") and not cursor.done:
            return both_ways(self._access_list(cursor.take(), line))
        try:
            if cursor.accept("port"):
                protocol = Values.exact(services.protocol_numbers(cursor.take()))
                ports = Values.exact(services.ports(cursor)).match(Field.DPORT)
                return both_ways(services.protocols(protocol) & ports)
        except NotUnderstood:
            pass
        return Match.doubtful(Doubt("the class matches what is not modelled", line.source(self._ledger.file)))


def both_ways(match: Match) -> Match:
    """The packets of a match and their replies."""
    return match | Match(tuple(map(_mirror, match.sure)), tuple(map(_mirror, match.possible)), match.doubts)


def _mirror(box: Box) -> Box:
    mirrored = Box.of({_SWAPPED.get(name, name): ranges for name, ranges in box.constraints})
    assert mirrored is not None, "swapping fields empties none"
    return mirrored


def inspections(actions: Iterable[Action], protocol: str) -> list[Action]:
    """The actions that inspect a protocol: `inspect icmp`."""
    return [action for action in actions if action.words[:2] == ("inspect", protocol)]


def state_bypasses(actions: Iterable[Action]) -> list[Action]:
    """The actions that give up the check of TCP connections."""
    return [action for action in actions if "tcp-state-bypass" in action.words]


def drops_all(action: Action) -> bool:
    """Report whether an action drops even what keeps to a rate: `police output 8000 conform-action drop`."""
    words = action.words
    return words[0] == "police" and ("conform-action", "drop") in pairwise(words)


def modules(actions: Iterable[Action]) -> list[tuple[Action, str]]:
    """The actions that hand packets to a module with a policy of its own, and the module's name."""
    found = [(action, _MODULES[action.words[0]]) for action in actions if action.words[0] in _MODULES]
    return [(action, name) for action, name in found if "monitor-only" not in action.words]
