"""Which scenarios happen on a site, which of their steps are taken there, and why the others are not."""

from collections.abc import Mapping

from portwright.catalog.model import Effect, Scenario, Step
from portwright.plan.model import Plan


def scenarios_of(plan: Plan) -> list[tuple[Scenario, str]]:
    """The scenarios of the site's products, each with why it does not happen; what others build on comes last."""
    products = plan.catalog.products
    basic = {need for name in plan.site.products for need in products[name].needs}
    known = [one for one in plan.catalog.scenarios.values() if one.product in plan.site.products]
    return [(one, why_not(plan, one)) for one in sorted(known, key=lambda one: one.product in basic)]


def why_not(plan: Plan, scenario: Scenario) -> str:
    """Why a scenario does not happen on the plan's site, in half a sentence; empty when it does."""
    return _of_another_product(plan, scenario) or _otherwise(plan, scenario) or _halted(plan, scenario)


def left_out(plan: Plan, scenario: Scenario) -> Mapping[str, str]:
    """The steps that are not taken because the site does without what they need, and why."""
    found: dict[str, str] = {}
    for step in plan.steps(scenario):
        reason = found.get(step.rides, "") if step.rides else _idle(plan, scenario, step)
        if reason:
            found[step.step] = reason
    return found


def _of_another_product(plan: Plan, scenario: Scenario) -> str:
    products = plan.catalog.products
    if scenario.product not in plan.site.products:
        return f"it is one of {products[scenario.product].title}, which the site does not have"
    later = [one for one in plan.site.products if scenario.id in products[one].leaves_out]
    return f"{products[later[0]].title} no longer has it" if later else ""


def _otherwise(plan: Plan, scenario: Scenario) -> str:
    """The settings by which the site does something else instead."""
    if plan.happens(scenario.when):
        return ""
    settings = [(name, values, plan.site.setting(name)) for name, values in scenario.when.settings]
    unlike = [
        f"{name} is {value}, not {' or '.join(values)}" for name, values, value in settings if value not in values
    ]
    return " and ".join(unlike) or "no host is set for it"


def _halted(plan: Plan, scenario: Scenario) -> str:
    """Why a step is not taken without which nothing works."""
    steps, idle = plan.steps(scenario), left_out(plan, scenario)
    if not steps:
        return "none of its steps is taken there"
    for step in steps:
        if step.step in idle and step.opens and step.effect is Effect.BROKEN:
            return idle[step.step]
    return next(iter(idle.values())) if len(idle) == len(steps) else ""


def _idle(plan: Plan, scenario: Scenario, step: Step) -> str:
    legs = plan.legs(scenario, step)
    if legs.flows or legs.local:
        return ""
    needed = [plan.catalog.requirements[id].destination for id in step.requirements]
    for component in (step.source, *needed):
        if reason := _absent(plan, component):
            return reason
    alone = [_alone(plan, step.source, component) for component in needed]
    return alone[0] if all(alone) else ""


def _absent(plan: Plan, component: str) -> str:
    """Why the site does without a component, or without everything that would be one."""
    being = {component, *plan.catalog.implied(component)}
    for name, reason in plan.site.absent.items():
        if being.intersection(plan.catalog.parts(plan.catalog.component(name).id)):
            return f"the site does without {name} ({reason})"
    return ""


def _alone(plan: Plan, source: str, destination: str) -> str:
    """The one host that is both ends: it needs nobody."""
    site = plan.site
    users = [host for host in site.consumers() if source in host.roles]
    servers = [host for host in site.consumers() if destination in host.roles]
    outside = any(destination in (name, *plan.catalog.implied(name)) for name in site.outside)
    if len(users) == 1 and users == servers and not users[0].is_group and not outside:
        return f"{users[0].name} is the only {destination}"
    return ""
