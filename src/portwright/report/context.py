"""Lines of a configuration in their context."""

from functools import lru_cache
from pathlib import PurePath
from textwrap import wrap

from portwright.redact import redact

WIDTH = 100  # columns of every text report
_LONGEST = 600  # characters of a line that are shown


def point_name(file: str) -> str:
    """The name of a point that only a file stands for."""
    return PurePath(file).stem


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
