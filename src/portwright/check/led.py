"""Where translations lead packets that are meant for somebody else, or leave as they are what needs one."""

from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import Literal

from portwright.check.journey import Journey, Passing, out_of_reach, without_return
from portwright.check.obstacle import Obstacle, Trouble
from portwright.check.points import Way
from portwright.check.stops import Stops, swapped
from portwright.packets.addresses import Addresses
from portwright.packets.box import Boxes
from portwright.packets.fields import PORT_PROTOCOLS, Field
from portwright.packets.packetset import PacketSet
from portwright.policy.index import Values
from portwright.policy.text import address_range_text
from portwright.policy.translation import Translation, free
from portwright.policy.walk import meets
from portwright.site.model import Crossing

_STRAYED = "it translates the packets to {where}, which is not where they are meant to go"
_KEPT = "it leads other ports to the destination, and not {where}; where clients use those, the site says so under nat"
_HIDDEN = "it translates, and yet leads no address of the Internet to {where}, which is private"
_BARE = (
    "private addresses leave it for the Internet, and neither a configuration nor the site says who translates them "
    "(if a device behind it does, say so under assume: private-sources: translated)"
)
_EXPOSED = "it translates others on that way, and leaves as it is a private address, to which no reply finds back"


class Led:
    """Where the points of a site lead packets."""

    def __init__(self, stops: Stops):
        self._stops = stops
        self._views = stops.views

    def astray(self, journey: Journey) -> Iterator[Obstacle]:
        """Packets that a translation leads away from their destination."""
        strayed = journey.strayed
        if not strayed:
            return
        last = self.translating(journey)
        view, way = self._views[last.crossing.point], Way.of(last.crossing)
        to, source = view.translations(way)
        witness = self._stops.witness(view, way, last.arriving & to.sources_of(source.sources_of(strayed)))
        decision = view.walker(way.hook).decide(witness)
        meant = tuple(journey.meant.boxes())
        is_certain = decision.headers and not any(meets(meant, header) for header in decision.headers)
        there = strayed.witness(self._stops.prefer)
        reason = (_STRAYED if last.is_translated else _KEPT).format(where=_destination_text(there))
        kind: Trouble | Literal["undecided"] = "missing" if is_certain else "undecided"
        yield Obstacle(kind, view.name, last.crossing, witness, decision, reason, is_astray=True)

    def hidden(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that translates for clients of the Internet, and yet leads none of them to a private address."""
        lost = journey.sent & out_of_reach(self._stops.space)
        outward = swapped(lost)
        for passing in journey.passings if lost else ():
            crossing = passing.crossing
            if self._stops.translates(crossing):
                view = self._views[crossing.point]
                back = Way(crossing.hook, crossing.interface_out, crossing.interface_in)
                publishes = not view.translations(Way.of(crossing))[0].is_none
                if publishes or view.translations(back)[1].leads(outward) - outward:
                    where = _destination_text(lost.witness(self._stops.prefer))
                    yield Obstacle("undecided", crossing.point, crossing, reason=_HIDDEN.format(where=where))

    def exposed(self, journey: Journey) -> Iterator[Obstacle]:
        """A point that gives others a public address on their way, and no rule says why not these."""
        for passing in journey.passings:
            if self._stops.translates(passing.crossing):
                view, way = self._views[passing.crossing.point], Way.of(passing.crossing)
                bare = self._unsettled(passing, journey.arrived & without_return(self._stops.space))
                if bare and _translates_others(view.translations(way)[1], bare):
                    witness = self._witness(passing, bare)
                    yield Obstacle("undecided", view.name, passing.crossing, witness, reason=_EXPOSED)

    def unreturned(self, passings: Sequence[Passing], arrived: PacketSet) -> Iterator[Obstacle]:
        """Packets that leave the last point for the Internet with a private source, and nobody says who translates it.

        Where a point has no configuration, that is told instead.
        """
        bare = arrived & self._to_the_internet
        if not bare or not passings or any(one.crossing.point not in self._views for one in passings):
            return
        vouched_for = {entry.at for entry in self._stops.plan.assumptions if entry.private_sources}
        if any(one.crossing.point in vouched_for for one in passings):
            return
        for passing in passings:
            bare = self._unsettled(passing, bare) if self._stops.translates(passing.crossing) else bare
        if bare:
            last = passings[-1]
            yield Obstacle("undecided", last.crossing.point, last.crossing, self._witness(last, bare), reason=_BARE)

    def untranslated(self, crossings: Sequence[Crossing], boxes: Boxes) -> Iterator[Obstacle]:
        """The same of packets that no point on their way translates."""
        if any(self._to_the_internet.overlaps(box) for box in boxes):
            packets = PacketSet.of(self._stops.space, boxes) - self._stops.excepted
            yield from self.unreturned([Passing(one, packets, packets, packets) for one in crossings], packets)

    @cached_property
    def _to_the_internet(self) -> PacketSet:
        """Packets from private addresses to the Internet: to public addresses of a zone that has the rest."""
        rest = [zone.addresses for zone in self._stops.plan.site.zones.values() if zone.rest]
        return without_return(self._stops.space, reduce(or_, rest, Addresses()))

    def _unsettled(self, passing: Passing, packets: PacketSet) -> PacketSet:
        """The packets that may leave a point so although no rule that somebody wrote says it."""
        view, way = self._views[passing.crossing.point], Way.of(passing.crossing)
        source = view.translations(way)[1]
        before = passing.inner & source.sources_of(packets)
        return packets & source.leads(before - view.settled(way, before))

    def _witness(self, passing: Passing, leaving: PacketSet) -> Values:
        """A packet that may leave a point as one of these."""
        view, way = self._views[passing.crossing.point], Way.of(passing.crossing)
        to, source = view.translations(way)
        return self._stops.witness(view, way, passing.arriving & to.sources_of(source.sources_of(leaving)))

    def translating(self, journey: Journey) -> Passing:
        """The last point that translates the packets of a journey, or else the first that translates others."""
        passings = journey.passings
        known = (passing for passing in reversed(passings) if passing.is_translated)
        return next(known, None) or next(passing for passing in passings if self._stops.translates(passing.crossing))


def _translates_others(source: Translation, packets: PacketSet) -> bool:
    """Report whether another sender of such packets has them translated from whatever port: no mere replies."""
    such = free(packets, Field.SRC)
    changed = source.touches(such)
    return bool(free(changed, Field.SPORT) - free(such - changed, Field.SPORT))


def _destination_text(header: Values) -> str:
    """Where a packet goes: its address, with the port where it has one."""
    version, address, port = header[Field.VERSION], header[Field.DST], header[Field.DPORT]
    assert isinstance(version, int)
    assert isinstance(address, int)
    text = address_range_text(version, (address, address))
    if header[Field.PROTOCOL] not in PORT_PROTOCOLS:
        return text
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"
