"""A ruleset and a packet that disagree, made small: parts are dropped while the packet still disagrees."""

import re
from collections.abc import Iterator

from tests.kernel.compare import Disagreement, Reader, Tally, compare
from tests.kernel.kernel import Kernel, Refused
from tests.kernel.loading import settle

from portwright.errors import PortwrightError

_SET = re.compile(r"\{ ([^{}]*, [^{}]*) \}")
_LINE = re.compile(r"(?<=\t\t).+|(?<=^-A ).+", re.MULTILINE)
_WORDS_AT_ONCE = (5, 2, 3, 4, 1)  # five: a counter


def shrink(kernel: Kernel, found: Disagreement, read: Reader | None = None) -> Disagreement:
    """The disagreement of that packet with the least ruleset that dropping parts leads to."""
    while smaller := next(
        (less for text in _smaller(found.source) if (less := _still(kernel, text, found, read))), None
    ):
        found = smaller
    return found


def _still(kernel: Kernel, text: str, found: Disagreement, read: Reader | None) -> Disagreement | None:
    """The disagreement that is left under another ruleset, if any."""
    try:
        kernel.load(text, found.hook, found.path)
        if settle(kernel, lambda: [found.packet]) is None or len(kernel.source) >= len(found.source):
            return None
        return next(compare(kernel, [found.packet], Tally(), json=found.is_json, read=read), None)
    except (Refused, PortwrightError):
        return None


def _smaller(text: str) -> Iterator[str]:
    """The text without one of its blocks or lines, largest first; without a member of a set; without some words."""
    lines = text.splitlines(keepends=True)
    for start, end in sorted(_spans(lines), key=lambda span: span[0] - span[1]):
        yield "".join(lines[:start] + lines[end:])
    for found in _SET.finditer(text):
        members = found[1].split(", ")
        for at in range(len(members)):
            yield _replaced(text, found.start(1), found.end(1), ", ".join(members[:at] + members[at + 1 :]))
    for found in _LINE.finditer(text):
        words = found[0].split(" ")
        for count in _WORDS_AT_ONCE:
            for at in range(len(words) - count):
                yield _replaced(text, *found.span(), " ".join(words[:at] + words[at + count :]))


def _replaced(text: str, start: int, end: int, by: str) -> str:
    return text[:start] + by + text[end:]


def _spans(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Where blocks and lines begin and end."""
    opened = []
    added = [at for at, line in enumerate(lines) if line.startswith("add ")]
    if added:
        yield added[0], (added[0] + added[-1] + 1) // 2
        yield (added[0] + added[-1] + 1) // 2, added[-1] + 1
    for at, line in enumerate(lines):
        if line.rstrip().endswith("{") or line.startswith("*"):
            opened.append(at)
        elif line.strip() in ("}", "COMMIT") and opened:
            yield opened.pop(), at + 1
        elif line.strip() and " hook " not in line and not line.startswith("#"):
            yield at, at + 1
