"""LIKE as SQL Server has it: % any text, _ one character, [a-f] and [^a-f] one of some; whatever the case."""

from collections.abc import Callable

_LONGEST = 4000  # characters of a pattern, as in SQL Server

Match = Callable[[str], bool]  # whether one character fits


def like(pattern: str | None, text: str | None) -> bool | None:
    """Report whether the text is like the pattern; nothing where one of them is missing. SQLite gives them so."""
    if pattern is None or text is None:
        return None
    return _fits(_parts(str(pattern)[:_LONGEST].lower()), str(text).lower())


def _fits(parts: list[Match | None], text: str) -> bool:
    """Walk along both; where it goes wrong, the last % takes one character more. Never more than their product."""
    place = at = 0
    star, since = -1, 0
    while at < len(text):
        part = parts[place] if place < len(parts) else _nothing
        if part is None:
            star, since, place = place, at, place + 1
        elif part(text[at]):
            place, at = place + 1, at + 1
        elif star >= 0:
            since += 1
            place, at = star + 1, since
        else:
            return False
    return all(part is None for part in parts[place:])


def _nothing(_: str) -> bool:
    return False


def _anything(_: str) -> bool:
    return True


def _parts(pattern: str) -> list[Match | None]:
    """What each place of a pattern takes; None stands for %."""
    found: list[Match | None] = []
    at = 0
    while at < len(pattern):
        end = pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] == "^")) if pattern[at] == "[" else -1
        if end > 0:
            found.append(_one_of(pattern[at + 1 : end]))
            at = end
        elif pattern[at] != "%":
            found.append(_anything if pattern[at] == "_" else pattern[at].__eq__)
        elif not found or found[-1] is not None:
            found.append(None)
        at += 1
    return found


def _one_of(signs: str) -> Match:
    inverted = signs.startswith("^")
    signs = signs[inverted:]
    ranges, at = [], 0
    while at < len(signs):
        width = 3 if signs[at + 1 : at + 2] == "-" and at + 2 < len(signs) else 1
        ranges.append((signs[at], signs[at + width - 1]))
        at += width

    def fits(sign: str) -> bool:
        return any(first <= sign <= last for first, last in ranges) != inverted

    return fits
