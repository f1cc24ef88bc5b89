"""The plan: which flows a site must have, may have, and needs only at other times."""

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest

import schemas
from portwright.catalog.load import load_catalog
from portwright.catalog.model import Phase
from portwright.errors import InvalidInput
from portwright.findings import Kind
from portwright.packets.addresses import parse_addresses
from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.plan.make import make_plan
from portwright.report.plan import plan_json, plan_text
from portwright.site.load import load_site, parse_site

CATALOG = load_catalog()
F6 = Path(__file__).parents[2] / "examples" / "f6" / "site.yaml"
TODAY = date(2026, 1, 1)

OWN = """
product: shop
title: shop
citations: {H1: {in: white-paper, says: because}}
settings:
  stock.port: {kind: port-or-dynamic, default: 5432, component: shop/stock}
  cache: {kind: switch, default: false}
components:
  shop/orders: {title: order service}
  shop/stock: {title: stock service}
  shop/cache: {title: cache}
services:
  shop/stock: {at: shop/stock, title: stock, protocol: tcp, ports: "{stock.port}"}
  shop/ping: {at: shop/stock, title: ping, protocol: icmp}
  shop/cache: {at: shop/cache, title: cache, protocol: udp, ports: 11211}
requirements:
  shop.stock: {from: shop/orders, to: shop/stock, service: shop/stock, %s purpose: read stock levels, citations: [H1]}
  shop.cache: {from: shop/orders, to: shop/cache, service: shop/cache, when: {cache: true}, purpose: be quick}
  shop.ping: {from: shop/orders, to: shop/stock, service: shop/ping, need: all, necessity: optional, purpose: look}
"""
SITE = """
site: x
products: [shop]
zones: {left: {networks: [10.1.0.0/16, fd00:1::/32]}, right: {networks: [10.2.0.0/16, fd00:2::/32]}, far: {rest: true}}
enforcement: {fw: {platform: nftables}, gw: {platform: nftables}}
paths: [{between: [left, right], through: [fw]}, {between: [left, far], through: [fw, gw]}]
"""


def shop(tmp_path, hosts, need="", extra="", **options):
    path = tmp_path / "shop.yaml"
    path.write_text(OWN % need)
    catalog = load_catalog([path])
    text = SITE + "hosts:\n" + "".join(f"  {line}\n" for line in hosts) + extra
    return make_plan(catalog, parse_site(text.encode(), tmp_path, catalog), **options)


def ids(flows):
    return [flow.id for flow in flows]


@pytest.fixture(scope="module")
def f6():
    return make_plan(CATALOG, load_site(F6, CATALOG), today=TODAY)


ORDERS = "o1: {addresses: [10.1.0.1], roles: [shop/orders]}"
STOCK = "s1: {addresses: [10.2.0.1], roles: [shop/stock]}"
STOCK2 = "s2: {addresses: [10.2.0.2], roles: [shop/stock]}"
FAR = "s3: {addresses: [192.0.2.3], roles: [shop/stock]}"


@pytest.mark.parametrize(
    ("flow", "service", "path"),
    [
        ("crm.web/staff>fe01", "tcp 443", ("core-fw",)),
        ("crm.database/fe01>sql01", "tcp 1433", ("core-fw", "data-fw")),
        ("crm.report-execution/fe01>ssrs01", "tcp 443", ("core-fw",)),
        ("crm.report-publishing/fe01>ssrs01", "tcp 443", ("core-fw",)),
        ("crm.sql-report/ssrs01>sql01", "tcp 1433", ("core-fw", "data-fw")),
        ("crm.fetch-report/ssrs01>fe01", "tcp 808", ("core-fw",)),
        ("ssrs.database/ssrs01>sql02", "tcp 1433", ("core-fw", "data-fw")),
        ("ad.kerberos/sql01>dc01", "tcp 88", ("data-fw", "core-fw")),
        ("ad.rpc-dynamic/staff>dc01", "tcp 49152-65535", ("core-fw",)),
        ("ad.time/fe01>dc01", "udp 123", ("core-fw",)),
        ("dns.lookup/adm01>dc01", "udp 53", ("core-fw",)),
        ("windows.rdp/adm01>sql02", "tcp 3389", ("core-fw", "data-fw")),
    ],
)
def test_what_f6_needs(f6, flow, service, path):
    """Separate Reporting Services: who, on which port, through which firewalls."""
    found = f6.flow(flow)
    assert found.is_required
    assert (found.describe(), found.points) == (service, path)


