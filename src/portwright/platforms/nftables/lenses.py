"""What each selector looks at: the header field behind it, and the packets that have it at all.

nft adds conditions that its listings do not show: `tcp dport` implies TCP, `ip saddr` implies IPv4, and a negation
keeps them (`tcp dport != 22` never matches UDP). They stand here as the base of each lens. A selector that no header
field of Portwright expresses has a lens without field: what it selects is in doubt, within its base.
"""

from dataclasses import dataclass, replace

from portwright.packets.box import EVERYTHING, NEVER, Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import ICMP, ICMPV6, LAST, TCP, Field, Flags, State
from portwright.packets.fields import PORT_PROTOCOLS as WITH_PORTS
from portwright.packets.intervals import Intervals, complement, contains, normalize
from portwright.platforms.netfilter.matching import Obscure, box, masked
from portwright.platforms.nftables import names, values
from portwright.platforms.nftables.values import Datatype
from portwright.policy.interfaces import NONE

Points = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Lens:
    """How to look at one thing in a packet."""

    datatype: Datatype
    base: Boxes = (EVERYTHING,)  # the packets that have it: the implied version, protocol, state
    field: Field | None = None  # None: not modelled
    points: Points = ()  # field value -> nft's values that it may stand for; empty: the same numbers
    constant: tuple[int, ...] = ()  # nft's possible values where they do not depend on the packet
    murky: Boxes = ()  # packets that have other bytes at this place
    reason: str = ""  # why what it selects may be in doubt
    is_shaky: bool = False  # whether the field is there at all is not known
    steps: tuple[tuple[str, int], ...] = ()  # operations on the value before it is compared

    def select(self, wanted: Intervals, negate: bool = False) -> Match:
        """The packets whose value is among the wanted ones, or with `negate` is not."""
        if not self.base:
            return NEVER
        if self.constant:
            return self._settled([contains(wanted, self._step(value)) != negate for value in self.constant])
        if self.field is None:
            return Match.doubtful(Doubt(self.reason), self.base)
        try:
            sure, possible = self._chosen(wanted, negate)
        except Obscure as why:
            return Match.doubtful(Doubt(str(why)), self.base + self.murky)
        boxes = self._boxes(possible)
        return self._match(boxes if sure is possible else self._boxes(sure), boxes)

    def anything(self) -> Match:
        """The packets that have it."""
        return Match.exact(self.base) if not self.murky else self._match(self.base, self.base)

    def with_step(self, operator: str, operand: int) -> "Lens":
        """The lens on the value after one more operation."""
        return replace(self, steps=(*self.steps, (operator, operand)))

    def raw_points(self) -> list[int]:
        """nft's values that packets may have, after the operations; for a lens with points."""
        found = self.constant or [value for _, stands_for in self.points for value in stands_for]
        return sorted({self._step(value) for value in found})

    def _settled(self, holds: list[bool]) -> Match:
        if all(holds):
            return Match.exact(self.base)
        return Match.doubtful(Doubt(self.reason), self.base) if any(holds) else NEVER

    def _chosen(self, wanted: Intervals, negate: bool) -> tuple[Intervals, Intervals]:
        if not self.points:
            found = self._unmasked(wanted)
            found = complement(found, self.datatype.last) if negate else found
            return found, found
        sure, possible = [], []
        for value, stands_for in self.points:
            holds = [contains(wanted, self._step(raw)) != negate for raw in stands_for]
            if holds and all(holds):
                sure.append((value, value))
            if any(holds):
                possible.append((value, value))
        return normalize(sure), normalize(possible)

    def _unmasked(self, wanted: Intervals) -> Intervals:
        if not self.steps:
            return wanted
        if len(self.steps) > 1 or self.steps[0][0] != "&":
            raise Obscure("arithmetic on a header field")
        return masked(wanted, self.steps[0][1], self.datatype.bits)

    def _step(self, value: int) -> int:
        for operator, operand in self.steps:
            value = _ARITHMETIC[operator](value, operand)
        return value

    def _boxes(self, chosen: Intervals) -> Boxes:
        assert self.field is not None
        box = Box.of({self.field: chosen})
        return intersect(self.base, (box,)) if box is not None else ()

    def _match(self, sure: Boxes, possible: Boxes) -> Match:
        sure = () if self.is_shaky else sure
        possible += self.murky
        return Match.exact(sure) if sure == possible else Match(sure, possible, (Doubt(self.reason),))


_ARITHMETIC = {
    "&": lambda value, operand: value & operand,
    "|": lambda value, operand: value | operand,
    "^": lambda value, operand: value ^ operand,
    "<<": lambda value, operand: value << min(operand, 128),
    ">>": lambda value, operand: value >> min(operand, 128),
}


