"""What can go wrong, and whose turn it is.

Each error carries the exit status of the command line (`ExitStatus`). What a network or a configuration *answers* is
never an exception: it is a decision, a finding or an outcome.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses of every command; stable, scripts rely on them."""

    PROVED = 0
    FINDINGS = 1
    INPUT = 2
    UNDECIDED = 3
    NOT_POSSIBLE = 4
    INTERNAL = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with somebody's input, where it is and what to do about it."""

    file: str
    line: int  # 1-based; 0 for the file as a whole
    column: int  # 1-based; 0 where no column is known
    path: str  # place in the structure, `hosts.fe01.zone`; empty where there is none
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        path = f"{self.path}: " if self.path else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{place}{': ' if place else ''}{path}{self.message}{hint}"


class PortwrightError(Exception):
    """Base of every error that Portwright raises on purpose."""

    status = ExitStatus.INTERNAL


class InvalidInput(PortwrightError):
    """The input is wrong: every problem found, in file order (the author's turn)."""

    status = ExitStatus.INPUT

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(
        cls, message: str, *, file: str = "", line: int = 0, column: int = 0, path: str = "", hint: str = ""
    ) -> "InvalidInput":
        """An error with a single problem."""
        return cls([Problem(file, line, column, path, message, hint)])


class NotPossibleHere(PortwrightError):
    """This machine lacks a tool or a right that the command needs (the environment's turn)."""

    status = ExitStatus.NOT_POSSIBLE
