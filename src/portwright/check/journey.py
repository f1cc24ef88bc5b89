"""What a flow looks like on its way where points translate addresses: point by point, there and back.

A flow is known by its real ends. Where a point in front of the destination translates other addresses to it, these are
what clients use, and the journey begins with them: a packet to the real address is not what anybody sends there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from portwright.check.points import PointView, Way
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.intervals import normalize
from portwright.packets.packetset import PacketSet
from portwright.policy.translation import free
from portwright.site.model import Crossing

_MOST_NAMES = 16  # addresses by which one destination is reached, or ports of it, that are told apart
_PORTS = (Field.PROTOCOL, Field.SPORT, Field.DPORT)
_PRIVATE = Addresses.of(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


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
    sent: PacketSet
    arrived: PacketSet
    meant: PacketSet  # what goes to the destination, whoever seems to send it

    @property
    def unreached(self) -> PacketSet:
        """What is meant to arrive and never comes out, as where many ports are led to one."""
        return self.meant - free(self.arrived, Field.SRC, Field.SPORT)

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


def journey_of(views: Mapping[str, PointView], crossings: Sequence[Crossing], sent: PacketSet) -> Journey:
    """The journey of packets as somebody sends them, to wherever it leads."""
    passings = tuple(_passings(views, crossings, sent))
    arrived = passings[-1].leaving if passings else sent
    return Journey(passings, sent, arrived, free(arrived, Field.SRC, Field.SPORT))


def by_port(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> list[PacketSet]:
    """The packets port by port where a point may lead one to another: as a whole they would still be the same."""
    known = ((views[crossing.point], crossing) for crossing in crossings if crossing.point in views)
    if any(view.translations(Way.of(crossing))[0].changes(Field.DPORT) for view, crossing in known):
        return _by_value(packets, Field.DPORT) or [packets]
    return [packets]


def _journey(
    views: Mapping[str, PointView], crossings: Sequence[Crossing], start: PacketSet, meant: PacketSet
) -> Journey:
    return replace(journey_of(views, crossings, start), meant=free(meant, Field.SRC, Field.SPORT))


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

    Whoever has no such address, for another IP version say, sends to the destination itself. But nobody on the Internet
    can send to a private address: where only other ports of it are published, packets go to the public one. Clients ask
    for the port of the service, or for one that the site itself names under `nat`; whatever else leads to it is nothing
    that they know of. Several results: each of them alone reaches all of it for everybody, so that any one will do.
    """
    sent = _toward(views, crossings, packets) & free(packets, Field.DST, Field.DPORT)
    known = sent & (free(packets, Field.DST) | _announced(views, crossings, packets.space))
    if known != sent:
        sent = known | (packets - _led(views, crossings, known))
    if lost := sent & packets & out_of_reach(packets.space):
        published = _published(views, crossings, lost)
        sent = (sent - lost) | published if published else sent
    if sent <= packets or any(_hides_sources(views, crossing) for crossing in crossings):
        return [sent]
    direct = sent & packets
    ways = (part | direct for part in _by_value(sent - direct, Field.DST))
    return [way for way in ways if packets <= _led(views, crossings, way)] or [sent]


def _toward(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> PacketSet:
    """What leads to the destination of `packets`, whoever sends it."""
    toward = free(packets, Field.SRC, Field.SPORT)
    for crossing in reversed(crossings):
        view = views.get(crossing.point)
        if view is not None and view.translates(crossing.hook):
            to, _ = view.translations(Way.of(crossing))
            names = to.sources_of(toward, moved=True)
            toward = names | (toward - to.leads(names))
    return toward


def _announced(views: Mapping[str, PointView], crossings: Sequence[Crossing], space: Space) -> PacketSet:
    """The packets to addresses and ports of which the site says that a point on the way leads them elsewhere."""
    found = PacketSet.nothing(space)
    for crossing in crossings:
        if (view := views.get(crossing.point)) is not None:
            found = found | view.published
    return found


def out_of_reach(space: Space) -> PacketSet:
    """Packets from public addresses to private ones, to which no router of the Internet leads (RFC 1918, RFC 4193)."""
    return _between(space, ~_PRIVATE, _PRIVATE)


def without_return(space: Space, destinations: Addresses = EVERY_ADDRESS) -> PacketSet:
    """Packets from private addresses to public ones, or some of these, from where nothing leads back to them."""
    return _between(space, _PRIVATE, destinations - _PRIVATE)


def _between(space: Space, sources: Addresses, destinations: Addresses) -> PacketSet:
    boxes = (
        Box.of({Field.VERSION: ((v, v),), Field.SRC: sources.family(v), Field.DST: destinations.family(v)})
        for v in (4, 6)
    )
    return PacketSet.of(space, [box for box in boxes if box is not None])


def _published(views: Mapping[str, PointView], crossings: Sequence[Crossing], packets: PacketSet) -> PacketSet:
    """The packets, sent to the addresses by which their destination is reached on other ports; none without such."""
    anything = free(packets, *_PORTS)
    other = _toward(views, crossings, anything) - free(anything, Field.SRC)
    return free(other, Field.SRC, *_PORTS) & free(packets, Field.DST)


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


def _by_value(packets: PacketSet, field: Field) -> list[PacketSet]:
    """The packets by the address or port that they are sent to, where these are few."""
    boxes, left_out = packets.cover(_MOST_NAMES)
    ranges = normalize(pair for box in boxes for pair in box.get(field))
    if left_out or sum(last - first + 1 for first, last in ranges) > _MOST_NAMES:
        return []
    values = (value for first, last in ranges for value in range(first, last + 1))
    return [packets & PacketSet.of(packets.space, [Box(((field, ((value, value),)),))]) for value in values]
