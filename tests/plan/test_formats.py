"""The forms of a plan: table, CSV, workbook, Markdown, Mermaid; each says what the plan says, to its own readers."""

import csv
import io
import re
import time
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from tests.plan.making import SITE, shop_plan

from portwright.catalog.model import Phase, Reading
from portwright.plan.make import make_plan
from portwright.plan.narrow import crossings, narrowed
from portwright.report.plan.document import plan_json
from portwright.report.plan.grid import escaped, grid
from portwright.report.plan.markdown import plan_markdown
from portwright.report.plan.matrix import COLUMNS, harmless, plan_csv
from portwright.report.plan.mermaid import plan_mermaid
from portwright.report.plan.rows import addresses, merged
from portwright.report.plan.table import plan_table
from portwright.report.plan.text import plan_text
from portwright.report.plan.workbook import plan_xlsx, sheet_name
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"
HEADER = (
    "Source,Source addresses,Destination,Destination addresses,Protocol,Ports,Service,Purpose,Phase,Necessity,Path,"
    "Citations,Flow,Requirement\r\n"
)


@pytest.fixture
def plan(tmp_path):
    return shop_plan(tmp_path)


@pytest.fixture(scope="module")
def f6():
    site = load_site(EXAMPLES / "f6" / "site.yaml")
    return make_plan(site.catalog, site, today=date(2026, 1, 1))


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def sheets(content):
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_csv_has_a_row_for_each_flow(plan):
    """The columns are a contract; lines end in CR LF."""
    text = plan_csv(plan)
    assert text.startswith(HEADER)
    assert text.count("\r\n") == text.count("\n") == len(plan.flows) + 1
    [row] = [row for row in rows(text) if row["Flow"] == "shop.stock/o1>s1"]
    assert row == {
        "Source": "o1",
        "Source addresses": "10.1.0.1",
        "Destination": "s1",
        "Destination addresses": "10.2.0.1, fd00:2::1",
        "Protocol": "tcp",
        "Ports": "5432",
        "Service": "stock | base",
        "Purpose": "read stock levels",
        "Phase": "run",
        "Necessity": "required",
        "Path": "fw > on-s1",
        "Citations": "H1",
        "Flow": "shop.stock/o1>s1",
        "Requirement": "shop.stock",
    }


@pytest.mark.parametrize("sign", "=+-@")
def test_no_cell_is_a_formula(tmp_path, plan, sign):
    """A text that a spreadsheet would take for a formula gets an apostrophe, in CSV and in the workbook."""
    flows = tuple(
        replace(flow, requirement=replace(flow.requirement, purpose=f"{sign}HYPERLINK(1)")) for flow in plan.flows
    )
    evil = replace(plan, flows=flows)
    assert {row["Purpose"] for row in rows(plan_csv(evil))} == {f"'{sign}HYPERLINK(1)"}
    column = COLUMNS.index("Purpose")
    assert {row[column] for row in sheets(plan_xlsx(evil))["All flows"][1:]} == {f"'{sign}HYPERLINK(1)"}


@given(st.text())
def test_a_harmless_cell_is_one_line_and_no_formula(text):
    """Whatever the text: no control characters, and nothing before a formula's sign but an apostrophe."""
    cell = harmless(text)
    assert cell.isprintable()
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_the_workbook_has_a_sheet_for_each_point(plan):
    """All flows, then what crosses each point and by which interfaces, the places cited, and about it."""
    found = sheets(plan_xlsx(plan))
    assert list(found) == ["All flows", "fw", "gw", "on-s1", "Citations", "About"]
    assert found["All flows"][0] == list(COLUMNS)
    assert [row[12] for row in found["All flows"][1:]] == [flow.id for flow in plan.flows]
    assert found["fw"][0][-3:] == ["Hook", "In", "Out"]
    assert {tuple(row[-3:]) for row in found["fw"][1:]} == {("forward", "inside", "outside")}
    assert {tuple(row[-3:]) for row in found["on-s1"][1:]} >= {("input", "not said", "this host")}
    assert {row[12] for row in found["on-s1"][1:]} == {flow.id for flow in plan.flows if "on-s1" in flow.points}
    assert len(found["gw"]) == 1
    assert ["H1", "The manual", "3-4", "orders read stock", ""] in found["Citations"]
    assert dict(found["About"])["Reading"].startswith("corrected")


