"""Sets of packets under translation, against the walk of single packets."""

from hypothesis import given
from hypothesis import strategies as st
from tests.policy.strategies import HEADERS, NAMED, policies

from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet
from portwright.policy.translation import Parts, Translation, free, image, preimage
from portwright.policy.walk import Decided, Walker

FIELDS = tuple(NAMED)
ALL = st.sampled_from(HEADERS)


def alone(space, header):
    """The set of one packet of the small world."""
    return PacketSet.of(space, [Box.of({name: ((header[name], header[name]),) for name in Field})])


def possible(header):
    """The packets that a header with unknown values may be, in the small world."""
    for one in HEADERS:
        if all(
            one[name] == header[name]
            if isinstance(header[name], int)
            else any(first <= one[name] <= last for first, last in header[name])
            for name in Field
        ):
            yield one


@given(policies(), ALL)
def test_a_packet_is_led_where_the_walk_leads_it(policy, header):
    """Whatever a packet that passes may be behind the policy is in the image of it alone."""
    space = Space()
    led = Translation(space, policy, {}).leads(alone(space, header))
    decision = Walker(policy).decide(header)
    for after in decision.headers if decision.decided is Decided.ACCEPT else ():
        assert all(one in led for one in possible(after))


@given(policies(uncertain=False), ALL)
def test_a_certain_packet_is_led_nowhere_else(policy, header):
    """Without doubts, and where nothing stops it, the image is what the walk says."""
    decision = Walker(policy).decide(header)
    space = Space()
    if decision.decided.value == "accept":
        led = Translation(space, policy, {}).leads(alone(space, header))
        assert [one for one in HEADERS if one in led] == [
            one for one in HEADERS if one in set(possible(decision.headers[0]))
        ]


@given(policies(), ALL, ALL)
def test_forward_and_backward_agree(policy, one, other):
    """A packet may become another exactly when that may have been the first."""
    space = Space()
    translation = Translation(space, policy, {})
    forward = other in translation.leads(alone(space, one))
    assert forward == (one in translation.sources_of(alone(space, other)))


@given(policies(), ALL)
def test_what_is_moved_is_among_what_is_led(policy, header):
    """Those whose destination is translated are some of those that may become a packet."""
    space = Space()
    translation = Translation(space, policy, {})
    target = alone(space, header)
    assert translation.sources_of(target, moved=True) <= translation.sources_of(target)


@given(policies(), ALL)
def test_what_changes_is_touched(policy, header):
    """A packet that may leave with another address or port is one that a rule may change."""
    space = Space()
    touched = Translation(space, policy, {}).touches(alone(space, header))
    if any(after != tuple(header) for after in Walker(policy).decide(header).headers):
        assert touched


@given(policies())
def test_the_parts_of_a_policy_are_the_policy(policy):
    """Cut in three, in order."""
    parts = Parts.of(policy)
    assert [stage for part in parts.all for stage in part.stages] == list(policy.stages)


def test_an_image_of_a_range_is_the_range_moved():
    """And back again."""
    from portwright.policy.model import Change

    space = Space()
    moved = (Change(Field.SRC, ((11, 14),), 10),)
    packets = PacketSet.of(space, [Box.of({Field.SRC: ((1, 4),), Field.DPORT: ((80, 80),)})])
    wanted = PacketSet.of(space, [Box.of({Field.SRC: ((11, 14),), Field.DPORT: ((80, 80),)})])
    assert image(packets, moved) == wanted
    assert preimage(wanted, moved) & packets == packets


def test_a_freed_field_says_nothing():
    """Every value will do."""
    space = Space()
    packets = PacketSet.of(space, [Box.of({Field.SRC: ((1, 4),), Field.DPORT: ((80, 80),)})])
    assert free(packets, Field.SRC) == PacketSet.of(space, [Box.of({Field.DPORT: ((80, 80),)})])
