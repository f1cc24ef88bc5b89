"""The walk of a packet agrees with the algebra of sets, and its answers hold whatever the doubtful lines mean."""

import time
from dataclasses import replace
from itertools import islice, product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.strategies import (
    CONSTANT,
    HEADERS,
    HERE,
    SHIFT,
    UNKNOWN,
    all_rules,
    header,
    is_uncertain,
    policies,
    rewritten,
    stages,
    truths,
)

from portwright.packets.box import ALWAYS, EVERYTHING, Box, Doubt, Match
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.policy.algebra import VERDICTS, AcceptingRules, PolicyMap
from portwright.policy.index import ChainIndex
from portwright.policy.model import Chain, Goto, Jump, Policy, Rewrite, Rule, Stage, Verdict
from portwright.policy.walk import Decided, Walker, decide
from portwright.source import Source

PASS, BLOCK = Verdict.ACCEPT, Verdict.DROP | Verdict.REJECT
some_headers = st.lists(st.sampled_from(HEADERS), min_size=1, max_size=20, unique=True)


def answer_of(verdicts):
    """The decision that a set of possible verdicts means; between drop and reject it is drop."""
    if verdicts & PASS:
        return Decided.UNDECIDED if verdicts & BLOCK else Decided.ACCEPT
    return Decided.DROP if verdicts & Verdict.DROP else Decided.REJECT


@given(policies(), some_headers)
def test_the_walk_and_the_algebra_agree(policy, headers):
    """Written apart, they give every packet the same answer."""
    verdicts = PolicyMap(Space(), policy).verdicts
    walker = Walker(policy)
    for packet in headers:
        assert walker.decide(packet).decided is answer_of(verdicts[packet] & VERDICTS)


@given(policies(changes=(CONSTANT, SHIFT, UNKNOWN)), some_headers)
def test_where_a_translation_is_not_known_the_walk_is_only_more_careful(policy, headers):
    """It may be undecided where the algebra knows; it never says something else."""
    verdicts = PolicyMap(Space(), policy).verdicts
    walker = Walker(policy)
    for packet in headers:
        known = verdicts[packet] & VERDICTS
        more = (known | extra for extra in (0, *Verdict))
        assert walker.decide(packet).decided in {answer_of(verdict) for verdict in more}


@given(policies(), some_headers)
def test_sure_and_possible_are_what_the_walk_proves_and_cannot_exclude(policy, headers):
    """Proved: the walk accepts. Not possible: the walk blocks."""
    judged = PolicyMap(Space(), policy)
    sure, possible = judged.sure(), judged.possible()
    walker = Walker(policy)
    assert sure <= possible
    for packet in headers:
        decided = walker.decide(packet).decided
        assert (packet in sure) == (decided is Decided.ACCEPT)
        assert (packet in possible) == (decided in (Decided.ACCEPT, Decided.UNDECIDED))


@given(policies(changes=(CONSTANT, SHIFT, UNKNOWN)), some_headers, st.data())
def test_an_answer_holds_whatever_the_doubtful_lines_mean(policy, headers, data):
    """Replace every uncertain rule by something that it may truly be: no decided answer changes."""
    truth = {rule: data.draw(st.sampled_from(truths(rule))) for rule in all_rules(policy) if is_uncertain(rule)}
    walker, true_walker = Walker(policy), Walker(rewritten(policy, truth))
    for packet in headers:
        said, true = walker.decide(packet).decided, true_walker.decide(packet).decided
        accepts = {Decided.ACCEPT: {Decided.ACCEPT, Decided.UNDECIDED}}  # where a translation is not known
        blocked = {Decided.DROP, Decided.REJECT, Decided.UNDECIDED}
        assert said in accepts.get(true, blocked if true is not Decided.UNDECIDED else {Decided.UNDECIDED})


@given(policies(), some_headers)
def test_undecided_names_someone_to_blame(policy, headers):
    """Only uncertain rules are blamed, and only where nothing is decided."""
    walker = Walker(policy)
    for packet in headers:
        decision = walker.decide(packet)
        assert bool(decision.undecided_by) == (decision.decided is Decided.UNDECIDED)
        assert all(is_uncertain(rule) for rule in decision.undecided_by)


@given(policies(), st.sampled_from(HEADERS), st.data())
def test_settling_those_blamed_settles_the_answer_in_the_end(policy, packet, data):
    """Whoever finds out what the blamed lines mean, again and again, ends with a decision."""
    uncertain = sum(is_uncertain(rule) for rule in all_rules(policy))
    for _ in range(uncertain + 1):
        blamed = Walker(policy).decide(packet).undecided_by
        if not blamed:
            break
        policy = rewritten(policy, {rule: data.draw(st.sampled_from(truths(rule))) for rule in blamed})
    assert Walker(policy).decide(packet).decided is not Decided.UNDECIDED


