"""Which scenarios happen on a site, which of their steps are taken, and what is said of the others."""

from dataclasses import replace

import jsonschema
import pytest
from tests.cli.running import EXAMPLES, SCENARIOS, copied, edit, run, validate

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Condition
from portwright.check.run import Check
from portwright.plan.make import make_plan
from portwright.site.load import parse_site
from portwright.trace.happening import left_out, why_not
from portwright.trace.run import trace

CATALOG = """
product: club
title: club
settings:
  club.door: {kind: choice, values: [open, closed], default: open}
  club.town: {kind: text, default: ""}
components:
  club/guest: {title: guest}
  club/bar: {title: bar}
  club/band: {title: band}
services:
  club/drink: {at: club/bar, title: drink, protocol: tcp, ports: 98}
  club/song: {at: club/band, title: song, protocol: tcp, ports: 97}
  club/till: {at: club/bar, title: till, protocol: tcp, ports: 95}
  club/chat: {at: club/guest, title: chat, protocol: tcp, ports: 96}
requirements:
  club.drink: {from: club/guest, to: club/bar, service: club/drink, need: any, within: club.town, purpose: drink}
  club.song: {from: club/guest, to: club/band, service: club/song, need: any, purpose: listen}
  club.count: {from: club/guest, to: club/bar, service: club/till, phase: setup, need: all, purpose: count}
  club.chat: {from: club/guest, to: club/guest, service: club/chat, need: all, purpose: talk}
scenarios:
  evening:
    title: Spend an evening
    when: {club.door: open}
    steps:
      - {step: "1", requires: club.drink, carries: beer, user-sees: Thirst.}
      - {step: "2", requires: club.song, carries: music, user-sees: Silence., effect: degraded}
      - {step: "3", from: club/band, to: club/guest, rides: "2", carries: tune}
      - {step: "4", requires: club.chat, carries: talk, user-sees: Boredom., effect: later}
  opening:
    title: Open for the first time
    steps: [{step: "1", requires: club.count, carries: coins, user-sees: Closed.}]
  concert:
    title: Hear a concert
    steps: [{step: "1", requires: club.song, carries: music, user-sees: Silence.}]
"""
NEXT = """
product: club-2
title: club of today
based-on: club
leaves-out: [concert]
"""
SITE = """
site: x
products: [%s]
zones: {all: {networks: [10.0.0.0/8]}}
"""
GUEST = "  g1: {addresses: [10.0.0.1], roles: [club/guest]}\n"
GUEST2 = "  g2: {addresses: [10.0.0.2], roles: [club/guest]}\n"
BAR = "  b1: {addresses: [10.0.0.3], roles: [club/bar]}\n"
BAND = "  b2: {addresses: [10.0.0.4], roles: [club/band]}\n"
ALL = GUEST + GUEST2 + BAR + BAND


@pytest.fixture
def made(tmp_path):
    """The plan of a site."""
    for name, text in (("club", CATALOG), ("club-2", NEXT)):
        (tmp_path / f"{name}.yaml").write_text(text)
    catalog = load_catalog([tmp_path / "club.yaml", tmp_path / "club-2.yaml"])

    def make(hosts, extra="", products="club"):
        text = SITE % products + "hosts:\n" + hosts + extra
        return make_plan(catalog, parse_site(text.encode(), tmp_path, catalog))

    return make


NO_BAND = 'absent: {club/band: "on tour"}\n'


@pytest.mark.parametrize(
    ("scenario", "hosts", "extra", "products", "reason"),
    [
        ("evening", ALL, "", "club", ""),
        ("evening", ALL, "settings: {club.door: closed}\n", "club", "club.door is closed, not open"),
        ("evening", ALL, "", "windows-server, club", ""),
        ("evening", GUEST + BAR, NO_BAND, "club", ""),
        ("concert", GUEST + BAR, NO_BAND, "club", "the site does without club/band (on tour)"),
        ("concert", ALL, "", "club-2", "club of today no longer has it"),
        (
            "run-sql-report",
            ALL,
            "",
            "club",
            "it is one of Microsoft Dynamics CRM 2013 (on-premises), which the site does not have",
        ),
    ],
)
def test_why_a_scenario_does_not_happen(made, scenario, hosts, extra, products, reason):
    """Another setting, another product, a version that no longer has it, something the site does without."""
    plan = made(hosts, extra, products)
    assert why_not(plan, plan.catalog.scenarios[scenario]) == reason


