"""Which constructs of a dialect were judged, and how often: no disagreement about what never occurred says nothing."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.kernel.kernel import Kernel, Ruling

Constructs = Mapping[str, str]  # name -> regular expression that a line with it matches

NFTABLES: Constructs = {
    "hook ingress": r"hook ingress", "hook prerouting": r"type filter hook prerouting",
    "hook forward": r"hook forward", "hook input": r"type filter hook input", "hook output": r"hook output",
    "hook postrouting": r"type filter hook postrouting", "policy drop": r"policy drop",
    "ip saddr, daddr": r"\bip [sd]addr\b", "ip6 saddr, daddr": r"\bip6 [sd]addr\b", "tcp port": r"tcp [sd]port",
    "udp port": r"udp [sd]port", "other port": r"\b(?:th|sctp|dccp|udplite) [sd]port",
    "protocol": r"l4proto|ip protocol|nexthdr", "icmp type, code": r"\bicmp (?:type|code)",
    "icmpv6 type, code": r"\bicmpv6 (?:type|code)", "iifname, oifname": r"[io]ifname", "iif, oif": r"\b[io]if\b",
    "ct state": r"ct state", "ct status dnat": r"ct status", "tcp flags": r"tcp flags",
    "version": r"nfproto|meta protocol|version|ether type",
    "meta mark": r"meta mark (?!set)", "negation": r" !=? ", "order": r" [<>]=? ", "mask": r" & ", "range": r"\w-\w+",
    "list": r"\{", "concatenation": r" \. ", "named set": r" @\w+", "vmap": r" vmap \{", "named vmap": r" vmap @",
    "data map": r" map ", "jump": r"\bjump\b", "goto": r"\bgoto\b", "return": r"\breturn$|\breturn ",
    "accept": r"\baccept\b", "drop": r"(?<!policy )\bdrop\b", "reject": r"\breject\b",
    "reject of one kind": r"\breject with", "set mark": r"mark set",
    "rewrite": r"(?:addr|port|ttl|hoplimit|dscp|size) set ", "notrack": r"\bnotrack",
    "dnat": r"\bdnat (?:ip6? )?(?:to|prefix)",
    "snat": r"\bsnat\b", "dnat, snat of a map": r"[ds]nat .*map", "dnat, snat of a prefix": r"[ds]nat .*prefix",
    "AH": r"l4proto.*\bah\b|\bah (?:spi|hdr)", "extension header": r"\bexthdr\b|\bdst nexthdr",
    "masquerade": r"\bmasquerade\b", "redirect": r"\bredirect\b",
}  # fmt: skip
IPTABLES: Constructs = {
    "policy DROP": r"^:\S+ DROP", "-s, -d": r" -[sd] ", "-s, -d with a scattered mask": r"/\d+\.\d+\.\d+\.\d+",
    "-i, -o": r" -[io] ", "wildcard interface": r" -[io] \S+\+", "-p": r" -p ", "tcp port": r" -m tcp .*--[sd]port",
    "-p ah": r" -p ah", "-m ah": r" -m ah",
    "udp port": r" -m udp .*--[sd]port", "sctp, dccp, udplite port": r" -m (?:sctp|dccp|udplite) ",
    "multiport": r" -m multiport", "multiport of either end": r"--ports ", "iprange": r" -m iprange",
    "set": r" -m set ", "set of two dimensions": r" --match-set \S+ \w+,", "conntrack state": r" --ctstate",
    "conntrack, else": r" --ct(?!state)", "state": r" -m state", "tcp flags": r" --tcp-flags|--syn",
    "icmp type": r" --icmp-type", "icmpv6 type": r" --icmpv6-type", "negation": r" ! ", "addrtype": r" -m addrtype",
    "mark": r" -m mark", "connmark": r" -m connmark", "mac": r" -m mac", "pkttype": r" -m pkttype",
    "owner": r" -m owner", "comment": r" -m comment", "other match": r" -m (?:limit|hashlimit|recent|time|string|"
    r"statistic|policy|physdev|rpfilter|length|ttl|hl|dscp|tos|u32|helper|cpu|esp|ah|connlimit|connbytes|frag|eui64)",
    "no target": r"^-A (?!.* -[jg] )", "-j CHAIN": r" -j (?![A-Z])", "-g": r" -g ", "RETURN": r" -j RETURN",
    "ACCEPT": r" -j ACCEPT", "DROP": r" -j DROP", "REJECT": r" -j REJECT", "REJECT with tcp-reset": r"tcp-reset",
    "LOG, NFLOG": r" -j (?:NF)?LOG", "MARK": r" -j MARK", "CONNMARK": r" -j CONNMARK", "CT --notrack": r"notrack",
    "other target": r" -j (?:TCPMSS|DSCP|TOS|TTL|HL|CLASSIFY|CHECKSUM|AUDIT|SET|ECN)", "DNAT": r" -j DNAT",
    "SNAT": r" -j SNAT", "MASQUERADE": r" -j MASQUERADE", "REDIRECT": r" -j REDIRECT", "NETMAP": r" -j NETMAP",
    "--random, --persistent": r" --random| --persistent",
}  # fmt: skip
CONSTRUCTS = {"nftables": NFTABLES, "iptables": IPTABLES, "iptables-legacy": IPTABLES}
_RULES = re.compile(r"^(?:\t\t(?!type |elements |flags |\t|auto-merge|typeof )|\t\ttype \w+ hook |-A |:)")


@dataclass(slots=True)
class Coverage:
    """How often each construct of a dialect stood in a line, and how often such a line mattered."""

    constructs: Constructs
    lines: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)  # packets
    decided: Counter[str] = field(default_factory=Counter)  # packets
    _now: list[tuple[str, ...]] = field(default_factory=list)  # constructs of each line of the present listing

    def see(self, kernel: Kernel) -> None:
        """Look at the ruleset that is loaded."""
        self._now = [()] + [tuple(self._in(line)) for line in kernel.loaded.listing.splitlines()]
        self.lines.update(name for names in self._now for name in names)

    def agree(self, ruling: Ruling) -> None:
        """Count a packet about which Portwright agrees with the kernel."""
        self.decided.update({name for line in ruling.via for name in self._now[line]})
        self.matched.update({name for line in (*ruling.matched, *ruling.via) for name in self._now[line]})

    def add(self, other: "Coverage") -> None:
        """Count what another one has counted."""
        self.lines += other.lines
        self.matched += other.matched
        self.decided += other.decided

    def _in(self, line: str) -> list[str]:
        if not _RULES.match(line):
            return []
        return [name for name, pattern in self.constructs.items() if re.search(pattern, line)]

    def __str__(self) -> str:
        rows = [f"{'construct':28}{'lines':>10}{'matched':>10}{'decided':>10}"]
        rows += [
            f"{name:28}{self.lines[name]:10}{self.matched[name]:10}{self.decided[name]:10}" for name in self.constructs
        ]
        return "\n".join(rows)
