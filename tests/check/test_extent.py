"""What a finding is about is kept in few words, and these are enough to see it grow."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packets.strategies import unions

from portwright.check.extent import MOST, Extent, box_fields, read_box
from portwright.packets.box import Box
from portwright.packets.diagram import Space
from portwright.packets.fields import Field
from portwright.packets.packetset import PacketSet, well_formed


def kept(extent):
    """An extent that has been written to a report and read again."""
    fields = json.loads(json.dumps([entry for box in extent.boxes for entry in box_fields(box)]))
    return Extent(extent.digest, tuple(filter(None, map(read_box, fields))), extent.is_whole)


@given(unions(), unions())
def test_what_was_added_is_what_the_earlier_set_lacks(earlier, later):
    """Whoever made the sets: the real packets of the one that the other does not have."""
    extent = kept(Extent.of(PacketSet.of(Space(), earlier)))
    space = Space()
    packets, before = PacketSet.of(space, later), PacketSet.of(space, earlier)
    added = extent.added(packets)
    beyond = (packets - before) & well_formed(space)
    if added is None:
        assert not extent.is_whole
    else:
        assert not added if not beyond else not beyond - added


@given(unions())
def test_nothing_has_come_to_what_is_the_same(boxes):
    """Also where it is too much to be listed."""
    extent = kept(Extent.of(PacketSet.of(Space(), boxes)))
    added = extent.added(PacketSet.of(Space(), boxes))
    assert added is not None
    assert not added


def test_what_is_not_listed_is_known_by_its_digest():
    """More boxes than an extent has; one packet more is seen, and not called nothing."""
    boxes = [Box.of({Field.PROTOCOL: ((6, 6),), Field.DPORT: ((port, port),)}) for port in range(0, 8 * MOST, 2)]
    extent = kept(Extent.of(PacketSet.of(Space(), boxes)))
    assert (extent.is_whole, len(extent.boxes)) == (False, 2 * MOST)
    assert not extent.added(PacketSet.of(Space(), boxes))
    assert not extent.added(PacketSet.of(Space(), boxes[:3]))
    more = Box.of({Field.PROTOCOL: ((6, 6),), Field.DPORT: ((1, 1),)})
    assert extent.added(PacketSet.of(Space(), [*boxes, more])) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"version": "x"},
        {"version": "4", "source": "fd00::1"},
        {"version": "5", "source": "10.0.0.1"},
        {"version": "4", "source": "10.0.0.9-10.0.0.1"},
        {"version": "4", "destination_ports": "70000"},
        {"version": "4", "destination_ports": "9" * 5000},
        {"version": "4", "color": "1"},
        {"version": "4", "source": None},
    ],
    ids=str,
)
def test_what_describes_no_box_is_none(fields):
    """A report may have been written by hand."""
    assert read_box(fields) is None


@given(st.dictionaries(st.sampled_from(["version", "source", "type", "in"]), st.text(max_size=30)))
def test_reading_never_fails(fields):
    """A box, or none."""
    assert isinstance(read_box(fields), Box | None)
