"""The links between the parts of the catalog, read both ways."""

import pytest

from portwright.catalog.crossref import CrossReferences, Kind, Link, Part, Relation, numbered, parts
from portwright.catalog.load import load_catalog

CATALOG = load_catalog()
REFERENCES = CrossReferences.of(CATALOG)
FACTS = [f"P{n}" for n in range(1, 127)]
ERRATA = [f"B{n}" for n in range(1, 29)]


def part(text):
    """`requirement crm.web` as a part."""
    kind, id = text.split()
    return Part(Kind(kind), id)


@pytest.mark.parametrize(
    ("source", "relation", "target", "step"),
    [
        ("requirement crm.fetch-report", "from", "component ssrs/report-server", ""),
        ("requirement crm.fetch-report", "to", "component crm/front-end", ""),
        ("requirement crm.fetch-report", "service", "service crm/sdk-listener", ""),
        ("requirement crm.fetch-report", "citations", "citation P61", ""),
        ("requirement crm.excel-export", "when", "setting excel_dynamic_export", ""),
        ("service crm/web", "at", "component crm/front-end", ""),
        ("service crm/web", "ports", "setting web.port", ""),
        ("setting web.port", "default", "setting web.scheme", ""),
        ("component crm/full-server", "includes", "component crm/front-end", ""),
        ("component crm/front-end", "implies", "component crm/server", ""),
        ("scenario run-fetch-report", "requires", "requirement crm.fetch-report", "4b"),
        ("scenario run-fetch-report", "citations", "citation P66", "4b"),
        ("scenario sign-in-integrated", "when", "setting authentication", ""),
        ("product reporting-services", "needs", "product sql-server", ""),
        ("citation P61", "in", "reference white-paper", ""),
    ],
)
def test_who_speaks_of_whom(source, relation, target, step):
    """A link is found from both of its ends."""
    link = Link(part(source), Relation(relation), part(target), step)
    assert link in REFERENCES.forward[link.source]
    assert link in REFERENCES.back[link.target]


def test_links_lead_back():
    """The links read backwards are the links read forwards, and each is there once."""
    forward = [link for links in REFERENCES.forward.values() for link in links]
    back = [link for links in REFERENCES.back.values() for link in links]
    assert len(forward) == len(set(forward)) == len(back)
    assert set(forward) == set(back)


def test_every_part_is_known_by_its_id():
    """Whatever its kind, and under each of its aliases."""
    assert all(one in REFERENCES.find(one.id) for one in parts(CATALOG))
    aliased = [(alias, one.id) for one in CATALOG.components.values() for alias in one.aliases]
    assert [REFERENCES.find(alias) for alias, _ in aliased] == [(Part(Kind.COMPONENT, id),) for _, id in aliased]


def test_an_id_may_mean_two_things():
    """The component and the service of this name are both meant."""
    assert REFERENCES.find("ad/global-catalog") == (
        Part(Kind.COMPONENT, "ad/global-catalog"),
        Part(Kind.SERVICE, "ad/global-catalog"),
    )


@pytest.mark.parametrize(
    ("citation", "became"),
    [
        ("P61", {"requirement crm.fetch-report", "scenario run-fetch-report"}),
        ("P37", {"requirement crm.report-execution", "requirement crm.report-publishing"}),
        ("P90", {"requirement ad.kerberos", "requirement ad.kerberos-udp"}),
        ("B2", {"requirement ad.rpc-udp-1025"}),
        ("S11", {"requirement ssrs.database"}),
    ],
)
def test_what_became_of_a_fact(citation, became):
    """The parts that cite it."""
    found = {f"{link.source.kind} {link.source.id}" for link in REFERENCES.became(citation)}
    assert became <= found


@pytest.mark.parametrize(
    ("fact", "erratum"), [("P61", "B4"), ("P18", "B2"), ("P87", "B3"), ("P80", "B6"), ("P41", "B28"), ("P70", "B17")]
)
def test_errata_and_facts_are_read_together(fact, erratum):
    """From the fact to the erratum, and from the erratum to the fact."""
    assert erratum in [one.id for one in REFERENCES.read_with(fact)]
    assert fact in [one.id for one in REFERENCES.read_with(erratum)]


@pytest.mark.parametrize("id", [*FACTS, *ERRATA])
def test_facts_are_read_with_errata_and_errata_with_facts(id):
    """And never with their own kind."""
    wanted = "B" if id.startswith("P") else "P"
    assert {one.id[0] for one in REFERENCES.read_with(id)} <= {wanted}


def test_a_repeated_fact_names_the_one_it_repeats():
    """The rows of the front end repeat those of all components, and say which."""
    named = {link.target.id for link in REFERENCES.forward[part("citation P19")] if link.relation is Relation.NAMES}
    assert "P12" in named


@pytest.mark.parametrize(
    ("named", "products"),
    [
        ("requirement crm.web", {"dynamics-crm-2013"}),
        ("service crm/web", {"dynamics-crm-2013"}),
        ("setting sql.port", {"sql-server"}),
        ("setting excel_dynamic_export", {"dynamics-crm-2013"}),
        ("citation P61", {"dynamics-crm-2013"}),
    ],
)
def test_whose_a_part_is(named, products):
    """What declares no product belongs to those that speak of it."""
    assert products <= REFERENCES.products[part(named)]


def test_parts_with_a_product_of_their_own_belong_to_that_alone():
    """However many others speak of them."""
    assert REFERENCES.products[part("component sql/engine")] == {"sql-server"}


def test_citations_stand_in_the_order_of_their_numbers():
    """Facts first, then errata, then other documents."""
    found = sorted(CATALOG.citations.values(), key=numbered)
    assert [one.id for one in found][: len(FACTS) + len(ERRATA)] == [*FACTS, *ERRATA]
