"""A larger site takes time in proportion to its flows: counted in function calls, which no busy machine changes."""

import sys
from pathlib import Path

import pytest
from bench.plan import KINDS, site_text

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.plan.make import make_plan
from portwright.report.plan.matrix import plan_csv
from portwright.site.load import parse_site

CATALOG = load_catalog()
SMALL, LARGE = 100, 400  # hosts


def work(text):
    """Calls made to load and plan a site and write its matrix, and the number of its flows."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        site = parse_site(text.encode(), Path(), CATALOG)
        plan = make_plan(CATALOG, site)
        plan_csv(plan)
    finally:
        sys.setprofile(None)
    return count, len(plan.flows) + len(plan.others)


@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_flows(kind):
    """Four times the hosts: no more work for each flow than a tenth."""
    (little, few), (much, many) = (work(site_text(kind, hosts)) for hosts in (SMALL, LARGE))
    assert many > 3.5 * few
    assert much / many < 1.1 * little / few


def test_many_domains_do_not_go_on_and_on():
    """Thousands of servers, each with another domain: refused instead of looked at pair by pair."""
    hosts = "".join(
        f"  h{number}: {{addresses: [10.0.{number // 250}.{number % 250 + 1}], roles: [ad/domain-controller],"
        f" settings: {{ad.domain: d{number}.example}}}}\n"
        for number in range(3000)
    )
    text = f"site: x\nproducts: [active-directory]\nzones: {{all: {{rest: true}}}}\nhosts:\n{hosts}"
    with pytest.raises(InvalidInput, match="put hosts that are alike into groups"):
        make_plan(CATALOG, parse_site(text.encode(), Path(), CATALOG))
