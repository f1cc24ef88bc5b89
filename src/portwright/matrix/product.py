"""The flows of a matrix as a product file of the catalog."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import yaml

from portwright.catalog.model import Catalog, Component, Necessity, Phase
from portwright.errors import InvalidInput
from portwright.matrix.cells import EVERY_PORT, Transport
from portwright.matrix.flows import Matrix, MatrixFlow, key_of
from portwright.matrix.naming import folded, slug, unique
from portwright.packets.fields import ICMP
from portwright.packets.intervals import normalize
from portwright.packets.names import PORTS, protocol_name
from portwright.packets.notation import ports_text
from portwright.yamlfile import MAX_BYTES

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the writer in C where PyYAML was built with it
_LONGEST_ID = 80  # characters, catalog.schema
_LONGEST_TEXT = 300
_WIDTH = 110  # columns
_PORT_NAMES = {port: name for name, port in reversed(PORTS.items())}

_Yaml = dict[str, object]
_Key = tuple[str, str, Transport, object, object, object, object]  # what makes two rows one requirement


@dataclass(frozen=True, slots=True)
class Product:
    """A product file, and what it holds."""

    text: str
    components: tuple[str, ...]  # its own
    known: tuple[str, ...]  # components of the catalog that it uses
    services: int
    requirements: int


def make_product(matrix: Matrix, product: str, title: str, file: str, catalog: Catalog) -> Product:
    """The product file; `file` is the name of the matrix, for people. Raises InvalidInput when it becomes too large."""
    made = _Maker(matrix, product, title, file, catalog, _letters(product, catalog)).product()
    if len(made.text.encode()) > MAX_BYTES:
        message = f"gives a product file of more than {MAX_BYTES // 2**20} MiB"
        raise InvalidInput.of(message, file=file, hint="split the matrix into several products")
    return made


@dataclass(slots=True)
class _Maker:
    matrix: Matrix
    id: str
    title: str
    file: str
    catalog: Catalog
    letters: str  # what the citations of rows begin with
    ends: dict[str, str] = field(default_factory=dict)  # component by key of the end
    needs: set[str] = field(default_factory=set)

    @property
    def prefix(self) -> str:
        """What the ids of components and services begin with."""
        return self.id.replace(".", "-")

    def product(self) -> Product:
        """All of it."""
        own = self._components(self._name_ends())
        services = self._services()
        requirements = self._requirements({key: id for id, (key, _) in services.items()})
        content: _Yaml = {
            "product": self.id,
            "title": self.title,
            "about": f"the flows of {self.source}",
            **({"needs": sorted(self.needs)} if self.needs else {}),
            "references": {self._reference: {"title": self.source}},
            "citations": self._citations(),
            "components": dict(sorted(own.items())),
            "services": {id: service for id, (_, service) in sorted(services.items())},
            "requirements": dict(sorted(requirements.items())),
        }
        known = tuple(sorted(set(self.ends.values()) - set(own)))
        head = _head(self.source, self.id, min([*own, *known]), self.matrix.notes)
        return Product(head + _text(content), tuple(own), known, len(services), len(requirements))

    @property
    def source(self) -> str:
        """The matrix, as people call it."""
        return f"{self.file}, sheet {self.matrix.table.sheet}" if self.matrix.table.sheet else self.file

    def _name_ends(self) -> dict[str, str]:
        """Give every end its component; by key, how it is written."""
        flows = self.matrix.flows
        written: dict[str, set[str]] = {}
        for end in [end for flow in flows for end in (flow.source, flow.destination)]:
            written.setdefault(key_of(end), set()).add(end)
        titles = {key: min(texts) for key, texts in written.items()}
        known = _components(self.catalog)
        own = {key: text for key, text in titles.items() if key not in known}
        words = {key: f"{self.prefix}/{slug(text)}" for key, text in own.items()}
        self.ends = unique(words, _LONGEST_ID, self.catalog.components)
        for key in titles.keys() - own.keys():
            self.ends[key] = known[key].id
            self.needs |= {known[key].product} - {""}
        return titles

    def _components(self, titles: Mapping[str, str]) -> dict[str, _Yaml]:
        """Those of its own, with the addresses that the matrix has for them."""
        found: dict[str, _Yaml] = {}
        for key, title in titles.items():
            addresses = sorted(self.matrix.addresses.get(key, ()))
            more = f" and {len(addresses) - 10} more" if len(addresses) > 10 else ""
            about = {"about": _short(f"in the matrix at {', '.join(addresses[:10])}{more}")} if addresses else {}
            if self.ends[key] not in self.catalog.components:
                found[self.ends[key]] = {"title": _short(title), **about}
        return found

    def _services(self) -> dict[str, tuple[tuple[str, Transport], _Yaml]]:
        """By id: whose and what it is, and the entry of the file."""
        named: dict[tuple[str, Transport], set[str]] = {}
        for flow in self.matrix.flows:
            named.setdefault((self._end(flow.destination), flow.transport), set()).add(flow.service)
        words = {
            f"{component} {describe(transport)}": f"{self.prefix}/{_word(component)}-{_transport_word(transport)}"
            for component, transport in named
        }
        ids = unique(words, _LONGEST_ID, self.catalog.services)
        return {
            ids[f"{component} {describe(transport)}"]: (
                (component, transport), _service(component, transport, names)
            )
            for (component, transport), names in named.items()
        }  # fmt: skip

    def _requirements(self, services: Mapping[tuple[str, Transport], str]) -> dict[str, _Yaml]:
        found: dict[_Key, list[MatrixFlow]] = {}
        for flow in self.matrix.flows:
            found.setdefault(self._key(flow), []).append(flow)
        words = {repr(key): f"{self.id}.{self._requirement_word(flows[0])}" for key, flows in found.items()}
        ids = unique(words, _LONGEST_ID, self.catalog.requirements)
        return {
            ids[repr(key)]: self._requirement(flows, services[key[1], flows[0].transport])
            for key, flows in found.items()
        }

    def _key(self, flow: MatrixFlow) -> _Key:
        ends = self._end(flow.source), self._end(flow.destination)
        return *ends, flow.transport, flow.source_ports, flow.phase, flow.necessity, flow.when

    def _end(self, end: str) -> str:
        return self.ends[key_of(end)]

    def _requirement_word(self, flow: MatrixFlow) -> str:
        words = [_word(self._end(flow.source)), _word(self._end(flow.destination)), _transport_word(flow.transport)]
        words += [flow.phase.value] if flow.phase is not Phase.RUN else []
        words += [flow.necessity.value] if flow.necessity is not Necessity.REQUIRED else []
        return "-".join(words)

    def _requirement(self, flows: list[MatrixFlow], service: str) -> _Yaml:
        first = flows[0]
        entry: _Yaml = {"from": self._end(first.source), "to": self._end(first.destination), "service": service}
        entry |= {"need": "all", "purpose": self._purpose(flows)}
        if first.phase is not Phase.RUN:
            entry["phase"] = first.phase.value
        if first.necessity is not Necessity.REQUIRED:
            entry["necessity"] = first.necessity.value
        if first.when:
            entry["when"] = dict(first.when)
        if first.source_ports:
            entry["source-ports"] = ports_text(first.source_ports)
        cited = dict.fromkeys(citation for flow in flows for citation in flow.citations)
        entry["citations"] = [*dict.fromkeys(f"{self.letters}{flow.line}" for flow in flows), *cited]
        return entry

    def _purpose(self, flows: Iterable[MatrixFlow]) -> str:
        flows = list(flows)
        purposes = sorted({flow.purpose for flow in flows if flow.purpose})
        conditions = sorted({flow.condition for flow in flows if flow.condition})
        reach = f"reach {flows[0].destination} by {describe(flows[0].transport)}"
        return _short(("; ".join(purposes) or reach) + (f" ({'; '.join(conditions)})" if conditions else ""))

    @property
    def _reference(self) -> str:
        return f"{self.prefix}-matrix"

    def _citations(self) -> _Yaml:
        by_line = groupby(sorted(self.matrix.flows, key=lambda flow: flow.line), key=lambda flow: flow.line)
        return {
            f"{self.letters}{line}": {"in": self._reference, "lines": line, "says": _row_text(list(flows))}
            for line, flows in by_line
        }


_LETTER = dict(zip("0123456789", "ABCDEFGHIJ", strict=True))  # a citation has its digits at the end


def _letters(product: str, catalog: Catalog) -> str:
    """What the citations of rows begin with: letters that no other document has."""
    letters = "".join(_LETTER.get(character, character) for character in product if character.isalnum()).upper()
    taken = {id.rstrip("0123456789abcdefghijklmnopqrstuvwxyz") for id in catalog.citations}
    while letters in taken:
        letters += "M"
    return letters


def _components(catalog: Catalog) -> dict[str, Component]:
    """Components of the catalog by what a matrix may call them: id, alias, or a title that no other has.

    A bundle is none: no host has it as a role, only what it includes.
    """
    found: dict[str, Component] = {}
    titles: dict[str, list[Component]] = {}
    for component in catalog.components.values():
        if not component.includes:
            titles.setdefault(key_of(component.title), []).append(component)
    found |= {title: same[0] for title, same in titles.items() if len(same) == 1}
    for component in catalog.components.values():
        if not component.includes:
            found |= {key_of(name): component for name in (component.id, *component.aliases)}
    return found


def describe(transport: Transport) -> str:
    """The protocol and ports for people: `TCP 443`."""
    name = protocol_name(transport.protocol)
    name = f"protocol {name}" if name.isdecimal() else name.upper()
    if transport.ports == EVERY_PORT:
        return f"{name}, any port"
    return f"{name} {ports_text(transport.ports)}".strip() if transport.protocol != ICMP else "ICMP echo"


def _service(component: str, transport: Transport, names: Iterable[str]) -> _Yaml:
    called = sorted(name for name in names if name)
    first, last = (transport.ports or ((0, 1),))[0]
    known = _PORT_NAMES.get(first, "") if first == last and len(transport.ports) == 1 else ""
    title = " / ".join(called[:3]) or (f"{known} ({describe(transport)})" if known else describe(transport))
    entry: _Yaml = {"at": component, "title": _short(title), "protocol": protocol_name(transport.protocol)}
    if transport.ports:
        text = ports_text(transport.ports)
        entry["ports"] = int(text) if text.isdecimal() else text
    return entry


def _word(component: str) -> str:
    """The component in an id: the last part of its own, all of one in the catalog."""
    return component.rpartition("/")[2]


def _transport_word(transport: Transport) -> str:
    ports = "any" if transport.ports == EVERY_PORT else ports_text(transport.ports).replace(",", "-")
    name = folded(protocol_name(transport.protocol))
    return f"{'protocol-' if name.isdecimal() else ''}{name}{'-' if ports else ''}{ports}"


def _row_text(flows: list[MatrixFlow]) -> str:
    """A row in one sentence; where it stands for several flows, the first and how many more."""
    first = flows[0]
    number = f"no. {first.number}: " if first.number else ""
    more = f" and {len(flows) - 1} more" if len(flows) > 1 else ""
    return _short(f"{number}{first.source} to {first.destination}, {describe(first.transport)}{more}")


def _short(text: str) -> str:
    """A text that fits a report."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."


