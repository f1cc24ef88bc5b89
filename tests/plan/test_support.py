"""What vendors do not support: each check of a support rule, the rules that ship, and what nobody placed."""

from datetime import date

import pytest

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.site.load import parse_site

TODAY = date(2026, 1, 1)

CATALOG = """
product: bakery
title: bakery
citations: {H1: {in: white-paper, says: because}}
settings:
  shop.port: {kind: port, default: 80, component: shop/till}
  oven.port: {kind: port-or-dynamic, default: 80, component: oven/oven}
  oven.fuel: {kind: choice, values: [gas, wood], default: gas, component: oven/oven}
  guild: {kind: text, default: ""}
  clock: {kind: choice, values: [summer, winter], default: summer}
components:
  shop/till: {title: till}
  oven/oven: {title: oven}
  mill/mill: {title: mill, implies: [mill/wheel]}
  mill/wheel: {title: wheel}
services:
  shop/till: {at: shop/till, title: till service, protocol: tcp, ports: "{shop.port}"}
  oven/heat: {at: oven/oven, title: heat, protocol: tcp, ports: "81,{oven.port}"}
  oven/steam: {at: oven/oven, title: steam, protocol: udp, ports: "{oven.port}"}
requirements:
  shop.heat: {from: shop/till, to: oven/oven, service: oven/heat, need: all, purpose: sell it warm}
rules:
  %s
"""
SITE = """
site: x
products: [bakery]
zones: {left: {networks: [10.1.0.0/16]}, right: {networks: [10.2.0.0/16]}}
enforcement: {fw: {platform: nftables}, gw: {platform: nftables}}
paths: [{between: [left, right], through: [fw, gw]}]
hosts:
"""


@pytest.fixture
def found(tmp_path):
    """What a rule finds on a site with these hosts: subject and message."""

    def find(rule, *hosts, extra="", site=SITE):
        file = tmp_path / "bakery.yaml"
        file.write_text(CATALOG % rule)
        catalog = load_catalog([file])
        text = site + "".join(f"  {line}\n" for line in hosts) + extra
        plan = make_plan(catalog, parse_site(text.encode(), tmp_path, catalog), today=TODAY)
        return {finding.subject: finding for finding in plan.findings if finding.kind is Kind.LINT}

    return find


def told(findings):
    return {subject: finding.message for subject, finding in findings.items()}


def host(name, address, *roles, **keys):
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f"{name}: {{addresses: [{address}], roles: [{', '.join(roles)}]{more}}}"


WOOD = "dirty: {says: Wood makes smoke., check: condition, %s when: {oven.fuel: wood}, hint: burn gas, citations: [H1]}"


def test_a_condition_is_met_once_on_the_site(found):
    """Without roles it asks the settings of the site; the finding brings the hint and the citations."""
    till = host("t1", "10.1.0.1", "shop/till")
    assert found(WOOD % "", till) == {}
    [finding] = found(WOOD % "", till, extra="settings: {oven.fuel: wood}").values()
    assert (finding.subject, finding.message, finding.fix, finding.citations, finding.place) == (
        "dirty",
        "Wood makes smoke",
        "burn gas",
        ("H1",),
        "site.yaml",
    )


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([host("o1", "10.1.0.1", "oven/oven")], {}),
        ([host("t1", "10.1.0.1", "shop/till", settings="{oven.fuel: wood}")], {}),
        (
            [
                host("o1", "10.1.0.1", "{oven/oven: {fuel: wood}}"),
                host("o2", "10.1.0.2", "oven/oven", settings="{oven.fuel: wood}"),
                host("o3", "10.1.0.3", "oven/oven"),
            ],
            {"dirty/o1+o2": "Wood makes smoke: o1, o2"},
        ),
        (
            [host("o1", "10.1.0.1", "{oven/oven: {instance: A}}", "{oven/oven: {instance: B, fuel: wood}}")],
            {"dirty/o1": "Wood makes smoke: o1"},
        ),
    ],
)
def test_a_condition_is_met_on_hosts_of_a_role(found, hosts, expected):
    """Each host and each instance by its own settings; a host of another role is not meant."""
    assert told(found(WOOD % "on: oven/oven,", *hosts)) == expected


def test_a_condition_is_met_where_somebody_else_runs_the_component(found):
    """What is outside has the settings of the site, and is what its component implies."""
    rule = "dirty: {says: no, on: mill/wheel, when: {clock: winter}}"
    outside = "  t1: {addresses: [10.1.0.1], roles: [shop/till]}\noutside: {mill/mill: {zone: right}}\n"
    assert told(found(rule, extra=outside + "settings: {clock: winter}")) == {"dirty/mill/mill": "no: mill/mill"}
    assert found(rule, extra=outside) == {}


