"""One packet in the notation of reports and the command line."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.packets.diagram import Space
from portwright.packets.fields import (
    EXTENSION_HEADERS,
    ICMP,
    ICMPV6,
    LAST_ADDRESS,
    PORT_PROTOCOLS,
    TCP,
    Field,
    Flags,
    State,
)
from portwright.packets.packet import Packet
from portwright.packets.packetset import well_formed

ports = st.integers(0, 65535)
numbers = st.integers(0, 255)
interfaces = st.none() | st.from_regex(r"[A-Za-z][A-Za-z0-9./_-]{0,14}", fullmatch=True)


@st.composite
def packets(draw):
    version = draw(st.sampled_from((4, 6)))
    own, foreign = (ICMP, ICMPV6) if version == 4 else (ICMPV6, ICMP)
    none = {foreign, *(EXTENSION_HEADERS if version == 6 else ())}
    protocol = draw(st.sampled_from((*PORT_PROTOCOLS, own)) | numbers.filter(lambda number: number not in none))
    address = st.integers(0, LAST_ADDRESS[version])
    portful, icmp = protocol in PORT_PROTOCOLS, protocol == own
    return Packet(
        version,
        protocol,
        draw(address),
        draw(address),
        draw(ports) if portful else 0,
        draw(ports) if portful else 0,
        draw(numbers) if icmp else 0,
        draw(numbers) if icmp else 0,
        draw(st.sampled_from(State)),
        draw(interfaces),
        draw(interfaces),
    )


@given(packets())
def test_the_text_of_a_packet_parses_to_the_packet(packet):
    """Nothing is lost on the way out and back."""
    assert Packet.parse(str(packet)) == packet


@given(packets(), st.integers(0, 9), st.integers(0, 9))
def test_the_header_of_a_packet_is_well_formed(packet, ingress, egress):
    """Fields that its protocol lacks are zero, and the others stand in their places."""
    header = packet.header(ingress, egress)
    assert header in well_formed(Space())
    assert (header[Field.SRC], header[Field.DPORT]) == (packet.source, packet.destination_port)
    assert (header[Field.IN], header[Field.OUT]) == (ingress, egress)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("tcp 10.1.0.12 > 10.2.0.7:1433", "tcp 10.1.0.12:40000 > 10.2.0.7:1433"),  # an ephemeral source port
        ("tcp 10.1.0.12:9 > 10.2.0.7:https", "tcp 10.1.0.12:9 > 10.2.0.7:443"),
        ("TCP 10.1.0.12:9 > 10.2.0.7:443", "tcp 10.1.0.12:9 > 10.2.0.7:443"),
        ("proto 6 10.1.0.12:9 > 10.2.0.7:443", "tcp 10.1.0.12:9 > 10.2.0.7:443"),
        ("udp [fd00::1] > [fd00::2]:53", "udp [fd00::1]:40000 > [fd00::2]:53"),
        ("icmp 10.1.0.1 > 10.1.0.2", "icmp 10.1.0.1 > 10.1.0.2 type 8 code 0"),  # an echo request
        ("icmpv6 [fd00::1] > fd00::2", "icmpv6 fd00::1 > fd00::2 type 128 code 0"),
        ("proto 89 10.1.0.1 > 10.1.0.2", "ospf 10.1.0.1 > 10.1.0.2"),
        ("proto 200 10.1.0.1 > 10.1.0.2", "proto 200 10.1.0.1 > 10.1.0.2"),
        ("tcp 10.1.0.1:1 > 10.1.0.2:2 state New in eth0", "tcp 10.1.0.1:1 > 10.1.0.2:2 in eth0"),
        ("tcp 10.1.0.1:1 > 10.1.0.2:2 [in eth0] [out eth1]", "tcp 10.1.0.1:1 > 10.1.0.2:2 in eth0 out eth1"),
    ],
)
def test_short_forms(text, meaning):
    """What is left out has a default, and names stand for numbers."""
    assert str(Packet.parse(text)) == meaning


@pytest.mark.parametrize(
    ("state", "flags"),
    [("new", Flags.OPENS), ("established", Flags.OTHER), ("invalid", Flags.OTHER), ("related", Flags.OPENS)],
)
def test_flags_follow_the_state(state, flags):
    """A segment of a known connection does not open one; other protocols have no flags."""
    ends = f"10.1.0.1:1 > 10.1.0.2:2 state {state}"
    assert Packet.parse(f"tcp {ends}").flags is flags
    assert Packet.parse(f"udp {ends}").flags is Flags.OPENS
    assert Packet.parse(f"tcp {ends}").protocol == TCP


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "written as"),
        ("tcp 10.1.0.1:1 10.1.0.2:2", "written as"),
        ("tcp 10.1.0.1:1 > ", "written as"),
        ("tcpp 10.1.0.1 > 10.1.0.2:2", "'tcpp' is not an IP protocol"),
        ("proto 256 10.1.0.1 > 10.1.0.2", "'256' is not an IP protocol"),
        ("tcp 10.1.0.1 > 10.1.0.2", "tcp needs a destination port"),
        ("esp 10.1.0.1 > 10.1.0.2:500", "esp has no ports"),
        ("tcp 10.1.0.1 > 10.1.0.2:65536", "'65536' is not a port"),
        ("tcp 10.1.0.1 > 10.1.0.2:htps", "'htps' is not a port"),
        ("tcp 10.1.0.256 > 10.1.0.2:80", "'10.1.0.256' is not an address"),
        ("tcp 10.1.0.0/24 > 10.1.0.2:80", "'10.1.0.0/24' is not an address"),
        ("tcp fd00::1 > fd00::2:80x", "is not an address"),
        ("tcp 10.1.0.1 > [fd00::2]:80", "different IP versions"),
        ("icmp fd00::1 > fd00::2", "icmp goes with IPv4"),
        ("icmpv6 10.1.0.1 > 10.1.0.2", "icmpv6 with IPv6"),
        ("proto 60 fd00::1 > fd00::2", "60 is an extension header of IPv6"),
        ("icmp 10.1.0.1 > 10.1.0.2 type 256", "numbers from 0 to 255"),
        ("icmp 10.1.0.1 > 10.1.0.2 type echo", "numbers from 0 to 255"),
        ("tcp 10.1.0.1 > 10.1.0.2:80 type 8", "tcp has no ICMP type"),
        ("tcp 10.1.0.1 > 10.1.0.2:80 state open", "'open' is not a connection state"),
        ("tcp 10.1.0.1 > 10.1.0.2:80 via eth0", "cannot read 'via'"),
        ("tcp 10.1.0.1 > 10.1.0.2:80 in", "cannot read 'in'"),
        ("tcp 10.1.0.1 > 10.1.0.2:80 in eth0 in eth1", "cannot read 'eth1'"),
    ],
)
def test_what_cannot_be_read_is_said(text, problem):
    """Each mistake has its sentence, with the word that is wrong."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        Packet.parse(text)


WORDS = "tcp icmp esp proto 6 ² > 10.0.0.1 10.0.0.1:80 fd00::1 [fd00::1]:53 :80 in out state new type".split()


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_hostile_text_is_a_packet_or_a_sentence(text):
    """Nothing but ValueError comes of any text."""
    with contextlib.suppress(ValueError):
        assert Packet.parse(str(Packet.parse(text))) == Packet.parse(text)
