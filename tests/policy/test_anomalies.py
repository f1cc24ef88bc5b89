"""Shadowed and redundant rules: removing them changes nothing, and none that never decides is overlooked."""

from hypothesis import given
from tests.policy.strategies import HEADERS, policies, rewritten, stages
from tests.policy.test_walk import rule, stage_of

from portwright.packets.box import ALWAYS, Box, Doubt, Match
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.policy.algebra import PolicyMap
from portwright.policy.anomalies import anomalies
from portwright.policy.model import Goto, Jump, Policy, Verdict
from portwright.policy.walk import Decided, Walker


def answers(policy):
    """What becomes of every packet, and as what it leaves."""
    walker = Walker(policy)
    decisions = ((packet, walker.decide(packet)) for packet in HEADERS)
    return {packet: (decision.decided, set(decision.headers)) for packet, decision in decisions}


def without(policy, gone):
    return rewritten(policy, dict.fromkeys(gone))


@given(policies(most=1))
def test_removing_a_rule_without_effect_changes_nothing(policy):
    """Each alone, all shadowed ones at once, and each redundant one after the shadowed ones."""
    found = list(anomalies(policy.stages[0]))
    shadowed = {anomaly.rule for anomaly in found if anomaly.kind == "shadowed"}
    before = answers(policy)
    for gone in (shadowed, *({a.rule} for a in found), *({*shadowed, a.rule} for a in found)):
        assert answers(without(policy, gone)) == before


@given(policies(most=1))
def test_removal_changes_nothing_for_any_packet_at_all(policy):
    """The maps before and after are one object: a proof over all headers, not only the small world's."""
    space = Space()
    before = PolicyMap(space, policy).verdicts
    for anomaly in anomalies(policy.stages[0]):
        assert PolicyMap(space, without(policy, {anomaly.rule})).verdicts == before


@given(policies(most=1))
def test_a_shadowed_rule_never_decides(policy):
    """No packet names it, not even as one that might."""
    walker = Walker(policy)
    decisions = [walker.decide(packet) for packet in HEADERS]
    named = {found for decision in decisions for found in (*decision.via, *decision.undecided_by)}
    assert not named & {a.rule for a in anomalies(policy.stages[0]) if a.kind == "shadowed"}


def taken(stage, packet):
    """The rules that act on a packet in a stage without doubts: the plainest reading of the words."""
    acted = []

    def run(chain):
        for met in stage.chains[chain].rules:
            if not any(packet in box for box in met.match.sure):
                continue
            acted.append(met)
            end = met.action
            if isinstance(end, Jump | Goto):
                end = run(end.chain)
                if end in (Verdict.CONTINUE, Verdict.RETURN):
                    end = Verdict.CONTINUE if isinstance(met.action, Jump) else Verdict.RETURN
            if end != Verdict.CONTINUE:
                return end
        return Verdict.CONTINUE

    if any(packet in box for box in stage.scope):
        run(stage.base)
    return acted


@given(stages(uncertain=False))
def test_every_rule_that_never_acts_is_reported(stage):
    """By trying every packet: in the chains that packets reach, the rules that none comes to are the shadowed ones."""
    acting = {rule for packet in HEADERS for rule in taken(stage, packet)}
    reached = {"base", *(caller.action.chain for caller in acting if isinstance(caller.action, Jump | Goto))}
    expected = {
        idle
        for name in reached
        for idle in stage.chains[name].rules
        if idle not in acting and not idle.default and idle.action != Verdict.CONTINUE
    }
    assert {anomaly.rule for anomaly in anomalies(stage) if anomaly.kind == "shadowed"} == expected


@given(stages(uncertain=False))
def test_the_rules_named_as_cause_are_enough(stage):
    """A rule shadowed by others still is when only those stand before it."""
    for anomaly in anomalies(stage):
        if anomaly.kind == "shadowed":
            chain = stage.chains[anomaly.chain]
            assert set(anomaly.because_of) <= set(chain.rules[: chain.rules.index(anomaly.rule)])


