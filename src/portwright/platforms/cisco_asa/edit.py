"""Puts entries into the access lists of an ASA, takes them out, and says which commands do that.

    access-list NAME line N extended permit ...     no access-list NAME extended permit ...

Cisco ASA Series Command Reference, "access-list extended": an entry at a line moves what stands there down by one;
remarks count as lines.
"""

from collections.abc import Iterator
from itertools import count

from portwright.packets.packetset import PacketSet
from portwright.platforms.cisco_asa import parse
from portwright.platforms.cisco_asa.access_lists import is_remark
from portwright.platforms.cisco_asa.difference import changed, commands_of
from portwright.platforms.cisco_asa.entries import Entries
from portwright.platforms.cisco_asa.leading import leading as retargeted
from portwright.platforms.cisco_asa.levels import entries_for
from portwright.platforms.cisco_asa.lines import Line, lines_of
from portwright.platforms.cisco_asa.listing import DENIES_ALL, LEVELS, Listing
from portwright.platforms.cisco_asa.render import remarks
from portwright.policy.editing import Edit, Target
from portwright.policy.intent import Intended
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction

SUFFIX = ".cfg"
TELLS_DEPARTURE = False
TELLS_STATE = False
_AMONG_EQUALS = {  # command -> why it may let pass more than is needed
    f"{LEVELS} permit inter-interface": "it holds between all interfaces of equal security level",
    f"{LEVELS} permit intra-interface": "it holds for whatever goes back through its interface",
}
_INSPECTED = ("match", "default-inspection-traffic")


def comment(text: str) -> str:
    """A line that the device skips."""
    return f"! {text}"


