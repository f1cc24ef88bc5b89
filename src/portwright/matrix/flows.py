"""The rows of a matrix as flows, or every problem at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeVar

from portwright.catalog.model import Catalog, Necessity, Phase
from portwright.errors import InvalidInput, Problem
from portwright.matrix.cells import Transport, Wrong, read_source_ports, read_transports, says
from portwright.matrix.headers import Header
from portwright.matrix.table import Row, Table
from portwright.packets.fields import PORT_PROTOCOLS
from portwright.packets.intervals import EMPTY, Intervals
from portwright.shapes import shorten, suggestion

T = TypeVar("T")

MAX_FLOWS = 8_000  # of one matrix; the product file must stay one that a person can open
_MAX_PROBLEMS = 200

_PHASES = {  # what people write -> the phase
    Phase.SETUP: "setup install installation deployment deploy rollout einrichtung aufbau",
    Phase.CONFIGURE: "configure configuration config konfiguration konfigurieren",
    Phase.RUN: "run runtime operation operations operate production prod live betrieb laufzeit produktion",
    Phase.ADMINISTER: "administer admin administration management manage maintenance wartung verwaltung",
}
_NECESSITIES = {
    Necessity.REQUIRED: "required mandatory must yes ja y x true pflicht erforderlich notwendig",
    Necessity.OPTIONAL: "optional nice should no nein n false kann",
}
_ACTIONS = {
    True: "allow allowed permit permitted accept pass open erlauben erlaubt zulassen freigeben freischalten add neu",
    False: "deny denied drop block blocked reject verbieten verboten sperren gesperrt blocken remove delete loeschen",
}
_BOTH = frozenset(
    "<-> <--> <=> <> ↔ ⇔ ⇄ both bidirectional bi-directional bidi two-way beide beidseitig bidirektional "
    "beiderichtungen in/out".split()
)
_BACK = frozenset("<- <-- <= ← ⇐".split())
_FORTH = frozenset(
    "-> --> => > → ⇒ out in outbound inbound outgoing incoming egress ingress one-way oneway uni unidirectional "
    "ausgehend eingehend einseitig unidirektional".split()
)


_UNSAID = Transport(0, EMPTY)


@dataclass(frozen=True, slots=True)
class MatrixFlow:
    """One source, one destination, one service, in the words of one row."""

    line: int
    source: str = ""
    destination: str = ""
    transport: Transport = _UNSAID
    source_ports: Intervals = EMPTY
    phase: Phase = Phase.RUN
    necessity: Necessity = Necessity.REQUIRED
    when: tuple[tuple[str, str], ...] = ()  # settings of the catalog, and the value of each
    condition: str = ""  # what else the row says about when it is needed
    purpose: str = ""
    service: str = ""  # what the row calls it
    number: str = ""  # what the matrix calls the row
    citations: tuple[str, ...] = ()  # of the catalog, that the row has from a plan


@dataclass(slots=True)
class Matrix:
    """What a table says: its flows, and what is worth telling about the rows."""

    table: Table
    header: Header
    flows: list[MatrixFlow] = field(default_factory=list)
    addresses: dict[str, set[str]] = field(default_factory=dict)  # of ends that have a column of their own for them
    skipped: dict[str, list[int]] = field(default_factory=dict)  # why -> lines
    notes: dict[str, list[int]] = field(default_factory=dict)  # what was taken how -> lines


def read_flows(table: Table, header: Header, catalog: Catalog) -> Matrix:
    """The flows below the header row. Raises InvalidInput with every problem of every row."""
    reader = _Reader(Matrix(table, header), catalog)
    last = max(place for place, row in enumerate(table.rows) if row.filled)
    for row in table.rows[header.place + 1 : last + 1]:
        reader.take(row)
        if len(reader.problems) >= _MAX_PROBLEMS:
            break
    if reader.problems:
        raise InvalidInput(reader.problems[:_MAX_PROBLEMS])
    if not reader.matrix.flows:
        raise InvalidInput.of("has no flow below the header row", file=table.file, line=header.line)
    return reader.matrix


@dataclass(slots=True)
class _Reader:
    matrix: Matrix
    catalog: Catalog
    problems: list[Problem] = field(default_factory=list)

    def take(self, row: Row) -> None:
        """Read a row, or note why it is none or what is wrong with it."""
        if reason := self._why_skipped(row):
            self.matrix.skipped.setdefault(reason, []).append(row.line)
            return
        before = len(self.problems)
        if self._note_errors(row):
            return
        ends = self._ends(row, "source"), self._ends(row, "destination")
        transports = self._transports(row)
        source_ports = self._source_ports(row)
        told = self._told(row)
        direction = self._direction(row)
        both = 2 if direction in _BOTH else 1
        self._refuse_many(row, both * len(ends[0]) * len(ends[1]) * len(transports))
        if len(self.problems) > before:
            return
        for (source, destination), transport in product(_ways(*ends, direction), sorted(transports)):
            fixed = source_ports if transport.protocol in PORT_PROTOCOLS else EMPTY
            flow = replace(told, source=source, destination=destination, transport=transport, source_ports=fixed)
            self.matrix.flows.append(flow)

    def _note_errors(self, row: Row) -> bool:
        """Note every cell whose formula went wrong, as spreadsheets write it in English or German."""
        wrong = [name for name in self.matrix.header.columns if _ERROR.fullmatch(self._cell(row, name))]
        for name in wrong:
            self._note(row, name, f"the cell holds the error {self._cell(row, name)}", "mend its formula")
        return bool(wrong)

    def _refuse_many(self, row: Row, more: int) -> None:
        """Stop reading where a few cells become more flows than a product file holds. Raises InvalidInput."""
        if len(self.matrix.flows) + more > MAX_FLOWS:
            self._note(row, "source", f"the matrix has more than {MAX_FLOWS} flows", "split it into several products")
            raise InvalidInput(self.problems)

    def _cell(self, row: Row, name: str) -> str:
        column = self.matrix.header.columns.get(name)
        return row.cell(column) if column is not None else ""

    def _note(self, row: Row, name: str, message: str, hint: str = "") -> None:
        columns = self.matrix.header.columns
        others = (columns[other] for other in ("service", "tcp_ports", "udp_ports") if other in columns)
        column = columns[name] if name in columns else next(others, 0)
        self.problems.append(self.matrix.table.problem(row.line, column, message, hint))

    def _tell(self, row: Row, message: str) -> None:
        lines = self.matrix.notes.setdefault(message, [])
        if row.line not in lines[-1:]:
            lines.append(row.line)

    def _why_skipped(self, row: Row) -> str:
        if not row.filled:
            return "empty"
        if len(row.filled) == 1:
            return "one text only, taken as a heading"
        if not any(character.isalnum() or character == "*" for cell in row.filled for character in cell):
            return "a line of signs"
        if row.filled == self.matrix.header.texts:
            return "the header again"
        action = self._cell(row, "action")
        if says(action):
            allows = _word(action, _ACTIONS)
            if allows is None:
                self._note(row, "action", f"'{shorten(action)}' is neither allow nor deny")
            elif not allows:
                return "denies, and so needs nothing open"
        return ""

    def _ends(self, row: Row, name: str) -> list[str]:
        ends = [end for end in split_ends(self._cell(row, name)) if says(end)]
        if not ends:
            hint = "write it in every row; cells merged over several rows are seen in Excel workbooks only"
            self._note(row, name, f"the row has no {name}", hint)
        addresses = self._cell(row, f"{name}_addresses")
        if len(ends) == 1 and says(addresses):
            self.matrix.addresses.setdefault(key_of(ends[0]), set()).update(re.split(r"[\s,;]+", addresses))
        return ends

    def _transports(self, row: Row) -> frozenset[Transport]:
        try:
            transports, assumed = read_transports(*self._said(row))
        except Wrong as problem:
            self._note(row, problem.column, str(problem), problem.hint)
            return frozenset()
        if assumed:
            self._tell(row, "no protocol, taken as TCP")
        return transports

    def _said(self, row: Row) -> tuple[str, str, str]:
        """Protocol, ports and service; columns of their own for TCP and UDP hold ports, or a mark."""
        protocol, ports, service = (self._cell(row, name) for name in ("protocol", "ports", "service"))
        for name in ("tcp", "udp"):
            text = self._cell(row, f"{name}_ports")
            if text.lower() in _MARKS:
                protocol = f"{protocol} {name}"
            elif says(text):
                ports = f"{ports if says(ports) else ''}; {name} {text}"
        return protocol, ports, service

    def _source_ports(self, row: Row) -> Intervals:
        try:
            return read_source_ports(self._cell(row, "source_ports"))
        except Wrong as problem:
            self._note(row, "source_ports", str(problem), problem.hint)
            return EMPTY

    def _direction(self, row: Row) -> str:
        word = "".join(self._cell(row, "direction").lower().split())
        if says(word) and word not in _BOTH | _BACK | _FORTH:
            self._note(row, "direction", f"'{shorten(word)}' is no direction", "write ->, <- or <->")
        return word

    def _told(self, row: Row) -> MatrixFlow:
        """What the row says beside ends and ports."""
        when, condition = self._condition(row)
        return MatrixFlow(
            row.line,
            phase=self._chosen(row, "phase", _PHASES, Phase.RUN),
            necessity=self._necessity(row),
            when=when,
            condition=condition,
            purpose=_joined(self._cell(row, "purpose")),
            service=_joined(self._cell(row, "service")),
            number=_joined(self._cell(row, "number"))[:40],
            citations=tuple(self._citations(row)),
        )

    def _necessity(self, row: Row) -> Necessity:
        if self._cell(row, "necessity").lower() == Necessity.ONE_OF:
            self._tell(row, "one of several ways, taken as required: a matrix does not say of which")
            return Necessity.REQUIRED
        return self._chosen(row, "necessity", _NECESSITIES, Necessity.REQUIRED)

    def _chosen(self, row: Row, name: str, words: Mapping[T, str], default: T) -> T:
        text = self._cell(row, name)
        if not says(text):
            return default
        chosen = _word(text, words)
        if chosen is None:
            known = ", ".join(sorted(str(choice) for choice in words))
            hint = f"write {known}; --map {name}= leaves the column out"
            self._note(row, name, f"'{shorten(text)}' is no {name} that is known", hint)
        return default if chosen is None else chosen

    def _citations(self, row: Row) -> Iterator[str]:
        for word in re.split(r"[\s,;]+", self._cell(row, "citations")):
            if word in self.catalog.citations:
                yield word

    def _condition(self, row: Row) -> tuple[tuple[tuple[str, str], ...], str]:
        """Settings and values where the condition is about settings of the catalog; otherwise its text."""
        text = _joined(self._cell(row, "condition"))
        if not says(text):
            return (), ""
        parts = [_SETTING.fullmatch(part.strip()) for part in re.split(r"\band\b|\bund\b|[,;&]", text)]
        named = [(part[1].lower(), part[2].lower()) for part in parts if part]
        known_names = {name for name, _ in named if name in self.catalog.settings}
        if len(known_names) < len(parts):  # other words, or a setting that is there twice
            self._tell(row, "the condition names no setting of the catalog: taken as always needed")
            return (), text
        for name, value in named:
            setting = self.catalog.settings[name]
            known = ("true", "false") if setting.kind == "switch" else setting.values
            if known and value not in known:
                self._note(row, "condition", f"{name} is never '{shorten(value)}'", suggestion(value, known))
        return tuple(sorted(named)), ""


_MARKS = frozenset("x ✓ ✔ ☑ yes ja true y j".split())
_ERROR = re.compile(r"#(DIV/0!|N/A|NV|NAME\?|NULL!|NUM!|ZAHL!|REF!|BEZUG!|VALUE!|WERT!)")
_SETTING = re.compile(r"([A-Za-z0-9_.-]+)\s?(?:=|:|\bis\b|\bist\b)\s?([A-Za-z0-9_.-]+)")


def _ways(sources: Iterable[str], destinations: Iterable[str], direction: str) -> list[tuple[str, str]]:
    """Who opens connections to whom."""
    forth = list(product(sources, destinations))
    back = [(destination, source) for source, destination in forth]
    if direction in _BACK:
        return back
    return list(dict.fromkeys([*forth, *back])) if direction in _BOTH else forth


def _joined(text: str) -> str:
    return " ".join(text.split())


def _word(text: str, words: Mapping[T, str]) -> T | None:
    """The choice for which the text is a word; None where it is for none."""
    plain = text.casefold().replace("ö", "oe").strip()
    return next((choice for choice, known in words.items() if plain == str(choice) or plain in known.split()), None)


def key_of(end: str) -> str:
    """What two writings of the same end have in common."""
    return " ".join(end.casefold().split())


def split_ends(text: str) -> list[str]:
    """The ends in a cell: lines, and what commas and semicolons outside of parentheses part."""
    ends, depth, begin = [], 0, 0
    for place, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth = max(0, depth - 1)
        elif character == "\n" or (character in ",;" and not depth):
            ends.append(text[begin:place])
            begin, depth = place + 1, 0
    found = (" ".join(end.split()) for end in [*ends, text[begin:]])
    return list(dict.fromkeys(end for end in found if end))
