"""Which exchanges stand for the flows of a plan: one for each flow, IP version and edge of a range of ports."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from portwright.packets.fields import ICMP, PORT_PROTOCOLS, TCP, UDP
from portwright.plan.model import ECHO_REQUEST, Endpoint, RequiredFlow
from portwright.rehearse.evidence import Exchange, Front, Placed
from portwright.rehearse.lab import Lab
from portwright.rehearse.network.fronts import Members, answering, front_of, is_led
from portwright.site.model import Crossing, Site, Virtual

IN_A_TUNNEL = "it runs inside IPsec, which stand-ins have not"
_UNSPOKEN = frozenset(PORT_PROTOCOLS) - {TCP, UDP}


class _NotPlayed(Exception):
    """Nobody can play the flow, and why."""


def placed(flow: RequiredFlow, lab: Lab, site: Site, members: Members = {}) -> Placed:  # noqa: B006 (nobody writes it)
    """The exchanges of a flow; `members` has the flows of the plan that go on from virtual addresses to members.

    Where a device leads on to them, what is asked by the virtual address is placed on these flows too, once more.
    """
    front = front_of(flow, site)
    try:
        found = tuple(_exchanges(flow, lab, site, members))
    except _NotPlayed as problem:
        return Placed(flow, (), str(problem), is_behind=bool(front))
    if not found and not front:
        return Placed(flow, (), "the two ends have no IP version in common")
    if flow.tunneled:
        return Placed(flow, found, IN_A_TUNNEL, is_behind=bool(front))
    astray = next((reason for one in found if (reason := _leads_astray(one, flow, lab))), "")
    return Placed(flow, () if astray else found, astray, is_behind=bool(front))


def _leads_astray(exchange: Exchange, flow: RequiredFlow, lab: Lab) -> str:
    """Why what comes of an exchange would say nothing: it does not cross the points that the site declares."""
    ends = exchange.source, exchange.destination
    declared = [(_points(route.forward), _points(route.back)) for route in flow.routes]
    there, back = (_routers(lab, *pair, exchange.version) for pair in (ends, ends[::-1]))
    if (
        exchange.front is not None
        or not declared
        or there is None
        or back is None
        or ends[0] == ends[1]
        or (there, back) in declared
    ):
        return ""
    through, instead = (" and ".join(dict.fromkeys((*one, *other))) for one, other in (declared[0], (there, back)))
    return f"the lab leads it through {instead or 'no firewall'}, the site through {through or 'none'}"


def _points(crossings: Iterable[Crossing]) -> tuple[str, ...]:
    return tuple(one.point for one in crossings if one.hook == "forward")


def _routers(lab: Lab, source: str, destination: str, version: int) -> tuple[str, ...] | None:
    """The routers between two nodes; None where a packet gets lost."""
    way = lab.way(source, destination, version)
    return None if way is None else tuple(one for one in way if lab.nodes[one].kind == "router")


def _exchanges(flow: RequiredFlow, lab: Lab, site: Site, members: Members) -> Iterator[Exchange]:
    if flow.protocol in _UNSPOKEN:
        raise _NotPlayed("no stand-in speaks this protocol")
    if flow.protocol == ICMP and flow.icmp_type not in (None, ECHO_REQUEST[4]):
        raise _NotPlayed("no stand-in sends messages of this type")
    if front := front_of(flow, site):
        _check_led(site.virtual[front], site)
        return  # whoever asks the virtual address says it
    nodes = answering(site)
    source, destination = _node(flow.source, nodes), _node(flow.destination, nodes)
    for name in (source, destination):
        if name not in lab.nodes:
            raise _NotPlayed(f"nobody in the lab plays {name}")
    virtual = site.virtual.get(flow.destination.name)
    if virtual is not None and is_led(site, virtual):
        yield from _led(_Asked(flow, virtual, source, destination), lab, members)
    elif lab.nodes[destination].kind == "balancer":
        raise _NotPlayed(f"{destination} has its address, and leads on what comes for itself alone")
    else:
        yield from _direct(flow, lab, source, destination)


def _node(end: Endpoint, nodes: Mapping[str, str]) -> str:
    """The node that plays an end."""
    name = end.name.partition("#")[0]
    return nodes.get(name, name)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A flow to a virtual address that a device of its own leads on."""

    flow: RequiredFlow
    virtual: Virtual
    source: str  # nodes
    balancer: str


