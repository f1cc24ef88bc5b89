"""Excel workbooks, real ones."""

import datetime as dt
import io
import tracemalloc
import zipfile

import pytest
from tests.matrix.importing import COLUMNS, errors, run, workbook

from portwright.matrix.workbook import read_sheets

ROW = ("App", "DB", "tcp", 1433, "read")


def imported(folder, *options, **sheets):
    return run(workbook(folder / "flows.xlsx", **sheets), *options)


def test_numbers_are_ports(tmp_path):
    """443.0 is 443; the citation names the sheet."""
    done = imported(tmp_path, Flows=[COLUMNS, ROW, ("App", "Web", 6.0, 443.0, "x")])
    assert done.flows == [("App", "DB", "tcp 1433"), ("App", "Web", "tcp 443")]
    assert done.catalog.references["flows-matrix"].title == "flows.xlsx, sheet Flows"


def test_problems_are_at_the_cell(tmp_path):
    """As Excel calls it, wherever the table begins."""

    def fill(book, sheet):
        sheet.write_row("C5", COLUMNS)
        sheet.write_row("C7", ("App", "DB", "tcp", 99999, ""))

    done = imported(tmp_path, Matrix=fill)
    assert done.told == [f"{tmp_path / 'flows.xlsx'}:7:6: Matrix!F7: '99999' is not a port (0 to 65535)"]


def test_merged_cells_stand_in_every_row(tmp_path):
    """Where the workbook shows them merged; an empty cell that is not merged is a problem."""

    def fill(book, sheet):
        sheet.write_row("A1", COLUMNS)
        sheet.merge_range("A2:A4", "App")
        for row, port in enumerate((1, 2, 3), 1):
            sheet.write_row(row, 1, ("DB", "tcp", port, ""))

    assert imported(tmp_path, Flows=fill).flows == [("App", "DB", f"tcp {port}") for port in (1, 2, 3)]
    rows = [COLUMNS, ROW, ("", "Web", "tcp", 80, "")]
    assert errors(imported(tmp_path, Flows=rows)) == [[3, 1, "the row has no source"]]


def test_a_merged_header_over_two_rows(tmp_path):
    """`Source` over `Name` and `Port`."""

    def fill(book, sheet):
        sheet.merge_range("A1:B1", "Source")
        sheet.merge_range("C1:D1", "Destination")
        sheet.merge_range("E1:E2", "Protocol")
        sheet.write_row("A2", ("Name", "Port", "Name", "Port"))
        sheet.write_row("A3", ("ntp client", 123, "ntp server", 123, "UDP"))

    done = imported(tmp_path, Flows=fill)
    assert done.flows == [("ntp client", "ntp server", "udp 123")]
    assert [one.source_ports for one in done.requirements.values()] == [((123, 123),)]


def test_formulas_give_their_values(tmp_path):
    """As the spreadsheet program computed them; an error is a problem."""

    def fill(book, sheet):
        sheet.write_row("A1", COLUMNS)
        sheet.write_row("A2", ("App", "DB", "tcp"))
        sheet.write_formula("D2", "=400+43", None, 443)
        sheet.write_row("A3", ("App", "", "tcp", 80))
        sheet.write_formula("B3", "=1/0", None, "#DIV/0!")

    assert errors(imported(tmp_path, Flows=fill)) == [[3, 2, "the cell holds the error #DIV/0!"]]


def test_what_excel_made_of_ports_is_told(tmp_path):
    """`1-3` is a date, `80,443` a number: the hint says how to write them."""

    def fill(book, sheet):
        sheet.write_row("A1", COLUMNS)
        sheet.write_row("A2", ("App", "DB", "tcp"))
        sheet.write_datetime("D2", dt.datetime(2024, 3, 1), book.add_format({"num_format": "d-m"}))  # noqa: DTZ001
        sheet.write_row("A3", ("App", "DB", "tcp", 80.443))

    done = imported(tmp_path, Flows=fill)
    assert errors(done) == [[2, 4, "'2024-03-01' is not a port"], [3, 4, "'80.443' is not a port"]]
    assert all("format the cells as text" in problem.hint for problem in done.problems)


