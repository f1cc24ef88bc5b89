"""The components and what they open to each other, as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from portwright.catalog.model import Component, Necessity
from portwright.catalog.tables import Table, Tables, Use
from portwright.packets.names import protocol_name
from portwright.report.catalog_tables import heading

_MOST = 3  # services that an edge names; of more it says how many
_UNSAFE = re.compile(r"[^\w .,:;()+/&='-]")  # inside quotes Mermaid still reads quotes, tags, entities and backticks

_Edges = dict[tuple[str, str], list[Use]]


def diagram(tables: Tables, found: Sequence[Table], optional: bool) -> str:
    """A flowchart: components by product, one edge for each pair with the services and ports that it carries.

    A table that joins roles is one node. Optional requirements are left out, or drawn as broken lines.
    """
    uses = dict.fromkeys(use for table in found for use in _uses(table) if optional or _is_needed(use))
    nodes = _nodes(tables, found)
    edges: _Edges = {}
    for use in uses:
        ends = (nodes[use.requirement.source].id, nodes[use.requirement.destination].id)
        edges.setdefault(ends, []).append(use)
    lines = ["---", f'title: "{_clean(heading(tables))}"', "---", "flowchart LR"]
    lines += _groups(tables, nodes, edges)
    lines += [_edge(source, destination, members) for (source, destination), members in edges.items()]
    return "\n".join(lines)


def _uses(table: Table) -> Iterator[Use]:
    yield from table.opens
    for listener in table.listens:
        yield from listener.uses


def _is_needed(use: Use) -> bool:
    return use.requirement.necessity is not Necessity.OPTIONAL


def _nodes(tables: Tables, found: Sequence[Table]) -> dict[str, Component]:
    """The component that stands for each: itself, or what a table joins."""
    nodes = dict(tables.catalog.components)
    for table in found:
        first, title = table.components[0], " and ".join(one.title for one in table.components)
        nodes |= dict.fromkeys(table.roles, replace(first, title=title))
    return nodes


def _groups(tables: Tables, nodes: dict[str, Component], edges: _Edges) -> Iterator[str]:
    drawn = {name for pair in edges for name in pair}
    shown = {node.id: node for node in nodes.values() if node.id in drawn}
    for product in tables.products:
        members = [node for node in shown.values() if node.product == product]
        if members:
            yield f'  subgraph {_name(product)}["{_clean(tables.catalog.products[product].title)}"]'
            yield from (f'    {_name(node.id)}["{_clean(node.title)}"]' for node in members)
            yield "  end"


def _edge(source: str, destination: str, uses: Iterable[Use]) -> str:
    uses = list(uses)
    arrow = "-->" if any(_is_needed(use) for use in uses) else "-.->"
    return f'  {_name(source)} {arrow}|"{_label(uses)}"| {_name(destination)}'


def _label(uses: Sequence[Use]) -> str:
    titles = list(dict.fromkeys(use.service.title for use in uses))
    named = ", ".join(titles) if len(titles) <= _MOST else f"{len(titles)} services"
    return "<br/>".join(_clean(line) for line in (named, *_ports(uses)))


def _ports(uses: Iterable[Use]) -> Iterator[str]:
    """The ports by protocol: `tcp 88, 389`."""
    found: dict[str, dict[str, None]] = {}
    for use in uses:
        found.setdefault(protocol_name(use.service.protocol), {})[use.ports] = None
    for protocol, ports in found.items():
        yield f"{protocol} {', '.join(sorted(filter(None, ports), key=_first))}".strip()


def _first(ports: str) -> tuple[bool, int]:
    """Numbers in their order, before what is no number."""
    number = re.match(r"\d+", ports)
    return number is None, int(number[0]) if number else 0


def _name(id: str) -> str:
    """An id that Mermaid takes: letters, digits, underscores, and no word of its own such as `end`."""
    return "n_" + re.sub(r"\W", "_", id)


def _clean(text: str) -> str:
    return _UNSAFE.sub(" ", text)
