"""Why packets must pass on a site: what needs them, what breaks without them, and that nothing does."""

from datetime import date
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.catalog.model import Reading
from portwright.errors import InvalidInput
from portwright.plan.why import Reasons, by_effect
from portwright.site.load import parse_site

CATALOG = """
product: club
title: club
references: {house-rules: {title: House rules}}
citations:
  H1: {in: house-rules, lines: 3-4, says: guests drink at the bar}
  H2: {in: house-rules, lines: "9", says: guests phone the bar}
  H3: {in: house-rules, says: nobody smokes}
settings:
  bar.port: {kind: port-or-dynamic, default: 98, printed: 97, component: club/bar, citations: [H2]}
  club.music: {kind: switch, default: false}
components:
  club/guest: {title: guest}
  club/bar: {title: bar}
  club/band: {title: band}
  club/keeper: {title: keeper}
  club/tap: {title: tap}
services:
  club/drink: {at: club/bar, title: drink, protocol: tcp, ports: "{bar.port}"}
  club/phone: {at: club/bar, title: phone, protocol: udp, ports: 5000, citations: [H2]}
  club/song: {at: club/band, title: song, protocol: tcp, ports: 90}
  club/till: {at: club/bar, title: till, protocol: tcp, ports: 95}
  club/fill: {at: club/tap, title: fill, protocol: tcp, ports: 94}
  club/wave: {at: club/bar, title: wave, protocol: icmp}
requirements:
  club.drink: {from: club/guest, to: club/bar, service: club/drink, purpose: drink, citations: [H1]}
  club.phone: {from: club/guest, to: club/bar, service: club/phone, status: superseded, purpose: phone, citations: [H2]}
  club.song: {from: club/guest, to: club/band, service: club/song, when: {club.music: true}, need: all, purpose: listen}
  club.count: {from: club/keeper, to: club/bar, service: club/till, phase: setup, need: all, purpose: count}
  club.fill: {from: club/bar, to: club/tap, service: club/fill, need: any, necessity: optional, purpose: fill}
  club.refund: {from: club/guest, to: club/bar, service: club/till, unprinted: true, need: all, purpose: get back money}
scenarios:
  evening:
    title: Spend an evening
    steps:
      - {step: "1", requires: club.drink, carries: beer, user-sees: Thirst.}
      - {step: "2", from: club/bar, to: club/guest, rides: "1", carries: glass}
      - {step: "3", requires: club.refund, carries: money, user-sees: Loss., effect: later}
"""
SITE = """
site: x
products: [club]
zones: {hall: {networks: [10.1.0.0/16]}, back: {networks: [10.2.0.0/16]}, far: {rest: true}}
enforcement: {door: {platform: nftables}, gate: {platform: nftables}}
paths: [{between: [hall, back], through: [door]}, {between: [hall, far], through: [door, gate]}]
accept:
  - {flow: "tcp g1 > b1:22", reason: repairs, owner: ann, until: 2026-06-30}
  - {flow: "tcp g1 > b1:23", reason: old times, owner: bob, until: 2020-01-01}
  - {at: door, rule: "remark ann", reason: hers, owner: ann}
except:
  - {flow: "tcp g1 > b1:98", reason: banned, owner: ann}
"""
HOSTS = """
hosts:
  g1: {addresses: [10.1.0.1], roles: [club/guest]}
  k1: {addresses: [10.1.0.9], roles: [club/keeper]}
  b1: {addresses: [10.2.0.1], roles: [club/bar]}
"""
TWO_BARS = f"{HOSTS}  b2: {{addresses: [10.2.0.2], roles: [club/bar]}}\n"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    file = tmp_path_factory.mktemp("own") / "club.yaml"
    file.write_text(CATALOG)
    return load_catalog([file])


@pytest.fixture
def why(catalog):
    def answer(text, hosts=HOSTS):
        site = parse_site((SITE + hosts).encode(), Path(), catalog)
        return Reasons.of(catalog, site, date(2026, 1, 1)).why(text)

    return answer


def needed(answer):
    """The flows, and the readings that open them."""
    short = {Reading.CORRECTED: "corrected", Reading.LITERAL: "literal"}
    return {
        (need.flow.id, need.flow.describe()): " ".join(short[reading] for reading in need.readings)
        for need in answer.needs
    }


DRINK, PHONE = "club.drink/g1>b1", "club.phone/g1>b1"
REFUND, COUNT = "club.refund/g1>b1", "club.count/k1>b1"


