"""Packet maps, against a plain reading of the boxes they are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packets.strategies import VALUES, boxes, headers, ranges

from portwright.packets.box import EVERYTHING, Box
from portwright.packets.diagram import DEFAULT_ORDER, Operation, PacketMap, Space
from portwright.packets.fields import LAST, Field

priorities = st.lists(st.tuples(boxes(), st.integers(1, 3)), max_size=6)
MOVABLE = (Field.DPORT, Field.SRC, Field.SPORT)


def first(entries, header, otherwise=0):
    return next((value for box, value in entries if header in box), otherwise)


def build(entries, order=DEFAULT_ORDER):
    space = Space(order)
    return PacketMap(space, space.first_of(entries, 0))


def either():
    """Sets of values as bit sets."""
    return Operation(lambda a, b: a | b)


@given(priorities, st.permutations(DEFAULT_ORDER), headers())
def test_the_first_box_that_holds_a_header_gives_its_value(entries, order, header):
    """Whatever the order in which fields are tested."""
    assert build(entries, order)[header] == first(entries, header)


@given(priorities, headers())
def test_a_fold_takes_every_box_in_order(entries, header):
    """The combined value is that of all boxes that hold the header, up to a final one."""
    space = Space()
    root = space.fold(entries, lambda so_far, value: (*so_far, value), (), lambda so_far: 3 in so_far)
    expected = [value for box, value in entries if header in box]
    end = expected.index(3) + 1 if 3 in expected else len(expected)
    assert PacketMap(space, root)[header][:end] == tuple(expected[:end])


@given(priorities, priorities)
def test_equal_maps_are_one_object(one, other):
    """Building twice gives the same root, also when shadowed boxes are added behind."""
    space = Space()
    behind = [(box, value) for box, value in other if any(box <= before for before, _ in one)]
    assert space.first_of(one, 0) is space.first_of([*one, *behind], 0)


@given(priorities, priorities, headers())
def test_applying_combines_values(one, other, header):
    """The value of the combined map is the combination of the values."""
    space = Space()
    maps = [space.first_of(entries, 0) for entries in (one, other)]
    root = space.apply(Operation(lambda a, b: (a, b)), *maps)
    assert space.value(root, header) == (first(one, header), first(other, header))


@given(priorities, headers())
def test_mapping_changes_values(entries, header):
    """A function of the value is applied everywhere, and merges what has become equal."""
    space = Space()
    root = space.map(lambda value: value > 1, space.first_of(entries, 0))
    assert space.value(root, header) is (first(entries, header) > 1)
    assert root is space.first_of([(box, value > 1) for box, value in entries], False)


@given(priorities, st.sampled_from(MOVABLE), headers(), st.data())
def test_a_shift_reads_the_map_at_the_moved_value(entries, name, header, data):
    """Values that would leave the domain read its edge."""
    shift = data.draw(st.sampled_from([b - a for a in VALUES[name] for b in VALUES[name]]))
    space = Space()
    root = space.shift(name, space.first_of(entries, 0), shift)
    moved = min(max(header[name] + shift, 0), LAST[name])
    assert space.value(root, header) == first(entries, (*header[:name], moved, *header[name + 1 :]))


@given(
    st.lists(st.tuples(boxes(), st.sampled_from((1, 2, 4))), max_size=6), st.sampled_from(MOVABLE), headers(), st.data()
)
def test_an_assignment_reads_the_map_at_all_assigned_values(entries, name, header, data):
    """The results over all values the field may get are combined."""
    assigned = data.draw(ranges(name))
    space = Space()
    root = space.assign(name, space.first_of(entries, 0), assigned, either())
    expected = 0
    for value in VALUES[name]:
        if any(low <= value <= high for low, high in assigned):
            expected |= first(entries, (*header[:name], value, *header[name + 1 :]))
    assert space.value(root, header) & expected == expected
    if all(low == high for low, high in assigned):
        assert space.value(root, header) == expected


@given(priorities, st.one_of(st.just(EVERYTHING), boxes()))
def test_values_are_those_taken_on_the_box(entries, box):
    """The values on a box are those whose headers meet it; `takes` asks for one of them."""
    space = Space()
    root = space.first_of(entries, 0)
    inside = space.first_of([(box, True)], False)
    paired = space.values(space.apply(Operation(lambda here, value: value if here else None), inside, root))
    assert space.values(root, box) == paired - {None}
    assert all(space.takes(root, lambda v, w=value: v == w, box) == (value in paired) for value in range(4))


def test_values_that_python_calls_equal_are_kept_apart():
    """True is not 1: a boolean map and a number map never share leaves."""
    space = Space()
    assert space.leaf(True) is not space.leaf(1)
    assert space.leaf(1) is space.leaf(1)


def test_maps_of_different_spaces_do_not_compare():
    """Comparing them is a mistake, not an inequality."""
    with pytest.raises(ValueError, match="different spaces"):
        build([]) == build([])  # noqa: B015


@pytest.mark.parametrize("order", [DEFAULT_ORDER[1:], (*DEFAULT_ORDER, Field.SRC), ()])
def test_a_field_order_names_every_field_once(order):
    """Anything else is refused."""
    with pytest.raises(ValueError, match="every header field once"):
        Space(order)


def test_a_shift_of_everything_is_everything():
    """The map that never looks at the field is untouched."""
    space = Space()
    root = space.first_of([(Box.of({Field.DST: ((1, 1),)}), 1)], 0)
    assert space.shift(Field.SRC, root, 7) is root