HASTE = "haste: {says: no, on: %s, when: {oven.fuel: wood, clock: winter}}"


@pytest.mark.parametrize(
    ("role", "till", "oven", "expected"),
    [
        ("oven/oven", "{clock: winter}", "{oven.fuel: wood}", {"haste/o1": "no: o1"}),
        ("shop/till", "{clock: winter}", "{oven.fuel: wood}", {"haste/t1": "no: t1"}),
        ("oven/oven", "{clock: winter}", "{clock: summer}", {}),
        ("oven/oven", "{clock: summer}", "{oven.fuel: wood}", {}),
        ("oven/oven", "{oven.fuel: wood}", "{clock: winter}", {}),
        ("shop/till", "{oven.fuel: wood}", "{clock: winter}", {}),
        ("mill/mill", "{clock: winter}", "{oven.fuel: wood}", {}),
    ],
)
def test_a_condition_may_be_met_between_two_hosts(found, role, till, oven, expected):
    """As everywhere: a setting of the server's where it is one of its component, otherwise the consumer's."""
    hosts = host("t1", "10.1.0.1", "shop/till", settings=till), host("o1", "10.2.0.1", "oven/oven", settings=oven)
    assert told(found(HASTE % role, *hosts)) == expected


def test_a_condition_is_not_met_between_hosts_that_meet_in_other_roles(found):
    """The till uses the oven, which is a mill besides: about the mill that says nothing."""
    hosts = (
        host("t1", "10.1.0.1", "shop/till", settings="{clock: winter}"),
        host("o1", "10.2.0.1", "oven/oven", "mill/mill", settings="{oven.fuel: wood}"),
    )
    assert found(HASTE % "mill/mill", *hosts) == {}
    assert set(found(HASTE % "oven/oven", *hosts)) == {"haste/o1"}


def test_a_condition_may_be_met_behind_a_virtual_address(found):
    """Who uses the address uses its members."""
    hosts = (
        host("t1", "10.1.0.1", "shop/till", settings="{clock: winter}"),
        host("o1", "10.2.0.1", "oven/oven", settings="{oven.fuel: wood}"),
        host("o2", "10.2.0.2", "oven/oven"),
    )
    virtual = "virtual: {ovens: {address: 10.2.0.9, mode: nlb, members: [o1, o2], services: [oven/heat]}}\n"
    assert told(found(HASTE % "oven/oven", *hosts, extra=virtual)) == {"haste/o1": "no: o1"}


MANY = [host(f"o{n}", f"10.1.0.{n}", "oven/oven", settings="{oven.fuel: wood}") for n in range(1, 9)]


def test_many_hosts_are_one_finding(found):
    """The first of them, and how many more there are."""
    assert told(found(WOOD % "on: oven/oven,", *MANY)) == {
        "dirty/o1+o2+o3+o4+o5+3 more": "Wood makes smoke: o1, o2, o3, o4, o5, 3 more"
    }


TIME = "late: {says: Clocks differ, check: equal, on: [shop/till, oven/oven], setting: clock, %s hint: set them}"


@pytest.mark.parametrize(
    ("rule", "hosts", "expected"),
    [
        ("", [host("t1", "10.1.0.1", "shop/till"), host("o1", "10.1.0.2", "oven/oven")], {}),
        ("", [host("o1", "10.1.0.2", "oven/oven", settings="{clock: winter}")], {}),
        (
            "",
            [
                host("t1", "10.1.0.1", "shop/till"),
                host("o1", "10.1.0.2", "oven/oven", settings="{clock: winter}"),
                host("t2", "10.1.0.3", "shop/till"),
                host("m1", "10.1.0.4", "mill/mill", settings="{clock: winter}"),
            ],
            {"late/t1+t2+o1": "Clocks differ: clock is summer on t1, t2 and winter on o1"},
        ),
        (
            "when: {guild: bread},",
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: bread}"),
                host("o1", "10.1.0.2", "oven/oven", settings="{clock: winter}"),
            ],
            {},
        ),
        (
            "within: guild,",
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: bread}"),
                host("t2", "10.1.0.2", "shop/till", settings="{guild: cake, clock: winter}"),
            ],
            {},
        ),
        (
            "within: guild,",
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: bread}"),
                host("t2", "10.1.0.2", "shop/till", settings="{guild: cake, clock: winter}"),
                host("o1", "10.1.0.3", "oven/oven", settings="{clock: winter}"),
            ],
            {"late/t1+o1": "Clocks differ: clock is summer on t1 and winter on o1"},
        ),
    ],
)
def test_a_setting_must_be_equal(found, rule, hosts, expected):
    """The finding names the hosts with each value; it is about those where the condition holds, within one group."""
    assert told(found(TIME % rule, *hosts)) == expected