def test_ports_in_the_workbook_are_texts(plan):
    """A cell with 5432 is no number: nobody adds ports."""
    found = sheets(plan_xlsx(plan))["All flows"]
    assert {type(row[COLUMNS.index("Ports")]) for row in found[1:]} == {str}


def test_the_workbook_is_the_same_bytes_every_time(plan):
    """No clock is read; a day is in it only where one is given."""
    first = plan_xlsx(plan)
    time.sleep(2.1)  # the times of a ZIP archive count in two seconds
    assert plan_xlsx(plan) == first
    assert "As of" not in dict(sheets(first)["About"])
    assert dict(sheets(plan_xlsx(plan, date(2026, 2, 3)))["About"])["As of"] == "2026-02-03"


def test_the_workbook_can_be_filtered_and_scrolled(plan):
    """Filters and a frozen header on every sheet; text formats; the XML that Excel reads says so."""
    from zipfile import ZipFile

    with ZipFile(io.BytesIO(plan_xlsx(plan))) as archive:
        pages = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
        styles = archive.read("xl/styles.xml").decode()
    assert len(pages) == 6
    assert all("<autoFilter" in page and 'state="frozen"' in page and "customWidth" in page for page in pages)
    assert 'numFmtId="49"' in styles  # ECMA-376, 18.8.30: "@", text
    assert 'wrapText="1"' in styles


@pytest.mark.parametrize(
    ("name", "taken", "sheet"),
    [
        ("core-fw", set(), "core-fw"),
        ("a/b\\c?d*e[f]g:h", set(), "a-b-c-d-e-f-g-h"),
        ("x" * 40, set(), "x" * 31),
        ("x" * 40, {"x" * 31}, "x" * 27 + " (2)"),
        ("ABOUT", {"about"}, "ABOUT (2)"),
        ("'quoted'", set(), "quoted"),
        ("'", set(), "point"),
    ],
)
def test_the_name_of_a_sheet_is_one_that_excel_takes(name, taken, sheet):
    """At most 31 characters, none of []:*?/\\, no apostrophe at the ends, unlike the others even in small letters."""
    assert sheet_name(name, taken) == sheet


def test_a_cell_that_excel_cannot_hold_says_so(plan):
    """32,767 characters are the limit of a cell."""
    requirement = replace(plan.flows[0].requirement, purpose="x" * 40_000)
    found = sheets(plan_xlsx(replace(plan, flows=(replace(plan.flows[0], requirement=requirement),))))
    cell = found["All flows"][1][COLUMNS.index("Purpose")]
    assert len(cell) == 32_767
    assert cell.endswith("(shortened: a cell holds no more; see the CSV or JSON form)")


def test_a_row_of_the_table_merges_the_ends(plan):
    """Who needs the same of the same by the same way stands in one row."""
    lines = plan_table(plan, 160).splitlines()
    assert re.match(r"o1, o2 +s1 +stock \| base +tcp 5432 +run +fw > on-s1 +read stock levels \(H1\)$", lines[4])
    assert re.match(r"o1, o2 +w1 +web shop +tcp 443 +run +fw +optional: show what is sold \(H1 H2\)$", lines[6])


@pytest.mark.parametrize("width", [80, 100, 132, 200])
def test_the_table_fits_the_terminal(f6, width):
    """Long cells go on below; no word of the plan is lost."""
    lines = plan_table(f6, width).splitlines()
    table = lines[2 : lines.index("") + 2000]
    assert max(len(line) for line in table) <= width
    assert {"dc01", "staff", "tickets"} <= set(" ".join(table).replace(",", " ").split())


@given(st.lists(st.tuples(*[st.text("ab ", max_size=30)] * 3), min_size=1, max_size=5), st.integers(20, 120))
def test_a_grid_has_every_word(found, width):
    """Whatever the widths, the letters of every cell are there."""
    lines = grid(("a", "b", "c"), found, width)
    letters = sorted("".join(lines[2:]).replace(" ", ""))
    assert letters == sorted("".join(cell for row in found for cell in row).replace(" ", ""))


