"""What single conditions and statements of nft mean, packet by packet."""

import pytest
from tests.platforms.nftables.rulesets import decided, ruleset

from portwright.policy.walk import Decided

SYN = "tcp 10.1.2.3:40000 > 10.2.0.7:443"
SYN6 = "tcp [fd00::1]:40000 > [fd00::2]:443"
DNS = "udp 10.1.2.3:40000 > 10.2.0.7:53"
PING = "icmp 10.1.2.3 > 10.2.0.7 type 8 code 0"
PING6 = "icmpv6 [fd00::1] > [fd00::2] type 128 code 0"
ESP = "esp 10.1.2.3 > 10.2.0.7"
ALL = (SYN, SYN6, DNS, PING, PING6, ESP)


MATCHES = [  # condition, packets that it takes, out of ALL
    ("", ALL),
    ("ip saddr 10.1.0.0/16", (SYN, DNS, PING, ESP)),
    ("ip saddr != 10.1.0.0/16", ()),
    ("ip saddr 10.1.2.1-10.1.2.3", (SYN, DNS, PING, ESP)),
    ("ip saddr 0x0a010203", (SYN, DNS, PING, ESP)),
    ("ip daddr { 10.2.0.0/24, 10.9.9.9 }", (SYN, DNS, PING, ESP)),
    ("ip daddr != { 10.2.0.0/24, 10.9.9.9 }", ()),
    ("ip6 saddr fd00::/8", (SYN6, PING6)),
    ("ip6 daddr != fd00::1", (SYN6, PING6)),
    ("tcp dport 443", (SYN, SYN6)),
    ("tcp dport https", (SYN, SYN6)),
    ("tcp dport != 22", (SYN, SYN6)),
    ("tcp dport < 443", ()),
    ("tcp dport <= 443", (SYN, SYN6)),
    ("tcp sport > 39999 tcp sport >= 40000", (SYN, SYN6)),
    ("tcp dport 1-1023 ip saddr 10.1.2.3", (SYN,)),
    ("udp dport { 53, 123 }", (DNS,)),
    ("meta l4proto { tcp, udp } th dport { 53, 443 }", (SYN, SYN6, DNS)),
    ("meta l4proto . th dport { tcp . 443, udp . 99 }", (SYN, SYN6)),
    ("ip saddr . tcp dport { 10.1.2.3 . 80, 10.1.0.0/16 . 400-500 }", (SYN,)),
    ("ip saddr . tcp dport != { 10.1.2.3 . 80, 10.1.0.0/16 . 400-500 }", ()),
    ("ip saddr . tcp dport != { 10.1.2.3 . 80, 10.1.9.0/24 . 400-500 }", (SYN,)),
    ("ip protocol udp", (DNS,)),
    ("ip protocol != udp", (SYN, PING, ESP)),
    ("ip6 nexthdr tcp", (SYN6,)),
    ("meta l4proto esp", (ESP,)),
    ("meta l4proto 50-60", (PING6, ESP)),
    ("meta nfproto ipv6", (SYN6, PING6)),
    ("meta protocol ip", (SYN, DNS, PING, ESP)),
    ("icmp type echo-request", (PING,)),
    ("icmp type != echo-reply", (PING,)),
    ("icmp type echo-request icmp code net-unreachable", (PING,)),
    ("icmpv6 type { 128, 130-132 }", (PING6,)),
    ("icmpv6 code != no-route", ()),
    ("ct state new", ALL),
    ("ct state established,related", ()),
    ("ct state != established", ALL),
    ("ct state != established | related", ALL),
    ("ct state ! new,related", ()),
    ("ct state & (new | related) != 0", ALL),
    ("ct direction original", ALL),
    ("ct direction reply", ()),
    ("tcp flags syn", (SYN, SYN6)),
    ("tcp flags == syn", (SYN, SYN6)),
    ("tcp flags != syn", ()),
    ("tcp flags syn / fin,syn,rst,ack", (SYN, SYN6)),
    ("tcp flags & (fin | syn | rst | ack) != syn", ()),
    ("tcp flags ! ack,rst", (SYN, SYN6)),
    ("tcp flags { syn, syn | ack }", (SYN, SYN6)),
    ("ip saddr & 255.0.255.255 == 10.0.2.3", (SYN, DNS, PING, ESP)),
    ("ip saddr & 255.255.0.0 != 10.1.0.0", ()),
    ("ip saddr < 10.1.0.0/16", ()),
    ("ip saddr <= 10.1.0.0/16", (SYN, DNS, PING, ESP)),
    ('iifname "eth0"', ALL),
    ('iifname "et*" oifname != "eth0"', ALL),
    ('iifname { "lo", "wlan*" }', ()),
    ('oifname . ip daddr { "eth1" . 10.2.0.0/16 }', (SYN, DNS, PING, ESP)),
    ("meta mark set tcp dport map { 443 : 1 }", (SYN, SYN6)),
    ("arp operation request", ()),
    ("counter packets 1 bytes 2 log prefix \"a; b { c \" flags all", ALL),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "taken"), MATCHES)