def test_reporting_services_uses_two_sql_servers(f6):
    """`uses` by requirement: the reports read sql01, and Reporting Services keeps its own database on sql02."""
    used = {flow.id for flow in f6.flows if flow.source.name == "ssrs01" and flow.destination.name.startswith("sql")}
    assert used == {"crm.sql-report/ssrs01>sql01", "ssrs.database/ssrs01>sql02"}


def test_f6_is_settled(f6):
    """Everything is placed, every path declared, nothing expired."""
    assert f6.findings == ()
    assert f6.unplaced == ()


def test_a_host_that_serves_itself_needs_no_flow(f6):
    """The sandbox is on the front end; the domain controller is a member of its own domain."""
    local = {(use.requirement.id, use.host.name) for use in f6.local}
    assert {("crm.sandbox", "fe01"), ("ad.kerberos", "dc01")} <= local
    assert not [flow.id for flow in f6.by_id.values() if flow.source.name == flow.destination.name]


def test_other_phases_are_known_and_labelled(f6):
    """UDP 1434 is for Setup; UDP 1025 is an erratum; neither is permitted now."""
    assert f6.flow("crm.setup-instances/fe01>sql01").label == "needed only in setup"
    assert f6.flow("ad.rpc-udp-1025/fe01>dc01").label.startswith("superseded")
    assert not set(ids(f6.others)) & set(ids(f6.flows))


def test_a_phase_can_be_chosen():
    """In the phase setup the flows of Setup are required, and those of running are not."""
    plan = make_plan(CATALOG, load_site(F6, CATALOG), phases=[Phase.SETUP], today=TODAY)
    assert "crm.setup-instances/fe01>sql01" in ids(plan.required)
    assert "crm.web/staff>fe01" in ids(plan.others)


def packet(text):
    return Packet.parse(text).header(1, 1)


@pytest.mark.parametrize(
    ("flow", "required", "permitted", "other"),
    [
        (
            "crm.fetch-report/ssrs01>fe01",
            "tcp 10.40.0.11:40000 > 10.20.0.11:808",
            "tcp 10.40.0.11:20 > 10.20.0.11:808",  # a rule without source ports is no excess
            "tcp 10.40.0.11:40000 > 10.20.0.11:809",
        ),
        (
            "ad.time/fe01>dc01",
            "udp 10.20.0.11:123 > 10.50.0.10:123",
            "udp 10.20.0.11:40000 > 10.50.0.10:123",
            "tcp 10.20.0.11:123 > 10.50.0.10:123",
        ),
        (
            "ad.ping/fe01>dc01",
            "icmp 10.20.0.11 > 10.50.0.10 type 8 code 0",
            "icmp 10.20.0.11 > 10.50.0.10 type 8 code 1",
            "icmp 10.20.0.11 > 10.50.0.10 type 0 code 0",
        ),
    ],
)
def test_packets_of_a_flow(f6, flow, required, permitted, other):
    """What must pass is part of what may; neither takes anything else."""
    found = f6.flow(flow)
    assert any(packet(required) in box for box in found.packets)
    assert any(packet(required) in box for box in found.permitted)
    assert any(packet(permitted) in box for box in found.permitted)
    assert not any(packet(permitted) in box for box in found.packets)
    assert not any(packet(other) in box for box in (*found.packets, *found.permitted))


@pytest.mark.parametrize(
    ("flow", "reply"),
    [
        ("crm.fetch-report/ssrs01>fe01", "tcp 10.20.0.11:808 > 10.40.0.11:40000"),
        ("ad.time/fe01>dc01", "udp 10.50.0.10:123 > 10.20.0.11:123"),
        ("ad.ping/fe01>dc01", "icmp 10.50.0.10 > 10.20.0.11 type 0 code 0"),
    ],
)
def test_replies_come_the_other_way(f6, flow, reply):
    """Ends swapped; an echo reply for an echo request."""
    assert any(packet(reply) in box for box in f6.flow(flow).replies)


