"""Packet sets are exact: the laws of sets, and the same answers as an independent program."""

import operator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.packets.oracle import Oracle, volume
from tests.packets.strategies import VALUES, boxes, headers, unions

from portwright.packets.box import EVERYTHING, Box
from portwright.packets.diagram import DEFAULT_ORDER, Space
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet, well_formed

BINARY = {operator.and_: lambda a, b: a & b, operator.or_: lambda a, b: a | b, operator.sub: lambda a, b: a & ~b,
          operator.xor: lambda a, b: (a & ~b) | (b & ~a)}  # fmt: skip
preferences = st.fixed_dictionaries({}, optional={n: st.lists(st.sampled_from(VALUES[n]), max_size=2) for n in Field})


@st.composite
def families(draw, count):
    """Several sets of one space, whatever its field order."""
    space = Space(draw(st.permutations(DEFAULT_ORDER)))
    return tuple(PacketSet.of(space, draw(unions())) for _ in range(count))


@given(unions(), headers())
def test_a_set_holds_what_its_boxes_hold(union, header):
    """Membership is that of any box."""
    assert (header in PacketSet.of(Space(), union)) == any(header in box for box in union)


@given(families(3))
def test_sets_form_a_boolean_algebra(family):
    """Equal sets are one object: laws hold by identity of the diagrams."""
    a, b, c = family
    nothing, everything = PacketSet.nothing(a.space), PacketSet.everything(a.space)
    laws = [
        (a | b, b | a), (a & b, b & a),
        ((a | b) | c, a | (b | c)), ((a & b) & c, a & (b & c)),
        (a & (b | c), (a & b) | (a & c)), (a | (b & c), (a | b) & (a | c)),
        (a | (a & b), a), (a & (a | b), a),
        (a | ~a, everything), (a & ~a, nothing), (~~a, a),
        (~(a | b), ~a & ~b), (a - b, a & ~b), (a ^ b, (a | b) - (a & b)),
    ]  # fmt: skip
    assert [number for number, (left, right) in enumerate(laws) if left.root is not right.root] == []


@given(families(2))
def test_inclusion(family):
    """`a <= b` exactly when nothing of a is outside b; a set is false exactly when it is empty."""
    a, b = family
    assert (a <= b) == (a | b == b) == (not a - b) == (a & b == a)
    assert a & b <= a <= a | b
    assert bool(a) == (a != PacketSet.nothing(a.space))


@given(families(2))
def test_counts_add_up(family):
    """Inclusion and exclusion: |a or b| = |a| + |b| - |a and b|; a set and its complement are all headers."""
    a, b = family
    assert (a | b).count() == a.count() + b.count() - (a & b).count()
    assert a.count() + (~a).count() == PacketSet.everything(a.space).count()


@given(boxes())
def test_the_count_of_one_box_is_its_volume(box):
    """Of a box of real headers every header is counted, once."""
    udp = Box.of({Field.VERSION: ((4, 4),), Field.PROTOCOL: ((17, 17),), Field.SRC: ((0, 2**32 - 1),),
                  Field.DST: ((0, 2**32 - 1),), Field.TYPE: ((0, 0),), Field.CODE: ((0, 0),),
                  Field.FLAGS: ((0, 0),)}) & box  # fmt: skip
    assert PacketSet.of(Space(), [udp] if udp else []).count() == (volume(udp) if udp else 0)


