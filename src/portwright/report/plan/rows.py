"""What every form of the plan shows of a flow, and flows that differ only in their ends merged into one row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portwright.catalog.model import Requirement
from portwright.packets.addresses import Addresses
from portwright.packets.fields import ICMP
from portwright.packets.names import protocol_name
from portwright.packets.notation import ports_text
from portwright.plan.model import Endpoint, Plan, RequiredFlow
from portwright.site.model import Route

_OPEN = "no firewall"
_MANY = 8  # networks; a set of more is said by what it lacks, where that is shorter


@dataclass(frozen=True, slots=True)
class Row:
    """Flows of one requirement with the same service and way, from every one of the sources to every destination."""

    flows: tuple[RequiredFlow, ...]
    sources: tuple[Endpoint, ...]
    destinations: tuple[Endpoint, ...]
    via: str

    @property
    def requirement(self) -> Requirement:
        """The requirement of all of them."""
        return self.flows[0].requirement

    @property
    def opening(self) -> str:
        """Protocol and ports: `tcp 443`."""
        return self.flows[0].describe()


def merged(flows: Iterable[RequiredFlow], by_way: bool = True) -> list[Row]:
    """The flows as rows: sources that share destination, service and way first, then destinations that share those."""

    def kind(flow: RequiredFlow) -> tuple[str, ...]:
        return (flow.requirement.id, flow.describe(), flow.necessity, via(flow) if by_way else "")

    by_destination: dict[object, list[RequiredFlow]] = {}
    for flow in flows:
        by_destination.setdefault((*kind(flow), flow.destination.name), []).append(flow)
    by_sources: dict[object, list[list[RequiredFlow]]] = {}
    for found in by_destination.values():
        sources = tuple(flow.source.name for flow in found)
        by_sources.setdefault((*kind(found[0]), sources), []).append(found)
    return [_row(groups) for groups in by_sources.values()]


def _row(groups: Sequence[Sequence[RequiredFlow]]) -> Row:
    sources = tuple(flow.source for flow in groups[0])
    destinations = tuple(found[0].destination for found in groups)
    return Row(tuple(flow for found in groups for flow in found), sources, destinations, via(groups[0][0]))


def via(flow: RequiredFlow) -> str:
    """The way in words: the points in order; of several ways, which must all pass, each."""
    ways = "; ".join(dict.fromkeys(way(route) for route in flow.routes)) or "no path declared"
    if not flow.tunneled:
        return ways
    return "inside IPsec" if ways == _OPEN else f"inside IPsec, {ways}"


def way(route: Route) -> str:
    """The points of one way, in order."""
    return " > ".join(crossing.point for crossing in route.forward) or _OPEN


def ports(flow: RequiredFlow) -> str:
    """The destination ports: `80,443`; `echo` for a ping, empty for other protocols without ports."""
    return ports_text(flow.ports) or ("echo" if flow.protocol == ICMP else "")


def protocol(flow: RequiredFlow) -> str:
    """The protocol's name or number."""
    return protocol_name(flow.protocol)


def service_title(plan: Plan, requirement: Requirement) -> str:
    """What people call the service."""
    return plan.catalog.services[requirement.service].title


def addresses(found: Addresses) -> str:
    """The addresses as people write them; a set of nearly everything by what it lacks."""
    texts = found.texts()
    if len(texts) <= _MANY:
        return ", ".join(texts)
    lacking = (~found).texts()
    return f"any but {', '.join(lacking)}" if len(lacking) < len(texts) else ", ".join(texts)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names for a line of text; of many only the first."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def several(number: int, noun: str) -> str:
    """A number of things: `1 flow`, `2 flows`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counted(plan: Plan) -> str:
    """How many flows the plan has, and of which phases and reading."""
    *phases, last = (phase.value for phase in plan.phases)
    phases_text = f"{', '.join(phases)} and {last}" if phases else last
    literal = "" if plan.reading == "corrected" else f", in the {plan.reading.value} reading"
    return f"{len(plan.required)} required and {len(plan.optional)} optional flows to {phases_text}{literal}"
