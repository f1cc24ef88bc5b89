"""`portwright import`: from the rows of a matrix to a product that the catalog reads."""

import pytest
from tests.matrix.importing import (
    CATALOG,
    COLUMNS,
    command,
    errors,
    from_rows,
    from_text,
    rows_by_command,
    text_by_command,
    text_of,
)  # fmt: skip

from portwright.catalog.model import Necessity, Phase

ROWS = (
    ("App server", "sql/engine", "TCP", "1433", "read master data"),
    ("Web 1", "App server", "TCP", "80, 443", "call the service"),
    ("App server", "Mail", "ICMP", "", ""),
)


def test_rows_become_requirements(tmp_path):
    """Each with its ends, its service and the row that it comes from."""
    done = from_rows(tmp_path, *ROWS)
    assert done.flows == [
        ("App server", "Mail", "icmp"),
        ("App server", "SQL Server database engine", "tcp 1433"),
        ("Web 1", "App server", "tcp 80,443"),
    ]
    found = done.requirements["flows.web-1-app-server-tcp-80-443"]
    assert (found.product, found.purpose, found.citations) == ("flows", "call the service", ("FLOWS3",))
    citation = done.catalog.citations["FLOWS3"]
    assert (citation.lines, done.catalog.references[citation.reference].title) == ("3", "flows.csv")


def test_a_row_without_purpose_gets_a_sentence(tmp_path):
    """Made of its ends."""
    done = from_rows(tmp_path, *ROWS)
    assert done.requirements["flows.app-server-mail-icmp"].purpose == "reach Mail by ICMP echo"


def test_the_summary_counts_what_there_is(tmp_path):
    """On standard output; what was left out, and why, too."""
    done = rows_by_command(tmp_path, *ROWS, [""] * 5, ["DMZ"], ["a", "b", "", "22", ""], COLUMNS, ["", ""])
    assert done.out.splitlines() == [
        f"{done.product}: 4 requirements, 4 services, 5 components from 4 rows of flows.csv",
        "  of the catalog: sql/engine",
        "  row 7: no protocol, taken as TCP",
        "  row 5 skipped: empty",
        "  row 6 skipped: one text only, taken as a heading",
        "  row 8 skipped: the header again",
    ]


def test_columns_that_say_nothing_are_told_once(tmp_path):
    """On standard error."""
    done = rows_by_command(
        tmp_path, ("a", "b", "tcp", "1", "x", "y"), header=("From", "To", "Proto", "Port", "Ticket", "Color")
    )
    assert done.err == f"{tmp_path / 'flows.csv'}: columns not used: 'Ticket', 'Color'\n"


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("sql/engine", "sql/engine"),
        ("SQL Server database engine", "sql/engine"),
        ("domain  CONTROLLER", "ad/domain-controller"),
        ("crm/front-end", "crm/front-end"),
        ("Front End Server", "crm/front-end"),
    ],
)
def test_ends_that_the_catalog_knows_are_its_components(tmp_path, text, component):
    """By id or title; the product then needs the other one."""
    done = from_rows(tmp_path, ("App", text, "tcp", "1433", ""))
    [requirement] = done.requirements.values()
    assert requirement.destination == component
    assert done.catalog.products["flows"].needs == (CATALOG.components[component].product,)


def test_a_bundle_of_the_catalog_is_no_end(tmp_path):
    """No host has it as a role, only what it includes: the end becomes a component of its own."""
    done = from_rows(tmp_path, ("App", "Full Server", "tcp", "443", ""))
    assert [one.destination for one in done.requirements.values()] == ["flows/full-server"]


def test_several_ends_in_a_cell(tmp_path):
    """Lines, commas and semicolons part them, but not inside of parentheses."""
    done = from_rows(tmp_path, ("A\nB; C", "D, E (east, west)", "tcp", "1", ""))
    assert {(source, destination) for source, destination, _ in done.flows} == {
        (source, destination) for source in "ABC" for destination in ("D", "E (east, west)")
    }


