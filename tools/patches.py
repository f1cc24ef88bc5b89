"""Applies unified diffs to text, strictly: every line that a patch mentions must be there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Consecutive lines to be replaced by others."""

    start: int  # 1-based line of the old text
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of one file."""

    file: str  # its name without folders
    hunks: tuple[Hunk, ...]

    def apply(self, text: str) -> str:
        """The changed text. Raises ValueError when the old lines are not where the patch says."""
        lines = text.splitlines()
        for hunk in reversed(self.hunks):  # from the end, so that earlier line numbers stay true
            start = hunk.start - 1 if hunk.old else hunk.start
            end = start + len(hunk.old)
            if tuple(lines[start:end]) != hunk.old:
                raise ValueError(f"{self.file}: line {hunk.start} is not what the patch expects")
            lines[start:end] = hunk.new
        return "\n".join(lines) + "\n"


def read(path: Path) -> list[Patch]:
    """The patches of a unified diff, one a file, in order."""
    sections = re.split(r"^--- .*\n(?=\+\+\+ )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [_patch(section.splitlines()) for section in sections[1:]]


def apply_to(folder: Path, patch_file: Path, target: Path) -> list[Path]:
    """Write the files of `folder` that a diff changes, changed, into `target`, and name them."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for patch in read(patch_file):
        changed = target / patch.file
        changed.write_text(patch.apply((folder / patch.file).read_text(encoding="utf-8")), encoding="utf-8")
        written.append(changed)
    return written


def _patch(lines: list[str]) -> Patch:
    name = lines[0].removeprefix("+++ ").split("\t")[0]
    return Patch(Path(name).name, tuple(_hunks(lines[1:])))


def _hunks(lines: list[str]) -> Iterator[Hunk]:
    starts = [index for index, line in enumerate(lines) if _HUNK.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header, body = lines[start], lines[start + 1 : end]
        position = _HUNK.match(header)
        assert position
        old = tuple(line[1:] for line in body if line[:1] in ("-", " ", ""))
        new = tuple(line[1:] for line in body if line[:1] in ("+", " ", ""))
        yield Hunk(int(position[1]), old, new)
