"""The plan as a Mermaid flowchart: zones as frames, hosts and firewalls as nodes, what crosses as labels.

Hosts of a zone that need the same of the same, and are needed alike, are one node. A flow is drawn along its way: what
enters a firewall from whom, and what leaves it to whom, each said once; the tables say which goes with which.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from portwright.plan.model import Endpoint, Plan, RequiredFlow
from portwright.report.plan.rows import listed, service_title

Signature = tuple[object, ...]

_LABELS = 8  # services that an arrow spells out
_ENTITIES = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "#": "#35;", "`": "#96;", "\\": "#92;"}


def plan_mermaid(plan: Plan, everything: bool = False) -> str:
    """The diagram. Without `everything` it leaves out optional flows, and what any computer of the domain needs."""
    flows = list(plan.flows) if everything else _foreground(plan)
    chart = _Chart(plan, _alike(plan, flows), _guards(plan))
    for flow in flows:
        chart.draw(flow)
    left_out = len(plan.flows) - len(flows)
    return "\n".join(chart.lines(left_out)) + "\n"


def _foreground(plan: Plan) -> list[RequiredFlow]:
    """The required flows but those that a host needs, or offers, only as a computer like any other."""
    common = _common(plan)

    def is_incidental(end: Endpoint, component: str) -> bool:
        placed = {instance.component for instance in end.host.instances} if end.host else {component}
        return component in common - placed

    return [
        flow
        for flow in plan.required
        if not is_incidental(flow.source, flow.requirement.source)
        and not is_incidental(flow.destination, flow.requirement.destination)
    ]


def _common(plan: Plan) -> frozenset[str]:
    """The components that components of other products imply: member of the domain, Windows server."""
    components = plan.catalog.components
    return frozenset(
        role
        for component in components.values()
        for role in plan.catalog.implied(component.id)
        if components[role].product != component.product
    )


def _guards(plan: Plan) -> dict[str, list[str]]:
    """The firewalls on each host that has any."""
    found: dict[str, list[str]] = {}
    for point in plan.site.points.values():
        if point.on is not None:
            found.setdefault(point.on, []).append(point.name)
    return found


def _alike(plan: Plan, flows: Iterable[RequiredFlow]) -> dict[str, tuple[str, ...]]:
    """For each end those that are like it: in one zone, with the same partners, each behind its own firewalls."""
    partners: dict[str, set[Signature]] = {}
    zones: dict[str, str] = {}
    for flow in flows:
        for end, other, is_source in ((flow.source, flow.destination, True), (flow.destination, flow.source, False)):
            way = tuple("" if plan.site.points[name].on == end.name else name for name in flow.points)
            what = (flow.requirement.id, flow.describe(), way, flow.is_required, other.name, is_source)
            partners.setdefault(end.name, set()).add(what)
            zones[end.name] = end.zone
    classes: dict[Signature, list[str]] = {}
    for name, found in partners.items():
        classes.setdefault((zones[name], frozenset(found)), []).append(name)
    return {name: tuple(members) for members in classes.values() for name in members}


@dataclass(slots=True)
class _Chart:
    """Nodes and arrows as they are gathered; an arrow's labels are the services, in order."""

    plan: Plan
    alike: dict[str, tuple[str, ...]]
    guards: dict[str, list[str]]
    ids: dict[str, str] = field(default_factory=dict)  # what is drawn -> its id in the chart
    zones: dict[str, dict[str, str]] = field(default_factory=dict)  # zone -> id -> label
    points: dict[str, str] = field(default_factory=dict)  # id -> label, of firewalls between zones
    arrows: dict[tuple[str, str, bool], dict[str, None]] = field(default_factory=dict)  # from, to, is required

    def draw(self, flow: RequiredFlow) -> None:
        """Add a flow, along each of its ways."""
        ends = (self._end(flow.source), self._end(flow.destination))
        label = f"{service_title(self.plan, flow.requirement)}, {flow.describe()}"
        label += ", inside IPsec" if flow.tunneled else ""
        for route in flow.routes:
            stops = [ends[0], *(self._point(crossing.point) for crossing in route.forward), ends[1]]
            for pair in pairwise(stops):
                self.arrows.setdefault((*pair, flow.is_required), {})[label] = None
        if not flow.routes:
            self.arrows.setdefault((*ends, flow.is_required), {})[f"{label}: no path declared"] = None

    def _end(self, end: Endpoint) -> str:
        members = self.alike[end.name]
        found = self._id(f"end {members[0]}")
        self.zones.setdefault(end.zone, {})[found] = f'["{_text(listed(members))}"]'
        return found

    def _point(self, name: str) -> str:
        host = self.plan.site.points[name].on
        if host is not None:
            return self._guard(host, self.guards[host].index(name))
        found = self._id(f"point {name}")
        self.points[found] = _hexagon([name])
        return found

    def _guard(self, host: str, at: int) -> str:
        """A firewall on a host, together with those on the hosts that are like it."""
        members = self.alike.get(host, (host,))
        found = self._id(f"guard {members[0]} {at}")
        zone = self.zones.setdefault(self.plan.site.hosts[host].zone, {})
        if found not in zone:
            guarded = (self.guards.get(one, ()) for one in members)
            zone[found] = _hexagon([points[at] for points in guarded if at < len(points)])
        return found

    def _id(self, what: str) -> str:
        return self.ids.setdefault(what, f"n{len(self.ids) + 1}")

    def lines(self, left_out: int) -> Iterator[str]:
        """The text of the chart."""
        yield "flowchart LR"
        if left_out:
            yield f"  %% {left_out} flows are optional or any computer's of the domain, and left out; --all draws them"
        for number, (zone, nodes) in enumerate(self.zones.items(), 1):
            yield f'  subgraph z{number}["{_text(zone)}"]'
            yield from (f"    {id}{label}" for id, label in nodes.items())
            yield "  end"
        yield from (f"  {id}{label}" for id, label in self.points.items())
        for (source, destination, is_required), labels in self.arrows.items():
            yield f'  {source} {"-->" if is_required else "-.->"}|"{_arrow_text(tuple(labels))}"| {destination}'


def _hexagon(names: Sequence[str]) -> str:
    return f'{{{{"{_text(listed(names))}"}}}}'


def _arrow_text(labels: tuple[str, ...]) -> str:
    """The services of an arrow, each on a line."""
    shown = [_text(label) for label in labels[:_LABELS]]
    return "<br/>".join([*shown, f"and {len(labels) - _LABELS} more"] if len(labels) > _LABELS else shown)


def _text(text: str) -> str:
    """A text that Mermaid shows as it is, in a label in quotes."""
    return "".join(_ENTITIES.get(one, one) for one in text)