_IPV4, _IPV6 = box(VERSION=4), box(VERSION=6)
_ICMP, _ICMPV6 = box(VERSION=4, PROTOCOL=ICMP), box(VERSION=6, PROTOCOL=ICMPV6)
_TRACKED = box(STATE=(State.NEW, State.ESTABLISHED, State.RELATED))
_OPENS, _CLOSES = 0x02, 0x02 | 0x01 | 0x04 | 0x10  # SYN; and those that make it no opening segment: FIN, RST, ACK
# RFC 9293, 3.5: the segment that opens a connection has SYN alone. ECN (RFC 3168) adds bits that Portwright leaves out.
_FLAG_POINTS: Points = (
    (Flags.OPENS, (_OPENS,)),
    (Flags.OTHER, tuple(value for value in range(256) if value & _CLOSES != _OPENS)),
)
_FLAGS = "of TCP flags Portwright knows only whether the segment opens a connection"
_STATE_POINTS: Points = tuple((State[name.upper()], (bit,)) for name, bit in names.CT_STATES.items())
_INVALID, _UNTRACKED = names.CT_STATES["invalid"], names.CT_STATES["untracked"]
_EARLY_STATE_POINTS: Points = tuple(
    (state, (_INVALID, _UNTRACKED) if state is State.UNTRACKED else (_INVALID,)) for state in State
)
_EARLY = "before connection tracking a packet is untracked only if an earlier chain has said 'notrack'"
_DIRECTION_POINTS: Points = (  # packets without a connection have no direction, and the comparison fails
    (State.NEW, (0,)),
    (State.ESTABLISHED, (0, 1)),
    (State.RELATED, (0, 1)),
)
_DIRECTION = "Portwright does not tell the two directions of a connection apart"
_FAMILY_POINTS: Points = ((4, (names.NF_PROTOS["ipv4"],)), (6, (names.NF_PROTOS["ipv6"],)))
_ETHER_POINTS: Points = ((4, (names.ETHER_TYPES["ip"],)), (6, (names.ETHER_TYPES["ip6"],)))
_PORTLESS = Box.of({Field.PROTOCOL: complement(normalize((p, p) for p in WITH_PORTS), LAST[Field.PROTOCOL])})
_MURKY: Boxes = (_PORTLESS,) if _PORTLESS is not None else ()
_NO_PORT = "in packets without ports other bytes stand at this place"
_EARLIER = "connection tracking may be earlier"
_LINK = "whether the packet came over Ethernet is not known"

LENSES: dict[str, Lens] = {
    "ip saddr": Lens(values.IPV4, _IPV4, Field.SRC),
    "ip daddr": Lens(values.IPV4, _IPV4, Field.DST),
    "ip6 saddr": Lens(values.IPV6, _IPV6, Field.SRC),
    "ip6 daddr": Lens(values.IPV6, _IPV6, Field.DST),
    "ip protocol": Lens(values.PROTOCOL, _IPV4, Field.PROTOCOL),
    "ip6 nexthdr": Lens(values.PROTOCOL, _IPV6, Field.PROTOCOL),  # packets without extension headers
    "ip version": Lens(values.NUMBER, _IPV4, constant=(4,)),
    "ip6 version": Lens(values.NUMBER, _IPV6, constant=(6,)),
    "meta l4proto": Lens(values.PROTOCOL, field=Field.PROTOCOL),
    "meta nfproto": Lens(values.NF_PROTO, field=Field.VERSION, points=_FAMILY_POINTS),
    "meta protocol": Lens(values.ETHER_TYPE, field=Field.VERSION, points=_ETHER_POINTS),
    "meta iifname": Lens(values.INTERFACE, field=Field.IN),
    "meta oifname": Lens(values.INTERFACE, field=Field.OUT),
    "meta iif": Lens(values.INTERFACE, field=Field.IN),
    "meta oif": Lens(values.INTERFACE, field=Field.OUT),
    "icmp type": Lens(values.ICMP_TYPE, _ICMP, Field.TYPE),
    "icmp code": Lens(values.ICMP_CODE, _ICMP, Field.CODE),
    "icmpv6 type": Lens(values.ICMPV6_TYPE, _ICMPV6, Field.TYPE),
    "icmpv6 code": Lens(values.ICMPV6_CODE, _ICMPV6, Field.CODE),
    "tcp flags": Lens(values.TCP_FLAG, box(PROTOCOL=TCP), Field.FLAGS, _FLAG_POINTS, reason=_FLAGS),
    "ct state": Lens(values.CT_STATE, field=Field.STATE, points=_STATE_POINTS),
    "ct direction": Lens(values.CT_DIRECTION, field=Field.STATE, points=_DIRECTION_POINTS, reason=_DIRECTION),
    "th sport": Lens(values.PORT, box(PROTOCOL=WITH_PORTS), Field.SPORT, murky=_MURKY, reason=_NO_PORT),
    "th dport": Lens(values.PORT, box(PROTOCOL=WITH_PORTS), Field.DPORT, murky=_MURKY, reason=_NO_PORT),
}
LENSES["@th,0,16"], LENSES["@th,16,16"] = LENSES["th sport"], LENSES["th dport"]  # by offset and length in bits
_TRANSPORTS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
for _name, _number in _TRANSPORTS.items():
    LENSES[f"{_name} sport"] = Lens(values.PORT, box(PROTOCOL=_number), Field.SPORT)
    LENSES[f"{_name} dport"] = Lens(values.PORT, box(PROTOCOL=_number), Field.DPORT)