def test_every_network_tolerates_some_icmp(f6):
    """Path-MTU discovery and neighbor discovery are no excess, whoever sends them."""
    for text in ("icmp 192.0.2.1 > 192.0.2.2 type 3 code 4", "icmpv6 [fd00::1] > [fd00::2] type 135 code 0"):
        assert any(packet(text) in box for box in f6.tolerated)
    assert not any(packet("icmp 192.0.2.1 > 192.0.2.2 type 3 code 1") in box for box in f6.tolerated)


def test_breaks_name_the_scenarios_that_happen(f6):
    """Kerberos from a client is a step of signing in; from a SQL Server it is not."""
    assert [(one.scenario, one.step) for one in f6.breaks(f6.flow("ad.kerberos/staff>dc01"))] == [
        ("sign-in-integrated", "3")
    ]
    assert f6.breaks(f6.flow("ad.kerberos/sql01>dc01")) == ()


def test_legs_of_a_step(f6):
    """A step runs where its requirement is placed; traffic back runs on the connection of the step it rides on."""
    scenario = CATALOG.scenarios["run-fetch-report"]
    steps = {step.step: f6.legs(scenario, step) for step in scenario.steps}
    assert ids(steps["4b"].flows) == ["crm.fetch-report/ssrs01>fe01"]
    assert steps["7"].flows == steps["4b"].flows
    assert (steps["7"].returns, steps["4b"].returns, steps["2"].returns) == (True, False, False)
    assert all(leg.is_placed for leg in steps.values())


def test_a_setting_moves_a_port_and_a_condition(tmp_path):
    """`stock.port` of the instance is the port of the flow; without `cache` nobody needs one."""
    plan = shop(tmp_path, [ORDERS, "s1: {addresses: [10.2.0.1], roles: [{shop/stock: {port: 6000}}]}"])
    assert [(flow.id, flow.describe()) for flow in plan.required] == [("shop.stock/o1>s1", "tcp 6000")]
    assert plan.findings == ()


def test_an_optional_flow_is_permitted_and_not_required(tmp_path):
    """Nothing breaks without it."""
    plan = shop(tmp_path, [ORDERS, STOCK])
    assert ids(plan.optional) == ["shop.ping/o1>s1"]


@pytest.mark.parametrize(
    ("need", "uses", "flows"),
    [
        ("need: all,", "", ["s1", "s2", "s3"]),
        ("need: nearest,", "", ["s1", "s2"]),
        ("need: any,", "", ["s1", "s2", "s3"]),
        ("need: all,", "s2", ["s2"]),
        ("", "s3", ["s3"]),
        ("", "[s1, s3]", ["s1", "s3"]),
    ],
)
def test_which_of_several_servers(tmp_path, need, uses, flows):
    """`uses` says it; otherwise all, those behind the fewest firewalls, or at least one."""
    orders = f"o1: {{addresses: [10.1.0.1], roles: [shop/orders], uses: {{shop/stock: {uses}}}}}" if uses else ORDERS
    plan = shop(tmp_path, [orders, STOCK, STOCK2, FAR], need)
    assert ids(plan.required) == [f"shop.stock/o1>{name}" for name in flows]
    assert {flow.group for flow in plan.required} == ({"shop.stock/o1"} if "any" in need else {""})


def test_the_nearest_server_is_the_host_itself(tmp_path):
    """A host that runs the service needs no other."""
    plan = shop(tmp_path, ["o1: {addresses: [10.1.0.1], roles: [shop/orders, shop/stock]}", STOCK], "need: nearest,")
    assert plan.required == ()
    assert [use.host.name for use in plan.local if use.requirement.id == "shop.stock"] == ["o1"]


def finding(plan, kind):
    [found] = [one for one in plan.findings if one.kind is kind]
    return found


