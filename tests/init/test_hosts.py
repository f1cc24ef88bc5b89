"""Tables of hosts as people keep them, and what is wrong with them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.init import hosts
from portwright.init.hosts import parse_hosts, read_hosts, suggest_role

CATALOG = load_catalog()


def parsed(text):
    """The rows as name, addresses, roles and what is unknown."""
    return [
        (row.name, *map(str, row.addresses), *row.roles, *(f"?{word}" for word in row.unknown))
        for row in parse_hosts(text, "hosts.csv", CATALOG)
    ]


def problems(text):
    """What is wrong, by line."""
    with pytest.raises(InvalidInput) as wrong:
        parse_hosts(text, "hosts.csv", CATALOG)
    assert {problem.file for problem in wrong.value.problems} == {"hosts.csv"}
    return [(problem.line, problem.message) for problem in wrong.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        "name,address,role\nfe01,10.20.0.11,crm/front-end\n",
        "Name;Address;Role\r\nfe01;10.20.0.11;crm/front-end\r\n",
        "Host Name\tIP Address\tRoles\nfe01\t10.20.0.11\tcrm/front-end\n",
        '\ufeff"Hostname","Location","IP-Address","Component"\n"fe01","Building 7","10.20.0.11","CRM/Front-End"\n',
        "role,ip,host\nFront End Server,10.20.0.11,fe01\n",
        "# from the inventory\n\n  ,,\nserver, ip, function\nfe01, 10.20.0.11/24, front-end\n\n",
        "fqdn,host,ipv4,ipv6,role\nfe01,ignored,10.20.0.11,,front end\n",
        "name,address,role\nfe01,10.20.0.11,crm/front-end",
        "Rechner;IP-Adresse;Funktion\nfe01;10.20.0.11;CRM Frontend\n",
    ],
    ids=range(9),
)
def test_columns_have_many_names(text):
    """In any order, with any separator, with or without quotes, byte-order mark, comments and other columns."""
    assert parsed(text) == [("fe01", "10.20.0.11", "crm/front-end")]


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        ("fe01,10.0.0.1 10.0.0.2,", ("fe01", "10.0.0.1", "10.0.0.2")),
        ("fe01,10.0.0.1; fd00::1,", ("fe01", "10.0.0.1", "fd00::1")),
        ("fe01,10.0.0.1|10.0.0.2,", ("fe01", "10.0.0.1", "10.0.0.2")),
        ('fe01,"10.0.0.1\n10.0.0.2",', ("fe01", "10.0.0.1", "10.0.0.2")),
        ("dc01,10.0.0.1,ad/global-catalog dns/server", ("dc01", "10.0.0.1", "ad/global-catalog", "dns/server")),
        ("dc01,10.0.0.1,global catalog server; DNS server", ("dc01", "10.0.0.1", "ad/global-catalog", "dns/server")),
        ("dc01,10.0.0.1,dns/server|dns/server", ("dc01", "10.0.0.1", "dns/server")),
        ("fe01,10.0.0.1,web shop", ("fe01", "10.0.0.1", "?web shop")),
        ("fe01,10.0.0.1,sql/engine shop", ("fe01", "10.0.0.1", "sql/engine", "?shop")),
        ("fe01,10.0.0.1,server", ("fe01", "10.0.0.1", "?server")),  # of which product?
        ("fe01,10.0.0.1", ("fe01", "10.0.0.1")),
        ("fe01,10.0.0.1,,more,and more", ("fe01", "10.0.0.1")),
    ],
)
def test_a_cell_may_hold_several(cells, row):
    """Addresses and roles; a role that the catalog does not know is kept as what was said."""
    assert parsed(f"name,address,role\n{cells}\n") == [row]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("SQL Server", "sql/engine"),
        ("DNS", "dns/server"),
        ("Reporting Services", "ssrs/report-server"),
        ("AD FS", "adfs/server"),
        ("SMTP relay", "mail/smtp-server"),
    ],
)
def test_servers_may_be_called_as_people_call_them(said, meant):
    """By the product that runs there, where that leaves no doubt."""
    assert parsed(f"name,address,role\nx,10.0.0.1,{said}\n") == [("x", "10.0.0.1", meant)]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Reporting", "did you mean ssrs/report-server?"),
        ("sql/server", "did you mean sql/engine?"),
        ("federation box", "did you mean adfs/server?"),
        ("qqqq", ""),
    ],
)
def test_a_role_that_is_nearly_known_is_suggested(said, hint):
    """By a word of its title, or by its product."""
    assert suggest_role(said, CATALOG) == hint


def test_the_columns_that_there_are_are_told():
    """To whoever called them otherwise."""
    with pytest.raises(InvalidInput) as wrong:
        parse_hosts("Box;Network\nfe01;10.0.0.1\n", "hosts.csv", CATALOG)
    assert wrong.value.problems[0].hint.endswith("there are 'Box', 'Network'")


def test_every_problem_is_told_with_its_line():
    """All at once."""
    text = """\