def test_rows_stand_for_exactly_their_flows(f6):
    """The product of a row's sources and destinations is its flows; all rows together are the plan."""
    found = merged(f6.flows)
    for row in found:
        ends = {(source.name, destination.name) for source in row.sources for destination in row.destinations}
        assert ends == {(flow.source.name, flow.destination.name) for flow in row.flows}
        assert len(ends) == len(row.flows)
    assert sorted(flow.id for row in found for flow in row.flows) == sorted(flow.id for flow in f6.flows)


def test_markdown_has_a_section_for_each_way_between_two_zones(plan):
    """And in it a table; signs of Markdown in texts stay signs."""
    text = plan_markdown(plan)
    assert re.findall("^## (.*)$", text, re.MULTILINE) == [
        "left to right: fw \\> on-s1",
        "left to right: fw",
        "right to right: on-s1",
        "Citations",
    ]
    assert "| o1, o2 | s2 | stock \\| base | tcp 5432 | run | fw | read stock levels (H1) |" in text
    assert "| H1 | orders read stock | The manual, lines 3-4 |" in text
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {8, 4}


def test_markdown_shows_texts_as_they_are():
    """Nothing of the site becomes markup or HTML."""
    assert escaped("a|b <script> *x* `y` [z](w)\n# t") == "a\\|b \\<script\\> \\*x\\* \\`y\\` \\[z\\](w) \\# t"


_NODE = r'n\d+(?:\["[^"]*"\]|\{\{"[^"]*"\}\})'
_GRAMMAR = re.compile(
    r"flowchart LR\n"
    r"(?:  %% .*\n)?"
    rf'(?:  subgraph z\d+\["[^"]*"\]\n(?:    {_NODE}\n)+  end\n)*'
    rf"(?:  {_NODE}\n)*"
    r'(?:  n\d+ (?:-->|-\.->)\|"[^"]*"\| n\d+\n)*'
)


@pytest.mark.parametrize("name", ["f6", "f3", "f9"])
@pytest.mark.parametrize("everything", [False, True])
def test_a_diagram_is_valid_mermaid(name, everything):
    """Zones as subgraphs, nodes, arrows with labels in quotes, and every arrow between nodes that are there."""
    site = load_site(EXAMPLES / name / "site.yaml")
    text = plan_mermaid(make_plan(site.catalog, site), everything)
    assert _GRAMMAR.fullmatch(text)
    nodes = re.findall(r"^ +(n\d+)[\[{]", text, re.MULTILINE)
    assert len(nodes) == len(set(nodes))
    arrows = re.findall(
        r"^  (n\d+) \S+ *\|.*\| (n\d+)$", text.replace("-->|", "--> |").replace(".->|", ".-> |"), re.MULTILINE
    )
    assert {end for arrow in arrows for end in arrow} == set(nodes)


def test_the_diagram_of_f6_can_be_read(f6):
    """Some ten arrows: the application, not what every computer of the domain needs; firewalls on the way."""
    text = plan_mermaid(f6)
    assert 5 <= text.count("-->") <= 15
    assert text.count("-.->") == 0
    assert "Kerberos" not in text
    assert '{{"core-fw"}}' in text
    assert "Kerberos" in plan_mermaid(f6, everything=True)


def test_a_diagram_draws_the_way_through_the_firewalls(plan):
    """Hosts that need the same are one node; a firewall on a host stands in the host's zone."""
    text = plan_mermaid(plan)
    node = {label: id for id, label in re.findall(r'^ +(n\d+)[\[{]+"([^"]*)"', text, re.MULTILINE)}
    assert set(node) == {"o1, o2", "s1", "s2", "w1", "fw", "on-s1"}
    way = [node[name] for name in ("o1, o2", "fw", "on-s1", "s1")]
    for one, other in pairwise(way):
        assert re.search(rf'^  {one} -->\|"[^"]*stock \| base, tcp 5432[^"]*"\| {other}$', text, re.MULTILINE)