@pytest.mark.parametrize("word", ["<->", "both", "Bidirectional", "beidseitig", "↔"])
def test_both_directions_are_two_requirements(tmp_path, word):
    """Each end opens connections to the other."""
    done = from_rows(tmp_path, ("A", "B", "tcp", "445", word), header=(*COLUMNS[:4], "Direction"))
    assert done.flows == [("A", "B", "tcp 445"), ("B", "A", "tcp 445")]


@pytest.mark.parametrize(
    ("word", "flow"), [("->", ("A", "B")), ("out", ("A", "B")), ("", ("A", "B")), ("<-", ("B", "A"))]
)
def test_one_direction_is_one(tmp_path, word, flow):
    """An arrow to the left turns the flow; words such as `inbound` do not: source and destination say it."""
    done = from_rows(tmp_path, ("A", "B", "tcp", "445", word), header=(*COLUMNS[:4], "Direction"))
    assert done.flows == [(*flow, "tcp 445")]


def test_rows_that_repeat_are_one_requirement_with_both_citations(tmp_path):
    """However the ends and the ports are written."""
    done = from_rows(
        tmp_path, ("App", "DB", "tcp", "80, 443", "work"), ("APP", " db", "6", "443/tcp, 80", "and play"),
    )  # fmt: skip
    [found] = done.requirements.values()
    assert (found.purpose, found.citations) == ("and play; work", ("FLOWS2", "FLOWS3"))


def test_the_order_of_the_rows_does_not_change_the_names(tmp_path):
    """Nor do rows that are added."""
    one = set(from_rows(tmp_path, *ROWS).requirements)
    (tmp_path / "again").mkdir()
    other = set(from_rows(tmp_path / "again", ("X", "Y", "udp", "1", ""), *reversed(ROWS)).requirements)
    assert other - one == {"flows.x-y-udp-1"}
    assert one < other


def test_names_that_look_alike_stay_apart(tmp_path):
    """Ends of other scripts, or that differ in signs only, get components of their own."""
    ends = ["数据库", "服务器", "App-Server", "App Server", "x" * 200 + "1", "x" * 200 + "2", "Größe", "groesse"]
    done = from_rows(tmp_path, *((end, "Ziel", "tcp", "1", "") for end in ends))
    assert len(done.flows) == len(ends)
    assert {source for source, _, _ in done.flows} == set(ends)


def test_source_ports_are_kept_where_they_are_fixed(tmp_path):
    """They are not those of protocols that have none."""
    header = ("Source", "Source Port", "Destination", "Port", "Protocol")
    done = from_rows(tmp_path, ("A", "123", "B", "123", "UDP, ICMP"), ("A", "any", "C", "1", "TCP"), header=header)
    assert [one.source_ports for _, one in sorted(done.requirements.items())] == [(), ((123, 123),), ()]


def test_phase_necessity_and_condition(tmp_path):
    """A condition on settings of the catalog is one; any other text goes with the purpose, and that is told."""
    header = (*COLUMNS, "Phase", "Necessity", "Condition")
    done = rows_by_command(
        tmp_path,
        ("A", "B", "tcp", "1", "log in", "Setup", "optional", "authentication = claims"),
        ("A", "B", "tcp", "2", "log in", "Betrieb", "ja", "only on Mondays"),
        header=header,
    )
    first, second = (done.requirements[f"flows.a-b-tcp-{name}"] for name in ("1-setup-optional", "2"))
    assert (first.phase, first.necessity) == (Phase.SETUP, Necessity.OPTIONAL)
    assert first.when.settings == (("authentication", ("claims",)),)
    assert (second.phase, second.necessity) == (Phase.RUN, Necessity.REQUIRED)
    assert second.purpose == "log in (only on Mondays)"
    assert "  row 3: the condition names no setting of the catalog: taken as always needed" in done.out.splitlines()


def test_a_setting_that_is_there_twice_is_no_condition(tmp_path):
    """Both cannot hold; the text is kept, and the flow is always needed."""
    condition = "authentication = claims, authentication = integrated"
    done = from_rows(tmp_path, ("A", "B", "tcp", "1", condition), header=(*COLUMNS[:4], "Condition"))
    [found] = done.requirements.values()
    assert found.when.settings == ()
    assert found.purpose == f"reach B by TCP 1 ({condition})"


