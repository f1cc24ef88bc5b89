"""Of alternatives, one that passes is enough."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.running import copied

from portwright.catalog.load import load_catalog
from portwright.check.obstacle import Judgment
from portwright.check.readings import read_points
from portwright.check.run import Check
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.report.check import check_text
from portwright.site.load import load_site

FETCH, SQL = "crm.fetch-report/ssrs01>fe01", "crm.sql-report/ssrs01>sql01"


@pytest.fixture
def report(tmp_path):
    """Check the site with a fault, some of its flows being alternatives of each other."""

    def checked(fault, *alternatives):
        site = copied(tmp_path, fault)
        catalog = load_catalog()
        plan = make_plan(catalog, load_site(Path(site), catalog))
        flows = tuple(replace(flow, group="either" if flow.id in alternatives else "") for flow in plan.flows)
        plan = replace(plan, flows=flows, by_id={flow.id: flow for flow in flows})
        files = {name: (point.platform, str(point.config)) for name, point in plan.site.points.items()}
        return Check(plan, read_points(files)).run()

    return checked


def test_a_blocked_flow_is_spared_where_an_alternative_passes(report):
    """It counts neither as proved nor as missing, and the text says so."""
    found = report("fetch-808-blocked", FETCH, SQL)
    assert found.spared == {FETCH}
    assert found.count(Kind.MISSING) == found.judged(Judgment.MISSING) == 0
    assert found.judged(Judgment.PROVED) == len(found.results) - 1
    assert "1 blocked without harm" in check_text(found)


def test_alternatives_that_are_all_blocked_are_missing(report):
    """Nothing is left to serve."""
    found = report("replies-blocked", SQL, "ssrs.database/ssrs01>sql02")
    assert found.spared == frozenset()
    assert {SQL, "ssrs.database/ssrs01>sql02"} <= {one.flow for one in found.findings if one.kind is Kind.REPLY}
