"""How the catalog's answers look: columns, Markdown, spreadsheets, diagrams."""

import csv
import io
import re

import pytest

from portwright.catalog.crossref import CrossReferences, Kind, parts
from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase, Reading
from portwright.catalog.tables import Tables
from portwright.report.catalog_diagram import diagram
from portwright.report.catalog_layout import columns
from portwright.report.catalog_show import show_text
from portwright.report.catalog_tables import CSV_COLUMNS, csv_text, escaped, tables_csv, tables_markdown, tables_text

CATALOG = load_catalog()
REFERENCES = CrossReferences.of(CATALOG)
PAPER = ("dynamics-crm-2013",)


def tables(reading=Reading.CORRECTED, **chosen):
    return Tables.of(CATALOG, PAPER, {name.replace("__", "."): text for name, text in chosen.items()}, reading)


def too_long(text):
    """Lines wider than a terminal, but for an address or the like, a word that cannot be broken."""
    return [line for line in text.splitlines() if len(line) > 100 and len(line.split()) > 2]


def test_columns_are_aligned_and_the_last_one_wraps():
    """Short rows stand beside each other; a long text goes on below itself."""
    assert columns([("a", "bb", "one"), ("aaa", "b", "two " * 30)]) == [
        "  a    bb  one",
        "  aaa  b   " + ("two " * 22).rstrip(),
        "           " + ("two " * 8).rstrip(),
    ]


def test_a_column_too_wide_leaves_the_text_a_line_of_its_own():
    """Rather than a strip of one word a line."""
    assert columns([("a" * 80, "what for")]) == ["  " + "a" * 80, "      what for"]


@pytest.mark.parametrize("kind", Kind)
def test_every_part_can_be_shown(kind):
    """By its id, in lines that fit a terminal."""
    for part in (one for one in parts(CATALOG) if one.kind is kind):
        text = show_text(REFERENCES, [part])
        assert part.id in text.splitlines()[0]
        assert too_long(text) == []


@pytest.mark.parametrize("reading", Reading)
def test_tables_fit_a_terminal(reading):
    """The whole one, and that of every component."""
    made = tables(reading)
    every = [made.joined([component]) for component in CATALOG.components.values()]
    assert too_long(tables_text(made, made.whole())) == []
    assert too_long(tables_text(made, every)) == []


def test_a_table_in_text():
    """Each row: port and peer, what for, and where it is written."""
    made = tables(web__scheme="https")
    text = tables_text(made, [made.joined([CATALOG.component("crm/front-end")])])
    assert "web.scheme=https; errata applied" in " ".join(text.split())
    assert re.search(r"^ +tcp 443 +CRM web site +crm/client", text, re.MULTILINE)
    assert re.search(r"^ +ssrs/report-server +tcp 80 +run reports for users \(P37 P64", text, re.MULTILINE)
    assert re.search(r"^ +when web.scheme is https and web.redirect is true: crm.web-redirect", text, re.MULTILINE)


def test_the_literal_reading_says_so():
    """In the heading, and at each line that nobody needs."""
    made = tables(Reading.LITERAL)
    text = tables_text(made, [made.joined([CATALOG.component("crm/front-end")])])
    assert "as printed, mistakes included" in " ".join(text.split())
    assert re.search(r"udp 1025 +superseded: ", text)


def test_a_table_in_markdown():
    """Every row of a table has as many cells as its heading."""
    made = tables()
    lines = tables_markdown(made, made.whole()).splitlines()
    assert "## crm/front-end: Front End Server" in lines
    widths = {}
    for at, line in enumerate(lines):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert cells == widths.get(at - 1, cells)
            widths[at] = cells
    assert len(set(widths.values())) == 2


def test_markdown_shows_texts_as_they_are():
    """No text of a catalog makes a cell, a tag or a link."""
    assert escaped("a|b <i> [x](y) `z`") == r"a\|b \<i\> \[x\](y) \`z\`"


def test_a_table_for_spreadsheets():
    """A row for each flow of each component, in columns that keep their names."""
    made = tables()
    found = [made.joined([CATALOG.component("crm/sandbox")])]
    rows = list(csv.DictReader(io.StringIO(tables_csv(found))))
    assert tuple(rows[0]) == CSV_COLUMNS
    told = {(row["direction"], row["peer"], row["protocol"], row["ports"]) for row in rows}
    assert {("in", "crm/front-end", "tcp", "808"), ("out", "crm/front-end", "tcp", "808")} <= told
    assert len(rows) == sum(len(one.uses) or 1 for one in found[0].listens) + len(found[0].opens)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text):
    """What begins like one is marked as text."""
    [_, row] = csv.reader(io.StringIO(csv_text(("a",), [(text,)])))
    assert row == [f"'{text}"]


NODE = re.compile(r'    (n_\w+)\["([\w .,:;()+/&=\'-]+)"\]')
EDGE = re.compile(r'  (n_\w+) (-->|-\.->)\|"([\w .,:;()+/&=\'-]|<br/>)+"\| (n_\w+)')
GROUP = re.compile(r'  subgraph n_\w+\["[\w .,:;()+/&=\'-]+"\]|  end')


def drawn(made, found, optional=False):
    """The nodes and the edges of a diagram, every line of which is one that Mermaid reads."""
    head, *rest = diagram(made, found, optional).split("flowchart LR\n")
    assert re.fullmatch(r'---\ntitle: "[^"\n]+"\n---\n', head)
    nodes, edges = {}, []
    for line in rest[0].splitlines():
        if node := NODE.fullmatch(line):
            nodes[node[1]] = node[2]
        elif edge := EDGE.fullmatch(line):
            assert {edge[1], edge[4]} <= set(nodes)
            edges.append((nodes[edge[1]], edge[2], nodes[edge[4]]))
        else:
            assert GROUP.fullmatch(line), line
    return nodes, edges


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("reading", Reading)
def test_a_diagram_is_one_that_mermaid_reads(reading, optional):
    """Nodes are declared in the group of their product before edges use them; each pair has one edge."""
    made = tables(reading)
    nodes, edges = drawn(made, made.whole(), optional)
    assert len(set(nodes.values())) == len(nodes)
    assert len({(source, destination) for source, _, destination in edges}) == len(edges)
    assert ("-.->" in [arrow for _, arrow, _ in edges]) == optional


def test_the_overview_shows_how_the_parts_talk():
    """Among the edges are those of the paper's table."""
    made = Tables.of(CATALOG, PAPER, {}, phases=(Phase.RUN,))
    _, edges = drawn(made, made.whole())
    assert ("Reporting Services report server", "-->", "Front End Server") in edges
    assert ("Front End Server", "-->", "SQL Server database engine") in edges


def test_a_computer_is_one_node():
    """What a bundle includes and implies speaks in its name."""
    made = tables()
    nodes, edges = drawn(made, [made.joined([CATALOG.component("crm/full-server")])])
    assert "Full Server" in nodes.values()
    assert not {"Front End Server", "member of the domain"} & set(nodes.values())
    assert ("Full Server", "-->", "domain controller") in edges