def _check_led(virtual: Virtual, site: Site) -> None:
    """Raises _NotPlayed where no device of the lab leads on to members."""
    if virtual.mode == "nlb":
        raise _NotPlayed(f"nothing says how what comes for {virtual.name} gets to members in another zone")
    if virtual.mode == "dsr":
        raise _NotPlayed(f"{virtual.name} reaches members in another zone through a tunnel, which the lab has not")
    if not is_led(site, virtual):
        raise _NotPlayed(f"nothing says how {answering(site)[virtual.name]} leads on what comes for {virtual.name}")


def _led(asked: _Asked, lab: Lab, members: Members) -> Iterator[Exchange]:
    """An exchange with each member. Raises _NotPlayed where there is no way on to any."""
    if asked.virtual.mode == "snat" and asked.flow.protocol not in (*PORT_PROTOCOLS, ICMP):
        raise _NotPlayed(f"{asked.virtual.name} cannot tell by whose packets members answer, which have no ports")
    found = list(_returned_directly(asked, lab) if asked.virtual.mode == "dsr" else _translated(asked, lab, members))
    if not found:
        raise _NotPlayed(f"no member of {asked.virtual.name} can be reached by way of it")
    yield from found


def _translated(asked: _Asked, lab: Lab, members: Members) -> Iterator[Exchange]:
    """Those whose members are asked by their own addresses; with dnat nobody reaches himself so."""
    flow, mode = asked.flow, asked.virtual.mode
    on = {one.destination.name: one for one in members.get((flow.requirement.id, asked.virtual.name), ())}
    for name, way in on.items():
        if name in lab.nodes and (name != asked.source or mode == "snat"):
            ports = dict(zip(_edges(flow), _edges(way), strict=False))
            for one in _direct(flow, lab, asked.source, asked.balancer):
                front = Front(asked.balancer, one.destination_address, one.port, mode)
                for address in _addresses(way.destination, lab, name, one.version) if one.port in ports else ():
                    port = ports[one.port]
                    yield replace(one, destination=name, destination_address=address, port=port, front=front)


def _returned_directly(asked: _Asked, lab: Lab) -> Iterator[Exchange]:
    """Those whose members have the virtual address themselves: a member that asks for it asks itself."""
    virtual = asked.virtual
    itself = [one for one in virtual.members if one == asked.source]
    for name in itself or virtual.members:
        if name in lab.nodes and lab.nodes[name].zone == virtual.zone:
            for one in _direct(asked.flow, lab, asked.source, asked.balancer):
                front = Front(asked.balancer, one.destination_address, one.port, virtual.mode)
                yield replace(one, destination=name, front=None if itself else front)


def _direct(flow: RequiredFlow, lab: Lab, source: str, destination: str) -> Iterator[Exchange]:
    for version in (4, 6):
        for asks, asked in product(
            _addresses(flow.source, lab, source, version), _addresses(flow.destination, lab, destination, version)
        ):
            for port, source_port in product(_edges(flow), _source_ports(flow)):
                yield Exchange(source, asks, destination, asked, version, flow.protocol, port, source_port)


def _addresses(end: Endpoint, lab: Lab, node: str, version: int) -> list[str]:
    """The node's addresses among those of the end: any of them may be used."""
    return [
        str(one.ip)
        for port in lab.nodes[node].ports
        for one in port.addresses
        if one.version == version and any(a <= int(one.ip) <= b for a, b in end.addresses.family(version))
    ]


def _edges(flow: RequiredFlow) -> tuple[int, ...]:
    return tuple(dict.fromkeys(port for ends in flow.ports for port in ends)) or (0,)


def _source_ports(flow: RequiredFlow) -> tuple[int, ...]:
    """Fixed ones where the requirement says so; else any."""
    return tuple(dict.fromkeys(first for first, _ in flow.requirement.source_ports or ())) or (0,)
