"""Tables in the sheets of an Excel workbook (ECMA-376, part 1, chapter 18)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from portwright.errors import InvalidInput
from portwright.matrix.archive import Refused, office_file, unpacked, walk
from portwright.matrix.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Row, Table, cleaned

ZIP = b"PK\x03\x04"
COMPOUND = b"\xd0\xcf\x11\xe0"  # [MS-CFB] 2.2: what .xls files and workbooks with a password begin with
MAX_MERGED = 10_000  # ranges of merged cells in a sheet
_DAY_0 = {False: date(1899, 12, 30), True: date(1904, 1, 1)}  # 18.17.4.1: by whether the workbook counts from 1904
_LAST_DAY = 2_958_465  # 9999-12-31
_DATES = frozenset(
    [*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)]
)  # 18.8.30: formats of dates and times
_POSITION = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet as the workbook lists it."""

    name: str
    part: str
    is_visible: bool


def read_sheets(content: bytes, file: str, wanted: str | None) -> list[Table]:
    """The sheet of that name, or every visible sheet with anything in it. Raises InvalidInput."""
    with office_file(file):
        parts = unpacked(content)
        book = _read_book(parts)
        texts = _Texts()
        if "xl/sharedstrings.xml" in parts:
            walk(parts["xl/sharedstrings.xml"], texts)
        chosen = _chosen(book, file, wanted)
        tables = [_table(parts[sheet.part], sheet.name, file, book, texts.texts) for sheet in chosen]
    return [table for table in tables if table.rows] if wanted is None else tables


def _chosen(book: "_Book", file: str, wanted: str | None) -> list[_Sheet]:
    if wanted is None:
        return [sheet for sheet in book.sheets if sheet.is_visible]
    found = [sheet for sheet in book.sheets if sheet.name == wanted]
    if not found:
        hint = f"its sheets: {', '.join(sheet.name[:40] for sheet in book.sheets[:20])}"
        raise InvalidInput.of(f"has no sheet '{wanted[:60]}'", file=file, hint=hint)
    return found


