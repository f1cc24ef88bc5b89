"""The whole check of a site: judgments on flows, excess of points, and the findings that follow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import reduce
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple

from portwright.check.assertions import Assertions
from portwright.check.assumed import assuming
from portwright.check.drift import drift
from portwright.check.entries import misplaced, wide_entries, wide_rules
from portwright.check.excess import ExcessFinder, PointExcess, RuleExcess, permitted
from portwright.check.extent import without_source_port
from portwright.check.judge import Judge
from portwright.check.obstacle import NOT_GIVEN, FlowResult, Judgment, Obstacle
from portwright.check.points import PointView, Reading, Way
from portwright.check.report import CheckReport, PointSummary
from portwright.check.traffic import crossed_points
from portwright.check.wording import cannot, consequence, whether, why
from portwright.findings import Finding, Kind, told_apart
from portwright.lint.run import remarked, without_effect
from portwright.packets.diagram import Space
from portwright.packets.fields import Field, Header, State
from portwright.packets.packetset import PacketSet, Preferences
from portwright.plan.model import Plan, RequiredFlow, reply
from portwright.policy.algebra import is_possible
from portwright.policy.model import Rule
from portwright.policy.reference import rule_reference
from portwright.policy.text import box_text, packet_of
from portwright.site.model import Exemption, Site
from portwright.site.naming import site_naming
from portwright.source import Source

_COVER = 3  # flows that an excess finding spells out
_UNMODELLED = "a line that is not modelled"
_UNFOLLOWED = "a line whose packets go to another address than they came for"  # translated
_ON_SOME_INTERFACE = "a line for an interface, of which the site does not say what comes in there,"
_BLOCKED = {"missing": Kind.MISSING, "reply": Kind.REPLY, "bypass": Kind.REPLY_BYPASSES}
_STATES = {"missing": State.NEW, "reply": State.ESTABLISHED}  # of the packets that are stopped


# Somebody on the Internet: RFC 5737, RFC 3849.
_SOMEBODY = tuple(int(ip_address(text)) for text in ("203.0.113.77", "198.51.100.77", "192.0.2.77", "2001:db8::77"))


def preferences(site: Site) -> Preferences:
    """Values that make a witness look familiar: the site's hosts, an ephemeral port, well-known services."""
    addresses = [first for host in site.hosts.values() for first, _ in (*host.addresses.v4, *host.addresses.v6)]
    groups = [first + 10 for group in site.groups.values() for first, last in group.addresses.v4 if last - first > 10]
    return {
        Field.VERSION: (4, 6),
        Field.PROTOCOL: (6, 17, 1, 58),
        Field.SPORT: (40000,),
        Field.SRC: (*addresses, *groups, *_SOMEBODY),
        Field.DST: (*addresses, *groups, *_SOMEBODY),
        Field.DPORT: (443, 3389, 445, 22, 80, 1433, 53),
    }


class Opening(NamedTuple):
    """What a line that is not certain may open: a packet, and all of them."""

    witness: str
    packets: PacketSet


def _line(cause: Rule | str) -> Source | str:
    """The line of a configuration that is to blame: it may stand for several rules."""
    return cause.source if isinstance(cause, Rule) else cause


def _taken(rules: dict[Rule, Opening], line: Source | str) -> Opening | None:
    """What the rules of a line may open, which are taken out of the others."""
    own = [rules.pop(rule) for rule in list(rules) if rule.source == line]
    if not own:
        return None
    return own[0]._replace(packets=reduce(PacketSet.__or__, (opening.packets for opening in own)))


