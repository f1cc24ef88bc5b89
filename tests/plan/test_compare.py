"""Side by side: the values of a setting, and the two readings of the documents; the checklist of what is no flow."""

import json
from pathlib import Path

import jsonschema
import pytest
from tests.plan.making import PRODUCT, SITE, shop_plan, shop_site

import schemas
from portwright.catalog.model import Reading
from portwright.errors import InvalidInput
from portwright.plan.checklist import checklist
from portwright.plan.compare import Openings, compare
from portwright.plan.differences import Side, differences
from portwright.plan.make import make_plan
from portwright.report.plan import checklist as checklists
from portwright.report.plan import compare as comparisons
from portwright.report.plan import differences as readings
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"


def plan_of(site, **options):
    return make_plan(site.catalog, site, **options)


def valid(document):
    name = document["schema"].removeprefix("portwright.").replace("/", "-")
    schema = json.loads((schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema, cls=jsonschema.Draft7Validator)
    return document


@pytest.fixture
def sync(tmp_path):
    return compare(shop_site(tmp_path), "sync", plan_of)


def test_every_value_has_its_costs(sync):
    """Open, it takes a thousand ports; in a tunnel a protocol; the value of the site is marked."""
    found = {one.value: one for one in sync.alternatives}
    assert list(found) == ["open", "pinned", "tunnel"]
    assert [one.value for one in found.values() if one.is_current] == ["open"]
    assert found["open"].pairs["s1", "s2"] == Openings(1000)
    assert found["tunnel"].pairs["s1", "s2"] == Openings(0, ("esp",))
    assert len(found["open"].plan.flows) == len(found["tunnel"].plan.flows)
    assert found["open"].points["on-s1"] == found["tunnel"].points["on-s1"] == 2  # stock, and sync or tunnel


def test_a_port_that_nobody_can_name_is_not_nothing(sync):
    """A value that leaves ports dynamic costs at least what is known, and its finding says what is missing."""
    pinned = next(one for one in sync.alternatives if one.value == "pinned")
    assert not pinned.is_whole
    assert pinned.pairs["s1", "s2"] == Openings(0, (), is_whole=False)
    assert [one.flow for one in pinned.unsettled] == ["shop.sync-pinned/s1>s2", "shop.sync-pinned/s2>s1"]
    text = comparisons.comparison_text(sync)
    assert "at least 0" in text
    assert "NOT SETTLED with pinned\n  undecided: s2 chooses the port" in text


@pytest.mark.parametrize("told", [comparisons.comparison_text, comparisons.comparison_markdown])
def test_what_is_open_for_several_flows_is_told_once(tmp_path, told):
    """With their number: two others do not know on which port a server is reached."""
    third = "  s3: {addresses: [10.2.0.9], roles: [shop/stock]}\n"
    found = compare(shop_site(tmp_path, SITE.replace("  w1:", f"{third}  w1:")), "sync", plan_of)
    text = " ".join(told(found).split())
    assert text.count("s3 chooses the port of pinned sync at its start") == 1
    assert "so that no rule can name it (2 flows)" in text


def test_a_pinned_port_costs_one(tmp_path):
    """With the ports said, the numbers are whole, and only ends that differ are shown."""
    site = shop_site(tmp_path, SITE + "settings: {sync.port: 7000, sync: pinned}\n")
    found = compare(site, "sync", plan_of)
    assert [one.pairs["s1", "s2"].ports for one in found.alternatives] == [1000, 1, 0]
    assert found.differing == (("s1", "s2"), ("s2", "s1"))
    rows = [line.split() for line in comparisons.comparison_text(found).splitlines()]
    assert ["open", "ports,", "s1", ">", "s2", "1,000", "1", "esp"] in rows
    assert ["", "open", "pinned*", "tunnel"][1:] in rows


def test_what_a_host_says_itself_is_put_aside(tmp_path):
    """Each value holds on every host, even on one that says another."""
    text = SITE.replace("roles: [shop/stock]}", "roles: [shop/stock], settings: {sync: tunnel}}")
    found = compare(shop_site(tmp_path, text), "sync", plan_of)
    assert found.alternatives[0].pairs["s1", "s2"] == Openings(1000)


def test_a_switch_is_compared_off_and_on(tmp_path):
    """Its values are false and true; where nothing differs, no ends are shown."""
    found = compare(shop_site(tmp_path), "stock.tls", plan_of)
    assert [one.value for one in found.alternatives] == ["false", "true"]
    assert found.differing == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("synk", "there is no such setting"),
        ("page.port", "it is a port, and only what has a list of values can be compared"),
        ("stock.port", "it is a port, and only what has a list"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, name, message):
    """With the nearest name, or the settings that can."""
    with pytest.raises(InvalidInput, match=message) as raised:
        compare(shop_site(tmp_path), name, plan_of)
    assert "sync" in raised.value.problems[0].hint


def test_replication_of_the_branch_office():
    """Open, pinned, IPsec: sixteen thousand ports, a dozen, or IPsec's own."""
    found = compare(load_site(EXAMPLES / "f7" / "site.yaml"), "replication", plan_of)
    costs = {one.value: one.pairs["rodc01", "dc01"] for one in found.alternatives}
    assert costs["dynamic"].ports > 16_000
    assert costs["pinned"].ports < 30
    assert "esp" in costs["ipsec"].protocols
    assert all(one.is_whole for one in costs.values())
    valid(comparisons.comparison_json(found))


@pytest.fixture
def read(tmp_path):
    return differences(shop_plan(tmp_path, reading=Reading.LITERAL), shop_plan(tmp_path))


def test_the_readings_differ(read):
    """What only one reading opens, what is on other ports, each with the errata behind it."""
    found = {one.requirement.id: one for one in read.found}
    assert {id: (one.side, one.literal, one.corrected) for id, one in found.items()} == {
        "shop.telnet": (Side.LITERAL, "tcp 23", ""),
        "shop.cache": (Side.CORRECTED, "", "udp 11211"),
        "shop.web": (Side.BOTH, "tcp 80", "tcp 443"),
    }
    assert {id: [reason.id for reason in one.reasons] for id, one in found.items()} == {
        "shop.telnet": ["H4"],
        "shop.cache": ["H3"],
        "shop.web": ["H2"],
    }
    assert [read.count(side) for side in Side] == [4, 2, 2]


def test_the_differences_are_told_in_every_form(read):
    """Text names the ends once and each reason once; Markdown and JSON say the same."""
    text = readings.differences_text(read)
    assert text.startswith("x: 4 flows only as printed, 2 only as corrected, 2 on other ports\n")
    assert "  shop.web: show what is sold (H2)\n    o1, o2 > w1 tcp 80 as printed, tcp 443 as corrected\n" in text
    assert "\nBECAUSE\n  H2: the manual prints 80; the shop answers on 443\n" in text
    assert text.count("nobody uses telnet") == 1
    assert "| shop.telnet | look at the stock | tcp 23 | - |" in readings.differences_markdown(read)
    document = valid(readings.differences_json(read))
    assert document["flows"] == {"literal": len(read.literal.flows), "corrected": len(read.corrected.flows)}


def test_equal_readings_have_no_difference(tmp_path):
    """And the text says so in one line."""
    plan = shop_plan(tmp_path)
    found = differences(plan, plan)
    assert readings.differences_text(found) == "x: 0 flows only as printed, 0 only as corrected, 0 on other ports\n"


def test_f6_as_printed_opens_udp_1025():
    """The best known erratum to the paper, with its reason."""
    site = load_site(EXAMPLES / "f6" / "site.yaml")
    found = differences(plan_of(site, reading=Reading.LITERAL), plan_of(site))
    [udp] = [one for one in found.found if one.literal == "udp 1025"]
    assert udp.side is Side.LITERAL
    assert [reason.id for reason in udp.reasons] == ["B2"]


def test_the_checklist_is_what_is_no_flow(tmp_path):
    """Preconditions whose condition holds: those of everything, then those of each scenario; then settings of hosts."""
    found = checklist(shop_plan(tmp_path))
    sections = {
        section.scenario and section.scenario.id: [one.id for one in section.preconditions]
        for section in found.sections
    }
    assert sections == {None: ["shop.open"], "buy": ["shop.money"]}
    assert checklists.checklist_text(found) == (
        "x: 2 preconditions, 0 settings of hosts\n\n"
        "For everything\n  [ ] Open the shop. (H1)\n\nBuy a thing\n  [ ] Have money.\n"
    )
    assert "- [ ] Open the shop. (H1)\n" in checklists.checklist_markdown(found)
    document = valid(checklists.checklist_json(found))
    assert document["references"]["H1"]["says"] == "orders read stock"


def test_a_precondition_of_one_host_counts(tmp_path):
    """Its condition holds where a host says so."""
    text = SITE.replace(
        "s2: {addresses: [10.2.0.2], roles: [shop/stock]}",
        "s2: {addresses: [10.2.0.2], roles: [shop/stock], settings: {sync: tunnel}}",
    )
    assert "Exchange keys." in checklists.checklist_text(checklist(shop_plan(tmp_path, text)))


def test_the_checklist_has_the_settings_of_hosts():
    """Which host, which setting, and what to restart."""
    site = load_site(EXAMPLES / "f2" / "site.yaml")
    text = checklists.checklist_text(checklist(plan_of(site)))
    assert "On fe01\n  [ ] sandbox.port = 909: " in text
    assert "then restart IIS" in text.replace("\n      ", " ")


def test_a_precondition_without_its_product_is_left_out(tmp_path):
    """Only the products of the site have a say."""
    found = checklist(shop_plan(tmp_path, product=PRODUCT))
    assert {one.product for section in found.sections for one in section.preconditions} == {"shop"}
