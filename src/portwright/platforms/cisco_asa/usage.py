"""Remarks on objects, groups and access lists that nothing uses, and signs that a file is cut off."""

from collections.abc import Iterable, Iterator

from portwright.platforms.cisco_asa.access_lists import is_remark
from portwright.platforms.cisco_asa.draft import Draft
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Line

_DEFINITIONS = frozenset(("object", "object-group", "time-range"))
# Commands that a running-config prints before its `access-group` lines.
_BEFORE_ACCESS_GROUPS = frozenset(
    ("interface", "name", "object", "object-group", "access-list", "time-range", "pager", "logging", "mtu", "nat")
)


def used_words(blocks: Iterable[Block]) -> set[str]:
    """Every word that may refer to something: those that define or describe are left out."""
    used: set[str] = set()
    for block in blocks:
        used.update(*_referring(block.head))
        for line in block.body:
            if line.words[0] != "description":
                used.update(line.words)
    return used


def _referring(line: Line) -> Iterator[tuple[str, ...]]:
    words = line.words
    if words[0] == "access-list":
        yield () if is_remark(words) else words[2:]
    elif words[:2] == ("ipv6", "access-list"):
        yield words[3:]
    elif words[0] not in _DEFINITIONS:
        yield words[2:] if words[0] == "name" else words


def remark_on_unused(draft: Draft, used: set[str], ledger: Ledger) -> None:
    """Remark on whatever is defined and never mentioned again."""
    translated = {name for name, _ in draft.object_nat}
    for name, definition in draft.objects.objects.items():
        if name not in used and name not in translated:
            ledger.unused(definition.head, f"object {name} is never used")
    for name, definition in draft.objects.groups.items():
        if name not in used:
            ledger.unused(definition.head, f"object-group {name} is never used")
    for name, line in draft.time_ranges.items():
        if name not in used:
            ledger.unused(line, f"time-range {name} is never used")
    for name, access_list in draft.access_lists.items():
        if name not in used:
            ledger.unused(access_list.first, f"access-list {name} is never used")


def seems_cut_off(draft: Draft, used: set[str], last: Block) -> bool:
    """Report whether a file without end stops before its `access-group` lines: access lists, and none is applied."""
    if draft.bindings or last.head.words[0] not in _BEFORE_ACCESS_GROUPS:
        return False
    return any(name not in used for name in draft.access_lists)