@given(policies(most=1, changes=(), calls_once=True))
def test_blame_is_relevant(policy):
    """Among those blamed there is one on which, the other doubts being settled somehow, the answer hangs alone."""
    for packet, blamed in undecided(policy):
        assert set(blamed) & deciding_alone(policy, packet)


@given(policies(most=1, changes=()))
def test_within_a_chain_all_blame_is_relevant(policy):
    """Without jumps the answer hangs on each of those blamed."""
    leaving = [rule for rule in all_rules(policy) if isinstance(rule.action, Jump | Goto) or returns(rule)]
    policy = rewritten(policy, dict.fromkeys(leaving))
    for packet, blamed in undecided(policy):
        assert set(blamed) <= deciding_alone(policy, packet)


def undecided(policy):
    """Some packets without an answer, with those to blame, where few rules are in doubt."""
    walker = Walker(policy)
    found = ((packet, walker.decide(packet).undecided_by) for packet in HEADERS)
    few = ((packet, blamed) for packet, blamed in found if blamed and prod(map(len, worlds(policy, packet))) <= 100)
    return list(islice(few, 2))


def returns(rule):
    return isinstance(rule.action, Verdict) and Verdict.RETURN in rule.action


def in_doubt(policy, packet):
    return [rule for rule in all_rules(policy) if is_uncertain(rule) and could_meet(rule, packet)]


def worlds(policy, packet):
    """What each rule that is in doubt for a packet may truly be."""
    return [differing(rule, packet) for rule in in_doubt(policy, packet)]


def deciding_alone(policy, packet):
    """The uncertain rules for which two worlds differ in them alone, and in the verdict."""
    doubtful, choices = in_doubt(policy, packet), worlds(policy, packet)
    outcomes = {}
    for world in product(*(range(len(choice)) for choice in choices)):
        truth = {rule: choices[at][world[at]] for at, rule in enumerate(doubtful)}
        outcomes[world] = Walker(rewritten(policy, truth)).decide(packet).decided
    return {
        rule
        for at, rule in enumerate(doubtful)
        for world, outcome in outcomes.items()
        if outcome is not outcomes[*world[:at], 0, *world[at + 1 :]]
    }


def could_meet(rule, packet):
    return any(packet in box for box in rule.match.possible)


def differing(rule, packet):
    """The truths of a rule that differ for this packet."""
    found = {}
    for truth in truths(rule):
        matches = any(packet in box for box in truth.match.sure)
        found.setdefault((matches, truth.action if matches else None), truth)
    return list(found.values())


@given(policies(), some_headers)
def test_a_decision_brings_its_deciders(policy, headers):
    """The rule given is on the way, and does what was decided; a block comes last."""
    walker = Walker(policy)
    for packet in headers:
        decision = walker.decide(packet)
        if decision.rule is not None:
            assert decision.rule in decision.via
            done = Verdict.ACCEPT if isinstance(decision.rule.action, Rewrite) else decision.rule.action
            assert Verdict[decision.decided.name] in done
        if decision.decided in (Decided.DROP, Decided.REJECT):
            assert decision.rule is decision.via[-1]


@given(policies(most=1), some_headers, st.data())
def test_a_header_that_is_not_known_is_answered_for_all_it_may_be(policy, headers, data):
    """With several values possible, what is decided is decided so for each of them."""
    walker = Walker(policy)
    packet = data.draw(st.sampled_from(headers))
    open_port = (*packet[: Field.DPORT], ((1, 3),), *packet[Field.DPORT + 1 :])
    decided = walker.decide(open_port).decided
    each = {walker.decide(header(packet[Field.PROTOCOL], port, packet[Field.SRC])).decided for port in (1, 2, 3)}
    blocks = {Decided.DROP, Decided.REJECT}
    assert decided is Decided.UNDECIDED or each <= (blocks if decided in blocks else {decided})


@given(stages(), st.sampled_from(HEADERS))
def test_candidates_are_the_rules_that_possibly_match(stage, packet):
    """The index finds what trying every rule finds, in order, each once; also for values that are not known."""
    for chain in stage.chains.values():
        index = ChainIndex(chain.rules)
        assert list(index.candidates(packet)) == [rule for rule in chain.rules if could_meet(rule, packet)]
        for name, known in ((Field.DPORT, ((1, 1), (3, 9))), (Field.SRC, ((0, 2),))):
            values = (*packet[:name], known, *packet[name + 1 :])
            expected = [
                rule
                for rule in chain.rules
                if any(
                    could_meet(rule, (*packet[:name], v, *packet[name + 1 :]))
                    for a, b in known
                    for v in range(a, b + 1)
                )
            ]
            assert list(index.candidates(values)) == expected


