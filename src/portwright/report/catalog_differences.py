"""Where the reading as printed and the corrected one differ, for people, documents, spreadsheets and programs."""

from collections.abc import Iterable, Iterator, Sequence

from portwright.catalog.differences import Change, Difference, without_difference
from portwright.catalog.model import Catalog, Citation, Status
from portwright.packets.names import protocol_name
from portwright.report.catalog import SCHEMA, Json, citation_json
from portwright.report.catalog_layout import Row, columns, counted
from portwright.report.catalog_tables import csv_text, escaped, markdown_table
from portwright.report.catalog_words import says

CSV_COLUMNS = (
    "change", "from", "to", "service", "printed", "corrected", "when", "purpose", "requirement", "citations", "reasons",
    "why",
)  # fmt: skip
_DONE = {  # what Portwright does with it
    Change.LEFT_OUT: "not opened",
    Change.ADDED: "opened",
    Change.MOVED: "opened on another port",
}
_HEADINGS = {
    Change.LEFT_OUT: "PRINTED, AND NOT OPENED",
    Change.MOVED: "PRINTED OTHERWISE",
    Change.ADDED: "NOT PRINTED, AND NEEDED",
}
_LAST = (99, "")
_ABOVE = "as above"
_NO_ERRATUM = "the documents cited say so"
_Reasons = tuple[Citation, ...]


def differences_text(catalog: Catalog, found: Sequence[Difference], others: bool) -> str:
    """The differences under the errata that are their reason; `others` lists the errata that change no port too."""
    lines = [f"{counted(len(found), 'difference')} between what the paper prints and what Portwright opens"]
    explained: set[str] = set()
    for change, heading in _HEADINGS.items():
        members = [one for one in found if one.change is change]
        lines += ["", heading, *_reasoned(catalog, members, explained)] if members else []
    rest = without_difference(catalog, found) if others else ()
    if rest:
        lines += ["", "ERRATA THAT CHANGE NO PORT", *columns([(one.id, says(catalog, one)) for one in rest])]
    return "\n".join(lines)


def _reasoned(catalog: Catalog, found: Iterable[Difference], explained: set[str]) -> Iterator[str]:
    """The differences by their reasons; each erratum is explained where it comes first."""
    groups: dict[_Reasons, list[Difference]] = {}
    for one in found:
        groups.setdefault(one.reasons, []).append(one)
    for why, members in sorted(groups.items(), key=lambda group: _order(group[0])):
        heads = [(reason.id, _ABOVE if reason.id in explained else says(catalog, reason)) for reason in why]
        explained.update(reason.id for reason in why)
        yield from columns(heads) or [f"  {_NO_ERRATUM}"]
        yield from columns(list(_merged(members)), "      ")


def _order(why: _Reasons) -> list[tuple[int, str]]:
    """Errata in the order of their numbers; what has none comes last."""
    return sorted((len(reason.id), reason.id) for reason in why) or [_LAST]


def _merged(found: Iterable[Difference]) -> Iterator[Row]:
    """A row for each pair of components and condition: the ports, and where they are written."""
    rows: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        ends = " > ".join(filter(None, [one.source, one.destination]))
        rows.setdefault((ends, _when(one)), []).append(one)
    for (ends, when), members in rows.items():
        ports = ", ".join(dict.fromkeys(_ports(one) for one in members))
        cited = " ".join(dict.fromkeys(id for one in members for id in one.citations))
        yield ends, f"{ports}{when}{f' ({cited})' if cited else ''}"


def _ports(one: Difference) -> str:
    return f"{one.printed} becomes {one.corrected}" if one.change is Change.MOVED else one.printed or one.corrected


def _when(one: Difference) -> str:
    """The condition; of what other settings would still open, `unless`."""
    if one.requirement is None or not one.requirement.when.settings:
        return ""
    is_open_to_choice = one.change is Change.LEFT_OUT and one.requirement.status is Status.CURRENT
    return f" {'unless' if is_open_to_choice else 'when'} {one.requirement.when}"


def differences_markdown(catalog: Catalog, found: Sequence[Difference]) -> str:
    """The differences for a document."""
    head = ("from", "to", "service", "printed", "Portwright", "written in", "why")
    rows = [_markdown_row(catalog, one) for one in found]
    return "\n".join(["# As printed, and corrected", "", *markdown_table(head, rows)])


def _markdown_row(catalog: Catalog, one: Difference) -> Row:
    cells = (one.source, one.destination, one.service.title, one.printed, one.corrected or _DONE[one.change])
    why = "; ".join(f"{reason.id}: {says(catalog, reason)}" for reason in one.reasons)
    return (*map(escaped, cells), " ".join(one.citations), escaped(why))


def differences_csv(catalog: Catalog, found: Sequence[Difference]) -> str:
    """The differences as comma-separated values, a row each."""
    return csv_text(CSV_COLUMNS, _csv_rows(catalog, found))


def _csv_rows(catalog: Catalog, found: Iterable[Difference]) -> Iterator[Row]:
    for one in found:
        what = (one.change.value, one.source, one.destination, one.service.id, one.printed, one.corrected)
        asked = one.requirement
        about = (str(asked.when), asked.purpose, asked.id) if asked else ("", "", "")
        why = "; ".join(says(catalog, reason) for reason in one.reasons)
        yield *what, *about, " ".join(one.citations), " ".join(reason.id for reason in one.reasons), why


def differences_json(catalog: Catalog, products: Sequence[str], found: Sequence[Difference]) -> Json:
    """The differences by contract, and the errata that change no port."""
    return {
        "schema": SCHEMA,
        "answer": "differences",
        "products": list(products),
        "differences": [_difference_json(catalog, one) for one in found],
        "other_errata": [citation_json(catalog, one) for one in without_difference(catalog, found)],
    }


def _difference_json(catalog: Catalog, one: Difference) -> Json:
    asked = one.requirement
    return {
        "change": one.change.value,
        "source": one.source or None,
        "destination": one.destination,
        "service": one.service.id,
        "protocol": protocol_name(one.service.protocol),
        "printed": one.printed or None,
        "corrected": one.corrected or None,
        "requirement": asked.id if asked else None,
        "when": {name: list(values) for name, values in asked.when.settings} if asked else {},
        "purpose": asked.purpose if asked else None,
        "citations": list(one.citations),
        "reasons": [citation_json(catalog, reason) for reason in one.reasons],
    }