def test_the_place_is_the_host_with_the_rarest_value(found):
    """That one is most likely to be mended."""
    hosts = [host(f"t{n}", f"10.1.0.{n}", "shop/till") for n in (1, 2)]
    [finding] = found(TIME % "", *hosts, host("o1", "10.1.0.9", "oven/oven", settings="{clock: winter}")).values()
    line = next(number for number, text in enumerate((SITE + "\n".join(hosts)).split("\n"), 1) if "t2:" in text) + 1
    assert finding.place == f"site.yaml:{line}"


ONE = "shared: {says: An oven serves one guild, check: single, on: [shop/till, oven/oven], setting: guild}"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([host("t1", "10.1.0.1", "shop/till", settings="{guild: a}"), host("o1", "10.2.0.1", "oven/oven")], {}),
        (
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: a}"),
                host("t2", "10.1.0.2", "shop/till", settings="{guild: b}"),
                host("t3", "10.1.0.3", "shop/till"),
                host("o1", "10.2.0.1", "oven/oven"),
            ],
            {"shared/o1+t1+t2": "An oven serves one guild: o1 serves t1 of a and t2 of b"},
        ),
        (
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: a}", uses="{oven/oven: o1}"),
                host("t2", "10.1.0.2", "shop/till", settings="{guild: b}", uses="{oven/oven: o2}"),
                host("o1", "10.2.0.1", "oven/oven"),
                host("o2", "10.2.0.2", "oven/oven"),
            ],
            {},
        ),
        (
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: a}"),
                host("o1", "10.2.0.1", "oven/oven", "shop/till", settings="{guild: b}"),
            ],
            {"shared/o1+t1": "An oven serves one guild: o1 serves t1 of a and o1 of b"},
        ),
    ],
)
def test_a_server_must_be_single(found, hosts, expected):
    """Who uses it is what the plan says, the host itself included; an unsaid value fits all."""
    assert told(found(ONE, *hosts)) == expected


CLASH = "clash: {says: Two of them cannot share a port, check: apart, services: [shop/till, %s], %s}"


@pytest.mark.parametrize(
    ("rule", "hosts", "expected"),
    [
        (
            CLASH % ("oven/heat", ""),
            [host("b1", "10.1.0.1", "shop/till", "oven/oven")],
            {"clash/b1": "Two of them cannot share a port: till service and heat on tcp 80 of b1"},
        ),
        (CLASH % ("oven/heat", ""), [host("t1", "10.1.0.1", "shop/till"), host("o1", "10.1.0.2", "oven/oven")], {}),
        (CLASH % ("oven/heat", ""), [host("b1", "10.1.0.1", "{shop/till: {port: 90}}", "oven/oven")], {}),
        (CLASH % ("oven/heat", ""), [host("b1", "10.1.0.1", "shop/till", "{oven/oven: {port: dynamic}}")], {}),
        (CLASH % ("oven/steam", ""), [host("b1", "10.1.0.1", "shop/till", "oven/oven")], {}),
        (CLASH % ("oven/heat", "when: {clock: winter}"), [host("b1", "10.1.0.1", "shop/till", "oven/oven")], {}),
        (
            CLASH % ("oven/heat", ""),
            [host("b1", "10.1.0.1", "{shop/till: {port: 90}}", "oven/oven", "{oven/oven: {instance: A, port: 90}}")],
            {"clash/b1": "Two of them cannot share a port: till service and heat on tcp 90 of b1"},
        ),
    ],
)
def test_services_must_be_apart(found, rule, hosts, expected):
    """One host, one protocol, one port as the settings of each instance give it; a dynamic port meets none."""
    assert told(found(rule, *hosts)) == expected


BARE = "walled: {says: Nothing may stand between, check: unfiltered, on: [shop/till, %s], %s}"