@pytest.mark.parametrize(
    ("hosts", "extra", "expected"),
    [
        (ALL, "", {}),
        (GUEST + GUEST2 + BAR, NO_BAND, dict.fromkeys("23", "the site does without club/band (on tour)")),
        (GUEST + BAR + BAND, "", {"4": "g1 is the only club/guest"}),
        (GUEST + GUEST2 + BAR, "", {}),
    ],
)
def test_which_steps_are_not_taken(made, hosts, extra, expected):
    """Those that need what the site does without, and those of a host that has no partner; unplaced is not absent."""
    plan = made(hosts, extra)
    assert left_out(plan, plan.catalog.scenarios["evening"]) == expected


def verdicts(plan):
    found = trace(plan, Check(plan, {}).judge, plan.catalog.scenarios["evening"])
    return found.verdict, [(leg.step.step, leg.source, leg.verdict.value) for leg in found.steps]


def test_a_step_that_is_not_taken_leaves_nothing_open(made):
    """The rest of the scenario works."""
    assert verdicts(made(GUEST + BAR, NO_BAND)) == ("works", [("1", "g1", "no-firewall")])


def test_a_component_of_another_town_is_not_placed(made):
    """For the host of the one town the step is settled, for that of the other it is not."""
    towns = [
        host.replace("]}\n", f"], settings: {{club.town: {town}}}}}\n") for host, town in ((GUEST, 1), (GUEST2, 2))
    ]
    verdict, legs = verdicts(made("".join(towns) + BAR.replace("]}\n", "], settings: {club.town: 1}}\n") + BAND))
    assert verdict == "undecided"
    assert [leg for leg in legs if leg[0] == "1"] == [("1", "g1", "no-firewall"), ("1", "g2", "not-placed")]


# ---------------------------------------------------------------------- the command


def test_a_scenario_of_another_site_is_refused(tmp_path):
    """Status 2, and why it does not happen."""
    site = copied(tmp_path)
    edit(site, "authentication: integrated", "authentication: claims")
    done = run("trace", site, "sign-in-integrated")
    assert (done.status, done.out) == (2, "")
    said = "sign-in-integrated does not happen on this site: authentication is claims, not integrated"
    assert done.err == f"{site}: {said}\n"


def test_without_a_scenario_they_are_listed(tmp_path):
    """Those that happen and those that do not; no configuration is read."""
    site = copied(tmp_path)
    edit(site, "authentication: integrated", "authentication: claims")
    edit(site, "config: core-fw.cfg", "config: nowhere.cfg")
    done = run("trace", site, "--format", "json")
    assert done.status == 0
    listed = {one["scenario"] for one in done.document["scenarios"]}
    elsewhere = {one["scenario"]: one["because"] for one in done.document["elsewhere"]}
    assert {"run-sql-report", "run-fetch-report", "publish-report"} <= listed
    assert elsewhere["sign-in-integrated"] == "authentication is claims, not integrated"
    text = run("trace", site).out
    assert f"contoso: {len(listed)} scenarios can be traced" in text
    assert "Does not happen here\n" in text


@pytest.mark.parametrize(
    ("fault", "verdict"), [(None, "works"), ("fetch-808-blocked", "broken"), ("not-understood", "undecided")]
)
def test_all_of_them_can_be_followed(tmp_path, fault, verdict):
    """Each trace is as if it had been asked for alone."""
    site = copied(tmp_path, fault)
    done = run("trace", site, "--all", "--format", "json")
    traces = {one["scenario"]: one for one in done.document["traces"]}
    assert set(SCENARIOS) <= set(traces)
    assert traces["run-fetch-report"]["verdict"] == verdict
    assert traces["run-fetch-report"] == run("trace", site, "run-fetch-report", "--format", "json").document
    for one in traces.values():
        validate(one, "portwright.trace/1")


NFT = """
table inet filter {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established accept
    tcp dport {{ {} }} accept
  }}
}}
"""


