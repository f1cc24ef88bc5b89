"""Address translation: what leaves the machine for what arrives."""

from ipaddress import ip_address

import pytest

from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.platforms.nftables import parse
from portwright.policy.walk import decide

ANY4 = "0.0.0.0-255.255.255.255"
TRANSLATED = [  # hook, statement, packet, source, source port, destination, destination port as they leave
    ("dstnat", "dnat to 10.9.9.9", "tcp 10.1.2.3:40000 > 10.2.0.7:443", "10.1.2.3 40000 10.9.9.9 443"),
    ("dstnat", "tcp dport 443 dnat to 10.9.9.9:8443", "tcp 10.1.2.3:40000 > 10.2.0.7:443",
     "10.1.2.3 40000 10.9.9.9 8443"),
    ("dstnat", "tcp dport 443 dnat to :8443", "tcp 10.1.2.3:40000 > 10.2.0.7:443", "10.1.2.3 40000 10.2.0.7 8443"),
    ("dstnat", "tcp dport 80 dnat to 10.9.9.9", "tcp 10.1.2.3:40000 > 10.2.0.7:443", "10.1.2.3 40000 10.2.0.7 443"),
    ("dstnat", "dnat to 10.9.9.1-10.9.9.4", "tcp 10.1.2.3:40000 > 10.2.0.7:443",
     "10.1.2.3 40000 10.9.9.1-10.9.9.4 443"),
    ("dstnat", "dnat to tcp dport map { 80 : 10.9.9.1, 443 : 10.9.9.2 }", "tcp 10.1.2.3:40000 > 10.2.0.7:443",
     "10.1.2.3 40000 10.9.9.2 443"),
    ("dstnat", "dnat to tcp dport map { 443 : 10.9.9.2 . 8443 }", "tcp 10.1.2.3:40000 > 10.2.0.7:443",
     "10.1.2.3 40000 10.9.9.2 8443"),
    ("dstnat", "dnat prefix to ip daddr map { 10.2.0.0/16 : 10.7.0.0/16 }", "udp 10.1.2.3:40000 > 10.2.0.7:53",
     "10.1.2.3 40000 10.7.0.7 53"),
    ("dstnat", "tcp dport 443 redirect to :8443", "tcp 10.1.2.3:40000 > 10.2.0.7:443", f"10.1.2.3 40000 {ANY4} 8443"),
    # another sender may have the port already: then it becomes another of its class, privileged or not
    ("srcnat", "snat to 192.0.2.1", "udp 10.1.2.3:123 > 10.2.0.7:123", "192.0.2.1 1-511 10.2.0.7 123"),
    ("srcnat", "snat to 192.0.2.1", "tcp 10.1.2.3:600 > 10.2.0.7:443", "192.0.2.1 512-1023 10.2.0.7 443"),
    ("srcnat", "snat to 192.0.2.1", "tcp 10.1.2.3:40000 > 10.2.0.7:443", "192.0.2.1 1024-65535 10.2.0.7 443"),
    ("srcnat", "ip saddr 10.1.2.3 snat to 192.0.2.1", "udp 10.1.2.3:123 > 10.2.0.7:123", "192.0.2.1 123 10.2.0.7 123"),
    ("srcnat", "masquerade", "udp 10.1.2.3:123 > 10.2.0.7:123", f"{ANY4} 1-511 10.2.0.7 123"),
    ("srcnat", "masquerade fully-random", "udp 10.1.2.3:123 > 10.2.0.7:123", f"{ANY4} 1-511 10.2.0.7 123"),
    ("srcnat", "masquerade random", "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0", f"{ANY4} 0 10.2.0.7 0"),
    ("srcnat", "ip protocol tcp snat to 192.0.2.1:5000-6000", "tcp 10.1.2.3:40000 > 10.2.0.7:443",
     "192.0.2.1 5000-6000 10.2.0.7 443"),
    ("srcnat", "snat to ip saddr map { 10.1.2.0/24 : 192.0.2.2, * : 192.0.2.3 }", "udp 10.1.2.3:9 > 10.2.0.7:53",
     "192.0.2.2 1-511 10.2.0.7 53"),
    ("srcnat", "snat to ip saddr map { 10.1.9.0/24 : 192.0.2.2, * : 192.0.2.3 }", "udp 10.1.2.3:9 > 10.2.0.7:53",
     "192.0.2.3 1-511 10.2.0.7 53"),
    ("srcnat", "snat to 192.0.2.1", "tcp 10.1.2.3:40000 > 10.2.0.7:443 state established",
     "10.1.2.3 40000 10.2.0.7 443"),
]  # fmt: skip


def shown(name: Field, value: int | tuple[tuple[int, int], ...]) -> str:
    """A value, or the range that it is in."""
    ends = [value] if isinstance(value, int) else list(value[0])
    return "-".join(str(ip_address(end)) if name in (Field.SRC, Field.DST) else str(end) for end in ends)


@pytest.mark.parametrize(("priority", "statement", "packet", "leaves"), TRANSLATED)
def test_a_packet_leaves_translated(priority: str, statement: str, packet: str, leaves: str) -> None:
    """Only the first packet of a connection meets the chain."""
    hook = "prerouting" if priority == "dstnat" else "postrouting"
    text = f"table ip nat {{\n chain c {{\n  type nat hook {hook} priority {priority};\n  {statement}\n }}\n}}\n"
    configuration = parse(text, "ruleset.nft")
    way = configuration.interfaces.atom("a"), configuration.interfaces.atom("b")
    (after,) = decide(configuration.policies["forward/path"], Packet.parse(packet).header(*way)).headers
    fields = (Field.SRC, Field.SPORT, Field.DST, Field.DPORT)
    assert " ".join(shown(name, after[name]) for name in fields) == leaves


def test_a_second_nat_chain_may_have_nothing_left_to_translate() -> None:
    """The kernel translates once per hook: what the second chain does is in doubt."""
    chain = "chain c {\n  type nat hook postrouting priority srcnat;\n  snat to 192.0.2.1\n }\n"
    text = f"table ip one {{\n {chain}}}\ntable inet two {{\n {chain.replace('snat to', 'snat ip to')}}}\n"
    first, second = parse(text, "ruleset.nft").policies["forward/path"].stages
    assert [stage.chains["c"].rules[0].match.is_certain for stage in (first, second)] == [True, False]
    assert [stage.name for stage in (first, second)] == ["inet two c", "ip one c"]
