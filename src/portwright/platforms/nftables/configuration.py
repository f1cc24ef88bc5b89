"""A ruleset's tree to a configuration: policies, interfaces, the census of its lines, remarks."""

from collections.abc import Iterator

from portwright.platforms.netfilter.graph import walk
from portwright.platforms.nftables import references, syntax
from portwright.platforms.nftables.policy import Compiler
from portwright.platforms.nftables.statements import NOTRACK
from portwright.platforms.nftables.syntax import (
    Assign,
    Braces,
    Chain,
    Condition,
    Named,
    Place,
    Ruleset,
    Selector,
    Table,
    Update,
)
from portwright.policy.configuration import Census, Configuration, Remark, Unknown
from portwright.policy.interfaces import Interfaces
from portwright.source import Source

_ROUTED = ("ip", "ip6", "inet", "netdev")
_UNTRACKED = "packets that take this rule are untracked in the hooks after it: decide about them with --path"
_ECN = "a connection opened with ECN (RFC 3168) has more flags set than SYN, and no equality with SYN holds for it"
_IPTABLES = {"filter", "nat", "mangle", "raw", "security"}
_IPTABLES_CHAINS = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}


def configuration(ruleset: Ruleset, file: str, lines: int = 0) -> Configuration:
    """What a ruleset of so many lines means (0: not made of lines). Raises InvalidInput for jumps nft refuses."""
    references.check_jumps(ruleset, file)
    _mark_changing_sets(ruleset)
    _mark_iptables(ruleset)
    interfaces = Interfaces.of(*references.interfaces(ruleset))
    compiler = Compiler(ruleset, interfaces, file)
    policies = compiler.policies()
    return Configuration(
        "nftables", file, policies, interfaces, _census(ruleset, compiler, file, lines), tuple(_remarks(ruleset, file))
    )


def _mark_changing_sets(ruleset: Ruleset) -> None:
    """A set that rules add to or delete from has members that only the running kernel knows."""
    for table in ruleset.tables.values():
        for rule in _lines(table):
            for statement in rule.statements:
                if isinstance(statement, Update) and statement.set in table.sets:
                    named = table.sets[statement.set]
                    named.changes_by = named.changes_by or "rules change it while packets pass"


def _mark_iptables(ruleset: Ruleset) -> None:
    """Tables with the names that iptables gives are its own; JSON does not say so."""
    for table in ruleset.tables.values():
        if table.family in ("ip", "ip6") and table.name in _IPTABLES and _IPTABLES_CHAINS & set(table.chains):
            table.is_lossy = True


def _lines(table: Table) -> Iterator[syntax.Rule]:
    for chain in table.chains.values():
        yield from chain.rules


def _census(ruleset: Ruleset, compiler: Compiler, file: str, lines: int) -> Census:
    """The lines of a text by what became of them; in JSON tables, sets, chains, hooks and rules stand for lines."""
    modelled, inert = 0, ruleset.inert_lines
    unknown = [Unknown(_source(file, place), "a command that is not understood", "point") for place in ruleset.unknown]
    for table in ruleset.tables.values():
        modelled += 1
        for named in table.sets.values():
            modelled += 1
            if named.unknown is not None:
                unknown.append(Unknown(_source(file, named.unknown), f"a line of set {named.name}", "object"))
        for chain in table.chains.values():
            modelled += 1 if chain.hook is None else 2
            for rule in chain.rules:
                if id(rule) in compiler.doubtful:
                    unknown.append(Unknown(_source(file, rule.place), compiler.doubtful[id(rule)]))
                elif compiler.rules_of.get(id(rule)):
                    modelled += 1
                else:
                    inert += 1
    lost = len({entry.source.line for entry in unknown})
    modelled = max(modelled, lines - inert - lost)  # braces and the elements of sets belong to what they enclose
    return Census(modelled, inert, tuple(sorted(unknown, key=lambda entry: entry.source.line)))


def _source(file: str, place: Place) -> Source:
    return Source(file, place.line, place.text)


def _remarks(ruleset: Ruleset, file: str) -> Iterator[Remark]:
    for table in ruleset.tables.values():
        yield from _table_remarks(table, file)
        used = {name for rule in _lines(table) for name in references.sets_used(rule)}
        for named in table.sets.values():
            if named.name not in used:
                yield Remark("unused", f"no rule uses set {named.name}", _source(file, named.place))
            elif not named.elements and not named.changes_by:
                message = f"set {named.name} is empty: a listing made with --terse leaves members out"
                yield Remark("note", message, _source(file, named.place))
        bases = [chain.name for chain in table.chains.values() if chain.hook is not None]
        reached = set(walk(references.jumps(table), bases)[0])
        for chain in table.chains.values():
            if chain.name not in reached:
                yield Remark("unused", f"no base chain leads to chain {chain.name}", _source(file, chain.place))
            yield from _chain_remarks(table, chain, file)


def _table_remarks(table: Table, file: str) -> Iterator[Remark]:
    title = f"table {table.family} {table.name}"
    source = _source(file, table.place)
    if table.is_dormant:
        yield Remark("note", f"{title} is dormant: its chains see no packet", source)
    if table.family not in _ROUTED:
        yield Remark("note", f"{title} sees no routed packet", source)
    if table.is_lossy:
        yield Remark("note", f"{title} belongs to iptables and nft cannot print all of it: use iptables-save", source)


def _chain_remarks(table: Table, chain: Chain, file: str) -> Iterator[Remark]:
    for rule in chain.rules:
        for name in references.sets_used(rule):
            if name not in table.sets:
                yield Remark("undefined", f"the set {name} is not defined in this file", _source(file, rule.place))
        for statement in rule.statements:
            if isinstance(statement, Assign) and statement.target == NOTRACK:
                yield Remark("note", _UNTRACKED, _source(file, rule.place))
            elif isinstance(statement, Condition) and _equals_flags(statement):
                yield Remark("note", _ECN, _source(file, rule.place))


def _equals_flags(condition: Condition) -> bool:
    is_equality = condition.operator in ("==", "!=") or isinstance(condition.right, Braces | Named)
    return condition.left == Selector("tcp flags") and is_equality
