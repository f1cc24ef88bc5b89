"""Where two configurations disagree: packet sets, each with a witness and the two deciders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from portwright.packets.box import Box, Match
from portwright.packets.diagram import Operation, PacketMap, Space
from portwright.packets.fields import Field, Header
from portwright.packets.intervals import Intervals, normalize
from portwright.packets.packetset import PacketSet, Preferences, well_formed
from portwright.policy.algebra import PolicyMap
from portwright.policy.interfaces import OTHER, Interfaces
from portwright.policy.model import Chain, Policy, Rule, Stage
from portwright.policy.walk import Decision, Walker

_IN_FIELDS = (Field.IN, Field.OUT)


@dataclass(frozen=True, slots=True)
class Difference:
    """Packets that the two policies treat differently, one pair of deciders."""

    witness: Header  # on the atoms of `Comparison.interfaces`
    old: Decision
    new: Decision
    cover: tuple[Box, ...]  # packets of the difference that the same pair decides, the witness among them


class Comparison:
    """Two policies on common interfaces: their maps and their differences."""

    def __init__(self, old: Policy, old_interfaces: Interfaces, new: Policy, new_interfaces: Interfaces):
        self.interfaces = Interfaces.of(
            (*old_interfaces.names, *new_interfaces.names), (*old_interfaces.prefixes, *new_interfaces.prefixes)
        )
        self.space = Space()
        self._policies = [
            on_interfaces(policy, interfaces, self.interfaces)
            for policy, interfaces in ((old, old_interfaces), (new, new_interfaces))
        ]
        maps = [PolicyMap(self.space, policy).verdicts for policy in self._policies]
        self._pairs: PacketMap[tuple[int, int]] = PacketMap(
            self.space, self.space.apply(Operation(lambda a, b: (a, b)), maps[0].root, maps[1].root)
        )
        real = well_formed(self.space) & self._known_interfaces()
        self.different = self._where(lambda a, b: a != b and _certain(a) and _certain(b)) & real
        self.undecided = self._where(lambda a, b: not (_certain(a) and _certain(b))) & real

    def _where(self, holds: Callable[[int, int], bool]) -> PacketSet:
        return PacketSet(self.space, self.space.map(lambda pair: holds(*pair), self._pairs.root))  # type: ignore[misc]

    def _known_interfaces(self) -> PacketSet:
        atoms = ((0, self.interfaces.atoms()[-1]),)
        return PacketSet.of(self.space, [box] if (box := Box.of(dict.fromkeys(_IN_FIELDS, atoms))) else [])

    def differences(self, most: int, prefer: Preferences) -> tuple[list[Difference], int]:
        """At most `most` differences, one per pair of deciders, and how many headers they leave out."""
        return self._explain(self.different, most, prefer)

    def doubts(self, most: int, prefer: Preferences) -> tuple[list[Difference], int]:
        """At most `most` places where one side or both cannot be known."""
        return self._explain(self.undecided, most, prefer)

    def _explain(self, packets: PacketSet, most: int, prefer: Preferences) -> tuple[list[Difference], int]:
        walkers = [Walker(policy) for policy in self._policies]
        room = packets | ~well_formed(self.space)
        found: dict[tuple[Rule | None, Rule | None], Difference] = {}
        rest = packets
        for _ in range(_PIECES_PER_DIFFERENCE * most):
            if not rest or len(found) > most:
                break
            witness = rest.witness(prefer)
            box = room.grow(witness)
            rest = rest - PacketSet.of(self.space, [box])
            old, new = (walker.decide(witness) for walker in walkers)
            known = found.get((old.rule, new.rule))
            cover = (*known.cover, box) if known else (box,)
            found[old.rule, new.rule] = Difference(known.witness if known else witness, old, new, cover)
        return list(found.values())[:most], rest.count()


_PIECES_PER_DIFFERENCE = 4  # boxes that one pair of deciders may take before the rest is only counted


def _certain(verdicts: int) -> bool:
    return verdicts.bit_count() == 1


def on_interfaces(policy: Policy, old: Interfaces, new: Interfaces) -> Policy:
    """The same policy with its interface atoms expressed in a larger interface table."""
    if old == new:
        return policy
    table = _atom_table(old, new)
    return Policy(tuple(_stage_on(stage, table) for stage in policy.stages))


def _atom_table(old: Interfaces, new: Interfaces) -> Mapping[int, Intervals]:
    """Old atom -> the new atoms of the same interfaces."""
    table: dict[int, list[int]] = {}
    for atom in range(new.atoms()[-1] + 1):
        name = new.name(atom).replace("*", "\0")  # no interface is called so: it stands for "another one"
        table.setdefault(old.atom(name) if atom != OTHER else OTHER, []).append(atom)
    return {atom: normalize((value, value) for value in values) for atom, values in table.items()}


def _stage_on(stage: Stage, table: Mapping[int, Intervals]) -> Stage:
    chains = {
        name: Chain(name, tuple(_rule_on(rule, table) for rule in chain.rules), chain.source)
        for name, chain in stage.chains.items()
    }
    return replace(stage, chains=chains, scope=_boxes_on(stage.scope, table))


def _rule_on(rule: Rule, table: Mapping[int, Intervals]) -> Rule:
    match = rule.match
    return replace(rule, match=Match(_boxes_on(match.sure, table), _boxes_on(match.possible, table), match.doubts))


def _boxes_on(boxes: tuple[Box, ...], table: Mapping[int, Intervals]) -> tuple[Box, ...]:
    return tuple(_box_on(box, table) for box in boxes)


def _box_on(box: Box, table: Mapping[int, Intervals]) -> Box:
    moved = dict(box.constraints)
    for name in _IN_FIELDS:
        if name in moved:
            moved[name] = normalize(pair for atom, pairs in table.items() if _has(moved[name], atom) for pair in pairs)
    mapped = Box.of(moved)
    assert mapped is not None, "every old atom has a new one"
    return mapped


def _has(ranges: Intervals, atom: int) -> bool:
    return any(first <= atom <= last for first, last in ranges)
