"""What became of each fact of the white paper: tables that people can read, held against catalog and example sites.

A row of facts/*.md says of a fact what it became and which part of the catalog that is. Requirements and listeners
also say, in the field's own notation, from whom to whom, on what, when and in which reading: as the paper prints it
(literal), with its errata applied (corrected), or both. Ports are those of some example site.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.packets.names import protocol_name
from portwright.plan.make import make_plan
from portwright.site.load import load_site

ROOT = Path(__file__).parents[2]
FACTS = Path(__file__).parent / "facts"
CATALOG = load_catalog()
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/site.yaml"))

# Facts that name a connection or a port; the others are scope, conditions, support rules, advice and references.
CONNECTIVITY = "2-4 6-10 12-41 45-56 58-59 61-70 72-81 85-90 92-97 104 106 109-113"
OF_FLOWS = {"requirement", "listener", "step", "duplicate"}


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    fact: str
    became: str
    what: tuple[str, ...]
    source: str
    destination: str
    protocol: str
    ports: str
    phase: str
    when: str
    reading: str


def rows():
    """Every row of every table."""
    for path in sorted(FACTS.glob("*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
            if re.fullmatch(r"P\d+", cells[0]):
                assert len(cells) == 10, f"{path.name}: {line}"
                yield Row(cells[0], cells[1], tuple(re.split(r"[,\s]+", cells[2])), *cells[3:])


ROWS = list(rows())
FLOWS = [row for row in ROWS if row.became in ("requirement", "listener")]


def name(row):
    return "-".join(filter(None, [row.fact, "+".join(row.what), row.protocol, row.ports]))


@functools.cache
def plan(example, reading):
    """The plan of an example for every phase."""
    site = load_site(ROOT / "examples" / example / "site.yaml")
    return make_plan(site.catalog, site, phases=list(Phase), reading=reading)


def numbers(text):
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def test_every_fact_is_in_a_table():
    """All 126, and nothing that the paper does not say."""
    assert {row.fact for row in ROWS} == {f"P{number}" for number in range(1, 127)}


def test_every_connection_of_the_paper_became_one():
    """A fact that names a connection or a port gives a requirement, a listener or a step, or repeats one that does."""
    of_flows = {row.fact for row in ROWS if row.became in OF_FLOWS}
    assert [f"P{number}" for number in numbers(CONNECTIVITY) if f"P{number}" not in of_flows] == []


def cites(row, what):
    """Whether the part of the catalog cites the fact. Raises KeyError when there is no such part."""
    if row.became == "step":
        scenario, _, number = what.partition("/")
        [step] = [step for step in CATALOG.scenarios[scenario].steps if step.step == number]
        return row.fact in step.citations
    if row.became == "reference":
        return row.fact in CATALOG.citations and (what == row.fact or what in CATALOG.citations[row.fact].see)
    if row.became in ("duplicate", "erratum"):
        return what in CATALOG.citations and what != row.fact
    parts = {
        "requirement": CATALOG.requirements,
        "listener": CATALOG.services,
        "setting": CATALOG.settings,
        "component": CATALOG.components,
        "rule": CATALOG.rules,
        "precondition": CATALOG.preconditions,
        "scenario": CATALOG.scenarios,
    }
    return row.fact in parts[row.became][what].citations


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_what_a_fact_became_cites_it(row):
    """So `portwright catalog cite` finds it."""
    assert [what for what in row.what if not cites(row, what)] == []


@pytest.mark.parametrize("row", [row for row in FLOWS if row.became == "requirement"], ids=name)
def test_a_requirement_is_what_the_table_says(row):
    """Ends, phase and condition."""
    for what in row.what:
        found = CATALOG.requirements[what]
        said = (row.source, row.destination, row.phase, row.when)
        conditions = "; ".join(f"{setting}: {' or '.join(values)}" for setting, values in found.when.settings)
        assert said == (found.source, found.destination, found.phase.value, conditions)


@pytest.mark.parametrize("row", [row for row in FLOWS if row.became == "listener"], ids=name)
def test_a_listener_is_what_the_table_says(row):
    """Who listens, on which protocol."""
    for what in row.what:
        found = CATALOG.services[what]
        assert (row.destination, row.protocol) == (found.component, protocol_name(found.protocol))


def occurrences(row, reading):
    """The flows of the examples that are what the row says, port by port."""
    for example in EXAMPLES:
        for flow in plan(example, reading).flows:
            is_meant = flow.requirement.id in row.what and protocol_name(flow.protocol) == row.protocol
            if is_meant and flow.describe().partition(" ")[2] == row.ports:
                yield flow.id


@pytest.mark.parametrize("row", [row for row in FLOWS if row.became == "requirement"], ids=name)
def test_the_plans_of_the_examples_have_the_flow(row):
    """In the readings that the table names, and in no other."""
    readings = {reading for reading in Reading if any(occurrences(row, reading))}
    assert readings == (set(Reading) if row.reading == "both" else {Reading(row.reading)})
