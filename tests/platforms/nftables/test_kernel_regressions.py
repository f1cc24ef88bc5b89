"""What the kernel did with packets where the reader once said otherwise.

Each was found by `python -m tests.kernel.oracle` and is judged here without a kernel.
"""

import pytest
from tests.platforms.nftables.rulesets import decided, ruleset

from portwright.packets.packet import Packet
from portwright.platforms.nftables import parse
from portwright.policy.answer import Answerer
from portwright.policy.walk import Decided, Decision

TWO_NAT_CHAINS = """
table inet one {
    chain nat {
        type nat hook prerouting priority dstnat; policy drop;
        udp dport 53 accept
    }
}
table inet two {
    chain nat {
        type nat hook prerouting priority dstnat;
        tcp dport 80 dnat ip to 10.2.0.7:8080
    }
}"""


def judge(text: str, packet: str, path: bool = False) -> Decision:
    return Answerer(parse(text, "ruleset.nft"), path=path).decide(Packet.parse(packet))


def test_a_scattered_mask_of_ports_looks_at_packets_without_ports_too() -> None:
    """`th dport` is the bytes at the place of a port, whatever the protocol."""
    masked = ruleset("th dport & 1 == 1 drop")
    assert judge(masked, "gre 10.1.0.5 > 192.168.7.8").decided is Decided.UNDECIDED


@pytest.mark.parametrize(
    ("packet", "decided"),
    [
        ("tcp 10.1.0.5:40000 > 10.3.0.9:80 in a out b", Decided.UNDECIDED),  # the kernel: accept
        ("tcp 10.1.0.5:40000 > 10.3.0.9:81 in a out b", Decided.DROP),
        ("udp 10.1.0.5:40000 > 10.3.0.9:53 in a out b", Decided.ACCEPT),
    ],
)
def test_the_first_nat_chain_that_translates_is_the_last_of_its_hook(packet: str, decided: Decided) -> None:
    """What a later one would drop may not meet it; a packet that none translates meets them all."""
    assert judge(TWO_NAT_CHAINS, packet, path=True).decided is decided


def test_a_traffic_class_may_be_set() -> None:
    """Its colon does not make the rest of the rule unknown."""
    assert judge(ruleset("meta priority set 1:2 drop"), "tcp 10.1.0.5:40000 > 10.3.0.9:80").decided is Decided.DROP


@pytest.mark.parametrize(
    ("rule", "packet", "decided"),
    [
        ("tcp sport != 1433 tcp dport != 65535 drop", "tcp 10.1.0.5:1433 > 10.3.0.9:443", Decided.UNDECIDED),
        ("tcp dport != 65535 tcp sport != 1433 drop", "tcp 10.1.0.5:80 > 10.3.0.9:65535", Decided.UNDECIDED),
        ("tcp sport != 1433 tcp dport != 65535 drop", "tcp 10.1.0.5:1433 > 10.3.0.9:65535", Decided.ACCEPT),
        ("tcp sport != 1433 tcp dport != 65535 drop", "tcp 10.1.0.5:80 > 10.3.0.9:443", Decided.DROP),
        ("tcp sport != 1433 tcp dport != 65535 drop", "udp 10.1.0.5:80 > 10.3.0.9:443", Decided.ACCEPT),
        ("tcp sport != 1433 counter tcp dport != 1 drop", "tcp 10.1.0.5:1433 > 10.3.0.9:443", Decided.ACCEPT),
        ("tcp sport != 1433-1434 tcp dport != 1 drop", "tcp 10.1.0.5:1433 > 10.3.0.9:443", Decided.ACCEPT),
        ("ip saddr != 10.1.0.5 ip daddr != 10.1.0.6 drop", "tcp 10.1.0.5:80 > 10.3.0.9:443", Decided.ACCEPT),
        ("icmp type != 8 icmp code != 1 drop", "icmp 10.1.0.5 > 10.3.0.9 type 8 code 0", Decided.UNDECIDED),
        ("ip ttl != 64 ip protocol != tcp drop", "tcp 10.1.0.5:80 > 10.3.0.9:443", Decided.UNDECIDED),
    ],
)
def test_negations_of_neighboring_fields_may_be_one(rule: str, packet: str, decided: Decided) -> None:
    """nft 1.0.6 loads them as a single comparison, which holds where one of the fields differs."""
    assert judge(ruleset(rule), packet).decided is decided