def permitting(text: str, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """Entries in front of the one that blocks, or at the end of the list that permits nothing more."""
    listing = Listing(text)
    yield from _among_equals(listing, at)
    spot = _spot(listing, at)
    if spot is None:
        yield from _with_list(listing, rule, at)
        return
    name, line = spot
    entries = Entries(listing.objects)
    lines = [f"access-list {name} extended permit {entry}" for entry in entries.of(rule)]
    said = _said(name, rule)
    place = f"access-list {name} line {listing.position(name, line)}"
    definitions = tuple(entries.definitions())
    if len(lines) == 1 and (known := listing.entry(name, lines[0])) is not None:
        yield _moved(listing, name, known, line, place)
    elif lines:
        scope = f"access list {name} is bound to all interfaces" if name in listing.global_lists else ""
        text = listing.with_lines(line, (*said, *lines), definitions)
        yield Edit(text, (*definitions, *said, *lines), (), place, scope)
    if lines and name in listing.global_lists:
        yield from _before_global(listing, rule)


def _before_global(listing: Listing, rule: Intended) -> Iterator[Edit]:
    """Entries for one interface alone: its own list goes before the global one, which has the rest of the packets."""
    interface = rule.interface_in or ""
    name = listing.list_of(interface)
    if name is not None and name in listing.lists:
        entries = Entries(listing.objects)
        lines = [*_said(name, rule), *(f"access-list {name} extended permit {entry}" for entry in entries.of(rule))]
        definitions, line = tuple(entries.definitions()), listing.end_of(name)
        place = f"access-list {name} line {listing.position(name, line)}"
        yield Edit(listing.with_lines(line, lines, definitions), (*definitions, *lines), (), place)
    elif name is None and interface:
        yield _new_list(listing, rule, interface, [])


def _with_list(listing: Listing, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """A list for an interface whose security level decides, which goes on to permit what the level permits."""
    interface = rule.interface_in or ""
    if not at.rule.default or not at.rule.reason.startswith("security level ") or not interface:
        return
    kept = entries_for(interface, listing, parse(listing.text, ""))
    if kept is None:
        return
    yield _new_list(
        listing, rule, interface, ["remark as its security level permits", *(f"extended {one}" for one in kept)]
    )


def _new_list(listing: Listing, rule: Intended, interface: str, more: list[str]) -> Edit:
    """A list with entries for traffic, and with more lines behind them, in front of an interface that has none."""
    name = next(one for one in _names(f"{interface}_in") if one not in listing.lists)
    entries = Entries(listing.objects)
    lines = [f"access-list {name} extended permit {entry}" for entry in entries.of(rule)]
    lines += [f"access-list {name} {one}" for one in more]
    said = _said(name, rule)
    bound = f"access-group {name} in interface {interface}"
    definitions = tuple(entries.definitions())
    edited = Listing(listing.with_lines(listing.behind("access-group"), (bound,), ()))
    text = edited.with_lines(edited.behind("access-list"), (*said, *lines), definitions)
    return Edit(text, (*definitions, *said, *lines, bound), (), f"access-list {name}, new, on interface {interface}")


def _said(name: str, rule: Intended) -> list[str]:
    return [f"access-list {name} remark {one}" for one in remarks(rule)]


def _among_equals(listing: Listing, at: Obstruction) -> Iterator[Edit]:
    """The command without which nothing passes between interfaces of equal level, or back through one."""
    line = next((one for one in _AMONG_EQUALS if at.rule.default and at.rule.reason.endswith(one)), None)
    if line is not None:
        yield Edit(listing.with_lines(listing.start, (line,), ()), (line,), (), LEVELS, _AMONG_EQUALS[line], True)


def _names(wish: str) -> Iterator[str]:
    yield wish
    yield from (f"{wish}-{number}" for number in count(2))


def _moved(listing: Listing, name: str, known: Line, line: int, place: str) -> Edit:
    """The entry stands there already, too far down: it moves up with its remarks, since no entry may stand twice."""
    first = _own_remarks(listing, name, known)
    moved = tuple(listing.lines[number - 1].strip() for number in range(first, known.number + 1))
    kept = tuple(one.removesuffix(" inactive") for one in moved)
    above = Listing(listing.without_lines(first, known.number))
    shift = known.number - first + 1 if known.number < line else 0
    return Edit(above.with_lines(line - shift, kept, ()), kept, moved, place)


def _own_remarks(listing: Listing, name: str, line: Line) -> int:
    """The line of the file where the remarks begin that stand above an entry and above no other."""
    following = listing.at(line.number + 1)
    if following is not None and following.words[:2] == line.words[:2] and not is_remark(following.words):
        return line.number
    return listing.above_remarks(name, line.number)


def answering(text: str, at: Obstruction) -> Iterator[Edit]:  # noqa: ARG001
    """Inspection of ICMP, which knows replies: of the rest an ASA knows them anyway."""
    listing = Listing(text)
    default = {block.head.words[-1] for block in listing.blocks_of("class-map") if _inspects_by_default(block.body)}
    applied = [words[1] for words in listing.commands_of("service-policy") if words[2:3] == ("global",)]
    for block in listing.blocks_of("policy-map"):
        if block.head.words[-1] in applied:
            for line in block.body:
                if line.words[0] == "class" and line.words[-1] in default:
                    head = f"policy-map {block.head.words[-1]}"
                    edited = listing.with_lines(line.number + 1, ("  inspect icmp",), ())
                    yield Edit(edited, ("inspect icmp",), (), f"{head}, class {line.words[-1]}")


def _inspects_by_default(body: tuple[Line, ...]) -> bool:
    return any(line.words == _INSPECTED for line in body)


def removing(text: str, rule: Rule, packets: PacketSet) -> Iterator[Edit]:  # noqa: ARG001
    """The text without an entry, and without the remarks that stand above it alone.

    A list that loses its last entry is gone, and its interface decides by security levels again: it denies everything.
    """
    listing = Listing(text)
    line = listing.at(rule.source.line)
    if line is None or line.words[0] != "access-list" or rule.default:
        return
    name = line.words[1]
    first = _own_remarks(listing, name, line)
    removed = tuple(listing.lines[number - 1].strip() for number in range(first, line.number + 1))
    place = f"access-list {name} line {listing.position(name, first)}"
    kept = () if len(listing.entries_of(name)) > 1 else (f"access-list {name} {DENIES_ALL}",)
    rest = Listing(listing.without_lines(first, line.number))
    yield Edit(rest.with_lines(first, kept, ()), kept, removed, place)


def leading(text: str, rule: Rule, to: Target) -> Iterator[Edit]:
    """The translation with another real host."""
    yield from retargeted(text, rule, to)


def _spot(listing: Listing, at: Obstruction) -> tuple[str, int] | None:
    """The access list that decides, and the number of the line of the file in front of which a new entry comes."""
    words = at.rule.source.text.split()
    if at.rule.default:
        is_end = words[:1] == ["access-group"]
        return (words[1], listing.end_of(words[1])) if is_end and words[1] in listing.lists else None
    if words[:1] != ["access-list"] or at.chain != words[1]:
        return None
    return words[1], listing.above_remarks(words[1], at.rule.source.line)


def commands(old: str, new: str) -> tuple[str, ...]:
    """The commands that make one configuration the other."""
    return commands_of(Listing(old), Listing(new))


def applied(text: str, commands: tuple[str, ...]) -> str:
    """The configuration after these commands, taken one by one."""
    for command in grouped(commands):
        text = changed(Listing(text), command)
    return text


def grouped(commands: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Each command with the lines that are indented below it."""
    block: list[str] = []
    for line in lines_of("\n".join(commands)):
        if line.text.startswith("!"):
            continue
        if block and not line.indent:
            yield tuple(block)
            block = []
        block.append(" " * line.indent + line.text)
    if block:
        yield tuple(block)
