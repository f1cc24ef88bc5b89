"""What the kernel makes of IPv6 packets with AH and extension headers: the facts that the readers rest on."""

from dataclasses import replace

import pytest
from tests.kernel import frames
from tests.kernel.kernel import Kernel
from tests.kernel.programs import IPV6_HEADER
from tests.kernel.router import Probe, tos_of

from portwright.packets.packet import Packet

pytestmark = pytest.mark.kernel

INTERFACES = ("lan0", "wan0")
ENDS = "[fd00:1::5]:40000 > [fd00:2::7]"
TCP = frames.body(Packet.parse(f"tcp {ENDS}:80"))
UDP = frames.body(Packet.parse(f"udp {ENDS}:53"))
OTHER = bytes(32)


def options(protocol: int, inner: bytes) -> bytes:
    """A header of hop-by-hop or destination options with nothing but padding: RFC 8200, 4.3 and 4.6."""
    return bytes([protocol, 0, 1, 4, 0, 0, 0, 0]) + inner


PACKETS = {  # name -> next header of IPv6, and what follows
    "tcp": (6, TCP),
    "udp": (17, UDP),
    "esp": (50, OTHER),
    "mobility": (135, bytes([59, 0, 0, 0, 0, 0, 0, 0])),
    "hip": (139, OTHER),
    "nothing": (59, b""),
    "hop > tcp": (0, options(6, TCP)),
    "options > tcp": (60, options(6, TCP)),
    "ah > tcp": (51, frames.authenticated(6, TCP)),
    "ah > udp": (51, frames.authenticated(17, UDP)),
    "ah > nothing": (51, frames.authenticated(59, b"")),
    "hop > ah > tcp": (0, options(51, frames.authenticated(6, TCP))),
}
AH = {"ah > tcp", "ah > udp", "ah > nothing", "hop > ah > tcp"}
PLAIN_TCP = {"tcp", "hop > tcp", "options > tcp"}
TCP_BEHIND = {"ah > tcp", "hop > ah > tcp"}
IPTABLES = [  # match of ip6tables -> packets that it takes on nftables, in legacy tables
    ("-p ah", AH, set()),
    ("-m ah", AH, AH),
    ("-m ah --ahspi 1", AH, AH),
    ("-p tcp", PLAIN_TCP, PLAIN_TCP | TCP_BEHIND),
    ("-p tcp -m tcp --dport 80", PLAIN_TCP, PLAIN_TCP | TCP_BEHIND),
    ("! -p tcp", set(PACKETS) - PLAIN_TCP, set(PACKETS) - PLAIN_TCP - TCP_BEHIND),
    ("-p ipv6-opts", set(), set()),
    ("-p ipv6-nonxt", {"nothing"}, {"nothing", "ah > nothing"}),
    ("-p esp", {"esp"}, {"esp"}),
    ("-p mobility-header", {"mobility"}, {"mobility"}),
    ("-p hip", {"hip"}, {"hip"}),
    ("-m conntrack --ctproto 6", PLAIN_TCP | TCP_BEHIND, PLAIN_TCP | TCP_BEHIND),
    ("-m conntrack --ctorigdstport 80", PLAIN_TCP | TCP_BEHIND, PLAIN_TCP | TCP_BEHIND),
    ("-m conntrack --ctstate INVALID", {"nothing", "ah > nothing"}, {"nothing", "ah > nothing"}),
]
NFTABLES = [  # condition, packets that it takes
    ("meta l4proto ah", AH),
    ("meta l4proto tcp", PLAIN_TCP),
    ("meta l4proto != tcp", set(PACKETS) - PLAIN_TCP),
    ("meta l4proto { 0, 43, 44, 60 }", set()),
    ("meta l4proto 59", {"nothing"}),
    ("meta l4proto 135", {"mobility"}),
    ("meta l4proto esp", {"esp"}),
    ("ip6 nexthdr ah", AH - {"hop > ah > tcp"}),
    ("ip6 nexthdr tcp", {"tcp"}),
    ("tcp dport 80", PLAIN_TCP),
    ("ah spi 1", AH),
    ("ah spi 2", set()),
    ("exthdr hbh exists", {"hop > tcp", "hop > ah > tcp"}),
    ("exthdr dst exists", {"options > tcp"}),
    ("ct protocol tcp", PLAIN_TCP | TCP_BEHIND),
    ("ct state invalid", {"nothing", "ah > nothing"}),
]


def dropped(kernel: Kernel) -> set[str]:
    """The packets that the loaded rules drop."""
    probes = [probe(name, mark) for mark, name in enumerate(PACKETS, 1)]
    rulings = kernel.judge_probes(probes)
    assert all(ruling.decided for ruling in rulings)
    return {name for name, ruling in zip(PACKETS, rulings, strict=True) if ruling.decided == "drop"}


def probe(name: str, mark: int) -> Probe:
    protocol, inner = PACKETS[name]
    packet = replace(Packet.parse(f"esp {ENDS}".replace(":40000", "")), protocol=protocol)
    return Probe(mark, "lan0", frames.datagram(packet, mark, tos_of(INTERFACES, "wan0"), inner))


@pytest.mark.parametrize(("dialect", "at"), [
    pytest.param("iptables", 1, marks=pytest.mark.kernel("iptables")),
    pytest.param("iptables-legacy", 2, marks=pytest.mark.kernel("iptables-legacy")),
])  # fmt: skip
def test_ip6tables(dialect: str, at: int) -> None:
    """Legacy tables look behind AH, those on nftables stop at it, and connection tracking looks behind it in both."""
    with Kernel(INTERFACES, dialect) as kernel:
        for row in IPTABLES:
            rules = f"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {row[0]} -j DROP\nCOMMIT\n"
            kernel.load(f"{IPV6_HEADER}\n{rules}", "forward")
            assert (row[0], dropped(kernel)) == (row[0], row[at])


def test_nftables() -> None:
    """The protocol of a packet is AH, or what stands behind the extension headers."""
    with Kernel(INTERFACES) as kernel:
        for condition, taken in NFTABLES:
            chain = f"chain c {{\ntype filter hook forward priority 0; policy accept;\n{condition} drop\n}}"
            kernel.load(f"table ip6 t {{\n{chain}\n}}\n", "forward")
            assert (condition, dropped(kernel)) == (condition, taken)