_BASES: dict[str, Boxes] = {  # first word of a selector that is not modelled -> packets that have it
    "ip": _IPV4,
    "ip6": _IPV6,
    "icmp": _ICMP,
    "icmpv6": _ICMPV6,
    "igmp": box(PROTOCOL=2),
    "gre": box(PROTOCOL=47),
    "gretap": box(PROTOCOL=47),
    "esp": box(PROTOCOL=50),
    "ah": box(PROTOCOL=51),
    "comp": box(PROTOCOL=108),
    "exthdr": _IPV6,
    "hbh": _IPV6,
    "frag": _IPV6,
    "dst": _IPV6,
    "mh": _IPV6,
    "ct": _TRACKED,  # linux/net/netfilter/nft_ct.c: without a connection every key but the state ends the rule
    "arp": (),  # no IP packet has an ARP header
    **{name: box(PROTOCOL=number) for name, number in _TRANSPORTS.items()},
}
REASONS = {
    "fib": "it depends on the routing table",
    "rt": "it depends on the routing table",
    "ct": "Portwright does not model this property of a connection",
    "socket": "it depends on the sockets of this machine",
    "osf": "it guesses the sender's operating system",
    "numgen": "it is chosen at random or in turn",
    "ipsec": "it depends on IPsec",
}
INTERFACES = frozenset(name for name, lens in LENSES.items() if lens.datatype is values.INTERFACE)


@dataclass(frozen=True, slots=True)
class View:
    """Where rules run: what a packet shows there."""

    is_routed: bool = True  # the interface of departure is known
    tracking: str = "after"  # connection tracking has seen the packet: "before" (it has not), "after" or "unsure"
    sees_ethernet: bool = False  # netdev: the link-layer header is there
    redirected: Boxes = ()  # first packets whose destination a rule before may have translated: where tables ask for it


def lens(name: str, view: View) -> Lens:
    """The lens for a selector at some place."""
    if name in ("meta oifname", "meta oif") and not view.is_routed:
        return Lens(values.INTERFACE, constant=(NONE,))
    if name.startswith("ct ") and view.tracking != "after":
        return _untracked(name, view)
    if name == "ether type":
        is_shaky = not view.sees_ethernet
        return Lens(values.ETHER_TYPE, field=Field.VERSION, points=_ETHER_POINTS, reason=_LINK, is_shaky=is_shaky)
    return LENSES.get(name) or _doubtful(name)


def _untracked(name: str, view: View) -> Lens:
    """Before connection tracking every packet is invalid, or untracked where an earlier chain has said `notrack`.

    Nothing else of a connection is known there, and a comparison with it fails.
    """
    is_before = view.tracking == "before"
    if name == "ct state" and is_before:
        return Lens(values.CT_STATE, field=Field.STATE, points=_EARLY_STATE_POINTS, reason=_EARLY)
    if name == "ct state":
        return Lens(values.CT_STATE, constant=tuple(names.CT_STATES.values()), reason=_EARLIER)
    known = LENSES.get(name) or _doubtful(name)
    return replace(known, base=()) if is_before else replace(known, is_shaky=True, reason=_EARLIER)


def _doubtful(name: str) -> Lens:
    first = name.split(" ", 1)[0]
    base = _BASES.get(first, (EVERYTHING,)) if not name.startswith(("rt ", "@")) else (EVERYTHING,)
    reason = REASONS.get(first, "no header field that Portwright models")
    return Lens(values.NUMBER, base, reason=f"'{name}': {reason}")
