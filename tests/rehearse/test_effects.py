"""What the catalog says of each step is what happens when its connections are blocked."""

import asyncio

import pytest
from tests.rehearse.loopback import Sockets, hosts_of, running
from tests.rehearse.test_plays import CASES, ROLES

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Effect
from portwright.rehearse.plays.table import NotPlayed, performed, play_of

MORE = {"run-fetch-report": ({}, "", ""), "sandbox-plugin": ({}, "", ""),
        "export-to-excel": ({}, "excel_dynamic_export: true", "")}  # fmt: skip
CATALOG = load_catalog()
STEPS = [
    (scenario, step.step) for scenario in (*CASES, *MORE) for step in CATALOG.scenarios[scenario].steps if step.opens
]


def connections(site, story, step):
    """By which connections a step goes: source, address and port."""
    flows = {flow.id for flow in site.plan.legs(story, step).flows}
    return {
        (one.exchange.source, one.address, one.port)
        for targets in site.targets.values()
        for one in targets
        if one.flow in flows
    }


def came_of(folder, scenario, number):
    """What a play comes to whose step is blocked, and what the catalog says; None where the step is not taken."""
    more, settings, _ = (CASES | MORE)[scenario]
    sockets = Sockets()
    site = hosts_of(folder, ROLES | more, settings, sockets=sockets)
    story = site.plan.catalog.scenarios[scenario]
    steps = {one.step: connections(site, story, one) for one in site.plan.steps(story) if one.opens}
    sockets.blocked |= steps.get(number, set())
    if not sockets.blocked:
        return None

    async def run():
        async with running(site):
            try:
                return "works" if (await performed(play_of(scenario), site))[0] else "broken"
            except NotPlayed:
                return "not played"

    broken = [one.step for one in site.plan.steps(story) if one.opens and one.effect is Effect.BROKEN]
    return asyncio.run(run()), any(steps[one] & sockets.blocked for one in broken)


@pytest.mark.parametrize(("scenario", "number"), STEPS)
def test_a_blocked_step_has_the_effect_that_the_catalog_says(tmp_path, scenario, number):
    """Broken is broken; whatever is degraded, later or falls back works still, or is not claimed to."""
    found = came_of(tmp_path, scenario, number)
    if found is None:
        pytest.skip("this site does not take the step")
    outcome, breaks = found  # also by another step that goes by the same connection
    assert outcome in ({"broken"} if breaks else {"works", "not played"})
