"""Keeps account of every line while a file is read: modelled, inert or unknown."""

from typing import Literal

from portwright.errors import InvalidInput, Problem
from portwright.platforms.cisco_asa.lines import Block, Incomplete, Line, NotUnderstood
from portwright.policy.configuration import Census, Remark, Unknown
from portwright.source import Source

Scope = Literal["point", "object", "rule"]
_CUT_OFF = "the file seems to be cut off: export it again, with 'terminal pager 0' and to its last line ': end'"


class Ledger:
    """Counts lines, and collects what there is to say about them."""

    def __init__(self, file: str, last_line: int | None):
        self.file = file
        self.remarks: list[Remark] = []
        self.unknown: list[Unknown] = []
        self.problems: list[Problem] = []
        self._last_line = last_line  # where the file may be cut off; None where it ends as it should
        self._modelled = self._inert = 0

    def modelled(self, lines: int = 1) -> None:
        """Count lines that are modelled."""
        self._modelled += lines

    def inert(self, lines: int = 1) -> None:
        """Count lines that decide about no packet."""
        self._inert += lines

    def inert_block(self, block: Block) -> None:
        """Count a command and all lines below it as inert."""
        self.inert(1 + len(block.body))

    def not_understood(self, line: Line, problem: NotUnderstood | str, scope: Scope = "rule") -> Source:
        """Note a line that is not understood and return its place. The last line of a file may have been cut off."""
        source = line.source(self.file)
        if isinstance(problem, Incomplete) and line.number == self._last_line:
            self.problem(line, f"{problem}: {source.text}", _CUT_OFF)
        self.unknown.append(Unknown(source, str(problem), scope))
        return source

    def problem(self, line: Line, message: str, hint: str = "") -> None:
        """Note an error for which the file is refused."""
        self.problems.append(Problem(self.file, line.number, 0, "", message, hint))

    def undefined(self, line: Line, message: str) -> None:
        """Remark that a line refers to something that is not defined."""
        self.remarks.append(Remark("undefined", message, line.source(self.file)))

    def missing_interface(self, line: Line, name: str) -> None:
        """Remark on an interface that is not defined. In the last line of a file its name may have been cut off."""
        self.undefined(line, f"interface {name} is not defined")
        if line.number == self._last_line:
            self.problem(line, f"interface {name} is not defined", _CUT_OFF)

    def unused(self, line: Line, message: str) -> None:
        """Remark that something is defined and never used."""
        self.remarks.append(Remark("unused", message, line.source(self.file)))

    def note(self, source: Source, message: str) -> None:
        """Remark on something worth knowing."""
        self.remarks.append(Remark("note", message, source))

    def raise_problems(self) -> None:
        """Raise InvalidInput if any problem was found."""
        if self.problems:
            raise InvalidInput(sorted(set(self.problems)))

    def census(self) -> Census:
        """The counts. A line that is not understood counts as unknown alone."""
        unknown = tuple(sorted(self.unknown, key=lambda found: found.source.line))
        lost = len({found.source.line for found in unknown})
        return Census(max(self._modelled - lost, 0), self._inert, unknown)
