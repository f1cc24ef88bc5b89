"""What has to be done or seen to besides opening ports: preconditions, and settings of hosts."""

from dataclasses import dataclass

from portwright.catalog.model import Precondition, Scenario
from portwright.plan.hostsettings import HostSetting, host_settings
from portwright.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Section:
    """What a business function needs; without a scenario, what everything needs."""

    scenario: Scenario | None
    preconditions: tuple[Precondition, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """The checklist of a site."""

    plan: Plan
    sections: tuple[Section, ...]
    settings: tuple[HostSetting, ...]


def checklist(plan: Plan) -> Checklist:
    """The preconditions that hold on the site, by the first scenario that fails without them, and settings of hosts.

    Raises InvalidInput for a setting that a host cannot have.
    """
    catalog, site = plan.catalog, plan.site
    scenarios = {scenario.id: scenario for scenario in catalog.of(catalog.scenarios, site.products)}
    by_scenario: dict[str, list[Precondition]] = {}
    for one in catalog.of(catalog.preconditions, site.products):
        if plan.happens(one.when):
            first = next((id for id in one.scenarios if id in scenarios), "")
            by_scenario.setdefault(first, []).append(one)
    sections = [Section(scenarios.get(id), tuple(by_scenario[id])) for id in ("", *scenarios) if id in by_scenario]
    return Checklist(plan, tuple(sections), host_settings(site))
