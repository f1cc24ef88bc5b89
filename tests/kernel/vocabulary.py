"""The words of which random rulesets are made."""

INTERFACES = ("lan0", "lan1", "lan10", "wan0", "dmz0", "other0")
IPV4 = (
    "10.1.0.5", "10.1.0.0/24", "10.1.0.0/16", "10.1.0.10-10.1.0.20", "10.2.0.7", "10.2.0.0/25", "192.168.7.0/30",
    "192.168.7.9", "172.16.5.5-172.16.6.1", "8.8.8.8", "0.0.0.0/0", "10.1.0.128/25",
)  # fmt: skip
IPV6 = (
    "fd00:1::5", "fd00:1::/64", "fd00:1::/32", "fd00:1::10-fd00:1::20", "2001:db8:7::9", "2001:db8:7::/126",
    "fd00:2::7", "2001:db8::/32", "fd00:1:0:8000::/52",
)  # fmt: skip
PORTS = (
    "22", "53", "80", "443", "1024-2048", "8080", "65535", "0-1023", "5060-5061", "1433", "80-88",
)  # fmt: skip
PROTOCOLS = (
    "tcp", "udp", "icmp", "icmpv6", "sctp", "gre", "esp", "89", "udplite", "dccp", "vrrp", "igmp", "253", "ipv6", "ah",
)  # fmt: skip
NAMES = (
    '"lan0"', '"lan1"', '"lan*"', '"wan0"', '"lan1*"', '"dmz0"', '"nosuch"', '"w*"',
)  # fmt: skip
ICMP = (
    "echo-request", "echo-reply", "destination-unreachable", "time-exceeded", "redirect", "13",
    "timestamp-reply",
)  # fmt: skip
ICMPV6 = (
    "echo-request", "echo-reply", "packet-too-big", "nd-neighbor-solicit", "nd-router-advert",
    "mld-listener-query", "1", "151",
)  # fmt: skip
ICMP_CODES = (
    "0", "1", "net-unreachable", "host-unreachable", "port-unreachable", "13", "frag-needed",
)  # fmt: skip
ICMPV6_CODES = (
    "no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "0", "3",
)  # fmt: skip
STATES = (
    "new", "established", "related", "invalid", "untracked",
)  # fmt: skip
STATE_TESTS = (
    "new", "established,related", "!= new", "invalid", "{ new, established }", "!= { new, untracked }", "! new",
    "new,untracked", "& (new | invalid) == new", "& (new | untracked) != 0", "> related",
)  # fmt: skip
FLAG_TESTS = (
    "syn", "& (fin | syn | rst | ack) == syn", "syn / fin,syn,rst,ack", "!= syn", "& (syn | ack) == syn",
    "! syn", "== 0x0", "& (fin | syn) == fin | syn", "ack", "{ syn, syn | ack }", "& syn == 0", "fin,rst",
    "& (syn | ack) != syn",
)  # fmt: skip
FAMILY_TESTS = (
    "meta nfproto ipv4", "meta nfproto ipv6", "meta nfproto != ipv4", "meta protocol ip", "meta protocol ip6",
    "meta protocol != ip", "ip version 4", "ip6 version 6", "meta nfproto { ipv4, ipv6 }",
)  # fmt: skip
MASKS = {
    4: (
        "& 255.255.0.255 == 10.1.0.5", "& 255.255.255.252 == 192.168.7.8", "& 0.0.0.1 == 0.0.0.1",
        "& 255.255.0.0 != 10.1.0.0",
    ),
    6: (
        "& ffff:ffff:: == fd00:1::", "& ::1 == ::1", "& ffff:ffff:ffff:ffff:: != fd00:1::",
    ),
}  # fmt: skip
OTHER_TESTS = (
    "ct direction original", "ct status dnat", "ct status ! dnat", "tcp dport & 0xff == 80",
    "udp sport & 1 == 1", "th dport & 0xff00 == 0x100",
    'iif "wan0"', 'oif != "lan0"', 'iif { "dmz0", "lan0" }',
    'meta iifname . meta l4proto { "lan1" . tcp, "lan0" . 17 }',
    "meta l4proto . th dport { tcp . 22, udp . 53-80 }", "ip6 nexthdr tcp",
    "ip protocol . ip saddr { tcp . 10.1.0.0/24, icmp . 10.2.0.7 }", "ether type ip", "meta mark 0x1",
)  # fmt: skip
UNMODELLED = (
    "ip dscp cs0", "ip ttl > 70", "ip length < 100", "ip6 hoplimit 64", "limit rate 100/second", "ct mark 0x0",
    "ct status snat", "meta pkttype host", "fib saddr type local", "meta length > 40", "tcp window 1024",
    "quota over 1 mbytes", "ip frag-off 0", "ct original saddr 10.1.0.5", "ct protocol tcp", "udp length 12",
    "icmp id 1", "ip6 flowlabel 0", "ct helper ftp", "rt ip nexthop 198.18.1.2", "numgen inc mod 2 0",
    "tcp option maxseg exists", "ip hdrlength 5", "sctp vtag 0",
    "ah spi 1", "ah hdrlength 4", "esp spi 1", "exthdr hbh exists", "exthdr dst missing", "dst nexthdr tcp",
)  # fmt: skip
SETTERS = (
    "ip daddr set 10.2.0.7", "tcp dport set 80", "ip6 saddr set fd00:2::7", "udp sport set 53",
    "meta mark set 0x1", "ct mark set 0x7", "meta priority set 1:2",
    "meta mark set tcp dport map { 22 : 0x1, 80-90 : 0x2 }",
    "meta mark set ip saddr map { 10.1.0.0/24 : 0x3, 10.2.0.7 : 0x4 }", "ip dscp set cs1", "ip6 hoplimit set 9",
    "tcp option maxseg size set 1400", "ct mark set meta mark", "ip ttl set 4",
)  # fmt: skip
INERT = (
    "counter", 'log prefix "x: "', 'comment "a # b"', "", "", "", "",
)  # fmt: skip
VERDICTS = ("accept", "accept", "drop", "drop", "reject", "jump", "jump", "goto", "return", "continue", "")
REJECTS = (
    "reject", "reject", "reject with tcp reset", "reject with icmp type host-unreachable",
    "reject with icmpv6 type no-route", "reject with icmpx type admin-prohibited",
    "reject with icmp type port-unreachable",
)  # fmt: skip
PRIORITIES = (
    "0", "0", "0", "filter - 5", "filter + 5", "-150", "10", "50", "-250", "-300", "-200", "-199", "-201",
)  # fmt: skip
INWARD = {  # translation of destinations by IP version; 0: of any
    4: (
        "dnat ip to 10.2.0.7", "meta l4proto tcp dnat ip to 192.168.7.9:8080",
        "tcp dport 80 dnat ip to 10.2.0.7:1433", "dnat ip to tcp dport map { 80 : 10.2.0.7, 443 : 192.168.7.1 }",
        "dnat ip to 192.168.7.1-192.168.7.3", "dnat ip prefix to ip daddr map { 10.1.0.0/24 : 10.2.0.0/24 }",
        "udp dport 53 dnat ip to 10.2.0.7:5060-5061",
        "dnat ip to ip daddr . tcp dport map { 10.1.0.5 . 80 : 10.2.0.7 . 8080, 10.1.0.5 . 443 : 192.168.7.9 . 22 }",
        "dnat ip to ip saddr map { 10.1.0.0/24 : 10.2.0.7, 8.8.8.8 : 192.168.7.9 }",
    ),
    6: (
        "dnat ip6 to fd00:2::7", "tcp dport 80 dnat ip6 to [fd00:2::7]:8080", "dnat ip6 to [2001:db8:7::9]",
    ),
    0: (
        "redirect", "tcp dport 80 redirect to :8080", "udp dport 53 redirect to :5353",
    ),
}  # fmt: skip
OUTWARD = {  # translation of sources
    4: (
        "snat ip to 192.168.7.9", "meta l4proto udp snat ip to 192.168.7.9:1024-2048",
        "snat ip to 10.2.0.7-10.2.0.9", "snat ip prefix to ip saddr map { 10.1.0.0/24 : 10.2.0.0/24 }",
        "tcp sport 1024-2048 snat ip to 10.2.0.7:80-88", "snat ip to ip saddr map { 10.1.0.0/24 : 10.2.0.7 }",
    ),
    6: (
        "snat ip6 to fd00:2::7", "snat ip6 to 2001:db8:7::9",
    ),
    0: (
        "masquerade", "masquerade random", "meta l4proto tcp masquerade to :1024-2048",
    ),
}  # fmt: skip
HEADERS = {  # first word of a selector -> the IP version and protocol that it implies
    "ip": (4, ""), "ip6": (6, ""), "icmp": (4, "icmp"), "icmpv6": (6, "icmpv6"), "tcp": (0, "tcp"), "udp": (0, "udp"),
    "exthdr": (6, ""), "dst": (6, ""), "sctp": (0, "sctp"), "dccp": (0, "dccp"), "udplite": (0, "udplite"),
}  # fmt: skip
TYPES = {  # selector -> type of a set's members
    "ip saddr": "ipv4_addr", "ip daddr": "ipv4_addr", "ip6 saddr": "ipv6_addr", "ip6 daddr": "ipv6_addr",
    "tcp dport": "inet_service", "tcp sport": "inet_service", "udp dport": "inet_service", "udp sport": "inet_service",
    "th dport": "inet_service", "sctp dport": "inet_service", "meta l4proto": "inet_proto", "ip protocol": "inet_proto",
    "ip6 nexthdr": "inet_proto", "iifname": "ifname", "oifname": "ifname", "icmp type": "icmp_type",
    "icmpv6 type": "icmpv6_type", "dccp sport": "inet_service", "udplite dport": "inet_service",
}  # fmt: skip
MEMBERS = {
    "ipv4_addr": IPV4, "ipv6_addr": IPV6, "inet_service": PORTS, "inet_proto": PROTOCOLS, "ifname": NAMES,
    "icmp_type": ICMP, "icmpv6_type": ICMPV6,
}  # fmt: skip
