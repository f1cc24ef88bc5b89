"""What is intended as rules of nftables, in the words that a ruleset already has for it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from portwright.packets.addresses import parse_addresses
from portwright.packets.box import Box
from portwright.packets.fields import ICMP, TCP, UDP, Field
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.packets.notation import parse_ports
from portwright.packets.packetset import PacketSet
from portwright.platforms.nftables.render import FAMILY, comment_of, joined, listed, quoted, spans, texts_of
from portwright.platforms.nftables.syntax import (
    Concat,
    Condition,
    Decide,
    Element,
    Named,
    Prefix,
    Range,
    Selector,
    Set,
    Table,
    Translate,
    Value,
)
from portwright.platforms.nftables.syntax import Rule as Line
from portwright.policy.editing import Target
from portwright.policy.intent import Intended

_VERSIONS = {"ip": (4,), "ip6": (6,)}  # of a table's family; others hold both
_ECHO = {  # IP version, whether it is the reply
    (4, False): "icmp type echo-request",
    (4, True): "icmp type echo-reply",
    (6, False): "icmpv6 type echo-request",
    (6, True): "icmpv6 type echo-reply",
}
_WITHOUT = {"iifname": ("output",), "oifname": ("ingress", "prerouting", "input")}  # hooks


def rules_for(rule: Intended, table: Table, hook: str, with_interfaces: bool, with_state: bool) -> Iterator[str]:
    """The rules of an intended one in a table, with a set of the table where it has exactly the right members.

    `hook` is where they are to stand; none can name an interface that the packet has not got there.
    """
    way = [("iifname", rule.interface_in), ("oifname", rule.interface_out)] if with_interfaces else []
    words = [f'{word} "{quoted(name)}"' for word, name in way if name and hook not in _WITHOUT[word]]
    state = [f"ct state {'established' if rule.is_reply else 'new'}"] if with_state else []
    for version in _VERSIONS.get(table.family, (4, 6)):
        sources, destinations = (joined(ends, version) for ends in (rule.sources, rule.destinations))
        if sources and destinations:
            ends = [_end("saddr", sources, version, table), _end("daddr", destinations, version, table)]
            for traffic in _traffic(rule, version, table):
                yield " ".join([*words, *filter(None, ends), traffic, *state, f'accept comment "{comment_of(rule)}"'])


def led_to(line: Line, to: Target) -> Iterator[str]:
    """The rule with another address behind `dnat to`, and with the port where that is another one, too."""
    found = [one for one in line.statements if isinstance(one, Translate)]
    if len(found) != 1 or found[0].kind != "dnat" or not isinstance(found[0].address, Value) or found[0].is_prefix:
        return
    ports = (found[0].port, Value(str(to.port))) if to.port is not None else (found[0].port,)
    for port in dict.fromkeys(ports):
        new = replace(found[0], address=Value(to.host), port=port)
        yield " ".join(str(new if one is found[0] else one) for one in line.statements)


def _traffic(rule: Intended, version: int, table: Table) -> Iterator[str]:
    """What passes, all ports of a protocol in one match; of answers the ports are those of the source."""
    found: dict[int, list[Interval]] = {}
    for kind in rule.traffic:
        found.setdefault(kind.protocol, []).extend(kind.ports)
    for protocol, ports in sorted(found.items()):
        if protocol == ICMP and any(kind.protocol == ICMP and kind.icmp_type is None for kind in rule.traffic):
            yield f"meta l4proto {'icmp' if version == 4 else 'icmpv6'}"
        elif protocol == ICMP:
            yield _ECHO[version, rule.is_reply]
        elif protocol in (TCP, UDP):
            word = "sport" if rule.is_reply else "dport"
            yield f"{protocol_name(protocol)} {word} {_constants(spans(normalize(ports)), table)}"
        else:
            yield f"meta l4proto {protocol}"


def _end(word: str, ranges: Intervals, version: int, table: Table) -> str:
    """One end of a rule: nothing where every address is meant."""
    whole = ((0, (1 << (32 if version == 4 else 128)) - 1),)
    if ranges == whole:
        return f"meta nfproto ipv{version}" if word == "saddr" and table.family not in _VERSIONS else ""
    return f"{FAMILY[version]} {word} {_constants(texts_of(ranges, version), table)}"


def _constants(texts: list[str], table: Table) -> str:
    """Constants, or the set that has them."""
    is_one = len(texts) == 1 and "-" not in texts[0]
    for named in () if is_one else table.sets.values():
        if not named.changes_by and named.unknown is None and _same(named.elements, texts):
            return f"@{named.name}"
    return listed(texts)


def _same(elements: Iterable[Element], texts: Iterable[str]) -> bool:
    """Report whether a set has exactly these members, as they are written here."""
    members = [one for one in elements if one.data is None and not one.is_chancy]
    return sorted(str(one.key) for one in members) == sorted(_single(texts)) and len(members) > 0


def _single(texts: Iterable[str]) -> list[str]:
    """The texts with short ranges of IPv4 spelled out, as a set without intervals has to hold them."""
    found = []
    for text in texts:
        first, dash, last = text.partition("-")
        if dash and "." in first and int(IPv4Address(last)) - int(IPv4Address(first)) < 256:
            found += [str(IPv4Address(n)) for n in range(int(IPv4Address(first)), int(IPv4Address(last)) + 1)]
        else:
            found.append(text)
    return found


# Elements


def element_of(rule: Intended, line: Line, table: Table) -> Iterator[tuple[Set, tuple[str, ...]]]:
    """Elements with which a rule that accepts by a named set would accept the traffic too."""
    if rule.is_reply or not any(isinstance(one, Decide) and one.verdict == "accept" for one in line.statements):
        return
    for statement in line.statements:
        if isinstance(statement, Condition) and isinstance(statement.right, Named) and statement.operator in ("", "=="):
            named = table.sets.get(statement.right.name)
            if named is not None and not named.changes_by and named.unknown is None:
                members = _members(rule, statement.left)
                known = {str(one) for one in named.elements}
                new = tuple(one for one in members if one not in known)
                if (
                    new
                    and all(_is_akin(one, known) for one in new)
                    and (_takes_ranges(named) or not any("-" in one or "/" in one for one in new))
                ):
                    yield named, new


def _is_akin(key: str, known: set[str]) -> bool:
    """Report whether a key of several fields differs from a known one in one field alone: it is about the same."""
    parts = key.split(" . ")
    return len(parts) == 1 or any(
        sum(one != other for one, other in zip(parts, member.split(" . "), strict=False)) == 1 for member in known
    )


def _takes_ranges(named: Set) -> bool:
    return any(isinstance(part, Range | Prefix) for one in named.elements for part in _parts(one.key))


def _parts(key: object) -> tuple[object, ...]:
    return key.parts if isinstance(key, Concat) else (key,)


def _members(rule: Intended, left: object) -> list[str]:
    """The keys of the traffic, one field of the set after the other; none where a field is another one."""
    names = [one.name if isinstance(one, Selector) else "" for one in _parts(left)]
    keys = [""]
    for name in names:
        values = _values(rule, name)
        keys = [f"{key} . {value}" if key else value for key in keys for value in values]
        if len(keys) > 64:
            return []
    return keys


def _values(rule: Intended, name: str) -> list[str]:
    family, _, field = name.partition(" ")
    version = {"ip": 4, "ip6": 6}.get(family)
    if version is not None and field in ("saddr", "daddr"):
        ranges = joined(rule.sources if field == "saddr" else rule.destinations, version)
        return _single(texts_of(ranges, version))
    protocol = {"tcp": TCP, "udp": UDP}.get(family)
    if protocol is not None and field == "dport" and all(kind.protocol == protocol for kind in rule.traffic):
        return spans(normalize(pair for kind in rule.traffic for pair in kind.ports))
    return []


_FIELDS = {  # selector of a set -> field, and what else a packet must be
    "ip saddr": (Field.SRC, {Field.VERSION: 4}),
    "ip daddr": (Field.DST, {Field.VERSION: 4}),
    "ip6 saddr": (Field.SRC, {Field.VERSION: 6}),
    "ip6 daddr": (Field.DST, {Field.VERSION: 6}),
    "tcp dport": (Field.DPORT, {Field.PROTOCOL: TCP}),
    "udp dport": (Field.DPORT, {Field.PROTOCOL: UDP}),
}


def elements_for(line: Line, table: Table, packets: PacketSet) -> Iterator[tuple[Set, tuple[str, ...]]]:
    """The elements of a set by which a rule matches some of the packets, where others are left."""
    for statement in line.statements:
        if isinstance(statement, Condition) and isinstance(statement.right, Named) and statement.operator in ("", "=="):
            named = table.sets.get(statement.right.name)
            if named is not None and not named.changes_by and named.unknown is None:
                found = [str(one.key) for one in named.elements if _takes(statement.left, one.key, packets)]
                if found and len(found) < len(named.elements):
                    yield named, tuple(found)


def _takes(left: object, key: object, packets: PacketSet) -> bool:
    """Report whether an element surely means some of the packets, as far as it is simple."""
    constraints: dict[Field, Intervals] = {}
    for selector, part in zip(_parts(left), _parts(key), strict=False):
        field, others = _FIELDS.get(str(selector), (None, {}))
        if field is None:
            return False
        try:
            ranges = parse_ports(str(part)) if field is Field.DPORT else _addresses(str(part), others[Field.VERSION])
        except ValueError:
            return False
        constraints |= {field: ranges} | {name: ((value, value),) for name, value in others.items()}
    box = Box.of(constraints)
    return box is not None and packets.overlaps(box)


def _addresses(text: str, version: int) -> Intervals:
    return parse_addresses(text).family(version)
