"""The words of which random rulesets of iptables are made."""

from collections.abc import Iterable

ADDRESSES = {
    4: (
        "10.1.0.5/32", "10.1.0.0/24", "10.1.0.0/16", "10.2.0.7/32", "10.2.0.0/25", "192.168.7.0/30", "192.168.7.9/32",
        "8.8.8.8/32", "10.1.0.128/25", "10.1.0.5/255.255.0.255", "0.0.0.1/0.0.0.1", "10.0.0.7/255.0.255.255",
    ),
    6: (
        "fd00:1::5/128", "fd00:1::/64", "fd00:1::/32", "2001:db8:7::9/128", "2001:db8:7::/126", "fd00:2::7/128",
        "2001:db8::/32", "fd00:1:0:8000::/52", "fd00:1::5/ffff:ffff::ffff",
    ),
}  # fmt: skip
RANGES = {
    4: ("10.1.0.10-10.1.0.20", "172.16.5.5-172.16.6.1", "10.2.0.7-10.2.0.7", "10.0.0.0-10.1.255.255"),
    6: ("fd00:1::10-fd00:1::20", "2001:db8:7::-2001:db8:7::ffff"),
}
SETS = {  # type -> its IP version, the directions of its dimensions, members to choose from
    "hash:ip": (4, 1, ("10.1.0.5", "10.2.0.7", "192.168.7.9", "10.1.0.16/30")),
    "hash:net": (4, 1, ("10.1.0.0/24", "10.2.0.0/25", "8.8.8.8", "10.1.0.64/26 nomatch", "192.168.0.0/16")),
    "hash:ip,port": (4, 2, ("10.1.0.5,tcp:22", "10.2.0.7,udp:53", "10.2.0.7,tcp:80-82", "8.8.8.8,icmp:echo-request")),
    "hash:net,port": (4, 2, ("10.1.0.0/24,tcp:443", "10.2.0.0/25,udp:53", "10.0.0.0/8,22", "8.8.8.8,sctp:80")),
    "hash:net,iface": (4, 2, ("10.1.0.0/16,lan0", "10.2.0.0/25,wan0", "0.0.0.0/0,dmz0")),
    "bitmap:ip": (4, 1, ("10.1.0.5", "10.1.0.10-10.1.0.20", "10.1.0.128/25")),
    "bitmap:port": (4, 1, ("22", "80-88", "443", "1024")),
    "hash:ip6": (6, 1, ("fd00:1::5", "fd00:2::7", "2001:db8:7::9")),
    "hash:net6": (6, 1, ("fd00:1::/64", "2001:db8:7::/126", "fd00:1:0:8000::/52 nomatch", "fd00::/16")),
    "hash:ip,port6": (6, 2, ("fd00:1::5,tcp:22", "fd00:2::7,udp:53", "2001:db8:7::9,tcp:1024-1026")),
}
SET_OPTIONS = {"bitmap:ip": "range 10.1.0.0-10.1.255.255", "bitmap:port": "range 0-2048"}
PORTS = ("22", "53", "80", "443", "1024:2048", "8080", "65535", "0:1023", "5060:5061", "1433", "80:88")
MULTIPORTS = ("22,80,443", "1024:2048", "53", "80:88,443,8080:8081", "1,65535", "22,53,1433,5060:5061", "0:21,1433")
PROTOCOLS = {
    4: ("tcp", "udp", "icmp", "sctp", "gre", "esp", "ospf", "udplite", "dccp", "igmp", "253", "ah"),
    6: ("tcp", "udp", "ipv6-icmp", "sctp", "gre", "esp", "ospf", "udplite", "dccp", "253", "ah", "ah"),
}
WITH_PORTS = ("tcp", "tcp", "tcp", "udp", "udp", "sctp", "dccp", "udplite")
INTERFACES = ("lan0", "lan1", "lan+", "wan0", "lan1+", "dmz0", "nosuch", "w+", "+")
ICMP = ("8", "0", "3", "3/3", "3/1", "11", "5", "13", "any", "8/0", "255")
ICMPV6 = ("128", "129", "1", "1/3", "2", "135", "134", "130", "128/0", "4/1")
STATES = (
    "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "RELATED,ESTABLISHED", "NEW,RELATED", "INVALID,NEW",
    "NEW,UNTRACKED", "DNAT", "NEW,SNAT", "INVALID,RELATED,ESTABLISHED",
)  # fmt: skip
OLD_STATES = STATES[:9]
FLAGS = (
    "--syn", "--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags SYN SYN", "--tcp-flags SYN,ACK SYN,ACK",
    "--tcp-flags SYN,ACK SYN", "--tcp-flags FIN,SYN FIN,SYN", "--tcp-flags ALL NONE", "--tcp-flags ACK ACK",
    "--tcp-flags RST RST", "--tcp-flags ALL SYN", "--tcp-flags SYN,RST NONE",
)  # fmt: skip
COMMENTS = ("one", '"say \\"no\\""', '"-j DROP"', '"# 1"')
MARKS = ("0x1", "0x0", "0x1/0xff", "0x2", "0x10/0xf0", "0x0/0xff")
TCP_ELSE = ("tcp --tcp-option 8", "tcpmss --mss 500:1500", "tcp --tcp-option 2")
OTHERS = (
    "limit --limit 10/sec", "hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name h",
    "statistic --mode nth --every 2 --packet 0", "length --length 40:100", "time --timestart 01:00 --timestop 23:00",
    "string --string dumb --algo bm", "recent --rcheck --name x --rsource", "policy --dir in --pol none",
    "physdev --physdev-in lan0", "connbytes --connbytes 0:100 --connbytes-mode bytes --connbytes-dir both",
    "conntrack --ctdir ORIGINAL", "conntrack --ctproto 6", "conntrack --ctstatus NONE",
    "conntrack --ctstatus CONFIRMED",
    "helper --helper ftp", "u32 --u32 0&0=0", "dscp --dscp 0x00", "cpu --cpu 0", "connlimit --connlimit-above 5",
    "pkttype --pkt-type unicast", "addrtype --dst-type LOCAL",
    "addrtype --src-type LOCAL", "addrtype --dst-type BROADCAST", "addrtype --dst-type UNICAST",
    "connmark --mark 0x0", "tos --tos 0x04/0xff", "conntrack --ctorigdstport 80",
)  # fmt: skip
OTHERS_OF = {
    4: ("ttl --ttl-gt 60", "realm --realm 1", "conntrack --ctorigsrc 10.1.0.0/16", "ecn --ecn-ip-ect 0"),
    6: (
        "hl --hl-gt 60",
        "eui64",
        "conntrack --ctorigdst fd00:1::/32",
        "frag --fragid 0",
        "ah",
        "ah",
        "ah --ahspi 0:9",
        "ipv6header --header ah --soft",
        "hbh",
        "dst",
    ),
}
_ARRIVING = ("mac --mac-source 02:00:00:00:00:02", "mac ! --mac-source 02:00:00:00:00:02")
_SENDING = ("owner --uid-owner 0", "owner --uid-owner 1000-2000", "owner --gid-owner 0", "owner --socket-exists")
OTHERS_AT = {  # base chain -> what only makes sense there
    "PREROUTING": (*_ARRIVING, "socket --transparent", "rpfilter", "rpfilter --invert"),
    "INPUT": (*_ARRIVING, "socket --transparent"), "FORWARD": _ARRIVING, "OUTPUT": _SENDING, "POSTROUTING": _SENDING,
}  # fmt: skip
GOING_ON = (  # targets after which the packet goes on with the next rule
    'LOG --log-prefix "a b: "', "NFLOG --nflog-group 5", "LOG --log-level 7", "AUDIT --type accept",
)  # fmt: skip
MANGLING = (
    "MARK --set-xmark 0x1/0xffffffff", "MARK --set-xmark 0x2/0xff", "CONNMARK --save-mark", "CONNMARK --restore-mark",
    "CONNMARK --set-xmark 0x7/0xffffffff", "DSCP --set-dscp 0x08", "CHECKSUM --checksum-fill",
    "TOS --set-tos 0x10/0x3f",
)  # fmt: skip
MANGLING_TCP = ("ECN --ecn-tcp-remove",)
CLASSIFYING = ("CLASSIFY --set-class 0001:0002",)
MANGLING_OF = {4: ("TTL --ttl-set 64",), 6: ("HL --hl-set 64",)}
REJECTS = {
    4: ("icmp-port-unreachable", "icmp-host-prohibited", "icmp-net-unreachable", "icmp-admin-prohibited"),
    6: ("icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-no-route"),
}
INWARD = {  # translation of destinations; those with ports need a protocol that has some
    4: ("DNAT --to-destination 10.2.0.7", "DNAT --to-destination 192.168.7.1-192.168.7.3", "NETMAP --to 10.2.0.0/24",
        "DNAT --to-destination 10.2.0.7 --random", "REDIRECT"),
    6: ("DNAT --to-destination fd00:2::7", "DNAT --to-destination 2001:db8:7::1-2001:db8:7::3", "REDIRECT",
        "NETMAP --to fd00:2::/64"),
}  # fmt: skip
INWARD_PORTS = {
    4: ("DNAT --to-destination 10.2.0.7:8080", "DNAT --to-destination 10.2.0.7:5060-5061", "REDIRECT --to-ports 8080",
        "DNAT --to-destination :8443", "REDIRECT --to-ports 1024-2048"),
    6: ("DNAT --to-destination [fd00:2::7]:8080", "REDIRECT --to-ports 8080",
        "DNAT --to-destination [fd00:2::7]:80-82"),
}  # fmt: skip
OUTWARD = {
    4: ("SNAT --to-source 192.168.7.9", "SNAT --to-source 10.2.0.7-10.2.0.9", "NETMAP --to 10.9.0.0/16", "MASQUERADE",
        "SNAT --to-source 192.168.7.9 --persistent", "MASQUERADE --random"),
    6: ("SNAT --to-source fd00:2::7", "MASQUERADE", "SNAT --to-source 2001:db8:7::9 --random-fully"),
}  # fmt: skip
OUTWARD_PORTS = {
    4: ("SNAT --to-source 192.168.7.9:1024-2048", "MASQUERADE --to-ports 1024-2048", "SNAT --to-source :80-88"),
    6: ("SNAT --to-source [fd00:2::7]:1024-2048", "MASQUERADE --to-ports 5000-6000"),
}


def set_text(name: str, kind: str, members: Iterable[str]) -> str:
    """What makes a set of a kind with these members."""
    family = "inet" if SETS[kind][0] == 4 else "inet6"
    options = SET_OPTIONS.get(kind) or f"family {family} hashsize 1024 maxelem 65536"
    return f"create {name} {kind.removesuffix('6')} {options}\n" + "".join(f"add {name} {one}\n" for one in members)