@pytest.mark.parametrize(
    ("priority", "decided"),
    [("-199", Decided.DROP), ("-200", Decided.UNDECIDED), ("-201", Decided.ACCEPT)],
)
@pytest.mark.parametrize("condition", ["ct direction original", "ct original ip saddr 10.1.0.5"])
def test_before_connection_tracking_a_packet_has_no_connection(condition: str, priority: str, decided: Decided) -> None:
    """There no key of it but the state is known, and the comparison fails."""
    text = f"table inet t {{ chain c {{ type filter hook prerouting priority {priority}; {condition} drop; }}; }}"
    if condition != "ct direction original" and decided is Decided.DROP:
        decided = Decided.UNDECIDED  # addresses of a connection are not modelled
    assert judge(text, "tcp 10.1.0.5:40000 > 10.3.0.9:443", path=True).decided is decided


NOTRACK = """
table inet t {
    chain raw {
        type filter hook prerouting priority raw; policy drop;
        RULE
        meta l4proto tcp accept
    }
    chain c { accept; }
    chain nat {
        type nat hook prerouting priority dstnat; policy drop;
    }
}"""


@pytest.mark.parametrize(
    ("rule", "decided"),
    [
        ("notrack accept", Decided.ACCEPT),  # and no nat chain sees it
        ("notrack", Decided.UNDECIDED),  # the kernel: accept
        ("notrack jump c", Decided.UNDECIDED),  # the kernel: accept
        ("counter accept", Decided.DROP),
        ("tcp dport set 80", Decided.DROP),  # whatever the port, it is new to the nat chain
    ],
)
def test_an_untracked_packet_meets_no_nat_chain(rule: str, decided: Decided) -> None:
    """What the packet has become counts in the chains after this one, also where it is in doubt."""
    assert judge(NOTRACK.replace("RULE", rule), "tcp 10.1.0.5:40000 > 10.3.0.9:443", path=True).decided is decided


def test_a_rewritten_packet_may_meet_any_later_rule() -> None:
    """A chain that drops the packet as it came does not drop it for sure."""
    early = "chain early { type filter hook prerouting priority mangle; tcp dport set 80; }"
    late = "chain late { type filter hook forward priority filter; tcp dport 443 drop; }"
    text = f"table inet t {{ {early}; {late}; }}"
    assert judge(text, "tcp 10.1.0.5:40000 > 10.3.0.9:443", path=True).decided is Decided.UNDECIDED


@pytest.mark.parametrize(
    ("packet", "decided"),
    [
        ("udp 10.1.0.7:40000 > 10.9.0.1:53 state invalid", Decided.UNDECIDED),
        ("udp 10.1.0.7:40000 > 10.9.0.1:53", Decided.ACCEPT),
    ],
)
def test_a_limit_on_connections_may_drop_what_has_none(packet: str, decided: Decided) -> None:
    """linux/net/netfilter/nft_connlimit.c: where it can make no connection of a packet, whatever the verdict."""
    assert judge(ruleset("ct count over 10 accept\n accept"), packet).decided is decided


def test_what_has_met_notrack_is_untracked_whatever_the_rest_of_its_rule_asks():
    """A map without the key, or a condition that fails, ends the rule: the next one meets an untracked packet."""
    text = """table ip6 t {{
    chain c {{
    }}
    chain output {{
        type filter hook output priority -201; policy accept;
        notrack {}
        ct state new,untracked drop
    }}
}}"""
    packet = "tcp [fd00::9]:5061 > [2001:db8::1]:1433 out eth0"
    for rest in ("ip6 saddr vmap { fd00:1::5 : goto c }", "tcp dport 22 accept", "ip6 saddr fd00:1::5 counter"):
        assert decided(text.format(rest), packet, "output/path").value in ("drop", "undecided")
