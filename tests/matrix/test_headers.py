"""Which column says what: in the words of people, below title lines, in two rows, or by a mapping."""

import pytest

from portwright.errors import InvalidInput
from portwright.matrix.headers import headers_of, parse_mapping
from portwright.matrix.table import Row, Table


def read(*rows, **mapping):
    table = Table("flows.csv", tuple(Row(line, tuple(cells)) for line, cells in enumerate(rows, 1)))
    return headers_of(table, mapping)


def named(*headers, **mapping):
    """The header of each field."""
    found = read(headers, **mapping)
    return {name: headers[column] for name, column in found.columns.items()}


@pytest.mark.parametrize(
    ("source", "destination", "ports"),
    [
        ("Source", "Destination", "Port"),
        ("src", "dst", "Ports"),
        ("From", "To", "Dst Port"),
        ("SOURCE HOST", "DESTINATION HOST", "Destination Port(s)"),
        ("Source IP", "Destination IP", "dest_port"),
        ("Source Zone", "Destination Zone", "Port (TCP/UDP)"),
        ("Quelle", "Ziel", "Zielport"),
        ("Von", "Nach", "Ports / Protocol"),
        ("Quellsystem", "Zielsystem", "Portnummer"),
        ("Quell-IP", "Ziel-IP", "Ziel-Port"),
        ("Absender", "Empfänger", "Port"),
        ("Quelle (Hostname/IP)", "Ziel (Hostname/IP)", "Port"),
        ("IP Source", "IP Destination", "Port Destination"),
        ("Origen", "Destino", "Puerto"),
        ("Source", "Destination", "Service"),
        ("von", "nach", "Dienst"),
        ("Quellsystem / Host", "Ziel / Server", "Zielport(e) / Protokoll"),
    ],
)
def test_usual_headers_are_understood(source, destination, ports):
    """In several languages, in any case, with blanks, hyphens and parentheses."""
    found = named(source, destination, ports)
    assert (found["source"], found["destination"]) == (source, destination)
    assert ports in (found.get("ports"), found.get("service"))


@pytest.mark.parametrize(
    ("field", "header"),
    [
        ("protocol", "Protokoll"),
        ("protocol", "Proto."),
        ("purpose", "Verwendungszweck"),
        ("purpose", "Begründung"),
        ("purpose", "Comments"),
        ("purpose", "Bemerkung / Zweck"),
        ("source_ports", "Source Port"),
        ("source_ports", "Quellport"),
        ("condition", "Bedingung"),
        ("phase", "Phase"),
        ("number", "Lfd. Nr."),
        ("number", "#"),
        ("direction", "Richtung"),
        ("action", "Action"),
        ("necessity", "Necessity"),
    ],
)
def test_other_fields_are_understood(field, header):
    """Those that a matrix may do without."""
    assert named("Source", "Destination", "Port", header)[field] == header


def test_the_best_of_several_columns_is_taken():
    """A purpose before a comment, a name before an address; the address is kept beside the name."""
    headers = ("Source IP", "Source", "Ziel", "Ziel-IP", "Port", "Comment", "Purpose")
    assert named(*headers) == {
        "source": "Source", "source_addresses": "Source IP", "destination": "Ziel", "destination_addresses": "Ziel-IP",
        "ports": "Port", "purpose": "Purpose",
    }  # fmt: skip


def test_ports_of_the_destination_come_before_any_others():
    """`Port` may be that of the source where there is `Destination Port` too."""
    assert named("Source", "Port", "Destination", "Destination Port")["ports"] == "Destination Port"


def test_the_header_may_stand_below_title_lines():
    """The first row that names most is the header."""
    found = read(["Flow matrix", ""], [], ["Version 3, from the network team"], ["From", "To", "Port"], ["a", "b", "1"])
    assert found.place == 3


def test_a_header_of_two_rows_is_read_as_one():
    """`Source` over `Name` and `Port`."""
    found = read(["Source", "", "Destination", ""], ["Name", "Port", "Name", "Port"])
    assert found.columns == {"source": 0, "source_ports": 1, "destination": 2, "ports": 3}
    assert not found.twice


def test_a_header_of_two_rows_may_have_headers_in_the_upper_one_only():
    """Merged cells look so in CSV."""
    found = read(["No.", "Quelle", "", "Ziel", "", "Dienst"], ["", "Hostname", "IP", "Hostname", "IP", ""])
    assert found.place == 1
    assert found.columns == {
        "number": 0, "source": 1, "source_addresses": 2, "destination": 3, "destination_addresses": 4, "service": 5
    }  # fmt: skip


@pytest.mark.parametrize("first", [["", "", "", ""], ["DMZ", "", "", ""], ["", "", "443", "note"]])
def test_a_row_below_the_header_is_no_part_of_it(first):
    """However empty it is."""
    assert read(["From", "To", "Port", "Purpose"], first).place == 0


def test_a_mapping_comes_before_what_is_understood():
    """And leaves the other columns to their headers."""
    assert named("Von Server", "Ziel", "Port", source="von server")["source"] == "Von Server"
    assert named("Source", "Real source", "Ziel", "Port", source="Real source")["source"] == "Real source"
    assert named("Source", "Ziel", "Port", "Port", ports="#4", source_ports="#3") == {
        "source": "Source", "destination": "Ziel", "ports": "Port", "source_ports": "Port"
    }  # fmt: skip
    assert "phase" not in named("Source", "Ziel", "Port", "Phase", phase="")


def test_columns_that_say_nothing_are_told():
    """Those of a plan that only repeat what others say are not worth a word."""
    assert read(["Source", "Destination", "Port", "Ticket", "Flow", "Path"]).unused == ("Ticket",)


def test_equal_headers_are_told():
    """Which of two columns `Port` is that of the destination, nobody can know."""
    assert read(["Source", "Port", "Destination", "Port"]).twice == {"ports": (1, 3)}


def test_rows_without_ends_are_no_header():
    """One word alone names no columns."""
    assert read(["Source"], ["of", "all", "evil"]) is None


def test_a_mapping_from_the_command_line():
    """Fields also by their short names; every mistake is told."""
    assert parse_mapping(["from=Von Server", "port=#4", "phase="]) == {
        "source": "Von Server",
        "ports": "#4",
        "phase": "",
    }
    with pytest.raises(InvalidInput) as refused:
        parse_mapping(["color=Red", "source", "to=A", "destination=B"])
    assert [problem.message for problem in refused.value.problems] == [
        "--map color=Red: is no FIELD=HEADER",
        "--map source: is no FIELD=HEADER",
        "--map destination=B: destination has a column already",
    ]
