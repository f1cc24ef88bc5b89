"""Translation rules as stages: the destination before the access lists, the source after them.

Theory of operation. A rule of the file acts on packets in both directions. `_flows` says which packets have their
destination translated, as they are on the wire and as they are afterwards; `_lookups` says for which packets the
*reply* would have its source translated by the rule. `reverse_path` compares the two.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portwright.packets.box import ALWAYS, Box, Doubt, Match
from portwright.packets.fields import LAST, PORT_PROTOCOLS, Field, State
from portwright.packets.intervals import Intervals
from portwright.platforms.cisco_asa.nat import PortMap, Translation, shift_between
from portwright.platforms.cisco_asa.reverse_path import Flow, ReversePath
from portwright.platforms.cisco_asa.routing import Untranslation
from portwright.platforms.cisco_asa.values import VERSIONS, Addresses
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Change, Look, Rewrite, Rule, Stage, Verdict
from portwright.source import Source

_EVERY_PORT: Intervals = ((1, LAST[Field.SPORT]),)
# A port above 1023 becomes another of these if it is taken, unless the pool has `flat include-reserve`.
# Cisco ASA Firewall CLI Configuration Guide, "Dynamic PAT": mapped ports are of the same range as the real one.
_HIGH_PORTS: Intervals = ((1024, LAST[Field.SPORT]),)
_FROM_HIGH_PORTS = Box(((Field.SPORT, _HIGH_PORTS),))
_WITH_PORTS = Box(((Field.PROTOCOL, tuple((number, number) for number in PORT_PROTOCOLS)),))
_ONLY_PORTS = PortMap(((0, 255),))
_KNOWN_STATES: Intervals = ((State.ESTABLISHED, State.RELATED),)


class Translations:
    """The translation rules of a file, in the order in which ASA tries them."""

    def __init__(self, rules: Iterable[Translation], interfaces: Interfaces, file: str):
        self._rules = sorted(rules, key=Translation.order)
        self._interfaces = interfaces
        self._file = file

    def destination_stage(self, reverse_path: ReversePath) -> tuple[Stage, tuple[Untranslation, ...]]:
        """The stage that translates destinations, and where its rules lead; fills in the reverse-path check."""
        rules: list[Rule] = []
        untranslations: list[Untranslation] = []
        for number, translation in enumerate(self._rules):
            for flow in self._flows(translation, number + 1 < len(self._rules)):
                reverse_path.add_flow(flow)
                rule = _rule(translation, flow.wire, flow.changes, flow.doubts)
                untranslations.append(Untranslation(rule, flow.egress))
                rules.append(rule)
            for box, certain in self._lookups(translation):
                reverse_path.add_lookup(translation, box, certain)
        return self._stage("translation of the destination", rules, Look.ARRIVING), tuple(untranslations)

    def source_stage(self) -> Stage:
        """The stage that translates sources."""
        rules = [rule for translation in self._rules for rule in self._source_rules(translation)]
        return self._stage("translation of the source", rules, Look.LEAVING)

    def _stage(self, name: str, rules: Sequence[Rule], look: Look) -> Stage:
        nobody = Source(self._file, 0)
        default = Rule(ALWAYS, Verdict.ACCEPT, nobody, default=True, reason="no rule translates the packet")
        return Stage(name, name, {name: Chain(name, (*rules, default), nobody)}, translates=True, look=look)

    # -- the destination ----------------------------------------------------------------------------------------

    def _flows(self, translation: Translation, others_follow: bool) -> Iterator[Flow]:
        for version in VERSIONS:
            ends = _Ends.of(translation, version)
            if ends is None:
                continue
            if translation.static and not translation.unidirectional:
                yield self._inbound(translation, ends)
            if ends.has_destination:
                yield self._outbound(translation, ends)
            elif translation.is_twice and others_follow:
                yield self._claimed(translation, ends)
            if not translation.static:
                yield self._reply(translation, ends)

    def _inbound(self, translation: Translation, ends: "_Ends") -> Flow:
        """Packets to the mapped address of a static rule."""
        ports = ends.ports
        wire = self._box_of(translation.mapped, None, ends, ends.real_destination, ends.mapped_source,
                        ports.real_destination, ports.mapped_source)  # fmt: skip
        after = self._box_of(translation.mapped, translation.real, ends, ends.real_destination, ends.real_source,
                         ports.real_destination, ports.real_source)  # fmt: skip
        changes = _changes(
            (Field.DST, ends.mapped_source, ends.real_source), (Field.DPORT, ports.mapped_source, ports.real_source)
        )
        return _flow(translation, wire, after, changes, translation.real, ends)

    def _outbound(self, translation: Translation, ends: "_Ends") -> Flow:
        """Packets from the real source to the mapped destination of a twice NAT rule."""
        ports = ends.ports
        wire = self._box_of(translation.real, None, ends, ends.real_source, ends.mapped_destination,
                        ports.real_source, ports.mapped_destination)  # fmt: skip
        after = self._box_of(translation.real, translation.mapped, ends, ends.real_source, ends.real_destination,
                         ports.real_source, ports.real_destination)  # fmt: skip
        changes = _changes(
            (Field.DST, ends.mapped_destination, ends.real_destination),
            (Field.DPORT, ports.mapped_destination, ports.real_destination),
        )
        return _flow(translation, wire, after, changes, translation.mapped, ends)

    def _claimed(self, translation: Translation, ends: "_Ends") -> Flow:
        """Packets whose source a twice NAT rule translates: no further rule follows, if this one is it."""
        wire = self._box_of(translation.real, None, ends, ends.real_source, None, ends.ports.real_source, None)
        doubt = Doubt("a packet matches one twice NAT rule alone, and this one if it leaves on its interface")
        return Flow(translation, wire, None, (), None, (doubt,))

    def _reply(self, translation: Translation, ends: "_Ends") -> Flow:
        """Packets of a connection to an address of the pool: which host it belongs to is not known."""
        wire = self._box_of(translation.mapped, None, ends, ends.real_destination, ends.mapped_source, None, None)
        wire = wire & _box({Field.STATE: _KNOWN_STATES}) or wire
        changes = [Change(Field.DST, ends.real_source)]
        if translation.translates_ports:
            changes.append(Change(Field.DPORT, _EVERY_PORT))
        doubt = Doubt("the address is also the firewall's own")
        return Flow(
            translation,
            wire,
            None,
            tuple(changes),
            translation.real,
            translation.doubts + ((doubt,) if translation.shares_interface else ()),
        )

    # -- the reply of a packet ----------------------------------------------------------------------------------

    def _lookups(self, translation: Translation) -> Iterator[tuple[Box, bool]]:
        """The packets (as they are after translation) whose reply the rule translates, and whether that is certain."""
        for version in VERSIONS:
            ends = _Ends.of(translation, version)
            if ends is None:
                continue
            certain = not translation.unidirectional and not translation.real_doubts
            yield self._reverse_of_source(translation, ends), certain
            if ends.has_destination and translation.static and not ends.keeps_destination:
                yield self._reverse_of_destination(translation, ends), False

    def _reverse_of_source(self, translation: Translation, ends: "_Ends") -> Box:
        ports = ends.ports
        return self._box_of(translation.mapped, translation.real, ends, ends.real_destination, ends.real_source,
                        ports.real_destination, ports.real_source)  # fmt: skip

    def _reverse_of_destination(self, translation: Translation, ends: "_Ends") -> Box:
        ports = ends.ports
        return self._box_of(translation.real, translation.mapped, ends, ends.real_source, ends.real_destination,
                        ports.real_source, ports.real_destination)  # fmt: skip

    # -- the source ---------------------------------------------------------------------------------------------

    def _source_rules(self, translation: Translation) -> Iterator[Rule]:
        for version in VERSIONS:
            ends = _Ends.of(translation, version)
            if ends is None:
                continue
            yield from self._forward(translation, ends)
            if not translation.is_twice or translation.unidirectional:
                continue
            if ends.has_destination and translation.static:
                yield self._backward(translation, ends)

    def _forward(self, translation: Translation, ends: "_Ends") -> Iterator[Rule]:
        ports = ends.ports
        box = self._reverse_of_destination(translation, ends)
        if translation.static:
            changes = _changes(
                (Field.SRC, ends.real_source, ends.mapped_source), (Field.SPORT, ports.real_source, ports.mapped_source)
            )
        else:
            changes = (Change(Field.SRC, ends.mapped_source),)
        if translation.translates_ports:
            high = box & _FROM_HIGH_PORTS if translation.keeps_high_ports else None
            for part, become in ((high, _HIGH_PORTS), (box, _EVERY_PORT)):
                if part is not None and (shared := part & _WITH_PORTS) is not None:
                    changed = (*changes, Change(Field.SPORT, become))
                    yield _rule(translation, shared, changed, translation.real_doubts)
        yield _rule(translation, box, changes, translation.real_doubts)

    def _backward(self, translation: Translation, ends: "_Ends") -> Rule:
        """The other direction of a static twice NAT rule: what was the destination is the source now."""
        ports = ends.ports
        changes = _changes(
            (Field.SRC, ends.real_destination, ends.mapped_destination),
            (Field.SPORT, ports.real_destination, ports.mapped_destination),
        )
        return _rule(translation, self._reverse_of_source(translation, ends), changes, translation.doubts)

    # -- boxes --------------------------------------------------------------------------------------------------

    def _box_of(
        self,
        arrives: str | None,
        leaves: str | None,
        ends: "_Ends",
        source: Intervals | None,
        destination: Intervals | None,
        source_ports: Intervals | None,
        destination_ports: Intervals | None,
    ) -> Box:
        """The packets with these ends; None: any."""
        found = {
            Field.IN: self._interfaces.exactly(arrives) if arrives else None,
            Field.OUT: self._interfaces.exactly(leaves) if leaves else None,
            Field.VERSION: ((ends.version, ends.version),),
            Field.PROTOCOL: ends.ports.protocol,
            Field.DPORT: destination_ports,
            Field.DST: destination,
            Field.SRC: source,
            Field.SPORT: source_ports,
        }
        return _box({name: ranges for name, ranges in found.items() if ranges is not None})


@dataclass(frozen=True, slots=True)
class _Ends:
    """A rule's addresses of one IP version."""

    version: int
    real_source: Intervals
    mapped_source: Intervals
    mapped_destination: Intervals | None
    real_destination: Intervals | None
    ports: PortMap

    @classmethod
    def of(cls, translation: Translation, version: int) -> "_Ends | None":
        """The ends; None where the rule has no real addresses of that version."""
        ends = (translation.real_source, translation.mapped_source,
                translation.mapped_destination, translation.real_destination)  # fmt: skip
        found = [None if end is None else _ranges(end, version) for end in ends]
        if any(ranges == () for ranges in found):
            return None
        real, mapped, to_map, to_real = found
        assert real is not None, "a rule has a source"
        assert mapped is not None, "a rule has a mapped source"
        return cls(version, real, mapped, to_map, to_real, translation.ports or _ONLY_PORTS)

    @property
    def has_destination(self) -> bool:
        return self.mapped_destination is not None or self.ports.mapped_destination is not None

    @property
    def keeps_destination(self) -> bool:
        return self.mapped_destination == self.real_destination and (
            self.ports.mapped_destination == self.ports.real_destination
        )


