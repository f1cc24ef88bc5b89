"""The proof of a change, from its two texts and its commands, before anything of it is written.

The proof has parts that know nothing of each other: the text after the change is checked like anybody's configuration;
it is compared with the running one, packet by packet; and the commands, taken one by one, lead to it and back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from portwright import platforms
from portwright.check.judge import Judge
from portwright.check.obstacle import Judgment, Obstacle
from portwright.check.points import Reading
from portwright.check.run import Check, preferences
from portwright.errors import InvalidInput
from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan
from portwright.policy.editing import Edit, Editor
from portwright.policy.reference import rule_reference
from portwright.policy.text import box_text
from portwright.policy.translation import free
from portwright.render.effect import Effect, known_connections, same, union
from portwright.render.model import Proof, Remaining
from portwright.render.needs import Allowance, Stay
from portwright.render.stand import Stand
from portwright.site.naming import site_naming

_SHOWN = 12  # boxes of packets that are spelled out
_STOPPED = {
    "missing": "no rule that can be put in here lets it pass",
    "reply": "no rule that can be put in here lets the replies pass",
    "bypass": "the point sees one direction of the connection alone: a path has to change, not a rule",
    "undecided": "it hangs on a line that is not modelled, and may be in order",
}


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a change is to do."""

    missing: Sequence[str]  # ids of flows
    may_pass: Allowance
    opened: PacketSet  # what may pass for want of a narrower edit
    useful: PacketSet  # what the plan knows of it, or somebody answers for
    stay: Stay
    knows_connections: bool  # packets of connections that were let through may pass more, too


def _astray(obstacle: Obstacle) -> str:
    """Why a translation stays as it is that leads packets elsewhere; empty where none does."""
    return (
        f"{obstacle.reason}; where they are to go is not declared under nat, so it stays" if obstacle.is_astray else ""
    )


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """An edit that lets the packets of a flow pass, and would do harm."""

    edit: Edit
    more: PacketSet  # that would pass, and nothing needs
    less: PacketSet  # that would not pass any more


class Verifier:
    """Proves the changes of one point."""

    def __init__(self, plan: Plan, readings: Mapping[str, Reading], point: str, old: Stand):
        self._plan, self._readings, self._point, self._old = plan, readings, point, old
        self._prefer = preferences(plan.site)
        self._naming = site_naming(plan.site)

    def remaining(
        self, new: Stand, missing: Sequence[str], refused: Mapping[str, Refused], uncertain: Mapping[str, str]
    ) -> Iterator[Remaining]:
        """The flows that the whole check still does not let pass here, with what stops them."""
        judge = self._judge(new)
        for result in (judge.result(self._plan.flow(id)) for id in missing):
            here = [obstacle for obstacle in result.obstacles if obstacle.point == self._point]
            if here:
                rules = here[0].rules
                because = rule_reference(rules[0], self._point) if rules else None
                undecided = all(obstacle.kind == "undecided" for obstacle in here)
                reason = (
                    uncertain.get(result.flow.id)
                    or _astray(here[0])
                    or here[0].reason
                    or self._harm(refused.get(result.flow.id))
                    or _STOPPED[here[0].kind]
                )
                yield Remaining(result.flow.id, reason, because, undecided)

    def _harm(self, refused: Refused | None) -> str:
        """Why an edit was not made; empty where there was none."""
        if refused is None:
            return ""
        does, packets = ("let pass", refused.more) if refused.more else ("stop", refused.less)
        shown = "; ".join(self._texts(packets, platforms.editor(self._plan.site.points[self._point].platform)))
        why = f", since {refused.edit.scope}" if refused.edit.scope else ""
        return f"what would let it pass here would also {does} {shown}{why}"

    def proof(
        self, new: Stand, claim: Claim, remaining: Sequence[Remaining], editor: Editor, commands: Sequence[str]
    ) -> Proof:
        """What the change does, and which part of the claim does not hold."""
        effect, space = Effect.of(self._old, new), new.view.space
        gained, lost = union(space, effect.gained), union(space, effect.lost)
        known = known_connections(space)
        needed = claim.may_pass | known if claim.knows_connections else claim.may_pass
        told = gained - known if claim.knows_connections else gained
        opened = union(space, needed.beyond(effect.gained)) & claim.opened - claim.useful
        allowed = needed | claim.opened
        missed = union(space, claim.stay.missed(effect.lost))
        beyond = union(space, allowed.beyond(effect.gained))
        left = {one.what for one in remaining}
        led_elsewhere = lost & claim.stay.moved if claim.stay.moved is not None else lost - lost
        failures = (
            *(f"this would pass, and is not missing: {text}" for text in self._texts(beyond, editor)),
            *(f"this would not pass any more: {text}" for text in self._texts(missed, editor)),
            *(self._broken(new) if led_elsewhere else ()),
            *self._by_commands(new, editor, tuple(commands)),
        )
        mended = tuple(id for id in claim.missing if id not in left)
        return Proof(
            mended,
            self._texts(told, editor),
            self._texts(lost - led_elsewhere, editor),
            self._texts(opened, editor),
            self._texts(led_elsewhere, editor),
            claim.knows_connections,
            failures,
        )

    def _broken(self, new: Stand) -> Iterator[str]:
        """The required flows that the check did not miss before, and would then."""
        before, after = (
            {flow.id for flow in self._plan.required if judge.result(flow).judgment is not Judgment.PROVED}
            for judge in (self._judge(stand) for stand in (self._old, new))
        )
        yield from (f"this would not surely pass any more: {id}" for id in sorted(after - before))

    def _judge(self, stand: Stand) -> Judge:
        """The judge of the whole site with a text of the point, read anew."""
        platform, file = self._plan.site.points[self._point].platform, self._old.view.reading.configuration.file
        reading = Reading(platforms.read(platform, stand.text, file), stand.text)
        return Check(self._plan, {**self._readings, self._point: reading}).judge

    def _by_commands(self, new: Stand, editor: Editor, commands: tuple[str, ...]) -> Iterator[str]:
        """Whether the commands lead from one text to the other, and back."""
        back = editor.commands(new.text, self._old.text)
        for title, start, steps, end in (
            ("the commands do not lead to the proved text", self._old, commands, new),
            ("the rollback does not lead back", new, back, self._old),
        ):
            try:
                reached = self._old.like(editor.applied(start.text, steps))
            except (InvalidInput, ValueError) as problem:
                yield f"{title}: {problem}"
                continue
            if not same(reached, end):
                yield title

    def _texts(self, packets: PacketSet, editor: Editor) -> tuple[str, ...]:
        """Packets in flow notation, without what says nothing: states, and what rules cannot tell."""
        interfaces = self._old.view.reading.configuration.interfaces
        untold = [Field.FLAGS, Field.STATE, *([] if editor.TELLS_DEPARTURE else [Field.OUT])]
        untold += [Field.IN, Field.OUT] if self._plan.site.points[self._point].on is not None else []
        texts, left_out = dict[str, None](), 0
        for version in (4, 6):
            own = PacketSet.of(packets.space, [Box(((Field.VERSION, ((version, version),)),))])
            boxes, more = (free(packets, *untold) & own).cover(_SHOWN, self._prefer)
            texts |= dict.fromkeys(box_text(box, interfaces, self._naming) for box in boxes)
            left_out += more
        return (*texts, *(["and more"] if left_out else []))
