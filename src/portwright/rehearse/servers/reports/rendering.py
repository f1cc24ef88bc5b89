"""What a report shows: the rows of its data sets, as a page or as text with commas."""

import csv
import html
import io
from collections.abc import Iterable
from dataclasses import dataclass

from portwright.protocols.conversation import Refused
from portwright.protocols.report_service import Rendered


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a data set."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def rendered(title: str, tables: Iterable[Table], wanted: str) -> Rendered:
    """The report in a format. Raises Refused for one that is not known."""
    if wanted.upper() == "CSV":
        return Rendered(_csv(tables), "text/csv")
    if wanted.upper() in ("HTML4.0", "HTML5"):
        return Rendered(_page(title, tables), "text/html")
    raise Refused(f"The rendering extension '{wanted[:40]}' is not known. (rsRenderingExtensionNotFound)")


def _csv(tables: Iterable[Table]) -> bytes:
    """RFC 4180; between two data sets an empty line, as Reporting Services leaves it."""
    texts = []
    for table in tables:
        text = io.StringIO()
        csv.writer(text).writerows((table.columns, *table.rows))
        texts.append(text.getvalue())
    return "\r\n".join(texts).encode()


def _page(title: str, tables: Iterable[Table]) -> bytes:
    parts = [f"<html><head><title>{html.escape(title)}</title></head><body>"]
    for table in tables:
        parts.append(f"<table id='{html.escape(table.name)}'>{_row('th', table.columns)}")
        parts += [_row("td", row) for row in table.rows]
        parts.append("</table>")
    return "".join([*parts, "</body></html>"]).encode()


def _row(cell: str, values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{html.escape(one)}</{cell}>" for one in values) + "</tr>"
