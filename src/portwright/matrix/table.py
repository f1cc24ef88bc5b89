"""A matrix as a table of texts with places, whatever kind of file it comes from."""

import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from portwright.errors import InvalidInput, Problem

MAX_BYTES = 20 * 2**20  # of the file; ten thousand flows are about two megabytes
MAX_ROWS = 20_000
MAX_COLUMNS = 200
MAX_CELL = 4_000  # characters
_FORMULA = ("=", "+", "-", "@")  # what begins a formula; exports put an apostrophe before it so that it stays text


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and where it stands."""

    line: int  # 1-based: the row of a sheet, the first line of a row in a text file
    cells: tuple[str, ...]  # cleaned; empty where nothing stands

    def cell(self, column: int) -> str:
        """The text in a column (0-based); empty where the row is shorter."""
        return self.cells[column] if column < len(self.cells) else ""

    @property
    def filled(self) -> tuple[str, ...]:
        """The texts of the cells in which anything stands."""
        return tuple(cell for cell in self.cells if cell)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a text file or of one sheet."""

    file: str
    rows: tuple[Row, ...]
    sheet: str = ""  # empty: not of a workbook

    def problem(self, line: int, column: int, message: str, hint: str = "") -> Problem:
        """A problem at a row and a column (0-based), which a workbook's user knows by its letter."""
        return Problem(self.file, line, column + 1, self._path(line, column), message, hint)

    def _path(self, line: int, column: int) -> str:
        return f"{self.sheet}!{letters(column)}{line}" if self.sheet else ""


def letters(column: int) -> str:
    """What Excel calls a column (0-based): A, B, ..., Z, AA."""
    text, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def cleaned(text: str) -> str:
    """A cell's text without what nobody sees; lines of the cell stay lines."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))))
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA and text[1:2] else text


def _visible(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def read_bytes(path: str) -> bytes:
    """The content of a file, or of standard input for "-". Raises InvalidInput."""
    try:
        if path == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInput.of("there is no such file", file=path) from None
    except (OSError, ValueError) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        raise InvalidInput.of(f"cannot be read: {reason.lower()}", file=path) from None
    if len(content) > MAX_BYTES:
        raise InvalidInput.of(f"is larger than {MAX_BYTES // 2**20} MB", file=path, hint="is it really a flow matrix?")
    return content