def test_a_condition_takes_exactly_these_packets(condition: str, taken: tuple[str, ...]) -> None:
    """A rule that drops what the condition takes drops these packets and no other."""
    text = ruleset(f"{condition} drop")
    ways = {packet: f"{packet} in eth0 out eth1" for packet in ALL}
    assert [packet for packet, way in ways.items() if decided(text, way) is Decided.DROP] == list(taken)
    assert [packet for packet, way in ways.items() if decided(text, way) is Decided.UNDECIDED] == []


UNCERTAIN = [  # condition, packets left undecided, out of ALL: those that it may take
    ("meta mark 1", ALL),
    ("limit rate 5/second", ALL),
    ("limit rate over 10 mbytes/second burst 5 mbytes", ALL),
    ('limit name "slow"', ALL),
    ("quota over 100 mbytes", ALL),
    ("ct count over 10", ALL),
    ("meter m size 100 { ip saddr limit rate 5/second }", ALL),
    ("tcp dport 443 limit rate 5/second", (SYN, SYN6)),
    ("ip dscp ef", (SYN, DNS, PING, ESP)),
    ("ip frag-off & 0x1fff != 0", (SYN, DNS, PING, ESP)),
    ("tcp option maxseg size 1-500", (SYN, SYN6)),
    ("fib saddr . iif oif missing", ALL),
    ("socket transparent 1", ALL),
    ("meta skuid 0 udp dport 53", (DNS,)),
    ("ct mark 0x1", ALL),
    ("ct status snat", ALL),
    ("ct original ip saddr 10.1.2.3", ALL),
    ("ether saddr 00:11:22:33:44:55", ALL),
    ("vlan id 5", ALL),
    ("numgen random mod 2 0", ALL),
    ("jhash ip saddr . tcp dport mod 2 0", ALL),
    ("th dport 53", (PING, PING6, ESP)),
    ("@th,16,16 53", (PING, PING6, ESP)),
    ("@nh,96,32 0x0a010203", ALL),
    ("exthdr frag exists", (SYN6, PING6)),
    ("ip saddr www.example.com", (SYN, DNS, PING, ESP)),
    ("tcp dport no-such-service", (SYN, SYN6)),
    ("ip daddr & 0.0.0.255 == 0.0.0.7", (SYN, DNS, PING, ESP)),
    ('iifname { ""-"" }', ALL),
    ("iif 7", ALL),
    ("ip saddr @banned", (SYN, DNS, PING, ESP)),
    ("ip saddr != @banned", (SYN, DNS, PING, ESP)),
    ("ip saddr @nowhere", (SYN, DNS, PING, ESP)),
    ("add @banned { ip saddr }", (SYN, DNS, PING, ESP)),
    ("frobnicate 5", ALL),
    ("tcp dport 443 frobnicate", (SYN, SYN6)),
    ('xt match "recent"', ALL),
    ("tcp dport 443 flow add @f", ()),
    ("udp dport 53 queue to 3", (DNS,)),
    ("tcp dport 443 tproxy to :8443", (SYN, SYN6)),
    ("tcp dport 443 synproxy mss 1460 wscale 7", (SYN, SYN6)),
    ("ip daddr set 10.9.9.9", (SYN, DNS, PING, ESP)),
]
BANNED = "set banned { type ipv4_addr; flags timeout; elements = { 10.9.9.9 timeout 1h }; }"