def _ranges(addresses: Addresses, version: int) -> Intervals:
    return addresses.family(version).possible


def _box(constraints: dict[Field, Intervals]) -> Box:
    found = Box.of(constraints)
    assert found is not None, "no constraint is empty"
    return found


def _changes(*fields: tuple[Field, Intervals | None, Intervals | None]) -> tuple[Change, ...]:
    """Each field moves from the second to the third; without a known shift it becomes one of the third."""
    changes = []
    for name, old, new in fields:
        if old is None or new is None:
            continue
        shift = shift_between(old, new)
        if shift != 0:
            changes.append(Change(name, new, shift))
    return tuple(changes)


def _flow(
    translation: Translation, wire: Box, after: Box, changes: tuple[Change, ...], egress: str | None, ends: _Ends
) -> Flow:
    doubts = translation.doubts
    if any(change.shift is None for change in changes):
        doubts += (Doubt("which address stands for which is not known"),)
    identity = not changes and ends.mapped_source == ends.real_source
    egress = None if translation.route_lookup and identity else egress
    return Flow(translation, wire, None if doubts else after, changes, egress, doubts)


def _rule(translation: Translation, box: Box, changes: tuple[Change, ...], doubts: tuple[Doubt, ...]) -> Rule:
    match = Match((), (box,), doubts) if doubts else Match((box,), (box,))
    return Rule(match, Rewrite(changes), translation.source, reason="; ".join(doubt.reason for doubt in doubts[:2]))
