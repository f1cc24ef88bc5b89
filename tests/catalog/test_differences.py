"""Where the reading as printed and the corrected one differ, and why."""

import pytest

from portwright.catalog.crossref import is_erratum
from portwright.catalog.differences import Change, differences, reasons, without_difference
from portwright.catalog.load import load_catalog
from portwright.catalog.model import Reading
from portwright.catalog.tables import Tables, together

CATALOG = load_catalog()
PRODUCTS = together(CATALOG, ("dynamics-crm-2013",))
FOUND = differences(CATALOG, PRODUCTS, {})


def why(one):
    return {reason.id for reason in one.reasons}


@pytest.mark.parametrize(("printed", "erratum"), [("udp 1025", "B2"), ("udp 135", "B3"), ("udp 445", "B6")])
def test_what_the_paper_prints_and_nobody_needs(printed, erratum):
    """It is left out, by an erratum."""
    members = [one for one in FOUND if one.printed == printed]
    assert members
    assert {one.change for one in members} == {Change.LEFT_OUT}
    assert all(erratum in why(one) for one in members)
    assert {one.corrected for one in members} == {""}


def test_what_the_paper_forgot():
    """SQL Server Browser is added, because the paper takes NetBIOS for it."""
    added = [one for one in FOUND if one.corrected == "udp 1434" and one.change is Change.ADDED]
    assert added
    assert {one.printed for one in added} == {""}
    assert any("B8" in why(one) for one in added)


def test_what_the_paper_prints_with_another_port():
    """Exchange Web Services by HTTP: the requirement is compared under the settings that it asks for."""
    moved = [one for one in FOUND if one.service.id == "exchange/ews" and one.change is Change.MOVED]
    assert {(one.printed, one.corrected) for one in moved} == {("tcp 80", "tcp 443")}
    assert all("B5" in why(one) for one in moved)


def test_a_setting_that_is_chosen_is_the_same_in_both_readings():
    """Whoever says http gets http; whoever has no mail server has no difference there."""
    chosen = differences(CATALOG, PRODUCTS, {"ews.scheme": "http"})
    assert not [one for one in chosen if one.service.id == "exchange/ews" and one.change is Change.MOVED]
    without = differences(CATALOG, PRODUCTS, {"mail.mode": "none"})
    assert not [one for one in without if one.service.id == "exchange/ews"]


def test_the_differences_are_those_of_the_tables():
    """What both readings have with other words is a difference, under the default settings."""
    said = {
        reading: {use.requirement.id: use.label for use in Tables.of(CATALOG, PRODUCTS, {}, reading).uses()}
        for reading in Reading
    }
    before, after = said[Reading.LITERAL], said[Reading.CORRECTED]
    unlike = {id for id in before.keys() | after.keys() if before.get(id) != after.get(id)}
    assert unlike <= {one.requirement.id for one in FOUND if one.requirement}


def test_the_reasons_of_a_requirement_are_errata():
    """Its own; of a requirement as printed, those of its service where it has none."""
    assert [one.id for one in reasons(CATALOG, CATALOG.requirements["ad.rpc-udp-1025"])] == ["B2"]
    assert all(is_erratum(one) for asked in CATALOG.requirements.values() for one in reasons(CATALOG, asked))


def test_every_erratum_is_told():
    """As the reason of a difference, or among those that change no port."""
    told = {id for one in FOUND for id in why(one)}
    rest = {one.id for one in without_difference(CATALOG, FOUND)}
    assert told | rest == {f"B{n}" for n in range(1, 29)}
    assert not told & rest


def test_what_is_left_out_is_printed_somewhere():
    """A line that nobody needs names the lines of the paper, and an erratum."""
    for one in FOUND:
        if one.change is Change.LEFT_OUT:
            assert [id for id in one.citations if id.startswith("P")], one
            assert one.reasons, one
