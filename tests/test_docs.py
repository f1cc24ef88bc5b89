"""The documentation covers what there is, its links lead somewhere, and the output it shows is the true one."""

import difflib
import re
from pathlib import Path

import click
import pytest

import pages
from portwright.cli import COMMANDS, portwright
from portwright.findings import SEVERITY, Kind
from portwright.platforms import PLATFORMS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md")])


def place(page):
    return str(page.relative_to(ROOT))


def read(page):
    return page.read_text(encoding="utf-8")


def options(name):
    """The options of a command, as click knows them."""
    parameters = portwright.get_command(click.Context(portwright), name).params
    return [parameter for parameter in parameters if isinstance(parameter, click.Option)]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_page(name):
    """The page is named after the command, shows how it is called, and is in the index."""
    assert f"`portwright {name} " in read(DOCS / f"{name}.md")
    assert f"({name}.md)" in read(DOCS / "README.md")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does(name):
    """Its help is a sentence, and so is that of each of its options."""
    command = portwright.get_command(click.Context(portwright), name)
    texts = [command.help, *(option.help for option in options(name))]
    assert [text for text in texts if not re.match("[A-Z].*[.]", text or "")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_options_documented(name):
    """Each stands on the command's page, or among what all commands have in common."""
    text = read(DOCS / f"{name}.md") + read(DOCS / "README.md")
    assert [option.opts for option in options(name) if option.opts[0] not in text] == []


def test_every_platform_has_a_page():
    """The page says what is modelled, inert and unknown, and is in the index."""
    assert [name for name in PLATFORMS if not (DOCS / "platforms" / f"{name}.md").exists()] == []
    assert [name for name in PLATFORMS if f"(platforms/{name}.md)" not in read(DOCS / "README.md")] == []


def test_every_finding_kind_is_documented():
    """docs/findings.md has a section for each kind, in the order of the code, and none for what is no kind."""
    assert re.findall(r"^## ([a-z-]+)$", read(DOCS / "findings.md"), re.MULTILINE) == [kind.value for kind in Kind]


def test_the_severities_shown_are_the_true_ones():
    """The table at the top of docs/findings.md is the table of the code."""
    rows = re.findall(r"^\| \[([a-z-]+)\]\(#([a-z-]+)\) \| (\w+) \|", read(DOCS / "findings.md"), re.MULTILINE)
    assert rows == [(kind.value, kind.value, SEVERITY[kind].value) for kind in Kind]


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_links_lead_somewhere(page):
    """Every relative link names a file of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages.pages(), ids=place)
def test_the_output_shown_is_the_true_one(page):
    """Each `$ portwright` in a console block prints what the page shows; `make golden` renews it."""
    true = pages.renewed(read(page)).splitlines()
    difference = "\n".join(difflib.unified_diff(read(page).splitlines(), true, "shown", "true", lineterm=""))
    assert not difference, f"`make golden` renews it:\n{difference}"
