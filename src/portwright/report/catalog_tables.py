"""The component tables for people, for documents, for spreadsheets and for programs."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from portwright.catalog.model import Catalog, Necessity, Phase, Reading, Requirement, Status
from portwright.catalog.tables import Listener, Table, Tables, Use
from portwright.catalog.values import DYNAMIC
from portwright.packets.names import protocol_name
from portwright.report.catalog import SCHEMA, Json, citation_json
from portwright.report.catalog_layout import Row, column_widths, columns, section, wrapped
from portwright.report.catalog_words import PHASES

T = TypeVar("T")

_READINGS = {Reading.CORRECTED: "errata applied", Reading.LITERAL: "as printed, mistakes included"}
_LEGEND = "P: facts of the white paper; B: errata to it; S: other documents. `portwright catalog cite P61` explains."
_DYNAMIC = "dynamic: the server chooses the port at its start."
_NOBODY = "nobody is said to come"
CSV_COLUMNS = (
    "component", "role", "direction", "peer", "service", "title", "protocol", "ports", "phase", "necessity", "status",
    "when", "purpose", "requirement", "citations",
)  # fmt: skip


def tables_text(tables: Tables, found: Sequence[Table]) -> str:
    """The tables for a terminal: what each listens on, what it opens, and what other settings would add."""
    lines = wrapped(heading(tables))
    for table in found:
        lines += ["", *_table_text(tables, table)]
    return "\n".join([*lines, "", *wrapped(_legend(found))])


def heading(tables: Tables) -> str:
    """What the tables are about: products, settings, reading."""
    chosen = ", ".join(f"{name}={value}" for name, value in tables.chosen.items()) or "all settings at their defaults"
    titles = " and ".join(tables.catalog.products[id].title for id in tables.named)
    them = "it needs" if len(tables.named) == 1 else "they need"
    return f"{titles}, with what {them}; {chosen}; {_READINGS[tables.reading]}"


def _legend(found: Sequence[Table]) -> str:
    listening = [one.ports for table in found for one in table.listens]
    opening = [use.ports for table in found for use in table.opens]
    ports = (*listening, *opening)
    return f"{_LEGEND} {_DYNAMIC}" if any(DYNAMIC in text for text in ports) else _LEGEND


def _table_text(tables: Tables, table: Table) -> Iterator[str]:
    yield title(table)
    yield from _about(tables, table)
    yield from section("listens on", _by_role(table, table.listens, lambda one: one.role, _listening))
    yield from section("opens to", _by_role(table, table.opens, lambda one: one.requirement.source, _opening))
    if table.local:
        served = ", ".join(dict.fromkeys(use.service.title for use in table.local))
        yield from section("serves itself", wrapped(served, "    "))
    yield from section("with other settings also", _dormant(table))
    if not (table.listens or table.opens or table.dormant):
        yield "  nothing, with these products, phases and settings"


def _dormant(table: Table) -> Iterator[str]:
    """What other settings would add, by condition."""
    found: dict[str, list[str]] = {}
    for one in table.dormant:
        found.setdefault(str(one.when), []).append(one.id)
    for when, ids in found.items():
        yield from wrapped(f"when {when}: {', '.join(ids)}", "    ", "      ")


def title(table: Table) -> str:
    """The names of the components that the table is about."""
    names = " and ".join(one.title for one in table.components)
    return f"{' + '.join(one.id for one in table.components)}: {names}"


def _about(tables: Tables, table: Table) -> Iterator[str]:
    for one in table.components:
        yield from wrapped(one.about, "  ")
        if one.includes:
            yield from wrapped(f"a bundle of {', '.join(one.includes)}", "  ")
    if len(table.roles) == 1 and (implied := tables.catalog.implied(table.roles[0])):
        yield from wrapped(f"is also {', '.join(implied)}: what stands there holds here too", "  ")


def _by_role(
    table: Table, things: Sequence[T], role_of: Callable[[T], str], cells: Callable[[T], Row]
) -> Iterator[str]:
    """Rows under the role to which each belongs; a table of one role needs no such headings."""
    is_joined = len(table.roles) > 1
    widths = column_widths([cells(thing) for thing in things])
    for role, members in groupby(things, key=role_of):
        if is_joined:
            yield f"    as {role}"
        yield from columns([cells(thing) for thing in members], "      " if is_joined else "    ", widths)


def _listening(listener: Listener) -> Row:
    service = listener.service
    return listener.label, service.title, _with_citations(_coming(listener), service.citations)


def _coming(listener: Listener) -> str:
    return "; ".join(_comers(listener)) or _NOBODY


def _with_citations(text: str, ids: Sequence[str]) -> str:
    return f"{text} ({' '.join(ids)})" if ids else text


def _comers(listener: Listener) -> Iterator[str]:
    """Who may come: each consumer once, with what limits it."""
    by_source: dict[str, list[Use]] = {}
    for use in listener.uses:
        by_source.setdefault(use.requirement.source, []).append(use)
    for source, uses in by_source.items():
        limits = {_limits(use) for use in uses}
        yield source if "" in limits else f"{source} ({' or '.join(sorted(limits))})"


def _opening(use: Use) -> Row:
    limits = _limits(use)
    what = f"{limits}: {use.requirement.purpose}" if limits else use.requirement.purpose
    return use.requirement.destination, use.label, _with_citations(what, use.requirement.citations)


def _limits(use: Use) -> str:
    """What keeps a requirement from being needed always; empty for one that is required to run."""
    one = use.requirement
    words = [PHASES[one.phase]] if one.phase is not Phase.RUN else []
    words += ["optional"] if one.necessity is Necessity.OPTIONAL else []
    words += [f"one of {one.group}"] if one.group else []
    words += [one.status.value] if one.status is not Status.CURRENT else []
    words += [f"only across {', '.join(one.across)}"] if one.across else []
    words += ["inside IPsec"] if use.tunneled else []
    return ", ".join(words)


# Markdown


def tables_markdown(tables: Tables, found: Sequence[Table]) -> str:
    """The tables for a document."""
    lines = ["# Ports", "", escaped(heading(tables))]
    for table in found:
        lines += ["", f"## {escaped(title(table))}"]
        if table.listens:
            rows = [_markdown_listener(one) for one in table.listens]
            lines += ["", "Listens on", "", *markdown_table(("port", "service", "from", "written in"), rows)]
        if table.opens:
            head = ("to", "port", "service", "phase", "needed", "what for", "written in")
            lines += ["", "Opens to", "", *markdown_table(head, [_markdown_row(use) for use in table.opens])]
    return "\n".join(lines)


def _markdown_listener(listener: Listener) -> Row:
    cells = (listener.label, listener.service.title, _coming(listener))
    return (*map(escaped, cells), _all_cited(listener))


def _all_cited(listener: Listener) -> str:
    ids = (id for use in listener.uses for id in use.requirement.citations)
    return " ".join(dict.fromkeys((*ids, *listener.service.citations)))


def _markdown_row(use: Use) -> Row:
    one = use.requirement
    needed = f"one of {one.group}" if one.group else one.necessity.value
    cells = (one.destination, use.label, use.service.title, one.phase.value, needed, one.purpose)
    return (*map(escaped, cells), " ".join(one.citations))


def markdown_table(head: Row, rows: Iterable[Row]) -> list[str]:
    """A table in Markdown; its cells are escaped already."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def escaped(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    text = " ".join(text.split())
    for sign in "\\|*_<>`[]&":
        text = text.replace(sign, f"\\{sign}")
    return text