@pytest.mark.parametrize(
    ("ports", "status", "verdicts", "waiting"),
    [
        ("97, 98", 0, {"concert": "works", "opening": "broken"}, ["opening"]),
        ("95, 97, 98", 0, {"concert": "works", "opening": "works"}, []),
        ("95, 98", 1, {"concert": "broken", "opening": "works"}, []),
        ("", 3, {"concert": "undecided", "opening": "undecided"}, []),
    ],
)
def test_the_worst_decides_the_status(tmp_path, ports, status, verdicts, waiting):
    """What waits for another phase, such as setup, counts for nothing; without a configuration all is undecided."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "club.yaml").write_text(CATALOG)
    fw = "{platform: nftables, config: fw.nft, interfaces: {all: a, back: b}}"
    if ports:
        (tmp_path / "fw.nft").write_text(NFT.format(ports))
    else:
        fw = "{platform: nftables}"
    site = tmp_path / "site.yaml"
    text = (SITE % "club").replace("10.0.0.0/8]}", "10.0.0.0/8]}, back: {networks: [10.9.0.0/16]}")
    band = "  b2: {addresses: [10.9.0.4], roles: [club/band]}\n"
    bar = "  b1: {addresses: [10.9.0.3], roles: [club/bar]}\n"
    rest = f"catalog: own\nenforcement: {{fw: {fw}}}\npaths: [{{between: [all, back], through: [fw]}}]\n"
    site.write_text(f"{text}hosts:\n{GUEST}{bar}{band}{rest}settings: {{club.door: closed}}\n")
    done = run("trace", site, "--all", "--format", "json")
    assert {one["scenario"]: one["verdict"] for one in done.document["traces"]} == verdicts
    assert [one["scenario"] for one in done.document["waiting"]] == waiting
    assert done.status == status
    assert ("closed now, needed only in setup" in run("trace", site, "--all").out) == bool(waiting)


def test_all_of_them_for_people(tmp_path):
    """One line each: how it ends, and where it does not work what the user sees."""
    done = run("trace", copied(tmp_path, "fetch-808-blocked"), "--all")
    assert max(map(len, done.out.splitlines())) <= 100
    lines = [line.split(maxsplit=2) for line in done.out.splitlines() if line.startswith("  ")]
    assert ["works", "run-sql-report", "Run a SQL-based report"] in lines
    [broken] = [line for line in lines if line[:2] == ["BROKEN", "run-fetch-report"]]
    assert broken[2].startswith("at step 4b, ssrs01 > fe01: Fetch-based reports")


def test_one_or_all(tmp_path):
    """Not both."""
    assert run("trace", copied(tmp_path), "run-sql-report", "--all").status == 2


def test_the_schema_asks_for_traces():
    """A list without them is none."""
    with pytest.raises(jsonschema.ValidationError):
        validate({"schema": "portwright.traces/1", "site": "x", "elsewhere": []}, "portwright.traces/1")


def test_one_of_several_servers_is_a_degraded_step(tmp_path):
    """Users do not always get the same front end: what one of them cannot do fails now and then."""
    site = copied(tmp_path)
    second = "  fe02: {zone: app, addresses: [10.20.0.12], roles: [crm/front-end], uses: {sql/engine: sql01}}\n"
    edit(site, "  ssrs01:\n", f"{second}  ssrs01:\n")
    done = run("trace", site, "run-fetch-report", "--format", "json")
    assert (done.status, done.document["verdict"]) == (1, "degraded")
    assert done.document["user_sees"].startswith("Depending on which server it is:")


def test_each_pair_of_hosts_takes_its_own_way():
    """Two forests, one with IPsec between its domain controllers: each pair has the step that its setting names."""
    found = run("trace", EXAMPLES / "f9" / "site.yaml", "dc-replication", "--format", "json").document
    ways = {}
    for leg in found["steps"]:
        ways.setdefault(leg["step"], set()).add((leg["source"][:3], leg["verdict"]))
    assert (ways["4a"], ways["4c"]) == ({("dcy", "no-firewall")}, {("dcx", "tunneled")})


def test_a_step_whose_setting_is_of_another_host_keeps_its_legs(made):
    """Neither guest nor bar has the door's setting; the step is taken where some host opens."""
    plan = made(GUEST + BAR, NO_BAND)
    [step] = plan.catalog.scenarios["opening"].steps
    elsewhere = replace(step, when=Condition((("club.door", ("closed",)),)))
    assert len(plan.legs(plan.catalog.scenarios["opening"], elsewhere).flows) == 1
