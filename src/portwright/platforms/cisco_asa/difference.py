"""From one configuration to another, command by command, and what a command makes of a configuration.

The two know nothing of each other: commands are made from two texts, and `changed` does to one text what the device
would do, so that each judges the other.
"""

from collections.abc import Iterator, Mapping

from portwright.platforms.cisco_asa.alignment import aligned
from portwright.platforms.cisco_asa.lines import Block
from portwright.platforms.cisco_asa.listing import DENIES_ALL, LEVELS, Listing, identity

_DEFINITIONS = ("object", "object-group")
_OTHER_DENIALS = ("extended deny ip any4 any", "extended deny ip any any4", "extended deny ip any6 any")
Command = tuple[str, ...]  # a line, and those that are indented below it


def commands_of(old: Listing, new: Listing) -> Command:
    """The commands from one configuration to another: definitions first, then entries, then what nothing uses more."""
    was, is_now = _definitions(old), _definitions(new)
    made = [line for head, body in is_now.items() if head not in was for line in (head, *_without_nat(body))]
    gone = [f"no {head}" for head in reversed(was) if head not in is_now]
    lists = dict.fromkeys((*new.lists, *old.lists))
    unbound, bound = (_only(one, other, "access-group") for one, other in ((old, new), (new, old)))
    return (
        *made,
        *_translations(was, is_now),
        *_twice(old, new),
        *(f"no {line}" for line in unbound),
        *(line for name in lists for line in _entries(name, old, new)),
        *bound,
        *(f"no {line}" for line in _only(old, new, LEVELS)),
        *_only(new, old, LEVELS),
        *_inspections(old, new),
        *gone,
    )


def _definitions(listing: Listing) -> dict[str, Command]:
    """Objects and groups by their first line."""
    found: dict[str, Command] = {}
    for block in (block for word in _DEFINITIONS for block in listing.blocks_of(word)):
        head = " ".join(block.head.words)
        found[head] = (*found.get(head, ()), *(f" {line.text}" for line in block.body))
    return found


def _without_nat(body: Command) -> Command:
    return tuple(line for line in body if not line.startswith(" nat "))


def _translations(was: Mapping[str, Command], is_now: Mapping[str, Command]) -> Iterator[str]:
    """What objects translate, and hosts that have another address: first translations go, then the new ones come."""
    changed = [head for head in dict.fromkeys((*was, *is_now)) if set(was.get(head, ())) != set(is_now.get(head, ()))]
    before = {head: [line for line in was.get(head, ()) if line.startswith(" nat ")] for head in changed}
    after = {head: [line for line in is_now.get(head, ()) if line.startswith(" nat ")] for head in changed}
    for head in changed:
        if before[head]:
            yield from (head, *(f" no{line}" for line in before[head]))
    for head in changed:
        lines = [line for line in is_now.get(head, ()) if head in was and line not in was[head]]
        lines = [*_without_nat(tuple(lines)), *after[head]]
        if lines:
            yield from (head, *lines)


def _twice(old: Listing, new: Listing) -> Iterator[str]:
    """Lines of twice NAT that are others now, each in its place among those of its section."""
    for is_after in (False, True):
        before, after = (_section(one, is_after) for one in (old, new))
        for at, (line, other) in enumerate(zip(before, after, strict=False), 1):
            if line != other:
                number = 3 if is_after else 2
                yield f"no {' '.join(line)}"
                yield " ".join((*other[:number], str(at), *other[number:]))


def _section(listing: Listing, is_after: bool) -> list[Command]:
    return [words for words in listing.commands_of("nat") if (words[2:3] == ("after-auto",)) is is_after]


def _only(one: Listing, other: Listing, word: str) -> list[str]:
    """The commands of one configuration that the other does not have."""
    known = set(other.commands_of(word))
    return [" ".join(words) for words in one.commands_of(word) if words not in known]


