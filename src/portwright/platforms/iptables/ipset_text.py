"""Lines of `ipset save`: sets and their members."""

from collections.abc import Sequence

from portwright.platforms.iptables.syntax import AddressSet, Member
from portwright.platforms.iptables.words import words
from portwright.source import Source

_FLAGS = ("-exist", "-!", "counters", "comment", "skbinfo", "forceadd", "wildcard", "nomatch")
_KINDS = ("hash", "bitmap", "list")
_CHANGED = "a line changes them that is not understood"


def read(text: str, source: Source, sets: dict[str, AddressSet]) -> bool:
    """Take up a line; report whether it is one of ipset."""
    try:
        parts = [word.text for word in words(text)]
    except ValueError:
        return False
    command, *rest = parts
    if command in ("create", "-N", "n") and len(rest) > 1 and rest[1].partition(":")[0] in _KINDS:
        _create(rest, source, sets)
    elif command in ("add", "-A", "a") and len(rest) > 1 and rest[0] in sets:
        _add(sets[rest[0]], rest[1:])
    elif command in ("flush", "destroy") and len(rest) == 1 and rest[0] in sets:
        sets[rest[0]].members.clear()
    elif command in ("add", "del", "flush", "destroy", "swap", "rename", "test"):
        _doubt(rest[:2], source, sets)
    else:
        return False
    return True


def _create(parts: Sequence[str], source: Source, sets: dict[str, AddressSet]) -> None:
    name, kind, *rest = parts
    found = AddressSet(name, kind, source)
    at = 0
    while at < len(rest):
        has_value = rest[at] not in _FLAGS and at + 1 < len(rest)
        found.options[rest[at]] = rest[at + 1] if has_value else ""
        at += 2 if has_value else 1
    if found.options.get("timeout", "0") != "0":
        found.doubt, found.doubted_at = "they expire", source
    sets.setdefault(name, found)


def _add(found: AddressSet, parts: Sequence[str]) -> None:
    text, *rest = parts
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        options[word] = "" if (word in _FLAGS and word != "comment") or not rest else rest.pop(0)
    expires = options.get("timeout", "0") != "0"
    found.members.append(Member(text, "nomatch" in options, "wildcard" in options, expires))


def _doubt(names: Sequence[str], source: Source, sets: dict[str, AddressSet]) -> None:
    """The members of the sets that a line names are no longer known; all of them where it names none."""
    for found in [sets[name] for name in names if name in sets] if names else sets.values():
        found.doubt, found.doubted_at = found.doubt or _CHANGED, found.doubted_at or source
