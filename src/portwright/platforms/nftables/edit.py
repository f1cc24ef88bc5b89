"""Puts rules into the chains of a ruleset, takes them out, and says which commands of `nft -f` do that.

    insert rule FAMILY TABLE CHAIN index N ...     add rule FAMILY TABLE CHAIN ...     flush chain FAMILY TABLE CHAIN

nft(8), "RULES". A rule is taken out by its handle, which a listing does not show: a chain that loses a rule is flushed
and filled again, in the same transaction.
"""

from collections.abc import Iterator

from portwright.packets.fields import Field, State
from portwright.packets.intervals import contains
from portwright.packets.packetset import PacketSet
from portwright.platforms.nftables.phrases import element_of, elements_for, led_to, rules_for
from portwright.platforms.nftables.ruleset_text import Listing, is_deciding, written
from portwright.platforms.nftables.syntax import Chain, Table
from portwright.platforms.nftables.syntax import Rule as Line
from portwright.policy.editing import Edit, Target
from portwright.policy.intent import Intended
from portwright.policy.model import Rule
from portwright.policy.obstruction import Obstruction

SUFFIX = ".nft"
TELLS_DEPARTURE = True
TELLS_STATE = True
_KNOWN = "ct state established,related accept"
_EVERYBODY = "whoever the rules let through to the right host gets there now"
_MOST_CHAINS = 4  # chains that the packets run through, in which a rule may find its place


def comment(text: str) -> str:
    """A line that nft skips."""
    return f"# {text}"