def test_columns_for_tcp_and_udp(tmp_path):
    """With ports in them, or with marks beside a column of ports."""
    done = from_rows(
        tmp_path, ("A", "B", "80, 443", ""), ("A", "C", "53", "53"), ("A", "D", "-", "any"),
        header=("From", "To", "TCP Ports", "UDP Ports"),
    )  # fmt: skip
    assert done.flows == [
        ("A", "B", "tcp 80,443"),
        ("A", "C", "tcp 53"),
        ("A", "C", "udp 53"),
        ("A", "D", "udp 0-65535"),
    ]
    rows = [("A", "B", "53", "x", "x"), ("A", "C", "80", "x", "")]
    done = from_rows(tmp_path, *rows, header=("From", "To", "Port", "TCP", "UDP"), options=("--force",))
    assert done.flows == [("A", "B", "tcp 53"), ("A", "B", "udp 53"), ("A", "C", "tcp 80")]


def test_rows_that_deny_need_nothing(tmp_path):
    """They are skipped, and told."""
    header = (*COLUMNS[:4], "Action")
    done = rows_by_command(tmp_path, ("A", "B", "tcp", "1", "allow"), ("A", "B", "tcp", "2", "Deny"), header=header)
    assert done.flows == [("A", "B", "tcp 1")]
    assert "  row 3 skipped: denies, and so needs nothing open" in done.out


def test_addresses_beside_names_are_kept_with_the_component(tmp_path):
    """So that whoever places it knows where it was."""
    header = ("Source", "Source IP", "Destination", "Destination IP", "Port")
    done = from_rows(tmp_path, ("app", "10.0.0.1 10.0.0.2", "db", "10.0.1.1", "tcp/1"), header=header)
    about = {id: one.about for id, one in done.catalog.components.items() if one.product == "flows"}
    assert about == {"flows/app": "in the matrix at 10.0.0.1, 10.0.0.2", "flows/db": "in the matrix at 10.0.1.1"}


def test_addresses_alone_are_the_ends(tmp_path):
    """Where there are no names."""
    done = from_rows(tmp_path, ("10.0.0.1", "10.1.0.0/24", "tcp/1"), header=("Source IP", "Destination IP", "Port"))
    assert done.flows == [("10.0.0.1", "10.1.0.0/24", "tcp 1")]


PLAN = """\
Source,Source addresses,Destination,Destination addresses,Protocol,Ports,Service,Purpose,Phase,Necessity,Path,Citations,Flow,Requirement
staff,10.10.0.0/16,fe01,10.20.0.11,tcp,80,crm/web,use CRM,run,required,core-fw,P2 P40,crm.web/staff>fe01,crm.web
fe01,10.20.0.11,sql01,10.30.0.21,tcp,51433,sql/tds,store and read data,run,required,"core-fw, data-fw",P68,crm.database/fe01>sql01,crm.database
fe01,10.20.0.11,dc01,10.30.0.5,udp,53,dns/query,find other computers,run,required,,P14,dns.lookup/fe01>dc01,dns.lookup
staff,10.10.0.0/16,fe01,10.20.0.11,icmp,echo,windows/echo,see that it is there,administer,optional,core-fw,X1,windows.ping/staff>fe01,windows.ping
"""  # noqa: E501


def test_a_plan_comes_back_as_it_went_out(tmp_path):
    """The table that `plan --format csv` writes: the same flows, phases, purposes and citations."""
    done = text_by_command(tmp_path, PLAN)
    assert done.err == ""
    assert done.flows == [
        ("fe01", "dc01", "udp 53"),
        ("fe01", "sql01", "tcp 51433"),
        ("staff", "fe01", "icmp"),
        ("staff", "fe01", "tcp 80"),
    ]
    found = done.requirements
    assert found["flows.staff-fe01-tcp-80"].citations == ("FLOWS2", "P2", "P40")
    assert found["flows.staff-fe01-icmp-administer-optional"].necessity is Necessity.OPTIONAL
    assert found["flows.fe01-sql01-tcp-51433"].purpose == "store and read data"
    assert done.catalog.services["flows/fe01-tcp-80"].title == "crm/web"