def _entries(name: str, old: Listing, new: Listing) -> Iterator[str]:
    """From one access list to the other, from its top on, with numbers as they are at that moment.

    An entry that moves is taken out first, since a device takes none twice.
    """
    before, after = ([line.words[2:] for line in one.lists.get(name, ())] for one in (old, new))
    if not after:
        yield f"clear configure access-list {name}"
        return
    kept = aligned(before, after)
    gone = {at for at in range(len(before)) if at not in kept}
    new_ones = {identity(words) for at, words in enumerate(after) if at not in kept.values() and words[0] != "remark"}
    moving = {at for at in gone if before[at][0] != "remark" and identity(before[at]) in new_ones}
    stay = [(words, kept.get(at)) for at, words in enumerate(before) if at not in moving]
    is_emptied = bool(moving) and all(words[0] == "remark" for words, _ in stay)
    guard = _guard([*before, *after]) if is_emptied else ""
    yield from (f"access-list {name} line {len(before) + 1} {guard}" for _ in range(is_emptied))
    yield from (f"no access-list {name} {' '.join(before[at])}" for at in sorted(moving))
    yield from _in_order(name, stay, after)
    yield from (f"no access-list {name} {guard}" for _ in range(is_emptied))


def _guard(lines: list[Command]) -> str:
    """An entry that none is like, for the time in which a list would have none: without one nothing binds it."""
    known = {identity(words) for words in lines}
    return next(
        (guard for guard in (DENIES_ALL, *_OTHER_DENIALS) if identity(tuple(guard.split())) not in known), DENIES_ALL
    )


def _in_order(name: str, before: list[tuple[Command, int | None]], after: list[Command]) -> Iterator[str]:
    """`before` says of each line where it stands afterwards; None: nowhere. What is new comes before what goes."""
    places = [to for _, to in before]
    at = 0
    for number, words in enumerate(after):
        if number not in places:
            yield f"access-list {name} line {number + 1} {' '.join(words)}"
            continue
        for gone, _ in before[at : places.index(number)]:
            yield _removal(name, number + 1, gone)
        at = places.index(number) + 1
    yield from (_removal(name, len(after) + 1, words) for words, _ in before[at:])


def _removal(name: str, position: int, words: Command) -> str:
    """Remarks may be alike: they are taken out by their line."""
    line = f"line {position} " if words[0] == "remark" else ""
    return f"no access-list {name} {line}{' '.join(words)}"


def _inspections(old: Listing, new: Listing) -> Iterator[str]:
    """What is inspected in one configuration and not in the other, in its class."""
    before, after = _inspected(old), _inspected(new)
    for place in (*after, *(place for place in before if place not in after)):
        was, is_now = before.get(place, ()), after.get(place, ())
        lines = [f"  {line}" for line in is_now if line not in was]
        lines += [f"  no {line}" for line in was if line not in is_now]
        if lines:
            yield from (f"policy-map {place[0]}", f" class {place[1]}", *lines)


def _inspected(listing: Listing) -> dict[tuple[str, str], list[str]]:
    """What each class of each policy inspects."""
    found: dict[tuple[str, str], list[str]] = {}
    for block in listing.blocks_of("policy-map"):
        place = (block.head.words[-1], "")
        for line in block.body:
            if line.words[0] == "class":
                place = (place[0], line.words[-1])
            elif line.words[0] == "inspect":
                found.setdefault(place, []).append(line.text)
    return found


# What a command does


def changed(listing: Listing, command: Command) -> str:
    """The configuration after one command. Raises ValueError for one that `commands_of` does not write."""
    words = tuple(command[0].split())
    removes = words[0] == "no"
    words = words[1:] if removes else words
    if words[:2] == ("clear", "configure"):
        return _without_list(listing, words[3], {line.number for line in listing.lists.get(words[3], ())})
    if words[0] == "access-list":
        return _without_entry(listing, words) if removes else _with_entry(listing, words)
    if words[0] == "nat":
        return _without_line(listing, words) if removes else _with_nat(listing, words)
    if words[0] in _DEFINITIONS and not removes and listing.body_of(" ".join(words)):
        return _with_body(listing, " ".join(words), command[1:])
    if words[0] in _DEFINITIONS:
        found = (block for block in listing.blocks_of(words[0]) if block.head.words[:3] == words[:3])
        return _without_blocks(listing, found) if removes else listing.with_lines(listing.first_list, (), command)
    if words[0] == "access-group":
        found = (block for block in listing.blocks_of(words[0]) if block.head.words == words)
        return _without_blocks(listing, found) if removes else listing.with_lines(listing.behind(words[0]), command, ())
    if words[0] == LEVELS:
        found = (block for block in listing.blocks_of(LEVELS) if block.head.words == words)
        return _without_blocks(listing, found) if removes else listing.with_lines(listing.start, command, ())
    if words[0] == "policy-map":
        return _inspecting(listing, words[-1], command)
    raise ValueError(f"not a command of a change: {command[0]}")


