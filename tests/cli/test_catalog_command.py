"""`portwright catalog`: the paper as a paper, without a site."""

import json

import click
import pytest
from click.testing import CliRunner
from tests.cli.running import run, validate

from portwright.catalog.crossref import Kind
from portwright.catalog.load import load_catalog
from portwright.cli import COMMANDS
from portwright.cli.catalog import catalog
from portwright.errors import ExitStatus, InvalidInput

CATALOG = load_catalog()
OWN = """\
product: shop
title: Our web shop
references: {handbook: {title: Handbook of the shop}}
citations: {H1: {in: handbook, lines: 12-14, says: orders read the stock}}
settings: {stock.port: {kind: port, default: 5432, component: shop/stock}}
components:
  shop/orders: {title: "=order service|<b>"}
  shop/stock: {title: stock service}
services: {shop/stock: {at: shop/stock, title: stock, protocol: tcp, ports: "{stock.port}"}}
requirements:
  shop.stock: {from: shop/orders, to: shop/stock, service: shop/stock, purpose: read stock levels, citations: [H1]}
"""


def ask(*arguments):
    """What the command prints."""
    done = CliRunner().invoke(catalog, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    assert done.return_value == ExitStatus.PROVED
    return done.stdout


def answer(*arguments):
    """What the command says to programs, which the published schema holds for."""
    document = json.loads(ask(*arguments, "--format", "json"))
    validate(document, "portwright.catalog-answer/1")
    return document


def refused(*arguments):
    """The problems that the command finds with its arguments."""
    with pytest.raises(InvalidInput) as wrong:
        ask(*arguments)
    return [str(problem) for problem in wrong.value.problems]


@pytest.fixture
def own(tmp_path):
    """A folder with a product of the user's own."""
    (tmp_path / "shop.yaml").write_text(OWN, encoding="utf-8")
    return tmp_path


# list


def test_products_are_listed_with_what_they_have():
    """And each kind is said to be what it is."""
    text = ask("list")
    assert "dynamics-crm-2013" in text
    assert "needs active-directory, sql-server, reporting-services" in " ".join(text.split())
    assert all(f"  {kind.plural} " in text for kind in Kind)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_listed(kind):
    """All parts of it, each once."""
    found = answer("list", kind.plural)
    assert sorted(part["id"] for part in found["parts"]) == sorted(getattr(CATALOG, kind.plural))
    text = ask("list", kind.plural)
    assert all(id in text for id in getattr(CATALOG, kind.plural))


@pytest.mark.parametrize(("said", "meant"), [("requirement", "requirements"), ("roles", "components")])
def test_a_kind_may_be_said_otherwise(said, meant):
    """In the singular, and as a site file calls it."""
    assert answer("list", said) == answer("list", meant)


def test_counts_are_those_of_the_lists():
    """What `list` counts is what `list KIND --product` lists."""
    [product] = answer("list", "--product", "sql-server")["products"]
    for kind in ("components", "requirements", "citations"):
        assert len(answer("list", kind, "--product", "sql-server")["parts"]) == product["counts"][kind]


def test_one_product_alone_can_be_listed():
    """Requirements of others are not its own."""
    found = [part["id"] for part in answer("list", "requirements", "--product", "dynamics-crm-2013")["parts"]]
    assert "crm.web" in found
    assert "ad.kerberos" not in found


def test_citations_are_listed_in_order():
    """P2 comes before P10."""
    found = [part["id"] for part in answer("list", "citations")["parts"]]
    assert found[:12] == [f"P{n}" for n in range(1, 13)]


# show


@pytest.mark.parametrize(
    ("id", "said"),
    [
        (
            "crm.fetch-report",
            [
                "requirement crm.fetch-report: read the data of Fetch-based reports",
                "port tcp 808 unless sdk_listener.port says otherwise",
                "run-fetch-report 4b broken: ",
            ],
        ),
        ("crm/full-server", ["bundle of crm/front-end, crm/async, crm/sandbox, crm/deployment"]),
        (
            "crm/front-end",
            [
                "is also crm/server, windows/server, windows/computer, ad/member",
                "crm.web crm/client > crm/front-end tcp 80: use CRM",
            ],
        ),
        ("web.port", ["5555 when web.site is new", "settings: {web.port: 80}"]),
        ("crm/web", ["ports {web.port}"]),
        (
            "run-fetch-report",
            [
                "4b ssrs/report-server > crm/front-end crm.fetch-report",
                "7 crm/front-end > ssrs/report-server on the connection of step 4b",
            ],
        ),
        ("dynamics-crm-2013", ["needs active-directory, sql-server, reporting-services"]),
        ("ad.time", ["source port 123"]),
        ("ad.rpc-udp-1025", ["status superseded: "]),
        ("p61", ["P61: ", "lines 326-340"]),
        ("white-paper", ["P61 lines 326-340"]),
    ],
)
def test_whatever_has_an_id_is_shown(id, said):
    """With what is known of it, and who speaks of it; capitals do not matter."""
    text = " ".join(ask("show", id).split())
    assert [words for words in said if words not in text] == []


def test_an_id_that_means_two_things_shows_both():
    """A component and a service share a name."""
    found = answer("show", "ad/global-catalog")["parts"]
    assert [part["kind"] for part in found] == ["component", "service"]


def test_a_component_is_shown_by_its_alias():
    """Under its own name."""
    aliased = [(alias, one.id) for one in CATALOG.components.values() for alias in one.aliases]
    assert [[part["id"] for part in answer("show", alias)["parts"]] for alias, _ in aliased] == [
        [id] for _, id in aliased
    ]


def test_what_is_shown_to_programs():
    """Details, steps, links both ways and citations."""
    [shown] = answer("show", "run-fetch-report")["parts"]
    assert [step["step"] for step in shown["steps"]] == ["1", "2", "3", "4b", "6", "7"]
    [shown] = answer("show", "crm.fetch-report")["parts"]
    assert {
        "relation": "to",
        "kind": "component",
        "id": "crm/front-end",
        "title": "Front End Server",
        "step": None,
    } in (shown["speaks_of"])
    assert ("requires", "run-fetch-report", "4b") in [
        (link["relation"], link["id"], link["step"]) for link in shown["spoken_of"]
    ]
    assert "P61" in [citation["id"] for citation in shown["citations"]]


@pytest.mark.parametrize("kind", Kind)
def test_every_part_is_shown_to_programs_by_contract(kind):
    """Whatever its kind."""
    ids = list(getattr(CATALOG, kind.plural))
    assert {part["id"] for part in answer("show", *ids)["parts"]} == set(ids)


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        ("crm.fetch_report", "did you mean crm.fetch-report"),
        ("crm/frontend", "did you mean crm/front-end"),
        ("P200", "did you mean P20"),
        ("fetchreport", "crm.fetch-report"),
        ("SQL Server Browser", "did you mean sql/browser"),
        ("1434", "did you mean sql/browser"),
        ("qqqqqqqq", "`portwright catalog list` says what there is"),
    ],
)
def test_near_misses_are_told(id, hint):
    """What is near, contains what was asked for, or else speaks of it: a title, a port."""
    [problem] = refused("show", id)
    assert f"nothing in the catalog is called '{id}'" in problem
    assert hint in problem


