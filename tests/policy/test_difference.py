"""Two configurations compared: by trying every packet of a small world, on interfaces that each names differently."""

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.strategies import CONSTANT, SHIFT, all_rules, policies, rewritten
from tests.policy.test_walk import rule, stage_of

from portwright.packets.box import ALWAYS, Box, Match
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.intervals import normalize
from portwright.packets.packetset import PacketSet
from portwright.policy.configuration import Census, Configuration
from portwright.policy.difference import Comparison
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Change, Policy, Rewrite, Verdict
from portwright.policy.walk import Decided, Walker

NAMES = ("eth0", "eth1", "eth10", "ppp0", "lan", "")  # interfaces that there are
TABLES = st.sampled_from(
    [
        Interfaces.of([]),
        Interfaces.of(["eth0", "lan"]),
        Interfaces.of(["eth1"], ["eth"]),
        Interfaces.of(["eth0", "ppp0"], ["eth1", "eth"]),
        Interfaces.of([], ["e", "ppp"]),
    ]
)
PORTS, SOURCES = (0, 2, 4), (0, 3)


def compared(old: Policy, old_interfaces: Interfaces, new: Policy, new_interfaces: Interfaces) -> Comparison:
    """Two policies as configurations without routes."""
    return Comparison(_configuration(old, old_interfaces), _configuration(new, new_interfaces))


def _configuration(policy: Policy, interfaces: Interfaces) -> Configuration:
    return Configuration("any", "any.cfg", {"forward": policy}, interfaces, Census(0, 0))


few = settings(max_examples=50)  # each compares two policies on every packet of the world


def udp(interface, dport, src):
    """A real packet of the small world that arrives on an atom."""
    values = dict.fromkeys(Field, 0) | {Field.VERSION: 4, Field.PROTOCOL: 17, Field.IN: interface}
    return tuple(int(value) for value in (values | {Field.DPORT: dport, Field.SRC: src}).values())


@st.composite
def configurations(draw, uncertain=True, changes=()):
    """A policy whose rules also ask for interfaces of its table, and no longer for protocols."""
    table = draw(TABLES)
    policy = draw(policies(most=2, uncertain=uncertain, changes=changes))
    new = {old: on_interfaces(draw, table, old) for old in all_rules(policy) if not old.default}
    policy = rewritten(policy, new)
    return Policy(tuple(replace(stage, scope=(Box(),)) for stage in policy.stages)), table


def on_interfaces(draw, table, old):
    atoms = draw(st.lists(st.sampled_from([0, *table.atoms()]), max_size=3))

    def moved(box):
        kept = {name: ranges for name, ranges in box.constraints if name is not Field.PROTOCOL}
        return Box.of({**kept, Field.IN: normalize((a, a) for a in atoms)} if atoms else kept)

    sure, possible = (tuple(moved(box) for box in boxes) for boxes in (old.match.sure, old.match.possible))
    return replace(old, match=Match(sure, possible, old.match.doubts))


@few
@given(configurations(), configurations())
def test_every_packet_is_compared(old, new):
    """Different where both are decided and not alike; undecided where one is; otherwise equal."""
    comparison = compared(*old, *new)
    walkers = [Walker(policy) for policy, _ in (old, new)]
    for name, dport, src in product(NAMES, PORTS, SOURCES):
        decided = [
            walker.decide(udp(table.atom(name), dport, src)).decided
            for walker, (_, table) in zip(walkers, (old, new), strict=True)
        ]
        packet = udp(comparison.interfaces.atom(name), dport, src)
        if Decided.UNDECIDED in decided:
            assert packet in comparison.undecided
            assert packet not in comparison.different
        elif decided[0] is not decided[1]:
            assert packet in comparison.different | comparison.undecided
        else:
            assert packet not in comparison.different or Decided.DROP in decided


@few
@given(configurations(uncertain=False), configurations(uncertain=False))
def test_without_doubts_there_is_nothing_undecided(old, new):
    """Then a packet is in the difference exactly when the decisions differ."""
    comparison = compared(*old, *new)
    assert not comparison.undecided
    walkers = [Walker(policy) for policy, _ in (old, new)]
    for name, dport, src in product(NAMES, PORTS, SOURCES):
        one, other = (
            walker.decide(udp(table.atom(name), dport, src)).decided
            for walker, (_, table) in zip(walkers, (old, new), strict=True)
        )
        assert (udp(comparison.interfaces.atom(name), dport, src) in comparison.different) == (one is not other)


@few
@given(configurations(), configurations())
def test_differences_are_witnessed_and_counted(old, new):
    """Each has a witness of which both deciders are told; what is shown and what is left out add up."""
    comparison = compared(*old, *new)
    for packets, (found, left_out) in (
        (comparison.different, comparison.differences(100, {})),
        (comparison.undecided, comparison.doubts(100, {})),
    ):
        shown = PacketSet.of(comparison.space, [box for difference in found for box in difference.cover])
        assert (shown & packets).count() + left_out == packets.count()
        for difference in found:
            assert difference.witness in packets
            assert any(difference.witness in box for box in difference.cover)
            if packets is comparison.different:
                assert difference.old.decided is not difference.new.decided


@few
@given(configurations(uncertain=False, changes=(CONSTANT, SHIFT)))
def test_a_policy_equals_itself(one):
    """Whatever it does, translations too."""
    comparison = compared(*one, *one)
    assert not comparison.different
    assert not comparison.undecided


@few
@given(configurations(), TABLES)
def test_a_larger_interface_table_changes_nothing(one, other):
    """Naming more interfaces without using them is no difference."""
    policy, table = one
    silent = Policy((stage_of(default=Verdict.DROP),))
    apart, together = compared(policy, table, silent, Interfaces()), compared(policy, table, silent, other)
    for name, dport, src in product(NAMES, PORTS, SOURCES):
        small, large = (udp(c.interfaces.atom(name), dport, src) for c in (apart, together))
        assert (small in apart.different) == (large in together.different)
        assert (small in apart.undecided) == (large in together.undecided)


def natted(to):
    """A policy that sends everything to another address."""
    return Policy((stage_of(rule(Rewrite((Change(Field.DST, ((to, to),)),)))),))


def test_another_translation_is_never_called_equal():
    """Both accept every packet, but do not send it to the same place."""
    comparison = compared(natted(1), Interfaces(), natted(2), Interfaces())
    assert comparison.different or comparison.undecided


def test_the_same_translation_is_equal():
    """Two lists that translate alike do not differ."""
    comparison = compared(natted(1), Interfaces(), natted(1), Interfaces())
    assert not comparison.different
    assert not comparison.undecided


def test_accepting_and_rejecting_differ_for_every_real_packet():
    """The difference of opposite policies is everything on the atoms that there are."""
    accepting, rejecting = (Policy((stage_of(rule(v, ALWAYS)),)) for v in (Verdict.ACCEPT, Verdict.REJECT))
    comparison = compared(accepting, Interfaces.of(["a"]), rejecting, Interfaces.of([], ["b"]))
    real = PacketSet.of(Space(), [Box.of({Field.IN: ((0, 3),), Field.OUT: ((0, 3),)})])
    assert comparison.different.count() == real.count()
