"""Stories in Markdown, read into values: the files of a site, and chapters that change them and ask about them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"```(\S+) (\S+)")
_CODE = re.compile(r"`([^`]+)`")
_QUOTED = re.compile(r'"([^"]+)"')
_AT = re.compile(r"(.+) at ([\w-]+)")


@dataclass(frozen=True)
class Row:
    """A question and its answer: `| what | answer | because |`."""

    what: str
    answer: str
    point: str  # `at edge-fw`, in the first or second column
    lines: tuple[str, ...]  # in `code` in the last column: parts of the lines that decide
    says: tuple[str, ...]  # in "quotes" in the last column: parts of what is said


@dataclass(frozen=True)
class Chapter:
    """What is asked of the files of a story, changed in some way."""

    story: str
    title: str
    files: Mapping[str, str]
    rows: tuple[Row, ...]


def chapters(story: Path) -> Iterator[Chapter]:
    """The chapters of a story; each changes the files of the first."""
    files: dict[str, str] = {}
    first, *others = re.split(r"^## ", story.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for kind, name, text in _fenced(first):
        assert kind != "diff", f"{story.name}: a change before the first chapter"
        files[name] = text
    for part in others:
        changed = dict(files)
        for kind, name, text in _fenced(part):
            changed[name] = _changed(changed[name], text, f"{story.name}, {name}") if kind == "diff" else text
        yield Chapter(story.stem, part.partition("\n")[0].strip(), changed, tuple(_rows(part)))


def _fenced(text: str) -> Iterator[tuple[str, str, str]]:
    """The fenced blocks that have a file's name: language, name and contents."""
    lines = iter(text.splitlines())
    for line in lines:
        if opened := _FENCE.fullmatch(line):
            body = []
            for inside in lines:
                if inside == "```":
                    break
                body.append(inside)
            yield opened[1], opened[2], "\n".join(body) + "\n"


def _changed(text: str, diff: str, where: str) -> str:
    """The text after a change: lines with `-` go, lines with `+` come, others say where; `@@` begins another place."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        marked = [(line[:1], line[1:]) for line in hunk.splitlines()]
        old = "".join(f"{line}\n" for mark, line in marked if mark in ("-", " "))
        new = "".join(f"{line}\n" for mark, line in marked if mark in ("+", " "))
        found = f"\n{text}".count(f"\n{old}")
        assert old, f"{where}: a change without a line that is there"
        assert found == 1, f"{where}: these lines are there {found} times:\n{old}"
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
    return text


def _rows(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) == 3 and cells[0] != "what" and cells[0].strip("-"):
            what, answer, because = cells
            point = ""
            if found := _AT.fullmatch(answer) or _AT.fullmatch(what):
                point = found[2]
                what, answer = (found[1], answer) if found[0] == what else (what, found[1])
            yield Row(what.strip("`"), answer, point, tuple(_CODE.findall(because)), tuple(_QUOTED.findall(because)))
