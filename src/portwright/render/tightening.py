"""Takes away what a point permits and nothing needs: rules go, and what was needed of them comes back.

What the plan knows stays: required and optional flows, and what somebody answers for.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from portwright.check.excess import ExcessFinder, RuleExcess, accepted_at
from portwright.check.judge import Judge
from portwright.check.run import preferences
from portwright.errors import InvalidInput
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import Field, State
from portwright.packets.packetset import PacketSet
from portwright.policy.editing import Edit
from portwright.policy.intent import Intended
from portwright.policy.obstruction import obstruction
from portwright.render.boxes import intended, parts
from portwright.render.effect import Effect, union
from portwright.render.model import Remaining, Step
from portwright.render.needs import Allowance, Need, Stay, needs
from portwright.render.stand import Stand

if TYPE_CHECKING:
    from portwright.render.change import Mending

_MOST_PARTS = 8  # rules for what is accepted of one that goes
_STAYS = "it permits what nothing needs, and cannot be taken away without what is needed"
_ACCEPTED = "accepted"
_ESTABLISHED = Box(((Field.STATE, ((int(State.ESTABLISHED), int(State.ESTABLISHED)),)),))


class Tightening:
    """Takes rules away from one point whose change is under way."""

    def __init__(self, mending: "Mending"):
        self._mending = mending
        self._plan, self._space = mending.plan, mending.space
        self._needs = needs(self._plan, mending.point, mending.views, self._plan.flows)
        self.stay = Stay(self._needed(), moved=mending.moved)

    def tightened(self, stand: Stand, lines: Collection[int] | None = None) -> tuple[Stand, list[Remaining]]:
        """The point without what nothing needs, or without that of the rules on these lines; and what had to stay."""
        tried: set[str] = set()  # rules by their text: lines move with every edit
        rules = [one.rule.source for one in self._excess(stand)] if lines is not None else []
        wanted = None if lines is None else {rule.text for rule in rules if rule.line in lines}
        while excess := next((one for one in self._excess(stand) if _is_due(one, tried, wanted)), None):
            better = self._without(stand, excess)
            tried.add(excess.rule.source.text)
            stand = better or stand
        there = {one.rule.source.text: one for one in self._excess(stand)}  # whatever an edit was meant to do
        still = (one for text, one in there.items() if text in tried)
        return stand, [Remaining(one.rule.source.text, _STAYS, self._mending.reference(one.rule)) for one in still]

    def _needed(self) -> Mapping[str, PacketSet]:
        """Everything that has to stay: what the plan knows, in both directions, and what somebody answers for."""
        view, editor, ways = self._mending.start.view, self._mending.editor, self._on_their_ways()
        requests, replies = (
            Allowance.of([need for need in self._needs if need.is_reply is is_reply], view, editor).at
            for is_reply in (False, True)
        )
        nothing, known = PacketSet.nothing(self._space), PacketSet.of(self._space, [_ESTABLISHED])
        hooks = dict.fromkeys((*requests, *replies, "forward", "input"))
        accepted = PacketSet.of(self._space, self._accepted())
        return {
            hook: (requests.get(hook, nothing) | (replies.get(hook, nothing) & known) | accepted) & ways
            for hook in hooks
        }

    def _accepted(self) -> Boxes:
        """What somebody answers for, at this point or anywhere."""
        return (*accepted_at(self._plan, None), *accepted_at(self._plan, self._mending.point))

    def _on_their_ways(self) -> PacketSet:
        """The packets on the interfaces behind which the site says that their ends lie; at a host, all there are."""
        site, view = self._plan.site, self._mending.old.view
        point = site.points[self._mending.point]
        if point.on is not None:
            return PacketSet.everything(self._space)
        found = PacketSet.nothing(self._space)
        ends = [
            (name, side, version, zone)
            for zone, name in point.interfaces.items()
            for side in (Field.IN, Field.OUT)
            for version in (4, 6)
        ]
        sides = {Field.IN: found, Field.OUT: found}
        for name, side, version, zone in ends:
            atom = view.reading.configuration.interfaces.atom(name)
            field = Field.SRC if side is Field.IN else Field.DST
            addresses = site.zones[zone].addresses.family(version)
            box = Box.of({Field.VERSION: ((version, version),), side: ((atom, atom),), field: addresses})
            sides[side] = sides[side] | PacketSet.of(self._space, [box] if box else [])
        return sides[Field.IN] & sides[Field.OUT]

    def _excess(self, stand: Stand) -> Iterator[RuleExcess]:
        """The rules that are too wide, from the last of the file on, so that those before keep their lines."""
        views = {**self._mending.views, self._mending.point: stand.view}
        judge = Judge(self._plan, views, self._space, preferences(self._plan.site))
        found = ExcessFinder(self._plan, judge).of(stand.view, self._plan.site.points[self._mending.point])
        yield from sorted((one for one in found.sure if one.packets), key=lambda one: -one.rule.source.line)

    def _without(self, stand: Stand, excess: RuleExcess) -> Stand | None:
        """The point without a rule, and with rules for what is needed of it; None where that cannot be."""
        mending = self._mending
        steps = list(mending.steps)
        for edit in mending.editor.removing(stand.text, excess.rule, excess.packets):
            bare = self._tried(edit)
            if bare is None or not self._takes_away(stand, bare, excess):
                continue
            mending.steps.append(Step(edit, (), (), mending.reference(excess.rule)))
            mending.stay = replace(self.stay, excused=Effect.of(mending.old, bare).lost)
            better = mending.mended(bare, self._stopped(stand, bare))
            mending.stay = self.stay
            restored = self._restored(better, excess)
            if restored is not None:
                return restored
            mending.steps[:] = steps
        return None

    def _takes_away(self, old: Stand, new: Stand, excess: RuleExcess) -> bool:
        """Report whether some of what nothing needs is gone, and nothing new passes: lines may hold several rules."""
        gone = union(self._space, Effect.of(old, new).lost)
        return bool(gone & excess.packets) and not self._mending.beyond(Effect.of(self._mending.old, new))

    def _tried(self, edit: Edit) -> Stand | None:
        try:
            return self._mending.stand(edit.text)
        except InvalidInput:
            return None

    def _stopped(self, old: Stand, new: Stand) -> list[Need]:
        """The needs that the one lets pass and the other does not."""
        return [need for need in self._needs if not any(old.blocked(need)) and any(new.blocked(need))]

    # -- what somebody answers for ------------------------------------------------------------------------------

    def _restored(self, stand: Stand, excess: RuleExcess) -> Stand | None:
        """The point with rules for whatever else has to stay."""
        for _ in range(_MOST_PARTS):
            open_ = self.stay.missed(Effect.of(self._mending.old, stand).lost)
            if not open_:
                return stand
            following = next(filter(None, (self._with(stand, hook, open_[hook], excess) for hook in open_)), None)
            if following is None:
                return None
            stand = following
        return None

    def _with(self, stand: Stand, hook: str, packets: PacketSet, excess: RuleExcess) -> Stand | None:
        for box in self._parts(packets):
            rule = intended(box, self._model(hook, packets))
            for edit in self._proposals(stand, hook, packets & PacketSet.of(self._space, [box]), rule):
                new = self._tried(edit)
                if new is not None and self._helps(stand, new):
                    self._mending.steps.append(Step(edit, (), (), self._mending.reference(excess.rule)))
                    return new
        return None

    def _parts(self, packets: PacketSet) -> Iterator[Box]:
        """What is to come back: an accepted flow as it is written, or some of the packets."""
        yield from (box for box in self._accepted() if packets.overlaps(box))
        yield from parts(packets, 1)

    def _helps(self, old: Stand, new: Stand) -> bool:
        """Report whether less that has to stay is lost, and nothing passes that did not."""
        start = self._mending.old
        before, after = (union(self._space, self.stay.missed(Effect.of(start, one).lost)) for one in (old, new))
        return after <= before and after != before and not self._mending.beyond(Effect.of(start, new))

    def _model(self, hook: str, packets: PacketSet) -> Intended:
        """The interfaces of packets, where they have but one, as a rule says them."""
        interfaces = self._mending.old.view.reading.configuration.interfaces
        names: list[str | None] = []
        for side in (Field.IN, Field.OUT):
            found = [atom for atom in (0, *interfaces.atoms()) if packets.overlaps(Box(((side, ((atom, atom),)),)))]
            names.append(interfaces.name(found[0]) or None if len(found) == 1 else None)
        return Intended(hook, names[0], names[1], (), (), (), (_ACCEPTED,), ())

    def _proposals(self, stand: Stand, hook: str, packets: PacketSet, rule: Intended | None) -> Iterator[Edit]:
        """Ways to put a rule in where the packets are stopped."""
        stopped = ((stage, packets - stand.sure(stage)) for stage in stand.view.policy(hook).stages)
        first = next(((stage, found) for stage, found in stopped if found), None)
        if first is not None and rule is not None:
            for surely in (False, True):
                if (at := obstruction(*first, surely=surely)) is not None:
                    yield from self._mending.editor.permitting(stand.text, rule, at)


def _is_due(excess: RuleExcess, tried: Collection[str], wanted: Collection[str] | None) -> bool:
    text = excess.rule.source.text
    return text not in tried and (wanted is None or text in wanted)
