"""A packet whose interfaces are not said: derived where that is certain, otherwise all are considered."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.strategies import HERE
from tests.policy.test_walk import rule, stage_of

from portwright.packets.box import ALWAYS, EVERYTHING, Box, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import normalize
from portwright.packets.packet import Packet
from portwright.policy.answer import Answerer
from portwright.policy.configuration import Census, Configuration, Route
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Policy, Stage, Verdict
from portwright.policy.walk import Decided, Walker

ATOMS = Interfaces.of(["inside", "outside"])
PACKET = "tcp 10.1.0.5:40000 > 192.0.2.7:443"


def on(ingress, egress=None):
    """The packets on named interfaces."""
    named = {Field.IN: ingress, Field.OUT: egress}
    return Match.exact([Box.of({field: ATOMS.exactly(name) for field, name in named.items() if name})])


def route(network, interface):
    return Route(ip_network(network), interface, True, HERE)


ROUTES = (route("10.0.0.0/8", "inside"), route("10.9.0.0/16", "outside"), route("0.0.0.0/0", "outside"))


def configuration(*rules, routes=ROUTES, complete=True, **more):
    policies = {"forward": Policy((stage_of(*rules),)), **more}
    return Configuration("test", "fw.conf", policies, ATOMS, Census(0, 0), routes=routes, routing_is_complete=complete)


def answer(known, text, hook="forward"):
    decision = Answerer(known, hook).decide(Packet.parse(text))
    return decision.decided.value, [
        r.source.line for r in ([decision.rule] if decision.rule else decision.undecided_by)
    ]


@pytest.mark.parametrize(
    ("packet", "decided"),
    [
        (PACKET, "accept"),
        (f"{PACKET} in inside out outside", "accept"),
        (f"{PACKET} in outside", "drop"),  # what the packet says goes before what is derived
        ("tcp 10.9.0.5 > 192.0.2.7:443", "drop"),  # the longest prefix wins: it comes from outside
        ("tcp 10.1.0.5 > 10.2.0.7:443", "drop"),  # does not leave outside
        (f"{PACKET} out eth7", "drop"),  # an interface that the configuration does not name
    ],
)
def test_interfaces_follow_the_routes(packet, decided):
    """Where the routes are all known, they say where a packet arrives and leaves."""
    assert answer(configuration(rule(Verdict.ACCEPT, on("inside", "outside"))), packet)[0] == decided


@pytest.mark.parametrize(
    ("known", "lines"),
    [
        (configuration(rule(Verdict.ACCEPT, on("inside"), 4), complete=False), [4, 99]),
        (configuration(rule(Verdict.ACCEPT, on("inside"), 4), routes=()), [4, 99]),
        (
            configuration(rule(Verdict.ACCEPT, on("inside"), 4), routes=(*ROUTES, route("10.0.0.0/8", "outside"))),
            [4, 99],
        ),
    ],
)
def test_ways_that_differ_are_undecided(known, lines):
    """Routes are not all known, missing or ambiguous: the answer names what decides on either way."""
    decided, blamed = answer(known, PACKET)
    assert (decided, sorted(blamed)) == ("undecided", lines)
    reasons = Answerer(known).reasons(Packet.parse(PACKET))
    assert {r.source.line for r in reasons} == set(lines)
    assert any("in on inside" in reason for reason in reasons.values())


def test_ways_that_agree_are_decided():
    """The interface does not matter where every way leads to the same answer."""
    both = [rule(Verdict.ACCEPT, on("inside"), 4), rule(Verdict.ACCEPT, ALWAYS, 5)]
    assert answer(configuration(*both, complete=False), PACKET)[0] == "accept"


def test_blocked_on_every_way_is_drop():
    """Between drop and reject the answer is drop."""
    assert answer(configuration(rule(Verdict.REJECT, on("inside"), 4), complete=False), PACKET) == ("drop", [99])


def test_a_stage_for_one_interface_says_nothing_about_the_others():
    """An access list bound to one interface blocks only there; elsewhere the packet may pass."""
    bound = Stage("in", "base", stage_of().chains, on("inside").sure)
    known = configuration(complete=False, forward=Policy((bound,)))
    assert answer(known, PACKET)[0] == "undecided"
    assert answer(known, f"{PACKET} in inside")[0] == "drop"
    assert answer(known, f"{PACKET} in outside")[0] == "accept"


@pytest.mark.parametrize(("hook", "field"), [("input", Field.OUT), ("output", Field.IN)])
def test_what_the_machine_receives_does_not_leave_and_what_it_sends_did_not_arrive(hook, field):
    """On those hooks one of the interfaces is none at all."""
    nowhere = Match.exact([Box.of({field: ((0, 0),)})])
    known = configuration(complete=False, **{hook: Policy((stage_of(rule(Verdict.ACCEPT, nowhere, 4)),))})
    assert answer(known, PACKET, hook) == ("accept", [4])


@st.composite
def interface_policies(draw):
    """Stages whose rules and scopes ask for interfaces only."""

    def boxes():
        named = {name: draw(st.sets(st.sampled_from([0, 1, 2, 3]), min_size=1)) for name in (Field.IN, Field.OUT)}
        return Box.of({name: normalize((atom, atom) for atom in atoms) for name, atoms in named.items()})

    def stage():
        verdicts = draw(st.lists(st.sampled_from([Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT]), max_size=3))
        found = stage_of(*(rule(verdict, Match.exact([boxes()])) for verdict in verdicts))
        scope = (boxes(),) if draw(st.booleans()) else (EVERYTHING,)
        return Stage("s", "base", {"base": Chain("base", found.chains["base"].rules, HERE)}, scope)

    return Policy(tuple(stage() for _ in range(draw(st.integers(1, 3)))))


@given(interface_policies())
def test_an_answer_holds_on_every_way(policy):
    """Accept only where each way accepts, blocked only where each way blocks, else undecided."""
    known = configuration(complete=False, forward=policy)
    packet = Packet.parse(PACKET)
    walker = Walker(policy)
    each = {walker.decide(packet.header(*way)).decided for way in known.ways(packet)}
    decided = Answerer(known).decide(packet).decided
    blocked = {Decided.DROP, Decided.REJECT}
    assert decided is (
        Decided.ACCEPT if each == {Decided.ACCEPT} else decided if each <= blocked else Decided.UNDECIDED
    )
    assert each & blocked or decided is Decided.ACCEPT
    assert decided not in blocked or each <= blocked
