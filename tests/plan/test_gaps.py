"""What a plan cannot place: what the findings say, and how they say to mend it."""

from datetime import date

import pytest

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.site.load import parse_site

TODAY = date(2026, 1, 1)
CATALOG = """
product: club
title: club
settings: {club.town: {kind: text, default: ""}}
components:
  club/guest: {title: guest}
  club/keeper: {title: keeper of the book}
  club/doorman: {title: doorman, implies: [club/keeper]}
  club/statue: {title: statue, implies: [club/doorman], without: [club/keeper]}
  club/crew: {title: crew, includes: [club/doorman]}
  club/bar: {title: bar, implies: [club/guest]}
services:
  club/book: {at: club/keeper, title: book, protocol: tcp, ports: 99}
  club/drink: {at: club/bar, title: drink, protocol: tcp, ports: 98}
requirements:
  club.sign: {from: club/guest, to: club/keeper, service: club/book, need: nearest, within: club.town, purpose: sign in}
  club.drink: {from: club/keeper, to: club/bar, service: club/drink, need: any, purpose: drink}
"""
SITE = """
site: x
products: [club]
zones: {all: {rest: true}}
absent: %s
hosts:
"""


@pytest.fixture
def unplaced(tmp_path):
    """The findings about components that nobody placed."""
    (tmp_path / "club.yaml").write_text(CATALOG)
    catalog = load_catalog([tmp_path / "club.yaml"])

    def find(*hosts, absent="{club/bar: closed}"):
        text = SITE % absent + "".join(f"  {line}\n" for line in hosts)
        plan = make_plan(catalog, parse_site(text.encode(), tmp_path, catalog), today=TODAY)
        return [finding for finding in plan.findings if finding.kind is Kind.UNPLACED]

    return find


def test_the_roles_that_would_do_are_named(unplaced):
    """What nothing else implies stands alone; what is only ever implied stands last."""
    [finding] = unplaced("g1: {addresses: [10.0.0.1], roles: [club/guest]}")
    assert finding.subject == "club/keeper"
    assert finding.fix.startswith("give a host the role club/doorman, club/crew or club/keeper, or say under 'absent'")
    [finding] = unplaced("d1: {addresses: [10.0.0.1], roles: [club/doorman]}", absent="{}")
    assert finding.fix.startswith("give a host the role club/bar, or say")


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        (
            ["g1: {addresses: [10.0.0.1], roles: [club/guest]}", "s1: {addresses: [10.0.0.2], roles: [club/statue]}"],
            "s1 will not do: as club/statue it is none",
        ),
        (
            [
                "g1: {addresses: [10.0.0.1], roles: [club/guest], uses: {club/doorman: s1}}",
                "s1: {addresses: [10.0.0.2], roles: [club/statue]}",
            ],
            "s1, which g1 uses, will not do: as club/statue it is none",
        ),
        (
            [
                "g1: {addresses: [10.0.0.1], roles: [club/guest]}",
                "s1: {addresses: [10.0.0.2], roles: [club/doorman], without: [club/keeper]}",
            ],
            "s1 will not do: the site says that it is none",
        ),
    ],
)
def test_what_looks_like_it_and_is_not_is_named(unplaced, hosts, message):
    """As a read-only domain controller where one must be written to."""
    [finding] = unplaced(*hosts)
    assert finding.message.endswith(f"; {message}")


def test_one_in_another_town_will_not_do(unplaced):
    """A requirement holds within a group of hosts; where that has none, others do not help."""
    towns = [f"g{n}: {{addresses: [10.0.0.{n}], roles: [club/guest], settings: {{club.town: t{n}}}}}" for n in (1, 2)]
    keeper = "d1: {addresses: [10.0.0.9], roles: [club/doorman], settings: {club.town: t1}}"
    [finding] = unplaced(*towns, keeper)
    assert finding.id == "unplaced:club/keeper/club.town t2"
    assert finding.message.startswith("nobody placed club/keeper (keeper of the book) of club.town t2; the guest needs")
    assert unplaced(towns[0], keeper) == []
    assert unplaced(*towns, keeper.replace(", settings: {club.town: t1}", "")) == []


RODC = """
site: x
products: [ad-fs]
zones: {all: {rest: true}}
absent: {time/source: radio, adfs/proxy: inside only}
hosts:
  fs01: {addresses: [10.0.0.1], roles: [adfs/server], uses: {%s: rodc01}}
  rodc01: {addresses: [10.0.0.2], roles: [ad/rodc, dns/server]}
"""


def test_a_read_only_domain_controller_is_no_writable_one(tmp_path):
    """AD FS asks one that can be written to; the finding says which host will not do, and which roles would."""
    catalog = load_catalog()
    plan = make_plan(catalog, parse_site((RODC % "ad/domain-controller").encode(), tmp_path, catalog), today=TODAY)
    [finding] = [one for one in plan.findings if one.subject == "ad/writable-controller"]
    assert "rodc01, which fs01 uses, will not do: as ad/rodc it is none" in finding.message
    assert finding.fix.startswith("give a host the role ad/domain-controller, ad/global-catalog, ad/pdc-emulator or ")
    assert any(requirement.startswith("adfs.") for requirement in finding.requirements)
    with pytest.raises(InvalidInput) as wrong:
        parse_site((RODC % "ad/writable-controller").encode(), tmp_path, catalog)
    [problem] = wrong.value.problems
    assert (problem.message, problem.hint) == (
        "'rodc01' does not run ad/writable-controller",
        "as ad/rodc it cannot",
    )