# spreadsheets


def tables_csv(found: Iterable[Table]) -> str:
    """The tables as comma-separated values (RFC 4180), a row for each flow of each component."""
    rows = [row for table in found for row in _csv_rows(table)]
    return csv_text(CSV_COLUMNS, rows)


def csv_text(head: Row, rows: Iterable[Row]) -> str:
    """Comma-separated values; a cell that a spreadsheet would take for a formula is quoted as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().rstrip("\n")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _csv_rows(table: Table) -> Iterator[Row]:
    name = "+".join(one.id for one in table.components)
    for listener in table.listens:
        for use in listener.uses:
            yield _csv_row(name, listener.role, "in", use.requirement.source, use)
        if not listener.uses:
            service = listener.service
            cells = (service.id, service.title, protocol_name(service.protocol), listener.ports, "", "")
            yield name, listener.role, "in", "", *cells, service.status.value, "", "", "", " ".join(service.citations)
    for use in table.opens:
        yield _csv_row(name, use.requirement.source, "out", use.requirement.destination, use)


def _csv_row(name: str, role: str, direction: str, peer: str, use: Use) -> Row:
    one, service = use.requirement, use.service
    what = (service.id, service.title, protocol_name(service.protocol), use.ports)
    how = (one.phase.value, one.necessity.value, one.status.value, str(one.when), one.purpose)
    return name, role, direction, peer, *what, *how, one.id, " ".join(one.citations)


# programs


def tables_json(tables: Tables, found: Sequence[Table]) -> Json:
    """The tables by contract, with what the citations in them mean."""
    return {
        "schema": SCHEMA,
        "answer": "ports",
        "products": list(tables.products),
        "reading": tables.reading.value,
        "phases": [phase.value for phase in tables.phases],
        "settings": dict(tables.chosen),
        "tables": [_table_json(table) for table in found],
        "references": references_json(tables.catalog, _cited(found)),
    }


def _cited(found: Iterable[Table]) -> Iterator[str]:
    for table in found:
        for listener in table.listens:
            yield from listener.service.citations
            yield from (id for use in listener.uses for id in use.requirement.citations)
        yield from (id for use in table.opens for id in use.requirement.citations)


def references_json(catalog: Catalog, ids: Iterable[str]) -> Json:
    """The citations by id."""
    return {id: citation_json(catalog, catalog.citations[id]) for id in dict.fromkeys(ids)}


def _table_json(table: Table) -> Json:
    return {
        "components": [{"id": one.id, "title": one.title, "product": one.product} for one in table.components],
        "roles": list(table.roles),
        "listens": [_listener_json(one) for one in table.listens],
        "opens": [_use_json(use) for use in table.opens],
        "local": [use.requirement.id for use in table.local],
        "with_other_settings": [{"requirement": one.id, "when": _when(one)} for one in table.dormant],
    }


def _listener_json(listener: Listener) -> Json:
    service = listener.service
    return {
        "role": listener.role,
        "service": service.id,
        "title": service.title,
        "protocol": protocol_name(service.protocol),
        "ports": listener.ports,
        "status": service.status.value,
        "citations": list(service.citations),
        "uses": [_use_json(use) for use in listener.uses],
    }


def _use_json(use: Use) -> Json:
    one = use.requirement
    return {
        "requirement": one.id,
        "source": one.source,
        "destination": one.destination,
        "service": use.service.id,
        "title": use.service.title,
        "protocol": protocol_name(use.service.protocol),
        "ports": use.ports,
        "phase": one.phase.value,
        "necessity": one.necessity.value,
        "group": one.group or None,
        "status": one.status.value,
        "when": _when(one),
        "tunneled": use.tunneled,
        "purpose": one.purpose,
        "citations": list(one.citations),
    }


def _when(requirement: Requirement) -> dict[str, list[str]]:
    return {name: list(values) for name, values in requirement.when.settings}