@given(stages(), st.integers(0, 2), st.integers(2, 5), st.data())
def test_meeting_finds_the_rules_between_that_overlap_a_box(stage, first, end, data):
    """What the index gives is what comparing every rule gives."""
    rules = stage.chains["base"].rules
    box = data.draw(st.sampled_from([box for rule in rules for box in rule.match.possible]))
    expected = [
        (number, rule)
        for number, rule in enumerate(rules)
        if first <= number < end and any(box & other for other in rule.match.possible)
    ]
    assert list(ChainIndex(rules).meeting(box, first, end)) == expected


@given(stages())
def test_accepting_rules_part_the_possible_packets(stage):
    """Every packet of a set is in exactly one part; the rule of the part is the first that may accept it."""
    stage = replace(stage, translates=False)  # so that the walk names every rule that accepts
    space = Space()
    passing = PolicyMap(space, Policy((stage,))).possible()
    parts = AcceptingRules(space, stage).parts(passing)
    walker = Walker(Policy((stage,)))
    for packet in HEADERS:
        holding = [rule for rule, part in parts.items() if packet in part]
        assert len(holding) == (packet in passing)
        decision = walker.decide(packet)
        if holding and decision.decided is Decided.ACCEPT and certain_way(stage, packet):
            assert holding[0] is (decision.via[-1] if decision.via else None)


def certain_way(stage, packet):
    return not any(is_uncertain(rule) and could_meet(rule, packet) for c in stage.chains.values() for rule in c.rules)


def rule(action, match=ALWAYS, line=1, **more):
    return Rule(match, action, Source("fw.conf", line), **more)


def stage_of(*rules_, default=Verdict.DROP, **chains):
    base = Chain("base", (*rules_, rule(default, default=True, line=99)), HERE)
    return Stage("s", "base", {"base": base, **{n: Chain(n, tuple(r), HERE) for n, r in chains.items()}})


MAYBE = Match.doubtful(Doubt("time range"))
ONE = Match.exact([Box.of({Field.SRC: ((1, 1),)})])


@pytest.mark.parametrize(
    ("stage", "decided", "line"),
    [
        (stage_of(), "drop", 99),  # nobody matched: the default
        (stage_of(rule(Verdict.ACCEPT, line=3)), "accept", 3),
        (stage_of(rule(Verdict.CONTINUE), rule(Verdict.REJECT, line=4)), "reject", 4),
        (stage_of(rule(Verdict.RETURN), rule(Verdict.ACCEPT)), "drop", 99),  # the base chain's end is its default
        (stage_of(rule(Jump("c")), rule(Verdict.ACCEPT, line=5), c=[rule(Verdict.RETURN)]), "accept", 5),
        (stage_of(rule(Jump("c")), rule(Verdict.ACCEPT, line=5), c=[]), "accept", 5),
        (stage_of(rule(Goto("c")), rule(Verdict.ACCEPT), c=[]), "drop", 99),  # no way back into the caller
        (stage_of(rule(Goto("c")), c=[rule(Verdict.ACCEPT, line=7)]), "accept", 7),
        (stage_of(rule(Jump("c")), rule(Verdict.ACCEPT, line=5), c=[rule(Goto("d"))], d=[]), "accept", 5),
        (stage_of(rule(Verdict.ACCEPT, ONE)), "drop", 99),  # not this source
        (stage_of(rule(Verdict.ACCEPT, MAYBE, line=6)), "undecided", 6),
        (stage_of(rule(Verdict.DROP, MAYBE)), "drop", 99),  # either way the same
        (stage_of(rule(Verdict.REJECT, MAYBE)), "drop", 99),  # blocked for sure; drop when it may be either
        (stage_of(rule(Verdict.ACCEPT | Verdict.CONTINUE, line=8)), "undecided", 8),
        (stage_of(rule(Verdict.ACCEPT, MAYBE), rule(Verdict.ACCEPT, line=9)), "accept", 9),
        (stage_of(rule(Jump("c")), c=[rule(Verdict.RETURN, MAYBE)]), "drop", 99),
    ],
)  # fmt: skip
def test_one_packet_through_one_stage(stage, decided, line):
    """The deciding line, or the one to blame."""
    decision = decide(Policy((stage,)), header())
    assert decision.decided.value == decided
    assert [r.source.line for r in ([decision.rule] if decision.rule else decision.undecided_by)] == [line]


