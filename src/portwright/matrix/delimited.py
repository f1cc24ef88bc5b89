"""Tables in text files: commas, semicolons or tabs, in the encodings that spreadsheets write."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from portwright.errors import InvalidInput
from portwright.matrix.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Row, Table, cleaned

DELIMITERS = (",", ";", "\t", "|")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_UNMARKED = ("utf-8", "cp1252", "latin-1")  # Excel's plain CSV is in the code page of Windows; the last takes any byte


def decoded(content: bytes, file: str) -> str:
    """The text of the file. Raises InvalidInput when it is none."""
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), None)
    for encoding in [marked] if marked else _UNMARKED:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        break
    hint = "a matrix is a text file with commas, semicolons or tabs, or an Excel workbook (.xlsx)"
    raise InvalidInput.of("is neither text nor an Excel workbook", file=file, hint=hint)


_LONGEST_LINE = 1_000_000  # characters; the longest row that is allowed has fewer


def beginning(text: str, file: str, delimiter: str, rows: int) -> Table:
    """The first rows, read leniently: enough to see whether the delimiter is the right one."""
    found: list[Row] = []
    with suppress(csv.Error):  # what is wrong with the delimiter chosen in the end, `whole` says
        for cells in islice(csv.reader(_lines(text), delimiter=delimiter), rows):
            found.append(Row(len(found) + 1, _cells(cells)))
    return Table(file, tuple(found))


def whole(text: str, file: str, delimiter: str) -> Table:
    """All rows. Raises InvalidInput where the text breaks the rules of CSV, or is larger than any matrix."""
    strict = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in strict:
            rows.append(Row(line, _cells(cells)))
            line = strict.line_num + 1
            _refuse_large(rows, cells, file)
    except csv.Error as problem:
        hint = "a quotation mark that opens a cell must be closed; inside a cell it is written twice"
        raise InvalidInput.of(f"is not CSV: {problem}", file=file, line=line, hint=hint) from None
    return Table(file, tuple(rows))


def _lines(text: str) -> Iterator[str]:
    """The lines for the reader, which must see the line ends inside quoted cells; without Excel's `sep=;`."""
    lines = (line if len(line) <= _LONGEST_LINE else _refuse_line() for line in io.StringIO(text, newline=""))
    first = next(lines, "")
    yield "\n" if first.lower().startswith("sep=") and len(first.strip()) <= len("sep=;") else first
    yield from lines


def _refuse_line() -> str:
    raise csv.Error(f"a line has more than {_LONGEST_LINE} characters")


def _cells(cells: list[str]) -> tuple[str, ...]:
    return tuple(map(cleaned, cells[: MAX_COLUMNS + 1]))


def _refuse_large(rows: list[Row], cells: list[str], file: str) -> None:
    line = rows[-1].line
    if len(rows) > MAX_ROWS:
        raise InvalidInput.of(f"has more than {MAX_ROWS} rows", file=file, line=line, hint="split the matrix")
    if len(cells) > MAX_COLUMNS:
        raise InvalidInput.of(f"has more than {MAX_COLUMNS} columns", file=file, line=line)
    if any(len(cell) > MAX_CELL for cell in cells):
        hint = "is a quotation mark left open?"
        raise InvalidInput.of(f"a cell has more than {MAX_CELL} characters", file=file, line=line, hint=hint)
