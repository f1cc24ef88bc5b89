"""What Portwright makes of what may stand in a ruleset of nftables."""

from portwright.packets.fields import Field
from portwright.platforms.about import About, Entry
from portwright.platforms.nftables import lenses, statements

_FIELDS = {  # what a selector looks at -> in words
    Field.VERSION: "IP version",
    Field.SRC: "source address",
    Field.DST: "destination address",
    Field.PROTOCOL: "protocol",
    Field.SPORT: "source port",
    Field.DPORT: "destination port",
    Field.TYPE: "ICMP type",
    Field.CODE: "ICMP code",
    Field.STATE: "connection state",
    Field.FLAGS: "whether a TCP segment opens a connection",
    Field.IN: "interface of arrival; wildcards too",
    Field.OUT: "interface of departure; wildcards too; before routing it is empty",
}


def _selectors(*, certain: bool) -> dict[str, list[str]]:
    """The selectors that are modelled, by what is said of them."""
    found: dict[str, list[str]] = {}
    for name, lens in lenses.LENSES.items():
        if certain and not lens.reason and not name.startswith("@"):
            found.setdefault(_FIELDS[lens.field] if lens.field is not None else "IP version", []).append(f"`{name}`")
        elif not certain and lens.reason:
            found.setdefault(lens.reason, []).append(f"`{name}`")
    return found


def _entries(rows: dict[str, list[str]]) -> tuple[Entry, ...]:
    return tuple(Entry(", ".join(names), note) for note, names in rows.items())


def _reasons() -> tuple[Entry, ...]:
    """The kinds of selectors that are never modelled."""
    return tuple(Entry(f"`{word} ...`", reason) for word, reason in lenses.REASONS.items())


ABOUT = About(
    export=(
        Entry("`nft list ruleset > fw.nft`", "the best: the text as the kernel holds it; never with `--terse`"),
        Entry(
            "`nft -j list ruleset > fw.json`",
            "nft 1.0.6 leaves out the devices of ingress chains and the `dynamic` flag of sets there",
        ),
        Entry(
            "a file for `nft -f`", "with variables and commands, as long as everything is in it; `include` is refused"
        ),
        Entry("`iptables-save`", "for rules that iptables made: nft cannot print all of them"),
    ),
    modelled=(
        *_entries(_selectors(certain=True)),
        Entry(
            "equality, `!=`, `<`, ranges, prefixes, bit masks, `{ ... }`, named sets, intervals, concatenations, "
            "maps, verdict maps with `*`",
            "what nft adds and does not print too: `tcp dport` implies TCP also under `!=`, `ip saddr` implies IPv4, "
            "and a map without a value for the packet ends the rule",
        ),
        Entry("`accept`, `drop`, `jump`, `goto`, `return`, `continue`", "statements after `continue` count"),
        Entry("`reject`", "`reject with icmp` applies to IPv4 only, `with icmpv6` to IPv6, `with tcp reset` to TCP"),
        Entry("`dnat`, `snat`", "with ports, ranges, prefixes and maps"),
        Entry(
            "source ports under `snat` and `masquerade`",
            "where several senders share an address, any port of the same class (below 512, below 1024, above)",
        ),
        Entry(
            "`masquerade`, `redirect`",
            "the address is one of the machine's own, which the ruleset does not tell: it is unknown",
        ),
        Entry("`notrack`", "what it takes is untracked in the hooks after it"),
        Entry("`ct state` before connection tracking", "every packet is `invalid` below priority -200"),
        Entry(
            "`ct status dnat`, `ct status ! dnat`",
            "first packets that no nat chain before may have translated; the others, and connections that are older, "
            "are uncertain",
        ),
        Entry(
            "`meta l4proto`",
            "of IPv6 what stands behind the extension headers; AH is taken for the protocol, and nothing is asked of "
            "what it protects, but by `ct`",
        ),
        Entry("`ip6 nexthdr`", "the same, for packets without extension headers in front"),
    ),
    inert=(
        Entry("`counter`, `log`, `comment`, `dup`", "they watch"),
        Entry("`meta mark set`, `meta priority set`, `ip dscp set`, `meta nftrace set`", "what is set, not asked"),
        Entry("counters, quotas, limits, flowtables, helpers, timeouts", "their definitions"),
        Entry("`flush`, `delete`", "what they remove is gone"),
        Entry("tables of the families `arp` and `bridge`, dormant tables", "no routed packet sees them"),
        Entry("chains that no base chain leads to", ""),
    ),
    uncertain=(
        *_entries(_selectors(certain=False)),
        *_reasons(),
        Entry("`limit`", statements.RATE),
        Entry("`quota`", statements.QUOTA),
        Entry("`ct count`", statements.CONNECTIONS),
        Entry("`meter`", statements.METER),
        Entry("`xt`, port lists in tables of iptables", statements.EXTENSION),
        Entry("`queue`", statements.QUEUE),
        Entry("`tproxy`, `synproxy`", statements.PROXY),
        Entry("`fwd`", statements.AWAY),
        Entry(
            "sets that expire, that rules add to, or with a limit for each member; `add @set`",
            "only the running kernel knows the members",
        ),
        Entry(
            "`meta mark`, `ct mark`, other `ct status`, DSCP, fragments, options, extension headers, `ether`, `vlan`",
            "no header field of Portwright; `ct` keys never match packets without a connection",
        ),
        Entry("`flow add` with statements after it", "they are met only if the connection can be offloaded"),
        Entry(
            "masks that pick more than 256 ranges of addresses; negated concatenations of more than 40 members",
            "too scattered to list",
        ),
        Entry('`""-""`, `""/32`', 'nft 1.0.6 has lost the names of interfaces such as `{ "lan1*", "lan2" }`'),
        Entry(
            "`tcp sport != A tcp dport != B`; the same for ICMP type and code",
            "nft 1.0.6 joins them into one comparison that holds when either differs, and lists both forms alike",
        ),
        Entry(
            "`ct zone set`",
            "packets of connections: whether their other direction is looked for in the same zone is not modelled",
        ),
        Entry(
            "a chain of the family `arp` that may drop", "every IPv4 packet: a neighbor that is never found gets none"
        ),
        Entry("`ip ttl set`, `ip6 hoplimit set` below 32", "how far the packet goes is not modelled"),
        Entry("a second nat chain on a hook", "it runs only for packets that the first did not translate"),
        Entry("a set that the file does not define; host names; service names", "they stand elsewhere"),
        Entry("words that are not known in a rule", "the verdict at its end is kept; without one, anything may happen"),
        Entry("a line that is not known in a set", "the set"),
        Entry("a command that is not known", "everything"),
    ),
    refused=(
        Entry("a file that is cut off", "an open brace or string"),
        Entry("a variable or chain that is not defined", ""),
        Entry("a loop of jumps; more than 16 chains inside each other", "the kernel refuses them too"),
        Entry("`include`", "put everything into one file"),
    ),
    impossible=(
        Entry("a translation of the site that leads to more than one address, or to several ranges of ports", ""),
    ),
)
