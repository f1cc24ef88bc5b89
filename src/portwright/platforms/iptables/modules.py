"""The matches of iptables (`-m NAME`), in one table: how they are modelled, or why they are not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portwright.packets.box import ALWAYS, EVERYTHING, NEVER, Boxes, Doubt, Match
from portwright.packets.fields import AH, ICMP, ICMPV6, PORT_PROTOCOLS, State
from portwright.platforms.iptables import addresses, matches, negations, sets, states
from portwright.platforms.iptables.scene import TRACKED, Reader, Scene
from portwright.platforms.iptables.syntax import Extension, Option
from portwright.platforms.netfilter.matching import Obscure, both, box

RATE = "a rate limit: whether it is exceeded depends on the traffic"
_NUMBER = "how many there are depends on the traffic"
_SEEN = "which addresses were seen before depends on the traffic"
_MARK = "Portwright does not follow marks"
_HEADER = "no header field that Portwright models"
_CONNECTION = "Portwright does not model this property of a connection"
_LINK = "it depends on how the packet came over the link"
_ROUTES = "it depends on the routing table"
_SENDER = "it depends on the program that sends or receives"
_PROGRAM = "a program that looks at the packet's bytes"

Joint = Callable[[Extension, Scene], Match]  # raises Obscure


@dataclass(frozen=True, slots=True)
class Module:
    """What an extension takes: each option on its own, all together, or nobody can tell."""

    says: str = ""  # for people: what is modelled
    reason: str = ""  # why it is not modelled
    base: Boxes = (EVERYTHING,)  # packets that it can take at all
    readers: Mapping[str, Reader] = field(default_factory=dict)  # by option; each narrows what it takes
    joint: Joint | None = None
    options: tuple[str, ...] = ()  # that it has, as far as known here
    drops: Boxes = ()  # packets that it may itself drop, whatever the target: linux/netfilter/x_tables.h, hotdrop

    def match(self, extension: Extension, scene: Scene) -> Match:
        """The packets that it takes with these options."""
        if self.reason:
            return Match.doubtful(Doubt(self.reason), self.base)
        if self.joint is not None:
            return self._joined(self.joint, extension, scene)
        found = Match.exact(self.base)
        for option in extension.options:
            found = both(found, self._one(option, scene))
        return negations.loosened(found, extension, self.base, scene)

    def _joined(self, joint: Joint, extension: Extension, scene: Scene) -> Match:
        unknown = [option.name for option in extension.options if self.options and option.name not in self.options]
        try:
            found = joint(extension, scene)
        except Obscure as why:
            return Match.doubtful(Doubt(str(why)), self.base)
        return both(found, Match.doubtful(Doubt(f"'{unknown[0][:40]}' is not known"))) if unknown else found

    def _one(self, option: Option, scene: Scene) -> Match:
        if option.name not in self.readers:
            return Match.doubtful(Doubt(f"'{option.name[:40]}' is not modelled"))
        try:
            return self.readers[option.name](option, scene)
        except Obscure as why:
            return Match.doubtful(Doubt(str(why)))


def _with(says: str, base: Boxes, readers: Mapping[str, Reader], *others: str) -> Module:
    return Module(says, base=base, readers=readers, options=(*readers, *others))


def _all(says: str, joint: Joint, *options: str) -> Module:
    return Module(says, joint=joint, options=options)


def _not(reason: str, base: Boxes = (EVERYTHING,)) -> Module:
    return Module(reason=reason, base=base)


def _comment(_option: Option, _scene: Scene) -> Match:
    return ALWAYS


def _recent(extension: Extension, _scene: Scene) -> Match:
    """`--set` adds the address and always holds; linux/net/netfilter/xt_recent.c."""
    asking = [option for option in extension.options if option.name in ("--rcheck", "--update", "--remove")]
    adding = [option for option in extension.options if option.name == "--set"]
    if asking or len(adding) != 1:
        return Match.doubtful(Doubt(_SEEN))
    return NEVER if adding[0].is_negated else ALWAYS


def _nobody(_extension: Extension, _scene: Scene) -> Match:
    """Packets have no extension headers here; without one these never hold, negated or not."""
    return NEVER


def _authenticated(extension: Extension, _scene: Scene) -> Match:
    """An AH header; of IPv6 linux/net/ipv6/netfilter/ip6t_ah.c looks for it behind others."""
    packets = box(PROTOCOL=AH)
    return Match.doubtful(Doubt(_HEADER), packets) if extension.options else Match.exact(packets)


_WITHOUT = box(STATE=(State.INVALID, State.UNTRACKED))
_CONNTRACK = (
    "--ctstate", "--ctproto", "--ctdir", "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst",
    "--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport", "--ctstatus", "--ctexpire",
)  # fmt: skip
_RECENT = (
    "--set", "--rcheck", "--update", "--remove", "--name", "--rsource", "--rdest", "--mask", "--seconds", "--reap",
    "--hitcount", "--rttl",
)  # fmt: skip
_SET = (
    "--match-set", "--return-nomatch", "--update-counters", "--update-subcounters", "--packets-eq", "--packets-lt",
    "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt",
)  # fmt: skip
_PORTED = "`--sport`, `--dport`: ports by number, name, range"

_NO_EXTENSION_HEADER = Module("never holds: packets are taken for such without extension headers", joint=_nobody)

MODULES: dict[str, Module] = {
    "tcp": _with(
        f"{_PORTED}; `--tcp-flags`, `--syn`: whether the segment opens a connection",
        box(PROTOCOL=6), {**matches.PORTS, **matches.FLAGS}, "--tcp-option",
    ),
    "udp": _with(_PORTED, box(PROTOCOL=17), matches.PORTS),
    "udplite": _with(_PORTED, box(PROTOCOL=136), matches.PORTS),
    "sctp": _with(_PORTED, box(PROTOCOL=132), matches.PORTS, "--chunk-types"),
    "dccp": _with(_PORTED, box(PROTOCOL=33), matches.PORTS, "--dccp-types", "--dccp-option"),
    "icmp": _with("type and code by number or name; `any`", box(PROTOCOL=ICMP), {"--icmp-type": matches.icmp}),
    "icmp6": _with("type and code by number or name", box(PROTOCOL=ICMPV6), {"--icmpv6-type": matches.icmp}),
    "multiport": _with("lists and ranges of ports at either end", box(PROTOCOL=PORT_PROTOCOLS), matches.MULTIPORT),
    "iprange": _with(
        "ranges of addresses", (EVERYTHING,), {"--src-range": addresses.iprange, "--dst-range": addresses.iprange}
    ),
    "conntrack": _all("`--ctstate`, `--ctproto`; a packet without a connection by its state alone",
                      states.conntrack, *_CONNTRACK),
    "state": _all("connection state", states.conntrack, "--state"),
    "set": _all("members that `ipset save` has put into the file", sets.matching, *_SET),
    "addrtype": _all(
        "`MULTICAST`; `LOCAL` and `BROADCAST` of the destination where the hook tells: what is forwarded is not for "
        "this machine, what comes in is",
        addresses.addrtype, "--src-type", "--dst-type", "--limit-iface-in", "--limit-iface-out",
    ),
    "comment": _with("always holds", (EVERYTHING,), {"--comment": _comment}),
    "recent": _all("`--set` alone: it always holds", _recent, *_RECENT),
    **dict.fromkeys(("rt", "srh", "frag", "hbh", "dst"), _NO_EXTENSION_HEADER),
    "limit": _not(RATE),
    "hashlimit": _not(RATE),
    "rateest": _not("a rate: it depends on the traffic"),
    "quota": _not("a quota: whether it is used up depends on the traffic"),
    "nfacct": _not("a quota may belong to it, and whether that is used up depends on the traffic"),
    "connlimit": Module(
        reason=f"a limit on connections: {_NUMBER}; it may drop packets without a connection", drops=_WITHOUT,
    ),
    "connbytes": _not(f"of packets and bytes: {_NUMBER}", TRACKED),
    "statistic": _not("it is chosen at random or in turn"),
    "time": _not("it depends on the time of day"),
    "mark": _not(_MARK),
    "connmark": _not(_MARK, TRACKED),
    "connlabel": _not(_CONNECTION, TRACKED),
    "helper": _not(_CONNECTION, TRACKED),
    "realm": _not(_ROUTES),
    "rpfilter": _not(_ROUTES),
    "devgroup": _not("which interfaces are in a group is not in this file"),
    "physdev": _not("it depends on the ports of a bridge"),
    "mac": _not(_LINK),
    "pkttype": _not(_LINK),
    "owner": _not(_SENDER),
    "socket": _not(_SENDER),
    "cgroup": _not(_SENDER),
    "cpu": _not("it depends on the processor that works on the packet"),
    "cluster": _not("it depends on how many machines share the work"),
    "policy": _not("it depends on IPsec"),
    "ipvs": _not("it depends on the virtual services of this machine"),
    "osf": _not("it guesses the sender's operating system"),
    "geoip": _not("where an address is stands in a data base"),
    "string": _not(_PROGRAM),
    "u32": _not(_PROGRAM),
    "bpf": _not(_PROGRAM),
    "length": _not(_HEADER),
    "ttl": _not(_HEADER),
    "hl": _not(_HEADER),
    "dscp": _not(_HEADER),
    "tos": _not(_HEADER),
    "ecn": _not(_HEADER),
    "tcpmss": _not(_HEADER, box(PROTOCOL=6)),
    "ah": _all("an AH header, in IPv6 too; with `--ahspi` in doubt", _authenticated, "--ahspi", "--ahlen", "--ahres"),
    "esp": _not(_HEADER, box(PROTOCOL=50)),
    "ipcomp": _not(_HEADER, box(PROTOCOL=108)),
    "l2tp": _not(_HEADER),
    "mh": _not(_HEADER),
    "eui64": _not(_HEADER),
    "ipv6header": _not(_HEADER),
}  # fmt: skip

# The extension that `-p` brings in: libxtables, load_proto
IMPLIED = {
    **{name: name for name in ("tcp", "udp", "udplite", "sctp", "dccp", "icmp", "ah")},
    **dict.fromkeys(("ipv6-icmp", "icmpv6", "icmp6", "58"), "icmp6"),
    "6": "tcp",
    "17": "udp",
    "136": "udplite",
    "132": "sctp",
    "33": "dccp",
    "51": "ah",
    "1": "icmp",
}


def matching(extension: Extension, scene: Scene) -> Match:
    """The packets that one extension takes."""
    module = MODULES.get(extension.name)
    if module is None:
        return Match.doubtful(Doubt(f"the match '{extension.name[:40]}' is not known"))
    return module.match(extension, scene)
