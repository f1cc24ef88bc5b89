"""What another configuration of one point means for a site.

Flows, tests and accepted flows that pass end to end before and not afterwards are lost, the other way round gained.
What nothing needs is opened or closed at the point itself. All else that two configurations do differently has no
effect on the site.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portwright.check.assertions import Assertions
from portwright.check.excess import PointExcess, RuleExcess
from portwright.check.judge import Judge
from portwright.check.obstacle import FlowResult, Judgment
from portwright.check.points import Way
from portwright.check.query import Query
from portwright.check.run import Check, spared_flows
from portwright.findings import Finding, Kind
from portwright.packets.notation import Flow
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.text import packet_of
from portwright.site.model import Accept, Route

_Way = tuple[str, str, Route]  # names of the two ends, and a way between them


@dataclass(frozen=True, slots=True)
class FlowChange:
    """A flow of the plan, before and afterwards."""

    flow: RequiredFlow
    before: FlowResult
    after: FlowResult


@dataclass(frozen=True, slots=True)
class AcceptedChange:
    """A flow that somebody answers for and that passes on one side only, or at least in part."""

    entry: Accept
    is_lost: bool  # otherwise gained
    packet: str  # one of those that are treated differently


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """The effects of another configuration, the worst first."""

    plan: Plan
    point: str
    lost: tuple[FlowChange, ...]  # surely blocked afterwards, and not before
    spared: frozenset[str]  # ids of lost flows one of whose alternatives still passes
    broken: tuple[Finding, ...]  # tests of the site that do not hold any more
    gained: tuple[FlowChange, ...]  # proved afterwards, and not before
    mended: tuple[Finding, ...]  # tests that hold again, as they failed
    accepted: tuple[AcceptedChange, ...]
    opened: tuple[Finding, ...]
    closed: tuple[Finding, ...]
    undecided: tuple[FlowChange, ...]  # not known afterwards, or not known whether it is as before
    doubts: tuple[Finding, ...]  # tests that are not known any more, and lines that may open what nothing needs

    @property
    def needed(self) -> tuple[FlowChange, ...]:
        """The lost flows that are required and have no alternative that passes."""
        return tuple(one for one in self.lost if one.flow.is_required and one.flow.id not in self.spared)

    @property
    def verdict(self) -> str:
        """loses, differs, undecided or equal."""
        if self.needed or self.broken:
            return "loses"
        if any((self.lost, self.gained, self.mended, self.accepted, self.opened, self.closed)):
            return "differs"
        return "undecided" if self.undecided or self.doubts else "equal"


def effects(before: Check, after: Check, point: str, same_commands: bool) -> Effects:
    """What changes for a site between two checks that differ in the configuration of one point.

    Commands that are the same mean the same twice, also where they are not understood.
    """
    changes = [] if same_commands else list(_flow_changes(before, after, point))
    broken, mended, unclear = _tests(before.judge, after.judge, point)
    opened, closed, may_open = _excess(before, after, point)
    return Effects(
        before.plan,
        point,
        lost=tuple(change for change in changes if _is_lost(change)),
        spared=spared_flows(after.judge.result(flow) for flow in after.plan.required) if changes else frozenset(),
        broken=broken,
        gained=tuple(change for change in changes if _is_gained(change)),
        mended=mended,
        accepted=tuple(_accepted_changes(before, after, point)),
        opened=opened,
        closed=closed,
        undecided=tuple(change for change in changes if _is_unclear(change, point)),
        doubts=() if same_commands else (*unclear, *may_open),
    )


# ---------------------------------------------------------------------- flows


def _flow_changes(before: Check, after: Check, point: str) -> Iterator[FlowChange]:
    """The flows that cross the point, there or back."""
    for flow in before.plan.flows:
        ways = (crossing for route in flow.routes for crossing in (*route.forward, *route.back))
        if any(crossing.point == point for crossing in ways):
            yield FlowChange(flow, before.judge.result(flow), after.judge.result(flow))


def _is_lost(change: FlowChange) -> bool:
    return change.after.judgment is Judgment.MISSING and change.before.judgment is not Judgment.MISSING


def _is_gained(change: FlowChange) -> bool:
    return change.after.judgment is Judgment.PROVED and change.before.judgment is not Judgment.PROVED


def _is_unclear(change: FlowChange, point: str) -> bool:
    """Report whether it is not known what becomes of a flow, or, at the point, whether that is as before."""
    if _is_lost(change) or _is_gained(change):
        return False
    if change.before.judgment is not change.after.judgment:
        return True
    obstacles = (*change.before.obstacles, *change.after.obstacles)
    is_known = change.after.judgment is not Judgment.UNDECIDED
    return not is_known and any(obstacle.point == point for obstacle in obstacles)


# ---------------------------------------------------------------------- tests and accepted flows


def _tests(before: Judge, after: Judge, point: str) -> tuple[tuple[Finding, ...], ...]:
    """The findings about tests that do not hold any more, those that do again, and those that are not known."""
    was = {finding.subject: finding for finding in Assertions(before).findings()}
    now = {finding.subject: finding for finding in Assertions(after).findings()}
    failed = {subject for subject, finding in was.items() if finding.kind is Kind.ASSERTION}
    broken = (one for one in now.values() if one.kind is Kind.ASSERTION and one.subject not in failed)
    mended = (was[subject] for subject in failed if subject not in now)
    unclear = (
        one
        for one in now.values()
        if one.kind is Kind.UNDECIDED
        and (one.subject not in was or one.subject in failed or any(rule.point == point for rule in one.decided_by))
    )
    return tuple(broken), tuple(mended), tuple(unclear)


def _accepted_changes(before: Check, after: Check, point: str) -> Iterator[AcceptedChange]:
    """Of each flow that somebody answers for, a packet that surely passes before alone, and one afterwards alone."""
    for accepted in before.plan.accepted:
        was, now = (_passing(check, accepted.flow, point) for check in (before, after))
        for is_lost, here, there in ((True, was, now), (False, now, was)):
            packets = PacketSet.nothing(before.space)
            for way, (_, sure) in here.items():
                packets = packets | (sure - there[way][0] if way in there else sure)
            if packets:
                yield AcceptedChange(accepted.entry, is_lost, str(packet_of(packets.witness(before.prefer))))


def _passing(check: Check, flow: Flow, point: str) -> dict[_Way, tuple[PacketSet, PacketSet]]:
    """What of a flow may pass and what surely does, on each way through the point."""
    return {
        (leg.source.name, leg.destination.name, reach.route): (possible, sure)
        for leg, reach, possible, sure in Query(check.judge).passing(flow)
        if any(hop.crossing.point == point for hop in reach.hops)
    }


# ---------------------------------------------------------------------- what nothing needs


def _excess(before: Check, after: Check, point: str) -> tuple[tuple[Finding, ...], ...]:
    """What is opened, what is closed, and what may be open on either side."""
    was, now = before.excess(point), after.excess(point)
    opened = (after.too_wide(point, found) for found in _beyond(now, was))
    closed = (before.too_wide(point, found) for found in _beyond(was, now))
    check, found = (after, now) if now.possible else (before, was)
    doubts = (check.may_open(point, rule, opening) for rule, opening in check.doubtful_rules(point, found).items())
    return tuple(opened), tuple(closed), tuple(doubts)


def _beyond(found: PointExcess, other: PointExcess) -> Iterator[RuleExcess]:
    """The sure excess of one side that is not even possible on the other."""
    known: dict[Way, PacketSet] = {}
    for rule in (*other.sure, *other.possible):
        for way, packets in rule.on.items():
            known[way] = known[way] | packets if way in known else packets
    for rule in found.sure:
        on = {way: packets - known[way] if way in known else packets for way, packets in rule.on.items()}
        if on := {way: packets for way, packets in on.items() if packets}:
            first, *others = on.values()
            for packets in others:
                first = first | packets
            yield RuleExcess(rule.rule, first, on)
