"""A ruleset and a packet that disagree, made small: lines are dropped while the packet still disagrees."""

import re
from collections.abc import Iterator

from portwright.errors import PortwrightError
from tests.kernel.compare import Disagreement, Tally, compare
from tests.kernel.kernel import Kernel, Refused

_ROUNDS = 30


def shrink(kernel: Kernel, found: Disagreement) -> Disagreement:
    """The smallest disagreement of that packet that dropping tables, chains, sets, lines and set members leads to."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for text in _smaller(found.source):
            smaller = _still(kernel, text, found)
            if smaller is not None and len(smaller.source) < len(found.source):
                found, is_smaller = smaller, True
                break
    return found


def load(kernel: Kernel, text: str, hook: str, path: bool) -> str | None:
    """Load a ruleset without the lines that nft refuses; what is left of it, None where nothing is."""
    for _ in range(_ROUNDS):
        try:
            kernel.load(text, hook, path)
            return text
        except Refused as refused:
            lines = text.splitlines()
            wrong = _refused(str(refused))
            if not wrong or not any(at < len(lines) for at in wrong):
                return None
            text = "\n".join(line for at, line in enumerate(lines) if at not in wrong) + "\n"
    return None


def settle(kernel: Kernel, hook: str, path: bool) -> bool:
    """Load the listing of what is loaded until it lists as itself: nft's listings lose conditions.

    Whether it does.
    """
    for _ in range(4):
        listing = kernel.loaded.listing
        try:
            kernel.load(listing, hook, path)
        except Refused:
            return False
        if kernel.loaded.listing == listing:
            return True
    return False


def _refused(message: str) -> set[int]:
    """The lines that nft complains of, counted from 0; after a syntax error what follows means nothing."""
    found = re.findall(r"^/dev/stdin:(\d+):\S+ Error: (syntax error)?", message, re.MULTILINE)
    lines = [int(number) - 2 for number, _ in found]  # `flush ruleset` stands before the text
    return set(lines[:1] if found and found[0][1] else lines)


def _still(kernel: Kernel, text: str, found: Disagreement) -> Disagreement | None:
    try:
        kernel.load(text, found.hook, found.path)
        if not settle(kernel, found.hook, found.path):
            return None
        kernel.load(kernel.source, found.hook, found.path, [found.packet])
        return next(compare(kernel, [found.packet], Tally(), json=found.is_json), None)
    except (Refused, PortwrightError):
        return None


def _smaller(text: str) -> Iterator[str]:
    """The text without one of its blocks or lines, largest first; then without one member of a set."""
    lines = text.splitlines(keepends=True)
    for start, end in sorted(_spans(lines), key=lambda span: span[0] - span[1]):
        yield "".join(lines[:start] + lines[end:])
    for match in re.finditer(r"\{ ([^{}]*, [^{}]*) \}", text):
        members = match[1].split(", ")
        for at in range(len(members)):
            kept = ", ".join(members[:at] + members[at + 1 :])
            yield text[: match.start(1)] + kept + text[match.end(1) :]
    for match in re.finditer(r"(?<=\t\t).+", text):
        words = match[0].split(" ")
        for count in (2, 3, 4, 1):
            for at in range(len(words) - count):
                yield text[: match.start()] + " ".join(words[:at] + words[at + count :]) + text[match.end() :]


def _spans(lines: list[str]) -> Iterator[tuple[int, int]]:
    opened = []
    for at, line in enumerate(lines):
        if line.rstrip().endswith("{"):
            opened.append(at)
        elif line.strip() == "}" and opened:
            yield opened.pop(), at + 1
        elif line.strip() and " hook " not in line:
            yield at, at + 1
