"""What packets on a way are good for: required, permitted, accepted by somebody, or needed by nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from portwright.check.excess import accepts, remarks_above
from portwright.check.judge import Judge
from portwright.check.reach import Reach, Rules
from portwright.packets.box import Box, Boxes
from portwright.packets.packetset import PacketSet
from portwright.plan.model import AcceptedFlow, RequiredFlow
from portwright.site.model import Accept

_ROUTINE = "what every network needs"

Zones = tuple[str, str]  # source zone and destination zone
_Test = Callable[[RequiredFlow], bool]


class Need(StrEnum):
    """What packets are good for; what matters most to whoever asks comes first."""

    NOTHING = "nothing"  # neither the plan nor anybody needs them
    ACCEPTED = "accepted"  # somebody answers for them in the site file
    PERMITTED = "permitted"  # an optional flow, or what every network needs
    REQUIRED = "required"


class Needs:
    """Tells packets as they are sent on a way apart by what needs them."""

    def __init__(self, judge: Judge):
        self._judge = judge
        self._plan = judge.plan
        self._flows: defaultdict[Zones, list[RequiredFlow]] = defaultdict(list)
        for flow in self._plan.by_id.values():
            self._flows[flow.source.zone, flow.destination.zone].append(flow)
        self._chosen = {flow.id for flow in self._plan.flows}
        self._sets: dict[tuple[Reach, Zones], list[tuple[Need, PacketSet]]] = {}
        self._lines: dict[str, list[str]] = {}  # of the configurations of points

    def split(self, reach: Reach, zones: Zones, rules: Rules, packets: PacketSet) -> Iterator[tuple[Need, PacketSet]]:
        """The packets by what they are good for; those that nothing else needs may be accepted with their rule."""
        for need, wanted in self._wanted(reach, zones):
            if own := packets & wanted:
                yield need, own
            packets = packets - wanted
        if packets:
            yield (Need.ACCEPTED if any(self._accepting(reach, rules)) else Need.NOTHING), packets

    def _wanted(self, reach: Reach, zones: Zones) -> list[tuple[Need, PacketSet]]:
        if (reach, zones) not in self._sets:
            optional = [box for flow in self._of(reach, zones, _is_optional) for box in flow.permitted]
            accepted = [box for one in self._accepted(reach) for box in one.boxes]
            required = [box for flow in self._of(reach, zones, _is_required) for box in flow.permitted]
            self._sets[reach, zones] = [
                (Need.REQUIRED, self._toward(reach, required)),
                (Need.PERMITTED, self._toward(reach, (*optional, *self._plan.tolerated))),
                (Need.ACCEPTED, self._toward(reach, accepted)),
            ]
        return self._sets[reach, zones]

    def _of(self, reach: Reach, zones: Zones, holds: _Test) -> Iterator[RequiredFlow]:
        """The flows of the chosen phases between two zones that can be seen on the way."""
        is_host_to_host = all(hop.crossing.hook != "forward" for hop in reach.hops)
        for flow in self._flows[zones]:
            if flow.id in self._chosen and holds(flow) and (is_host_to_host or not flow.tunneled):
                yield flow

    def _toward(self, reach: Reach, boxes: Iterable[Box]) -> PacketSet:
        """What is sent so that it comes out as one of these; source and destination of each box belong together."""
        space = self._judge.space
        if not reach.translates:
            return PacketSet.of(space, boxes)
        found = PacketSet.nothing(space)
        for box in boxes:
            found = found | reach.toward(PacketSet.of(space, [box]))
        return found

    def names(self, reach: Reach, zones: Zones, need: Need, rules: Rules, packets: PacketSet) -> tuple[str, ...]:
        """Who needs packets that are alike in this: ids of flows, entries of the site; flows of other phases."""
        if need is Need.NOTHING:
            others = (flow for flow in self._flows[zones] if flow.id not in self._chosen)
            return tuple(f"{flow.label}: {flow.id}" for flow in self._meeting(reach, others, packets))
        if need is Need.ACCEPTED:
            entries = (one.entry for one in self._accepted(reach) if self._meets(reach, one.boxes, packets))
            return tuple(map(_answered_for, (*entries, *self._accepting(reach, rules))))
        holds = _is_required if need is Need.REQUIRED else _is_optional
        flows = self._meeting(reach, self._of(reach, zones, holds), packets)
        return tuple(flow.id for flow in flows) or (_ROUTINE,)

    def _meeting(self, reach: Reach, flows: Iterable[RequiredFlow], packets: PacketSet) -> Iterator[RequiredFlow]:
        return (flow for flow in flows if self._meets(reach, flow.permitted, packets))

    def _meets(self, reach: Reach, boxes: Boxes, packets: PacketSet) -> bool:
        if reach.translates:
            return bool(packets & self._toward(reach, boxes))
        return any(packets.overlaps(box) for box in boxes)

    def _accepted(self, reach: Reach) -> Iterator[AcceptedFlow]:
        """What somebody answers for on the way, everywhere or at one of its points."""
        points = {None, *(hop.crossing.point for hop in reach.hops)}
        return (one for one in self._plan.accepted if one.at in points)

    def _accepting(self, reach: Reach, rules: Rules) -> Iterator[Accept]:
        """The entries of the site that answer for what one of these rules opens."""
        for hop, rule in zip(reach.hops, rules, strict=True):
            if hop.view is not None and rule is not None:
                name = hop.crossing.point
                entries = [entry for entry in self._plan.accepted_rules if entry.at == name]
                if entries and name not in self._lines:
                    self._lines[name] = hop.view.reading.text.split("\n")
                remarks = remarks_above(self._lines[name], rule) if entries else ()
                yield from (entry for entry in entries if accepts(entry, rule, remarks))


def _is_required(flow: RequiredFlow) -> bool:
    return flow.is_required


def _is_optional(flow: RequiredFlow) -> bool:
    return not flow.is_required


def _answered_for(entry: Accept) -> str:
    return f"{entry.about} ({', '.join(word for word in (entry.reason, entry.owner) if word)})"