name,address,role
fe01,10.0.0.1,
fe01,10.0.0.2,
,10.0.0.3,
a b,10.0.0.4,
any,10.0.0.5,
fe02,10.0.0.1,
fe03,10.0.0.999,
fe04,,
fe05,10.0.0.0/24,
fe06,10.0.0.6,crm/front-end
192,10.0.0.7,
"""
    assert problems(text) == [
        (3, "'fe01' is there twice; first in line 2"),
        (4, "a host without a name"),
        (5, "'a b' is not a name; write it like 'sql01'"),
        (6, "'any' means every address"),
        (7, "10.0.0.1 is already the address of the host in line 2"),
        (8, "'10.0.0.999' is not an IPv4 or IPv6 address"),
        (9, "'fe04' has no address"),
        (10, "10.0.0.0/24 is a network, not the address of a host"),
        (12, "'192' is not a name; write it like 'sql01'"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", (0, "has no column for the name and the address of hosts")),
        ("name,role\nfe01,x\n", (1, "has no column for the address of hosts")),
        ("fe01,10.0.0.1\n", (1, "has no column for the name and the address of hosts")),
        ("name,address\n", (0, "names no host")),
        ('name,address\nfe01,"10.0.0.1\n', (2, "is no table: unexpected end of data")),
        (f"name,address\nfe01,{'1' * 200_000}\n", (2, "is no table: field larger than field limit (131072)")),
    ],
)
def test_what_is_no_table_of_hosts_is_told(text, problem):
    """Once."""
    assert problems(text) == [problem]


def test_a_large_table_is_cut_off(monkeypatch):
    """Rows and problems are bounded."""
    monkeypatch.setattr(hosts, "MAX_ROWS", 3)
    rows = "".join(f"h{number},10.0.0.{number}\n" for number in range(1, 6))
    assert problems(f"name,address\n{rows}") == [(5, "has more than 3 hosts")]
    monkeypatch.setattr(hosts, "MAX_ROWS", 100_000)
    assert len(problems("name,address\n" + "x y,z\n" * 50_000)) == hosts.MAX_PROBLEMS


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    """The bound is in bytes."""
    monkeypatch.setattr(hosts, "MAX_BYTES", 2**20)
    file = tmp_path / "hosts.csv"
    file.write_text("name,address\n" + "#" * 2**20)
    with pytest.raises(InvalidInput, match="is larger than 1 MB"):
        read_hosts(str(file), CATALOG)


@given(st.one_of(st.text(), st.text().map(lambda text: f"name,address,role\n{text}"), st.text('",;\n\ta1.#')))
def test_no_text_is_too_strange(text):
    """It gives rows, or problems."""
    with suppress(InvalidInput):
        rows = parse_hosts(text, "hosts.csv", CATALOG)
        assert rows
        assert all(row.name and row.addresses for row in rows)
