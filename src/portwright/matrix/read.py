"""From the file of a matrix to its flows."""

from collections.abc import Mapping, Sequence

from portwright.catalog.model import Catalog
from portwright.errors import InvalidInput, Problem
from portwright.matrix.delimited import DELIMITERS, beginning, decoded, whole
from portwright.matrix.flows import Matrix, read_flows
from portwright.matrix.headers import Header, find_header, headers_of, numbered_columns
from portwright.matrix.table import Table, read_bytes
from portwright.matrix.workbook import COMPOUND, ZIP, read_sheets
from portwright.shapes import shorten

_ALL = "All flows"  # the sheet of a plan that has them all; the others repeat some of them
_SHOWN = 30  # headers in a message
_TOP = 60  # rows


def read_matrix(path: str, sheet: str | None, mapping: Mapping[str, str], catalog: Catalog) -> Matrix:
    """The flows of the matrix in a file. Raises InvalidInput with every problem."""
    content = read_bytes(path)
    if content.startswith(COMPOUND):
        hint = "save it as .xlsx without a password, or as CSV"
        raise InvalidInput.of("is an old Excel workbook (.xls), or protected by a password", file=path, hint=hint)
    if content.startswith(ZIP):
        table, header = _of_sheets(read_sheets(content, path, sheet), path, mapping)
    elif sheet is not None:
        raise InvalidInput.of("has no sheets: it is no Excel workbook (.xlsx)", file=path)
    else:
        table, header = _of_text(decoded(content, path), path, mapping)
    _refuse_incomplete(table, header, mapping)
    return read_flows(table, header, catalog)


def _of_text(text: str, path: str, mapping: Mapping[str, str]) -> tuple[Table, Header]:
    """The table with the delimiter under which the header is understood best."""
    tables = {delimiter: beginning(text, path, delimiter, _TOP) for delimiter in DELIMITERS}
    found = find_header(list(tables.values()), mapping)
    if found is None and (header := numbered_columns(mapping)):
        found = max(tables.values(), key=lambda table: sum(len(row.filled) for row in table.rows)), header
    if found is None or not found[0].rows:
        raise _headless(list(tables.values()), path)
    delimiter = next(one for one, table in tables.items() if table is found[0])
    return whole(text, path, delimiter), found[1]


def _of_sheets(tables: Sequence[Table], path: str, mapping: Mapping[str, str]) -> tuple[Table, Header]:
    """The only sheet with a header row, or that of a plan with all flows."""
    found = [(table, header) for table in tables if (header := headers_of(table, mapping)) is not None]
    if not found and (numbered := numbered_columns(mapping)):
        found = [(table, numbered) for table in tables if table.rows]
    if not found:
        raise _headless(tables, path)
    chosen = [one for one in found if one[0].sheet == _ALL] or found
    if len(chosen) > 1:
        names = ", ".join(f"'{table.sheet[:40]}'" for table, _ in chosen[:20])
        message = f"{len(chosen)} sheets hold flows: {names}"
        raise InvalidInput.of(message, file=path, hint="choose one with --sheet NAME")
    return chosen[0]


def _headless(tables: Sequence[Table], path: str) -> InvalidInput:
    """No row is a header: the one that looks most like it is named."""
    rows = [row for table in tables for row in table.rows[:_TOP] if row.filled]
    if not rows:
        return InvalidInput.of("holds no table", file=path)
    fullest = max(rows, key=lambda row: len(row.filled))
    message = f"no row names the columns for source, destination and ports; one has {_listed(fullest.filled)}"
    hint = "say which column is which: --map source='...' --map destination='...' --map ports='...'"
    return InvalidInput.of(message, file=path, line=fullest.line, hint=hint)


def _refuse_incomplete(table: Table, header: Header, mapping: Mapping[str, str]) -> None:
    place = table.file, header.line, 0, ""
    problems = [
        Problem(*place, f"--map {name}={shorten(text)}: there is no such header", _found(header.texts))
        for name, text in mapping.items()
        if text and name not in header.columns
    ]
    problems += [
        Problem(*place, f"there is no column for the {name}", _hint(name, header.texts))
        for name in header.missing()
        if not mapping.get(name)
    ]
    problems += [
        table.problem(header.line, columns[1], f"{len(columns)} columns could be the {name}", _numbers(name, columns))
        for name, columns in header.twice.items()
        if name in ("source", "destination", "ports", "source_ports", "protocol", "service")
    ]
    if problems:
        raise InvalidInput(problems)


def _numbers(name: str, columns: Sequence[int]) -> str:
    numbers = " or ".join(f"--map {name}='#{column + 1}'" for column in columns)
    return f"say which one by its number: {numbers}"


def _hint(name: str, headers: Sequence[str]) -> str:
    return f"{_found(headers)}; say which one it is: --map {name}='...'"


def _found(headers: Sequence[str]) -> str:
    return f"the headers are {_listed(headers)}"


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(f"'{shorten(' '.join(text.split()))}'" for text in headers[:_SHOWN])
    return shown if len(headers) <= _SHOWN else f"{shown} and {len(headers) - _SHOWN} more"
