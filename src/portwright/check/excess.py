"""What a point permits although nothing needs it, one permitting rule at a time.

Excess has a universe: new connections that can arrive on an interface (on the side of the Internet that is everything)
and have a declared host or group of the site at one end. What a rule permits beyond that is counted as not judged.
Packets that come back out of the interface on which they came count too: between two zones behind it, and inside a zone
whose own traffic the site leads through the point.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from portwright.check.judge import Judge
from portwright.check.points import PointView, Way
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import HIDDEN_BY_AH, Box, Boxes
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet, well_formed
from portwright.plan.model import Plan
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.model import Rule
from portwright.site.model import Accept, Host, Outside, Point, Site, Virtual, Zone

_Ends = list[tuple[PacketSet, PacketSet]]  # what may be sent, and what lies at the end of the way


@dataclass(slots=True)
class RuleExcess:
    """What one rule permits in excess, on all ways through its point together."""

    rule: Rule
    packets: PacketSet
    on: dict[Way, PacketSet] = field(default_factory=dict)  # the packets on each way
    remarks: tuple[str, ...] = ()  # right above it in the file, where somebody answers for rules of the point

    @property
    def ways(self) -> list[Way]:
        """The ways on which there is any."""
        return list(self.on)


@dataclass(frozen=True, slots=True)
class PointExcess:
    """The excess of one point."""

    sure: tuple[RuleExcess, ...]
    possible: tuple[RuleExcess, ...]  # open perhaps: the answer hangs on what is not modelled
    not_judged: int  # rules that also permit connections between addresses that the site does not name
    accepted: tuple[RuleExcess, ...] = ()  # surely open, and an entry of the site about the rule answers for it


class ExcessFinder:
    """Finds the excess of every point of a plan."""

    def __init__(self, plan: Plan, judge: Judge, everything: bool = False):
        self._plan = plan
        self._space = judge.space
        self._traffic = judge.traffic
        self._anywhere = PacketSet.of(self._space, (*accepted_at(plan, None), *plan.tolerated))
        self._real = well_formed(self._space)
        ends = () if everything else _declared_ends(plan.site)
        self._universe = PacketSet.of(self._space, ends) if ends else PacketSet.everything(self._space)

    def of(self, view: PointView, point: Point) -> PointExcess:
        """The excess of one point."""
        sure: dict[Rule, RuleExcess] = {}
        possible: dict[Rule, RuleExcess] = {}
        strangers: set[Rule] = set()
        answered_for = self._anywhere | PacketSet.of(self._space, accepted_at(self._plan, point.name))
        for way, ends in self._arrivals(point, view.reading.configuration.own):
            seen = self._traffic.on(point.name, way)
            may_pass = seen | answered_for
            to = view.before(way)
            arriving = reduce(or_, (sources & to(destinations) for sources, destinations in ends))
            verdicts = view.verdicts(way)
            unneeded = to(~may_pass) - seen  # packets that are led, untranslated or not, to what nothing needs
            open_ = PacketSet.where(verdicts, is_possible) & arriving & self._real & unneeded
            open_ = open_ & view.not_routed_elsewhere(way)
            certain = (open_ & PacketSet.where(verdicts, is_sure)) - to(may_pass)
            judged = to(self._universe)
            self._share(view, way, certain & judged, sure)
            self._share(view, way, (open_ - certain) & judged, possible)
            strangers.update(view.permitting(way, open_ - judged))
        entries = [entry for entry in self._plan.accepted_rules if entry.at == point.name]
        lines = view.reading.text.split("\n") if entries else []
        accepted: list[RuleExcess] = []
        kept: list[RuleExcess] = []
        for found in sure.values():
            found.remarks = remarks_above(lines, found.rule) if lines else ()
            is_accepted = any(accepts(entry, found.rule, found.remarks) for entry in entries)
            (accepted if is_accepted else kept).append(found)
        return PointExcess(
            tuple(kept), tuple(self._unanswered(possible, entries, lines)), len(strangers), tuple(accepted)
        )

    def _unanswered(
        self, possible: dict[Rule, RuleExcess], entries: Sequence[Accept], lines: Sequence[str]
    ) -> Iterator[RuleExcess]:
        """What may be open by rules for which nobody answers: who answers for a rule does so in doubt, too."""
        for found in possible.values():
            remarks = remarks_above(lines, found.rule) if lines else ()
            if not _is_behind_ah(found.rule) and not any(accepts(entry, found.rule, remarks) for entry in entries):
                yield found

    def _arrivals(self, point: Point, kept: Boxes) -> Iterator[tuple[Way, _Ends]]:
        """The ways through a point, what their senders may send, and what lies at their end, as real addresses.

        Nothing that a point keeps to itself goes back out of the interface on which it came.
        """
        site, own = self._plan.site, PacketSet.of(self._space, kept)
        if point.on is not None:
            everybody = PacketSet.everything(self._space)
            to_host = _between(None, site.hosts[point.on].addresses)
            yield Way("input", None, None), [(everybody, PacketSet.of(self._space, to_host))]
            return
        behind: dict[str, list[Zone]] = {}
        for zone, interface in point.interfaces.items():
            behind.setdefault(interface, []).append(site.zones[zone])
        for came_in, senders in behind.items():
            for goes_out, receivers in behind.items():
                ends = [(self._sent(senders), self._led(receivers))]
                if came_in == goes_out:
                    ends = [(sent, led - own) for sent, led in self._turning(point, receivers)]
                if ends:
                    yield Way("forward", came_in, goes_out), ends

    def _turning(self, point: Point, zones: Sequence[Zone]) -> _Ends:
        """What zones behind one interface send to each other by way of the point."""
        return [
            (self._sent(senders), self._led([to]))
            for to in zones
            if (senders := [zone for zone in zones if self._turns(point, zone, to)])
        ]

    def _sent(self, zones: Iterable[Zone]) -> PacketSet:
        """What zones may send: on the side of the Internet anybody can claim any address."""
        sources = [EVERY_ADDRESS if zone.rest else zone.addresses for zone in zones]
        return PacketSet.of(self._space, _between(reduce(or_, sources), EVERY_ADDRESS))

    def _led(self, zones: Iterable[Zone]) -> PacketSet:
        return PacketSet.of(self._space, _between(None, reduce(or_, [zone.addresses for zone in zones])))

    def _turns(self, point: Point, source: Zone, destination: Zone) -> bool:
        """Report whether packets between zones behind one interface come to the point.

        Neighbors in one zone reach each other without it, unless the site leads them through it.
        """
        ways = self._plan.site.declared_routes.get((source.name, destination.name), ())
        return source is not destination or any(one.point == point.name for way in ways for one in way.forward)

    def _share(self, view: PointView, way: Way, packets: PacketSet, into: dict[Rule, RuleExcess]) -> None:
        for rule, part in view.permitting(way, packets).items():
            found = into.setdefault(rule, RuleExcess(rule, PacketSet.nothing(self._space)))
            found.packets = found.packets | part
            found.on[way] = part


def _is_behind_ah(rule: Rule) -> bool:
    """Report whether a rule permits what an IPv6 packet carries behind AH: no more than it permits without."""
    return bool(rule.match.doubts) and HIDDEN_BY_AH.issuperset(rule.match.doubts)


def permitted(plan: Plan) -> Boxes:
    """What may be open somewhere: the plan's flows, what is answered for, what every network needs."""
    flows = (box for flow in plan.flows for box in flow.permitted)
    return (*flows, *accepted_at(plan, None), *plan.tolerated)


