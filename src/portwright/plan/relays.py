"""What goes on behind a virtual address: the way from the load balancer to each of its members."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from portwright.packets.intervals import Intervals
from portwright.plan.model import Endpoint, RequiredFlow
from portwright.plan.routing import Routing
from portwright.site.model import Site, Virtual

_TRANSLATING = ("dnat", "snat")


def relays_on(site: Site, virtual: Virtual) -> bool:
    """Report whether packets leave a virtual address again: translated, or for members in another zone."""
    if virtual.mode == "proxy":  # connections end there
        return False
    away = any(site.hosts[member].zone != virtual.zone for member in virtual.members)
    return virtual.mode in _TRANSLATING or away


def relayed(
    site: Site, routing: Routing, flow: RequiredFlow, ports: Callable[[Endpoint], Intervals | None]
) -> Iterator[RequiredFlow]:
    """A flow to a virtual address, as it goes on to each member: from the client's addresses, with snat from its own.

    Where a member chooses its port at its start there is no flow: the finding about that port says so.
    """
    virtual = site.virtual.get(flow.destination.name)
    if virtual is None or not relays_on(site, virtual):
        return
    for name in virtual.members:
        host = site.hosts[name]
        member = Endpoint(name, host.zone, host.addresses, host.roles, host)
        source, via = _sender(virtual, flow.source)
        if (found := ports(member)) is not None:
            routes = routing.between(source, member)
            yield replace(flow, source=source, destination=member, ports=found, routes=routes, via=via)


def _sender(virtual: Virtual, client: Endpoint) -> tuple[Endpoint, str]:
    """Who sends to the members, as firewalls behind the load balancer see it, and by way of which address."""
    if virtual.mode == "snat":
        return Endpoint(virtual.name, virtual.zone, virtual.addresses, client.roles), ""
    return replace(client, zone=virtual.zone, host=None), virtual.name
