"""Writing files: whole or not at all, and never over somebody's own."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click

from portwright.errors import InvalidInput, NotPossibleHere, Problem


def force_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--force`, without which no file is overwritten."""
    return click.option("--force", is_flag=True, help="Overwrite files that exist.")(function)


def save(files: Mapping[Path, bytes], force: bool) -> None:
    """Write each file under a temporary name and rename it. Raises InvalidInput before any of them would be overwritten.

    Raises NotPossibleHere when the disk or the rights do not allow it.
    """
    existing = [path for path in files if path.exists() or path.is_symlink()]
    if existing and not force:
        hint = "choose another name, or overwrite it with --force"
        raise InvalidInput([Problem(str(path), 0, 0, "", "exists already", hint) for path in existing])
    for path, content in files.items():
        try:
            _replace(path, content)
        except OSError as problem:
            raise NotPossibleHere(f"{path} cannot be written: {problem.strerror or problem}") from None


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
