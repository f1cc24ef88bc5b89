"""A table of hosts as people keep it: names, addresses, and perhaps roles, in columns of many names."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from ipaddress import ip_interface

from portwright.catalog.model import Catalog
from portwright.errors import InvalidInput, Problem
from portwright.files import read_text
from portwright.packets.addresses import Address
from portwright.shapes import shorten, suggestion
from portwright.site.schema import NAME

MAX_BYTES = 4 * 2**20
MAX_ROWS = 20_000
MAX_PROBLEMS = 200

_DELIMITERS = "\t;,"
_COLUMNS = {  # what a column holds -> what people call it, without case, blanks and signs
    "name": (
        "name host hostname server servername computer computername fqdn machine system rechner rechnername serveur "
        "equipo"
    ).split(),
    "address": (
        "address addresses ip ips ipaddress ipaddresses ipv4 ipv6 ipv4address adresse ipadresse ipadressen ipv4adresse "
        "adresseip direccionip"
    ).split(),
    "role": "role roles component components function rolle rollen funktion fonction".split(),
}
_USUAL = {  # what people call a server, without case, blanks and signs -> what it is
    "dc": "ad/domain-controller",
    "gc": "ad/global-catalog",
    "pdc": "ad/pdc-emulator",
    "dns": "dns/server",
    "sql": "sql/engine",
    "sqlserver": "sql/engine",
    "ssrs": "ssrs/report-server",
    "reportingservices": "ssrs/report-server",
    "adfs": "adfs/server",
    "wap": "adfs/proxy",
    "exchange": "exchange/server",
    "smtprelay": "mail/smtp-server",
    "mailrelay": "mail/smtp-server",
}
_HINT = "the first line names the columns, as in: name,address,role"
_MOST_HEADERS = 12  # that a hint names
_FEW, _SHORTEST = 4, 3  # roles that a hint offers; letters by which they are looked for


@dataclass(frozen=True, slots=True)
class Row:
    """A host of the table."""

    name: str
    addresses: tuple[Address, ...]
    roles: tuple[str, ...]  # components of the catalog
    unknown: tuple[str, ...]  # what it says beside them
    line: int


def read_hosts(path: str, catalog: Catalog) -> tuple[Row, ...]:
    """The hosts in a file. Raises InvalidInput with every problem."""
    return parse_hosts(read_text(path, MAX_BYTES), path, catalog)


def parse_hosts(text: str, file: str, catalog: Catalog) -> tuple[Row, ...]:
    """The hosts in the text of a file. Raises InvalidInput with every problem."""
    reader = _Reader(file, known_roles(catalog))
    rows = tuple(reader.rows(text.removeprefix("\ufeff")))
    if not rows and not reader.problems:
        reader.note(0, "names no host", _HINT)
    if reader.problems:
        raise InvalidInput(reader.problems[:MAX_PROBLEMS])
    return rows


def known_roles(catalog: Catalog) -> dict[str, str]:
    """Components by what people may call them, without case, blanks and signs: id or its last word, alias, title."""
    usual = {name: id for name, id in _USUAL.items() if id in catalog.components}
    named: dict[str, dict[str, None]] = {}
    for component in catalog.components.values():
        last = component.id.rpartition("/")[2]
        for name in (component.id, *component.aliases, component.title, last):
            named.setdefault(_bare(name), {})[component.id] = None
    return usual | {name: next(iter(ids)) for name, ids in named.items() if len(ids) == 1}


def _bare(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


@dataclass(slots=True)
class _Reader:
    """Reads the rows of one file, and gathers what is wrong with them."""

    file: str
    known: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)  # in which line
    addresses: dict[Address, int] = field(default_factory=dict)

    def note(self, line: int, message: str, hint: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, line, 0, "", message, hint))

    def rows(self, text: str) -> Iterator[Row]:
        """The hosts, wrong ones left out."""
        records = self._records(text)
        line, header = next(records, (0, ()))
        columns = _columns(header)
        if missing := [what for what in ("name", "address") if what not in columns]:
            self.note(line, f"has no column for the {' and the '.join(missing)} of hosts", _header_hint(header))
            return
        for number, (line, cells) in enumerate(records):
            if number == MAX_ROWS or len(self.problems) >= MAX_PROBLEMS:
                if number == MAX_ROWS:
                    self.note(line, f"has more than {MAX_ROWS} hosts", "put hosts that are alike into groups")
                return
            yield from self._row(line, {what: _texts(cells, places) for what, places in columns.items()})

    def _records(self, text: str) -> Iterator[tuple[int, Sequence[str]]]:
        """The lines that say something, and their cells."""
        reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True, skipinitialspace=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                    yield reader.line_num, cells
        except csv.Error as problem:
            self.note(reader.line_num, f"is no table: {problem}", "is a quotation mark left open?")

    def _row(self, line: int, texts: Mapping[str, str]) -> Iterator[Row]:
        before = len(self.problems)
        name = self._name(line, texts["name"].strip())
        addresses = tuple(address for text in _parts(texts["address"]) for address in self._address(line, text))
        if not addresses and len(self.problems) == before:
            self.note(line, f"'{name}' has no address")
        roles, unknown = self._roles(texts.get("role", ""))
        if len(self.problems) == before:
            yield Row(name, addresses, roles, unknown, line)

    def _name(self, line: int, text: str) -> str:
        try:
            name = NAME.parse(text)
        except ValueError as problem:
            self.note(line, str(problem) if text else "a host without a name")
            return text
        first = self.names.setdefault(name, line)
        if first != line or name == "any":
            what = f"is there twice; first in line {first}" if first != line else "means every address"
            self.note(line, f"'{name}' {what}", "each host has a name of its own")
        return name

    def _address(self, line: int, text: str) -> Iterator[Address]:
        try:
            interface = ip_interface(text)
        except ValueError:
            self.note(line, f"'{shorten(text)}' is not an IPv4 or IPv6 address")
            return
        if "/" in text and interface.ip == interface.network.network_address and interface.network.num_addresses > 1:
            self.note(line, f"{text} is a network, not the address of a host", "the site file has groups for that")
            return
        first = self.addresses.setdefault(interface.ip, line)
        if first != line:
            self.note(line, f"{interface.ip} is already the address of the host in line {first}")
        yield interface.ip

    def _roles(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The components that a cell names, and what it says beside them."""
        found: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for part in _split(text, ";|,"):
            words = [part] if _bare(part) in self.known else part.split()
            known = [self.known[_bare(word)] for word in words if _bare(word) in self.known]
            found |= dict.fromkeys(known)
            if len(known) < len(words):
                unknown |= (
                    dict.fromkeys(word for word in words if _bare(word) not in self.known)
                    if known
                    else {part.strip(): None}
                )
        return tuple(found), tuple(unknown)


