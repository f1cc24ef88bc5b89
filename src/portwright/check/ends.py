"""The ends of a flow that people write down, taken apart so that everything in a part goes the same way."""

from collections.abc import Iterator
from dataclasses import replace

from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import Boxes
from portwright.packets.notation import End, Flow
from portwright.plan.model import Endpoint
from portwright.plan.routing import Routing
from portwright.site.model import Route, Site

ANY = "any"  # flow notation for every address


def ends(addresses: Addresses, routing: Routing) -> Iterator[Endpoint]:
    """Addresses by zone; hosts with a firewall of their own and virtual addresses apart; without those in no zone."""
    site, rest = routing.site, addresses
    for name in routing.on_host:
        host = site.hosts[name]
        if part := rest & host.addresses:
            yield Endpoint(name, host.zone, part, frozenset(), host)
        rest = rest - host.addresses
    for virtual in site.virtual.values():
        if part := rest & virtual.addresses:
            yield Endpoint(virtual.name, virtual.zone, part, frozenset())
        rest = rest - virtual.addresses
    for zone, part in site.split(rest).items():
        yield Endpoint(zone, zone, part, frozenset())


def homeless(end: End, site: Site) -> Addresses:
    """The addresses of an end that lie in no zone, so that nobody knows their way; `any` means none of these."""
    return Addresses() if end.text == ANY else end.addresses - homes(site)


def homes(site: Site) -> Addresses:
    """The addresses that lie in some zone."""
    named = Addresses()
    for zone in site.zones.values():
        named = named | zone.addresses
    return named


def between(flow: Flow, sources: Addresses, destinations: Addresses = EVERY_ADDRESS) -> Boxes:
    """The flow's packets between these addresses, whatever its own ends."""
    source = replace(flow.source, addresses=sources)
    return replace(flow, source=source, destination=replace(flow.destination, addresses=destinations)).boxes()


def only_at(route: Route, point: str | None) -> Route | None:
    """The route at one point only; None when it does not cross the point."""
    if point is None:
        return route
    forward, back = (tuple(c for c in crossings if c.point == point) for crossings in (route.forward, route.back))
    return Route(forward, back) if forward else None