def permitting(text: str, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """Elements of a set that permits, then rules in front of the one that blocks, in the chain where it stands.

    What the policy of a base chain blocks may pass in the chains that the packets have run through.
    """
    listing = Listing.of(text)
    table = listing.table(at.stage.name) if listing is not None else None
    if listing is None or table is None or at.chain not in table.chains:
        return
    yield from _elements(listing, table, rule, at)
    hook = table.chains[at.stage.base].hook
    for chain, index in _spots(table, at):
        for with_interfaces in (False, True) if chain.hook is None else (True,):
            for with_state in (False, True):
                lines = tuple(rules_for(rule, table, hook.name if hook else "", with_interfaces, with_state))
                if lines:
                    place = f"chain {table.family} {table.name} {chain.name}"
                    yield Edit(listing.with_rules(table, chain, index, lines), lines, (), place)


def _elements(listing: Listing, table: Table, rule: Intended, at: Obstruction) -> Iterator[Edit]:
    """New members of a set on which some rule in the way accepts."""
    names = [*at.entered[:_MOST_CHAINS], at.chain]
    for name in names:
        for line in table.chains[name].rules if name in table.chains else ():
            for named, members in element_of(rule, line, table):
                place = f"set {table.family} {table.name} {named.name}"
                yield Edit(listing.with_elements(named, members), members, (), place)


def _spots(table: Table, at: Obstruction) -> Iterator[tuple[Chain, int]]:
    """Chains, and which of their rules the new ones come in front of."""
    chain = table.chains[at.chain]
    if not at.rule.default:
        lines = [line.place.line for line in chain.rules]
        if at.rule.source.line in lines:
            yield chain, lines.index(at.rule.source.line)
        return
    for name in at.entered[:_MOST_CHAINS]:
        if name in table.chains:
            yield table.chains[name], _end(table.chains[name])
    yield chain, _end(chain)


def _end(chain: Chain) -> int:
    """Behind the last rule that decides: what follows logs and counts packets that nothing decided about."""
    deciding = [number for number, rule in enumerate(chain.rules, 1) if is_deciding(rule)]
    return deciding[-1] if deciding else 0


def answering(text: str, at: Obstruction) -> Iterator[Edit]:
    """What belongs to a known connection passes, in front of the first rule that may meet it."""
    listing = Listing.of(text)
    table = listing.table(at.stage.name) if listing is not None else None
    chain = table.chains.get(at.stage.base) if table is not None else None
    if listing is None or table is None or chain is None:
        return
    lines = [line.place.line for line in chain.rules]
    base = at.stage.chains[at.stage.base].rules
    meeting = (lines.index(rule.source.line) for rule in base if rule.source.line in lines and _may_be_known(rule))
    place = f"chain {table.family} {table.name} {chain.name}"
    yield Edit(listing.with_rules(table, chain, next(meeting, len(lines)), (_KNOWN,)), (_KNOWN,), (), place)


def _may_be_known(rule: Rule) -> bool:
    """Report whether a rule may match a packet of a known connection."""
    return any(contains(box.get(Field.STATE), State.ESTABLISHED) for box in rule.match.possible)


def removing(text: str, rule: Rule, packets: PacketSet) -> Iterator[Edit]:
    """The text without the members of a set that let the packets pass, or without the rule."""
    listing = Listing.of(text)
    for table in listing.tables() if listing is not None else ():
        for chain in table.chains.values():
            for line in chain.rules:
                if listing is not None and line.place.line == rule.source.line and not rule.default:
                    for named, keys in elements_for(line, table, packets):
                        place = f"set {table.family} {table.name} {named.name}"
                        yield Edit(listing.without_elements(named, keys), (), keys, place)
                    place = f"chain {table.family} {table.name} {chain.name}"
                    yield Edit(listing.without_rule(line), (), (written(line),), place)


def leading(text: str, rule: Rule, to: Target) -> Iterator[Edit]:
    """The rule with another address behind `dnat to`; one that looks its target up in a map stays as it is."""
    listing = Listing.of(text)
    for table in listing.tables() if listing is not None else ():
        for chain in table.chains.values():
            for line in chain.rules:
                if listing is not None and line.place.line == rule.source.line:
                    for new in led_to(line, to):
                        place = f"chain {table.family} {table.name} {chain.name}"
                        yield Edit(listing.with_rule(line, new), (new,), (written(line),), place, _EVERYBODY, True)


def commands(old: str, new: str) -> tuple[str, ...]:
    """The commands that make one ruleset the other: one transaction."""
    before, after = Listing.of(old), Listing.of(new)
    if before is None or after is None:
        return ()
    pairs = [(table, before.tree.tables[key]) for key, table in after.tree.tables.items() if key in before.tree.tables]
    return (
        *(line for new_, old_ in pairs for line in _members(old_, new_, "add")),
        *(line for new_, old_ in pairs for line in _rules(old_, new_)),
        *(line for new_, old_ in pairs for line in _members(new_, old_, "delete")),
    )


def _members(old: Table, new: Table, verb: str) -> Iterator[str]:
    """The elements that the second has and the first has not."""
    for name, named in new.sets.items():
        known = {str(one) for one in old.sets[name].elements} if name in old.sets else set()
        members = [str(one) for one in named.elements if str(one) not in known]
        if members:
            yield f"{verb} element {new.family} {new.name} {name} {{ {', '.join(members)} }}"


def _rules(old: Table, new: Table) -> Iterator[str]:
    for name, chain in new.chains.items():
        before = old.chains[name].rules if name in old.chains else []
        if [line.statements for line in before] != [line.statements for line in chain.rules]:
            place = f"{new.family} {new.name} {name}"
            inserted = list(_insertions(before, chain.rules, place))
            refilled = [f"flush chain {place}", *(f"add rule {place} {written(line)}" for line in chain.rules)]
            yield from refilled if None in inserted else (line for line in inserted if line is not None)


def _insertions(before: list[Line], after: list[Line], place: str) -> Iterator[str | None]:
    """The commands that put in what is new, from the top on; None where something is gone."""
    at = 0
    for number, line in enumerate(after):
        if at < len(before) and line.statements == before[at].statements and len(after) - number >= len(before) - at:
            at += 1
        elif at < len(before):
            yield f"insert rule {place} index {number} {written(line)}"
        else:
            yield f"add rule {place} {written(line)}"
    if at < len(before):
        yield None


def applied(text: str, commands: tuple[str, ...]) -> str:
    """The ruleset with the commands behind it: a file for `nft -f` is carried out from the top to the end."""
    return "\n".join([text.rstrip("\n"), *commands, ""])