def suggest_role(word: str, catalog: Catalog) -> str:
    """A hint for a role that the catalog does not know, or the empty text: titles that hold its words come first."""
    names = {one.id: f"{one.id} {one.title} {' '.join(one.aliases)}".casefold() for one in catalog.components.values()}
    asked, parts = _bare(word), [part for part in re.findall(r"\w+", word.casefold()) if len(part) >= _SHORTEST]
    whole = [id for id, name in names.items() if len(asked) >= _SHORTEST and asked in _bare(name)]
    partly = [id for id, name in names.items() if not set(parts).isdisjoint(re.findall(r"\w+", name))]
    for meant in (whole, partly):
        if 0 < len(meant) <= _FEW:
            return f"did you mean {' or '.join(meant)}?"
    return suggestion(word, catalog.components)


def _header_hint(header: Sequence[str]) -> str:
    found = ", ".join(f"'{shorten(title.strip())}'" for title in header[:_MOST_HEADERS] if title.strip())
    return f"{_HINT}; there are {found}" if found else _HINT


def _delimiter(text: str) -> str:
    """The sign that stands most often in the first line that says something."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t") and not line.startswith("#")), "")
    return max(_DELIMITERS, key=first.count)


def _columns(header: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """What the columns hold, and where. A name stands in the first of its columns; addresses may fill several."""
    found: dict[str, tuple[int, ...]] = {}
    for place, title in enumerate(header):
        bare = "".join(sign for sign in title.casefold() if sign.isalnum())
        for what, names in _COLUMNS.items():
            if bare in names and (what != "name" or what not in found):
                found[what] = (*found.get(what, ()), place)
    return found


def _texts(cells: Sequence[str], places: Iterable[int]) -> str:
    return ";".join(cells[place] for place in places if place < len(cells))


def _parts(text: str) -> list[str]:
    return _split(text, ";|, \t\n\r")


def _split(text: str, signs: str) -> list[str]:
    for sign in signs[1:]:
        text = text.replace(sign, signs[0])
    return [part for part in text.split(signs[0]) if part.strip()]
