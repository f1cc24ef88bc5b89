"""Which exchanges stand for the flows of a plan: one for each flow, IP version and edge of a range of ports."""

from collections.abc import Iterator
from ipaddress import ip_address

from portwright.packets.fields import ICMP, TCP, UDP
from portwright.plan.model import Endpoint, RequiredFlow
from portwright.rehearse.evidence import Exchange, Placed
from portwright.rehearse.lab import Lab
from portwright.site.model import Site

_PLAYED = (TCP, UDP, ICMP)
IN_A_TUNNEL = "it runs inside IPsec, which stand-ins have not"


def placed(flow: RequiredFlow, lab: Lab, site: Site) -> Placed:
    """The exchanges of a flow."""
    if flow.protocol not in _PLAYED:
        return Placed(flow, (), "no stand-in speaks this protocol")
    if flow.via:
        return Placed(flow, (), f"the way on from {flow.via} is played by the device that answers for it")
    source, destination = _node(flow.source, site), _node(flow.destination, site)
    if source not in lab.nodes or destination not in lab.nodes:
        absent = source if source not in lab.nodes else destination
        return Placed(flow, (), f"nobody in the lab plays {absent}")
    found = tuple(_exchanges(flow, lab, source, destination))
    if not found:
        return Placed(flow, (), "the two ends have no IP version in common")
    return Placed(flow, found, IN_A_TUNNEL if flow.tunneled else "")


def _node(end: Endpoint, site: Site) -> str:
    """The node that plays an end; the first member answers for an address that its members share."""
    name = end.name.partition("#")[0]
    virtual = site.virtual.get(name)
    if virtual is not None and virtual.mode == "nlb" and virtual.members:
        return virtual.members[0]
    if virtual is not None and virtual.mode == "proxy":
        return next((host.name for host in site.hosts.values() if host.addresses & virtual.addresses), name)
    return name


def _exchanges(flow: RequiredFlow, lab: Lab, source: str, destination: str) -> Iterator[Exchange]:
    for version in (4, 6):
        asks = _address(flow.source, lab, source, version)
        asked = _address(flow.destination, lab, destination, version)
        if asks and asked:
            for port in _edges(flow):
                for source_port in _source_ports(flow):
                    yield Exchange(source, asks, destination, asked, version, flow.protocol, port, source_port)


def _address(end: Endpoint, lab: Lab, node: str, version: int) -> str:
    """The node's address among those of the end; empty where it has none."""
    for port in lab.nodes[node].ports:
        for one in port.addresses:
            number = int(one.ip)
            if one.version == version and any(a <= number <= b for a, b in end.addresses.family(version)):
                return str(ip_address(one.ip))
    return ""


def _edges(flow: RequiredFlow) -> tuple[int, ...]:
    return tuple(dict.fromkeys(port for ends in flow.ports for port in ends)) or (0,)


def _source_ports(flow: RequiredFlow) -> tuple[int, ...]:
    """Fixed ones where the requirement says so; else any."""
    return tuple(dict.fromkeys(first for first, _ in flow.requirement.source_ports or ())) or (0,)
