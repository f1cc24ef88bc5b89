"""The flow matrix as an Excel workbook: all flows, what crosses each point, the places cited, and how it was made.

The same plan gives the same bytes: no clock is read, and Office Open XML's own timestamps are fixed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from portwright import __version__
from portwright.plan.model import Plan, RequiredFlow
from portwright.plan.narrow import crossings
from portwright.report.plan.matrix import COLUMNS, cells, harmless
from portwright.report.plan.rows import counted
from portwright.report.plan.text import message, told_once
from portwright.site.model import Crossing

if TYPE_CHECKING:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]
    from xlsxwriter.format import Format  # type: ignore[import-untyped]

_WIDTHS: dict[str, int] = {  # of columns, in characters
    "Source": 18, "Source addresses": 24, "Destination": 18, "Destination addresses": 24, "Protocol": 9, "Ports": 16,
    "Service": 28, "Purpose": 48, "Phase": 11, "Necessity": 11, "Path": 24, "Citations": 18, "Flow": 40,
    "Requirement": 26, "In": 14, "Out": 14, "Hook": 9, "Citation": 10, "Document": 60, "Lines": 12, "Says": 80,
    "Address": 60, "About": 22, "": 90,
}  # fmt: skip
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 (a fixed moment, so that equal plans give equal bytes)
_TEXT = 49  # the number format "@" (ECMA-376, 18.8.30): ports are texts too
_ON_POINT = ("Hook", "In", "Out")  # how a flow crosses the point of a sheet
_LONGEST_NAME = 31  # of a sheet; Excel's own limits
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))
_LONGEST_CELL = 32_767
_SHORTENED = " ... (shortened: a cell holds no more; see the CSV or JSON form)"
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a header."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def plan_xlsx(plan: Plan, today: date | None = None) -> bytes:
    """The workbook. It names a day only where one is given."""
    from xlsxwriter import Workbook

    content = BytesIO()
    book = Workbook(content, _OPTIONS)
    book.set_properties({"title": f"{plan.site.name}: network flows", "author": "Portwright", "created": _CREATED})
    text = book.add_format({"text_wrap": True, "valign": "top", "num_format": _TEXT})
    head = book.add_format({"bold": True, "bg_color": "#D9E1F2", "bottom": 1, "valign": "top"})
    for sheet in sheets(plan, today):
        _write(book, sheet, head, text)
    book.close()
    return content.getvalue()


def sheets(plan: Plan, today: date | None = None) -> Iterator[Sheet]:
    """The sheets: all flows, what crosses each point, the places cited, and about the workbook."""
    taken = {"all flows", "citations", "about", "history"}  # in small letters; Excel reserves the last for itself
    yield Sheet("All flows", COLUMNS, tuple(cells(plan, plan.flows)))
    for point, crossed in crossings(plan).items():
        name = sheet_name(point, taken)
        taken.add(name.casefold())
        yield Sheet(name, (*COLUMNS, *_ON_POINT), tuple(_crossing(plan, crossed)))
    yield Sheet("Citations", ("Citation", "Document", "Lines", "Says", "Address"), tuple(_cited(plan)))
    yield Sheet("About", ("About", ""), tuple(_about(plan, today)))


def sheet_name(name: str, taken: Collection[str]) -> str:
    """A name that Excel accepts: short, without its signs, and in small letters none of those taken."""
    plain = name.translate(_FORBIDDEN).strip("'") or "point"
    found, number = plain[:_LONGEST_NAME], 2
    while found.casefold() in taken:
        ending = f" ({number})"
        found, number = plain[: _LONGEST_NAME - len(ending)] + ending, number + 1
    return found


def _crossing(plan: Plan, crossed: Sequence[tuple[RequiredFlow, Crossing]]) -> Iterator[tuple[str, ...]]:
    """The flows that cross a point, and by which hook and interfaces."""
    for row, (_, crossing) in zip(cells(plan, (flow for flow, _ in crossed)), crossed, strict=True):
        interfaces = (crossing.interface_in, crossing.interface_out)
        yield (*row, crossing.hook, *(harmless(_interface(name)) for name in interfaces))


def _interface(name: str | None) -> str:
    """The interface; a host firewall has none on the host's own side."""
    return "not said" if name is None else name or "this host"


def _cited(plan: Plan) -> Iterator[tuple[str, ...]]:
    for id in dict.fromkeys(id for flow in plan.flows for id in flow.requirement.citations):
        citation = plan.catalog.citations[id]
        reference = plan.catalog.references[citation.reference]
        place = (id, reference.title, citation.lines, citation.says, reference.address)
        yield tuple(harmless(cell) for cell in place)


def _about(plan: Plan, today: date | None) -> Iterator[tuple[str, ...]]:
    yield "Site", harmless(plan.site.name)
    yield "Products", ", ".join(sorted(plan.site.products))
    yield "Flows", harmless(counted(plan))
    yield "Phases", ", ".join(phase.value for phase in plan.phases)
    yield "Reading", _READINGS[plan.reading.value]
    yield "Necessity", "required: something breaks without it; one-of: it or an alternative; optional: it may be there"
    yield "Path", "the enforcement points in the order in which the first packet crosses them"
    yield "Made by", f"Portwright {__version__}"
    if today is not None:
        yield "As of", today.isoformat()
    for alike in told_once(plan.findings):
        yield "Not settled", harmless(message(alike))


_READINGS: Mapping[str, str] = {
    "corrected": "corrected: errata to the documents are applied",
    "literal": "literal: as the documents print it, mistakes included",
}


def _write(book: "Workbook", sheet: Sheet, head: "Format", text: "Format") -> None:
    page = book.add_worksheet(sheet.name)
    for column, title in enumerate(sheet.columns):
        page.set_column(column, column, _WIDTHS[title], text)
        page.write_string(0, column, title, head)
    for number, row in enumerate(sheet.rows, 1):
        for column, cell in enumerate(row):
            page.write_string(number, column, _fitting(cell), text)
    page.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # ports are texts on purpose
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, max(len(sheet.rows), 1), len(sheet.columns) - 1)
    page.repeat_rows(0)
    page.set_landscape()
    page.fit_to_pages(1, 0)  # as wide as one sheet of paper


def _fitting(cell: str) -> str:
    """A cell that Excel can hold; it says itself when it is cut."""
    return cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - len(_SHORTENED)] + _SHORTENED