def accepted_at(plan: Plan, point: str | None) -> Boxes:
    """What somebody answers for at one point alone; with None, wherever it may be."""
    return tuple(box for one in plan.accepted if one.at == point for box in one.boxes)


def _between(sources: Addresses | None, destinations: Addresses) -> Boxes:
    boxes = []
    for version in (4, 6):
        constraints = {Field.VERSION: ((version, version),), Field.DST: destinations.family(version)}
        if sources is not None:
            constraints[Field.SRC] = sources.family(version)
        boxes.append(Box.of(constraints))
    return tuple(box for box in boxes if box is not None)


def _declared_ends(site: Site) -> Boxes:
    """Packets with a declared host or group of the site at one end."""
    declared = Addresses()
    named: list[Host | Virtual | Outside] = [*site.consumers(), *site.virtual.values(), *site.outside.values()]
    for thing in named:
        declared = declared | thing.addresses
    ends = [
        Box.of({Field.VERSION: ((version, version),), name: declared.family(version)})
        for version in (4, 6)
        for name in (Field.SRC, Field.DST)
    ]
    return tuple(box for box in ends if box is not None)


def accepts(entry: Accept, rule: Rule, remarks: Sequence[str]) -> bool:
    """Report whether an entry answers for a rule, by its text or by the remarks right above it."""
    return bool(entry.rule) and any(str(entry.rule) in line for line in (rule.source.text, *remarks))


def remarks_above(lines: Sequence[str], rule: Rule) -> tuple[str, ...]:
    """The remarks right above a rule in the lines of its file, the nearest first."""
    return tuple(_remarks_above(lines, rule.source.line))


def _remarks_above(lines: Sequence[str], line: int) -> Iterator[str]:
    for number in range(line - 2, -1, -1):
        if " remark " not in lines[number] and not lines[number].strip().startswith("#"):
            return
        yield lines[number]