def test_every_unknown_id_is_told():
    """In one run."""
    assert len(refused("show", "crm.web", "nothing-1", "nothing-2")) == 2


# cite


def test_a_citation_says_where_it_stands_and_what_became_of_it():
    """Document, lines, address, words, parts of the catalog, errata."""
    text = " ".join(ask("cite", "P61").split())
    assert text.startswith("P61: ")
    assert "lines 326-340 https://" in text
    assert "requirement crm.fetch-report ssrs/report-server > crm/front-end tcp 808: read the data" in text
    assert "step run-fetch-report 4b the FetchXML query" in text
    assert "errata B4 " in text


def test_every_fact_and_every_erratum_has_an_answer():
    """What it says, and what became of it, or with what it is to be read, or that it is nothing by itself."""
    ids = [*(f"P{n}" for n in range(1, 127)), *(f"B{n}" for n in range(1, 29))]
    told = answer("cite", *ids)["citations"]
    assert [one["id"] for one in told if one["says"]] == ids
    alone = [one["id"] for one in told if not (one["became"] or one["named"] or one["read_with"] or one["see"])]
    assert ask("cite", *alone).count("no part of the catalog by itself") == len(alone)


def test_several_citations_at_once():
    """In the order asked for, whatever the capitals, and each once."""
    assert [one["id"] for one in answer("cite", "b2", "P61", "p61")["citations"]] == ["B2", "P61"]


