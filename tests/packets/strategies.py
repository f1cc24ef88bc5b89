"""Header fields with few, telling values: the edges of domains and of what real packets have."""

from hypothesis import strategies as st

from portwright.packets.box import Box, Doubt, Match
from portwright.packets.fields import LAST, Field

EDGES = {  # values next to which something changes; boxes begin and end there
    Field.IN: (0, 1, 3),
    Field.OUT: (0, 2),
    Field.VERSION: (4, 6),
    Field.PROTOCOL: (1, 6, 17, 50, 58, 132),
    Field.DPORT: (0, 80, 443),
    Field.DST: (0, 10 << 24, 2**32 - 1, 2**32),
    Field.SRC: (0, 167_772_161, 2**127),
    Field.SPORT: (0, 1024),
    Field.TYPE: (0, 8),
    Field.CODE: (0,),
    Field.STATE: (0, 1, 3),
    Field.FLAGS: (0,),
}
VALUES = {
    name: sorted({*edges, *(min(edge + 1, LAST[name]) for edge in edges), LAST[name]}) for name, edges in EDGES.items()
}


def values(name):
    """One value of a field."""
    return st.sampled_from(VALUES[name])


@st.composite
def ranges(draw, name):
    """A non-empty canonical set of a field's values."""
    count = draw(st.sampled_from((1, 1, 1, 2)))
    at = sorted(draw(st.lists(values(name), min_size=2 * count, max_size=2 * count)))
    pairs = list(zip(at[::2], at[1::2], strict=True))
    if count == 2 and pairs[1][0] <= pairs[0][1] + 1:
        pairs = [(pairs[0][0], pairs[1][1])]
    return tuple(pairs)


@st.composite
def boxes(draw, among=tuple(Field)):
    """A box that constrains at most four fields."""
    chosen = draw(st.lists(st.sampled_from(among), unique=True, max_size=4))
    return Box.of({name: draw(ranges(name)) for name in chosen})


def unions(most=4):
    """Some boxes, which may overlap."""
    return st.lists(boxes(), max_size=most)


def headers():
    """A header, real or not."""
    return st.tuples(*(values(name) for name in Field))


@st.composite
def matches(draw):
    """A match, certain or in doubt."""
    possible = tuple(draw(st.lists(boxes(), min_size=1, max_size=3, unique=True)))
    if draw(st.booleans()):
        return Match(possible, possible)
    return Match(possible[: draw(st.integers(0, len(possible) - 1))], possible, (Doubt("not modelled"),))
