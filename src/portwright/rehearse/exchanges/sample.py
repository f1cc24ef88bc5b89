"""Packets that nobody needs: a sample across the firewalls, to see which rules stop them."""

import random
from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address

from portwright.packets.box import Box, Boxes
from portwright.packets.fields import TCP, UDP, Field
from portwright.packets.intervals import Intervals
from portwright.plan.model import EPHEMERAL, Plan
from portwright.rehearse.evidence import Exchange
from portwright.rehearse.lab import Lab, Node

SIZE = 100  # packets
# What an intruder asks for first, beside the services of the site: SSH, SMB, TDS, Remote Desktop, WinRM; TFTP, SNMP.
_TEMPTING = ((TCP, 22), (TCP, 445), (TCP, 1433), (TCP, 3389), (TCP, 5985), (UDP, 69), (UDP, 161))


def sample(
    plan: Plan, lab: Lab, guarded: Collection[str], without: Collection[str] = (), size: int = SIZE
) -> tuple[Exchange, ...]:
    """Exchanges that the plan neither needs nor permits, and that meet a firewall; the same each time.

    `guarded` has the nodes that have rules. No packet goes by way of the nodes that are left out.
    """
    chance = random.Random(plan.site.name)  # noqa: S311 (no secret hangs on it)
    candidates = list(_pairs(lab, guarded, without))
    services = sorted({*_TEMPTING, *_services(plan)})
    permitted = _Permitted(plan)
    found: dict[Exchange, None] = {}
    for _ in range(size * 20 if candidates else 0):
        source, destination, version = chance.choice(candidates)
        exchange = _exchange(source, destination, version, *chance.choice(services))
        if exchange not in found and exchange not in permitted:
            found[exchange] = None
            if len(found) == size:
                break
    return tuple(found)


def _pairs(lab: Lab, guarded: Collection[str], without: Collection[str]) -> Iterator[tuple[Node, Node, int]]:
    """Nodes with a firewall between them or on the second, by IP version."""
    ends = list(lab.of_kind("host", "client", "outside"))
    for source in ends:
        for destination in ends:
            for version in (4, 6):
                way = lab.way(source.name, destination.name, version) if source is not destination else None
                if way and set(way[1:]) & set(guarded) and not set(way) & set(without):
                    yield source, destination, version


def _services(plan: Plan) -> Iterator[tuple[int, int]]:
    for flow in (*plan.flows, *plan.others):
        if flow.protocol in (TCP, UDP):
            yield from ((flow.protocol, first) for first, _ in flow.ports)


class _Permitted:
    """What the plan needs, permits or tolerates, found by service: there are many flows, and few services."""

    def __init__(self, plan: Plan) -> None:
        self._boxes: Boxes = (
            *(box for flow in plan.flows for box in flow.permitted),
            *(box for accepted in plan.accepted for box in accepted.boxes),
            *plan.tolerated,
        )
        self._by_service: dict[tuple[int, int, int], Boxes] = {}

    def __contains__(self, exchange: Exchange) -> bool:
        """Report whether any packet of an exchange is among it."""
        service = exchange.version, exchange.protocol, exchange.port
        if service not in self._by_service:
            self._by_service[service] = tuple(one for one in self._boxes if one & _service(*service) is not None)
        box = _box(exchange)
        return any(one & box is not None for one in self._by_service[service])


def _service(version: int, protocol: int, port: int) -> Box:
    return _made({Field.VERSION: version, Field.PROTOCOL: protocol, Field.DPORT: port}, {})


def _exchange(source: Node, destination: Node, version: int, protocol: int, port: int) -> Exchange:
    asks, asked = (str(node.ports[0].address(version)) for node in (source, destination))
    return Exchange(source.name, asks, destination.name, asked, version, protocol, port)


def _box(exchange: Exchange) -> Box:
    single = {
        Field.VERSION: exchange.version,
        Field.PROTOCOL: exchange.protocol,
        Field.SRC: int(ip_address(exchange.source_address)),
        Field.DST: int(ip_address(exchange.destination_address)),
        Field.DPORT: exchange.port,
    }
    return _made(single, {Field.SPORT: EPHEMERAL})


def _made(single: Mapping[Field, int], several: Mapping[Field, Intervals]) -> Box:
    box = Box.of({**{name: ((value, value),) for name, value in single.items()}, **several})
    assert box is not None  # no field of it is empty
    return box
