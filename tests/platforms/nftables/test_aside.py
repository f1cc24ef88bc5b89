"""What no chain on the way of a packet says, and what decides all the same."""

import pytest

from portwright.packets.packet import Packet
from portwright.platforms import nftables
from portwright.policy.walk import decide

REQUEST = "tcp 10.0.0.5:40000 > 10.1.0.5:443 in eth0 out eth1"
REPLY = "tcp 10.1.0.5:443 > 10.0.0.5:40000 in eth1 out eth0 state established"
SIX = "tcp [fd00::5]:40000 > [fd00:1::5]:443 in eth0 out eth1"
FILTER = """
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		tcp dport 443 accept
	}
	chain early {
		type filter hook prerouting priority raw; policy accept;
		%s
	}
}
"""


def _decided(text, packet):
    configuration = nftables.parse(text, "fw.nft")
    parsed = Packet.parse(packet)
    atom = configuration.interfaces.atom
    header = parsed.header(atom(parsed.interface_in), atom(parsed.interface_out))
    return decide(configuration.policy("forward", path=True), header).decided.value


@pytest.mark.parametrize(
    ("rule", "packet", "expected"),
    [
        ("counter", REPLY, "accept"),
        ('iifname "eth0" ct zone set 1', REQUEST, "accept"),
        ('iifname "eth0" ct zone set 1', REPLY, "undecided"),  # it is looked for in another zone, and found in none
        ('iifname "eth1" ct original zone set 1', REPLY, "undecided"),
        ("ip ttl set 64", REQUEST, "accept"),
        ("ip ttl set 1", REQUEST, "undecided"),  # this router is the last that it reaches
        ("ip6 hoplimit set 1", SIX, "undecided"),
    ],
)
def test_what_a_rule_sets(rule, packet, expected):
    """Whether packets of a connection are known as such, and how far packets go."""
    assert _decided(FILTER % rule, packet) == expected


@pytest.mark.parametrize(
    ("chain", "packet", "expected"),
    [
        ("type filter hook input priority filter; policy accept;", REQUEST, "accept"),
        ("type filter hook input priority filter; policy accept;\n\t\tarp operation request accept", REQUEST, "accept"),
        ("type filter hook input priority filter; policy drop;", REQUEST, "undecided"),
        ("type filter hook input priority filter; policy drop;", SIX, "accept"),  # IPv6 has other neighbors
        ('type filter hook output priority filter; policy accept;\n\t\toifname "eth1" drop', REQUEST, "undecided"),
    ],
)
def test_neighbors(chain, packet, expected):
    """No IPv4 packet reaches a neighbor that is never found."""
    text = FILTER % "counter" + f"table arp neighbors {{\n\tchain c {{\n\t\t{chain}\n\t}}\n}}\n"
    assert _decided(text, packet) == expected
