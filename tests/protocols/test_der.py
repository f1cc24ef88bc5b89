"""Elements of ASN.1 are written as X.690 says, and read back or refused."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken

WRITTEN = [
    (der.integer(0), "020100"),
    (der.integer(127), "02017f"),
    (der.integer(128), "02020080"),
    (der.integer(-128), "020180"),
    (der.integer(-129), "0202ff7f"),
    (der.boolean(True), "0101ff"),
    (der.octets(b"ab"), "04026162"),
    (der.bits(b"\x40\x00"), "0303004000"),
    (der.element(der.OID, der.oid("1.2.840.113554.1.2.2")), "06092a864886f712010202"),
    (der.time(datetime(2026, 5, 4, 9, 30, 1, tzinfo=UTC)), "180f32303236303530343039333030315a"),
    (der.octets(bytes(200))[:3], "0481c8"),
    (der.octets(bytes(70000))[:5], "0483011170"),
    (der.members([(0, der.integer(5)), (1, None), (2, der.string("x"))]), "300aa003020105a2031b0178"),
    (der.application(10, der.integer(1)), "6a03020101"),
]


@pytest.mark.parametrize(("octets", "expected"), WRITTEN, ids=[expected for _, expected in WRITTEN])
def test_elements_are_written_in_der(octets, expected):
    """Octet by octet."""
    assert octets.hex() == expected


@given(st.integers(-(1 << 100), 1 << 100), st.binary(max_size=300), st.text(max_size=40), st.booleans())
def test_what_is_written_is_read(number, data, text, truth):
    """As the value that it was."""
    parts = der.parse(der.sequence(der.integer(number), der.octets(data), der.string(text), der.boolean(truth))).parts()
    assert (parts[0].integer(), parts[1].octets(), parts[2].string(), parts[3].boolean()) == (number, data, text, truth)


def test_a_length_may_be_longer_than_it_needs():
    """As Active Directory writes all of its own."""
    assert der.parse(bytes.fromhex("30840000000302010a")).parts()[0].integer() == 10


@pytest.mark.parametrize(
    "octets",
    ["", "30", "3080", "3080020101 0000", "3085000000000100", "3003020101ff", "30040201", "1f810100", "30ff"],
)
def test_what_is_no_element_is_misspoken(octets):
    """Indefinite and overlong lengths, tags above 30, and what is cut short or goes on."""
    with pytest.raises(Misspoken):
        der.parse(bytes.fromhex(octets))


READERS = [
    lambda one: one.integer(),
    lambda one: one.boolean(),
    lambda one: one.bits(),
    lambda one: one.time(),
    lambda one: one.fields()[0],
    lambda one: one.inner(one.tag).parts(),
    lambda one: one.encoded,
]


@given(st.binary(max_size=40), st.sampled_from(READERS))
def test_any_octets_are_read_or_misspoken(octets, reader):
    """And nothing else comes of them."""
    with contextlib.suppress(Misspoken):
        reader(der.parse(octets))


@given(st.sampled_from([0x02, 0x01, 0x03, 0x18, 0x30, 0xA0]), st.binary(max_size=20), st.sampled_from(READERS))
def test_any_content_is_read_or_misspoken(tag, content, reader):
    """Whatever the tag promises."""
    with contextlib.suppress(Misspoken):
        reader(der.Element(tag, content))
