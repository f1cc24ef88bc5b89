"""What the catalog says of each step is what happens when its connections are blocked."""

import asyncio

import pytest
from tests.rehearse.loopback import Sockets, hosts_of, running
from tests.rehearse.test_plays import CASES, ROLES

from portwright.catalog.model import Effect
from portwright.rehearse.plays.table import NotPlayed, performed, play_of

SITES = {scenario: (more, settings) for scenario, (more, settings, _) in CASES.items()} | {
    "run-fetch-report": ({}, ""), "sandbox-plugin": ({}, ""), "export-to-excel": ({}, "excel_dynamic_export: true"),
}  # fmt: skip


def connections(site, story, step):
    """By which connections a step goes: source, address and port."""
    flows = {flow.id for flow in site.plan.legs(story, step).flows}
    return {
        (one.exchange.source, one.address, one.port)
        for targets in site.targets.values()
        for one in targets
        if one.flow in flows
    }


def steps_of(site, scenario):
    """The steps that open connections on this site, by number: which, and whether the catalog says that it breaks."""
    story = site.plan.catalog.scenarios[scenario]
    opening = [one for one in site.plan.steps(story) if one.opens]
    by = {one.step: connections(site, story, one) for one in opening}
    broken = set().union(*(by[one.step] for one in opening if one.effect is Effect.BROKEN))
    return {step: (blocked, bool(blocked & broken)) for step, blocked in by.items() if blocked}


def came_of(site, scenario):
    """What the play of a scenario comes to."""

    async def run():
        async with running(site):
            try:
                return "works" if (await performed(play_of(scenario), site))[0] else "broken"
            except NotPlayed:
                return "not played"

    return asyncio.run(run())


@pytest.mark.parametrize("scenario", SITES)
def test_a_blocked_step_has_the_effect_that_the_catalog_says(tmp_path, scenario):
    """Broken is broken; what is degraded, later or falls back works still, or is not claimed to."""
    more, settings = SITES[scenario]
    wrong = []
    for number, (blocked, breaks) in steps_of(hosts_of(tmp_path, ROLES | more, settings), scenario).items():
        found = came_of(hosts_of(tmp_path, ROLES | more, settings, sockets=Sockets(blocked)), scenario)
        if found not in ({"broken"} if breaks else {"works", "not played"}):
            wrong.append((number, breaks, found))
    assert wrong == []
