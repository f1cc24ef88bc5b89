"""Translations that lead elsewhere than the site says: the line of the configuration gets the target that is meant.

What the site declares under `nat` is known for certain: what is sent to one address becomes another one. Where a line
of the configuration translates the same packets to somebody else, it is that line which is wrong. A translation that
nobody has declared may be meant as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portwright.check.points import Way
from portwright.errors import InvalidInput
from portwright.packets.addresses import Addresses
from portwright.packets.box import Box
from portwright.packets.fields import PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals
from portwright.packets.notation import End, ports_text
from portwright.packets.packetset import PacketSet
from portwright.plan.model import RequiredFlow
from portwright.policy.editing import Edit, Target
from portwright.policy.model import Rewrite, Rule
from portwright.policy.translation import free
from portwright.render.effect import Effect, union
from portwright.render.model import Step
from portwright.render.stand import Stand
from portwright.site.model import Translation

if TYPE_CHECKING:
    from portwright.render.change import Mending

_PORTED: Intervals = tuple((number, number) for number in sorted(PORT_PROTOCOLS))
_NOT_CERTAIN = "and no way to write that into this line is certain"
_BREAKS_A_TEST = "and a test of the site would fail by that"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A declared translation on one way through the point."""

    entry: Translation
    flow: RequiredFlow
    way: Way
    sent: PacketSet  # to the address that clients use
    meant: PacketSet  # what these are to become


class Leading:
    """Mends the translations of one point whose change is under way."""

    def __init__(self, mending: "Mending"):
        self._mending = mending
        self._plan, self._space, self._point = mending.plan, mending.space, mending.point
        self.moved = PacketSet.nothing(self._space)  # what is led to another address than before
        self.steps: list[Step] = []
        self.uncertain: dict[str, str] = {}  # id of a flow -> why its translation stays as it is

    def led(self, stand: Stand) -> Stand:
        """The point with each declared translation that is certain."""
        for wanted in self._wanted():
            if self._strays(stand, wanted):
                stand = self._tried(stand, wanted) or stand
        return stand

    def _wanted(self) -> Iterator[_Wanted]:
        for entry in self._plan.site.translations:
            for flow in self._mending.flows if entry.at == self._point else ():
                if flow.destination.addresses & entry.becomes.addresses:
                    ways = (Way.of(one) for route in flow.routes for one in route.forward if one.point == self._point)
                    for way in dict.fromkeys(ways):
                        yield self._on(entry, flow, way)

    def _on(self, entry: Translation, flow: RequiredFlow, way: Way) -> _Wanted:
        ports = entry.to.ports
        becomes = entry.becomes.ports or ports
        sent, meant = (
            PacketSet.of(self._space, _boxes(end, numbers))
            for end, numbers in ((entry.to.addresses, ports), (entry.becomes.addresses, becomes))
        )
        return _Wanted(entry, flow, way, sent, meant)

    def _strays(self, stand: Stand, wanted: _Wanted) -> PacketSet:
        """What is sent to the address and led elsewhere."""
        led = stand.view.translations(wanted.way)[0].leads(wanted.sent)
        return led - wanted.meant - wanted.sent

    def _tried(self, stand: Stand, wanted: _Wanted) -> Stand | None:
        why = _NOT_CERTAIN
        for rule in self._leading(stand, wanted):
            for target in _targets(wanted.entry):
                for edit in self._mending.editor.leading(stand.text, rule, target):
                    new = self._made(edit)
                    if new is None or self._strays(new, wanted) or not self._is_about(stand, new, wanted):
                        continue
                    if self._mending.keeps_tests(new):
                        self.moved = self.moved | self._about(stand, wanted)
                        self._note(edit, rule, wanted)
                        return new
                    why = _BREAKS_A_TEST
        to, becomes = (_text(end) for end in (wanted.entry.to, wanted.entry.becomes))
        self.uncertain[wanted.flow.id] = f"the site says that {to} becomes {becomes}, {why}"
        return None

    def _made(self, edit: Edit) -> Stand | None:
        try:
            return self._mending.stand(edit.text)
        except InvalidInput:
            return None

    def _leading(self, stand: Stand, wanted: _Wanted) -> Iterator[Rule]:
        """The rules that translate what is sent to the address."""
        fixed = Box.of(stand.view.constraints(wanted.way))
        here = wanted.sent & PacketSet.of(self._space, [fixed] if fixed else [])
        rules = (
            rule
            for stage in stand.view.own_policy(wanted.way.hook).stages
            for chain in stage.chains.values()
            for rule in chain.rules
        )
        lines: set[int] = set()
        for rule in rules:
            is_one = isinstance(rule.action, Rewrite) and any(one.field is Field.DST for one in rule.action.changes)
            if is_one and rule.source.line not in lines and any(here.overlaps(box) for box in rule.match.possible):
                lines.add(rule.source.line)
                yield rule

    def _about(self, old: Stand, wanted: _Wanted) -> PacketSet:
        """What may be translated otherwise: what is sent to the address or its hosts, and what these send."""
        hosts = free(wanted.meant | self._strays(old, wanted), Field.SRC, Field.SPORT)
        boxes = []
        for box in hosts.boxes():
            found = {Field.VERSION: box.get(Field.VERSION), Field.SRC: box.get(Field.DST)}
            if wanted.entry.to.ports is not None:
                found |= {Field.PROTOCOL: box.get(Field.PROTOCOL), Field.SPORT: box.get(Field.DPORT)}
            boxes.append(Box.of(found))
        return wanted.sent | hosts | PacketSet.of(self._space, [box for box in boxes if box is not None])

    def _is_about(self, old: Stand, new: Stand, wanted: _Wanted) -> bool:
        """Report whether nothing else is translated otherwise, or passes no more."""
        lost = union(self._space, Effect.of(old, new).lost)
        return lost <= self._about(old, wanted)

    def _note(self, edit: Edit, rule: Rule, wanted: _Wanted) -> None:
        breaks = tuple(dict.fromkeys(self._plan.breaks(wanted.flow)))
        because = self._mending.reference(rule)
        self.steps.append(Step(edit, (wanted.flow.requirement.id,), (wanted.flow.id,), because, breaks, leads=True))


def _text(end: End) -> str:
    return end.text if end.ports is None else f"{end.text}:{ports_text(end.ports)}"


def _boxes(addresses: Addresses, ports: Intervals | None) -> Iterator[Box]:
    """What is sent to an address, on some ports or whatever it is."""
    for version in (4, 6):
        found = {Field.VERSION: ((version, version),), Field.DST: addresses.family(version)}
        if ports is not None:
            found |= {Field.PROTOCOL: _PORTED, Field.DPORT: ports}
        if (box := Box.of(found)) is not None:
            yield box


def _targets(entry: Translation) -> Iterator[Target]:
    """What packets are to become, where that is one address of an IP version."""
    for version in (4, 6):
        ranges = entry.becomes.addresses.family(version)
        port = entry.becomes.ports if entry.to.ports is not None else None
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            yield Target(version, ranges[0][0], port[0][0] if port and port[0][0] == port[-1][1] else None)