def test_several_servers_and_nobody_says_which(tmp_path):
    """Portwright does not guess: neither flow is required, and the answer is undecided."""
    plan = shop(tmp_path, [ORDERS, STOCK, STOCK2])
    assert plan.required == ()
    found = finding(plan, Kind.UNDECIDED)
    assert found.id == "undecided:shop.stock/o1"
    assert "s1, s2" in found.message
    assert found.fix == "say it at o1: uses: {shop.stock: s1}"


def test_a_component_that_nobody_placed(tmp_path):
    """It is named once, with what needs it."""
    plan = shop(tmp_path, [ORDERS, "o2: {addresses: [10.1.0.2], roles: [shop/orders]}"])
    assert plan.unplaced == ("shop/stock",)
    found = finding(plan, Kind.UNPLACED)
    assert (found.id, found.requirements, found.citations) == ("unplaced:shop/stock", ("shop.stock",), ("H1",))


def test_a_component_that_the_site_does_without(tmp_path):
    """With a reason under `absent` it is no finding."""
    assert shop(tmp_path, [ORDERS], extra="absent: {shop/stock: we guess}").findings == ()


def test_a_component_that_is_absent_and_placed_is_told(tmp_path):
    """One of the two is wrong, and nobody can know which."""
    [finding] = shop(tmp_path, [ORDERS, STOCK], extra="absent: {shop/stock: we guess}").findings
    assert finding.message == "the site says that there is no shop/stock, and places it on s1"


def test_a_condition_decides_what_must_be_placed(tmp_path):
    """Only a site that wants a cache lacks one."""
    plan = shop(tmp_path, [ORDERS, STOCK], extra="settings: {cache: true}")
    assert plan.unplaced == ("shop/cache",)


def test_two_zones_without_a_path(tmp_path):
    """A route that nobody declared is never a pass; it is named once for the two zones."""
    plan = shop(tmp_path, [ORDERS.replace("10.1.0.1", "192.0.2.1"), STOCK, STOCK2], "need: all,")
    assert [flow.routes for flow in plan.required] == [(), ()]
    found = finding(plan, Kind.UNDECIDED)
    assert found.id == "undecided:path/far>right"
    assert "2 required flows" in found.message


def test_within_a_zone_no_firewall_stands(tmp_path):
    """The flow is there, with one route that crosses nothing."""
    plan = shop(tmp_path, [ORDERS, STOCK.replace("10.2.0.1", "10.1.0.2")])
    [flow] = plan.required
    assert (len(flow.routes), flow.points) == (1, ())


def test_a_dynamic_port_cannot_be_written_into_a_rule(tmp_path):
    """Portwright asks for a fixed one."""
    plan = shop(tmp_path, [ORDERS, "s1: {addresses: [10.2.0.1], roles: [{shop/stock: {port: dynamic}}]}"])
    assert plan.required == ()
    assert finding(plan, Kind.UNDECIDED).id == "undecided:shop.stock/o1>s1"


def test_both_versions_where_both_ends_have_both(tmp_path):
    """Dual stack is required twice; one version in common is enough; none is a finding."""
    both = "o1: {addresses: [10.1.0.1, fd00:1::1], roles: [shop/orders]}"
    dual = shop(tmp_path, [both, "s1: {addresses: [10.2.0.1, fd00:2::1], roles: [shop/stock]}"])
    four = shop(tmp_path, [both, STOCK])
    none = shop(tmp_path, [ORDERS, "s1: {addresses: [fd00:2::1], roles: [shop/stock]}"])
    versions = [[box.get(Field.VERSION) for box in plan.required[0].packets] for plan in (dual, four, none)]
    assert versions == [[((4, 4),), ((6, 6),)], [((4, 4),)], []]
    assert finding(none, Kind.UNDECIDED).message == "o1 and s1 have no IP version in common"


