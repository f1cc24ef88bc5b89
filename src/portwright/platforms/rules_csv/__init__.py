"""Rules as a table: the bridge to every firewall whose own configuration Portwright does not read.

A CSV file with the columns of `COLUMNS`, one rule a row, the first that matches deciding. What no row permits is
dropped, and connections that a row permits have their replies permitted, as on every stateful firewall.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portwright.errors import InvalidInput, Problem
from portwright.packets.addresses import EVERY_ADDRESS, Addresses, parse_addresses
from portwright.packets.box import ALWAYS, Box, Match
from portwright.packets.fields import ICMP, ICMP_PROTOCOL, PORT_PROTOCOLS, Field, State
from portwright.packets.intervals import Intervals
from portwright.packets.notation import parse_ports, parse_protocol
from portwright.policy.configuration import Census, Configuration
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Policy, Rule, Stage, Verdict
from portwright.source import Source

NAME = "rules-csv"
TITLE = "a table of rules as CSV (order, action, zones, source, destination, service)"

COLUMNS = ("order", "action", "from", "to", "source", "destination", "service", "remark")
ACTIONS = {
    "permit": Verdict.ACCEPT, "allow": Verdict.ACCEPT, "accept": Verdict.ACCEPT,
    "deny": Verdict.DROP, "drop": Verdict.DROP, "reject": Verdict.REJECT,
}  # fmt: skip
ANY = "any"
ECHO = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1

_MOST_PROBLEMS = 100
_MOST_ROWS = 200_000
_BETWEEN = re.compile(r"[;\n]")
_SERVICE = re.compile(r"(?P<protocol>[A-Za-z0-9-]+)(?:/(?P<ports>[\w., -]+))?")
_KNOWN: Intervals = ((State.ESTABLISHED, State.RELATED),)


def recognizes(text: str) -> bool:
    """Report whether a text begins with the columns of such a table."""
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    return (
        tuple(cell.strip().strip('"').lower() for cell in re.split("[,;\t]", header))[: len(COLUMNS) - 1]
        == COLUMNS[:-1]
    )


def parse(text: str, file: str) -> Configuration:
    """The configuration that a table means. Raises InvalidInput with every problem in it."""
    return _Reader(file).read(text.removeprefix("\ufeff"))


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table with its place in the file."""

    cells: dict[str, str]
    source: Source