def _without_line(listing: Listing, words: Command) -> str:
    for block in listing.blocks_of(words[0]):
        if block.head.words == words:
            return _without(listing, {block.head.number})
    raise ValueError(f"there is no such line: {' '.join(words)}")


def _with_nat(listing: Listing, words: Command) -> str:
    """A line of twice NAT in its place."""
    is_after = words[2:3] == ("after-auto",)
    number = 3 if is_after else 2
    at, line = int(words[number]), " ".join((*words[:number], *words[number + 1 :]))
    there = [block.head.number for block in listing.blocks_of("nat")
             if (block.head.words[2:3] == ("after-auto",)) is is_after]  # fmt: skip
    spot = there[at - 1] if at <= len(there) else (there[-1] + 1 if there else listing.behind("nat"))
    return listing.with_lines(spot, (line,), ())


def _with_body(listing: Listing, head: str, body: Command) -> str:
    """An object with lines that it gets or loses; it has one address."""
    for line in body:
        words = tuple(line.split())
        known = listing.body_of(head)
        if words[0] == "no":
            gone = {one.number for one in known if one.words == words[1:]}
            if not gone:
                raise ValueError(f"{head} has no such line: {line.strip()}")
            listing = Listing(_without(listing, gone))
            continue
        gone = {one.number for one in known if one.words[0] == words[0] == "host"}
        spot = min(gone, default=min(one.number for one in known) if known else 0)
        listing = Listing(_without(listing, gone))
        listing = Listing(listing.with_lines(spot or _head_of(listing, head), (line,), ()))
    return listing.text


def _head_of(listing: Listing, head: str) -> int:
    return next(block.head.number for block in listing.blocks_of(head.split(maxsplit=1)[0])
                if " ".join(block.head.words) == head) + 1  # fmt: skip


def _with_entry(listing: Listing, words: Command) -> str:
    name, at, rest = words[1], int(words[3]), words[4:]
    entries = listing.lists.get(name, [])
    line = " ".join(("access-list", name, *rest))
    if rest[0] != "remark" and listing.entry(name, line) is not None:
        raise ValueError(f"the entry stands there already: {line}")
    if not entries:
        number = listing.behind("access-list")
    else:
        number = entries[at - 1].number if at <= len(entries) else listing.end_of(name)
    return listing.with_lines(number, (line,), ())


def _without_entry(listing: Listing, words: Command) -> str:
    name = words[1]
    at = int(words[3]) if words[2] == "line" else 0
    rest = words[4:] if at else words[2:]
    for position, line in enumerate(listing.lists.get(name, ()), 1):
        if line.words[2:] == rest and at in (0, position):
            is_last = [line] == listing.entries_of(name)
            return _without_list(listing, name, {line.number}) if is_last else _without(listing, {line.number})
    raise ValueError(f"there is no such entry: {' '.join(words)}")


def _without_list(listing: Listing, name: str, numbers: set[int]) -> str:
    """An access list without entries is bound no more."""
    bound = {block.head.number for block in listing.blocks_of("access-group") if block.head.words[1] == name}
    return _without(listing, numbers | bound)


def _without(listing: Listing, numbers: set[int]) -> str:
    return "\n".join(line for number, line in enumerate(listing.lines, 1) if number not in numbers)


def _without_blocks(listing: Listing, blocks: Iterator[Block]) -> str:
    return _without(listing, {line.number for block in blocks for line in (block.head, *block.body)})


def _inspecting(listing: Listing, policy: str, command: Command) -> str:
    """A policy with what its class inspects from now on, or no longer."""
    name, lines = command[1].split()[1], [line.strip() for line in command[2:]]
    place = ("", "")
    for block in listing.blocks_of("policy-map"):
        for line in block.body if block.head.words[-1] == policy else ():
            place = (policy, line.words[-1]) if line.words[0] == "class" else place
            if line.words[:2] == ("class", name) and not lines[0].startswith("no "):
                return listing.with_lines(line.number + 1, [f"  {one}" for one in lines], ())
            if place == (policy, name) and f"no {line.text}" in lines:
                return _without(listing, {line.number})
    raise ValueError(f"there is no class {name} in policy-map {policy}")
