"""What the catalog says of its parts, for people and for programs (`portwright.catalog-answer/1`): list, show, cite."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from portwright.catalog.crossref import CrossReferences, Kind, Link, Part, Relation
from portwright.catalog.model import Catalog, Citation, Setting
from portwright.report.catalog_layout import Row, columns, counted, section, wrapped
from portwright.report.catalog_words import KINDS, brief, cited, default_label, place, says, title

Json = dict[str, Any]

SCHEMA = "portwright.catalog-answer/1"
_OWNED = tuple(kind for kind in Kind if kind not in (Kind.PRODUCT, Kind.REFERENCE))


def part_json(catalog: Catalog, part: Part) -> Json:
    """A part as every answer names it."""
    return {"kind": part.kind.value, "id": part.id, "title": title(catalog, part)}


def citation_json(catalog: Catalog, citation: Citation) -> Json:
    """A place in a document, and what it says."""
    document = catalog.references[citation.reference]
    return {
        "id": citation.id,
        "in": document.title,
        "address": document.address,
        "lines": citation.lines,
        "says": citation.says,
    }


# products


def products_text(references: CrossReferences, products: Sequence[str]) -> str:
    """Every product with what it has, and what the kinds of parts are called."""
    catalog = references.catalog
    rows = []
    for id in products:
        product, counts = catalog.products[id], _counts(references, id)
        rows.append((id, product.title))
        rows.append(("", ", ".join(counted(number, kind.value) for kind, number in counts.items() if number)))
        rows += [("", f"needs {', '.join(product.needs)}")] if product.needs else []
        rows += [("", f"a later version of {product.based_on}")] if product.based_on else []
    lines = [f"{counted(len(products), 'product')} in the catalog", "", *columns(rows)]
    lines += ["", "To list one kind: portwright catalog list KIND [--product ID]. The kinds:", ""]
    return "\n".join([*lines, *columns([(kind.plural, what) for kind, what in KINDS.items()])])


def products_json(references: CrossReferences, products: Sequence[str]) -> Json:
    """Every product with what it has, by contract."""
    catalog = references.catalog
    return {
        "schema": SCHEMA,
        "answer": "products",
        "products": [
            {
                **part_json(catalog, Part(Kind.PRODUCT, id)),
                "needs": list(catalog.products[id].needs),
                "based_on": catalog.products[id].based_on or None,
                "counts": {kind.plural: number for kind, number in _counts(references, id).items()},
            }
            for id in products
        ],
    }


def _counts(references: CrossReferences, product: str) -> dict[Kind, int]:
    found = [part.kind for part, products in references.products.items() if product in products]
    return {kind: found.count(kind) for kind in _OWNED}


# one kind


def list_text(references: CrossReferences, kind: Kind, found: Sequence[Part]) -> str:
    """The parts of one kind, a row each."""
    rows = [_listed(references.catalog, part) for part in found]
    return "\n".join([counted(len(found), kind.value), "", *columns(rows)] if rows else [f"no {kind.plural}"])


def line(catalog: Catalog, part: Part) -> str:
    """What the list of its kind says of a part, in one line."""
    return " ".join(_listed(catalog, part))


def _listed(catalog: Catalog, part: Part) -> Row:
    match part.kind:
        case Kind.SERVICE:
            return part.id, default_label(catalog, catalog.services[part.id]), title(catalog, part)
        case Kind.SETTING:
            setting = catalog.settings[part.id]
            return part.id, setting.default, _setting_about(setting)
        case Kind.REQUIREMENT:
            return part.id, brief(catalog, part)
        case Kind.CITATION:
            return cited(catalog, [part.id])[0]
    return part.id, title(catalog, part)


def _setting_about(setting: Setting) -> str:
    choices = f"({' | '.join(setting.values)})" if setting.values else ""
    return " ".join(filter(None, [setting.about or setting.kind, choices]))


def list_json(references: CrossReferences, kind: Kind, found: Sequence[Part]) -> Json:
    """The parts of one kind, by contract."""
    catalog = references.catalog
    return {
        "schema": SCHEMA,
        "answer": "list",
        "kind": kind.plural,
        "parts": [{**part_json(catalog, part), "products": sorted(references.products[part])} for part in found],
    }


# citations


def cite_text(references: CrossReferences, ids: Iterable[str]) -> str:
    """Each citation: where it stands, what it says, and what became of it."""
    return "\n\n".join("\n".join(_cite(references, references.catalog.citations[id])) for id in ids)


def _cite(references: CrossReferences, citation: Citation) -> Iterator[str]:
    catalog = references.catalog
    yield from wrapped(f"{citation.id}: {says(catalog, citation)}", "", "    ")
    yield from wrapped(place(catalog, citation), "  ")
    if address := catalog.references[citation.reference].address:
        yield f"  {address}"
    yield from _became(references, citation)
    facts = citation.id.startswith("B")
    beside = references.read_with(citation.id)
    yield from section("about" if facts else "errata", columns(cited(catalog, [one.id for one in beside]), "    "))
    yield from section("further reading", _documents(catalog, citation.see))


def _documents(catalog: Catalog, ids: Iterable[str]) -> Iterator[str]:
    for one in (catalog.references[id] for id in ids):
        yield from wrapped(one.title, "    ", "      ")
        yield from wrapped(one.address, "      ")


def _became(references: CrossReferences, citation: Citation) -> Iterator[str]:
    links = references.became(citation.id)
    if links:
        yield from section("became", columns(list(dict.fromkeys(_used(references.catalog, links))), "    "))
    else:
        yield from section("became", ["    no part of the catalog by itself"] if not citation.see else [])
        for id in _named(references, citation):
            rows = dict.fromkeys(_used(references.catalog, references.became(id)))
            yield from section(f"see {id}, which became", columns(list(rows), "    "))


def _named(references: CrossReferences, citation: Citation) -> list[str]:
    """The citations that its text names and that became something."""
    links = references.forward[Part(Kind.CITATION, citation.id)]
    return [one.target.id for one in links if one.relation is Relation.NAMES and references.became(one.target.id)]


def _used(catalog: Catalog, links: Iterable[Link]) -> Iterator[Row]:
    for link in links:
        if link.step:
            step = next(one for one in catalog.scenarios[link.source.id].steps if one.step == link.step)
            yield "step", f"{link.source.id} {link.step}", step.carries
        else:
            yield link.source.kind.value, link.source.id, brief(catalog, link.source)


def cite_json(references: CrossReferences, ids: Iterable[str]) -> Json:
    """Each citation and what became of it, by contract."""
    citations = references.catalog.citations
    return {"schema": SCHEMA, "answer": "cite", "citations": [_cite_json(references, citations[id]) for id in ids]}


def _cite_json(references: CrossReferences, citation: Citation) -> Json:
    catalog = references.catalog
    reading = [catalog.references[id] for id in citation.see]
    return {
        **citation_json(catalog, citation),
        "became": [_link_json(catalog, link.source, link) for link in references.became(citation.id)],
        "named": _named(references, citation),
        "read_with": [citation_json(catalog, one) for one in references.read_with(citation.id)],
        "see": [{"title": one.title, "address": one.address} for one in reading],
    }


def _link_json(catalog: Catalog, part: Part, link: Link) -> Json:
    return {"relation": link.relation.value, **part_json(catalog, part), "step": link.step or None}
