"""The tests of a site, end to end: `deny` holds when no packet passes, `allow` when all do.

A test is judged on every way between the zones of its ends. Where no way is declared it does not hold: nothing is
passed for want of a path.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from portwright.check.ends import between, ends, homeless, only_at
from portwright.check.judge import Judge
from portwright.check.obstacle import Obstacle
from portwright.check.reach import Reach
from portwright.findings import Finding, Kind
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import TCP, Field
from portwright.packets.intervals import contains
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Endpoint, reply
from portwright.plan.routing import Routing
from portwright.policy.algebra import is_sure
from portwright.policy.index import Values
from portwright.policy.reference import RuleReference, rule_reference
from portwright.policy.text import packet_of
from portwright.policy.walk import surely_meets
from portwright.site.model import Route, Test


class _Leg(NamedTuple):
    """A test between two ends whose way is the same for all addresses."""

    source: Endpoint
    destination: Endpoint
    boxes: Boxes
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Assertions:
    """Judges the tests of a site."""

    judge: Judge

    def findings(self) -> Iterator[Finding]:
        """At most one finding a test: that it does not hold, or that this is not known."""
        for test in self.judge.plan.site.tests:
            found = [finding for finding in (self._homeless(test), *self._on_ways(test)) if finding is not None]
            worst = [finding for finding in found if finding.kind is Kind.ASSERTION] or found
            yield from worst[:1]

    def _on_ways(self, test: Test) -> Iterator[Finding | None]:
        legs = list(self._legs(test))
        if not any(leg.routes for leg in legs):
            where = f" that crosses {test.flow.point}" if test.flow.point and legs else ""
            yield _finding(test, f"the site declares no path{where} for {test.flow.text}, as its test needs")
        for leg in legs:
            if not leg.routes and test.flow.point is None:
                zones = f"from zone {leg.source.zone} to zone {leg.destination.zone}"
                yield _finding(test, f"the site declares no path {zones}, which the test of {test.flow.text} needs")
            for route in leg.routes:
                yield self._allow(test, leg, route) if test.verdict == "allow" else self._deny(test, leg, route)

    # ------------------------------------------------------------------ ends and ways

    def _legs(self, test: Test) -> Iterator[_Leg]:
        routing = Routing.of(self.judge.plan.site)
        flow = test.flow
        for source in ends(flow.source.addresses, routing):
            for destination in ends(flow.destination.addresses, routing):
                boxes = between(flow, source.addresses, destination.addresses)
                if boxes:
                    routes = routing.between(source, destination)
                    at = tuple(only_at(route, flow.point) for route in routes)
                    yield _Leg(source, destination, boxes, tuple(route for route in at if route is not None))

    def _homeless(self, test: Test) -> Finding | None:
        """An end with addresses that lie in no zone: nobody knows their way."""
        for end in (test.flow.source, test.flow.destination):
            if lost := homeless(end, self.judge.plan.site):
                return _finding(test, f"{lost.texts()[0]} lies in no zone, so that the test of {test.flow.text} fails")
        return None

    # ------------------------------------------------------------------ allow

    def _allow(self, test: Test, leg: _Leg, route: Route) -> Finding | None:
        replies = tuple(reply(box) for box in leg.boxes)
        is_tcp = any(contains(box.get(Field.PROTOCOL), TCP) for box in leg.boxes)
        obstacles = list(self.judge.on(route, leg.boxes, replies, is_tcp))
        virtual = self.judge.plan.site.virtual.get(leg.destination.name)
        obstacles += self.judge.behind(virtual) if virtual is not None else ()
        sure = [obstacle for obstacle in obstacles if obstacle.kind != "undecided"]
        for obstacle in sure or obstacles:
            return self._blocked(test, obstacle)
        return None

    def _blocked(self, test: Test, obstacle: Obstacle) -> Finding:
        text = test.flow.text
        what = {
            "missing": f"{text} does not pass {obstacle.point}, and a test of the site says that it must",
            "bypass": f"{text} passes {obstacle.point} in one direction alone, and a test of the site says that it must"
            " pass",
            "reply": f"the replies to {text} do not pass {obstacle.point}, and a test of the site says that they must",
            "undecided": f"whether {text} passes {obstacle.point}, as a test of the site says, is not known",
        }[obstacle.kind]
        because = f": {obstacle.reason}" if obstacle.reason else ""
        rules = tuple(rule_reference(rule, obstacle.point) for rule in obstacle.rules)
        kind = Kind.UNDECIDED if obstacle.kind == "undecided" else Kind.ASSERTION
        return _finding(test, what + because, kind, self.judge.packet_text(obstacle), rules)

    # ------------------------------------------------------------------ deny

    def _deny(self, test: Test, leg: _Leg, route: Route) -> Finding | None:
        """A packet that passes every point and comes out as the test says; or one that may."""
        for crossing in route.forward:
            if crossing.point not in self.judge.views:
                return _finding(test, f"{_open(test)}: no configuration of {crossing.point} is given", Kind.UNDECIDED)
        reach = Reach(self.judge, route)
        packets = reach.passing(PacketSet.of(self.judge.space, leg.boxes))
        if not packets:
            return None
        if not reach.translates:
            packets = reach.passing(packets, is_sure) or packets
        return self._walked(test, reach, leg, packets)

    def _walked(self, test: Test, reach: Reach, leg: _Leg, packets: PacketSet) -> Finding:
        """A finding with a packet, and the rules that let it pass point by point."""
        rules: list[RuleReference] = []
        packet = packets.witness(self.judge.prefer)
        header: Values = packet
        is_certain = True
        for step in reach.walk(packet):
            rules = [*(rules if step.is_certain else ()), *(rule_reference(rule, step.point) for rule in step.deciding)]
            is_certain = step.is_certain
            header = step.leaving
        if is_certain and any(surely_meets((box,), header) for box in _without_source(leg.boxes)):
            text = f"{test.flow.text} passes, and a test of the site says that nothing of it may"
            return _finding(test, text, Kind.ASSERTION, str(packet_of(packet)), tuple(rules))
        return _finding(test, _open(test), Kind.UNDECIDED, str(packet_of(packet)), tuple(rules))


def _open(test: Test) -> str:
    return f"whether {test.flow.text} passes, which a test of the site denies, is not known"


def _without_source(boxes: Boxes) -> Boxes:
    """The boxes whatever the source, which points may translate."""
    sources = (Field.SRC, Field.SPORT)
    return tuple(Box(tuple(pair for pair in box.constraints if pair[0] not in sources)) for box in boxes)


def _finding(
    test: Test, message: str, kind: Kind = Kind.ASSERTION, witness: str = "", rules: tuple[RuleReference, ...] = ()
) -> Finding:
    subject = f"{test.verdict} {test.flow.text}"
    return Finding(kind, message, subject, witness=witness, decided_by=rules, place=str(test.source))
