"""The example sites: each loads, leaves nothing open that it does not mean to, and needs what is shown here."""

import re
from pathlib import Path

import pytest

from portwright.catalog.model import Phase, Reading
from portwright.findings import Severity
from portwright.plan.make import make_plan
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"
SITES = sorted(EXAMPLES.glob("*/site.yaml"), key=lambda path: int(re.sub(r"\D", "", path.parent.name)))


def named(path):
    return path.parent.name


def planned(path, **options):
    site = load_site(path)
    return make_plan(site.catalog, site, **options)


def test_there_is_an_example_for_each_topology():
    """F1 to F10."""
    assert [named(path) for path in SITES] == [f"f{number}" for number in range(1, 11)]


@pytest.mark.parametrize("path", SITES, ids=named)
def test_an_example_says_what_it_is_for(path):
    """Its first lines name the topology and what it exercises."""
    head = path.read_text(encoding="utf-8").partition("\nsite:")[0]
    assert head.startswith("# Topology F")
    assert re.search(r"^# Exercises:? ", head, re.MULTILINE)


@pytest.mark.parametrize("path", SITES, ids=named)
def test_the_list_of_examples_says_the_same(path):
    """examples/README.md has a row for each, with the words of its first line."""
    title = path.read_text(encoding="utf-8").splitlines()[0].partition(": ")[2].rstrip(".")
    row = f"| [{named(path)}]({named(path)}/site.yaml) | {title} |"
    assert row in (EXAMPLES / "README.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", SITES, ids=named)
def test_an_example_is_settled(path):
    """Nothing is unplaced or undecided; advice is given only where the example announces it."""
    plan = planned(path)
    assert plan.unplaced == ()
    text = path.read_text(encoding="utf-8")
    announced = set(re.findall(r"^# Finding: ([a-z0-9_.-]+)", text, re.MULTILINE))
    serious = [one.message for one in plan.findings if one.severity in (Severity.ERROR, Severity.UNDECIDED)]
    assert serious == []
    assert {one.subject.partition("/")[0] for one in plan.findings} == announced


@pytest.mark.parametrize("path", SITES, ids=named)
def test_the_golden_plan(path, snapshot):
    """Every flow of every phase, one a line; `make golden` renews it."""
    lines = []
    for reading in Reading:
        plan = planned(path, phases=list(Phase), reading=reading)
        lines += [f"# {reading.value}", *sorted(described(flow) for flow in plan.flows)]
    assert "\n".join(lines) == snapshot


def described(flow):
    way = " ".join(flow.points) or "-"
    return f"{flow.id}  {flow.describe()}  {flow.requirement.phase.value} {flow.necessity.value}  {way}"
