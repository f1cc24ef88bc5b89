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


TABLES_AT_INPUT = (
    saved("-A INPUT -j SNAT --to-source 10.2.0.7", "nat", "4").replace("# Completed\n", "")
    + saved("-A INPUT -s 10.2.0.7 -j DROP", "security", "4")
)  # fmt: skip


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("tables-save v1.8.9 (nf_tables)", Decided.DROP),
        ("tables-save v1.8.9", Decided.ACCEPT),
    ],
)
def test_the_order_of_tables_at_input_is_that_of_the_program(program: str, expected: Decided) -> None:
    """The iptables that makes rules of nftables runs security after nat, legacy iptables before."""
    text = TABLES_AT_INPUT.replace("tables-save v1.8.9", program)
    assert decided(text, "udp 10.1.0.1:5 > 10.9.0.1:53 in lan0", "input/path") is expected


def test_without_a_header_the_order_of_tables_at_input_is_not_known() -> None:
    """Then whatever depends on it is left open."""
    text = "".join(line for line in TABLES_AT_INPUT.splitlines(keepends=True) if not line.startswith("#"))
    assert decided(text, "udp 10.1.0.1:5 > 10.9.0.1:53 in lan0", "input/path") is Decided.UNDECIDED


def test_the_nat_table_sees_behind_routing_what_it_has_translated_before() -> None:
    """A hairpin: `--ctstate DNAT` holds there for what came in by the same table."""
    rules = "-A PREROUTING -p udp -j DNAT --to-destination 10.2.0.7\n"
    rules += "-A POSTROUTING -m conntrack --ctstate DNAT -j SNAT --to-source 10.2.0.1"
    packet = Packet.parse("udp 10.2.0.9:5 > 203.0.113.1:53 in lan0 out lan0")
    headers = Answerer(parse(saved(rules, "nat", "4"), "fw.rules"), "forward", path=True).decide(packet).headers
    assert 0x0A020001 in {values[Field.SRC] for values in headers}


@pytest.mark.parametrize(
    ("senders", "port"),
    [("10.1.0.0/24", ((1024, 65535),)), ("10.1.0.7/32", 40000)],
)
def test_a_source_port_that_another_sender_may_have_becomes_another_of_its_class(senders: str, port: object) -> None:
    """linux/net/netfilter/nf_nat_core.c: below 512, below 1024, or above; one sender has each port once."""
    text = saved(f"-A POSTROUTING -s {senders} -j SNAT --to-source 192.0.2.1", "nat", "4")
    packet = Packet.parse("udp 10.1.0.7:40000 > 203.0.113.1:53 in lan0 out wan0")
    (values,) = Answerer(parse(text, "fw.rules"), "forward", path=True).decide(packet).headers
    assert values[Field.SPORT] == port


LIMITED = "-A INPUT -p udp -m connlimit --connlimit-above 5 --connlimit-mask 32 --connlimit-saddr"


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("udp 10.1.0.7:40000 > 10.9.0.1:53 in lan0 state invalid", Decided.UNDECIDED),
        ("udp 10.1.0.7:40000 > 10.9.0.1:53 in lan0", Decided.ACCEPT),
        ("tcp 10.1.0.7:40000 > 10.9.0.1:53 in lan0 state invalid", Decided.ACCEPT),
    ],
)
def test_connlimit_may_drop_what_has_no_connection_whatever_its_target(packet: str, expected: Decided) -> None:
    """linux/net/netfilter/xt_connlimit.c: where it can make no connection of a packet either."""
    assert decided(saved(LIMITED, versions="4"), packet, "input") is expected


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("udp 10.1.0.7:40000 > 10.9.0.1:80 in lan0 out wan0", Decided.DROP),
        ("udp 10.1.0.7:53 > 10.9.0.1:80 in lan0 out wan0", Decided.UNDECIDED),
        ("udp 10.1.0.7:53 > 10.9.0.1:53 in lan0 out wan0", Decided.ACCEPT),
        ("tcp 10.1.0.7:53 > 10.9.0.1:80 in lan0 out wan0", Decided.ACCEPT),
    ],
)
def test_negations_of_both_ports_may_be_joined(packet: str, expected: Decided) -> None:
    """iptables-nft 1.8.9 compares both at once, so that one of them may be equal."""
    assert decided(saved("-A FORWARD -p udp -m udp ! --sport 53 ! --dport 53 -j DROP"), packet) is expected


def test_a_translation_that_is_not_understood_may_change_the_port_too() -> None:
    """What it leads to is open; a rule behind it that takes another port may decide."""
    nat = saved("-A PREROUTING -p tcp -j DNAT --to-destination 10.30.0.5:443 unheard-of", "nat", "4")
    rules = saved("-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT\n-A FORWARD -j DROP", versions="4")
    packet = "tcp 10.1.0.7:40000 > 10.9.0.1:80 in lan0 out wan0"
    assert decided(nat.replace("# Completed\n", "") + rules, packet, "forward/path") is Decided.UNDECIDED


@pytest.mark.parametrize("ports", ["9:1", "no-such-service", "1 2", ""])
def test_negated_ports_that_are_none_are_in_doubt(ports: str) -> None:
    """As they are where nothing is negated."""
    text = saved(f"-A FORWARD -p udp -m udp ! --sport {ports} ! --dport {ports} -j DROP", versions="4")
    assert decided(text, "udp 10.1.0.7:53 > 10.9.0.1:80 in lan0 out wan0") is Decided.UNDECIDED


@pytest.mark.parametrize(
    "packet", ["dccp 10.1.0.1:80 > 10.2.0.7:80", "icmp 10.1.0.1 > 10.2.0.7", "esp 10.1.0.1 > 10.2.0.7"]
)
def test_connections_of_few_protocols_have_ports(packet: str) -> None:
    """Connection tracking has something else in their place, or nothing: of DCCP since Linux 6.17."""
    text = saved("-A FORWARD -m conntrack --ctorigdstport 80 -j DROP", versions="4")
    assert decided(text, packet) is Decided.UNDECIDED
    assert decided(text, "tcp 10.1.0.1:80 > 10.2.0.7:80") is Decided.DROP