@pytest.mark.parametrize(
    ("rule", "hosts", "expected"),
    [
        (
            BARE % ("oven/oven", ""),
            [
                host("t1", "10.1.0.1", "shop/till"),
                host("o1", "10.2.0.1", "oven/oven"),
                host("o2", "10.2.0.2", "oven/oven"),
                host("o3", "10.1.0.3", "oven/oven"),
            ],
            {"walled/t1+o1+o2": "Nothing may stand between: fw and gw between t1 and o1, o2"},
        ),
        (
            BARE % ("shop/till", ""),
            [host("t1", "10.1.0.1", "shop/till"), host("t2", "10.2.0.1", "shop/till")],
            {"walled/t1+t2": "Nothing may stand between: fw and gw between t1 and t2"},
        ),
        (BARE % ("shop/till", ""), [host("t1", "10.1.0.1", "shop/till"), host("t2", "10.1.0.2", "shop/till")], {}),
        (
            BARE % ("oven/oven", ""),
            [host("b1", "10.1.0.1", "shop/till", "oven/oven"), host("b2", "10.2.0.1", "shop/till", "oven/oven")],
            {"walled/b1+b2": "Nothing may stand between: fw and gw between b1 and b2"},
        ),
        (
            BARE % ("oven/oven", "within: guild"),
            [
                host("t1", "10.1.0.1", "shop/till", settings="{guild: a}"),
                host("o1", "10.2.0.1", "oven/oven", settings="{guild: b}"),
            ],
            {},
        ),
    ],
)
def test_nothing_may_stand_between(found, rule, hosts, expected):
    """The points between the two zones are told; hosts of one zone, or of different groups, have none between them."""
    assert told(found(rule, *hosts)) == expected


def test_a_firewall_on_a_host_stands_not_between(found):
    """Only points on the way do."""
    hosts = host("t1", "10.1.0.1", "shop/till"), host("o1", "10.1.0.2", "oven/oven")
    site = SITE.replace("enforcement: {", "enforcement: {on-t1: {platform: windows-firewall, on: t1}, ")
    assert found(BARE % ("oven/oven", ""), *hosts, site=site) == {}


def test_groups_count_too(found):
    """A group of hosts that a firewall separates from a server."""
    group = "  o1: {addresses: [10.2.0.1], roles: [oven/oven]}\ngroups: {tills: {zone: left, roles: [shop/till]}}\n"
    assert set(found(BARE % ("oven/oven", ""), extra=group)) == {"walled/tills+o1"}


def test_a_point_within_a_zone_stands_between(found):
    """A zone may have a path to itself."""
    hosts = host("t1", "10.1.0.1", "shop/till"), host("t2", "10.1.0.2", "shop/till")
    assert found(BARE % ("shop/till", ""), *hosts) == {}
    site = SITE.replace("paths: [", "paths: [{between: [left, left], through: [gw]}, ")
    assert told(found(BARE % ("shop/till", ""), *hosts, site=site)) == {
        "walled/t1+t2": "Nothing may stand between: gw between t1 and t2"
    }


@pytest.mark.parametrize(
    "rule",
    [WOOD % "on: oven/oven,", TIME % "", ONE, CLASH % ("oven/heat", ""), BARE % ("oven/oven", "")],
)
def test_what_nobody_placed_is_silent(found, rule):
    """A mill has nothing to do with any of them."""
    assert found(rule, host("m1", "10.1.0.1", "mill/mill"), extra="settings: {oven.fuel: wood, clock: winter}") == {}


def test_a_rule_of_a_product_that_is_not_here_is_silent(tmp_path):
    """The site runs another product."""
    (tmp_path / "bakery.yaml").write_text(CATALOG % (WOOD % ""))
    catalog = load_catalog([tmp_path / "bakery.yaml"])
    text = "site: x\nproducts: [windows-server]\nzones: {all: {rest: true}}\nsettings: {oven.fuel: wood}\n"
    plan = make_plan(catalog, parse_site(text.encode(), tmp_path, catalog), today=TODAY)
    assert not [finding for finding in plan.findings if finding.kind is Kind.LINT]


# ---------------------------------------------------------------------- what else a site may get wrong


LATER = """
product: bakery-2
title: bakery of today
based-on: bakery
"""


def test_two_versions_of_a_product_are_refused(tmp_path):
    """They share their components, so that nothing would tell which flows are whose."""
    for name, text in (("bakery", CATALOG % (WOOD % "")), ("bakery-2", LATER)):
        (tmp_path / f"{name}.yaml").write_text(text)
    catalog = load_catalog([tmp_path / "bakery.yaml", tmp_path / "bakery-2.yaml"])
    text = SITE.replace("[bakery]", "[bakery-2, bakery]") + host("  t1", "10.1.0.1", "shop/till")
    with pytest.raises(InvalidInput) as wrong:
        parse_site(text.encode(), tmp_path, catalog)
    [problem] = wrong.value.problems
    assert (problem.line, problem.path) == (3, "products.1")
    assert problem.message == "'bakery-2' is a later version of 'bakery'"
    assert parse_site(text.replace(", bakery]", "]").encode(), tmp_path, catalog).products == {"bakery-2", "bakery"}