def test_a_line_of_the_paper_can_be_asked_for():
    """All that stands there, and nothing of other documents."""
    assert [one["id"] for one in answer("cite", "91")["citations"]] == ["P7", "P8", "P9"]
    assert "P61" in [one["id"] for one in answer("cite", "330", "b4")["citations"]]
    assert "there is no citation '99999'" in refused("cite", "99999")[0]


def test_an_unknown_citation_is_told():
    """With the nearest ones."""
    [problem] = refused("cite", "P61", "P611")
    assert "there is no citation 'P611'" in problem
    assert "P61" in problem


# ports


def test_the_table_of_a_component():
    """What it listens on, what it opens, for the settings chosen."""
    [table] = answer("ports", "crm/front-end", "--set", "web.scheme=https")["tables"]
    told = {(one["service"], one["ports"]) for one in table["listens"]}
    assert ("crm/web", "443") in told
    assert ("sql/engine", "1433") in {(use["destination"], use["ports"]) for use in table["opens"]}


def test_a_component_by_its_alias_or_with_others():
    """Several are one computer."""
    [table] = answer("ports", "sql/engine", "ssrs/report-server")["tables"]
    assert [one["id"] for one in table["components"]] == ["sql/engine", "ssrs/report-server"]


def test_the_whole_table_has_the_products_that_are_needed():
    """One table for each component with rows of its own."""
    found = answer("ports")
    assert found["products"][0] == "dynamics-crm-2013"
    named = [table["components"][0]["id"] for table in found["tables"]]
    assert {"crm/front-end", "ssrs/report-server", "sql/engine", "ad/member", "windows/server"} <= set(named)
    assert len(set(named)) == len(named)


def test_what_citations_mean_comes_along():
    """Every one that a table names."""
    found = answer("ports", "--literal")
    used = {id for table in found["tables"] for use in table["opens"] for id in use["citations"]}
    assert used <= set(found["references"])


def test_phases_are_chosen():
    """One, several or all; a diagram shows what runs when nothing is said."""
    assert answer("ports", "--phase", "setup")["phases"] == ["setup"]
    assert answer("ports", "--phase", "setup", "--phase", "run")["phases"] == ["run", "setup"]
    assert answer("ports", "--phase", "all")["phases"] == answer("ports")["phases"]
    assert "Remote Desktop" not in ask("ports", "--format", "mermaid")
    assert "Remote Desktop" in ask("ports", "--format", "mermaid", "--phase", "all")


@pytest.mark.parametrize("output", ["text", "markdown", "csv", "json"])
def test_differences_in_every_format(output):
    """UDP 1025 is among them, and B2 says why."""
    text = ask("ports", "--differences", "--format", output)
    assert "udp 1025" in text
    assert "B2" in text


def test_differences_by_contract():
    """Each line with what is printed, what Portwright does, and why."""
    found = answer("ports", "--differences")
    [left_out] = [one for one in found["differences"] if one["requirement"] == "ad.rpc-udp-1025"]
    assert (left_out["change"], left_out["printed"], left_out["corrected"]) == ("left out", "udp 1025", None)
    assert [reason["id"] for reason in left_out["reasons"]] == ["B2"]


def test_differences_of_one_component():
    """Only those that it has a part in, and no list of other errata."""
    found = answer("ports", "--differences", "crm/email-router")["differences"]
    assert found
    assert "ERRATA THAT CHANGE NO PORT" not in ask("ports", "--differences", "crm/email-router")
    assert "ERRATA THAT CHANGE NO PORT" in ask("ports", "--differences")


