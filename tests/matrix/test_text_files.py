"""CSV as spreadsheets and databases write it."""

import pytest
from tests.matrix.importing import CATALOG, COLUMNS, from_text, text_by_command, text_of

from portwright.matrix.cells import Transport
from portwright.matrix.read import read_matrix

ROWS = [COLUMNS, ("Büro-PC", "DB – Süd", "tcp", "80, 443", 'say "hello";\nand work')]
FLOW = ("Büro-PC", "DB – Süd", "tcp 80,443")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_dialects(tmp_path, delimiter, encoding, end):
    """Delimiter, encoding and line ends are found out."""
    text = text_of(ROWS, delimiter, lineterminator=end)
    path = tmp_path / "flows.csv"
    path.write_bytes((("\ufeff" if encoding == "utf-16-le" else "") + text).encode(encoding))
    [flow] = read_matrix(str(path), None, {}, CATALOG).flows
    assert (flow.source, flow.destination, flow.purpose) == ("Büro-PC", "DB – Süd", 'say "hello"; and work')
    assert flow.transport == Transport(6, ((80, 80), (443, 443)))


def test_a_table_of_a_web_page_or_wiki(tmp_path):
    """Markdown: the line of dashes is no flow."""
    done = text_by_command(
        tmp_path, "# Ports\n\n| From | To | Proto | Port |\n|---|---|---|---:|\n| A | B | TCP | 8080/8443 |\n"
    )
    assert done.flows == [("A", "B", "tcp 8080,8443")]
    assert "row 4 skipped: a line of signs" in done.out


def test_excel_s_own_first_line(tmp_path):
    """`sep=;` is no row."""
    done = from_text(tmp_path, "sep=;\r\n" + text_of(ROWS, ";"))
    assert [one.citations for one in done.requirements.values()] == [("FLOWS3",)]


def test_titles_with_other_delimiters_do_not_confuse(tmp_path):
    """The delimiter is the one under which the header is understood."""
    title = "Flows, version 3, of the network, security, and database teams\n\n"
    assert from_text(tmp_path, title + text_of(ROWS, ";")).flows == [FLOW]


def test_lines_are_those_of_the_file(tmp_path):
    """Cells with several lines, title lines and empty lines count."""
    text = 'Title\n\nFrom,To,Port\n"A\nB",C,tcp/1\nD,E,tcp/x\n'
    assert from_text(tmp_path, text).told == [
        f"{tmp_path / 'flows.csv'}:6:3: 'x' is neither a port nor the name of a service"
    ]


def test_a_quotation_mark_left_open_is_told(tmp_path):
    """Everything after it would be one cell."""
    done = from_text(tmp_path, 'From,To,Port\nA,B,tcp/1\nA,"B,tcp/2\nC,D,tcp/3\n')
    assert done.told == [f"{tmp_path / 'flows.csv'}:3: is not CSV: unexpected end of data"]


def test_one_left_open_before_a_long_rest_too(tmp_path):
    """A cell that never ends is not read to the end."""
    done = from_text(tmp_path, 'From,To,Port\nA,B,tcp/1\nA,"B,tcp/2\n' + "C,D,tcp/3\n" * 20_000)
    assert done.told == [f"{tmp_path / 'flows.csv'}:3: is not CSV: field larger than field limit (131072)"]


@pytest.mark.parametrize(
    "text",
    ["," * 2_000_000, '"\n",' * 500_000, ";\n" * 500_000, "Source,\n" * 500_000],
    ids="commas quotes semicolons headers".split(),
)
def test_large_files_without_a_table_are_refused_soon(tmp_path, text):
    """Whatever they are full of."""
    assert len(from_text(tmp_path, text).told) == 1


def test_what_nobody_sees_does_not_count(tmp_path):
    """Zero-width characters, no-break spaces and soft hyphens."""
    text = "From,To,Port\nA\u200b pp,D\u00adB,tcp/443\n\ufeffA\u00a0pp, DB\u200d,\u00a0tcp/443\u00a0\n"
    assert from_text(tmp_path, text).flows == [("A pp", "DB", "tcp 443")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no table"),
        (b"\n\n\n", "holds no table"),
        (b"\0\1\2\3" * 100, "is neither text nor an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is neither text nor an Excel workbook"),
        (b"\xff\xfea", "is neither text nor an Excel workbook"),
        (b"%PDF-1.7 flows", "no row names the columns for source, destination and ports; one has '%PDF-1.7 flows'"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook (.xls), or protected by a password"),
        (b"PK\x03\x04" + b"x" * 100, "is not a whole Excel workbook: File is not a zip file"),
    ],
)
def test_what_is_no_matrix_is_told(tmp_path, content, message):
    """By what it is, with what would be one."""
    done = from_text(tmp_path, content.decode("latin-1"), encoding="latin-1")
    assert [problem.message for problem in done.problems] == [message]


def test_a_sheet_of_a_text_file_is_none(tmp_path):
    """Only workbooks have sheets."""
    assert "has no sheets" in from_text(tmp_path, text_of(ROWS), "--sheet", "Flows").told[0]
