"""What a ruleset's parts refer to: chains, sets and interfaces."""

from collections.abc import Iterator

from portwright.errors import InvalidInput, Problem
from portwright.platforms.netfilter.graph import walk
from portwright.platforms.nftables import lenses
from portwright.platforms.nftables.sets import flatten
from portwright.platforms.nftables.syntax import (
    Assign,
    Binary,
    Braces,
    Chain,
    Concat,
    Condition,
    Decide,
    DecideBy,
    Element,
    Expression,
    Lookup,
    Named,
    Place,
    Range,
    Rule,
    Ruleset,
    Selector,
    Statement,
    Table,
    Translate,
    Update,
    Value,
)
from portwright.platforms.nftables.values import interface_name

CALLS = ("jump", "goto")  # verdicts that name a chain
DEEPEST = 16  # chains, the base chain included: linux/include/net/netfilter/nf_tables.h, NFT_JUMP_STACK_SIZE
Edges = dict[str, list[tuple[str, Place]]]  # chain -> the chains that it jumps to, and the lines that say so


def keyed(statement: Statement) -> Iterator[tuple[Expression, Expression]]:
    """The left sides of a statement with the constants or sets that they are compared with."""
    match statement:
        case Condition(left, _, right):
            yield left, right
            if isinstance(left, Lookup):
                yield left.key, left.mapping
        case DecideBy(key, mapping):
            yield key, mapping
        case Assign(_, Lookup(key, mapping)):
            yield key, mapping
        case Translate(address=address, port=port):
            for part in (address, port):
                if isinstance(part, Lookup):
                    yield part.key, part.mapping


def members(table: Table, mapping: Expression) -> list[Element]:
    """The elements of a set or map; a constant is a set of one."""
    if isinstance(mapping, Braces):
        return list(flatten(mapping.elements))
    if isinstance(mapping, Named):
        named = table.sets.get(mapping.name)
        return list(flatten(named.elements)) if named is not None else []
    return [Element(mapping)]


def sets_used(rule: Rule) -> Iterator[str]:
    """The named sets that a rule mentions."""
    for statement in rule.statements:
        if isinstance(statement, Update) and statement.set:
            yield statement.set
        for _, mapping in keyed(statement):
            if isinstance(mapping, Named):
                yield mapping.name


def targets(table: Table, chain: Chain) -> Iterator[tuple[str, Place]]:
    """The chains that a chain jumps or goes to, and the line that says so."""
    looked_up: set[str] = set()
    for rule in chain.rules:
        for statement in rule.statements:
            if isinstance(statement, Decide) and statement.verdict in CALLS:
                yield statement.chain, rule.place
            if isinstance(statement, DecideBy):
                if isinstance(statement.mapping, Named):
                    if statement.mapping.name in looked_up:
                        continue
                    looked_up.add(statement.mapping.name)
                for member in members(table, statement.mapping):
                    if isinstance(member.data, Decide) and member.data.verdict in CALLS:
                        yield member.data.chain, rule.place


def interfaces(ruleset: Ruleset) -> tuple[set[str], set[str]]:
    """The interface names and name prefixes that a ruleset mentions."""
    names: set[str] = set()
    prefixes: set[str] = set()
    seen: set[tuple[int, Named, int]] = set()
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            names.update(chain.hook.devices if chain.hook is not None else ())
            for rule in chain.rules:
                for statement in rule.statements:
                    for text in _interface_texts(table, statement, seen):
                        name, is_prefix = interface_name(text)
                        (prefixes if is_prefix else names).add(name)
    return names, prefixes


def _interface_texts(table: Table, statement: Statement, seen: set[tuple[int, Named, int]]) -> Iterator[str]:
    for left, right in keyed(statement):
        parts = left.parts if isinstance(left, Concat) else (left,)
        for at, part in enumerate(parts):
            if not _is_interface(part):
                continue
            if isinstance(right, Named):
                if (id(table), right, at) in seen:
                    continue
                seen.add((id(table), right, at))
            for member in members(table, right):
                key = member.key.parts if isinstance(member.key, Concat) else (member.key,)
                if at < len(key):
                    yield from _texts(key[at])


def _is_interface(expression: Expression) -> bool:
    while isinstance(expression, Binary):
        expression = expression.left
    return isinstance(expression, Selector) and expression.name in lenses.INTERFACES


def _texts(expression: Expression) -> Iterator[str]:
    match expression:
        case Value(text) if text != "*":
            yield text
        case Range(first, last):
            yield from _texts(first)
            yield from _texts(last)


def check_jumps(ruleset: Ruleset, file: str) -> None:
    """Refuse what nft refuses: jumps to chains that do not exist, loops, chains nested too deeply.

    Raises InvalidInput with every such place.
    """
    problems = [problem for table in ruleset.tables.values() for problem in _jump_problems(table, file)]
    if problems:
        raise InvalidInput(sorted(problems))


def jumps(table: Table) -> Edges:
    """The jumps of each chain of a table."""
    return {chain.name: list(targets(table, chain)) for chain in table.chains.values()}


def _jump_problems(table: Table, file: str) -> Iterator[Problem]:
    edges = jumps(table)
    for found in edges.values():
        for name, place in found:
            if name not in table.chains:
                hint = "nft refuses such a ruleset: the file is cut off, or a part of it is missing"
                message = f"table {table.family} {table.name} has no chain {name or 'without a name'}"
                yield Problem(file, place.line, 0, "", message, hint)
            elif table.chains[name].hook is not None:
                message = f"chain {name} is called by the kernel, at its hook; no rule can jump to it"
                yield Problem(file, place.line, 0, "", message, "nft refuses it")
    order, closing = walk(edges, [chain.name for chain in table.chains.values() if chain.hook is not None])
    for name, place in closing:
        yield Problem(file, place.line, 0, "", f"the jump to chain {name} closes a loop", "nft refuses it")
    if not closing:
        yield from _too_deep(table, edges, order, file)


def _too_deep(table: Table, edges: Edges, order: list[str], file: str) -> Iterator[Problem]:
    below: dict[str, int] = {}  # the most that are inside each other, below a chain
    for chain in order:
        below[chain] = max((below[name] + 1 for name, _ in edges.get(chain, ())), default=0)
        if below[chain] >= DEEPEST and table.chains[chain].hook is not None:
            place = edges[chain][0][1]
            yield Problem(file, place.line, 0, "", f"more than {DEEPEST} chains inside each other", "nft refuses it")
