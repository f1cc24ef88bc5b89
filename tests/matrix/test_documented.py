"""What docs/import.md says of columns, cells and limits is true."""

import re
from pathlib import Path

import pytest

from portwright.matrix import archive, flows, table
from portwright.matrix.cells import read_transports
from portwright.matrix.headers import FIELDS, headers_of
from portwright.matrix.table import Row, Table

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


def rows(section):
    """The cells of the table in a section of the page, in pairs of code words and the rest."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", row[0]), *row[1:]) for row in found]


def test_every_field_has_its_row():
    """And no row is about something else."""
    assert sorted(name for names, *_ in rows("Columns") for name in names) == sorted(FIELDS)


@pytest.mark.parametrize(("names", "headers"), [row[:2] for row in rows("Columns")], ids=lambda row: str(row)[:30])
def test_the_headers_shown_are_understood(names, headers):
    """Each as the field of its row, beside a source, a destination and ports."""
    for header in headers.split(", "):
        cells = (header, *(f"{noun} name" for noun in ("Source", "Destination")), "Destination Port")
        found = headers_of(Table("", (Row(1, cells),)), {})
        beside = headers_of(Table("", (Row(1, (header, "To", "Service")),)), {})
        understood = {name for one in (found, beside) if one for name, at in one.columns.items() if at == 0}
        assert understood & set(names), header


@pytest.mark.parametrize("written", [word for words, *_ in rows("Protocols and ports") for word in words])
def test_the_cells_shown_are_understood(written):
    """By themselves or beside a protocol."""
    transports, _ = read_transports("", written, "")
    assert transports


def test_the_limits_are_those_of_the_code():
    """Sizes and counts."""
    limits = (
        table.MAX_BYTES // 2**20,
        archive.MAX_XML // 2**20,
        table.MAX_ROWS,
        table.MAX_COLUMNS,
        table.MAX_CELL,
        flows.MAX_FLOWS,
    )
    text = "{} MB (a workbook {} MB unpacked), {} rows,\n{} columns, {} characters in a cell, and {} flows".format(
        *limits
    )
    assert text.replace("20000", "20 000") in PAGE
