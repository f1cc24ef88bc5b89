"""Tables: of text that fits the terminal, where long cells go on below, and in Markdown."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from textwrap import wrap

KEEP = "\N{NO-BREAK SPACE}"  # in a cell: a space at which no line ends
_GAP = "  "
_LONGEST_WORD, _NARROWEST = 30, 6  # a longer word is broken; where room is short, a shorter one too, but not below


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The table in lines of at most `width` columns, unless its longest words need more."""
    widths = _widths([header, *rows], width - len(_GAP) * (len(header) - 1))
    rule = _GAP.join("-" * size for size in widths)
    lines = [*_lines(header, widths), rule]
    for row in rows:
        lines += _lines(row, widths)
    return lines


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The table in Markdown."""
    body = [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *body]


def escaped(text: str) -> str:
    """A text that Markdown shows as it is, in one cell of a table."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>|#~$&" else one for one in " ".join(text.split()))


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """The longest word for each column; then room goes, bit by bit, to the column whose cells take the most lines."""
    columns = list(zip(*rows, strict=True))
    wanted = [max(map(len, column)) for column in columns]
    widths = _least([max(len(word) for cell in column for word in cell.split(" ")) for column in columns], room)
    usual = [sum(map(len, column)) / len(column) for column in columns]
    for _ in range(room - sum(widths)):
        open_ones = [at for at, width in enumerate(widths) if width < wanted[at]]
        if not open_ones:
            break
        widths[max(open_ones, key=lambda at: usual[at] / max(widths[at], 1))] += 1
    return widths


def _least(words: Sequence[int], room: int) -> list[int]:
    """The widths of the longest words, those too long for the room cut."""
    longest = next((most for most in range(_LONGEST_WORD, _NARROWEST, -1) if _sum(words, most) <= room), _NARROWEST)
    return [min(word, longest) for word in words]


def _sum(words: Iterable[int], longest: int) -> int:
    return sum(min(word, longest) for word in words)


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrap(cell, max(size, 1), break_on_hyphens=False) or [""] for cell, size in zip(row, widths, strict=True)]
    return [
        _GAP.join(part.ljust(size) for part, size in zip(parts, widths, strict=True)).replace(KEEP, " ").rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    ]
