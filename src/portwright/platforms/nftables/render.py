"""An intent as a file for `nft -f`: one table, one chain a hook, and a rule for each thing that is to pass.

The file replaces its own table and touches no other, so that loading it twice changes nothing (nft(8)).
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from textwrap import wrap

from portwright.errors import InvalidInput
from portwright.packets.addresses import Addresses
from portwright.packets.fields import ICMP, TCP, UDP
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.policy.intent import Intended, Intent, Named, Redirection, Traffic

SUFFIX = ".nft"
_TABLE = "inet portwright"
FAMILY = {4: "ip", 6: "ip6"}
_ICMP = {4: "icmp type echo-request", 6: "icmpv6 type echo-request"}
_STATES = "ct state vmap { established : accept, related : accept, invalid : drop }"
_NEIGHBORS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, packet-too-big } accept"
_COMMENT = 128  # bytes that the kernel keeps of a rule's comment, NFTNL_UDATA_COMMENT_MAXLEN
_WIDTH = 110  # columns of a comment line
_INLINE = 8  # address ranges that a rule spells out; more become a set


def render(intent: Intent) -> str:
    """The file. Raises InvalidInput for what nftables cannot express."""
    return "\n".join(_Writer(intent).lines()) + "\n"


def context(_intent: Intent) -> str:
    """Nothing: a ruleset stands for itself."""
    return ""


class _Writer:
    """Writes one intent."""

    def __init__(self, intent: Intent):
        self._intent = intent
        self._sets: dict[Intervals, tuple[str, int]] = {}

    def lines(self) -> Iterator[str]:
        """The whole file."""
        chains = [line for hook in self._hooks() for line in self._chain(hook)]  # first, for the sets that they use
        yield from self._head()
        yield f"table {_TABLE} {{"
        for ranges, (name, version) in self._sets.items():
            yield from _set(name, version, ranges)
        yield from self._redirecting()
        yield from chains
        yield "}"

    def _head(self) -> Iterator[str]:
        intent = self._intent
        yield "#!/usr/sbin/nft -f"
        yield f"# {intent.point} of site {intent.site}: what the plan needs, and nothing else. Written by Portwright."
        yield f"table {_TABLE}"
        yield f"delete table {_TABLE}"
        yield ""

    def _hooks(self) -> tuple[str, ...]:
        return ("input",) if self._intent.is_host else ("forward",)

    def _chain(self, hook: str) -> Iterator[str]:
        yield f"    chain {hook} {{"
        yield f"        type filter hook {hook} priority filter; policy drop;"
        if hook == "input":
            yield '        iif "lo" accept'
        yield f"        {_STATES}"
        if hook == "input":
            yield f"        {_NEIGHBORS}"
        for rule in self._intent.rules:
            if rule.hook == hook:
                yield ""
                why = f"{_names(rule.sources)} > {_names(rule.destinations)}: {', '.join(rule.requirements)}"
                yield from wrap(why, _WIDTH, initial_indent="        # ", subsequent_indent="        #   ")
                yield from (f"        {line}" for line in self._rule(rule))
        yield "    }"

    def _rule(self, rule: Intended) -> Iterator[str]:
        way = [
            f'{word} "{quoted(name)}"'
            for word, name in (("iifname", rule.interface_in), ("oifname", rule.interface_out))
            if name
        ]
        for version in (4, 6):
            sources, destinations = (joined(ends, version) for ends in (rule.sources, rule.destinations))
            if sources and destinations:
                ends = [self._end("saddr", sources, version), self._end("daddr", destinations, version)]
                for traffic in matches(rule.traffic, version):
                    yield " ".join([*way, *filter(None, ends), traffic, f'accept comment "{comment_of(rule)}"'])

    def _end(self, word: str, ranges: Intervals, version: int) -> str:
        family = FAMILY[version]
        whole = (1 << (32 if version == 4 else 128)) - 1
        if ranges == ((0, whole),):
            return f"meta nfproto ipv{version}" if word == "saddr" else ""
        texts = texts_of(ranges, version)
        if len(texts) == 1:
            return f"{family} {word} {texts[0]}"
        if len(texts) <= _INLINE:
            return f"{family} {word} {{ {', '.join(texts)} }}"
        name, _ = self._sets.setdefault(ranges, (f"addresses_{len(self._sets) + 1}", version))
        return f"{family} {word} @{name}"

    def _redirecting(self) -> Iterator[str]:
        if self._intent.redirections:
            yield "    chain prerouting {"
            yield "        type nat hook prerouting priority dstnat; policy accept;"
            for entry in self._intent.redirections:
                yield from (f"        {line}" for line in _redirected(entry, self._intent))
            yield "    }"
            yield ""


def _set(name: str, version: int, ranges: Intervals) -> Iterator[str]:
    yield f"    set {name} {{"
    yield f"        type ipv{version}_addr"
    yield "        flags interval"
    yield "        elements = {"
    yield ",\n".join(f"            {text}" for text in texts_of(ranges, version))
    yield "        }"
    yield "    }"
    yield ""


def _redirected(entry: Redirection, intent: Intent) -> Iterator[str]:
    """A translation of destinations, to one address."""
    for version in (4, 6):
        to, becomes = entry.to.addresses.family(version), entry.becomes.addresses.family(version)
        if not to or not becomes:
            continue
        if len(becomes) != 1 or becomes[0][0] != becomes[0][1]:
            raise _inexpressible(intent, f"{entry.becomes.name} is more than one address")
        family, way = FAMILY[version], f'iifname "{quoted(entry.interface_in)}" ' if entry.interface_in else ""
        target = texts_of(becomes, version)[0]
        ends = f"{way}{family} daddr {listed(texts_of(to, version))}"
        if entry.to_ports is None:
            yield f"{ends} dnat {family} to {target}"
            continue
        ports = listed(spans(entry.to_ports))
        if entry.becomes_ports is not None:
            if len(entry.becomes_ports) != 1:
                raise _inexpressible(intent, f"{entry.becomes.name} has several ranges of ports")
            target = f"[{target}]" if version == 6 else target
            target += f":{spans(entry.becomes_ports)[0]}"
        for protocol in map(protocol_name, entry.protocols):
            yield f"{ends} {protocol} dport {ports} dnat {family} to {target}"


def _inexpressible(intent: Intent, what: str) -> InvalidInput:
    return InvalidInput.of(f"nftables at {intent.point} cannot express a translation of the site: {what}")


def matches(traffic: Iterable[Traffic], version: int) -> Iterator[str]:
    """The traffic of one IP version, all ports of a protocol in one match."""
    found: dict[int, list[Interval]] = {}
    for kind in traffic:
        found.setdefault(kind.protocol, []).extend(kind.ports)
    for protocol, ports in sorted(found.items()):
        if protocol == ICMP:
            yield _ICMP[version]
        elif protocol in (TCP, UDP):
            yield f"{protocol_name(protocol)} dport {listed(spans(normalize(ports)))}"
        else:
            yield f"meta l4proto {protocol}"


def joined(ends: Iterable[Named], version: int) -> Intervals:
    """The addresses of ends, of one IP version."""
    joined = Addresses()
    for end in ends:
        joined = joined | end.addresses
    return joined.family(version)


def texts_of(ranges: Intervals, version: int) -> list[str]:
    """Ranges of addresses as constants of nftables."""
    address = IPv4Address if version == 4 else IPv6Address
    found = Addresses(v4=ranges) if version == 4 else Addresses(v6=ranges)
    networks = found.texts()
    return list(networks) if len(networks) <= len(ranges) else [_span(pair, address) for pair in ranges]


def _span(pair: Interval, address: type[IPv4Address] | type[IPv6Address]) -> str:
    first, last = (str(address(value)) for value in pair)
    return first if first == last else f"{first}-{last}"


def spans(ports: Intervals) -> list[str]:
    """Ports as constants."""
    return [str(first) if first == last else f"{first}-{last}" for first, last in ports]


def listed(texts: list[str]) -> str:
    """Constants as a match has them: one, or a set."""
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def _names(ends: Iterable[Named]) -> str:
    return ", ".join(dict.fromkeys(end.name for end in ends))


def comment_of(rule: Intended) -> str:
    """The requirements, as far as a comment can hold them; what stands above the rule has them all."""
    text = quoted(" ".join(rule.requirements))
    if len(text.encode()) < _COMMENT:
        return text
    kept = text[: _COMMENT - 5].rpartition(" ")[0]
    return f"{kept} ..."


def quoted(text: str | None) -> str:
    """A text between quotation marks: nft has no way to escape one."""
    return "".join(character for character in text or "" if character.isprintable() and character != '"')
