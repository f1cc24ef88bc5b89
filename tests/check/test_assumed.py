"""What a site vouches for, on the lines of each platform that has such."""

import pytest

from portwright import platforms
from portwright.check.assumed import assuming
from portwright.packets.packet import Packet
from portwright.policy.walk import decide
from portwright.site.model import Assumption
from portwright.source import Source

NOT_EXCEEDED = Assumption("fw", None, None, "not-exceeded", None, "measured", "net", None, Source("site.yaml", 1))
LIMITS = [  # platform, match, what becomes of a packet that a rule with it drops
    ("iptables", "-m limit --limit 5/min --limit-burst 3", "drop"),
    ("iptables", "-m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name a", "drop"),
    ("iptables", "-m hashlimit --hashlimit-above 5/sec --hashlimit-name a", "undecided"),
    ("iptables", '-m hashlimit --hashlimit-above 5/sec -m comment --comment "-m limit --limit 5"', "undecided"),
    ("iptables", "-m limit --limit 5/min -m mark --mark 1", "undecided"),
    ("iptables", '-m mark --mark 1 -m comment --comment "-m limit --limit 5"', "undecided"),
    ("nftables", "limit rate 5/second", "drop"),
    ("nftables", "limit rate over 5/second", "undecided"),
]
TEXTS = {
    "iptables": "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {} -j DROP\nCOMMIT\n",
    "nftables": "table ip t {{\n chain c {{\n  type filter hook forward priority 0;\n  {} drop\n }}\n}}\n",
}


@pytest.mark.parametrize(("platform", "match", "expected"), LIMITS)
def test_rates_that_are_not_exceeded_hold(platform: str, match: str, expected: str) -> None:
    """A limit within its rate matches surely; what holds beyond it, and every other doubt, stays in doubt."""
    configuration = platforms.read(platform, TEXTS[platform].format(match), "fw")
    packet = Packet.parse("tcp 10.1.2.3:40000 > 10.2.0.7:443").header(1, 1)
    assert decide(configuration.policy(), packet).decided.value == "undecided"
    assert decide(assuming(configuration.policy(), (NOT_EXCEEDED,)), packet).decided.value == expected
