"""Sets of addresses obey the laws of sets, in both IP versions at once."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.packets.addresses import EVERY_ADDRESS, Addresses, parse_addresses

FOURS = st.builds(lambda number, length: ip_network((number << 28, length)), st.integers(0, 15), st.integers(4, 6))
SIXES = st.builds(lambda number, length: ip_network(f"{number:x}::/{length}"), st.integers(0, 15), st.integers(16, 20))
SETS = st.lists(FOURS | SIXES, max_size=6).map(Addresses.of)


@given(SETS, SETS, SETS)
def test_difference_is_what_is_left(one, other, third):
    """Less and intersection split a set; union and complement obey De Morgan."""
    assert (one - other) | (one & other) == one
    assert not (one - other) & other
    assert ~(one | other) == ~one & ~other
    assert (one | other) & third == (one & third) | (other & third)


@given(SETS, SETS)
def test_a_subset_adds_nothing(one, other):
    """`<=` says the same as the union."""
    assert (one <= other) == (one | other == other)
    assert one <= EVERY_ADDRESS


@given(SETS)
def test_texts_mean_the_same_set(addresses):
    """The networks that a set prints make it up again."""
    again = Addresses()
    for text in addresses.texts():
        again |= parse_addresses(text)
    assert again == addresses


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("10.1.0.9", ("10.1.0.9",)),
        ("10.1.0.0/16", ("10.1.0.0/16",)),
        ("10.1.0.1-10.1.0.3", ("10.1.0.1", "10.1.0.2/31")),
        ("fd00::/64", ("fd00::/64",)),
        ("fd00::1-fd00::1", ("fd00::1",)),
    ],
)
def test_addresses_print_as_people_write_them(text, texts):
    """A single address has no prefix length; a range becomes the fewest networks."""
    assert parse_addresses(text).texts() == texts


@pytest.mark.parametrize("text", ["", "10.1.0", "10.1.0.9-10.1.0.1", "10.1.0.1-fd00::1", "10.1.0.1/16", "fe01"])
def test_what_is_no_address_is_refused(text):
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_addresses(text)
