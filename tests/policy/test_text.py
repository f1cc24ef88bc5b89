"""Boxes as people read them."""

import pytest

from portwright.packets.box import Box
from portwright.packets.fields import Field
from portwright.policy.text import box_text

TCP, V4 = ((6, 6),), ((4, 4),)


@pytest.mark.parametrize(
    ("constraints", "text"),
    [
        ({}, "any any > any"),
        ({Field.VERSION: V4}, "any any4 > any4"),
        ({Field.VERSION: V4, Field.PROTOCOL: TCP, Field.DPORT: ((443, 443),)}, "tcp any4 > any4:443"),
        ({Field.VERSION: V4, Field.SRC: ((0x0A010000, 0x0A01FFFF),)}, "any 10.1.0.0/16 > any4"),
        (
            {Field.VERSION: ((6, 6),), Field.PROTOCOL: TCP, Field.DST: ((1, 1),), Field.DPORT: ((22, 22),)},
            "tcp any6 > [::1]:22",
        ),
        ({Field.DST: ((2**126, 2**126),)}, "any any > 4000::"),
        ({Field.PROTOCOL: ((2, 255),)}, "2-255 any > any"),
    ],
)
def test_a_box_is_one_line(constraints, text):
    """Of both IP versions, of one, with ports, with ranges."""
    assert box_text(Box.of(constraints)) == text
