"""The header row of a matrix: which column says what, in the words that people use."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from portwright.errors import InvalidInput, Problem
from portwright.matrix.naming import folded
from portwright.matrix.table import Row, Table
from portwright.shapes import shorten

_SOURCES = (
    "source sources src from quelle quellen quell von absender herkunft origin originator initiator origen origine "
    "origem bron sorgente"
).split()
_DESTINATIONS = (
    "destination destinations dest dst target targets to ziel ziele nach empfaenger destino doel bestemming "
    "destinazione"
).split()
_ENDS = (  # what may follow `source`, the best first; the last group makes a column of addresses
    [""],
    "name names host hosts hostname hostnames system systems server servers object objekt component komponente machine "
    "device geraet rechner role rolle application anwendung group gruppe hostip nameip iphost hostoderip".split(),
    "zone zones zonename network networks netz netze netzwerk subnet vlan segment area bereich".split(),
    "ip ips ipaddress ipaddresses address addresses adresse adressen ipadresse ipadressen addr ipaddr cidr iprange "
    "netzip ipnetwork".split(),
)
_PORTS = "port ports portrange portranges portnumber portnumbers portno portnr portnummer portnummern".split()
ADDRESSES = 3  # the rank of the group of addresses in _ENDS

_PLAIN: dict[str, tuple[str, ...]] = {  # field -> headers in groups, the best first
    "protocol": (
        "protocol protocols proto prot protokoll protokolle ipprotocol ipprotokoll protocole protocolo protocollo",
        "transport transportprotocol transportprotokoll l4protocol layer4 layer4protocol",
    ),
    "ports": (
        "",  # those that name the destination come first
        " ".join(_PORTS),
        "portprotocol portsprotocol portsprotocols protocolport protocolports protoport portproto portprotokoll "
        "protokollport portsprotokoll tcpudpport tcpudpports porttcpudp portstcpudp serviceport serviceports "
        "dienstport puerto puertos porta porte poort poorten listeningport listenerport",
    ),
    "tcp_ports": ("tcpport tcpports porttcp portstcp", "tcp"),
    "udp_ports": ("udpport udpports portudp portsudp", "udp"),
    "service": ("service services servicename dienst dienste dienstname serviceobject servizio servicio", "tcpudp"),
    "purpose": (
        "purpose businesspurpose zweck verwendungszweck",
        "reason justification businessjustification begruendung grund usage verwendung objet proposito scopo doeleinde",
        "description beschreibung desc bezeichnung function funktion descripcion descrizione omschrijving",
        "comment comments kommentar kommentare remark remarks bemerkung bemerkungen anmerkung anmerkungen note notes "
        "notiz hinweis commentaire comentario",
    ),
    "condition": ("condition conditions bedingung bedingungen onlyif nurwenn when wenn",),
    "phase": ("phase phases projektphase projectphase", "stage lifecycle"),
    "number": (
        "id nr no number nummer lfdnr lfd pos position ruleid ruleno rulenr regelnr regelnummer regelid flowid item",
        "rule regel ref reference referenz",
    ),
    "direction": ("direction directions richtung dir", "sens direccion"),
    "action": ("action aktion", "permitdeny allowdeny access"),
    "necessity": ("necessity required mandatory erforderlich notwendig pflicht",),
    "citations": ("citations",),
}
_SILENT = ("path", "flow", "requirement")  # of a plan: they say nothing that the other columns do not
FIELDS = (
    "source", "destination", "source_addresses", "destination_addresses", "source_ports", *_PLAIN
)  # fmt: skip
_TELLING = ("ports", "service", "tcp_ports", "udp_ports")  # one of them says the ports
_LOOKED_AT = 60  # rows from the top; a header further down is none
_NUMBER = re.compile(r"#[1-9][0-9]{0,2}")  # a column by its place, from 1
_ENOUGH = 2  # of source, destination and ports or service make a row the header


def _known() -> Iterator[tuple[str, tuple[str, int]]]:
    """Every header that is understood, its field and its rank; 0 is the best."""
    for name, sides in (("source", _SOURCES), ("destination", _DESTINATIONS)):
        for rank, nouns in enumerate(_ENDS):
            for side, noun in product(sides, nouns):
                yield from ((word, (name, rank)) for word in (side + noun, noun + side))
    yield from (("quell" + noun, ("source", rank)) for rank, nouns in enumerate(_ENDS) for noun in nouns if noun)
    for side, port in product([*_SOURCES, "quell"], _PORTS):
        yield from ((word, ("source_ports", 0)) for word in (side + port, port + side))
    for side, port in product(_DESTINATIONS, [*_PORTS, "service", "dienst"]):
        yield from ((word, ("ports", 0)) for word in (side + port, port + side))
    for name, groups in _PLAIN.items():
        yield from ((word, (name, rank)) for rank, group in enumerate(groups) for word in group.split())


HEADERS: Mapping[str, tuple[str, int]] = dict(reversed(list(_known())))


@dataclass(frozen=True, slots=True)
class Header:
    """The header row, and the column of each field that it names."""

    place: int  # of the row in the table; -1 where no row is one, and columns are known by their numbers
    line: int  # where it stands
    columns: Mapping[str, int]  # by field, 0-based
    texts: tuple[str, ...] = ()  # what stands in it
    unused: tuple[str, ...] = ()  # headers that say nothing to us
    twice: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # fields with equally good columns of one name

    @property
    def score(self) -> tuple[int, int, int]:
        """How much of a header it is."""
        return self.needed, len(self.columns) - len(self.twice), -self.place

    @property
    def needed(self) -> int:
        """How many of source, destination and ports it has."""
        return 3 - len(self.missing())

    def missing(self) -> list[str]:
        """What a matrix cannot be without, and has no column here."""
        groups: dict[str, Iterable[str]] = {"source": ["source"], "destination": ["destination"], "ports": _TELLING}
        return [name for name, fields in groups.items() if not any(one in self.columns for one in fields)]


def parse_mapping(given: Iterable[str]) -> dict[str, str]:
    """`FIELD=HEADER` from the command line, by field. Raises InvalidInput with every problem."""
    mapping: dict[str, str] = {}
    problems = []
    for entry in given:
        name, equals, header = (part.strip() for part in entry.partition("="))
        name = _aliases.get(name, name).replace("-", "_")
        if not equals or name not in FIELDS:
            problems.append(f"--map {shorten(entry)}: is no FIELD=HEADER")
        elif name in mapping:
            problems.append(f"--map {shorten(entry)}: {name} has a column already")
        mapping[name] = header
    if problems:
        hint = f"the fields: {', '.join(FIELDS)}"
        raise InvalidInput([Problem("", 0, 0, "", message, hint) for message in problems])
    return mapping


_aliases = {"port": "ports", "from": "source", "to": "destination", "id": "number", "proto": "protocol"}


def find_header(tables: Sequence[Table], mapping: Mapping[str, str]) -> tuple[Table, Header] | None:
    """The best header row of all tables and its table; None where no row is one."""
    found = [(table, header) for table in tables for header in _candidates(table, mapping)]
    return max(found, key=lambda one: one[1].score, default=None)


def headers_of(table: Table, mapping: Mapping[str, str]) -> Header | None:
    """The best header row of one table; None where no row is one."""
    return max(_candidates(table, mapping), key=lambda header: header.score, default=None)


def _candidates(table: Table, mapping: Mapping[str, str]) -> Iterator[Header]:
    above = Row(0, ())
    numbered = {name for name, header in mapping.items() if _NUMBER.fullmatch(header)}
    for place, row in enumerate(table.rows[:_LOOKED_AT]):
        read = [_read(texts, mapping) for texts in (row.cells, _under(above, row))]
        headers = [replace(header, place=place, line=row.line, texts=row.filled) for header in read]
        best = max(headers, key=lambda header: (header.score, not header.twice))
        if best.needed >= _ENOUGH and best.columns.keys() - numbered - {"tcp_ports", "udp_ports", "number"}:
            yield best
        above = row


def numbered_columns(mapping: Mapping[str, str]) -> Header | None:
    """The columns of a table without a header row, where `mapping` gives the numbers of all that it needs."""
    columns = {name: int(header[1:]) - 1 for name, header in mapping.items() if _NUMBER.fullmatch(header)}
    header = Header(-1, 1, columns)
    return None if header.missing() else header


def _under(above: Row, row: Row) -> tuple[str, ...]:
    """Headers in two rows as one: `Source` over `Name` and `Port` is `Source Name` and `Source Port`.

    Where nothing stands below a header, it is one by itself.
    """
    texts, group = [], ""
    for column, cell in enumerate(row.cells):
        alone = above.cell(column)
        group = alone or group
        both = f"{group} {cell}" if cell else alone
        texts.append(both if _field(both) else cell or alone)
    return tuple(texts)


def _read(texts: Sequence[str], mapping: Mapping[str, str]) -> Header:
    """What the row says as a header; columns that `mapping` names have the field it gives them, and no other."""
    columns = {name: column for name, header in mapping.items() if (column := _named(header, texts)) is not None}
    given = set(columns.values())
    ranked: dict[str, list[tuple[int, int]]] = {}
    for column, text in enumerate(texts):
        known = _field(text)
        if known and column not in given and known[0] not in mapping:
            ranked.setdefault(known[0], []).append((known[1], column))
    columns |= {name: min(found)[1] for name, found in ranked.items()}
    for side in ("source", "destination"):
        if side in ranked and f"{side}_addresses" not in mapping:
            columns |= _addresses(side, ranked[side])
    twice = {name: same for name, found in ranked.items() if len(same := _equal(found, texts)) > 1}
    unused = [text for column, text in enumerate(texts) if _says_nothing(text) and column not in columns.values()]
    return Header(0, 0, columns, (), tuple(unused), twice)


def _field(text: str) -> tuple[str, int] | None:
    """The field and rank of a header, with or without what stands in parentheses; None where it is not understood."""
    if text.strip() == "#":
        return "number", 0
    plain = re.sub(r"\([^()]*\)", " ", text)
    return HEADERS.get(_key(text)) or HEADERS.get(_key(plain)) or _of_parts(plain)


def _of_parts(text: str) -> tuple[str, int] | None:
    """The field of a header of several words for one thing (`Source / Host`), or of ports with their protocols."""
    parts = [part for word in text[:200].split("/") if (part := _key(word)) and part not in _ENDS[1]]
    known = [HEADERS[part] for part in parts if part in HEADERS]
    if not known or len(known) < len(parts):
        return None
    fields = {name for name, _ in known}
    if len(fields) == 1:
        return max(known)
    return ("ports", 2) if fields == {"ports", "protocol"} else None


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", folded(text[:200]))


def _says_nothing(text: str) -> bool:
    return bool(text) and _key(text) not in _SILENT


def _named(header: str, texts: Sequence[str]) -> int | None:
    """The column with this header, or with this number (`#4`)."""
    if _NUMBER.fullmatch(header):
        return int(header[1:]) - 1 if int(header[1:]) <= len(texts) else None
    wanted = " ".join(header.casefold().split())
    return next((i for i, text in enumerate(texts) if wanted and " ".join(text.casefold().split()) == wanted), None)


def _addresses(side: str, ranked: Iterable[tuple[int, int]]) -> dict[str, int]:
    """The column of addresses beside the one of names, where there are both."""
    ranks = sorted(ranked)
    beside = [column for rank, column in ranks[1:] if rank == ADDRESSES]
    return {f"{side}_addresses": beside[0]} if beside else {}


def _equal(found: Iterable[tuple[int, int]], texts: Sequence[str]) -> tuple[int, ...]:
    """Columns that are equally good and have the same header."""
    (best, first), *others = sorted(found)
    same = [column for rank, column in others if rank == best and _key(texts[column]) == _key(texts[first])]
    return (first, *same)
