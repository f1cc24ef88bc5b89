"""`portwright platforms`: what people and programs learn about the firewalls that are read and written."""

import pytest
from tests.cli.running import run

from portwright.platforms import EDITING, PLATFORMS, RENDERING
from portwright.platforms.about import SECTIONS, about
from portwright.platforms.cisco_asa.commands import INERT
from portwright.platforms.nftables.lenses import LENSES


def test_the_list_has_every_platform():
    """Each with what can be done with it."""
    rows = run("platforms", "--format", "json").document["platforms"]
    assert [row["name"] for row in rows] == list(PLATFORMS)
    assert {row["name"] for row in rows if row["writes"]} == set(RENDERING)
    assert {row["name"] for row in rows if row["changes"]} == set(EDITING)
    assert all(name in run("platforms").out for name in PLATFORMS)


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_says_how_to_export_it_and_what_is_made_of_it(name):
    """In JSON by its schema, as text, and as Markdown with the same titles."""
    (row,) = run("platforms", name, "--format", "json").document["platforms"]
    assert row["export"]
    assert row["modelled"]
    text, markdown = run("platforms", name).out, run("platforms", name, "--format", "markdown").out
    for section, (title, _) in SECTIONS.items():
        assert bool(row[section]) == (f"\n{title}\n" in text) == (f"## {title}\n" in markdown)


@pytest.mark.parametrize("name", PLATFORMS)
def test_backquotes_come_in_pairs(name):
    """So that a page shows the platform's words as such."""
    entries = [entry for section in SECTIONS for entry in getattr(about(name), section)]
    assert [entry for entry in entries if entry.what.count("`") % 2 or entry.note.count("`") % 2] == []


def test_the_tables_of_the_reader_are_what_is_said():
    """The selectors of nftables that are modelled without doubt, and every inert command of an ASA."""
    modelled = " ".join(entry.what for entry in about("nftables").modelled)
    assert [name for name, lens in LENSES.items() if not lens.reason and f"`{name}`" not in modelled] == []
    inert = " ".join(entry.what for entry in about("cisco-asa").inert)
    commands = [" ".join(one.split()) for commands in INERT.values() for one in commands.split(",")]
    assert commands
    assert [one for one in commands if f"`{one}`" not in inert] == []


def test_an_unknown_platform_is_an_error_with_a_hint():
    """Status 2, and the nearest name."""
    done = run("platforms", "cisco-aas")
    assert done.status == 2
    assert "cisco-asa" in done.err
