"""What a point must pass, in few rules that people can read: who, to whom, on what, and why.

Flows that differ in one thing alone become one rule: first all services between two ends, then all sources that need
the same of a destination, then all destinations of which the same sources need the same. No rule permits a pair that
no flow has, and the order of requirements and hosts in their files does not matter.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

from portwright.packets.fields import LAST, TCP, UDP, Field
from portwright.packets.intervals import Intervals, intersect
from portwright.plan.model import Endpoint, Plan, RequiredFlow
from portwright.policy.intent import Intended, Intent, Named, Redirection, Traffic
from portwright.site.model import Crossing, Point, Translation

EVERY_PORT: Intervals = ((0, LAST[Field.DPORT]),)


def intent_of(plan: Plan, point: Point, optional: bool = False) -> Intent:
    """What a point must pass for the plan's required flows; with `optional` for its optional ones too."""
    chosen = ((flow, crossing) for flow, crossing in plan.at(point.name) if optional or flow.is_required)
    rules = dict.fromkeys(single(flow, crossing) for flow, crossing in chosen)
    translations = (entry for entry in plan.site.translations if entry.at == point.name)
    return Intent(
        point.name,
        plan.site.name,
        point.interfaces,
        point.on is not None,
        tuple(merged(rules)),
        tuple(_redirection(entry, plan, point) for entry in translations),
        point.profile,
    )


def single(flow: RequiredFlow, crossing: Crossing) -> Intended:
    """One flow at one point as a rule."""
    way = (crossing.hook, crossing.interface_in or None, crossing.interface_out or None)
    traffic = Traffic(flow.protocol, flow.ports, flow.icmp_type)
    ends = ((_named(flow.source),), (_named(flow.destination),))
    return Intended(*way, *ends, (traffic,), (flow.requirement.id,), (flow.id,))


def _named(end: Endpoint) -> Named:
    return Named(end.name.partition("#")[0], end.addresses)


def _redirection(entry: Translation, plan: Plan, point: Point) -> Redirection:
    to, becomes = (Named(end.text, end.addresses) for end in (entry.to, entry.becomes))
    behind = {point.interfaces.get(zone) for zone in plan.site.split(entry.becomes.addresses)}
    leaving = behind.pop() if len(behind) == 1 else None
    arriving = point.interfaces.get(entry.source_zone or "")
    return Redirection(arriving, leaving, to, entry.to.ports, becomes, entry.becomes.ports, _protocols(entry, plan))


def _protocols(entry: Translation, plan: Plan) -> tuple[int, ...]:
    """The protocols of the flows that the translation is for; both usual ones where no flow says it."""
    ports = entry.becomes.ports or entry.to.ports or EVERY_PORT
    led = (flow for flow in plan.flows if flow.destination.addresses & entry.becomes.addresses)
    return tuple(sorted({flow.protocol for flow in led if intersect(flow.ports, ports)})) or (TCP, UDP)


def merged(rules: Iterable[Intended]) -> list[Intended]:
    """The same in few rules, in an order of their own."""
    found = list(rules)
    for differing in ("traffic", "sources", "destinations"):
        found = list(_joined(found, differing))
    return sorted(found, key=_order)


def _joined(rules: Iterable[Intended], differing: str) -> Iterator[Intended]:
    """Rules that are alike in all that matters but one thing, as one rule with all of it."""
    groups: dict[Hashable, list[Intended]] = {}
    for rule in rules:
        alike = {"sources": rule.sources, "destinations": rule.destinations, "traffic": rule.traffic}
        del alike[differing]
        groups.setdefault((_way(rule), *alike.values()), []).append(rule)
    for group in groups.values():
        parts = [rule for rule in group if rule is not group[0]]
        yield _with(group[0], parts)


def _with(rule: Intended, others: Iterable[Intended]) -> Intended:
    alike = [rule, *others]
    return replace(
        rule,
        sources=_names(end for one in alike for end in one.sources),
        destinations=_names(end for one in alike for end in one.destinations),
        traffic=tuple(sorted({kind for one in alike for kind in one.traffic}, key=lambda kind: kind.order)),
        requirements=tuple(sorted({id for one in alike for id in one.requirements})),
        flows=tuple(sorted({id for one in alike for id in one.flows})),
    )


def _names(ends: Iterable[Named]) -> tuple[Named, ...]:
    return tuple(sorted(set(ends), key=lambda end: (end.name, end.addresses.texts())))


def _way(rule: Intended) -> tuple[str, str | None, str | None]:
    return rule.hook, rule.interface_in, rule.interface_out


def _order(rule: Intended) -> tuple[object, ...]:
    """By way, then by what it is for."""
    way = (rule.hook, rule.interface_in or "", rule.interface_out or "")
    ends = (rule.destinations[0].name, rule.sources[0].name)
    return (*way, *ends, rule.requirements, tuple(kind.order for kind in rule.traffic))
