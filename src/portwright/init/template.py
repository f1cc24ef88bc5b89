"""Changing a topology's text without losing its comments.

A topology says in comments what may be chosen, and these functions read it there:

    authentication: integrated                   # or claims
    # adfs01: {zone: app, roles: [adfs/server]}  # if authentication is claims

A line `NAME: VALUE # or A, B` is a choice. A line that ends in `# if NAME is [not] VALUE [or VALUE] [and ...]` is there
when that holds, and commented out when not.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portwright.init.yamltext import value

_CHOICE = re.compile(
    r"^(?P<head> *(?P<name>[\w.-]+): +\[?)(?P<value>[\w.-]+)(?P<tail>[^# ]*(?: [^# ]+)*)"
    r" +# or (?P<others>[\w.-]+(?:, [\w.-]+)*)$"
)
_CONDITIONAL = re.compile(r"^(?P<indent> *)(?P<off># )?(?P<line>[^ #].*?) +# if (?P<condition>[^#]+)$")
_POINT_LINE = re.compile(r"^    (?:# )?(?P<key>platform|config|interfaces): ")
_SITE = re.compile(r"^site: .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that a topology lets people choose."""

    name: str
    value: str
    others: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """Everything that it may be, the present value first."""
        return (self.value, *self.others)


def options(text: str) -> dict[str, Option]:
    """The settings that the text lets people choose, by name."""
    return {option.name: option for line in text.splitlines() if (option := _option(line)) is not None}


def _option(line: str) -> Option | None:
    found = _CHOICE.match(line)
    return Option(found["name"], found["value"], tuple(found["others"].split(", "))) if found else None


def choose(text: str, values: Mapping[str, str]) -> str:
    """The text with these settings chosen, and every line that depends on a choice there or commented out."""
    present = {name: option.value for name, option in options(text).items()}
    chosen = present | {name: value for name, value in values.items() if name in present}
    return "".join(f"{_conditional(_chosen(line, chosen), chosen)}\n" for line in text.splitlines())


def _chosen(line: str, values: Mapping[str, str]) -> str:
    option, found = _option(line), _CHOICE.match(line)
    if option is None or found is None:
        return line
    value = values[option.name]
    others = ", ".join(other for other in option.values if other != value)
    column = line.index(" # or ")  # where the comment stays, if there is room
    return f"{found['head']}{value}{found['tail']}".ljust(column) + f" # or {others}"


def _conditional(line: str, values: Mapping[str, str]) -> str:
    found = _CONDITIONAL.match(line)
    if found is None:
        return line
    holds = all(clause.holds(values[clause.name]) for clause in condition(found["condition"]))
    if holds == (found["off"] is None):
        return line
    return f"{found['indent']}{'' if holds else '# '}{line[found.start('line') :]}"


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of the condition of a line: a setting has one of some values, or has not."""

    name: str
    values: tuple[str, ...]
    wanted: bool

    def holds(self, value: str) -> bool:
        """Report whether a value of the setting fulfils it."""
        return (value in self.values) == self.wanted


def condition(text: str) -> tuple[Clause, ...]:
    """What `mail.mode is router or server-side and mail.profile is not exchange` means; every part must hold."""
    clauses = []
    for part in text.strip().split(" and "):
        name, _, said = part.partition(" is ")
        values = said.removeprefix("not ")
        clauses.append(Clause(name, tuple(values.split(" or ")), said == values))
    return tuple(clauses)


def conditions(text: str) -> Iterator[tuple[Clause, ...]]:
    """Every condition on which a line of the text depends."""
    for line in text.splitlines():
        if found := _CONDITIONAL.match(line):
            yield condition(found["condition"])


def name_site(text: str, name: str) -> str:
    """The text with another name for the site."""
    return _SITE.sub(lambda _: f"site: {value(name)}", text, count=1)


def set_point(text: str, point: str, platform: str, config: str | None, interfaces: str | None) -> str:
    """The text with what is known of a firewall; None leaves the example that stands there."""
    known = {"platform": platform, "config": config, "interfaces": interfaces}
    lines, inside = [], False
    for line in text.splitlines():
        inside = line.startswith(f"  {point}:") or (inside and line.startswith("    "))
        found = _POINT_LINE.match(line) if inside else None
        said = known.get(found["key"]) if found else None
        lines.append(f"    {found['key']}: {said}\n" if found and said is not None else f"{line}\n")
    return "".join(lines)