class Check:
    """A check under way: views of the points, and a judge for the flows."""

    def __init__(self, plan: Plan, readings: Mapping[str, Reading]):
        self.plan = plan
        self.space = Space()
        self.prefer = preferences(plan.site)
        self.views = {name: PointView(name, reading, self.space, plan) for name, reading in readings.items()}
        self.judge = Judge(plan, self.views, self.space, self.prefer)
        self._permitted = PacketSet.of(self.space, permitted(plan))
        self._naming = site_naming(plan.site)

    def instead(self, point: str, reading: Reading) -> "Check":
        """The same check with another configuration of one point; what is known of the others is shared."""
        other = copy(self)
        other.views = {**self.views, point: PointView(point, reading, self.space, self.plan)}
        other.judge = Judge(self.plan, other.views, self.space, self.prefer)
        return other

    def excess(self, point: str) -> PointExcess:
        """What one point permits although nothing needs it."""
        return ExcessFinder(self.plan, self.judge).of(self.views[point], self.plan.site.points[point])

    def run(self, everything: bool = False) -> CheckReport:
        """Judge every required flow and every point. `everything` lifts the universe of excess."""
        results = tuple(self.judge.result(flow) for flow in self.plan.required)
        spared = spared_flows(results)
        finder = ExcessFinder(self.plan, self.judge, everything)
        excess = {name: finder.of(view, self.plan.site.points[name]) for name, view in self.views.items()}
        findings = [
            *self.plan.findings,
            *self._blocked(results, spared),
            *self._undecided(results, excess),
            *self._unread(results),
            *self._astray(),
            *self._unnamed(),
            *self._tunneled(),
            *Assertions(self.judge).findings(),
            *self._excess(excess),
            *wide_entries(self.plan),
            *wide_rules(self.plan, excess),
            *misplaced(self.plan.site, self.views.values()),
            *chain.from_iterable(drift(self.plan, view) for view in self.views.values()),
            *self._anomalies(),
        ]
        return CheckReport(
            self.plan,
            results,
            told_apart(findings),
            tuple(self._summaries()),
            sum(found.not_judged for found in excess.values()),
            spared,
            {view.reading.configuration.file: view.reading.text for view in self.views.values()},
        )

    # ------------------------------------------------------------------ missing and replies

    def _blocked(self, results: Iterable[FlowResult], spared: frozenset[str]) -> Iterator[Finding]:
        for result in results:
            if result.flow.id not in spared:
                yield from self.blocked(result)

    def blocked(self, result: FlowResult) -> Iterator[Finding]:
        """What it means that a flow, or its replies, do not pass: a finding for each point that surely stops it."""
        blocking = [obstacle for obstacle in result.obstacles if obstacle.kind != "undecided"]
        stops = list(dict.fromkeys(obstacle.point for obstacle in blocking))
        for obstacle in blocking:
            others = [point for point in stops if point != obstacle.point]
            yield self._finding(result.flow, obstacle, others)

    def _finding(self, flow: RequiredFlow, obstacle: Obstacle, others: Sequence[str]) -> Finding:
        kind = _BLOCKED[obstacle.kind]
        breaks = self.plan.breaks(flow)
        what = cannot(flow, kind, obstacle, others)
        return Finding(
            kind,
            f"{consequence(self.plan, breaks)}: {what}" if breaks else what,
            point=obstacle.point,
            flow=flow.id,
            witness=self.judge.packet_text(obstacle),
            decided_by=tuple(rule_reference(rule, obstacle.point) for rule in obstacle.rules),
            requirements=(flow.requirement.id,),
            citations=flow.requirement.citations,
            breaks=breaks,
            packets=self._stopped(flow, obstacle),
        )

    def _stopped(self, flow: RequiredFlow, obstacle: Obstacle) -> PacketSet | None:
        """What of a flow, or of its replies, a point's filters surely stop; None where translations play a part."""
        crossings = chain.from_iterable((*route.forward, *route.back) for route in flow.routes)
        state = _STATES.get(obstacle.kind)
        if state is None or obstacle.crossing is None or any(map(self.judge.translates, crossings)):
            return None
        verdicts = self.views[obstacle.point].verdicts(Way.of(obstacle.crossing, state))
        denied = [box for one in self.plan.exceptions if _is_at(one, obstacle.point) for box in one.flow.boxes()]
        there = obstacle.kind == "missing"
        boxes, excepted = (flow.packets, denied) if there else (flow.replies, map(reply, denied))
        required = PacketSet.of(self.space, boxes) - PacketSet.of(self.space, excepted)
        return (required - PacketSet.where(verdicts, is_possible)) or None  # none: they are not in that state there

    # ------------------------------------------------------------------ undecided: one finding a line

    def _undecided(self, results: Iterable[FlowResult], excess: Mapping[str, PointExcess]) -> Iterator[Finding]:
        hanging: defaultdict[tuple[str, Source | str], list[tuple[RequiredFlow, Obstacle]]] = defaultdict(list)
        causes: dict[tuple[str, Source | str], Rule | str] = {}  # the first rule of each line
        for result in results:
            for obstacle in result.obstacles:
                known = obstacle.point or obstacle.place  # the plan has found the rest
                if obstacle.kind == "undecided" and known:
                    for cause in obstacle.rules or (obstacle.reason,):
                        place = (obstacle.point, _line(cause))
                        hanging[place].append((result.flow, obstacle))
                        causes.setdefault(place, cause)
        opening = {name: self.doubtful_rules(name, found) for name, found in excess.items()}
        for (point, line), flows in hanging.items():
            opens = _taken(opening.get(point, {}), line)
            yield self._hanging(point, causes[point, line], flows, opens)
        for point, rules in opening.items():
            for rule, may_pass in rules.items():
                yield self.may_open(point, rule, may_pass)

    def _unread(self, results: Iterable[FlowResult]) -> Iterator[Finding]:
        """Points without a configuration that no required flow crosses: what they permit is not known either."""
        told = {obstacle.point for result in results for obstacle in result.obstacles if obstacle.reason == NOT_GIVEN}
        for name, point in self.plan.site.points.items():
            if name not in self.views and name not in told:
                message = f"{name}: {NOT_GIVEN}, so that what it permits is not known"
                yield Finding(Kind.UNDECIDED, message, subject=NOT_GIVEN, point=name, place=str(point.source))

    def _astray(self) -> Iterator[Finding]:
        """Points that no path crosses: either they stop nothing of this site, or a path lacks them."""
        crossed = crossed_points(self.plan.site)
        for name in self.views:
            point = self.plan.site.points[name]
            if name not in crossed:
                message = f"no path of the site crosses {name}, so that what must pass it is not judged"
                yield Finding(Kind.UNDECIDED, message, subject="no path", point=name, place=str(point.source))

    def _unnamed(self) -> Iterator[Finding]:
        """Interfaces of a configuration behind which the site puts no zone: what may come in there nobody judges."""
        for name, view in self.views.items():
            point, configuration = self.plan.site.points[name], view.reading.configuration
            unnamed = sorted(set(configuration.interfaces.names) - set(point.interfaces.values()))
            if configuration.declares_interfaces and point.on is None and unnamed:
                which = f"interface{'s' if len(unnamed) > 1 else ''} {', '.join(unnamed)}"
                message = f"{name}: the site puts no zone behind {which}; what may come in there is not judged"
                yield Finding(Kind.NOTE, message, subject="no zone", point=name, place=str(point.source))

    def _tunneled(self) -> Iterator[Finding]:
        """What is taken for granted about packets that tunnels carry."""
        for name, view in self.views.items():
            for tunnel in view.reading.configuration.tunnels:
                message = f"{name}: what line {tunnel.source.line} carries is taken to come and go in its tunnel"
                yield Finding(Kind.NOTE, message, subject=tunnel.source.text, point=name, place=str(tunnel.source))

    def _hanging(
        self, point: str, cause: Rule | str, flows: list[tuple[RequiredFlow, Obstacle]], also: Opening | None
    ) -> Finding:
        breaks = tuple(dict.fromkeys(broken for flow, _ in flows for broken in self.plan.breaks(flow)))
        requirements = tuple(dict.fromkeys(flow.requirement.id for flow, _ in flows))
        citations = tuple(dict.fromkeys(c for flow, _ in flows for c in flow.requirement.citations))
        ids = list(dict.fromkeys(flow.id for flow, _ in flows))  # a flow may hang on it there and back
        number = f"{len(ids)} required flows are undecided" if len(ids) > 1 else whether(flows[0][0])
        because = flows[0][1].reason or why(cause, flows[0][1], len(ids) == 1)
        opens = ", and so is what else may be open" if also is not None else ""
        return Finding(
            Kind.UNDECIDED,
            f"{point}: {number}{opens}: {because}" if point else f"{number}: {because}",
            subject=cause.source.text if isinstance(cause, Rule) else cause,
            point=point,
            flow=ids[0] if len(ids) == 1 else "",
            witness=self.judge.packet_text(flows[0][1]),
            decided_by=(rule_reference(cause, point),) if isinstance(cause, Rule) else (),
            requirements=requirements,
            citations=citations,
            breaks=breaks,
            place=str(flows[0][1].place or ""),
            flows=tuple(ids) if len(ids) > 1 else (),
            packets=also.packets if also else None,
        )

    def doubtful_rules(self, point: str, found: PointExcess) -> dict[Rule, Opening]:
        """The uncertain rules that may open what nothing needs, each with a witness and its packets."""
        rules: dict[Rule, Opening] = {}
        view = self.views[point]
        for part in found.possible:
            way, witness = self._witness(view, part)
            decision = view.walker(way.hook).decide(witness)
            text = str(packet_of(witness, view.reading.configuration.interfaces))
            for rule in decision.undecided_by or (part.rule,):
                known = rules.get(rule, Opening(text, PacketSet.nothing(self.space)))
                rules[rule] = known._replace(packets=known.packets | part.packets)
        return rules

    def may_open(self, point: str, rule: Rule, opening: Opening) -> Finding:
        """That a rule may let pass what nothing needs."""
        return Finding(
            Kind.UNDECIDED,
            f"{point}: {self._unfollowed(point) if rule.match.is_certain else _UNMODELLED} may open what nothing needs",
            subject=rule.source.text,
            point=point,
            witness=opening.witness,
            decided_by=(rule_reference(rule, point),),
            packets=opening.packets,
        )

    def _unfollowed(self, point: str) -> str:
        """Why it is not known what a line that is understood opens: who meets it, or where its packets go."""
        return _ON_SOME_INTERFACE if self.plan.site.points[point].on is not None else _UNFOLLOWED

    # ------------------------------------------------------------------ excess: one finding a rule

    def _excess(self, excess: Mapping[str, PointExcess]) -> Iterator[Finding]:
        for point, found in excess.items():
            yield from (self.too_wide(point, one) for one in found.sure)

    def too_wide(self, point: str, found: RuleExcess) -> Finding:
        """That a rule lets pass what nothing needs."""
        own = PacketSet.of(self.space, found.rule.match.possible)  # what is needed of it may stand in the same box
        boxes, left_out = found.packets.cover(_COVER, self.prefer, beside=self._permitted & own)
        shown = "; ".join(box_text(without_source_port(box), naming=self._naming) for box in boxes)
        more = " and more" if left_out else ""
        view = self.views[point]
        _, witness = self._witness(view, found)
        needed = self._needed_through(point, found)
        label = self._label(found.packets)
        return Finding(
            Kind.EXCESS,
            f"{point} permits what nothing {'in daily work ' if label else ''}needs: {shown}{more}"
            + (f" ({label})" if label else "")
            + (f"; all that is needed of it: {needed}" if needed else ""),
            subject=found.rule.source.text,
            point=point,
            witness=str(packet_of(witness, view.reading.configuration.interfaces)),
            decided_by=(rule_reference(found.rule, point),),
            packets=found.packets,
        )

    def _witness(self, view: PointView, found: RuleExcess) -> tuple[Way, Header]:
        """A packet of an excess on a way on which it is one."""
        witness = found.packets.witness(self.prefer)
        way = next(way for way, packets in found.on.items() if witness in packets)
        values = list(witness)
        for name, ranges in view.constraints(way).items():
            values[name] = ranges[0][0]
        return way, tuple(values)

    def _needed_through(self, point: str, found: RuleExcess) -> str:
        """Required flows that the rule of the point possibly serves too."""
        rule_boxes = found.rule.match.possible
        served = [
            flow.id
            for flow in self.plan.required
            if any(box & packets for box in rule_boxes for packets in flow.packets)
            and any(
                crossing.point == point
                and crossing.interface_in == way.interface_in
                and crossing.interface_out == way.interface_out
                for route in flow.routes
                for crossing in route.forward
                for way in found.ways
            )
        ]
        if not served or found.rule.default:
            return ""
        return served[0] if len(served) == 1 else f"{len(served)} required flows"

    def _label(self, packets: PacketSet) -> str:
        """Why flows of another phase would explain all of it."""
        for flow in self.plan.others:
            if packets <= PacketSet.of(self.space, flow.permitted):
                return f"{flow.label}: {flow.id}"
        return ""

    # ------------------------------------------------------------------ rules without effect

    def _anomalies(self) -> Iterator[Finding]:
        for name, view in self.views.items():
            hook = "input" if self.plan.site.points[name].on else "forward"
            yield from without_effect(assuming(view.own_policy(hook), view.assumptions).stages, name)
            remarks = view.reading.configuration.remarks
            yield from (remarked(remark, name) for remark in remarks if remark.kind != "unused")  # that is for lint

    def _summaries(self) -> Iterator[PointSummary]:
        for name, view in self.views.items():
            read = view.reading.configuration
            census = read.census
            yield PointSummary(name, read.platform, read.file, census.modelled, census.inert, census.unknown)


def spared_flows(results: Iterable[FlowResult]) -> frozenset[str]:
    """The blocked flows that nobody misses, since an alternative of theirs is not blocked."""
    results = list(results)
    served = {result.flow.group for result in results if result.judgment is not Judgment.MISSING} - {""}
    blocked = (result.flow for result in results if result.judgment is Judgment.MISSING)
    return frozenset(flow.id for flow in blocked if flow.group in served)


def _is_at(entry: Exemption, point: str) -> bool:
    return entry.flow.point in (None, point)