@dataclass(slots=True)
class _Book:
    """The list of sheets (18.2), and how numbers are shown (18.8)."""

    sheets: list[_Sheet] = field(default_factory=list)
    from_1904: bool = False
    dates: frozenset[int] = frozenset()  # cell formats that show a number as a date
    targets: Mapping[str, str] = field(default_factory=dict)  # part by relationship

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take a sheet, or the day from which the workbook counts."""
        if name == "sheet":
            part = self.targets.get(attributes.get("id", ""), "")
            visible = attributes.get("state", "visible") == "visible"
            if part.startswith("xl/worksheets/"):
                name = " ".join(cleaned(attributes.get("name", "")).split())
                self.sheets.append(_Sheet(name, part, visible))
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904") in ("1", "true")

    def text(self, text: str) -> None:
        """Nothing: a workbook says everything in attributes."""

    def end(self, name: str) -> None:
        """Nothing likewise."""


def _read_book(parts: Mapping[str, bytes]) -> _Book:
    relations = _Relations()
    walk(parts["xl/_rels/workbook.xml.rels"], relations)
    styles = _Styles()
    if "xl/styles.xml" in parts:
        walk(parts["xl/styles.xml"], styles)
    book = _Book(targets=relations.targets, dates=styles.dates())
    walk(parts["xl/workbook.xml"], book)
    return book


@dataclass(slots=True)
class _Relations:
    """Which part each relationship of the workbook means (part 2, 9.3)."""

    targets: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take a relationship."""
        target = attributes.get("Target", "").lower()
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            self.targets[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"

    def text(self, text: str) -> None:
        """Nothing."""

    def end(self, name: str) -> None:
        """Nothing."""


@dataclass(slots=True)
class _Styles:
    """Which cell formats show a number as a date."""

    codes: dict[str, str] = field(default_factory=dict)  # number format -> how it is written
    formats: list[str] = field(default_factory=list)  # number format of each cell format
    in_cells: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take a format."""
        if name == "numFmt":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self.in_cells = True
        elif name == "xf" and self.in_cells:
            self.formats.append(attributes.get("numFmtId", ""))

    def text(self, text: str) -> None:
        """Nothing."""

    def end(self, name: str) -> None:
        """Leave the formats of cells."""
        self.in_cells = self.in_cells and name != "cellXfs"

    def dates(self) -> frozenset[int]:
        """The places of the formats that are for dates."""
        return frozenset(place for place, id in enumerate(self.formats) if self._is_date(id))

    def _is_date(self, id: str) -> bool:
        code = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", self.codes.get(id, "")[:255].lower())
        return _whole(id) in _DATES or bool(re.search("[dmyhs]", code))


@dataclass(slots=True)
class _Texts:
    """The texts that cells share (18.4), without the readings of Japanese ones."""

    texts: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    is_reading: bool = False
    in_text: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 (only names matter here)
        """Begin a text, or a piece of it."""
        if name == "si":
            self.pieces = []
        self.is_reading = self.is_reading or name == "rPh"
        self.in_text = name == "t" and not self.is_reading

    def text(self, text: str) -> None:
        """Take a piece."""
        if self.in_text:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        """End a text."""
        self.in_text = False
        self.is_reading = self.is_reading and name != "rPh"
        if name == "si":
            self.texts.append(_text("".join(self.pieces)))


@dataclass(slots=True)
class _Cells:
    """The cells of a sheet (18.3)."""

    book: _Book
    shared: list[str]
    rows: dict[int, dict[int, str]] = field(default_factory=dict)  # row (1-based) -> column (0-based) -> text
    merged: list[tuple[int, int, int]] = field(default_factory=list)  # column, first row, last row
    row: int = 0
    column: int = -1
    kind: str = "n"  # 18.18.11
    style: int = 0
    pieces: list[str] = field(default_factory=list)
    in_value: bool = False
    is_reading: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a row, a cell or its value."""
        if name == "row":
            self.row, self.column = _whole(attributes.get("r", "")) or self.row + 1, -1
        elif name == "c":
            self._begin(attributes)
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))
        self.is_reading = self.is_reading or name == "rPh"
        self.in_value = name in ("v", "t") and not self.is_reading

    def text(self, text: str) -> None:
        """Take a piece of the value."""
        if self.in_value:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        """End a cell or its value."""
        self.in_value = False
        self.is_reading = self.is_reading and name != "rPh"
        if name == "c" and self.pieces:
            self._take("".join(self.pieces))

    def _begin(self, attributes: dict[str, str]) -> None:
        self.column += 1
        if found := _POSITION.fullmatch(attributes.get("r", "")):
            self.column, self.row = _column(found[1]), int(found[2])
        self.kind, self.style, self.pieces = attributes.get("t", "n"), _whole(attributes.get("s", "")), []

    def _take(self, value: str) -> None:
        text = self._shown(value)
        self.pieces = []
        if not text:
            return
        if self.row > MAX_ROWS or self.column >= MAX_COLUMNS:
            raise Refused(f"has a sheet with more than {MAX_ROWS} rows or {MAX_COLUMNS} columns")
        self.rows.setdefault(self.row, {})[self.column] = text

    def _shown(self, value: str) -> str:
        """What a person would read in the cell: numbers without `.0`, dates as dates."""
        if self.kind == "s":
            place = _whole(value)
            return self.shared[place] if value.strip().isdecimal() and place < len(self.shared) else ""
        if self.kind != "n":
            return {"0": "FALSE", "1": "TRUE"}.get(value, value) if self.kind == "b" else _text(value)
        try:
            number = float(value)
        except ValueError:
            return _text(value)
        if self.style in self.book.dates and 0 <= number <= _LAST_DAY - 1500:
            return (_DAY_0[self.book.from_1904] + timedelta(int(number))).isoformat()
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else value[:40]

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        top, bottom = _POSITION.fullmatch(first), _POSITION.fullmatch(last)
        if top and bottom:
            self.merged.append((_column(top[1]), int(top[2]), int(bottom[2])))
        if len(self.merged) > MAX_MERGED:
            raise Refused(f"has a sheet with more than {MAX_MERGED} merged cells")


def _table(part: bytes, name: str, file: str, book: _Book, shared: list[str]) -> Table:
    """The sheet's rows; a cell that is merged over several rows stands in each of them."""
    cells = _Cells(book, shared)
    walk(part, cells)
    last = max(cells.rows, default=0)
    _fill_merged(cells, last)
    rows = [Row(line, _listed(cells.rows.get(line, {}))) for line in range(1, last + 1)]
    table = Table(file, tuple(rows), name)
    _refuse_long(table)
    return table


def _fill_merged(cells: _Cells, last: int) -> None:
    """Put merged cells into their rows; no two overlap in a workbook that a program wrote."""
    taken = sum(min(bottom, last) - top + 1 for _, top, bottom in cells.merged if top <= bottom)
    if taken > MAX_ROWS * MAX_COLUMNS // 4:
        raise Refused("has merged cells that overlap")
    for column, top, bottom in cells.merged:
        text = cells.rows.get(top, {}).get(column, "")
        for line in range(top + 1, min(bottom, last) + 1) if text else ():
            cells.rows.setdefault(line, {}).setdefault(column, text)


def _listed(cells: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(cells.get(column, "") for column in range(max(cells, default=-1) + 1))


def _refuse_long(table: Table) -> None:
    long = [
        table.problem(row.line, column, f"has more than {MAX_CELL} characters")
        for row in table.rows
        for column, cell in enumerate(row.cells)
        if len(cell) > MAX_CELL
    ]
    if long:
        raise InvalidInput(long[:10])


def _text(value: str) -> str:
    """A text, with the characters that the format writes by their number (22.9.2.19)."""
    return cleaned(re.sub("_x(00[01][0-9A-Fa-f])_", lambda found: chr(int(found[1], 16)), value))


def _whole(number: str) -> int:
    """A short decimal number; 0 for anything else."""
    return int(number) if number.isascii() and number.isdecimal() and len(number) <= 9 else 0


def _column(letters: str) -> int:
    """The number of a column, 0-based, from its letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