def test_firewalls_on_the_hosts_are_crossed_first_and_last(tmp_path):
    """The source's own firewall sees it go out, the destination's sees it come in; replies the other way round."""
    extra = "enforcement: {fw: {platform: x}, fo: {platform: x, on: o1}, fs: {platform: x, on: s1}}\n"
    text = SITE.replace("enforcement: {fw: {platform: nftables}, gw: {platform: nftables}}\n", "")
    text = text.replace(
        "paths: [{between: [left, right], through: [fw]}, {between: [left, far], through: [fw, gw]}]", ""
    )
    path = tmp_path / "shop.yaml"
    path.write_text(OWN % "")
    catalog = load_catalog([path])
    text += f"hosts: {{{ORDERS}, {STOCK}}}\n{extra}paths: [{{between: [left, right], through: [fw]}}]"
    [flow] = make_plan(catalog, parse_site(text.encode(), tmp_path, catalog)).required
    [route] = flow.routes
    assert [(one.point, one.hook) for one in route.forward] == [("fo", "output"), ("fw", "forward"), ("fs", "input")]
    assert [(one.point, one.hook) for one in route.back] == [("fs", "output"), ("fw", "forward"), ("fo", "input")]
    assert (route.forward[0].interface_in, route.forward[-1].interface_out) == ("", "")


def test_clients_reach_a_service_by_its_virtual_address(tmp_path):
    """The members' own addresses are not needed for it; other services keep theirs."""
    extra = "virtual: {v: {address: 10.2.0.9, port: 7000, mode: nlb, members: [s1, s2], services: [shop/stock]}}"
    plan = shop(tmp_path, [ORDERS, STOCK, STOCK2], "need: all,", extra)
    assert [(flow.id, flow.describe()) for flow in plan.required] == [("shop.stock/o1>v", "tcp 7000")]
    assert ids(plan.optional) == ["shop.ping/o1>s1", "shop.ping/o1>s2"]


def test_a_virtual_address_can_be_used(tmp_path):
    """`uses` may name it, for services too that it does not front for everybody."""
    extra = "virtual: {v: {address: 10.2.0.9, mode: nlb, members: [s1, s2], services: []}}"
    plan = shop(tmp_path, [ORDERS.replace("]}", "], uses: {shop/stock: v}}"), STOCK, STOCK2], extra=extra)
    assert ids(plan.flows) == ["shop.stock/o1>v", "shop.ping/o1>v"]


def test_a_host_with_several_instances_does_not_say_which(tmp_path):
    """`uses: s1` is not enough where s1 has two."""
    two = "s1: {addresses: [10.2.0.1], roles: [{shop/stock: {instance: A}}, {shop/stock: {instance: B}}]}"
    plan = shop(tmp_path, [ORDERS.replace("]}", "], uses: {shop/stock: s1}}"), two])
    assert plan.required == ()
    assert "s1#A, s1#B" in finding(plan, Kind.UNDECIDED).message


def test_a_group_is_one_source(tmp_path):
    """Hosts that need not be told apart are one flow, whatever their number."""
    extra = "groups: {all-orders: {zone: left, networks: [10.1.4.0/22], roles: [shop/orders]}}"
    [flow] = shop(tmp_path, [STOCK], extra=extra).required
    assert flow.id == "shop.stock/all-orders>s1"
    assert flow.source.addresses == parse_addresses("10.1.4.0/22")


def test_what_somebody_else_runs(tmp_path):
    """A component outside has the addresses of its zone, or those that the site knows."""
    extra = "outside: {shop/stock: {zone: far, networks: [198.51.100.0/24]}}"
    [flow] = shop(tmp_path, [ORDERS], extra=extra).required
    assert flow.id == "shop.stock/o1>shop/stock"
    assert flow.destination.addresses == parse_addresses("198.51.100.0/24")


def test_instances_on_one_host_are_told_apart(tmp_path):
    """`s1#A` and `s1#B` have different ports, and different flows."""
    roles = "[{shop/stock: {instance: A, port: 1}}, {shop/stock: {instance: B, port: 2}}]"
    two = f"s1: {{addresses: [10.2.0.1], roles: {roles}}}"
    plan = shop(tmp_path, [ORDERS.replace("]}", "], uses: {shop/stock: s1#B}}"), two])
    assert [(flow.id, flow.describe()) for flow in plan.required] == [("shop.stock/o1>s1#B", "tcp 2")]


