"""What is proved, packet by packet: single packets walk from point to point, without a look at sets of packets."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from itertools import product

from portwright.check.judge import on_way
from portwright.check.points import PointView, Way
from portwright.packets.box import Box
from portwright.packets.fields import TCP, Field, Flags, Header, State
from portwright.plan.model import RequiredFlow, reply
from portwright.policy.index import Values
from portwright.policy.walk import Decided, meets
from portwright.site.model import Crossing, Route

_ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")
_NUMBER = re.compile(r"(?<![\d.])\d{2,5}(?![\d.])")
Views = dict[str, PointView]


def not_walked(flow: RequiredFlow, views: Views, texts: Iterable[str]) -> Iterator[str]:
    """The corners of a flow from which no packet comes to its destination on some way, whatever it is sent to."""
    joined = "\n".join(texts)
    addresses = sorted({int(IPv4Address(text)) for text in _ADDRESS.findall(joined)})
    ports = sorted({int(number) for number in _NUMBER.findall(joined) if int(number) <= 65535})
    for route, box, last in product(flow.routes, flow.packets, (False, True)):
        meant = _corner(box, last)
        names = [(meant[Field.DST], meant[Field.DPORT])]
        if meant[Field.VERSION] == 4 and len(route.forward) > 0:
            names += product(addresses, dict.fromkeys((meant[Field.DPORT], *(ports if meant[Field.DPORT] else ()))))
        if not any(_arrives(route, views, _sent_to(meant, *name), meant) for name in names):
            yield f"{flow.id}: {meant} on {[crossing.point for crossing in route.forward]}"
        elif not _answered(route, views, box, meant, last):
            yield f"{flow.id}: the answer to {meant}"


def _corner(box: Box, last: bool) -> Header:
    header = [0] * len(Field)
    for name, ranges in box.constraints:
        header[name] = ranges[-1][1] if last else ranges[0][0]
    return tuple(header)


def _sent_to(header: Header, address: int, port: int) -> Header:
    changed = list(header)
    changed[Field.DST], changed[Field.DPORT] = address, port
    return tuple(changed)


def _arrives(route: Route, views: Views, header: Values, meant: Header) -> bool:
    """Report whether a packet passes every point and ends where it is meant to."""
    for crossing in route.forward:
        passed = _through(views, crossing, State.NEW, header)
        if len(passed) != 1:
            return False
        header = passed[0]
    end = Box.of({name: ((meant[name], meant[name]),) for name in (Field.VERSION, Field.DST, Field.DPORT)})
    return end is not None and meets((end,), header)


def _answered(route: Route, views: Views, box: Box, meant: Header, last: bool) -> bool:
    """Report whether the answer passes the points that have seen the request; where nothing is translated."""
    seen = {crossing.point for crossing in route.forward}
    if any(views[one.point].translates(one.hook) for one in (*route.forward, *route.back) if one.point in views):
        return True
    answer = list(_corner(reply(box), last))
    answer[Field.FLAGS] = Flags.OTHER if meant[Field.PROTOCOL] == TCP else Flags.OPENS
    known = (one for one in route.back if one.point in seen)
    return all(_through(views, one, State.ESTABLISHED, tuple(answer)) for one in known)


def _through(views: Views, crossing: Crossing, state: State, header: Values) -> tuple[Values, ...]:
    """The packet behind a point, one for each way in which it may look; none where it is stopped or that is unknown."""
    view = views[crossing.point]
    decision = view.walker(crossing.hook).decide(on_way(header, view, Way.of(crossing, state)))
    return decision.headers if decision.decided is Decided.ACCEPT else ()