@pytest.mark.parametrize(
    ("question", "verdict", "expected"),
    [
        ("tcp g1 > b1:98", "needed", {(DRINK, "tcp 98"): "corrected"}),
        ("tcp g1 > b1:97", "printed", {(DRINK, "tcp 97"): "literal"}),
        ("udp g1 > b1:5000", "printed", {(PHONE, "udp 5000"): "literal"}),
        ("tcp any > b1:95", "needed", {(REFUND, "tcp 95"): "corrected", (COUNT, "tcp 95"): "corrected literal"}),
        ("tcp 10.1.0.0/16 > any:95-98 at door", "needed", {
            (DRINK, "tcp 98"): "corrected",
            (DRINK, "tcp 97"): "literal",
            (REFUND, "tcp 95"): "corrected",
            (COUNT, "tcp 95"): "corrected literal",
        }),
        ("tcp g1 > b1:98 at gate", "unneeded", {}),
        ("tcp g1 > b1:22", "accepted", {}),
        ("tcp g1 > b1:23", "unneeded", {}),
        ("tcp g1 > b1:24", "unneeded", {}),
        ("tcp b1 > g1:98", "unneeded", {}),
        ("icmp g1 > b1", "unneeded", {}),
        (DRINK, "needed", {(DRINK, "tcp 98"): "corrected", (DRINK, "tcp 97"): "literal"}),
        ("club.drink", "needed", {(DRINK, "tcp 98"): "corrected", (DRINK, "tcp 97"): "literal"}),
        ("club/till", "needed", {(REFUND, "tcp 95"): "corrected", (COUNT, "tcp 95"): "corrected literal"}),
        ("H1", "needed", {(DRINK, "tcp 98"): "corrected", (DRINK, "tcp 97"): "literal"}),
        ("h2", "printed", {(PHONE, "udp 5000"): "literal"}),
        ("H3", "unneeded", {}),
    ],
)  # fmt: skip
def test_what_needs_it(why, question, verdict, expected):
    """Flows of every phase, in both readings: what is printed by mistake is known and needed by nobody."""
    answer = why(question)
    assert (answer.verdict, needed(answer)) == (verdict, expected)


def test_what_breaks_without_it(why):
    """Every step of every scenario that needs it, the worst first; what is only printed breaks nothing."""
    broken = [one for need in why("any g1 > b1").needs for one in need.breaks]
    steps = {scenario: [(one.step, one.effect) for one in found] for scenario, found in by_effect(broken).items()}
    assert steps == {"evening": [("1", "broken"), ("3", "later")]}
    assert [need.breaks for need in why("udp g1 > b1:5000").needs] == [()]


def rest(answer):
    return [str(dict(box.constraints)) for box in answer.rest]


def test_one_of_several_is_enough(why):
    """The flows beside it that would do."""
    hosts = HOSTS.replace("[club/keeper]", "[club/tap]") + "  k2: {addresses: [10.1.0.8], roles: [club/tap]}\n"
    [need] = [one for one in why("tcp b1 > k1:94", hosts).needs if one.is_opened]
    assert [flow.id for flow in need.alternatives] == ["club.fill/b1>k2"]
    assert [one.alternatives for one in why("tcp g1 > b1:98").needs] == [()]


def test_what_nothing_needs_of_it_is_told(why):
    """A question may ask for more than is needed; what somebody accepts is not among the rest."""
    assert rest(why("tcp g1 > b1:98")) == []
    assert len(rest(why("tcp g1 > b1:98,99"))) == 1
    assert rest(why("tcp g1 > b1:22,98")) == []
    assert rest(why("tcp g1 > b1:24")) == []


def test_who_answers_for_it(why):
    """Entries that accept, those whose last day is over, those about rules on the way, and those that deny."""
    assert [entry.reason for entry in why("tcp g1 > b1:22").accepts] == ["repairs"]
    old = why("tcp g1 > b1:23")
    assert ([entry.reason for entry in old.accepts], [entry.reason for entry in old.expired]) == ([], ["old times"])
    assert [entry.reason for entry in old.accepted_rules] == ["hers"]
    assert [entry.reason for entry in why("tcp g1 > b1:98").exceptions] == ["banned"]


@pytest.mark.parametrize(
    ("question", "nearest"),
    [
        ("tcp g1 > b1:24", [DRINK, REFUND, COUNT]),
        ("tcp b1 > g1:95", [REFUND]),
        ("tcp g1 > k1:98", []),
        ("tcp 10.1.0.7 > b1:95", [REFUND, COUNT, DRINK]),
    ],
)
def test_the_nearest_that_is_needed(why, question, nearest):
    """The same ends on another port, the other way round, the same service for others, the same destination."""
    assert [flow.id for flow in why(question).nearest] == nearest


def test_replies_are_told_as_such(why):
    """Who writes the source port of a service asks about its replies."""
    answer = why("tcp b1:98 > g1")
    assert (answer.verdict, [flow.id for flow in answer.replies_to]) == ("unneeded", [DRINK])
    assert why("tcp b1 > g1").replies_to == ()


