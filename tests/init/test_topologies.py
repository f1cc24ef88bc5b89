"""Each topology is a site file that plans as it stands, and after every answer."""

from datetime import date
from itertools import product
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.findings import Severity
from portwright.init.template import choose, conditions, options
from portwright.init.topologies import NAMES, topologies, topology
from portwright.plan.make import make_plan
from portwright.platforms import PLATFORMS
from portwright.site.load import parse_site

CATALOG = load_catalog()
TODAY = date(2027, 6, 30)


def site_of(text):
    return parse_site(text.encode(), Path(), CATALOG)


def planned(text):
    return make_plan(CATALOG, site_of(text), today=TODAY)


def answers():
    """Every topology with every combination of the choices on which lines depend, and each other choice alone."""
    for one in topologies():
        open_ones = options(one.text)
        deep = {clause.name for clauses in conditions(one.text) for clause in clauses}
        combined = product(*(open_ones[name].values for name in open_ones if name in deep))
        chosen = [dict(zip((name for name in open_ones if name in deep), values, strict=True)) for values in combined]
        chosen += [{name: value} for name in open_ones if name not in deep for value in open_ones[name].others]
        for values in chosen:
            yield pytest.param(
                one.name, values, id=" ".join([one.name, *(f"{name}={value}" for name, value in values.items())])
            )


@pytest.mark.parametrize("name", NAMES)
def test_a_topology_plans_as_it_stands(name):
    """Nothing is unplaced or undecided, and every firewall is on the way of something."""
    plan = planned(topology(name).text)
    assert [finding.message for finding in plan.findings] == []
    assert plan.required
    crossed = {point for flow in plan.flows for point in flow.points}
    assert set(plan.site.points) == crossed


@pytest.mark.parametrize(("name", "chosen"), list(answers()))
def test_a_topology_plans_whatever_is_chosen(name, chosen):
    """No answer leaves a component that nobody placed, or a choice open; advice against an answer is no fault."""
    findings = planned(choose(topology(name).text, chosen)).findings
    assert [one.message for one in findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_topology_lets_people_choose_can_be_chosen(name):
    """The catalog knows the settings and their values; where the present values stand nothing changes."""
    text = topology(name).text
    for option in options(text).values():
        if option.name == "products":
            assert set(option.values) <= set(CATALOG.products)
            continue
        setting = CATALOG.settings[option.name]
        assert set(option.values) <= {*setting.values, *(("true", "false") if setting.kind == "switch" else ())}
    assert choose(text, {}) == text


@pytest.mark.parametrize("name", NAMES)
def test_a_topology_is_easy_to_read_and_to_edit(name):
    """One line says what it is; lines are short; no zone has two networks; each firewall shows where its file goes."""
    one = topology(name)
    assert one.summary[0].isupper()
    assert one.summary.endswith(".")
    assert len(one.summary) <= 95
    assert max(map(len, one.text.splitlines())) <= 140
    assert "\t" not in one.text
    site = site_of(one.text)
    assert all(len(zone.networks) <= 1 for zone in site.zones.values())
    assert all(point.platform in PLATFORMS and point.config is None for point in site.points.values())
    assert one.text.count("    # config: ") == len([point for point in site.points.values() if point.on is None])


def test_there_are_no_others():
    """Each file is offered, and no name is without a file."""
    folder = Path(__file__).parents[2] / "src" / "portwright" / "init" / "topologies"
    assert sorted(file.stem for file in folder.iterdir()) == sorted(NAMES)
    with pytest.raises(KeyError):
        topology("../topologies/split")