@pytest.mark.parametrize(("condition", "touched"), UNCERTAIN)
def test_what_is_not_modelled_is_undecided_where_it_matters(condition: str, touched: tuple[str, ...]) -> None:
    """A drop behind such a condition leaves these packets undecided, and passes all others."""
    text = ruleset(f"{condition} drop", BANNED)
    ways = {packet: f"{packet} in eth0 out eth1" for packet in ALL}
    undecided = [packet for packet, way in ways.items() if decided(text, way) is Decided.UNDECIDED]
    assert undecided == list(touched)


STATEMENTS = [  # rule, a packet, what becomes of it
    ("tcp dport 443 continue drop", SYN, Decided.DROP),
    ("tcp dport vmap { 443 : continue, 80 : accept } drop", SYN, Decided.DROP),
    ("tcp dport vmap { 443 : accept, 80 : continue } drop", SYN, Decided.ACCEPT),
    ("tcp dport vmap { 80 : drop, * : accept }", SYN, Decided.ACCEPT),
    ("tcp dport vmap { 80 : accept, * : drop }", SYN, Decided.DROP),
    ("tcp dport vmap { 80 : accept, * : drop }", DNS, Decided.ACCEPT),
    ("ip saddr . tcp dport vmap { 10.1.0.0/16 . 1-500 : drop }", SYN, Decided.DROP),
    ("ct state vmap { invalid : accept, new : drop }", SYN, Decided.DROP),
    ("meta mark set tcp dport map { 80 : 1 } drop", SYN, Decided.ACCEPT),
    ("reject with icmp host-unreachable", SYN, Decided.REJECT),
    ("reject with icmp host-unreachable", SYN6, Decided.ACCEPT),
    ("reject with icmpv6 no-route", SYN, Decided.ACCEPT),
    ("reject with tcp reset", DNS, Decided.ACCEPT),
    ("reject with icmpx type port-unreachable", SYN6, Decided.REJECT),
    ("dup to 10.9.9.9", SYN, Decided.ACCEPT),
    ("accept drop", SYN, Decided.ACCEPT),
    ("tcp dport 443 counter comment \"drop everything\"", SYN, Decided.ACCEPT),
    ("ip saddr 10.1.2.3 frobnicate drop", DNS, Decided.UNDECIDED),
    ("jump c", SYN, Decided.ACCEPT),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "packet", "expected"), STATEMENTS)
def test_a_statement_does_this_to_a_packet(rule: str, packet: str, expected: Decided) -> None:
    """The packet meets the rule, then the policy accepts."""
    assert decided(ruleset(rule), f"{packet} in eth0 out eth1") is expected


@pytest.mark.parametrize("packet", ALL)
def test_a_chain_of_another_family_lets_packets_through(packet: str) -> None:
    """An ip6 chain that drops everything drops IPv6 only."""
    expected = Decided.DROP if "[" in packet else Decided.ACCEPT
    assert decided(ruleset("drop", family="ip6"), packet) is expected


@pytest.mark.parametrize("family", ["bridge", "arp"])
def test_bridge_and_arp_see_no_routed_packet(family: str) -> None:
    """They hold no rule for packets that cross a router."""
    hook = "input" if family == "arp" else "forward"
    text = f"table {family} t {{\n chain c {{\n type filter hook {hook} priority 0; policy drop;\n }}\n}}"
    assert {decided(text, packet) for packet in ALL} == {Decided.ACCEPT}