@pytest.mark.parametrize(
    ("question", "ways"),
    [
        ("tcp g1 > b1:24", [("door",)]),
        ("tcp g1 > 192.0.2.1:24", [("door", "gate")]),
        ("tcp g1 > 10.1.0.77:24", [()]),
        ("tcp b1 > 192.0.2.1:24", []),
        ("tcp g1 > any:24", [(), ("door",), ("door", "gate")]),
        ("tcp g1 > any:24 at gate", [("door", "gate")]),
        ("tcp g1 > b1:24 at gate", []),
    ],
)
def test_the_points_on_the_way(why, question, ways):
    """Between the zones in which the ends lie; none where nobody declared a path."""
    assert list(why(question).ways) == ways


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("tcp g1 > b2:98", "undecided"),
        ("tcp g1 > b1:98", "undecided"),
        ("tcp k1 > b2:98", "unneeded"),
        ("udp g1 > b2:98", "unneeded"),
        ("tcp g1 > b2:99", "unneeded"),
        ("club.drink", "undecided"),
        ("H1", "undecided"),
    ],
)
def test_a_choice_that_nobody_made_leaves_it_open(why, question, verdict):
    """Two bars, and nobody said which one the guest uses: "nothing needs it" would be a guess."""
    answer = why(question, TWO_BARS)
    assert answer.verdict == verdict
    assert [finding.message for finding in answer.open] == (
        ["the site does not say which bar g1 uses to drink: b1, b2"] if verdict == "undecided" else []
    )


def test_a_dynamic_port_leaves_every_port_open(why):
    """Whatever port is asked about may be the one."""
    assert why("tcp g1 > b1:3333", HOSTS.replace("[club/bar]", "[{club/bar: {port: dynamic}}]")).verdict == "undecided"


def test_a_component_that_nobody_placed_leaves_it_open(why):
    """Where it will run, and who will reach it there, nobody knows."""
    without = HOSTS.replace("[club/bar]", "[club/guest]")
    assert why("tcp g1 > 10.2.0.1:98", without).verdict == "undecided"
    assert why("tcp g1 > 10.2.0.1:99", without).verdict == "unneeded"


@pytest.mark.parametrize(
    ("question", "hosts", "reason"),
    [
        ("club.song", HOSTS, "no host is club/band"),
        ("club.song", f"{HOSTS}absent: {{club/band: on tour}}\n", "the site does without club/band (on tour)"),
        (
            "club.song",
            HOSTS.replace("[club/keeper]", "[club/band]"),
            "it holds where club.music is true; here club.music is false",
        ),
        ("crm.web", HOSTS, "the site does not have Microsoft Dynamics CRM 2013 (on-premises)"),
    ],
)
def test_why_there_is_no_flow(why, question, hosts, reason):
    """A requirement that comes to nothing on this site."""
    answer = why(question, hosts)
    assert [(one.id, because) for one, because in answer.nowhere] == [(question, reason)]
    assert answer.verdict == "unneeded"


@pytest.mark.parametrize(
    ("question", "would"),
    [
        ("tcp g1 > b2:90", ["club.song"]),
        ("tcp g1 > b2:91", []),
        ("tcp g1 > b1:90", []),
        ("tcp k1 > b2:90", []),
        ("udp g1 > b2:90", []),
    ],
)
def test_what_would_need_it(why, question, would):
    """If the site were set otherwise: there would be music."""
    band = f"{HOSTS}  b2: {{addresses: [10.2.0.2], roles: [club/band]}}\n"
    answer = why(question, band)
    assert (answer.verdict, [one.id for one in answer.would]) == ("unneeded", would)
    assert why(question, f"{band}settings: {{club.music: true}}\n").would == ()


def test_a_host_that_serves_itself(why):
    """It is needed, and no packet leaves the host."""
    answer = why("club.refund", HOSTS.replace("[club/bar]", "[club/bar, club/guest]").replace("[club/guest]", "[]", 1))
    assert (answer.verdict, answer.needs) == ("needed", ())
    assert [use.host.name for use in answer.local] == ["b1"]


def test_a_scenario_step_by_step(catalog):
    """The flows of each step; a step that rides on another has the flows of that."""
    site = parse_site((SITE + HOSTS).encode(), Path(), catalog)
    steps = Reasons.of(catalog, site).steps(catalog.scenarios["evening"])
    assert [(one.step.step, [flow.id for flow in one.flows]) for one in steps] == [
        ("1", [DRINK]),
        ("2", [DRINK]),
        ("3", [REFUND]),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp g1 b1:98", "'tcp g1 b1:98' is nothing that can be asked about"),
        ("tcp g1 > nobody:98", "'nobody' is neither an address nor a name"),
        ("tcp g1 > b1:98 at nowhere", "there is no enforcement point 'nowhere'"),
        ("club.drink/g1>b9", "the site has no flow 'club.drink/g1>b9'"),
        ("club.drnk", "'club.drnk' is nothing that can be asked about"),
        ("", "'' is nothing that can be asked about"),
        ("tcp g1 > b1:98 " + "x" * 2000, "a flow has at most 1000 characters"),
    ],
)
def test_what_is_no_question(why, text, message):
    """Each is answered with what it could have been."""
    with pytest.raises(InvalidInput) as wrong:
        why(text)
    assert wrong.value.problems[0].message.startswith(message)


@pytest.mark.parametrize(("text", "hint"), [("club.drnk", "club.drink"), ("club.drink/g1>b9", DRINK)])
def test_what_may_have_been_meant(why, text, hint):
    """The nearest name there is."""
    with pytest.raises(InvalidInput) as wrong:
        why(text)
    assert wrong.value.problems[0].hint == f"did you mean {hint}?"
