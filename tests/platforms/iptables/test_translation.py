"""Address translation: what leaves the machine for what arrives."""

from ipaddress import ip_address

import pytest
from tests.platforms.iptables.rulesets import saved

from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.platforms.iptables import parse
from portwright.policy.walk import Decided, decide

ANY4, ANY_PORT = "0.0.0.0-255.255.255.255", "1-65535"
SYN = "tcp 10.1.2.3:40000 > 10.2.0.7:443"
TRANSLATED = [  # chain, rule, packet, source, source port, destination, destination port as they leave
    ("PREROUTING", "-j DNAT --to-destination 10.9.9.9", SYN, "10.1.2.3 40000 10.9.9.9 443"),
    ("PREROUTING", "-p tcp --dport 443 -j DNAT --to-destination 10.9.9.9:8443", SYN, "10.1.2.3 40000 10.9.9.9 8443"),
    ("PREROUTING", "-p tcp -j DNAT --to-destination :8443", SYN, "10.1.2.3 40000 10.2.0.7 8443"),
    ("PREROUTING", "-p tcp --dport 80 -j DNAT --to-destination 10.9.9.9", SYN, "10.1.2.3 40000 10.2.0.7 443"),
    ("PREROUTING", "-j DNAT --to-destination 10.9.9.1-10.9.9.4 --persistent", SYN,
     "10.1.2.3 40000 10.9.9.1-10.9.9.4 443"),
    ("PREROUTING", "-p tcp -j DNAT --to-destination 10.9.9.1:80-90/85", SYN, "10.1.2.3 40000 10.9.9.1 80-90"),
    ("PREROUTING", "-p tcp -j DNAT --to-destination 10.9.9.9:8443", "esp 10.1.2.3 > 10.2.0.7", "10.1.2.3 0 10.2.0.7 0"),
    ("PREROUTING", "-d 10.2.0.0/16 -j NETMAP --to 10.7.0.0/16", "udp 10.1.2.3:40000 > 10.2.0.7:53",
     "10.1.2.3 40000 10.7.0.7 53"),
    ("PREROUTING", "-d 10.2.0.0/15 -j NETMAP --to 10.7.0.0/16", "udp 10.1.2.3:40000 > 10.2.0.7:53",
     "10.1.2.3 40000 10.7.0.0-10.7.255.255 53"),
    ("PREROUTING", "-p tcp -j REDIRECT --to-ports 8443", SYN, f"10.1.2.3 40000 {ANY4} 8443"),
    ("PREROUTING", "-p tcp -j REDIRECT", SYN, f"10.1.2.3 40000 {ANY4} 443"),
    ("PREROUTING", "-p tcp -j own", SYN, "10.1.2.3 40000 10.9.9.9 443"),
    ("POSTROUTING", "-j SNAT --to-source 192.0.2.1", "udp 10.1.2.3:123 > 10.2.0.7:123", "192.0.2.1 123 10.2.0.7 123"),
    ("POSTROUTING", "-o b -j MASQUERADE", "udp 10.1.2.3:123 > 10.2.0.7:123", f"{ANY4} 123 10.2.0.7 123"),
    ("POSTROUTING", "-o a -j MASQUERADE", "udp 10.1.2.3:123 > 10.2.0.7:123", "10.1.2.3 123 10.2.0.7 123"),
    ("POSTROUTING", "-p udp -j MASQUERADE --to-ports 1024-2048", "udp 10.1.2.3:123 > 10.2.0.7:123",
     f"{ANY4} 1024-2048 10.2.0.7 123"),
    ("POSTROUTING", "-j MASQUERADE --random-fully", "udp 10.1.2.3:123 > 10.2.0.7:123",
     f"{ANY4} {ANY_PORT} 10.2.0.7 123"),
    ("POSTROUTING", "-j MASQUERADE --random", "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0", f"{ANY4} 0 10.2.0.7 0"),
    ("POSTROUTING", "-p tcp -j SNAT --to-source 192.0.2.1-192.0.2.2:5000-6000", SYN,
     "192.0.2.1-192.0.2.2 5000-6000 10.2.0.7 443"),
    ("POSTROUTING", "-s 10.1.0.0/16 -j NETMAP --to 192.168.0.0/16", SYN, "192.168.2.3 40000 10.2.0.7 443"),
    ("POSTROUTING", "-j SNAT --to-source 192.0.2.1", f"{SYN} state established", "10.1.2.3 40000 10.2.0.7 443"),
    ("PREROUTING", "-p tcp -j DNAT --to-destination [fd00::9]:80", "tcp [fd00::1]:9 > [fd00::2]:443",
     "fd00::1 9 fd00::9 80"),
    ("PREROUTING", "-p tcp -j DNAT --to-destination [fd00::5-fd00::9]:80-81", "tcp [fd00::1]:9 > [fd00::2]:443",
     "fd00::1 9 fd00::5-fd00::9 80-81"),
    ("PREROUTING", "-j DNAT --to-destination fd00::5-fd00::9", "tcp [fd00::1]:9 > [fd00::2]:443",
     "fd00::1 9 fd00::5-fd00::9 443"),
]  # fmt: skip


def shown(name: Field, value: int | tuple[tuple[int, int], ...]) -> str:
    """A value, or the range that it is in."""
    ends = [value] if isinstance(value, int) else list(value[0])
    return "-".join(str(ip_address(end)) if name in (Field.SRC, Field.DST) else str(end) for end in ends)


@pytest.mark.parametrize(("chain", "rule", "packet", "leaves"), TRANSLATED)
def test_a_packet_leaves_translated(chain: str, rule: str, packet: str, leaves: str) -> None:
    """Only the first packet of a connection meets the table."""
    own = "" if "[" in packet else "-A own -j DNAT --to-destination 10.9.9.9\n"
    configuration = parse(saved(f"{own}-A {chain} {rule}", "nat", "6" if "[" in packet else "4", "own"), "fw.rules")
    way = configuration.interfaces.atom("a"), configuration.interfaces.atom("b")
    (after,) = decide(configuration.policies["forward/path"], Packet.parse(packet).header(*way)).headers
    fields = (Field.SRC, Field.SPORT, Field.DST, Field.DPORT)
    assert " ".join(shown(name, after[name]) for name in fields) == leaves


@pytest.mark.parametrize("target", ["DNAT", "DNAT --to-destination here", "NETMAP --to 10.0.0.1-10.0.0.3", "NETMAP"])
def test_a_translation_that_is_not_understood_leaves_its_packets_undecided(target: str) -> None:
    """The others pass as they are."""
    configuration = parse(saved(f"-A PREROUTING -p tcp -j {target}", "nat", "4"), "fw.rules")
    policy = configuration.policies["forward/path"]
    found = decide(policy, Packet.parse(SYN).header(1, 1))
    assert (found.decided, found.undecided_by[0].source.line) == (Decided.UNDECIDED, 7)
    assert decide(policy, Packet.parse("esp 10.1.2.3 > 10.2.0.7").header(1, 1)).decided is Decided.ACCEPT
