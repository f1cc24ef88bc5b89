"""Lines of a configuration in their context."""

import re
import shutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath
from textwrap import wrap

from portwright.redact import redact

_WIDEST, _NARROWEST = 100, 40  # columns
_BREAKS = re.compile(r"[^\s,]*,+(?=[^\s,])|\S+")  # a line may end behind a comma, too


def _columns() -> int:
    """The columns of every text report: as many as people like to read, or as the terminal has."""
    if not sys.stdout.isatty():
        return _WIDEST
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))


WIDTH = _columns()
_LONGEST = 600  # characters of a line that are shown


def point_name(file: str) -> str:
    """The name of a point that only a file stands for."""
    return PurePath(file).stem


def folded(text: str, first: str = "", rest: str = "") -> list[str]:
    """A text in lines as wide as reports are; lists end them behind commas, addresses and names are never broken."""
    lines: list[str] = []
    line, is_empty = first, True
    for word, is_glued in _words(text):
        gap = "" if is_glued or is_empty else " "
        if not is_empty and len(line) + len(gap) + len(word) > WIDTH:
            lines.append(line)
            line, gap = rest, ""
        line, is_empty = f"{line}{gap}{word}", False
    return [*lines, line]


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text between which a line may end, and whether each follows the one before without a space."""
    end = -1
    for found in _BREAKS.finditer(text):
        yield found[0], found.start() == end
        end = found.end()


def in_context(text: str, line: int, around: int = 2, indent: str = "    ") -> list[str]:
    """The line of a file with its neighbors, numbered: the line itself marked and whole, the neighbors cut to fit.

    Secrets are not shown. Line 0, the file as a whole, has no context.
    """
    if line < 1:
        return []
    lines = _lines(text)
    shown = range(max(1, line - around), min(len(lines), line + around) + 1)
    width = len(str(shown[-1])) if shown else 1
    heads = {n: f"{indent}{'>' if n == line else ' '} {n:>{width}}  " for n in shown}
    return [part for n, head in heads.items() for part in _numbered(redact(lines[n - 1]), head)]


@lru_cache(maxsize=8)  # a report quotes a file many times
def _lines(text: str) -> list[str]:
    return text.split("\n")


def _numbered(text: str, head: str) -> list[str]:
    """One line of a file behind its number; a marked one goes on below itself where it is long."""
    text, room = text.expandtabs(4).rstrip()[:_LONGEST], WIDTH - len(head)
    if ">" not in head:
        return [f"{head}{text if len(text) <= room else text[: room - 1] + '…'}"]
    margin = " " * (len(text) - len(text.lstrip()))
    parts = wrap(text, room, subsequent_indent=margin[: room // 2] + "  ", break_on_hyphens=False) or [""]
    return [f"{head if not number else ' ' * len(head)}{part}" for number, part in enumerate(parts)]
