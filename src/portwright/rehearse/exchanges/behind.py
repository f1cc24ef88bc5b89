"""What is asked by way of a virtual address whose device leads on to members, and of whose flow it is evidence.

A client cannot choose the member, so it asks until each has had its turn. The same exchange is evidence of two flows:
of the client's to the virtual address, and of the one that goes on from there to the member. Whatever does not get as
far as a flow's beginning says nothing about it.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from portwright.rehearse.evidence import Exchange, Placed, Tried
from portwright.rehearse.network.balancers import Balancers, VirtualService, service_of
from portwright.rehearse.network.fronts import front_of
from portwright.rehearse.watching.deciders import Traced
from portwright.site.model import Site

_ROUNDS = 3  # turns for each member: others may take some
Group = tuple[Exchange, ...]  # what a client asks, once for each member that may answer


def with_ways_on(placed: Sequence[Placed], site: Site) -> list[Placed]:
    """With the exchanges of the clients' flows on those that go on behind virtual addresses."""
    asked: dict[tuple[str, str, str], dict[Exchange, None]] = defaultdict(dict)  # requirement, virtual address, member
    for one in placed:
        for exchange in one.exchanges if not one.is_behind else ():
            asked[one.flow.requirement.id, one.flow.destination.name, exchange.destination][exchange] = None
    return [_with_those_of_clients(one, asked, site) if one.is_behind else one for one in placed]


def _with_those_of_clients(
    one: Placed, asked: Mapping[tuple[str, str, str], Mapping[Exchange, None]], site: Site
) -> Placed:
    front, flow = front_of(one.flow, site), one.flow
    if one.reason:
        return one
    found = [
        exchange
        for exchange in asked.get((flow.requirement.id, front, flow.destination.name), ())
        if exchange.front and (not flow.via or exchange.source == flow.source.name)
    ]
    return replace(one, exchanges=tuple(found), reason="" if found else f"nobody in the lab asks {front} for it")


def groups(exchanges: Iterable[Exchange]) -> list[Group]:
    """The exchanges that a client cannot choose from."""
    found: dict[Exchange, dict[Exchange, None]] = {}
    for one in exchanges:
        if one.front:
            found.setdefault(_asking(one), {})[one] = None
    return [tuple(each) for each in found.values()]


def _asking(exchange: Exchange) -> Exchange:
    """What the client knows of it."""
    return replace(exchange, destination="", destination_address="", port=0)


def by_service(exchanges: Iterable[Exchange]) -> list[list[Group]]:
    """What goes by way of virtual addresses, apart for each of their services."""
    found: dict[VirtualService, list[Group]] = {}
    for group in groups(exchanges):
        found.setdefault(service_of(group[0]), []).append(group)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Behind:
    """Asks by way of virtual addresses."""

    balancers: Balancers
    traced: Traced
    attempt: Callable[[Exchange], Awaitable[Tried]]

    async def asked(self, groups: Iterable[Group]) -> dict[Exchange, Tried]:
        """What came of it, one after the other: the members of a service take turns."""
        found: dict[Exchange, Tried] = {}
        for group in groups:
            found |= await self._by_all(group)
        return found

    async def _by_all(self, group: Group) -> dict[Exchange, Tried]:
        """Ask until every member has been asked."""
        found: dict[Exchange, Tried] = {}
        for _ in range(_ROUNDS * len(group)):
            self.traced.anew(group[0])
            tried = await self.attempt(group[0])
            exchange = self._led_to(tried, group)
            if exchange is None:
                return found or {one: replace(tried, exchange=one, is_led=False) for one in group}
            found.setdefault(exchange, replace(tried, exchange=exchange))
            if len(found) == len(group):
                break
        return found

    def _led_to(self, tried: Tried, group: Group) -> Exchange | None:
        """Which of a group's exchanges it has become; None where it has not come to the device."""
        self.traced.read()
        mark = self.traced.mark(tried.exchange, tried.source_port, service_of(tried.exchange).front.node)
        return next((one for one in group if self.balancers.mark(one) == mark), None)


def evidence(one: Placed, tried: Mapping[Exchange, Tried]) -> tuple[tuple[Tried, ...], str]:
    """What was tried that says something of a flow; where nothing does, or not of all of it, why."""
    if one.is_behind:
        return _whole(one.exchanges, list(_behind(one.exchanges, tried)), "what came of it by way of {}")
    if not any(exchange in tried for exchange in one.exchanges):
        return (), "" if one.exchanges and one.flow.tunneled else "what the two say to each other goes inside IPsec"
    directly = [tried[exchange] for exchange in one.exchanges if exchange.front is None]
    found = [told for group in groups(one.exchanges) for told in _before(group, tried)]
    return _whole(one.exchanges, [*directly, *found], "whether what comes to {} was answered")


def _whole(exchanges: Sequence[Exchange], found: list[Tried], what: str) -> tuple[tuple[Tried, ...], str]:
    """All of it, if every IP version and port is among it; otherwise what failed, which is enough."""
    failed = [one for one in found if one.outcome != "answered"]
    if failed or {_edge(one.exchange) for one in found} >= set(map(_edge, exchanges)):
        return tuple(found), ""
    front = next(one.front.node for one in exchanges if one.front)
    return (), f"{what.format(front)} is not known: no packet got through"


def _edge(exchange: Exchange) -> tuple[int, int]:
    return exchange.version, exchange.arriving[1]


def _before(group: Group, tried: Mapping[Exchange, Tried]) -> Iterator[Tried]:
    """What a client's own flow has of it: any member that answers will do, but with direct return each is its end."""
    found = [tried[one] for one in group if one in tried]
    answered = [one for one in found if one.outcome == "answered"]
    if _is_direct(group[0]):
        yield from found if len(found) == len(group) or len(answered) < len(found) else ()
    elif answered:
        yield from answered
    else:
        yield from [one for one in found if not one.is_stopped_behind][:1]


def _behind(exchanges: Iterable[Exchange], tried: Mapping[Exchange, Tried]) -> Iterator[Tried]:
    """What the way on has of it. That no answer came is its own affair if another member's answer did come."""
    answered = {_asking(one) for one, found in tried.items() if found.outcome == "answered"}
    for exchange in exchanges:
        found = tried.get(exchange)
        if found is None or not found.is_led:
            continue
        if found.outcome == "answered" or found.is_stopped_behind or _asking(exchange) in answered:
            yield replace(found, decided_by=found.decided_behind)


def _is_direct(exchange: Exchange) -> bool:
    return exchange.front is not None and exchange.front.mode == "dsr"
