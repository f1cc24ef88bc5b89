"""What is proved, packet by packet: single packets walk from point to point, without a look at sets of packets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from tests.mutation.boundary import Mentioned

from portwright.check.points import PointView, Way
from portwright.check.stops import on_way
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import ICMP_PROTOCOL, TCP, Field, Flags, Header, State
from portwright.plan.model import ECHO_REPLY, RequiredFlow
from portwright.policy.index import Values
from portwright.policy.walk import Decided, meets
from portwright.site.model import Crossing, Route

Views = dict[str, PointView]
_SWAPPED = {Field.SRC: Field.DST, Field.DST: Field.SRC, Field.SPORT: Field.DPORT, Field.DPORT: Field.SPORT}


@dataclass(frozen=True)
class Hop:
    """A packet at one point: as it comes, with its destination translated, and as it leaves."""

    crossing: Crossing
    looks: tuple[Values, Values, Values]


def not_walked(flow: RequiredFlow, views: Views, texts: Iterable[str], excepted: Boxes = ()) -> Iterator[str]:
    """The corners of a flow from which no packet comes to its destination on some way, whatever it is sent to."""
    mentioned = Mentioned.of(*texts)
    for route, box, last in product(flow.routes, flow.packets, (False, True)):
        meant = _corner(box, last)
        if meets(excepted, meant):
            continue
        names = _names(meant, mentioned) if route.forward else [(meant[Field.DST], meant[Field.DPORT])]
        walks = (_walk(route, views, _sent_to(meant, *name), meant) for name in names)
        walk = next((hops for hops in walks if hops is not None), None)
        if walk is None:
            yield f"{flow.id}: {meant} on {[crossing.point for crossing in route.forward]}"
        elif not _answered(route, views, walk):
            yield f"{flow.id}: the answer to {meant}"


def _names(meant: Header, mentioned: Mentioned) -> Iterator[tuple[int, int]]:
    """What a packet may be sent to: its destination, any address on the same port, any address on any port."""
    addresses = mentioned.addresses[meant[Field.VERSION]]
    yield meant[Field.DST], meant[Field.DPORT]
    yield from ((address, meant[Field.DPORT]) for address in addresses)
    yield from product(addresses, mentioned.ports if meant[Field.DPORT] else ())


def _corner(box: Box, last: bool) -> Header:
    header = [0] * len(Field)
    for name, ranges in box.constraints:
        header[name] = ranges[-1][1] if last else ranges[0][0]
    return tuple(header)


def _sent_to(header: Header, address: int, port: int) -> Header:
    changed = list(header)
    changed[Field.DST], changed[Field.DPORT] = address, port
    return tuple(changed)


def _walk(route: Route, views: Views, header: Values, meant: Header) -> list[Hop] | None:
    """What a packet looks like at every point; None where it is stopped or does not end where it is meant to."""
    hops = []
    for crossing in route.forward:
        passed = _through(views, crossing, State.NEW, header)
        if len(passed) != 1:
            return None
        hops.append(Hop(crossing, (header, _inner(views[crossing.point], crossing, header), passed[0])))
        header = passed[0]
    end = Box.of({name: ((meant[name], meant[name]),) for name in (Field.VERSION, Field.DST, Field.DPORT)})
    return hops if end is not None and meets((end,), header) else None


def _inner(view: PointView, crossing: Crossing, header: Values) -> Values:
    """A packet between the translation of its destination and that of its source."""
    decision = view.part_walker(crossing.hook, 0).decide(on_way(header, view, Way.of(crossing)))
    return decision.headers[0]


def _answered(route: Route, views: Views, walk: list[Hop]) -> bool:
    """Report whether the answer passes the points that have seen the request, each of which translates it back."""
    known = {hop.crossing.point: hop for hop in walk}
    for crossing in route.back:
        view = views.get(crossing.point)
        if crossing.point not in known or view is None:
            continue
        way = Way.of(crossing, State.ESTABLISHED)
        looks = known[crossing.point].looks
        if looks[0][2:] == looks[2][2:]:
            if not _through(views, crossing, State.ESTABLISHED, _answer(looks[2])):
                return False
            continue
        for number, look in enumerate(reversed(looks)):
            decision = view.part_walker(crossing.hook, number).decide(on_way(_answer(look), view, way))
            if decision.decided is not Decided.ACCEPT:
                return False
    return True


def _answer(request: Values) -> Values:
    """The packet that answers one."""
    answer = list(request)
    for name, other in _SWAPPED.items():
        answer[name] = request[other]
    version, protocol = request[Field.VERSION], request[Field.PROTOCOL]
    if protocol in ICMP_PROTOCOL.values():
        answer[Field.TYPE] = ECHO_REPLY[version]
    answer[Field.FLAGS] = Flags.OTHER if protocol == TCP else Flags.OPENS
    return tuple(answer)


def _through(views: Views, crossing: Crossing, state: State, header: Values) -> tuple[Values, ...]:
    """The packet behind a point, one for each way in which it may look; none where it is stopped or that is unknown."""
    view = views[crossing.point]
    decision = view.walker(crossing.hook).decide(on_way(header, view, Way.of(crossing, state)))
    return decision.headers if decision.decided is Decided.ACCEPT else ()