def test_the_sheet_with_flows_is_found(tmp_path):
    """Among covers, legends and hidden ones."""

    def hidden(book, sheet):
        sheet.write_row("A1", COLUMNS)
        sheet.write_row("A2", ("Old", "Older", "tcp", 1))
        sheet.hide()

    done = imported(tmp_path, Cover=[("Flow matrix",), ("of us",)], Flows=[COLUMNS, ROW], Old=hidden)
    assert done.flows == [("App", "DB", "tcp 1433")]
    assert len(imported(tmp_path, "--sheet", "Old", Flows=[COLUMNS, ROW], Old=hidden).flows) == 1


def test_several_sheets_with_flows_have_to_be_chosen_from(tmp_path):
    """By name."""
    sheets = {"DMZ": [COLUMNS, ROW], "LAN": [COLUMNS, ("PC", "DB", "tcp", 1, "")]}
    done = imported(tmp_path, **sheets)
    assert [(one.message, one.hint) for one in done.problems] == [
        ("2 sheets hold flows: 'DMZ', 'LAN'", "choose one with --sheet NAME")
    ]
    assert imported(tmp_path, "--sheet", "LAN", **sheets).flows == [("PC", "DB", "tcp 1")]
    done = imported(tmp_path, "--sheet", "WAN", **sheets)
    assert [(one.message, one.hint) for one in done.problems] == [("has no sheet 'WAN'", "its sheets: DMZ, LAN")]


def test_of_a_plan_the_sheet_with_all_flows_is_taken(tmp_path):
    """The sheets of the points repeat some of them."""
    all_flows = [COLUMNS, ROW, ("PC", "DB", "tcp", 1, "")]
    done = imported(tmp_path, **{"core-fw": [COLUMNS, ROW], "All flows": all_flows})
    assert len(done.flows) == 2


def test_a_sheet_without_anything(tmp_path):
    """Named or not."""
    assert imported(tmp_path, Empty=[]).told[0].endswith("flows.xlsx: holds no table")
    assert imported(tmp_path, "--sheet", "Empty", Empty=[]).told[0].endswith("flows.xlsx: holds no table")


def test_formats_are_no_cells(tmp_path):
    """A sheet of colored columns is no larger than its texts."""

    def fill(book, sheet):
        color = book.add_format({"bg_color": "yellow"})
        sheet.set_column("A:XFD", 10, color)
        sheet.write_row("A1", COLUMNS)
        sheet.write_row("A2", ROW)
        sheet.write_blank("XFD1048576", None, color)

    assert imported(tmp_path, Flows=fill).flows == [("App", "DB", "tcp 1433")]


def test_macros_are_not_even_unpacked(tmp_path):
    """Only the parts with cells are looked at."""
    path = workbook(tmp_path / "flows.xlsm", Flows=[COLUMNS, ROW])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"MZ")
    assert run(path).flows == [("App", "DB", "tcp 1433")]


def changed(path, change):
    """The workbook with its parts changed by a function of name and content, None leaving a part out."""
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            if (new := change(name, part)) is not None:
                archive.writestr(name, new)
    path.write_bytes(stream.getvalue())
    return path


def replaced(name, old, new):
    """A change of one part."""

    def change(part, content):
        assert part != name or old in content
        return content.replace(old, new) if part == name else content

    return change


SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
MERGES = b'<mergeCells><mergeCell ref="A1:A1048576"/></mergeCells>'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            replaced(SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY e "x">]><worksheet'),
            "has a document type declaration",
        ),
        (replaced(SHEET, b'r="E2"', b'r="XFD1048576"'), "has a sheet with more than 20000 rows or 200 columns"),
        (replaced(SHEET, b'r="E2"', b'r="E20001"'), "has a sheet with more than 20000 rows or 200 columns"),
        (replaced(SHEET, b"<sheetData>", b"<sheetData><row>" + b"<c><v>1</v></c>" * 300 + b"</row>"), "or 200 columns"),
        (replaced(SHEET, b"</row>", b""), "is not a whole Excel workbook: mismatched tag"),
        (lambda name, part: None if name == SHEET else part, "is not a whole Excel workbook"),
        (lambda name, part: None if name == "xl/workbook.xml" else part, "is not a whole Excel workbook"),
        (lambda name, part: part if name == "docProps/app.xml" else None, "is not a whole Excel workbook"),
        (lambda name, part: part[:50] if name == "xl/workbook.xml" else part, "is not a whole Excel workbook"),
        (replaced(TEXTS, b"<t>read</t>", b"<t>" + b"x" * 5000 + b"</t>"), "has more than 4000 characters"),
        (replaced(SHEET, b"</sheetData>", b"</sheetData>" + MERGES * 4000), "has merged cells that overlap"),
        (
            replaced(SHEET, b"</sheetData>", b"</sheetData>" + MERGES * 20_000),
            "has a sheet with more than 10000 merged",
        ),
    ],
    ids="doctype far-away rows columns not-xml no-sheet no-book another half long-text overlap merges".split(),
)
def test_workbooks_that_no_program_wrote(tmp_path, change, message):
    """Refused with what is wrong."""
    path = changed(workbook(tmp_path / "flows.xlsx", Flows=[COLUMNS, *([ROW] * 500)]), change)
    assert message in run(path).told[0]


def test_a_sheet_s_name_cannot_leave_the_comment(tmp_path):
    """Nor be anything but one line."""
    path = workbook(tmp_path / "flows.xlsx", Flows=[COLUMNS, ROW])
    done = run(changed(path, replaced("xl/workbook.xml", b'name="Flows"', b'name="F&#10;product: other"')))
    assert done.product.read_text().startswith("# The flows of flows.xlsx, sheet F product: other as a product")
    assert "flows" in done.catalog.products


@pytest.mark.parametrize(
    "change",
    [
        replaced(TEXTS, b'niqueCount="', b'niqueCount="4294967295'),
        replaced(SHEET, b'ref="A1:E2"', b'ref="A1:XFD1048576"'),
        replaced("xl/styles.xml", b'cellXfs count="1"', b'cellXfs count="4294967295"'),
        replaced("xl/workbook.xml", b"<sheets>", b'<definedNames count="4294967295"/><sheets>'),
    ],
    ids=["texts", "dimension", "formats", "names"],
)
def test_counts_in_the_file_are_not_believed(tmp_path, change):
    """Nothing is reserved because the file says that much will come."""
    path = changed(workbook(tmp_path / "flows.xlsx", Flows=[COLUMNS, ROW]), change)
    assert run(path).flows == [("App", "DB", "tcp 1433")]


def test_a_bomb_is_not_unpacked(tmp_path):
    """Whatever the archive's directory says of its sizes."""
    path = workbook(tmp_path / "flows.xlsx", Flows=[COLUMNS, ROW])
    honest = changed(path, lambda name, part: part + b" " * 60_000_000 if name == SHEET else part)
    assert honest.stat().st_size < 100_000
    assert run(honest).told == [f"{path}: unpacks to more than 25 MB"]
    size = (60_000_000 + len(zipfile.ZipFile(honest).read(SHEET)) - 60_000_000).to_bytes(4, "little")
    lying = honest.read_bytes().replace(size, (1000).to_bytes(4, "little"))
    honest.write_bytes(lying)
    assert "is not a whole Excel workbook" in run(honest).told[0]


def test_one_text_in_many_cells_is_there_once(tmp_path):
    """Texts are shared in the file, and in memory."""
    long = "x" * 4000
    cells = [(f"App {i}", "DB", "tcp", 1, *[long] * 150) for i in range(200)]
    path = workbook(tmp_path / "flows.xlsx", Flows=[(*COLUMNS[:4], *[f"Column {i}" for i in range(150)]), *cells])
    tracemalloc.start()
    table = read_sheets(path.read_bytes(), "flows.xlsx", None)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(len(cell) for row in table.rows for cell in row.cells) > 100_000_000
    assert peak < 30_000_000
