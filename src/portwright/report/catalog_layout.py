"""How the answers of the catalog are laid out on a terminal: columns of which the last wraps."""

from collections.abc import Iterable, Sequence
from textwrap import TextWrapper

from portwright.report.context import WIDTH

_WIDEST = 70  # columns that all cells but the last may take; beyond, the last begins on a line of its own
_GAP = "  "

Row = tuple[str, ...]


def columns(rows: Sequence[Row], indent: str = "  ", widths: Sequence[int] = ()) -> list[str]:
    """Rows of the same length as aligned columns; the last column wraps at the width of the terminal."""
    widths = widths or column_widths(rows)
    return [line for row in rows for line in _row(row, widths, indent)]


def column_widths(rows: Sequence[Row]) -> list[int]:
    """How wide each column but the last has to be."""
    return [max(map(len, cells)) for cells in list(zip(*rows, strict=True))[:-1]]


def _row(row: Row, widths: Sequence[int], indent: str) -> list[str]:
    head = indent + "".join(cell.ljust(width) + _GAP for cell, width in zip(row, widths, strict=False) if width)
    if len(head) > _WIDEST:
        return [*wrapped(head.strip(), indent, indent + "  "), *wrapped(row[-1], indent + "    ")]
    return wrapped(row[-1], head, " " * len(head)) or [head.rstrip()]


def wrapped(text: str, first: str = "", then: str | None = None) -> list[str]:
    """A text in lines of the terminal's width; words stay whole."""
    later = first if then is None else then
    filler = TextWrapper(WIDTH, first, later, break_long_words=False, break_on_hyphens=False)
    return filler.wrap(text)


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled block behind an empty line; nothing where there are no lines."""
    found = list(lines)
    return ["", f"  {title}", *found] if found else []


def counted(number: int, noun: str) -> str:
    """`1 service`, `3 services`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
