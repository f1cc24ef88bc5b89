"""Who can reach what, from the configurations: everything that may pass end to end, and who permits it.

The answer comes in parts: packets on one way that the same rules permit, that the plan needs in the same way, and whose
replies fare alike. Within a zone, and on ways without a firewall, everything passes: that is said once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from portwright.check.ends import between, ends, homeless, homes, only_at
from portwright.check.judge import Judge
from portwright.check.needs import Needs
from portwright.check.obstacle import Judgment
from portwright.check.pieces import Leg, Part, Passage, Pieces
from portwright.check.reach import Reach
from portwright.errors import InvalidInput
from portwright.packets.addresses import EVERY_ADDRESS
from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.packets.notation import Flow, parse_flow
from portwright.packets.packetset import PacketSet
from portwright.plan.model import Plan, RequiredFlow
from portwright.plan.routing import Routing
from portwright.policy.text import packet_of
from portwright.site.model import Route, Site, Virtual

MAX_PAIRS = 5_000  # of ends, each of which is judged by itself
_PLACE = "FLOW"
_IPV6 = Box(((Field.VERSION, ((6, 6),)),))
_NOT_LED_ON = "whether {name} leads this on to its members the site does not say"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What can be reached, part by part."""

    plan: Plan
    flow: Flow
    parts: tuple[Part, ...]  # in the order of the site; those beyond the limit have no pieces
    unfiltered: tuple[Leg, ...]  # no firewall stands between
    without_path: tuple[Leg, ...]  # the site declares no way
    blocked: tuple[Leg, ...]  # nothing passes
    notes: tuple[str, ...]

    @property
    def is_decided(self) -> bool:
        """Report whether nothing is open: no part may pass or not, and at least one way could be judged."""
        is_judged = bool(self.parts or self.unfiltered or self.blocked)
        return is_judged and all(part.passage is Passage.CAN for part in self.parts)

    @property
    def left_out(self) -> int:
        """How many connections of it no piece says."""
        return sum(part.left_out for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Between:
    """What was found between two ends."""

    leg: Leg
    parts: tuple[Part, ...]
    is_filtered: bool  # some way has a firewall
    is_open: bool  # some way has none
    claimed: str  # a packet that may pass though its source address is one of another zone; empty: there is none


def read_query(site: Site, text: str) -> Flow:
    """The flow that a query asks about. Raises InvalidInput for what cannot be asked."""
    try:
        flow = parse_flow(text, site.resolve)
    except ValueError as problem:
        raise InvalidInput.of(str(problem), file=_PLACE) from None
    if flow.point is not None and flow.point not in site.points:
        known = ", ".join(site.points) or "none"
        raise InvalidInput.of(f"there is no point '{flow.point[:60]}'", file=_PLACE, hint=f"the site has: {known}")
    for end in (flow.source, flow.destination):
        if (lost := homeless(end, site)) and lost == end.addresses:
            raise InvalidInput.of(
                f"'{end.text}' lies in no zone of the site, so that nobody knows its way", file=_PLACE
            )
    return flow


class Query:
    """Answers questions about one site."""

    def __init__(self, judge: Judge):
        self._judge = judge
        self._site = judge.plan.site
        self._space = judge.space
        self._routing = Routing.of(self._site)
        self._needs = Needs(judge)
        self._reaches: dict[Route, Reach] = {}

    def answer(self, flow: Flow, limit: int) -> Answer:
        """Everything of a flow that may pass, at most `limit` pieces of it spelled out: what nothing needs first.

        Raises InvalidInput for a flow between too many ends, or of a host to itself.
        """
        found = [self._between(flow, leg) for leg in self._legs(flow)]
        if not found:
            raise InvalidInput.of("both ends are the same host, and what it sends itself passes no point", file=_PLACE)
        parts = [part for one in found for part in one.parts]
        return Answer(
            self._judge.plan,
            flow,
            tuple(Pieces(self._judge, self._needs).spelled_out(parts, limit)),
            unfiltered=tuple(one.leg for one in found if one.is_open),
            without_path=tuple(one.leg for one in found if not one.leg.routes and flow.point is None),
            blocked=tuple(one.leg for one in found if one.is_filtered and one.leg.meant and not one.parts),
            notes=tuple(dict.fromkeys((*self._strangers(flow), *self._behind(flow), *_claims(found)))),
        )

    def passing(self, flow: Flow) -> Iterator[tuple[Leg, Reach, PacketSet, PacketSet]]:
        """What of a flow may pass and what surely does, on every way with a firewall."""
        for leg in self._legs(flow):
            for reach in self._filtered(flow, leg):
                yield leg, reach, *self._passing(flow, leg, reach)

    # ------------------------------------------------------------------ ends and ways

    def _legs(self, flow: Flow) -> Iterator[Leg]:
        """All ends that the flow means, and those to which translations may lead what it means."""
        sources = list(ends(flow.source.addresses, self._routing))
        destinations = list(ends(EVERY_ADDRESS, self._routing))
        meant = [destination.addresses & flow.destination.addresses for destination in destinations]
        if (pairs := len(sources) * sum(map(bool, meant))) > MAX_PAIRS:
            hint = "name a zone, a group or a host at one end"
            raise InvalidInput.of(f"this asks about {pairs} pairs of ends", file=_PLACE, hint=hint)
        for source in sources:
            for destination, addresses in zip(destinations, meant, strict=True):
                routes = self._routing.between(source, destination)
                if addresses or any(self._reach(route).translates for route in routes):
                    leg = Leg(source, destination, addresses, routes)
                    yield from () if leg.is_one_host else (leg,)

    def _reach(self, route: Route) -> Reach:
        if route not in self._reaches:
            self._reaches[route] = Reach(self._judge, route)
        return self._reaches[route]

    def _filtered(self, flow: Flow, leg: Leg) -> list[Reach]:
        """The ways between two ends that cross some point, or the one that the flow names."""
        routes = (only_at(route, flow.point) for route in leg.routes)
        return [self._reach(route) for route in routes if route is not None and route.forward]

    def _between(self, flow: Flow, leg: Leg) -> _Between:
        """What passes between two ends, on every way."""
        filtered = self._filtered(flow, leg)
        is_open = bool(leg.meant) and flow.point is None and not all(route.forward for route in leg.routes)
        parts = tuple(part for reach in filtered for part in self._parts(flow, leg, reach))
        claimed = next(filter(None, (self._claimed(flow, leg, reach) for reach in filtered)), "")
        return _Between(leg, parts, bool(filtered), is_open, claimed)

    def _strangers(self, flow: Flow) -> Iterator[str]:
        """That the flow names addresses that lie in no zone."""
        for end in (flow.source, flow.destination):
            if lost := homeless(end, self._site):
                yield f"{lost.texts()[0]} lies in no zone, so that its way is not known"
            elif end.addresses == EVERY_ADDRESS != homes(self._site):
                yield "'any' means the addresses of the zones: of others no way is known"

    def _behind(self, flow: Flow) -> Iterator[str]:
        """That what is asked about is also reached by a virtual address that leads on to it, and is not asked about."""
        asked = flow.destination.addresses
        for virtual in self._site.virtual.values():
            members = [name for name in virtual.members if self._site.hosts[name].addresses & asked]
            if members and not virtual.addresses & asked and self._judge.leads_on(virtual):
                yield f"{virtual.name} leads on to {', '.join(members)}: who reaches these by it is a question about it"

    def _claimed(self, flow: Flow, leg: Leg, reach: Reach) -> str:
        """A packet from the side of the Internet that may pass and whose source address is one of another zone."""
        zone = self._site.zones[leg.source.zone]
        if not zone.rest or leg.source.addresses != zone.addresses:
            return ""
        claimed = PacketSet.of(self._space, between(flow, EVERY_ADDRESS - zone.addresses, leg.meant))
        passing = reach.passing(claimed)
        return str(packet_of(passing.witness(self._judge.prefer))) if passing else ""

    # ------------------------------------------------------------------ parts

    def _parts(self, flow: Flow, leg: Leg, reach: Reach) -> Iterator[Part]:
        possible, sure = self._passing(flow, leg, reach)
        if not possible:
            return
        for passage, packets, because in self._found(reach, sure, possible - sure):
            for led in reach.by_translation(packets):
                for rules, permitted in reach.permitting(led).items():
                    for need, needed in self._needs.split(reach, leg.zones, rules, permitted):
                        for replies_pass, part in _halves(needed, reach.answered):
                            found = Part(leg, reach, passage, need, replies_pass, rules, part)
                            yield replace(found, because=because) if because else self._led_on(found)

    def _found(self, reach: Reach, sure: PacketSet, doubtful: PacketSet) -> Iterator[tuple[Passage, PacketSet, str]]:
        """What passes the rules, and why IPv6 may not arrive all the same: neighbors that are not found."""
        because = self._judge.unfound(reach.route) if (sure | doubtful).overlaps(_IPV6) else ""
        lost = PacketSet.of(self._space, [_IPV6] if because else [])
        yield Passage.CAN, sure - lost, ""
        yield Passage.MAY, doubtful - lost, ""
        yield Passage.MAY, (sure | doubtful) & lost, because

    def _led_on(self, part: Part) -> Part:
        """A part with what becomes of it at a virtual address that leads on flows of the plan."""
        virtual = self._site.virtual.get(part.leg.destination.name)
        if virtual is None or not self._judge.leads_on(virtual):
            return part
        names = self._needs.names(part.reach, part.leg.zones, part.need, part.rules, part.packets)
        known = [self._judge.plan.by_id.get(name) for name in names]
        onward = [list(self._onward(virtual, flow)) if flow is not None else [] for flow in known]
        if not all(onward):
            return replace(part, passage=Passage.MAY, because=_NOT_LED_ON.format(name=virtual.name))
        flows = list(dict.fromkeys(flow for those in onward for flow in those))
        stopped = next((flow for flow in flows if self._judge.result(flow).judgment is not Judgment.PROVED), None)
        if stopped is not None:
            return replace(part, passage=Passage.MAY, because=self._stopped(virtual, stopped))
        return replace(part, leads_on_to=tuple(dict.fromkeys(flow.destination.name for flow in flows)))

    def _onward(self, virtual: Virtual, flow: RequiredFlow) -> Iterator[RequiredFlow]:
        """How a flow to a virtual address goes on to its members: from its client, or from the address itself."""
        for one in self._judge.plan.flows:
            is_from_client = one.via == virtual.name and one.source.name == flow.source.name
            if one.requirement is flow.requirement and (is_from_client or one.source.name == virtual.name):
                yield one

    def _stopped(self, virtual: Virtual, flow: RequiredFlow) -> str:
        """Why it is not known whether a flow goes on behind a virtual address."""
        result = self._judge.result(flow)
        judged = "is blocked" if result.judgment is Judgment.MISSING else "is not known to pass"
        rules = [f"{rule.source}" for obstacle in result.obstacles for rule in obstacle.rules]
        where = f" by {rules[0]}" if rules else ""
        return f"the way on from {virtual.name} to its member {flow.destination.name} {judged}{where}"

    def _passing(self, flow: Flow, leg: Leg, reach: Reach) -> tuple[PacketSet, PacketSet]:
        """What may pass and what surely does: sent to the destination, or to a name that is translated to it."""
        sources = leg.source.addresses
        meant = PacketSet.of(self._space, between(flow, sources, leg.meant))
        possible = reach.passing(meant)
        sure = reach.sure(meant) if possible else possible
        if reach.translates:
            sent = PacketSet.of(self._space, between(flow, sources, flow.destination.addresses))
            whatever = replace(flow, destination=replace(flow.destination, ports=None))
            there = PacketSet.of(self._space, between(whatever, sources, leg.destination.addresses))
            possible = possible | (reach.passing(there) & sent)
            sure = sure | (reach.sure(there) & sent)
        return possible, sure & possible


def _claims(found: Iterable[_Between]) -> Iterator[str]:
    """That packets may pass whose source address is one of another zone: once for each zone that they come from."""
    by_zone: dict[str, list[_Between]] = {}
    for one in found:
        if one.claimed:
            by_zone.setdefault(one.leg.source.zone, []).append(one)
    for zone, those in by_zone.items():
        ends = [one.leg.destination.name for one in those]
        more = f" and {len(ends) - 1} other ends" if len(ends) > 1 else ""
        yield (
            f"from {zone} to {ends[0]}{more} may also pass what claims an address of another zone, "
            f"such as {those[0].claimed}"
        )


def _halves(packets: PacketSet, answered: PacketSet) -> Iterable[tuple[bool, PacketSet]]:
    """The packets whose replies may pass, and those whose replies surely do not."""
    halves = ((True, packets & answered), (False, packets - answered))
    return ((passes, part) for passes, part in halves if part)
