"""Random rulesets over all that the reader models, as text for `nft -f`.

A draw may be wrong in ways that only nft knows; `tests.kernel.judge` leaves out the lines that nft refuses.
"""

from collections.abc import Callable
from random import Random

INTERFACES = ("lan0", "lan1", "lan10", "wan0", "dmz0", "other0")
V4 = ("10.1.0.5", "10.1.0.0/24", "10.1.0.0/16", "10.1.0.10-10.1.0.20", "10.2.0.7", "10.2.0.0/25", "192.168.7.0/30",
      "192.168.7.9", "172.16.5.5-172.16.6.1", "8.8.8.8", "0.0.0.0/0", "10.1.0.128/25")  # fmt: skip
V6 = ("fd00:1::5", "fd00:1::/64", "fd00:1::/32", "fd00:1::10-fd00:1::20", "2001:db8:7::9", "2001:db8:7::/126", "fd00:2::7",
      "2001:db8::/32", "fd00:1:0:8000::/52")  # fmt: skip
PORTS = ("22", "53", "80", "443", "1024-2048", "8080", "65535", "0-1023", "5060-5061", "1433", "80-88")
_MASKS = {
    4: ("& 255.255.0.255 == 10.1.0.5", "& 255.255.255.252 == 192.168.7.8", "& 0.0.0.1 == 0.0.0.1", "& 255.255.0.0 != 10.1.0.0"),
    6: ("& ffff:ffff:: == fd00:1::", "& ::1 == ::1", "& ffff:ffff:ffff:ffff:: != fd00:1::"),
}
_L4 = ("tcp", "udp", "icmp", "icmpv6", "sctp", "gre", "esp", "89", "udplite", "dccp", "vrrp", "igmp", "253", "ipv6")
_ICMP = ("echo-request", "echo-reply", "destination-unreachable", "time-exceeded", "redirect", "13", "timestamp-reply")
_ICMPV6 = ("echo-request", "echo-reply", "packet-too-big", "nd-neighbor-solicit", "nd-router-advert", "mld-listener-query", "1", "151")
_ICMP_CODES = ("0", "1", "net-unreachable", "host-unreachable", "port-unreachable", "13", "frag-needed")
_ICMPV6_CODES = ("no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "0", "3")
_STATES = ("new", "established", "related", "invalid", "untracked")
_STATE_TESTS = ("new", "established,related", "!= new", "invalid", "{ new, established }", "!= { new, untracked }", "! new",
                "new,untracked", "& (new | invalid) == new", "& (new | untracked) != 0", "> related")  # fmt: skip
_FLAG_TESTS = ("syn", "& (fin | syn | rst | ack) == syn", "syn / fin,syn,rst,ack", "!= syn", "& (syn | ack) == syn", "! syn", "== 0x0",
               "& (fin | syn) == fin | syn", "ack", "{ syn, syn | ack }", "& syn == 0", "fin,rst", "& (syn | ack) != syn")  # fmt: skip
_FAMILY_TESTS = ("meta nfproto ipv4", "meta nfproto ipv6", "meta nfproto != ipv4", "meta protocol ip", "meta protocol ip6",
                 "meta protocol != ip", "ip version 4", "ip6 version 6", "meta nfproto { ipv4, ipv6 }")  # fmt: skip
_SETTERS = ("meta mark set 0x1", "ct mark set 0x7", "meta priority set 1:2", "meta mark set tcp dport map { 22 : 0x1, 80-90 : 0x2 }",
            "meta mark set ip saddr map { 10.1.0.0/24 : 0x3, 10.2.0.7 : 0x4 }", "ip dscp set cs1", "ip6 hoplimit set 9",
            "tcp option maxseg size set 1400", "ct mark set meta mark", "ip ttl set 4")  # fmt: skip
_INERT = ("counter", 'log prefix "x: "', 'comment "a # b"', "", "", "", "")
_REJECTS = ("reject", "reject", "reject with tcp reset", "reject with icmp type host-unreachable", "reject with icmpv6 type no-route",
            "reject with icmpx type admin-prohibited", "reject with icmp type port-unreachable")  # fmt: skip
_PRIORITIES = ("0", "0", "0", "filter - 5", "filter + 5", "-150", "10", "50", "-250", "-300", "-200", "-199", "-201")
_HOOKS_BEFORE = {"forward": ("prerouting",), "input": ("prerouting",), "output": ()}
_HOOKS_AFTER = {"forward": ("postrouting",), "input": (), "output": ("postrouting",)}


_MURKY = ("ip dscp cs0", "ip ttl > 70", "ip length < 100", "ip6 hoplimit 64", "limit rate 100/second", "ct mark 0x0", "ct status dnat",
          "meta pkttype host", "fib saddr type local", "meta length > 40", "tcp window 1024", "quota over 1 mbytes", "ip frag-off 0",
          "ct original saddr 10.1.0.5", "ct protocol tcp", "udp length 12", "icmp id 1", "ip6 flowlabel 0", "ct helper ftp",
          "rt ip nexthop 198.18.1.2", "numgen inc mod 2 0", "tcp option maxseg exists", "ip hdrlength 5", "sctp vtag 0")  # fmt: skip


class Generator:
    """Draws rulesets for one hook."""

    def __init__(self, random: Random, hook: str, path: bool):
        self._random = random
        self._hook = hook
        self._path = path
        self._pick = random.choice
        self._family = "inet"
        self._at = hook  # the hook of the chain being drawn
        self._version = 4
        self._protocol = "tcp"
        self._maps: dict[str, list[str]] = {}
        self._may_use_maps = True  # verdict maps that are named jump to the last chains
        self._sets: dict[str, list[str]] = {}
        self._chains: list[str] = []  # that a rule may jump to

    def ruleset(self) -> str:
        """The text of a few tables."""
        families = [self._pick(("inet", "inet", "ip", "ip6")) for _ in range(self._pick((1, 1, 2, 2, 3)))]
        return "".join(self._table(family, f"t{number}") for number, family in enumerate(families))

    def _chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def _some(self, choices: tuple[str, ...], most: int = 4) -> list[str]:
        return self._random.sample(choices, self._random.randint(1, min(most, len(choices))))

    # Objects

    def _table(self, family: str, name: str) -> str:
        self._family = family
        self._sets = {}
        self._choose_headers()
        items = [self._set(f"s{number}") for number in range(self._random.randrange(5))]
        regular = [f"c{number}" for number in range(self._pick((0, 1, 2, 3, 3, 5)))]
        self._chains = regular[-2:]
        self._maps = {}
        if not self._path:
            items += [self._map(f"m{number}") for number in range(self._random.randrange(3))]
        hooks = self._hooks()
        blocks = []
        for number, chain in enumerate(regular):
            self._chains, self._at = regular[number + 1 :], self._hook
            self._may_use_maps = number < len(regular) - 2
            blocks.append(self._chain(chain, "", ""))
        self._chains, self._may_use_maps = regular, True
        for number, hook in enumerate(hooks):
            self._at = hook
            blocks.append(self._chain(f"{hook}{number}", *self._base(hook)))
        if self._path and self._chance(50):
            blocks += self._nat_chains()
        self._random.shuffle(blocks)
        return f"table {family} {name} {{\n" + "".join(items + blocks) + "}\n"

    def _hooks(self) -> list[str]:
        found = [self._hook] * self._pick((1, 1, 1, 2, 2, 3))
        before, after = _HOOKS_BEFORE[self._hook], _HOOKS_AFTER[self._hook]
        if self._path:
            found += [hook for hook in (*before, *after) if self._chance(40)]
        return found

    def _base(self, hook: str) -> tuple[str, str]:
        priority = self._pick(_PRIORITIES)
        if not self._path and hook == "output" and priority in ("-250", "-300", "-200", "-199", "-201"):
            priority = "0"
        return f"type filter hook {hook} priority {priority};", f"policy {self._pick(('accept', 'accept', 'drop'))};"

    def _chain(self, name: str, declaration: str, policy: str) -> str:
        rules = [self._rule() for _ in range(self._random.randint(1, 7))]
        return self._block(name, [f"{declaration} {policy}".strip(), *rules])

    def _block(self, name: str, lines: list[str]) -> str:
        return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines if line) + "\t}\n"

    def _set(self, name: str) -> str:
        self._choose_headers()
        types = self._types(self._random.choice((1, 1, 2, 2, 3)))
        self._sets[name] = types
        elements = [" . ".join(self._element(kind) for kind in types) for _ in range(self._random.randint(0, 6))]
        listed = f"\t\telements = {{ {', '.join(elements)} }}\n" if elements else ""
        kinds = " . ".join(_TYPES[kind] for kind in types)
        return f"\tset {name} {{\n\t\ttype {kinds}\n\t\tflags interval\n\t\tauto-merge\n{listed}\t}}\n"

    def _map(self, name: str) -> str:
        """A named verdict map."""
        self._choose_headers()
        types = self._types(self._pick((1, 1, 2)))
        self._maps[name] = types
        keys = [" . ".join(self._element(kind) for kind in types) for _ in range(self._random.randint(1, 5))]
        elements = ", ".join(f"{key} : {self._plain_verdict()}" for key in dict.fromkeys(keys))
        kinds = " . ".join(_TYPES[kind] for kind in types)
        flags = self._pick(("\t\tflags interval\n", "\t\tflags interval\n", ""))
        return f"\tmap {name} {{\n\t\ttype {kinds} : verdict\n{flags}\t\telements = {{ {elements} }}\n\t}}\n"

    def _types(self, count: int) -> list[str]:
        choices = [selector for selector in _TYPES if self._fits(selector)]
        return self._random.sample(choices, count)

    def _fits(self, selector: str) -> bool:
        """Whether nft would take the selector beside the others of the rule: one IP version, one protocol."""
        if selector == "oifname" and self._at == "prerouting":
            return self._chance(10)
        header = selector.split(" ")[0]
        version, protocol = _HEADERS.get(header, (0, ""))
        return version in (0, self._version) and protocol in ("", self._protocol)

    def _choose_headers(self) -> None:
        version = {"ip": 4, "ip6": 6}.get(self._family, self._pick((4, 4, 6)))
        self._version = version
        self._protocol = self._pick(("tcp", "tcp", "tcp", "udp", "udp", "sctp", "dccp", "udplite", "icmp", "icmp"))
        if self._protocol == "icmp" and version == 6:
            self._protocol = "icmpv6"

    def _element(self, selector: str) -> str:
        return self._pick(_VALUES[selector])

    # Rules

    def _rule(self) -> str:
        self._choose_headers()
        words = [self._condition() for _ in range(self._pick((0, 1, 1, 1, 2, 2, 3)))]
        if self._chance(10):
            words.append(self._pick(_SETTERS))
        if self._chance(6):
            murky = self._pick(_MURKY)
            words.append(murky if self._fits(murky) else "meta mark 0x1")
        if self._path and self._at in ("prerouting", "output") and self._chance(5):
            words.append("notrack")
        inert = self._pick(_INERT)
        verdict = self._vmap() if self._chance(15) else self._verdict()
        if " vmap " in verdict and self._chance(15):
            verdict += f" {self._pick(('accept', 'drop', 'counter'))}"
        comment = inert if inert.startswith("comment") else ""
        return " ".join(word for word in (*words, "" if comment else inert, verdict, comment) if word) or "counter"

    def _verdict(self) -> str:
        kind = self._pick(("accept", "accept", "drop", "drop", "reject", "jump", "jump", "goto", "return", "continue", ""))
        if kind in ("jump", "goto"):
            return f"{kind} {self._pick(self._chains)}" if self._chains else "accept"
        if kind == "reject":
            return self._pick(_REJECTS) if self._at not in ("prerouting", "postrouting") else "drop"
        return kind

    def _plain_verdict(self) -> str:
        choices = ["accept", "drop", "drop", "continue", "return", *(f"jump {c}" for c in self._chains), *(f"goto {c}" for c in self._chains)]
        return self._pick(choices)

    def _condition(self) -> str:
        draws: list[Callable[[], str]] = [
            self._plain, self._plain, self._plain, self._plain, self._listed, self._listed, self._concat, self._named, self._named,
            self._masked, self._icmp, self._ordered, self._other, self._other,
        ]  # fmt: skip
        return self._pick(draws)()

    def _selector(self) -> str:
        return self._pick([selector for selector in _TYPES if self._fits(selector)])

    def _plain(self) -> str:
        selector = self._selector()
        return f"{selector} {self._pick(('', '', '!= '))}{self._element(selector)}"

    def _listed(self) -> str:
        selector = self._selector()
        return f"{selector} {self._pick(('', '', '!= '))}{{ {', '.join(self._some(_VALUES[selector]))} }}"

    def _concat(self) -> str:
        types = self._types(self._pick((2, 2, 3)))
        elements = [" . ".join(self._element(kind) for kind in types) for _ in range(self._random.randint(1, 5))]
        return f"{' . '.join(types)} {self._pick(('', '', '!= '))}{{ {', '.join(elements)} }}"

    def _named(self) -> str:
        fitting = [name for name, types in self._sets.items() if all(map(self._fits, types))]
        if not fitting:
            return self._plain()
        name = self._pick(fitting)
        return f"{' . '.join(self._sets[name])} {self._pick(('', '', '!= '))}@{name}"

    def _masked(self) -> str:
        header = "ip" if self._version == 4 else "ip6"
        return f"{header} {self._pick(('saddr', 'daddr'))} {self._pick(_MASKS[self._version])}"

    def _icmp(self) -> str:
        if self._protocol not in ("icmp", "icmpv6"):
            return self._plain()
        name = self._protocol
        types, codes = (_ICMP, _ICMP_CODES) if name == "icmp" else (_ICMPV6, _ICMPV6_CODES)
        kind, code = self._pick(types), self._pick(codes)
        return self._pick((f"{name} type {kind}", f"{name} code {code}", f"{name} type {kind} {name} code {code}",
                           f"{name} type . {name} code {{ 3 . 1, 8 . 0, 128 . 0-1, {kind} . 2-4 }}", f"{name} code != {{ {code}, 7-9 }}",
                           f"{name} type != {{ {', '.join(self._some(types))} }}", f"{name} type > {kind}"))  # fmt: skip

    def _ordered(self) -> str:
        choices = ("tcp dport", "udp sport", "th dport", "ip daddr", "ip6 saddr", "meta l4proto", "ip protocol")
        selector = self._pick([choice for choice in choices if self._fits(choice)])
        value = self._pick([value for value in _VALUES[selector] if "-" not in value and "/" not in value])
        return f"{selector} {self._pick(('<', '>', '<=', '>='))} {value}"

    def _other(self) -> str:
        iface = self._pick(INTERFACES)
        drawn = self._pick((
            f"ct state {self._pick(_STATE_TESTS)}", f"ct state {self._pick(_STATE_TESTS)}", f"tcp flags {self._pick(_FLAG_TESTS)}",
            self._pick(_FAMILY_TESTS), f'iif "{iface}"', f'oif != "{iface}"', f'iif {{ "{iface}", "lan0" }}',
            "ct direction original", "tcp dport & 0xff == 80", "udp sport & 1 == 1", "th dport & 0xff00 == 0x100",
            f'meta iifname . meta l4proto {{ "{iface}" . tcp, "lan0" . 17 }}', "meta l4proto . th dport { tcp . 22, udp . 53-80 }",
            "ip6 nexthdr tcp", "ip protocol . ip saddr { tcp . 10.1.0.0/24, icmp . 10.2.0.7 }", "ether type ip", "meta mark 0x1",
        ))  # fmt: skip
        return drawn if self._fits(drawn) else self._plain()

    def _vmap(self) -> str:
        kind = self._random.randrange(6)
        fitting = [name for name, types in self._maps.items() if all(map(self._fits, types))]
        if fitting and self._may_use_maps and self._chance(50):
            name = self._pick(fitting)
            return f"{' . '.join(self._maps[name])} vmap @{name}"
        if kind == 0:
            states = self._some(_STATES)
            return f"ct state vmap {{ {', '.join(f'{state} : {self._plain_verdict()}' for state in states)} }}"
        if kind == 1:
            types = self._types(2)
            keys = [" . ".join(self._element(one) for one in types) for _ in range(self._random.randint(1, 4))]
            return f"{' . '.join(types)} vmap {{ {', '.join(f'{key} : {self._plain_verdict()}' for key in dict.fromkeys(keys))} }}"
        selector = self._selector()
        keys = self._some(_VALUES[selector])
        if self._chance(25) and "name" not in selector:
            keys.append("*")
        return f"{selector} vmap {{ {', '.join(f'{key} : {self._plain_verdict()}' for key in keys)} }}"

    # Translation

    def _nat_chains(self) -> list[str]:
        found = []
        if self._hook != "output":
            found.append(self._nat("to_inside", "type nat hook prerouting priority dstnat;", self._dnat))
        elif self._chance(50):
            found.append(self._nat("to_inside", "type nat hook output priority -100;", self._dnat))
        if self._hook != "input":
            found.append(self._nat("to_outside", "type nat hook postrouting priority srcnat;", self._snat))
        elif self._chance(50):
            found.append(self._nat("to_outside", "type nat hook input priority 100;", self._snat))
        return found

    def _nat(self, name: str, declaration: str, draw: Callable[[], str]) -> str:
        self._at = "prerouting" if name == "to_inside" else "postrouting"
        rules = []
        for _ in range(self._random.randint(1, 4)):
            self._choose_headers()
            conditions = [self._condition() for _ in range(self._pick((0, 1, 1, 2)))]
            rules.append(" ".join([*conditions, draw() if self._chance(80) else self._pick(("accept", "return", "drop"))]))
        return self._block(name, [f"{declaration} {self._pick(('', '', '', 'policy drop;'))}", *rules])

    def _dnat(self) -> str:
        inet = self._family == "inet"
        four = "ip " if inet else ""
        six = "ip6 " if inet else ""
        v4 = (f"dnat {four}to 10.2.0.7", f"meta l4proto tcp dnat {four}to 192.168.7.9:8080", f"tcp dport 80 dnat {four}to 10.2.0.7:1433",
              f"dnat {four}to tcp dport map {{ 80 : 10.2.0.7, 443 : 192.168.7.1 }}", f"dnat {four}to 192.168.7.1-192.168.7.3",
              f"dnat {four}prefix to ip daddr map {{ 10.1.0.0/24 : 10.2.0.0/24 }}", f"udp dport 53 dnat {four}to 10.2.0.7:5060-5061",
              f"dnat {four}to ip daddr . tcp dport map {{ 10.1.0.5 . 80 : 10.2.0.7 . 8080, 10.1.0.5 . 443 : 192.168.7.9 . 22 }}",
              f"dnat {four}to ip saddr map {{ 10.1.0.0/24 : 10.2.0.7, 8.8.8.8 : 192.168.7.9 }}")  # fmt: skip
        v6 = (f"dnat {six}to fd00:2::7", f"tcp dport 80 dnat {six}to [fd00:2::7]:8080", f"dnat {six}to [2001:db8:7::9]")
        both = ("redirect", "tcp dport 80 redirect to :8080", "udp dport 53 redirect to :5353")
        return self._of_family(v4, v6, both)

    def _snat(self) -> str:
        inet = self._family == "inet"
        four = "ip " if inet else ""
        six = "ip6 " if inet else ""
        v4 = (f"snat {four}to 192.168.7.9", f"meta l4proto udp snat {four}to 192.168.7.9:1024-2048", f"snat {four}to 10.2.0.7-10.2.0.9",
              f"snat {four}prefix to ip saddr map {{ 10.1.0.0/24 : 10.2.0.0/24 }}", f"tcp sport 1024-2048 snat {four}to 10.2.0.7:80-88",
              f"snat {four}to ip saddr map {{ 10.1.0.0/24 : 10.2.0.7 }}")  # fmt: skip
        v6 = (f"snat {six}to fd00:2::7", f"snat {six}to 2001:db8:7::9")
        both = ("masquerade", "masquerade random", "meta l4proto tcp masquerade to :1024-2048") if self._hook != "input" else ()
        return self._of_family(v4, v6, both)

    def _of_family(self, v4: tuple[str, ...], v6: tuple[str, ...], both: tuple[str, ...]) -> str:
        return self._pick({"ip": v4 + both, "ip6": v6 + both}.get(self._family, v4 + v6 + both))


