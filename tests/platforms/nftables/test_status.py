"""`ct status dnat`: whether a rule before has translated the destination of a connection."""

import pytest

from portwright.packets.packet import Packet
from portwright.platforms.nftables import parse
from portwright.policy.answer import Answerer
from portwright.policy.walk import Decided

PUBLISHED = """
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        iifname "wan" tcp dport 8443 dnat to 10.2.0.7:443
    }
}
table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop;
        CONDITION accept
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct status dnat accept
    }
    chain early {
        type filter hook prerouting priority mangle; policy accept;
        ct status dnat drop
    }
}
"""
DECISIONS = [  # condition, packet as it is there, decision
    ("ct status dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:443 in wan out lan", Decided.UNDECIDED),
    ("ct status dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan", Decided.DROP),
    ("ct status dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:443 in dmz out lan", Decided.DROP),
    ("ct status dnat", "tcp [fd00::1]:40000 > [fd00::2]:443 in wan out lan", Decided.DROP),
    ("ct status dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan state established", Decided.UNDECIDED),
    ("ct status dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:443 in wan out lan state invalid", Decided.DROP),
    ("ct status ! dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan", Decided.ACCEPT),
    ("ct status ! dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:443 in wan out lan", Decided.UNDECIDED),
    ("ct status ! dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan state invalid", Decided.DROP),
    ("ct status snat,dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan", Decided.UNDECIDED),
    ("ct status != dnat", "tcp 203.0.113.9:40000 > 10.2.0.7:80 in wan out lan", Decided.UNDECIDED),
]


def decided(condition: str, packet: str, hook: str = "forward", path: bool = False) -> Decided:
    configuration = parse(PUBLISHED.replace("CONDITION", condition), "ruleset.nft")
    return Answerer(configuration, hook, path).decide(Packet.parse(packet)).decided


@pytest.mark.parametrize(("condition", "packet", "expected"), DECISIONS)
def test_first_packets_were_translated_only_where_a_rule_may_have_done_it(
    condition: str, packet: str, expected: Decided
) -> None:
    """What came to the same address by itself looks alike, and of older connections nothing is known."""
    assert decided(condition, packet) is expected


def test_what_comes_in_is_asked_in_its_own_chain() -> None:
    """Chains that several hooks have are read for each."""
    assert decided("ct status dnat", "tcp 203.0.113.9:4 > 10.9.0.1:22 in wan", "input") is Decided.DROP


def test_before_translation_nothing_was_translated() -> None:
    """On the whole path the chain in front of the nat chains drops nothing."""
    packet = "tcp 203.0.113.9:40000 > 192.0.2.1:8443 in wan out lan"
    assert decided("tcp dport 443", packet, path=True) is Decided.ACCEPT