@given(stages())
def test_a_redundant_rule_has_a_witness_that_it_decides(stage):
    """The witness is a packet of the rule, which is certain and no default."""
    for anomaly in anomalies(stage):
        if anomaly.kind == "redundant":
            assert any(anomaly.witness in box for box in anomaly.rule.match.sure)
            assert anomaly.rule.match.is_certain
            assert not anomaly.rule.default


def match(**ranges):
    return Match.exact([Box.of({Field[name]: (pair,) for name, pair in ranges.items()})])


MAYBE = Match.doubtful(Doubt("time range"))
LOW, HIGH, MIDDLE = match(DPORT=(0, 9)), match(DPORT=(10, 65535)), match(DPORT=(5, 15))


def told(stage):
    """Anomalies as (kind, line, lines of the cause)."""
    return [
        (anomaly.kind, anomaly.rule.source.line, [cause.source.line for cause in anomaly.because_of])
        for anomaly in anomalies(stage)
    ]


def test_a_wide_rule_shadows_a_narrow_one():
    """The cause is the rule before."""
    stage = stage_of(rule(Verdict.DROP, LOW, 1), rule(Verdict.ACCEPT, match(DPORT=(3, 4)), 2))
    assert told(stage)[0] == ("shadowed", 2, [1])


def test_two_rules_shadow_a_third_together():
    """Neither is enough alone, so both are named."""
    stage = stage_of(rule(Verdict.ACCEPT, LOW, 1), rule(Verdict.ACCEPT, HIGH, 2), rule(Verdict.DROP, MIDDLE, 3))
    assert told(stage) == [("shadowed", 3, [1, 2])]


def test_an_uncertain_rule_shadows_nobody():
    """It may let every packet go on."""
    assert told(stage_of(rule(Verdict.ACCEPT, MAYBE, 1), rule(Verdict.ACCEPT, LOW, 2))) == []


def test_of_two_equal_rules_only_the_second_is_named():
    """The first decides, and would be missed if the second were gone too."""
    assert told(stage_of(rule(Verdict.ACCEPT, LOW, 1), rule(Verdict.ACCEPT, LOW, 2))) == [("shadowed", 2, [1])]


def test_a_drop_before_the_default_drop_is_redundant():
    """The cause is the rule behind."""
    stage = stage_of(rule(Verdict.ACCEPT, LOW, 1), rule(Verdict.DROP, HIGH, 2))
    assert told(stage) == [("redundant", 2, [99])]


def test_an_exception_in_front_of_a_wider_rule_is_neither():
    """It decides, and differently from what stands behind."""
    assert told(stage_of(rule(Verdict.DROP, MIDDLE, 1), rule(Verdict.ACCEPT, ALWAYS, 2))) == []


def test_a_jump_that_decides_everything_shadows_what_follows():
    """The called chain takes every packet that jumps."""
    stage = stage_of(rule(Jump("c"), LOW, 1), rule(Verdict.ACCEPT, LOW, 2), c=[rule(Verdict.REJECT, line=3)])
    assert told(stage) == [("shadowed", 2, [1])]


def test_a_rule_for_packets_that_never_come_has_no_cause():
    """Nobody decides about them before: they do not reach the chain."""
    stage = stage_of(rule(Jump("c"), LOW, 1), c=[rule(Verdict.ACCEPT, HIGH, 2)])
    assert told(stage) == [("shadowed", 2, [])]


def test_what_is_shadowed_cannot_be_decided_otherwise():
    """The walk of a packet that a shadowed rule matches names another."""
    stage = stage_of(rule(Verdict.DROP, LOW, 1), rule(Verdict.ACCEPT, LOW, 2))
    decision = Walker(Policy((stage,))).decide(HEADERS[0])
    assert (decision.decided, decision.rule.source.line) == (Decided.DROP, 1)