def test_only_rules_that_matter_are_blamed():
    """A doubt that leads to the same end either way is not part of the answer."""
    harmless = rule(Jump("c"), line=1)
    stage = stage_of(
        harmless, rule(Verdict.ACCEPT, MAYBE, line=3), c=[rule(Verdict.RETURN, MAYBE, line=2)]
    )  # fmt: skip
    assert [r.source.line for r in decide(Policy((stage,)), header()).undecided_by] == [3]


SCOPED = Stage("s", "base", stage_of().chains, (Box.of({Field.DPORT: ((2, 2),)}),))


def test_a_scope_that_may_or_may_not_apply_decides_nothing():
    """Where the value that the scope asks for is not known, the stage is both met and passed by."""
    unknown = (*header()[: Field.DPORT], ((1, 3),), *header()[Field.DPORT + 1 :])
    translated = stage_of(rule(Rewrite((UNKNOWN,))))
    for policy, packet in ((Policy((SCOPED,)), unknown), (Policy((translated, SCOPED)), header())):
        decision = decide(policy, packet)
        assert decision.decided is Decided.UNDECIDED
        assert [r.source.line for r in decision.undecided_by] == [99]


@pytest.mark.parametrize(
    "action", [Verdict.ACCEPT | Verdict.CONTINUE, Verdict.CONTINUE | Verdict.ACCEPT | Verdict.RETURN]
)
def test_a_verdict_in_doubt_is_not_blamed_where_it_does_not_matter(action):
    """Whatever it is, the packet meets the same end."""
    called = [rule(action, line=2), rule(Verdict.ACCEPT)]
    stage = stage_of(rule(Verdict.DROP, MAYBE, line=1), rule(Jump("c")), default=Verdict.ACCEPT, c=called)
    assert [r.source.line for r in decide(Policy((stage,)), header()).undecided_by] == [1]


def test_translation_is_seen_by_the_stages_behind():
    """The second stage judges the packet as the first has rewritten it, and the answer shows it so."""
    nat = stage_of(rule(Rewrite((CONSTANT,)), line=1))
    filtering = stage_of(rule(Verdict.ACCEPT, Match.exact([Box.of({Field.DPORT: ((2, 2),)})]), line=2))
    decision = decide(Policy((nat, filtering)), header(dport=0))
    assert decision.decided is Decided.ACCEPT
    assert [r.source.line for r in decision.via] == [1, 2]
    assert decision.headers == (header(dport=2),)


def test_a_translating_stage_is_not_why_a_packet_passes():
    """The rule named is that of the filter before it; where there is none, the translation."""
    filtering, nat = stage_of(rule(Verdict.ACCEPT, line=1)), stage_of(rule(Rewrite((SHIFT,)), line=2))
    nat = Stage(nat.name, nat.base, nat.chains, translates=True)
    assert decide(Policy((filtering, nat)), header()).rule.source.line == 1
    assert decide(Policy((nat,)), header()).rule.source.line == 2


def test_packets_out_of_scope_pass_untouched():
    """A stage for other packets neither decides nor stands on the way."""
    blocking = Stage("s", "base", stage_of().chains, (Box.of({Field.SRC: ((9, 9),)}),))
    decision = decide(Policy((blocking,)), header())
    assert (decision.decided, decision.rule, decision.via) == (Decided.ACCEPT, None, ())


@pytest.mark.parametrize("last", [[], [rule(Verdict.ACCEPT, ONE)], [rule(Verdict.ACCEPT, MAYBE)], [rule(Jump("base"))]])
def test_a_base_chain_ends_in_a_default(last):
    """A stage whose base chain lets packets fall off its end is refused."""
    with pytest.raises(ValueError, match="no default rule"):
        Stage("s", "base", {"base": Chain("base", tuple(last), HERE)}, (EVERYTHING,))


def test_thousands_of_doubtful_rules_take_little_time():
    """Whichever of them decides, it comes to the same; each is to blame."""
    rules = [Rule(Match.doubtful(Doubt("who knows")), Verdict.DROP, Source("x", n)) for n in range(5_000)]
    chain = Chain("c", (*rules, Rule(ALWAYS, Verdict.ACCEPT, HERE, default=True)), HERE)
    before = time.process_time()
    decision = decide(Policy((Stage("s", "c", {"c": chain}),)), HEADERS[0])
    assert time.process_time() - before < 4
    assert decision.decided is Decided.UNDECIDED
    assert len(decision.undecided_by) == 5_000
