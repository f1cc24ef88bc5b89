"""Writing files: whole or not at all, and never over somebody's own."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from portwright.errors import InvalidInput, NotPossibleHere, Problem


def force_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--force`, without which no file is overwritten."""
    return click.option("--force", is_flag=True, help="Overwrite files that exist.")(function)


@dataclass(frozen=True, slots=True)
class Input:
    """A file that a command reads, and what it is to it."""

    path: Path
    what: str  # "the site file"


def save(files: Mapping[Path, bytes], force: bool, inputs: Iterable[Input] = ()) -> None:
    """Write each file under a temporary name and rename it.

    Raises InvalidInput, before anything is written, for a file that exists, or that the command reads, whether it may
    be overwritten or not, and NotPossibleHere when it cannot be written.
    """
    read = tuple(inputs)
    if problems := [problem for path in files if (problem := _in_the_way(path, force, read)) is not None]:
        raise InvalidInput(problems)
    for path, content in files.items():
        try:
            _replace(path, content)
        except OSError as problem:
            raise NotPossibleHere(f"{path} cannot be written: {problem.strerror or problem}") from None


def _in_the_way(path: Path, force: bool, inputs: Iterable[Input]) -> Problem | None:
    if os.path.isdir(path):  # noqa: PTH112 (Path's own raises for names that no file can have)
        return Problem(str(path), 0, 0, "", "is a folder", "give the name of a file")
    if read := next((one for one in inputs if _is_same(path, one.path)), None):
        message = f"is {read.what}, which this command reads: it is not overwritten"
        return Problem(str(path), 0, 0, "", message, "choose another name")
    if os.path.lexists(path) and not force:
        return Problem(str(path), 0, 0, "", "exists already", "choose another name, or overwrite it with --force")
    return None


def _is_same(one: Path, other: Path) -> bool:
    """Report whether two names, perhaps by links, stand for one file that exists."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    """What the user takes from the rights of new files; it can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current