_HEADERS = {
    "ip": (4, ""), "ip6": (6, ""), "icmp": (4, "icmp"), "icmpv6": (6, "icmpv6"), "tcp": (0, "tcp"), "udp": (0, "udp"),
    "sctp": (0, "sctp"), "dccp": (0, "dccp"), "udplite": (0, "udplite"),
}  # fmt: skip
_TYPES = {
    "ip saddr": "ipv4_addr", "ip daddr": "ipv4_addr", "ip6 saddr": "ipv6_addr", "ip6 daddr": "ipv6_addr",
    "tcp dport": "inet_service", "tcp sport": "inet_service", "udp dport": "inet_service", "udp sport": "inet_service",
    "th dport": "inet_service", "sctp dport": "inet_service", "meta l4proto": "inet_proto", "ip protocol": "inet_proto",
    "ip6 nexthdr": "inet_proto", "iifname": "ifname", "oifname": "ifname", "icmp type": "icmp_type",
    "icmpv6 type": "icmpv6_type", "dccp sport": "inet_service", "udplite dport": "inet_service",
}  # fmt: skip
_IFNAMES = ('"lan0"', '"lan1"', '"lan*"', '"wan0"', '"lan1*"', '"dmz0"', '"nosuch"', '"w*"')
_VALUES: dict[str, tuple[str, ...]] = {
    selector: {"ipv4_addr": V4, "ipv6_addr": V6, "inet_service": PORTS, "inet_proto": _L4, "ifname": _IFNAMES, "icmp_type": _ICMP,
               "icmpv6_type": _ICMPV6}[kind]
    for selector, kind in _TYPES.items()
}  # fmt: skip
