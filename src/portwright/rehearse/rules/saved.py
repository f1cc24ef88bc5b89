"""A text of iptables-save, ip6tables-save and ipset save, as the kernel is given it and as its rules are found again.

It is loaded by the iptables that makes rules of nftables, so that the kernel can say which of them decided.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import prod

from portwright.platforms.iptables import reading
from portwright.platforms.iptables.syntax import Table

_FAMILIES = {4: "ip", 6: "ip6"}
_PROGRAMS = {4: "iptables-nft-restore", 6: "ip6tables-nft-restore"}
_ADDRESSES = re.compile(r"(?:^|\s)(?:-s|-d|--source|--src|--destination|--dst)[\s=]\s*(\S+)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')  # a comment
_SETS = ("create ", "add ")
Chain = tuple[str, str, str]  # family, table and chain


def loads(text: str, file: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The programs that load a text, in order, each with what it reads."""
    written = text.split("\n")
    sets = [line for line in written if line.startswith(_SETS)]
    found: list[tuple[tuple[str, ...], str]] = [(("ipset", "restore"), _joined(sets))] if sets else []
    for version, program in _PROGRAMS.items():
        tables = [line for table in _tables(text, file, version) for line in _section(written, table)]
        found += [((program,), _joined(tables))] if tables else []
    return tuple(found)


def lines(text: str, file: str) -> Mapping[Chain, Sequence[int]]:
    """The lines of the rules of each chain, in order."""
    return {
        (_FAMILIES[version], table.name, name): [
            rule.source.line for rule in chain.rules for _ in range(_count(rule.source.text))
        ]
        for version in _FAMILIES
        for table in _tables(text, file, version)
        for name, chain in table.chains.items()
    }


def _count(rule: str) -> int:
    """How many rules iptables makes of one: iptables(8) takes several addresses and makes a rule for each pair."""
    return prod(value.count(",") + 1 for value in _ADDRESSES.findall(_QUOTED.sub('""', rule)))


def policies(text: str, file: str) -> dict[Chain, int]:
    """The lines that say what becomes of packets at the end of each chain."""
    return {
        (_FAMILIES[version], table.name, name): chain.source.line
        for version in _FAMILIES
        for table in _tables(text, file, version)
        for name, chain in table.chains.items()
    }


def _tables(text: str, file: str, version: int) -> Iterator[Table]:
    for (of, _), table in reading.read(text.removeprefix("\ufeff"), file).tables.items():
        if of == version:
            yield table


def _section(written: Sequence[str], table: Table) -> Iterator[str]:
    """The lines of a table, from its name to COMMIT."""
    for line in written[table.source.line - 1 :]:
        yield line
        if line.strip() == "COMMIT":
            return


def _joined(texts: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in texts)
