"""What changes a running configuration so that it passes what is missing, and nothing else.

Theory of operation. Of each required flow that does not surely pass a point the first rule in its way is found; flows
that the same rule stops become few rules, as for a new configuration. The platform proposes edits of the text, the best
first. Each is tried: the text is parsed again and compared with the running one, packet by packet. It is kept when
nothing but what is missing passes more, nothing passes less, and its flows come farther than before. Then the next,
until nothing is missing or nothing helps.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from portwright import platforms
from portwright.check.obstacle import FlowResult, Judgment
from portwright.check.points import PointView, Reading
from portwright.check.run import Check
from portwright.errors import InvalidInput, Problem
from portwright.findings import Kind
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.editing import Edit
from portwright.policy.intent import Intended
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction, obstruction
from portwright.policy.reference import RuleReference, rule_reference
from portwright.render.boxes import as_seen, intended, parts
from portwright.render.effect import Effect, known_connections, union
from portwright.render.endings import ended_like, unified
from portwright.render.intent import merged, single
from portwright.render.leading import Leading
from portwright.render.model import Change, Remaining, Step
from portwright.render.needs import Allowance, Need, Stay, needs
from portwright.render.stand import Blocked, Common, Stand
from portwright.render.tightening import Tightening
from portwright.render.verify import Claim, Refused, Verifier

_MOST_STEPS = 200
_MOST_TRIES = 40  # edits that are tried for one rule
_MOST_BOXES = 8  # rules that a flow may become where it is blocked in part


def changes(
    plan: Plan, readings: Mapping[str, Reading], points: Iterable[str], tighten: bool = False, undecided: bool = False
) -> list[Change]:
    """The change of each of these points; `tighten` takes away what nothing needs, too.

    With `undecided` rules come in front of lines that are not modelled, too, whatever those may be there for.

    Raises InvalidInput for every platform whose configurations cannot be changed, and for points without one.
    """
    points = list(points)
    if problems := [problem for name in points for problem in _unchangeable(plan, readings, name)]:
        raise InvalidInput(problems)
    judge = Check(plan, readings).judge
    results = [judge.result(flow) for flow in plan.required]
    return [Mending(plan, readings, name, missing(results, name), undecided).change(tighten) for name in points]


def _unchangeable(plan: Plan, readings: Mapping[str, Reading], name: str) -> list[Problem]:
    point = plan.site.points[name]
    path = f"enforcement.{name}"
    if point.platform not in platforms.EDITING:
        known = ", ".join(platforms.EDITING)
        message = f"no configuration of platform '{point.platform}' can be changed"
        return [Problem(point.source.file, point.source.line, 0, f"{path}.platform", message, f"one of: {known}")]
    if name not in readings:
        message = "there is no configuration to change"
        return [
            Problem(
                point.source.file,
                point.source.line,
                0,
                f"{path}.config",
                message,
                "portwright render SITE writes a whole one",
            )
        ]
    if readings[name].text.lstrip("\ufeff").lstrip()[:1] == "{":
        message = "a change is written against the text of a configuration, not against JSON"
        return [Problem(readings[name].configuration.file, 0, 0, "", message, "nft list ruleset > FILE")]
    return []


@dataclass(frozen=True, slots=True)
class _Job:
    """A rule that is to be put in, and what it is for."""

    rule: Intended
    blocked: tuple[Blocked, ...]
    at: tuple[Obstruction, ...]  # where it may be put in

    @property
    def key(self) -> object:
        """The same for what was tried before in vain."""
        return self.rule, self.at[0].chain, self.at[0].rule.source.text


class Mending:
    """The change of one point under way."""

    def __init__(
        self,
        plan: Plan,
        readings: Mapping[str, Reading],
        point: str,
        flows: Sequence[RequiredFlow],
        undecided: bool = False,
    ):
        self.plan, self.point = plan, point
        self.editor = platforms.editor(plan.site.points[point].platform)
        self._common = Common.of(readings[point].configuration, plan, point)
        self.space = self._common.space
        self._given = readings[point].text
        self.old = self.stand(unified(self._given))
        views = {name: PointView(name, one, self.space, plan) for name, one in readings.items() if name != point}
        self.views = {**views, point: self.old.view}
        self.readings = readings
        self.flows, self._undecided = flows, undecided
        self.knows_connections = False
        self.opened = PacketSet.nothing(self.space)  # what nothing needs, and no narrower edit leaves out
        self.refused: dict[str, Refused] = {}  # by the id of a flow: the last edit for it that would do harm
        self.steps: list[Step] = []
        self._in_vain: set[object] = set()
        self._leading = Leading(self)
        self.start = self._leading.led(self.old)
        self.steps += self._leading.steps
        self.views[point] = self.start.view
        self.moved = self._leading.moved
        self.needs = needs(plan, point, self.views, flows)
        open_ = [need for need in self.needs if need.seen[0] & self.moved or any(self.old.blocked(need))]
        self.may_pass = Allowance.of(open_, self.start.view, self.editor)
        self.stay = Stay(moved=self.moved)
        if self.moved:
            self.opened = union(self.space, self.beyond(Effect.of(self.old, self.start))) & self.moved

    def stand(self, text: str) -> Stand:
        """The point with a text. Raises InvalidInput when it is no configuration."""
        return Stand(self.plan, self.point, text, self._common)

    def change(self, tighten: bool, lines: Collection[int] | None = None) -> Change:
        """The whole change, proved; `lines` are those of the rules to tighten, where not all."""
        stand, left = self.mended(self.start, self.needs), list[Remaining]()
        if tighten:
            tightening = Tightening(self)
            stand, left = tightening.tightened(stand, lines)
            self.stay = tightening.stay
        text = ended_like(self._given, stand.text) if stand.text != self.old.text else self._given
        stand = self.stand(text) if text != stand.text else stand
        editor, missing = self.editor, [flow.id for flow in self.flows]
        commands = editor.commands(self.old.text, stand.text)
        verifier = Verifier(self.plan, self.readings, self.point, self.old)
        remaining = [*verifier.remaining(stand, missing, self.refused, self._leading.uncertain), *left]
        useful = union(self.space, Tightening(self).stay.at or {}) if self.opened else self.opened
        claim = Claim(missing, self.may_pass, self.opened, useful, self.stay, self.knows_connections)
        return Change(
            self.point,
            self.plan.site.points[self.point].platform,
            self.old.view.reading.configuration.file,
            self._given,
            stand.text,
            tuple(self.steps),
            tuple(remaining),
            commands,
            editor.commands(stand.text, self.old.text),
            verifier.proof(stand, claim, remaining, editor, commands),
        )

    def mended(self, stand: Stand, found: Iterable[Need]) -> Stand:
        """The point after every edit that helps these needs."""
        found = list(found)
        for _ in range(_MOST_STEPS):
            following = next((better for job in self._jobs(stand, found) if (better := self._done(stand, job))), None)
            if following is None:
                break
            stand = following
        return stand

    # -- what is to be done -------------------------------------------------------------------------------------

    def _jobs(self, stand: Stand, found: Iterable[Need]) -> Iterator[_Job]:
        """Rules for all that is blocked: first few for many flows, then one for each, then for parts of flows."""
        groups: dict[object, list[Blocked]] = {}
        for blocked in (one for need in found for one in stand.blocked(need)):
            at = self._places([blocked])
            if at:
                crossing = replace(blocked.need.crossing, point="")
                groups.setdefault((at[0].rule, at[0].chain, blocked.need.is_reply, crossing), []).append(blocked)
        for group in groups.values():
            yield from self._of_group(group, merge=True)
        for group in groups.values():
            yield from self._of_group(group, merge=False)
        for group in groups.values():
            yield from (job for blocked in group for job in self._in_parts(blocked))

    def _of_group(self, group: list[Blocked], merge: bool) -> Iterator[_Job]:
        rules = {
            one.need.flow.id: _rule(one.need) if one.is_as_planned else as_seen(one.packets, _rule(one.need))
            for one in group
        }
        for rule in merged(dict.fromkeys(rules.values())) if merge else rules.values():
            yield from self._job(rule, tuple(one for one in group if one.need.flow.id in rule.flows))

    def _in_parts(self, blocked: Blocked) -> Iterator[_Job]:
        """Rules for exactly the packets that are blocked."""
        for box in parts(blocked.packets, _MOST_BOXES):
            if (rule := intended(box, _rule(blocked.need))) is not None:
                yield from self._job(rule, (blocked,))

    def _job(self, rule: Intended, blocked: tuple[Blocked, ...]) -> Iterator[_Job]:
        at = self._places(blocked)
        if at and (job := _Job(rule, blocked, at)).key not in self._in_vain:
            yield job

    def _places(self, blocked: Sequence[Blocked]) -> tuple[Obstruction, ...]:
        """The rules in front of which another may come: those that surely block, and if asked for those that may."""
        stage, packets, surely = blocked[0].stage, PacketSet.nothing(self.space), PacketSet.nothing(self.space)
        for one in blocked:
            packets, surely = packets | one.packets, surely | one.surely
        if stage is None:
            return ()
        found = [obstruction(stage, packets, surely=False)] if self._undecided else []
        found += [obstruction(stage, surely, surely=True)] if surely else []
        return tuple(dict.fromkeys(one for one in found if one is not None))

    # -- and how ------------------------------------------------------------------------------------------------

    def _done(self, stand: Stand, job: _Job) -> Stand | None:
        """The point after the first edit that does the job; None when none does."""
        for edit, is_answer in islice(self._proposals(stand.text, job), _MOST_TRIES):
            better = self._tried(edit, job, is_answer)
            if better is not None:
                self.knows_connections |= is_answer
                self.opened = self.opened | union(self.space, self.beyond(Effect.of(self.old, better), is_answer))
                self.steps.append(self._step(edit, self._reaching(job, stand, better) if edit.is_narrowest else job))
                return better
        self._in_vain.add(job.key)
        return None

    def _reaching(self, job: _Job, stand: Stand, better: Stand) -> _Job:
        """The job with all that an edit helps which is for no flow in particular."""
        stopped = (one for need in self.needs for one in stand.blocked(need))
        helped = (one for one in stopped if _farther(one, list(better.blocked(one.need))))
        return replace(job, blocked=tuple(helped))

    def _proposals(self, text: str, job: _Job) -> Iterator[tuple[Edit, bool]]:
        if job.rule.is_reply:
            yield from ((edit, True) for edit in self.editor.answering(text, job.at[0]))
        yield from ((edit, False) for at in job.at for edit in self.editor.permitting(text, job.rule, at))

    def _tried(self, edit: Edit, job: _Job, is_answer: bool) -> Stand | None:
        try:
            new = self.stand(edit.text)
        except InvalidInput:
            return None
        if not any(_farther(old, list(new.blocked(old.need))) for old in job.blocked):
            return None
        effect = Effect.of(self.old, new)
        more, less = (
            union(self.space, part) for part in (self.beyond(effect, is_answer), self.stay.missed(effect.lost))
        )
        if not less and (not more or (edit.is_narrowest and self.keeps_tests(new))):
            return new
        self.refused |= {one.need.flow.id: Refused(edit, more, less) for one in job.blocked}
        return None

    def keeps_tests(self, new: Stand) -> bool:
        """Report whether no test of the site fails that did not."""
        before, after = (
            {one.id for one in Check(self.plan, {**self.readings, self.point: stand.view.reading}).run().findings
             if one.kind is Kind.ASSERTION}
            for stand in (self.old, new)
        )  # fmt: skip
        return after <= before

    def beyond(self, effect: Effect, is_answer: bool = False) -> Mapping[str, PacketSet]:
        """What passes more and may not."""
        knows = is_answer or self.knows_connections
        allowed = self.may_pass | known_connections(self.space) if knows else self.may_pass
        return (allowed | self.opened).beyond(effect.gained)

    def _step(self, edit: Edit, job: _Job) -> Step:
        flows = {blocked.need.flow.id: blocked.need.flow for blocked in job.blocked}
        breaks = dict.fromkeys(broken for flow in flows.values() for broken in self.plan.breaks(flow))
        because = self.reference(job.at[0].rule)
        requirements = sorted({flow.requirement.id for flow in flows.values()})
        return Step(edit, tuple(requirements), tuple(flows), because, tuple(breaks))

    def reference(self, rule: Rule) -> RuleReference:
        """A rule as it stands in the running configuration, which steps before may have moved."""
        found = rule_reference(rule, self.point)
        lines = self.old.text.split("\n")
        same = [number for number, line in enumerate(lines, 1) if line.strip() == found.text and found.line]
        return replace(found, line=min(same, key=lambda number: abs(number - found.line), default=found.line))


def missing(results: Iterable[FlowResult], point: str) -> list[RequiredFlow]:
    """The flows that do not surely pass a point and that nobody can do without; of alternatives the first."""
    results = list(results)
    served = {result.flow.group for result in results if result.judgment is not Judgment.MISSING} - {""}
    found: dict[str, RequiredFlow] = {}
    for result in results:
        at = {obstacle.point for obstacle in result.obstacles}
        spared = result.judgment is Judgment.MISSING and result.flow.group in served
        if result.judgment is not Judgment.PROVED and point in at and not spared:
            found.setdefault(result.flow.group or result.flow.id, result.flow)
    return list(found.values())


def _rule(need: Need) -> Intended:
    """The rule for a flow, or for its replies."""
    rule = single(need.flow, need.crossing)
    return replace(rule, sources=rule.destinations, destinations=rule.sources, is_reply=True) if need.is_reply else rule


def _farther(old: Blocked, new: list[Blocked]) -> bool:
    """Report whether less is blocked, or less surely, or only later on the way."""
    if not new or new[0].position > old.position:
        return True
    now = new[0]
    if now.position < old.position or not now.packets <= old.packets or not now.surely <= old.surely:
        return False
    return now.packets != old.packets or now.surely != old.surely
