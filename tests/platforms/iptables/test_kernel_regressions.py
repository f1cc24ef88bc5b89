"""What the kernel did with packets where the reader once said otherwise.

Each was found by `make oracle` and is judged here without a kernel.
"""

import pytest
from tests.platforms.iptables.rulesets import decided, saved

from portwright.packets.fields import Field
from portwright.packets.packet import Packet
from portwright.platforms.iptables import parse
from portwright.policy.answer import Answerer
from portwright.policy.walk import Decided

NETWORKS_AND_INTERFACES = """create s hash:net,iface family inet hashsize 1024 maxelem 65536
add s 0.0.0.0/0,dmz0
add s 10.2.0.0/25,wan0
add s 10.2.0.0/25,lan0
"""


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("udp 10.9.0.1:5 > 10.1.0.1:53 in lan0 out dmz0", Decided.DROP),
        ("udp 10.2.0.1:5 > 10.1.0.1:53 in lan0 out wan0", Decided.DROP),
        ("udp 10.2.0.1:5 > 10.1.0.1:53 in dmz0 out lan0", Decided.DROP),
        ("udp 10.2.0.1:5 > 10.1.0.1:53 in lan0 out dmz0", Decided.ACCEPT),
    ],
)
def test_the_longest_network_of_a_set_alone_says_which_interfaces(packet: str, expected: Decided) -> None:
    """linux/net/netfilter/ipset/ip_set_hash_netiface.c: shorter ones are no longer looked at."""
    text = NETWORKS_AND_INTERFACES + saved("-A FORWARD -m set --match-set s src,dst -j DROP", versions="4")
    assert decided(text, packet) is expected


def test_ports_of_dccp_may_stay_when_its_address_is_translated() -> None:
    """Kernels since 6.17 take DCCP for a protocol without ports when they translate."""
    text = saved("-A PREROUTING -p dccp -j DNAT --to-destination 10.2.0.7:8080", "nat", "4")
    packet = Packet.parse("dccp 10.1.0.1:5 > 10.2.0.9:80 in lan0 out dmz0")
    (values,) = Answerer(parse(text, "fw.rules"), "forward", path=True).decide(packet).headers
    assert (values[Field.DST], values[Field.DPORT]) == (0x0A020007, ((0, 65535),))


@pytest.mark.parametrize(
    ("packet", "expected"),
    [("gre 10.1.2.3 > 10.2.0.7 state invalid", "undecided"), ("gre 10.1.2.3 > 10.2.0.7", "accept")],
)
def test_a_limit_on_connections_may_drop_what_has_none(packet: str, expected: str) -> None:
    """Also where the rule only logs: the match itself drops packets that it cannot judge."""
    rules = "-A FORWARD -m connlimit --connlimit-above 5 --connlimit-mask 32 --connlimit-saddr -j LOG"
    assert decided(saved(rules), packet).value == expected
