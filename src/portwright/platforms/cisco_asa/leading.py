"""Translations of an ASA that lead to another host: object NAT by its object, twice NAT by a name in its line.

object network NAME              nat (REAL,MAPPED) source static REAL MAPPED ...
 host REAL                       nat (REAL,MAPPED) source ... destination static MAPPED REAL ...
 nat (REAL,MAPPED) static MAPPED [service PROTOCOL REAL-PORT MAPPED-PORT]
"""

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import count

from portwright.packets.addresses import Addresses
from portwright.platforms.cisco_asa.entries import Entries
from portwright.platforms.cisco_asa.lines import Block, Line
from portwright.platforms.cisco_asa.listing import Listing
from portwright.policy.editing import Edit, Target
from portwright.policy.intent import Named
from portwright.policy.model import Rule

_EVERYBODY = "whoever the access lists let through to the right host gets there now"


def leading(text: str, rule: Rule, to: Target) -> Iterator[Edit]:
    """The object that holds the translation, or another one for it; in a line of twice NAT another name."""
    listing = Listing(text)
    line = listing.at(rule.source.line)
    if line is None or line.words[0] != "nat":
        return
    owner = next((block for block in listing.blocks_of("object") if line in block.body), None)
    found = _by_names(listing, line, to) if owner is None else _by_object(listing, owner, line, to)
    yield from found


def _by_object(listing: Listing, owner: Block, line: Line, to: Target) -> Iterator[Edit]:
    if "static" not in line.words:
        return
    name, place = owner.head.words[2], " ".join(owner.head.words)
    hosts = [one for one in listing.body_of(place) if one.words[0] == "host"]
    for nat in _with_ports(line.words, to):
        if len(hosts) == 1 and not _is_used(listing, name):
            lines = {hosts[0].number: f" host {to.host}", line.number: f" {' '.join(nat)}"}
            yield _edit(listing, lines, place)
        known = {block.head.words[2] for block in listing.blocks_of("object")}
        other = next(one for n in count(1) if (one := f"{name}-{n}") not in known)
        made = (f"object network {other}", f" host {to.host}", f" {' '.join(nat)}")
        is_alone = owner.body == (line,)
        gone = (owner.head, line) if is_alone else (line,)
        rest = Listing(listing.without_lines(gone[0].number, line.number))
        behind = line.number - len(gone) + 1
        while not is_alone and (following := rest.at(behind)) is not None and following.indent:
            behind += 1
        text = rest.with_lines(behind, made, ())
        yield Edit(text, made, tuple(one.text for one in gone), place, _EVERYBODY, True)


def _with_ports(words: tuple[str, ...], to: Target) -> Iterator[tuple[str, ...]]:
    """The line as it is, and with the real port that is meant."""
    yield words
    if "service" in words and to.port is not None:
        at = words.index("service") + 2
        yield (*words[:at], str(to.port), *words[at + 1 :])


def _is_used(listing: Listing, name: str) -> bool:
    """Report whether another line speaks of an object, too."""
    heads = {block.head.number for block in listing.blocks_of("object") if block.head.words[2:3] == (name,)}
    return any(name in line.words for line in listing.all_lines() if line.number not in heads)


def _by_names(listing: Listing, line: Line, to: Target) -> Iterator[Edit]:
    """The names of real ends: behind `source static`, and the second behind `destination static`."""
    pairs = zip(line.words, line.words[1:], strict=False)
    places = [at + (2 if pair[0] == "source" else 3) for at, pair in enumerate(pairs)
              if pair in (("source", "static"), ("destination", "static"))]  # fmt: skip
    for at in places:
        entries = Entries(listing.objects)
        end = Named(f"host-{to.host}", Addresses.of([ip_network(to.host)]))
        words = (*line.words[:at], entries.name(end), *line.words[at + 1 :])
        definitions = tuple(entries.definitions())
        new = " ".join(words)
        edited = Listing(_replaced(listing, {line.number: new}))
        text = edited.with_lines(line.number, (), definitions)
        yield Edit(text, (*definitions, new), (line.text,), "nat", _EVERYBODY, True)


def _edit(listing: Listing, lines: dict[int, str], place: str) -> Edit:
    changed = {number: new for number, new in lines.items() if listing.lines[number - 1].split() != new.split()}
    old = tuple(listing.lines[number - 1].strip() for number in changed)
    new = tuple(one.strip() for one in changed.values())
    return Edit(_replaced(listing, changed), new, old, place, _EVERYBODY, True)


def _replaced(listing: Listing, lines: dict[int, str]) -> str:
    return "\n".join(lines.get(number, line) for number, line in enumerate(listing.lines, 1))
