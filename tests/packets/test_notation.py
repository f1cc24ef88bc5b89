"""Flow notation: what it means, and what it refuses in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.packets.addresses import EVERY_ADDRESS, parse_addresses
from portwright.packets.fields import Field
from portwright.packets.notation import parse_flow, parse_ports, ports_text
from portwright.packets.packet import Packet

NAMES = {
    "sql01": parse_addresses("10.30.0.21"),
    "dual": parse_addresses("10.30.0.31") | parse_addresses("fd00:30::31"),
    "staff": parse_addresses("10.10.0.0/16"),
    "7up": parse_addresses("10.7.7.7"),
}


def resolve(name):
    if name not in NAMES:
        raise ValueError(f"no '{name}' here")
    return NAMES[name]


def takes(flow, packet):
    header = Packet.parse(packet).header(1, 1)
    return any(header in box for box in parse_flow(flow, resolve).boxes())


@pytest.mark.parametrize(
    ("flow", "packet"),
    [
        ("tcp staff > sql01:1433", "tcp 10.10.3.4:40000 > 10.30.0.21:1433"),
        ("tcp any > sql01:1433", "tcp 192.0.2.1:1 > 10.30.0.21:1433"),
        ("tcp any > dual:443", "tcp [2001:db8::1]:40000 > [fd00:30::31]:443"),
        ("tcp staff > any:80,443,8000-8010", "tcp 10.10.0.1:9 > 192.0.2.1:8005"),
        ("tcp staff > any:https", "tcp 10.10.0.1:9 > 192.0.2.1:443"),
        ("udp 10.1.0.1-10.1.0.9:123 > sql01:ntp", "udp 10.1.0.9:123 > 10.30.0.21:123"),
        ("udp [fd00::/64]:53 > [fd00:1::1]:53", "udp [fd00::7]:53 > [fd00:1::1]:53"),
        ("tcp fd00::/64 > any", "tcp [fd00::7]:5 > [2001:db8::1]:6"),
        ("icmp staff > sql01", "icmp 10.10.0.1 > 10.30.0.21 type 3 code 4"),
        ("icmpv6 any > dual", "icmpv6 [fd00::1] > [fd00:30::31] type 128 code 0"),
        ("any staff > sql01", "esp 10.10.0.1 > 10.30.0.21"),
        ("proto 89 staff > sql01", "proto 89 10.10.0.1 > 10.30.0.21"),
        ("tcp 7up > sql01", "tcp 10.7.7.7:1 > 10.30.0.21:1"),
    ],
)
def test_a_flow_takes_the_packets_it_describes(flow, packet):
    """Names, networks, ranges, lists and well-known names mean what they say, in both IP versions."""
    assert takes(flow, packet)


@pytest.mark.parametrize(
    ("flow", "packet"),
    [
        ("tcp staff > sql01:1433", "udp 10.10.3.4:40000 > 10.30.0.21:1433"),
        ("tcp staff > sql01:1433", "tcp 10.11.0.1:40000 > 10.30.0.21:1433"),
        ("tcp staff > sql01:1433", "tcp 10.10.3.4:40000 > 10.30.0.21:1434"),
        ("tcp staff > sql01:1433", "tcp 10.30.0.21:1433 > 10.10.3.4:40000"),
        ("udp 10.1.0.1-10.1.0.9:123 > sql01:ntp", "udp 10.1.0.10:123 > 10.30.0.21:123"),
        ("tcp any > sql01:1433", "tcp [2001:db8::1]:40000 > [::0a1e:0015]:1433"),  # the same bits, the other version
    ],
)
def test_a_flow_takes_no_other_packets(flow, packet):
    """Another protocol, address, port, direction or IP version is another flow."""
    assert not takes(flow, packet)


def test_a_flow_may_name_a_point():
    """`at POINT` limits the flow to one enforcement point."""
    assert parse_flow("tcp staff > sql01:1433 at core-fw", resolve).point == "core-fw"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a flow is written as"),
        ("tcp staff sql01:1433", "a flow is written as"),
        ("tcp staff>sql01:1433", "a flow is written as"),
        ("tcp staff > sql01:1433 in core-fw", "a flow is written as"),
        ("tcq staff > sql01:1433", "'tcq' is not an IP protocol"),
        ("proto 256 staff > sql01", "'256' is not an IP protocol"),
        ("tcp stuff > sql01:1433", "no 'stuff' here"),
        ("tcp staff > sql01:65536", "'65536' is not a port"),
        ("tcp staff > sql01:90-80", "port range 90-80 runs backwards"),
        ("tcp staff > sql01:", "is not a port"),
        ("tcp staff > sql01:١٢", "is not a port"),
        ("icmp staff > sql01:80", "icmp has no ports"),
        ("any staff > sql01:80", "any protocol has no ports"),
        ("tcp 10.0.0.0/33 > sql01", "'10.0.0.0/33' is not a network"),
        ("tcp 10.0.0.1/24 > sql01", "has host bits set"),
        ("tcp fd00::1 > sql01:1433", "no IP version in common"),
        ("icmpv6 staff > sql01", "no IP version in common"),
        ("proto 43 fd00::1 > fd00::2", "no IP version in common in which 43 can flow"),
        ("udp [fd00::1 > any:53", "opens a bracket"),
        ("tcp staff > sql01:" + "1," * 2000 + "1", "at most 1000 characters"),
    ],
)
def test_what_is_no_flow_is_refused_in_a_sentence(text, message):
    """The message says what is wrong and nothing about the program."""
    with pytest.raises(ValueError, match=r".") as refused:
        parse_flow(text, resolve)
    assert message in str(refused.value)


PORT = st.integers(0, 65535)
RANGES = st.lists(st.tuples(PORT, PORT).map(sorted).map(tuple), min_size=1, max_size=6)


@given(RANGES)
def test_ports_print_as_they_parse(ranges):
    """The text of ports parses to the same ports."""
    ports = parse_ports(",".join(f"{first}-{last}" for first, last in ranges))
    assert parse_ports(ports_text(ports)) == ports


def test_any_is_every_address_of_both_versions():
    """`any > any` leaves no packet out."""
    flow = parse_flow("any any > any", resolve)
    assert flow.source.addresses == EVERY_ADDRESS
    assert [box.get(Field.VERSION) for box in flow.boxes()] == [((4, 4),), ((6, 6),)]
