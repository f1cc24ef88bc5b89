"""What a flow looks like on its way where points translate addresses: point by point, there and back.

A flow is known by its real ends. Where a point in front of the destination translates other addresses to it, these are
what clients use, and the journey begins with them: a packet to the real address is not what anybody sends there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from portwright.check.points import PointView, Way
from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.packets.intervals import normalize
from portwright.packets.packetset import PacketSet
from portwright.policy.translation import free
from portwright.site.model import Crossing

_MOST_NAMES = 16  # addresses by which one destination is reached and that are told apart


@dataclass(frozen=True, slots=True)
class Passing:
    """The packets of a flow at one point: as they come, with their destination translated, and as they leave."""

    crossing: Crossing
    arriving: PacketSet
    inner: PacketSet
    leaving: PacketSet

    @property
    def is_translated(self) -> bool:
        """Report whether the point changes the packets."""
        return self.arriving != self.leaving


@dataclass(frozen=True, slots=True)
class Journey:
    """A flow on one way: each point that it passes, and the packets that come out at the end."""

    passings: tuple[Passing, ...]
    arrived: PacketSet
    meant: PacketSet  # what goes to the destination, whoever seems to send it

    @property
    def strayed(self) -> PacketSet:
        """What comes out and does not go to the destination."""
        return self.arrived - self.meant

    @property
    def is_translated(self) -> bool:
        """Report whether any point changes the packets."""
        return any(passing.is_translated for passing in self.passings)


def journeys(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> list[Journey]:
    """The journeys of packets to their destination: one for each address by which it is reached."""
    return [_journey(views, crossings, start, packets) for start in _starts(views, crossings, packets)]


def _journey(
    views: Mapping[str, PointView], crossings: Sequence[Crossing], start: PacketSet, meant: PacketSet
) -> Journey:
    passings = tuple(_passings(views, crossings, start))
    arrived = passings[-1].leaving if passings else start
    return Journey(passings, arrived, free(meant, Field.SRC, Field.SPORT))


def _passings(views: Mapping[str, PointView], crossings: Sequence[Crossing], start: PacketSet) -> Iterator[Passing]:
    packets = start
    for crossing in crossings:
        view = views.get(crossing.point)
        if view is None or not view.translates(crossing.hook):
            yield Passing(crossing, packets, packets, packets)
            continue
        to, source = view.translations(Way.of(crossing))
        inner = to.leads(packets)
        leaving = source.leads(inner)
        yield Passing(crossing, packets, inner, leaving)
        packets = leaving


def _starts(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> list[PacketSet]:
    """What clients send to reach the destination of `packets`: where translations lead there, to their addresses.

    Whoever has no such address, for another IP version say, sends to the destination itself. Several results: each of
    them alone reaches all of it for everybody, so that any one will do.
    """
    toward = free(packets, Field.SRC, Field.SPORT)
    for crossing in reversed(crossings):
        view = views.get(crossing.point)
        if view is not None and view.translates(crossing.hook):
            to, _ = view.translations(Way.of(crossing))
            names = to.sources_of(toward, moved=True)
            toward = names | (toward - to.leads(names))
    sent = toward & free(packets, Field.DST, Field.DPORT)
    if sent <= packets or any(_hides_sources(views, crossing) for crossing in crossings):
        return [sent]
    direct = sent & packets
    ways = (part | direct for part in _by_address(sent - direct))
    return [way for way in ways if packets <= _led(views, crossings, way)] or [sent]


def _led(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> PacketSet:
    """The packets behind all translations of destinations."""
    for crossing in crossings:
        view = views.get(crossing.point)
        if view is not None and view.translates(crossing.hook):
            packets = view.translations(Way.of(crossing))[0].leads(packets)
    return packets


def _hides_sources(views: Mapping[str, PointView], crossing: Crossing) -> bool:
    view = views.get(crossing.point)
    return view is not None and view.translates(crossing.hook) and not view.translations(Way.of(crossing))[1].is_none


def _by_address(packets: PacketSet) -> list[PacketSet]:
    """The packets by the address that they are sent to, where these are few."""
    boxes, left_out = packets.cover(_MOST_NAMES)
    ranges = normalize(pair for box in boxes for pair in box.get(Field.DST))
    if left_out or sum(last - first + 1 for first, last in ranges) > _MOST_NAMES:
        return []
    addresses = (address for first, last in ranges for address in range(first, last + 1))
    return [
        packets & PacketSet.of(packets.space, [Box(((Field.DST, ((address, address),)),))]) for address in addresses
    ]