def test_hosts_with_firewalls_of_their_own_are_one_node_too(tmp_path):
    """And their firewalls are another: a thousand guarded computers are two nodes."""
    guards = "  on-o1: {platform: nftables, on: o1}\n  on-o2: {platform: nftables, on: o2}\npaths:"
    text = plan_mermaid(shop_plan(tmp_path, SITE.replace("paths:", guards)))
    assert _GRAMMAR.fullmatch(text)
    assert '["o1, o2"]' in text
    assert '{{"on-o1, on-o2"}}' in text


def test_texts_in_a_diagram_are_no_syntax(plan):
    """Quotes and angle brackets of a title become entities."""
    services = {
        id: replace(service, title='"]; click <b>') if id == "shop/stock" else service
        for id, service in plan.catalog.services.items()
    }
    text = plan_mermaid(replace(plan, catalog=replace(plan.catalog, services=services)))
    assert _GRAMMAR.fullmatch(text)
    assert "#quot;]; click #lt;b#gt;, tcp 5432" in text


def test_a_plan_can_be_narrowed_to_points(plan):
    """Only what crosses one of them stays; what the plan could not settle stays too."""
    found = narrowed(plan, ["on-s1"])
    assert [flow.id for flow in found.flows] == [flow.id for flow in plan.flows if "on-s1" in flow.points]
    assert 0 < len(found.flows) < len(plan.flows)
    assert found.findings == plan.findings


def test_what_crosses_each_point(plan):
    """The same as the plan says of each point, once for each hook."""
    found = crossings(plan)
    assert list(found) == ["fw", "gw", "on-s1"]
    assert all(set(found[name]) == set(plan.at(name)) for name in found)
    sync = {crossing.hook for flow, crossing in found["on-s1"] if flow.requirement.id == "shop.sync"}
    assert sync == {"input", "output"}


def test_json_says_reading_and_points(plan):
    """Beside the flows: how the documents are read, and each point with the interfaces."""
    document = plan_json(plan)
    assert document["reading"] == "corrected"
    points = {point["name"]: point for point in document["points"]}
    assert (points["on-s1"]["platform"], points["on-s1"]["on"], points["fw"]["on"]) == ("nftables", "s1", None)
    assert {"id": "shop.stock/o1>s1", "hook": "input", "in": None, "out": ""} in points["on-s1"]["flows"]
    assert points["gw"]["flows"] == []


def test_every_form_says_the_reading(tmp_path):
    """A plan as printed never looks like a corrected one."""
    plan = shop_plan(tmp_path, reading=Reading.LITERAL, phases=list(Phase))
    assert "to setup, configure, run and administer, in the literal reading" in plan_table(plan, 200)
    assert dict(sheets(plan_xlsx(plan))["About"])["Reading"].startswith("literal")
    assert plan_json(plan)["reading"] == "literal"
    assert "in the literal reading" in plan_markdown(plan)


def test_nearly_everything_is_said_by_what_it_lacks(tmp_path):
    """The addresses of the rest of the world are not listed as hundreds of networks."""
    plan = shop_plan(tmp_path, SITE + "groups: {all: {zone: far, roles: [shop/orders]}}\n")
    [far] = {flow.source.addresses for flow in plan.flows if flow.source.name == "all"}
    assert addresses(far) == "any but 10.1.0.0/16, 10.2.0.0/16, fd00:2::/32"


def test_the_text_has_a_line_for_ends_that_share_a_way(tmp_path):
    """Sources, destinations and the way; a long line goes on below, within the width of every report."""
    line = "  o{0}-with-a-long-name: {{addresses: [10.1.1.{0}], roles: [shop/orders]}}\n"
    many = "".join(line.format(n) for n in range(1, 10))
    text = plan_text(shop_plan(tmp_path, SITE.replace("  w1:", f"{many}  w1:")))
    assert max(map(len, text.splitlines())) <= 100
    told = " ".join(text.split())
    assert "shop.stock: read stock levels (H1) o1, o2, o1-with-a-long-name, o2-with-a-long-name" in told
    assert "o9-with-a-long-name > s2 tcp 5432" in told
