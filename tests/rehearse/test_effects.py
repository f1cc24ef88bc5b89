"""What the catalog says of each step is what happens when its connections are blocked."""

import pytest
from tests.rehearse.loopback import Sockets, hosts_of, running
from tests.rehearse.test_plays import CASES, ROLES

from portwright.catalog.model import Effect
from portwright.rehearse import patience
from portwright.rehearse.plays.table import NotPlayed, performed, play_of

SITES = {scenario: (more, settings) for scenario, (more, settings, _) in CASES.items()} | {
    "run-fetch-report": ({}, ""), "sandbox-plugin": ({}, ""), "export-to-excel": ({}, "excel_dynamic_export: true"),
}  # fmt: skip


def connections(site, flow):
    """By which connections a flow goes: source, address and port; of a range of ports its edges."""
    targets = (one for each in site.targets.values() for one in each)
    return frozenset((one.exchange.source, one.address, one.port) for one in targets if one.flow == flow.id)


def connections_of(site, scenario):
    """What each flow of a step opens on this site, and whether the catalog says that the scenario breaks without."""
    story = site.plan.catalog.scenarios[scenario]
    opening = [one for one in site.plan.steps(story) if one.opens]
    by = {one.step: {connections(site, flow) for flow in site.plan.legs(story, one).flows} for one in opening}
    broken = set().union(*(by[one.step] for one in opening if one.effect is Effect.BROKEN))
    return {one: one in broken for each in by.values() for one in each if one}


def came_of(site, scenario):
    """What the play of a scenario comes to."""

    async def run():
        async with running(site):
            try:
                return "works" if (await performed(play_of(scenario), site))[0] else "broken"
            except NotPlayed:
                return "not played"

    return patience.run(run())


@pytest.mark.parametrize("scenario", SITES)
def test_a_blocked_connection_has_the_effect_that_the_catalog_says(tmp_path, scenario):
    """Broken is broken; what is degraded, later or falls back works still."""
    more, settings = SITES[scenario]
    wrong = []
    for blocked, breaks in connections_of(hosts_of(tmp_path, ROLES | more, settings), scenario).items():
        found = came_of(hosts_of(tmp_path, ROLES | more, settings, sockets=Sockets(blocked)), scenario)
        if found != ("broken" if breaks else "works"):
            wrong.append((sorted(blocked), breaks, found))
    assert wrong == []