def test_every_problem_is_told_at_once(tmp_path):
    """With row, column and what is wrong; nothing is written."""
    done = rows_by_command(
        tmp_path,
        ("", "B", "tcp", "1", ""),
        ("A", "-", "tpc", "1", ""),
        ("A", "B", "tcp", "99999", ""),
        ("A", "B", "udp", "tcp/1", ""),
    )
    assert done.status == 2
    assert errors(done) == [
        [2, 1, "the row has no source"],
        [3, 2, "the row has no destination"],
        [3, 3, "'tpc' is not an IP protocol"],
        [4, 4, "'99999' is not a port (0 to 65535)"],
        [5, 4, "says tcp, and the protocol column udp"],
    ]
    assert not done.product.exists()


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("Phase", "Phase 2", "'Phase 2' is no phase that is known"),
        ("Direction", "upward", "'upward' is no direction"),
        ("Action", "maybe", "'maybe' is neither allow nor deny"),
        ("Necessity", "perhaps", "'perhaps' is no necessity that is known"),
        ("Condition", "authentication = kerberos", "authentication is never 'kerberos'"),
        ("Source Port", "high and low", "'high' is neither a port nor the name of a service"),
    ],
)
def test_words_of_other_columns_are_not_guessed(tmp_path, header, row, message):
    """What is not known is a problem, with what could be written instead."""
    done = from_rows(tmp_path, ("A", "B", "tcp", "1", row), header=(*COLUMNS[:4], header))
    assert errors(done) == [[2, 5, message]]


def test_a_column_can_be_left_out(tmp_path):
    """By mapping its field to nothing."""
    done = rows_by_command(
        tmp_path, ("A", "B", "tcp", "1", "Phase 2"), header=(*COLUMNS[:4], "Phase"), options=("--map", "phase=")
    )
    assert done.flows == [("A", "B", "tcp 1")]
    assert "columns not used: 'Phase'" in done.err


def test_columns_by_mapping(tmp_path):
    """Headers that nobody could know."""
    options = ("--map", "source=Von Server", "--map", "destination=An System", "--map", "ports=Freigabe")
    header = ("An System", "Von Server", "Freigabe")
    assert from_rows(tmp_path, ("B", "A", "tcp/1"), header=header, options=options).flows == [("A", "B", "tcp 1")]


def test_a_table_without_header(tmp_path):
    """By the numbers of its columns; its first row is a flow."""
    options = ("--map", "source=#1", "--map", "destination=#2", "--map", "protocol=#3", "--map", "ports=#4")
    assert from_text(tmp_path, "A;B;tcp;1\nA;C;udp;2\n", *options).flows == [("A", "B", "tcp 1"), ("A", "C", "udp 2")]


@pytest.mark.parametrize(
    ("header", "options", "message", "hint"),
    [
        (
            ("Von", "Nach", "Zeug"), (),
            "there is no column for the ports",
            "the headers are 'Von', 'Nach', 'Zeug'; say which one it is: --map ports='...'",
        ),
        (
            ("Eins", "Zwei", "Drei"), (),
            "no row names the columns for source, destination and ports; one has 'Eins', 'Zwei', 'Drei'",
            "say which column is which: --map source='...' --map destination='...' --map ports='...'",
        ),
        (
            ("Von", "Nach", "Port"), ("--map", "purpose=Why"),
            "--map purpose=Why: there is no such header",
            "the headers are 'Von', 'Nach', 'Port'",
        ),
        (
            ("Von", "Nach", "Port"), ("--map", "purpose=#9"),
            "--map purpose=#9: there is no such header",
            "the headers are 'Von', 'Nach', 'Port'",
        ),
        (
            ("Port", "Source", "Port", "Target"), (),
            "2 columns could be the ports",
            "say which one by its number: --map ports='#1' or --map ports='#3'",
        ),
    ],
)  # fmt: skip
def test_a_header_that_does_not_say_enough(tmp_path, header, options, message, hint):
    """The message names what there is and how to say what is meant."""
    done = from_rows(tmp_path, ("a", "b", "c", "d")[: len(header)], header=header, options=options)
    assert [(one.message, one.hint, one.line) for one in done.problems] == [(message, hint, 1)]