@st.composite
def expressions(draw, depth=4):
    """A set expression twice: as a packet set and as a function of the oracle, given a space and an oracle."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        union = draw(unions(2))
        return lambda space, oracle: (PacketSet.of(space, union), oracle_union(oracle, union))
    if draw(st.integers(0, 3)) == 0:
        inner = draw(expressions(depth - 1))
        return lambda space, oracle: tuple(~part for part in inner(space, oracle))
    symbol = draw(st.sampled_from(list(BINARY)))
    left, right = draw(expressions(depth - 1)), draw(expressions(depth - 1))

    def combined(space, oracle):
        (a, x), (b, y) = left(space, oracle), right(space, oracle)
        return symbol(a, b), BINARY[symbol](x, y)

    return combined


def oracle_union(oracle, union):
    found = oracle.false
    for box in union:
        found |= oracle.box(box)
    return found


@given(expressions(), expressions())
def test_an_independent_program_agrees(one, other):
    """Counts, equality and inclusion of any two expressions are those of a binary decision diagram over bits."""
    space, oracle = Space(), Oracle()
    (a, x), (b, y) = one(space, oracle), other(space, oracle)
    assert a.count() == oracle.count(x)
    assert b.count() == oracle.count(y)
    real, wanted = well_formed(space), oracle.real()
    assert (a & real == b & real) == (x & wanted == y & wanted)
    assert (a & real <= b) == (not (x & wanted & ~y).satisfiable())


@given(families(1), boxes())
def test_asking_about_a_box(family, box):
    """`overlaps` and `covers` are what the intersection says."""
    [a] = family
    inside = PacketSet.of(a.space, [box])
    assert a.overlaps(box) == bool(a & inside)
    assert a.covers(box) == (inside <= a)


@given(families(1), preferences)
def test_a_witness_is_a_member(family, prefer):
    """Whatever is preferred, the witness is in the set."""
    [a] = family
    assume(a)
    assert a.witness(prefer) in a


@given(headers(), preferences)
def test_a_witness_has_the_preferred_values(header, prefer):
    """Where every value is possible, the first preference of each field is taken, else the smallest value."""
    chosen = PacketSet.everything(Space()).witness(prefer)
    assert chosen == tuple((*prefer.get(name, ()), 0)[0] for name in Field)


def test_an_empty_set_has_no_witness():
    """Asking for one is a mistake of the caller."""
    with pytest.raises(ValueError, match="no witness"):
        PacketSet.nothing(Space()).witness()


@given(families(1), preferences)
def test_growing_stays_inside(family, prefer):
    """The box around a member is inside the set, holds the member, and no field can be widened alone."""
    [a] = family
    assume(a)
    header = a.witness(prefer)
    box = a.grow(header)
    assert header in box
    assert PacketSet.of(a.space, [box]) <= a
    for name, ranges in box.constraints:
        [(first, last)] = ranges
        for wider in ((max(first - 1, 0), last), (first, last + 1)):
            if wider != (first, last) and wider[1] <= VALUES[name][-1]:
                assert not a.covers(Box.of({**dict(box.constraints), name: (wider,)}))


@given(families(2), st.integers(0, 4))
def test_a_cover_and_what_it_leaves_out_are_the_set(family, most):
    """The boxes hold only real packets of the set (or beside it), at most as many as asked; the counts add up."""
    a, beside = family
    real = well_formed(a.space)
    for room in (a, a | beside):
        shown, left_out = a.cover(most, beside=room)
        covered = PacketSet.of(a.space, shown)
        assert len(shown) <= most
        assert covered & real <= room
        assert (covered & a).count() + left_out == a.count()
        assert left_out == 0 or len(shown) == most


@given(families(1))
def test_the_boxes_of_a_set_are_disjoint_and_are_the_set(family):
    """Their volumes add up to that of their union, which is the set."""
    [a] = family
    parts = list(a.boxes())
    assert PacketSet.of(a.space, parts) == a
    assert all(not PacketSet.of(a.space, [p]).overlaps(q) for i, p in enumerate(parts) for q in parts[:i])


def test_counting_takes_fields_that_a_protocol_lacks_once():
    """ESP between two hosts is one header per interface pair and state, ports and ICMP types aside."""
    box = Box.of({Field.VERSION: ((4, 4),), Field.PROTOCOL: ((50, 50),), Field.SRC: ((1, 1),), Field.DST: ((2, 2),)})
    assert PacketSet.of(Space(), [box]).count() == 2**16 * 2**16 * 5


@pytest.mark.parametrize("symbol", [operator.and_, operator.or_, operator.sub, operator.xor, operator.le, operator.eq])
def test_sets_of_different_spaces_do_not_mix(symbol):
    """Every operator refuses, rather than answer by accident."""
    one, other = (PacketSet.of(Space(), [EVERYTHING]) for _ in range(2))
    with pytest.raises(ValueError, match="different spaces"):
        symbol(one, other)
