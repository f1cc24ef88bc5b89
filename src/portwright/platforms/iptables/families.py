"""Which IP version the rules of a table are of, where the lines above do not say it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from portwright.platforms.iptables.syntax import Option, Rule
from portwright.source import Source

_ADDRESSES = frozenset({
    "-s", "-d", "--src-range", "--dst-range", "--to-source", "--to-destination", "--to", "--on-ip", "--ctorigsrc",
    "--ctorigdst", "--ctreplsrc", "--ctrepldst",
})  # fmt: skip
_ONLY = {  # option -> the IP version that alone has it
    "--icmp-type": 4, "--icmpv6-type": 6, "-f": 4, "--ttl-set": 4, "--hl-set": 6, "--ttl-eq": 4, "--hl-eq": 6,
}  # fmt: skip
_PROTOCOLS = {"icmp": 4, "ipv6-icmp": 6, "icmpv6": 6, "icmp6": 6}
_REJECTS = {"icmp-": 4, "icmp6-": 6}
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", re.ASCII)


def versions_of(rules: Sequence[Rule], said: tuple[int, ...]) -> tuple[tuple[int, ...], bool, Source | None]:
    """The IP versions of the rules of a table, whether that is a guess, and a line that is of another one."""
    told = [(version, line.source) for line in rules if line.versions == (4, 6) for version in _told(line)]
    if len(said) > 1 or (not said and any(line.versions != (4, 6) for line in rules)):
        return (4, 6), False, told[0][1] if told else None
    versions = said or tuple(version for version, _ in told[:1]) or (4,)
    mixed = next((source for version, source in told if version != versions[0]), None)
    return versions, not said and not told, mixed


def _told(line: Rule) -> Iterator[int]:
    """The IP versions that a line can be of alone."""
    for option in _options(line):
        yield from _of(option)


def _options(line: Rule) -> Iterable[Option]:
    yield from line.plain
    for extension in line.extensions:
        yield from extension.options
    yield from line.target_options


def _of(option: Option) -> Iterator[int]:
    for text in option.values:
        if option.name in _ADDRESSES:
            if text.startswith("[") or text.count(":") > 1:
                yield 6
            elif _DOTTED.match(text):
                yield 4
        elif option.name == "-p" and text.lower() in _PROTOCOLS and not option.is_negated:
            yield _PROTOCOLS[text.lower()]
        elif option.name == "--reject-with":
            yield from (version for prefix, version in _REJECTS.items() if text.startswith(prefix))
    if option.name in _ONLY:
        yield _ONLY[option.name]