def _text(content: Mapping[str, object]) -> str:
    """The content as YAML, its sections set apart."""
    dump: Callable[..., str] = yaml.dump
    text = dump(content, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None)
    return re.sub(r"^(?=\w+:$)", "\n", text, flags=re.MULTILINE)


def lines_text(lines: Iterable[int], most: int = 20) -> str:
    """Rows by their numbers: `rows 4, 7-9`."""
    spans = normalize((line, line) for line in lines)
    text = ports_text(spans[:most]).replace(",", ", ")
    more = " and more" if len(spans) > most else ""
    return f"row{'' if text.isdecimal() else 's'} {text}{more}"


def _head(source: str, product: str, component: str, notes: Mapping[str, Iterable[int]]) -> str:
    noted = "".join(f"# {lines_text(lines)}: {note}\n" for note, lines in notes.items())
    return f"""\
# The flows of {source} as a product of the catalog, written by `portwright import`.
#
# How to use it: put this file into a folder beside the site file, and say there
#
#   catalog: FOLDER
#   products: [{product}]
#
# Then give hosts and groups the components below as roles, for example
#
#   hosts:
#     app01: {{addresses: [192.0.2.10], roles: [{component}]}}
#
# `portwright plan` lists the flows; the citations are the rows of the matrix.
{noted}
"""