class _Reader:
    """Reads one table."""

    def __init__(self, file: str):
        self._file = file
        self._problems: list[Problem] = []

    def read(self, text: str) -> Configuration:
        """The configuration. Raises InvalidInput."""
        rows = list(self._rows(text))
        ordered = self._in_order(rows)
        zones = {row.cells[name] for row in rows for name in ("from", "to")} - {ANY, ""}
        interfaces = Interfaces.of(zones)
        rules = [rule for row in ordered for rule in self._rules(row, interfaces)]
        if self._problems:
            raise InvalidInput(sorted(self._problems)[:_MOST_PROBLEMS])
        policy = Policy((_stage(rules, self._file),))
        return Configuration(NAME, self._file, {"forward": policy}, interfaces, Census(len(rows) + 1, 0))

    def _rows(self, text: str) -> Iterator[_Row]:
        delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
        lines = text.split("\n")
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        first = 1
        try:
            for number, cells in enumerate(reader):
                place = Source(self._file, first, lines[first - 1].strip() if first <= len(lines) else "")
                first = reader.line_num + 1
                if number > _MOST_ROWS:
                    self._note(place, "", f"the table has more than {_MOST_ROWS} rows")
                    return
                if number and any(cell.strip() for cell in cells):
                    if len(cells) not in (len(COLUMNS), len(COLUMNS) - 1):
                        self._note(place, "", f"this row has {len(cells)} cells, not {len(COLUMNS)}")
                        continue
                    named = zip(COLUMNS, (cell.strip() for cell in [*cells, ""]), strict=False)
                    yield _Row(dict(named), place)
        except csv.Error as problem:
            self._note(Source(self._file, reader.line_num), "", f"is no CSV: {problem}")

    def _in_order(self, rows: Sequence[_Row]) -> list[_Row]:
        """The rows by their numbers, which must be there and differ."""
        first: dict[int, _Row] = {}
        for row in rows:
            text = row.cells["order"]
            if not _is_number(text):
                self._note(row.source, "order", f"'{text[:20]}' is not a number")
            elif (other := first.setdefault(int(text), row)) is not row:
                self._note(
                    row.source, "order", f"the number {text} is already that of the rule in line {other.source.line}"
                )
        return sorted(rows, key=lambda row: int(row.cells["order"]) if _is_number(row.cells["order"]) else 0)

    def _rules(self, row: _Row, interfaces: Interfaces) -> Iterator[Rule]:
        action = ACTIONS.get(row.cells["action"].lower())
        if action is None:
            self._note(row.source, "action", f"'{row.cells['action'][:20]}' is not one of {', '.join(ACTIONS)}")
        sources, destinations = self._addresses(row, "source"), self._addresses(row, "destination")
        services = self._services(row)
        if action is None or sources is None or destinations is None or services is None:
            return
        boxes = [
            box
            for version in (4, 6)
            for service in services
            if (box := Box.of(_constraints(row, interfaces, version, sources, destinations, service))) is not None
        ]
        if boxes:
            yield Rule(Match.exact(boxes), action, row.source)

    def _addresses(self, row: _Row, column: str) -> Addresses | None:
        text = row.cells[column]
        if text.lower() == ANY:
            return EVERY_ADDRESS
        found = Addresses()
        for part in filter(None, (part.strip() for part in _BETWEEN.split(text))):
            try:
                found = found | parse_addresses(part)
            except ValueError as problem:
                self._note(row.source, column, f"{problem}"[:200], "addresses, networks and ranges, with ';' between")
                return None
        if not found:
            self._note(row.source, column, "there is no address", "write any where every address is meant")
        return found or None

    def _services(self, row: _Row) -> list["_Service"] | None:
        text = row.cells["service"]
        if text.lower() == ANY:
            return [_Service(None, None, False)]
        found = []
        for part in filter(None, (part.strip() for part in _BETWEEN.split(text))):
            try:
                found.append(_service(part))
            except ValueError as problem:
                self._note(row.source, "service", f"{problem}"[:200], "tcp/443; udp/53,123; icmp/echo; esp; any")
                return None
        if not found:
            self._note(row.source, "service", "there is no service", "write any where everything is meant")
        return found or None

    def _note(self, source: Source, column: str, message: str, hint: str = "") -> None:
        self._problems.append(Problem(self._file, source.line, 0, column, message, hint))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


@dataclass(frozen=True, slots=True)
class _Service:
    """What a rule is about: None for any protocol, or any port."""

    protocol: int | None
    ports: Intervals | None
    echo: bool  # an ICMP echo request alone


def _service(text: str) -> _Service:
    found = _SERVICE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text[:40]}' is no service")
    protocol, ports = parse_protocol(found["protocol"].lower()), found["ports"]
    if protocol == ICMP and ports == "echo":
        return _Service(protocol, None, True)
    if ports is not None and protocol not in PORT_PROTOCOLS:
        raise ValueError(f"'{text[:40]}': only tcp, udp and sctp have ports")
    return _Service(protocol, None if ports is None else parse_ports(ports), False)


def _constraints(
    row: _Row, interfaces: Interfaces, version: int, sources: Addresses, destinations: Addresses, service: _Service
) -> dict[Field, Intervals]:
    found: dict[Field, Intervals] = {
        Field.VERSION: ((version, version),),
        Field.SRC: sources.family(version),
        Field.DST: destinations.family(version),
    }
    for name, field in (("from", Field.IN), ("to", Field.OUT)):
        if row.cells[name] not in (ANY, ""):
            found[field] = interfaces.exactly(row.cells[name])
    if service.protocol is not None:
        protocol = ICMP_PROTOCOL[version] if service.protocol == ICMP else service.protocol
        found[Field.PROTOCOL] = ((protocol, protocol),)
    if service.ports is not None:
        found[Field.DPORT] = service.ports
    if service.echo:
        found[Field.TYPE] = ((ECHO[version], ECHO[version]),)
    return found


def _stage(rules: Sequence[Rule], file: str) -> Stage:
    nobody = Source(file, 0)
    known = Box.of({Field.STATE: _KNOWN})
    replies = Rule(Match.exact([known]), Verdict.ACCEPT, nobody, default=True, reason="belongs to a known connection")
    default = Rule(ALWAYS, Verdict.DROP, nobody, default=True, reason="no rule permits it")
    return Stage("rules", "rules", {"rules": Chain("rules", (replies, *rules, default), nobody)})
