"""Where two configurations disagree: packet sets, each with a witness and the two deciders."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import eq

from portwright.packets.box import AH_OVER_IPV6, BEHIND_AH, Box, Match
from portwright.packets.diagram import Node, Operation, PacketMap, Space
from portwright.packets.fields import AH, LAST, Field, Header
from portwright.packets.intervals import Intervals, contains, normalize
from portwright.packets.packetset import PacketSet, Preferences, well_formed
from portwright.policy.algebra import DROP, VERDICTS, PolicyMap, Translations
from portwright.policy.configuration import Configuration
from portwright.policy.interfaces import OTHER, Interfaces
from portwright.policy.model import Chain, Policy, Rewrite, Rule, Stage
from portwright.policy.routing import routed
from portwright.policy.walk import Decision, Walker

_IN_FIELDS = (Field.IN, Field.OUT)
_IPV6 = Box(((Field.VERSION, ((6, 6),)),))


@dataclass(frozen=True, slots=True)
class Difference:
    """Packets that the two policies treat differently, one pair of deciders."""

    witness: Header  # on the atoms of `Comparison.interfaces`
    old: Decision
    new: Decision
    cover: tuple[Box, ...]  # packets of the difference that the same pair decides, the witness among them


class Comparison:
    """Two configurations on common interfaces: their maps and their differences.

    Where the routes of a configuration are all known, packets leave on the interface that those give them; otherwise
    each interface is compared.
    """

    def __init__(self, old: Configuration, new: Configuration, hook: str = "forward", path: bool = False):
        names = (*old.interfaces.names, *new.interfaces.names)
        self.interfaces = Interfaces.of(names, (*old.interfaces.prefixes, *new.interfaces.prefixes))
        self.space = Space()
        self._rooms: dict[tuple[int, int], PacketSet] = {}
        sides = ((configuration, configuration.policy(hook, path)) for configuration in (old, new))
        translations: Translations = {}
        self._sides = [_Side(self.space, self.interfaces, *side, translations) for side in sides]
        pairing = Operation(lambda one, other: (one, other))
        roots = [side.verdicts for side in self._sides]
        self._pairs: PacketMap[tuple[int, int]] = PacketMap(self.space, self.space.apply(pairing, *roots))
        real = well_formed(self.space) & self._known_interfaces()
        doubtful = PacketSet.of(self.space, (box for side in self._sides for box in _perhaps_translated(side.policy)))
        certain = PacketSet.where(self._pairs, _both_certain) - doubtful
        self.different = (certain & PacketSet.where(self._pairs, _differ)) & real
        self.undecided = real - certain
        if all(_passes_over_ah(side.policy) for side in self._sides):
            self.undecided = self.undecided - PacketSet.of(self.space, AH_OVER_IPV6)  # as alike as what they carry

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
        found: dict[tuple[tuple[Rule, ...], ...], Difference] = {}
        rest = packets
        for _ in range(_PIECES_PER_DIFFERENCE * most):
            if not rest or len(found) > most:
                break
            witness = rest.witness(prefer)
            box = self._alike(packets, self._pairs[witness]).grow(witness)
            rest = rest - PacketSet.of(self.space, [box])
            old, new = (side.decide(witness) for side in self._sides)
            known = found.get((old.via, new.via))
            cover = (*known.cover, box) if known else (box,)
            found[old.via, new.via] = Difference(known.witness if known else witness, old, new, cover)
        return list(found.values())[:most], rest.count()

    def _alike(self, packets: PacketSet, pair: tuple[int, int]) -> PacketSet:
        """The packets with the same pair of verdicts, and headers that no packet has."""
        if pair not in self._rooms:
            alike = packets & PacketSet.where(self._pairs, partial(eq, pair))
            self._rooms[pair] = alike | ~well_formed(self.space)
        return self._rooms[pair]


_PIECES_PER_DIFFERENCE = 4  # boxes that one pair of deciders may take before the rest is only counted


class _Side:
    """One of the two configurations, on the common interfaces."""

    def __init__(
        self,
        space: Space,
        interfaces: Interfaces,
        configuration: Configuration,
        policy: Policy,
        translations: Translations,
    ):
        self.policy = on_interfaces(policy, configuration.interfaces, interfaces)
        self._walker = Walker(self.policy)
        self._atoms = interfaces.atoms()
        self._routed = routed(space, self.policy, configuration, interfaces)
        self.verdicts = PolicyMap(space, self.policy, translations).verdicts.root
        if configuration.routing_is_complete:
            self.verdicts = self._as_routed(space)

    def _as_routed(self, space: Space) -> Node:
        """The verdicts of packets that leave as they are routed, whatever interface they name."""
        on_route = Operation(lambda follows, value: value if follows else 0)
        root = space.apply(on_route, self._routed.root, self.verdicts)
        root = space.assign(Field.OUT, root, ((self._atoms[0], self._atoms[-1]),), Operation(_either))
        return space.map(lambda verdicts: verdicts or DROP, root)  # without a route it goes nowhere

    def decide(self, witness: Header) -> Decision:
        """What this side does with a packet of a difference."""
        ways = ((*witness[: Field.OUT], atom, *witness[Field.OUT + 1 :]) for atom in (witness[Field.OUT], *self._atoms))
        return self._walker.decide(next((way for way in ways if way in self._routed), witness))


def _either(one: Hashable, other: Hashable) -> int:
    assert isinstance(one, int)
    assert isinstance(other, int)
    return one | other


def _both_certain(pair: Hashable) -> bool:
    assert isinstance(pair, tuple)
    return all((verdicts & VERDICTS).bit_count() == 1 for verdicts in pair)


def _differ(pair: Hashable) -> bool:
    assert isinstance(pair, tuple)
    return bool(pair[0] != pair[1])


def _perhaps_translated(policy: Policy) -> Iterator[Box]:
    """Where a policy may translate, or not: matches in doubt in the stages that translate."""
    for stage in policy.stages:
        rules = [rule for chain in stage.chains.values() for rule in chain.rules]
        if any(isinstance(rule.action, Rewrite) for rule in rules):
            yield from (box for rule in rules if not rule.match.is_certain for box in rule.match.possible)


def _passes_over_ah(policy: Policy) -> bool:
    """Report whether AH is nothing to a policy: in IPv6 it treats packets with AH as what they carry behind.

    Then each rule that asks for a protocol asks for it behind AH, too, and none asks for AH.
    """
    stages = (stage for stage in policy.stages if any(box & _IPV6 for box in stage.scope))
    return all(_all_pass_over_ah(chain.rules) for stage in stages for chain in stage.chains.values())


def _all_pass_over_ah(rules: Sequence[Rule]) -> bool:
    behind = {rule.source for rule in rules if rule.match.doubts == (BEHIND_AH,)}
    others = [rule for rule in rules if rule.match.doubts != (BEHIND_AH,)]
    asking = ((rule, box.get(Field.PROTOCOL)) for rule in others for box in rule.match.possible)
    narrow = [(rule, protocols) for rule, protocols in asking if protocols != ((0, LAST[Field.PROTOCOL]),)]
    return behind <= {rule.source for rule in others} and all(
        rule.source in behind and not contains(protocols, AH) for rule, protocols in narrow
    )


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
