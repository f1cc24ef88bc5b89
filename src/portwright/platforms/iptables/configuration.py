"""The tree of a file to a configuration: policies, interfaces, the census of its lines, remarks."""

from collections.abc import Iterator

from portwright.platforms.iptables import references
from portwright.platforms.iptables.behind import asks_for_ah
from portwright.platforms.iptables.policy import Compiler
from portwright.platforms.iptables.rules import untracks
from portwright.platforms.iptables.syntax import PROGRAMS, Ruleset
from portwright.policy.configuration import Census, Configuration, Remark, Unknown
from portwright.policy.interfaces import Interfaces
from portwright.source import Source

_UNTRACKED = "packets that take this rule are untracked in the hooks after it: decide about them with --path"
_FRAGMENTS = "packets are taken for whole ones: connection tracking makes them so before the rules see them"
_BEHIND_AH = "legacy ip6tables looks behind AH, so that -p ah never holds for IPv6: -m ah finds it"
_GUESSED = "nothing tells whose rules these are: they are read as those of iptables, for IPv4"


def configuration(ruleset: Ruleset, file: str) -> Configuration:
    """What a file means. Raises InvalidInput for jumps that iptables refuses."""
    references.check_jumps(ruleset, file)
    _mark_changing_sets(ruleset)
    compiler = Compiler(ruleset, Interfaces.of(*references.interfaces(ruleset)), file)
    policies = compiler.policies()
    remarks = tuple(sorted(_remarks(ruleset, file), key=lambda remark: remark.source.line))
    return Configuration("iptables", file, policies, compiler.interfaces, _census(ruleset, compiler), remarks)


def _mark_changing_sets(ruleset: Ruleset) -> None:
    """A set that rules add to or delete from has members that only the running kernel knows."""
    for _, line in references.lines(ruleset):
        for name in references.sets_changed(line):
            found = ruleset.sets.get(name)
            if found is not None and not found.doubt:
                found.doubt, found.doubted_at = "rules change them while packets pass", line.source


def _census(ruleset: Ruleset, compiler: Compiler) -> Census:
    """The lines by what became of them; a line that both IP versions have counts once."""
    unknown = {source: Unknown(source, reason, "point") for source, reason, _ in ruleset.unknown}
    for source, reason in compiler.doubtful.items():
        unknown.setdefault(source, Unknown(source, reason))
    inert = sum(1 for source, effect in compiler.effects.items() if not effect and source not in unknown)
    modelled = ruleset.lines - inert - ruleset.inert_lines - len(unknown)
    found = tuple(sorted(unknown.values(), key=lambda entry: entry.source.line))
    return Census(max(modelled, 0), inert + ruleset.inert_lines, found)


def _remarks(ruleset: Ruleset, file: str) -> Iterator[Remark]:
    for version, program in PROGRAMS.items():
        if version not in ruleset.versions:
            message = f"the file has no {program}-save: every answer about IPv{version} is undecided"
            yield Remark("note", message, Source(file, 0))
    yield from (Remark("note", _GUESSED, source) for source in ruleset.guessed)
    yield from _unused_chains(ruleset)
    yield from _sets(ruleset)
    looked_past = (line.source for table, line in references.lines(ruleset) if table.version == 6 and asks_for_ah(line))
    if not ruleset.stops_at_ah:
        yield from (Remark("note", _BEHIND_AH, source) for source in looked_past)
    seen: set[Source] = set()
    for _, line in references.lines(ruleset):
        if line.source not in seen:
            seen.add(line.source)
            if untracks(line):
                yield Remark("note", _UNTRACKED, line.source)
            if any(option.name == "-f" for option in line.plain):
                yield Remark("note", _FRAGMENTS, line.source)


def _unused_chains(ruleset: Ruleset) -> Iterator[Remark]:
    """Chains that no rule leads to, of neither IP version where they are for both."""
    tables = ruleset.tables.values()
    found = {table.chains[name].source for table in tables for name in references.reached(table)}
    unused = {chain.source: (chain, table) for table in tables for chain in table.chains.values()}
    for source, (chain, table) in unused.items():
        if source not in found:
            yield Remark("unused", f"no rule leads to chain {chain.name} of table {table.name}", source)


def _sets(ruleset: Ruleset) -> Iterator[Remark]:
    used: dict[str, Source] = {}
    for _, line in references.lines(ruleset):
        for name in (*references.sets_used(line), *references.sets_changed(line)):
            used.setdefault(name, line.source)
    for name, source in used.items():
        if name not in ruleset.sets:
            message = f"the set {name[:40]} is not in this file: export it with 'ipset save'"
            yield Remark("undefined", message, source)
    inner = {member.text for found in ruleset.sets.values() if found.kind == "list:set" for member in found.members}
    for found in ruleset.sets.values():
        if found.name not in used and found.name not in inner:
            yield Remark("unused", f"no rule uses set {found.name}", found.source)
