"""Matches that look at one header field each: interfaces, addresses, protocols, ports, ICMP types, TCP flags."""

from collections.abc import Iterable, Mapping

from portwright.packets.box import ALWAYS, NEVER, Boxes, Doubt, Match
from portwright.packets.fields import ICMP, ICMP_PROTOCOL, Field, Flags
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.iptables import names, values
from portwright.platforms.iptables.scene import Reader, Scene, select, value
from portwright.platforms.iptables.syntax import Option
from portwright.platforms.netfilter.matching import Obscure, any_of, both, box

_FLAGS = "of TCP flags Portwright knows only whether the segment opens a connection"


def _protocol(option: Option, _scene: Scene) -> Match:
    number = values.protocol(value(option))
    return select(Field.PROTOCOL, ((number, number),) if number else ((0, 255),), negate=option.is_negated)


def _address(name: Field) -> Reader:
    def read(option: Option, scene: Scene) -> Match:
        wanted = values.networks(value(option), scene.version)
        return select(name, wanted, negate=option.is_negated, base=box(VERSION=scene.version))

    return read


def _interface(name: Field) -> Reader:
    def read(option: Option, scene: Scene) -> Match:
        return scene.on(name, value(option), negate=option.is_negated)

    return read


def _fragment(option: Option, _scene: Scene) -> Match:
    """Packets are whole ones here, and conntrack makes them whole before the rules see them."""
    return ALWAYS if option.is_negated else NEVER


PLAIN: Mapping[str, Reader] = {  # options that belong to no extension
    "-p": _protocol,
    "-s": _address(Field.SRC),
    "-d": _address(Field.DST),
    "-i": _interface(Field.IN),
    "-o": _interface(Field.OUT),
    "-f": _fragment,
}


def _port(name: Field) -> Reader:
    def read(option: Option, _scene: Scene) -> Match:
        return select(name, (values.ports(value(option)),), negate=option.is_negated)

    return read


PORTS: dict[str, Reader] = {"--sport": _port(Field.SPORT), "--dport": _port(Field.DPORT)}


def _listed(*fields: Field) -> Reader:
    """`-m multiport`: one of several ports, at one of the ends."""

    def read(option: Option, _scene: Scene) -> Match:
        wanted = normalize(values.ports(part) for part in value(option).split(","))
        ends = [select(name, wanted, negate=option.is_negated) for name in fields]
        return any_of(ends) if len(ends) == 1 or not option.is_negated else both(*ends)

    return read


MULTIPORT: dict[str, Reader] = {
    "--sports": _listed(Field.SPORT),
    "--dports": _listed(Field.DPORT),
    "--ports": _listed(Field.SPORT, Field.DPORT),
}


_BITS = {"FIN": 0x01, "SYN": 0x02, "RST": 0x04, "PSH": 0x08, "ACK": 0x10, "URG": 0x20, "NONE": 0, "ALL": 0x3F}
_ACK, _URGED = 0x10, (0x00, 0x01, 0x08, 0x20, 0x09, 0x21, 0x28, 0x29)  # with any of FIN, PSH, URG
# RFC 9293, 3.5 and 3.10: the segments that orderly ends send; what a scanner sends beside them is nobody's traffic
_SEGMENTS = {
    Flags.OPENS: (0x02,),  # SYN
    Flags.OTHER: (0x12, 0x04, 0x14, *(_ACK | more for more in _URGED)),  # SYN ACK, RST, RST ACK, ACK
}
_OPENING = Option("--tcp-flags", ("FIN,SYN,RST,ACK", "SYN"))


def _tcp_flags(option: Option, _scene: Scene) -> Match:
    if len(option.values) != 2:
        raise Obscure("--tcp-flags has a mask and the flags that are set")
    mask, wanted = (_flags(text) for text in option.values)
    holds = {
        kind: [(bits & mask == wanted) != option.is_negated for bits in segments]
        for kind, segments in _SEGMENTS.items()
    }
    sure = _kinds(kind for kind, found in holds.items() if all(found))
    possible = _kinds(kind for kind, found in holds.items() if any(found))
    return Match.exact(sure) if sure == possible else Match(sure, possible, (Doubt(_FLAGS),))


def _kinds(found: Iterable[Flags]) -> Boxes:
    kinds = tuple(found)
    return box(FLAGS=kinds) if kinds else ()


def _flags(text: str) -> int:
    names_ = text.upper().split(",")
    if any(name not in _BITS for name in names_):
        raise Obscure(f"'{text[:40]}' is not known as TCP flags")
    bits = 0
    for name in names_:
        bits |= _BITS[name]
    return bits


def _syn(option: Option, scene: Scene) -> Match:
    return _tcp_flags(Option(_OPENING.name, _OPENING.values, option.is_negated), scene)


FLAGS: dict[str, Reader] = {"--tcp-flags": _tcp_flags, "--syn": _syn}


def icmp(option: Option, scene: Scene) -> Match:
    """The ICMP packets of a type, perhaps with a code; `any` takes all. Raises Obscure."""
    kind, code = _kind_and_code(value(option), scene.version)
    protocol = ICMP_PROTOCOL[scene.version]
    base = box(PROTOCOL=protocol)
    if protocol == ICMP and kind == 255:  # linux/net/ipv4/netfilter/ip_tables.c, icmp_type_code_match
        return NEVER if option.is_negated else Match.exact(base)
    found = both(select(Field.TYPE, ((kind, kind),), base=base), select(Field.CODE, code))
    return both(Match.exact(base), ~found) if option.is_negated else found


def _kind_and_code(text: str, version: int) -> tuple[int, Intervals]:
    known = names.ICMP if version == 4 else names.ICMPV6
    if text.lower() in known:
        kind, code = known[text.lower()]
        return kind, ((0, 255),) if code is None else ((code, code),)
    first, slash, last = text.partition("/")
    kind_, code_ = values.number(first, 255), values.number(last, 255)
    if kind_ is None or (slash and code_ is None):
        raise Obscure(f"'{text[:40]}' is not known as an ICMP type")
    return kind_, ((0, 255),) if code_ is None else ((code_, code_),)
