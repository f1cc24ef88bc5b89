"""What a point permits although nothing needs it, one permitting rule at a time.

Excess has a universe: new connections that can arrive on an interface (on the side of the Internet that is everything)
and have a declared host or group of the site at one end. What a rule permits beyond that is counted as not judged.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from portwright.check.judge import Judge
from portwright.check.points import PointView, Way
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet, well_formed
from portwright.plan.model import Plan, RequiredFlow
from portwright.policy.algebra import is_possible, is_sure
from portwright.policy.model import Rule
from portwright.site.model import Accept, Host, Outside, Point, Site, Virtual


@dataclass(slots=True)
class RuleExcess:
    """What one rule permits in excess, on all ways through its point together."""

    rule: Rule
    packets: PacketSet
    ways: list[Way] = field(default_factory=list)
    remarks: tuple[str, ...] = ()  # right above it in the file, where somebody answers for rules of the point


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
        self._judge = judge
        self._on_the_way = PacketSet.of(self._space, permitted(plan, seen=lambda flow: not flow.tunneled))
        self._at_hosts = self._on_the_way | PacketSet.of(self._space, permitted(plan))
        self._real = well_formed(self._space)
        ends = () if everything else _declared_ends(plan.site)
        self._universe = PacketSet.of(self._space, ends) if ends else PacketSet.everything(self._space)

    def of(self, view: PointView, point: Point) -> PointExcess:
        """The excess of one point."""
        sure: dict[Rule, RuleExcess] = {}
        possible: dict[Rule, RuleExcess] = {}
        strangers: set[Rule] = set()
        seen = self._judge.seen_at(point.name)
        answered_for = PacketSet.of(self._space, accepted_at(self._plan, point.name))
        may_pass = (self._at_hosts if point.on else self._on_the_way) | answered_for | seen
        for way, sources, destinations in self._arrivals(point):
            to = view.before(way)
            arriving = sources & to(destinations)
            verdicts = view.verdicts(way)
            unneeded = to(~may_pass) - seen  # packets that are led, untranslated or not, to what nothing needs
            open_ = PacketSet.where(verdicts, is_possible) & arriving & self._real & unneeded
            open_ = open_ & view.not_routed_elsewhere(way)
            certain = (open_ & PacketSet.where(verdicts, is_sure)) - to(may_pass)
            judged = to(self._universe)
            self._share(view, way, certain & judged, sure)
            self._share(view, way, (open_ - certain) & judged, possible)
            strangers.update(self._parts(view, way, open_ - judged))
        entries = [entry for entry in self._plan.accepted_rules if entry.at == point.name]
        lines = view.reading.text.split("\n") if entries else []
        accepted: list[RuleExcess] = []
        kept: list[RuleExcess] = []
        for found in sure.values():
            found.remarks = tuple(_remarks_above(lines, found.rule.source.line)) if lines else ()
            (accepted if any(accepts(entry, found) for entry in entries) else kept).append(found)
        return PointExcess(tuple(kept), tuple(possible.values()), len(strangers), tuple(accepted))

    def _arrivals(self, point: Point) -> Iterator[tuple[Way, PacketSet, PacketSet]]:
        """The ways through a point, what their senders may send, and what lies at their end, as real addresses."""
        site = self._plan.site
        if point.on is not None:
            own = site.hosts[point.on].addresses
            everybody = PacketSet.everything(self._space)
            yield Way("input", None, None), everybody, PacketSet.of(self._space, _between(None, own))
            return
        behind: dict[str, Addresses] = {}
        senders: dict[str, Addresses] = {}  # on the side of the Internet anybody can claim any address
        for zone, interface in point.interfaces.items():
            addresses = site.zones[zone].addresses
            behind[interface] = behind.get(interface, Addresses()) | addresses
            sending = EVERY_ADDRESS if site.zones[zone].rest else addresses
            senders[interface] = senders.get(interface, Addresses()) | sending
        for came_in, sources in senders.items():
            sent = PacketSet.of(self._space, _between(sources, EVERY_ADDRESS))
            for goes_out, destinations in behind.items():
                if came_in != goes_out:
                    led = PacketSet.of(self._space, _between(None, destinations))
                    yield Way("forward", came_in, goes_out), sent, led

    def _share(self, view: PointView, way: Way, packets: PacketSet, into: dict[Rule, RuleExcess]) -> None:
        for rule, part in self._parts(view, way, packets).items():
            known = into.get(rule)
            ways = [*known.ways, way] if known else [way]
            into[rule] = RuleExcess(rule, known.packets | part if known else part, ways)

    def _parts(self, view: PointView, way: Way, packets: PacketSet) -> dict[Rule, PacketSet]:
        """The packets by the rule that permits them: of the last stage in which somebody wrote one."""
        fixed = PacketSet.of(self._space, [box] if (box := Box.of(view.constraints(way))) else [])
        rest = packets & fixed
        parts: dict[Rule, PacketSet] = {}
        by_default: list[tuple[Rule, PacketSet]] = []
        for accepting, seen in view.accepting(way):
            if not rest:
                break
            for rule, part in accepting.parts(seen.after(rest)).items():
                if rule is not None and rule.default:
                    by_default.append((rule, seen.before(part)))
                elif rule is not None and (written := rest & seen.before(part)):
                    parts[rule] = written
            for part in parts.values():
                rest = rest - part
        for rule, part in by_default:  # where nobody wrote one, the last filter's default comes first
            if left := rest & part:
                parts[rule] = left
                rest = rest - left
        free = {rule: self._free_of_way(view, way, part) for rule, part in parts.items()}
        return {rule: part for rule, part in free.items() if part}  # some are met on other interfaces alone

    def _free_of_way(self, view: PointView, way: Way, packets: PacketSet) -> PacketSet:
        """The packets without the fields that the way fixes."""
        root = packets.root
        for name, values in view.constraints(way).items():
            root = self._space.assign(name, root, (values[0][:1] * 2,), view.either)
        return PacketSet(self._space, root)


def permitted(plan: Plan, seen: Callable[[RequiredFlow], bool] = lambda _: True) -> Boxes:
    """What may be open anywhere: the plan's flows that can be seen, what is answered for, what every network needs."""
    flows = (box for flow in plan.flows if seen(flow) for box in flow.permitted)
    return (*flows, *accepted_at(plan, None), *plan.tolerated)


def accepted_at(plan: Plan, point: str | None) -> Boxes:
    """What somebody answers for at one point alone; with None, wherever it may be."""
    return tuple(box for one in plan.accepted if (one.entry.at or one.flow.point) == point for box in one.boxes)


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


def accepts(entry: Accept, found: RuleExcess) -> bool:
    """Report whether an entry answers for a rule, by its text or by the remarks right above it."""
    return bool(entry.rule) and any(str(entry.rule) in line for line in (found.rule.source.text, *found.remarks))


def _remarks_above(lines: Sequence[str], line: int) -> Iterable[str]:
    for number in range(line - 2, -1, -1):
        if " remark " not in lines[number] and not lines[number].strip().startswith("#"):
            return
        yield lines[number]