def test_the_product_has_the_name_and_title_given(tmp_path):
    """Its parts begin with it; a period cannot stand in their names."""
    done = rows_by_command(tmp_path, *ROWS, options=("--product", "erp-4.7", "--title", "The ERP system"))
    product = done.catalog.products["erp-4.7"]
    assert product.title == "The ERP system"
    assert "erp-4-7/mail" in done.catalog.components
    assert "erp-4.7.app-server-mail-icmp" in done.catalog.requirements


@pytest.mark.parametrize(
    ("product", "message"),
    [
        ("sql-server", "--product sql-server: the catalog has this product already"),
        ("Not A Name", "--product Not A Name: 'Not A Name' is not the name of a product"),
        ("x" * 41, "has at most 40 characters"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path, product, message):
    """Before anything is read."""
    done = rows_by_command(tmp_path, *ROWS, options=("--product", product))
    assert message in done.told[0]


def test_a_product_file_is_not_overwritten_unasked(tmp_path):
    """With --force it is, and only by a whole one."""
    done = rows_by_command(tmp_path, *ROWS)
    before = done.product.read_text()
    again = rows_by_command(tmp_path, ROWS[0])
    assert again.told == [f"{done.product}: exists already"]
    assert rows_by_command(tmp_path, ("A", "", "tcp", "1", ""), options=("--force",)).status == 2
    assert done.product.read_text() == before
    assert len(rows_by_command(tmp_path, ROWS[0], options=("--force",)).flows) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flows.csv", "product.yaml"]


def test_the_file_says_where_it_comes_from_and_how_to_use_it(tmp_path):
    """In comments at its top."""
    done = from_rows(tmp_path, *ROWS, options=("--product", "erp"))
    head = done.product.read_text().split("\n\n")[0]
    assert head.startswith("# The flows of flows.csv as a product of the catalog, written by `portwright import`.")
    assert "#   catalog: FOLDER\n#   products: [erp]" in head
    assert "roles: [erp/app-server]" in head


def test_texts_stay_texts(tmp_path):
    """Whatever they would mean in YAML, in a formula or to a terminal."""
    ends = [
        "yes",
        "~",
        "1.10",
        "# no",
        "a: b",
        "{x}",
        "*alias",
        "=cmd|' /C calc'!A0",
        "'=1",
        '"',
        "!!python/none",
        "\x1b[31m",
    ]
    done = from_rows(tmp_path, *((end, f"to {end}", "tcp", "1", end) for end in ends))
    assert {source for source, _, _ in done.flows} == {*ends[:-1], "[31m"} - {"'=1"} | {"=1"}


def test_a_name_cannot_leave_the_comment(tmp_path):
    """Names of files, with line ends and what commands a terminal."""
    name = "flows\nproduct: other\x1b[2J.csv"
    done = text_by_command(tmp_path, text_of([COLUMNS, *ROWS]), "--product", "p", "--title", "a\nb\udcff", name=name)
    assert done.catalog.products["p"].title == "a b \ufffd".replace(" \ufffd", "\ufffd")
    assert done.product.read_text().startswith("# The flows of flows product: other\ufffd[2J.csv as a product")


def test_nothing_below_the_header(tmp_path):
    """A matrix without flows is no matrix."""
    assert from_rows(tmp_path).told == [f"{tmp_path / 'flows.csv'}:1: has no flow below the header row"]


def test_a_missing_file_is_told(tmp_path):
    """As what it is."""
    assert command(tmp_path / "none.csv").told == [f"{tmp_path / 'none.csv'}: there is no such file"]
    assert "cannot be read" in command(tmp_path).told[0]


def test_a_thousand_rows_take_moments(tmp_path):
    """And the file is still one that the catalog reads."""
    rows = [(f"host {i}", f"host {i + 1}", "tcp", str(i + 1), f"purpose {i}") for i in range(1000)]
    assert len(text_by_command(tmp_path, text_of([COLUMNS, *rows])).requirements) == 1000
