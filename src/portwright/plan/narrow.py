"""A plan by enforcement point: narrowed to what crosses some, and sorted by what crosses each."""

from collections.abc import Collection
from dataclasses import replace

from portwright.plan.model import Plan, RequiredFlow
from portwright.site.model import Crossing

Crossings = dict[str, tuple[tuple[RequiredFlow, Crossing], ...]]


def crossings(plan: Plan) -> Crossings:
    """What crosses each point of the site, and how: every flow once for each hook and pair of interfaces."""
    found: dict[str, dict[tuple[str, Crossing], RequiredFlow]] = {name: {} for name in plan.site.points}
    for flow in plan.flows:
        for route in flow.routes:
            for crossing in route.forward:
                found[crossing.point][flow.id, crossing] = flow
    return {name: tuple((flow, crossing) for (_, crossing), flow in seen.items()) for name, seen in found.items()}


def narrowed(plan: Plan, points: Collection[str]) -> Plan:
    """The plan with only the flows that cross one of the points; its findings stay."""

    def crosses(flow: RequiredFlow) -> bool:
        return any(name in points for name in flow.points)

    flows, others = (tuple(flow for flow in found if crosses(flow)) for found in (plan.flows, plan.others))
    return replace(plan, flows=flows, others=others, by_id={flow.id: flow for flow in (*flows, *others)})
