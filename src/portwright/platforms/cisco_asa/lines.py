"""Lines of a running-config: words, blocks by indentation, and a cursor to read words one by one.

A running-config indents the lines that belong to the command above them. What was pasted into a mail or a ticket has
often lost its indentation; the few block commands that decide about packets are read either way.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from portwright.platforms.cisco_asa.members import MEMBERS, PAIRS
from portwright.redact import redact
from portwright.source import Source

_WORD = re.compile(r'"[^"]*"|\S+')
T = TypeVar("T")
_PAGER = "<--- More --->"  # what `show running-config` prints between pages when `terminal pager` is on


class NotUnderstood(Exception):
    """A line cannot be read; the message says why, in a few words."""


class Incomplete(NotUnderstood):
    """A line ends before it is complete."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file that is not empty."""

    number: int  # 1-based
    indent: int  # leading blanks
    words: tuple[str, ...]
    text: str  # stripped

    def source(self, file: str) -> Source:
        """The place of the line, its secrets masked."""
        return Source(file, self.number, redact(self.text))


@dataclass(frozen=True, slots=True)
class Block:
    """A command and the lines indented below it."""

    head: Line
    body: tuple[Line, ...] = ()


def lines_of(text: str) -> Iterator[Line]:
    """The lines that are not empty, with pager leftovers removed."""
    for number, raw in enumerate(text.split("\n"), 1):
        tidy = _tidy(raw)
        stripped = tidy.strip()
        if stripped:
            yield Line(number, len(tidy) - len(tidy.lstrip()), _words(stripped), stripped)


def _tidy(raw: str) -> str:
    raw = raw.rstrip("\r")
    if "\r" in raw:  # the pager overwrote itself: only what came last was visible
        raw = raw.rsplit("\r", 1)[1]
    return raw.replace(_PAGER, "").expandtabs(8) if _PAGER in raw or "\t" in raw else raw


def _words(stripped: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(stripped) if '"' in stripped else stripped.split())


def is_comment(line: Line) -> bool:
    """Report whether a line is a separator or a comment: `!`, `: Saved`, `: end`."""
    return line.text[0] in "!:"


def blocks_of(lines: Iterable[Line], takes_body: Callable[[Line], bool]) -> Iterator[Block]:
    """The commands with what is indented below them. Comments are left out.

    A command that takes no body leaves indented lines to themselves, so that none is lost below it.
    """
    head: Line | None = None
    body: list[Line] = []
    for line in lines:
        if is_comment(line):
            continue
        if head is not None and ((line.indent > head.indent and takes_body(head)) or _belongs(head, line)):
            body.append(line)
            continue
        if head is not None:
            yield Block(head, tuple(body))
        head, body = line, []
    if head is not None:
        yield Block(head, tuple(body))


def _belongs(head: Line, line: Line) -> bool:
    """Report whether a line that is not indented belongs to the command above it nevertheless."""
    first = head.words[0]
    if head.words[:4] == ("crypto", "ca", "certificate", "chain"):
        return line.words[0] in ("certificate", "quit") or _is_hex(line.words)
    if first == "object" and line.words[0] == "nat":
        return line.words[2:3] in (("static",), ("dynamic",))
    return line.words[0] in MEMBERS.get(first.lower(), ()) or line.words[:2] in PAIRS.get(first.lower(), ())


def _is_hex(words: tuple[str, ...]) -> bool:
    return all(len(word) <= 8 and word.isalnum() and not word.strip("0123456789abcdefABCDEF") for word in words)


class Cursor:
    """Reads the words of a line one after the other."""

    def __init__(self, words: tuple[str, ...]):
        self._words = words
        self._at = 0

    @property
    def done(self) -> bool:
        """Report whether no word is left."""
        return self._at >= len(self._words)

    def peek(self, ahead: int = 0) -> str:
        """The next word, or the empty string at the end."""
        at = self._at + ahead
        return self._words[at] if at < len(self._words) else ""

    def take(self) -> str:
        """The next word, which is read thereby. Raises Incomplete at the end."""
        if self.done:
            raise Incomplete("the line ends too early")
        self._at += 1
        return self._words[self._at - 1]

    def accept(self, *expected: str) -> bool:
        """Read these words if they come next, and report whether they did."""
        if self._words[self._at : self._at + len(expected)] != expected:
            return False
        self._at += len(expected)
        return True

    def rest(self) -> tuple[str, ...]:
        """The words that are left, which are read thereby."""
        left = self._words[self._at :]
        self._at = len(self._words)
        return left

    def number(self, last: int, what: str) -> int:
        """The next word as a number from 0 to `last`. Raises NotUnderstood."""
        word = self.take()
        if not word.isdecimal() or len(word) > 10 or int(word) > last:
            raise NotUnderstood(f"'{word}' is not {what}")
        return int(word)