ENTRIES = """
accept: [{flow: any far > s1, reason: backup, owner: dba, until: 2026-06-30}, {at: fw, rule: old, reason: r}]
except: [{flow: tcp o1 > s1, reason: quarantine, until: 2026-06-30}]
assume: [{at: fw, line: 3, reason: measured, until: 2026-06-30}]
"""


def test_entries_hold_until_their_last_day(tmp_path):
    """On the last day they count; on the next they are findings, and count no more."""
    before = shop(tmp_path, [ORDERS, STOCK], extra=ENTRIES, today=date(2026, 6, 30))
    after = shop(tmp_path, [ORDERS, STOCK], extra=ENTRIES, today=date(2026, 7, 1))
    assert (len(before.accepted), len(before.excepted), len(before.assumptions)) == (1, 1, 1)
    assert (len(after.accepted), len(after.excepted), len(after.assumptions)) == (0, 0, 0)
    assert len(before.accepted_rules) == len(after.accepted_rules) == 1
    assert [one.id for one in after.findings] == [
        "expired:accept/any far > s1",
        "expired:except/tcp o1 > s1",
        "expired:assume/fw/line 3",
    ]


def test_a_site_too_large_for_single_hosts_is_refused(tmp_path):
    """Time and memory stay bounded; groups describe such a site better."""
    hosts = [f"h{i}: {{addresses: 10.1.{i // 250}.{i % 250}, roles: [shop/orders, shop/stock]}}" for i in range(1001)]
    with pytest.raises(InvalidInput, match="more than 1000000 pairs of hosts"):
        shop(tmp_path, hosts)


def test_the_json_follows_its_schema(f6):
    """What the command prints is what the contract says."""
    schema = json.loads((schemas.FOLDER / "plan-1.json").read_text(encoding="utf-8"))
    document = plan_json(f6)
    jsonschema.validate(document, schema, cls=jsonschema.Draft7Validator)
    [flow] = [one for one in document["flows"] if one["id"] == "crm.fetch-report/ssrs01>fe01"]
    assert (flow["protocol"], flow["ports"], flow["path"]) == ("tcp", "808", ["core-fw"])
    assert (flow["source_addresses"], flow["destination_addresses"]) == (["10.40.0.11"], ["10.20.0.11"])
    assert document["references"]["P61"]["lines"] == "326-340"
    assert {id for one in document["flows"] for id in one["citations"]} == set(document["references"])


def test_flow_ids_are_unique_and_independent_of_order(f6):
    """The order of hosts and requirements changes no id."""
    text = F6.read_text(encoding="utf-8").replace(
        "  sql01: {zone: data, addresses: [10.30.0.21], roles: [sql/engine]}\n", ""
    )
    text = text.replace("hosts:\n", "hosts:\n  sql01: {zone: data, addresses: [10.30.0.21], roles: [sql/engine]}\n")
    other = make_plan(CATALOG, parse_site(text.encode(), F6.parent, CATALOG), today=TODAY)
    assert sorted(ids(other.flows)) == sorted(ids(f6.flows))
    assert len(set(ids(f6.flows))) == len(f6.flows)


def test_the_text_is_for_people(f6):
    """What for, who of whom, through what, and where it is written, within a hundred columns."""
    text = plan_text(f6)
    assert text.startswith("contoso: 93 required and 39 optional flows to run and administer\n")
    assert re.search(
        r"  crm.fetch-report: read the data of Fetch-based reports through the SDK listener \(P36 P50 P61 P66\n"
        r"    B4\)\n"
        r"    ssrs01 > fe01 tcp 808 +core-fw\n",
        text,
    )
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_text_names_what_is_not_settled(tmp_path):
    """And says what would settle it."""
    text = plan_text(shop(tmp_path, [ORDERS, STOCK, STOCK2]))
    assert (
        "NOT SETTLED\n  undecided: the site does not say which stock service o1 uses to read stock levels: s1, s2\n"
        in text
    )
    assert "    to settle it: say it at o1: uses: {shop.stock: s1}\n" in text
