"""The names that nft reads and prints for numbers: ICMP, states, priorities. From `nft describe` and nft(8)."""

from collections.abc import Sequence

FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress", "egress")

# nft(8), "CHAINS": standard priority names
PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100, "out": 100}
BRIDGE_PRIORITIES = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
CONNTRACK = -200  # linux/netfilter_ipv4.h, NF_IP_PRI_CONNTRACK: connection tracking of prerouting and output

ICMP_TYPES = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16,
    "address-mask-request": 17, "address-mask-reply": 18,
}  # fmt: skip
ICMP_CODES = {  # nft knows the codes of destination-unreachable only, and uses their names with every type
    "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "frag-needed": 4,
    "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
}  # fmt: skip
ICMPV6_TYPES = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132,
    "mld-listener-reduction": 132, "nd-router-solicit": 133, "nd-router-advert": 134, "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136, "nd-redirect": 137, "router-renumbering": 138, "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142, "mld2-listener-report": 143,
}  # fmt: skip
ICMPV6_CODES = {
    "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5,
    "reject-route": 6,
}  # fmt: skip
CT_STATES = {"invalid": 0x01, "established": 0x02, "related": 0x04, "new": 0x08, "untracked": 0x40}  # bits
CT_DIRECTIONS = {"original": 0, "reply": 1}
TCP_FLAGS = {
    "fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20, "ecn": 0x40, "cwr": 0x80,
}  # fmt: skip
NF_PROTOS = {"ipv4": 2, "ipv6": 10}
ETHER_TYPES = {"ip": 0x0800, "arp": 0x0806, "8021q": 0x8100, "vlan": 0x8100, "8021ad": 0x88A8, "ip6": 0x86DD}


def priority(words: Sequence[str], family: str) -> int | None:
    """The number of a priority such as `filter - 5`; None where it is none."""
    names = BRIDGE_PRIORITIES if family == "bridge" else PRIORITIES
    text = "".join(words).replace("+-", "-").removeprefix("+")
    for sign in ("+", "-"):
        name, found, offset = text.partition(sign)
        if found and name in names and offset.isdecimal():
            return names[name] + int(sign + offset)
    if text in names:
        return names[text]
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 12 else None