def test_every_wrong_argument_is_told():
    """Settings, values, components and products, with what may have been meant."""
    wrong = [
        "web.prt=1",
        "web.port=99999",
        "authentication",
        "netbios=maybe",
        "instance=x",
        "web.site=new",
        "web.site=new",
    ]
    options = [part for text in wrong for part in ("--set", text)]
    problems = refused("ports", "crm/fronted", "--product", "dynamics-crm-2031", *options)
    assert [problem.splitlines()[0] for problem in problems] == [
        "there is no setting 'web.prt'",
        "--set web.port=99999: '99999' is not a port (1 to 65535)",
        "--set authentication: is no NAME=VALUE",
        "--set netbios=maybe: 'maybe' is neither true nor false",
        "--set instance=x: 'x' is not a kind of instance: default, named",
        "--set web.site=new: this setting has a value already",
        "there is no component 'crm/fronted'",
        "there is no product 'dynamics-crm-2031'",
    ]
    assert "did you mean web.port" in problems[0]
    assert "did you mean crm/front-end" in problems[-2]
    assert "did you mean dynamics-crm-2013" in problems[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--differences", "--literal"],
        ["--differences", "--format", "mermaid"],
        ["--optional"],
        ["--optional", "--format", "json"],
    ],
)
def test_options_that_contradict_each_other(arguments):
    """Are a mistake on the command line."""
    with pytest.raises(click.UsageError):
        ask("ports", *arguments)


# products of one's own


def test_products_of_ones_own_stand_beside_ours(own):
    """In every answer."""
    assert "shop" in ask("list", "--catalog", own)
    assert answer("show", "shop.stock", "--catalog", own)["parts"][0]["products"] == ["shop"]
    assert answer("cite", "H1", "--catalog", own)["citations"][0]["became"][0]["id"] == "shop.stock"
    [table] = answer("ports", "shop/stock", "--catalog", own, "--set", "stock.port=5433")["tables"]
    assert [(one["ports"], one["uses"][0]["source"]) for one in table["listens"]] == [("5433", "shop/orders")]


def test_what_they_hold_is_harmless_in_every_format(own):
    """A title that would be a formula, a tag or a cell is shown as text."""
    options = ["shop/orders", "--catalog", own, "--product", "shop"]
    assert r"=order service\|\<b\>" in ask("ports", *options, "--format", "markdown")
    assert '"=order service  b "' in ask("ports", *options, "--format", "mermaid")


@pytest.mark.parametrize(
    ("folder", "message"),
    [("absent", "is no folder that can be read"), (".", "has no product files"), ("a\0b", "is no folder that can")],
)
def test_a_folder_without_products_is_refused(tmp_path, folder, message):
    """By name."""
    [problem] = refused("list", "--catalog", tmp_path / folder)
    assert message in problem


def test_mistakes_in_ones_own_files_are_all_told(own):
    """With file and line."""
    (own / "shop.yaml").write_text(OWN.replace("to: shop/stock", "to: shop/stok").replace("kind: port", "kind: prt"))
    problems = refused("list", "--catalog", own)
    assert len(problems) == 2
    assert all("shop.yaml:" in problem for problem in problems)


# the command line


@pytest.fixture
def command(monkeypatch):
    """Run the command as the command line does."""
    monkeypatch.setitem(COMMANDS, "catalog", ("portwright.cli.catalog", "Look things up."))
    return lambda *arguments: run("catalog", *arguments)


def test_an_answer_ends_well(command):
    """Status 0, and nothing but the answer."""
    done = command("cite", "P61", "--format", "json")
    assert (done.status, done.err) == (ExitStatus.PROVED, "")
    assert done.document["citations"][0]["id"] == "P61"


def test_what_there_is_not_is_told_to_programs_too(command):
    """Status 2, and the problems by their own contract."""
    done = command("ports", "crm/fronted", "--set", "web.prt=1", "--format", "json")
    assert done.status == ExitStatus.INPUT
    assert [error["message"] for error in done.document["errors"]] == [
        "there is no setting 'web.prt'",
        "there is no component 'crm/fronted'",
    ]


@pytest.mark.parametrize("arguments", [[], ["lst"], ["list", "stuff"], ["show"], ["ports", "--phase", "later"]])
def test_a_mistake_on_the_command_line(command, arguments):
    """Status 2, and how it is called."""
    done = command(*arguments)
    assert done.status == ExitStatus.INPUT
    assert "Usage: portwright catalog" in done.err


# help


@pytest.mark.parametrize("name", sorted(catalog.commands))
def test_a_subcommand_says_what_it_does(name):
    """Its help is a sentence, and so is that of each of its options."""
    command = catalog.commands[name]
    texts = [command.help, command.short_help, *(one.help for one in command.params if isinstance(one, click.Option))]
    assert [text for text in texts if not (text and text[0].isupper() and text.rstrip().endswith((".", ")")))] == []
