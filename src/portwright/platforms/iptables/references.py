"""What the parts of a file refer to: chains, sets and interfaces."""

from collections.abc import Iterator

from portwright.errors import InvalidInput, Problem
from portwright.platforms.iptables.syntax import PROGRAMS, Rule, Ruleset, Table
from portwright.platforms.netfilter.graph import walk
from portwright.source import Source

DEEPEST = 64  # chains inside each other; nftables takes 16, the older kernel side as many as there are
_MOST_INTERFACES = 10_000
Edges = dict[str, list[tuple[str, Source]]]  # chain -> the chains that it jumps to, and the lines that say so


def jumps(table: Table) -> Edges:
    """The jumps of each chain of a table."""
    return {
        chain.name: [(line.target, line.source) for line in chain.rules if line.target in table.chains]
        for chain in table.chains.values()
    }


def bases(table: Table) -> list[str]:
    """The chains of a table that the kernel calls."""
    return [chain.name for chain in table.chains.values() if chain.policy]


def reached(table: Table) -> list[str]:
    """The chains that packets may come to."""
    return walk(jumps(table), bases(table))[0]


def check_jumps(ruleset: Ruleset, file: str) -> None:
    """Refuse jumps to chains that the kernel calls, or that are not there, loops, and chains nested too deeply.

    Raises InvalidInput with every such place.
    """
    problems = {problem for table in ruleset.tables.values() for problem in _problems(table, file)}
    if problems:
        raise InvalidInput(sorted(problems))


def _problems(table: Table, file: str) -> Iterator[Problem]:
    title = f"table {table.name} of {PROGRAMS[table.version]}"
    for chain in table.chains.values():
        for line in chain.rules:
            if line.is_goto and line.target not in table.chains:
                yield Problem(file, line.source.line, 0, "", f"{title} has no chain {line.target[:40]}")
            elif line.target in table.chains and table.chains[line.target].policy:
                yield Problem(file, line.source.line, 0, "", f"no rule can jump to {line.target}: the kernel calls it")
    edges = jumps(table)
    order, closing = walk(edges, bases(table))
    for name, source in closing:
        yield Problem(file, source.line, 0, "", f"the jump to chain {name} closes a loop", "iptables refuses it")
    if not closing:
        yield from _too_deep(table, edges, order, file)


def _too_deep(table: Table, edges: Edges, order: list[str], file: str) -> Iterator[Problem]:
    below: dict[str, int] = {}  # the most that are inside each other, below a chain
    for chain in order:
        below[chain] = max((below[name] + 1 for name, _ in edges[chain]), default=0)
        if below[chain] >= DEEPEST and table.chains[chain].policy:
            line = edges[chain][0][1].line
            yield Problem(file, line, 0, "", f"more than {DEEPEST} chains inside each other")


def lines(ruleset: Ruleset) -> Iterator[tuple[Table, Rule]]:
    """Every rule with its table."""
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            for line in chain.rules:
                yield table, line


def sets_used(line: Rule) -> Iterator[str]:
    """The sets that a rule asks."""
    for extension in line.extensions:
        for option in extension.options if extension.name == "set" else ():
            if option.name == "--match-set" and option.values:
                yield option.values[0]


def sets_changed(line: Rule) -> Iterator[str]:
    """The sets that a rule adds to or deletes from."""
    for option in line.target_options if line.target == "SET" else ():
        if option.name in ("--add-set", "--del-set", "--map-set") and option.values:
            yield option.values[0]


def interfaces(ruleset: Ruleset) -> tuple[set[str], set[str]]:
    """The interface names and beginnings of names that a file mentions. Raises InvalidInput for too many."""
    names: set[str] = set()
    prefixes: set[str] = set()
    for _, line in lines(ruleset):
        for option in line.plain:
            if option.name in ("-i", "-o") and option.values[0] not in ("", "+"):
                name = option.values[0]
                (prefixes if name.endswith("+") else names).add(name.removesuffix("+"))
    for found in ruleset.sets.values():
        kinds = found.kind.partition(":")[2].split(",")
        for member in found.members if "iface" in kinds else ():
            name = (*member.text.split(","), *[""] * len(kinds))[kinds.index("iface")]
            (prefixes if member.is_wildcard else names).add(name)
    if len(names) + len(prefixes) > _MOST_INTERFACES:
        raise InvalidInput.of(f"more than {_MOST_INTERFACES} interfaces")
    return names, prefixes
