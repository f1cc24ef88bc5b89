"""Sets of ipset(8): their members, and the packets whose addresses, ports and interfaces are among them.

linux/net/netfilter/ipset: a set of another IP version, or of more parts than the rule gives directions for, has nobody.
In a set of networks the longest that holds an address decides, so that `nomatch` makes exceptions; in hash:net,iface it
alone says which interfaces there are.
"""

from collections.abc import Iterable, Sequence

from portwright.packets.box import EVERYTHING, NEVER, Box, Boxes, Doubt, Match
from portwright.packets.fields import ICMP, ICMPV6, Field
from portwright.packets.intervals import Interval, Intervals, complement, intersect, normalize, union
from portwright.platforms.iptables import names, values
from portwright.platforms.iptables.scene import Scene, select
from portwright.platforms.iptables.syntax import AddressSet, Extension, Member
from portwright.platforms.netfilter.matching import Obscure, any_of
from portwright.policy.interfaces import Interfaces

Constraints = dict[Field, Intervals]
_PARTS = {"ip", "net", "port", "iface"}  # of members, as far as header fields tell them
_ENDS = {"src": (Field.SRC, Field.SPORT, Field.IN), "dst": (Field.DST, Field.DPORT, Field.OUT)}
_HAVE_PORTS = (6, 17, 132, 136)  # linux/net/netfilter/ipset/ip_set_getport.c
_TCP_UDP: Intervals = ((6, 6), (17, 17))  # the same, ip_set_get_ip_port: what sets of ports alone look at
_MOST_NEGATED = 40  # boxes of members whose complement is worked out
_MORE_OPTIONS = "options of a set that Portwright does not model"


def matching(extension: Extension, scene: Scene) -> Match:
    """The packets that `-m set` takes. Raises Obscure."""
    asked = [option for option in extension.options if option.name == "--match-set"]
    if len(asked) != 1 or len(asked[0].values) != 2:
        raise Obscure("--match-set has a set and directions")
    name, directions = asked[0].values[0], tuple(asked[0].values[1].split(","))
    if any(way not in _ENDS for way in directions):
        raise Obscure(f"'{asked[0].values[1][:40]}' are no directions")
    found = _found(name, directions, scene, negate=asked[0].is_negated)
    if all(option.name in ("--match-set", "--update-counters", "--update-subcounters") for option in extension.options):
        return found
    return Match((), found.possible if not asked[0].is_negated else (EVERYTHING,), (Doubt(_MORE_OPTIONS),))


def _found(name: str, directions: tuple[str, ...], scene: Scene, *, negate: bool) -> Match:
    at = (name, ("!" if negate else "", *directions))
    if at not in scene.members:
        inside = _inside(name, directions, scene, within=False)
        scene.members[at] = _outside(inside) if negate else inside
    return scene.members[at]


def _outside(inside: Match) -> Match:
    if len(inside.possible) > _MOST_NEGATED:
        return Match.doubtful(Doubt("a negated set of combined values with too many members"))
    return ~inside


def _inside(name: str, directions: tuple[str, ...], scene: Scene, *, within: bool) -> Match:
    """The packets in a set; `within` another one, which cannot hold lists."""
    found = scene.sets.get(name)
    if found is None:
        return Match.doubtful(Doubt(f"the set {name[:40]} is not in this file: export it with 'ipset save'"))
    if found.kind == "list:set" and not within:
        members = [_inside(member.text, directions, scene, within=True) for member in found.members]
        inside = any_of(members) if members else NEVER
        return _unsure(found, inside) if found.doubt else inside
    parts = found.kind.partition(":")[2].split(",")
    if found.version not in (None, scene.version) or len(parts) > len(directions):
        return NEVER
    if not set(parts) <= _PARTS or "bitmask" in found.options:
        return Match.doubtful(Doubt(f"sets of type {found.kind} are not modelled", found.source))
    return _Members(found, parts, directions, scene).match()


def _unsure(found: AddressSet, inside: Match) -> Match:
    doubt = Doubt(f"the members of {found.name} are not known: {found.doubt}", found.doubted_at or found.source)
    return Match((), (EVERYTHING,), (*inside.doubts, doubt))


class _Members:
    """The members of one set, looked up in the given directions."""

    def __init__(self, found: AddressSet, parts: Sequence[str], directions: Sequence[str], scene: Scene):
        self._set, self._parts, self._scene = found, parts, scene
        self._directions = directions
        self._own: dict[str, Intervals] = {}  # network -> its addresses that no narrower member holds

    def match(self) -> Match:
        """The packets that are in the set."""
        if self._set.doubt:
            return _unsure(self._set, NEVER)
        if len(self._parts) == 1:
            return self._single()
        try:
            return Match.exact(self._combined(self._set.members))
        except Obscure as why:
            return Match.doubtful(Doubt(str(why), self._set.source))

    def _single(self) -> Match:
        """A set of one part: all its members together."""
        name = self._field(0)
        base: Boxes = (EVERYTHING,)
        if self._parts[0] == "port":
            ports = Box.of({Field.PROTOCOL: _TCP_UDP})
            base = (ports,) if ports is not None else ()
        try:
            return select(name, self._values(), base=base)
        except Obscure as why:
            return Match.doubtful(Doubt(str(why), self._set.source), base)

    def _values(self) -> Intervals:
        """The numbers in the set, from the shortest networks to the longest where there are exceptions."""
        if any(member.expires for member in self._set.members):
            raise Obscure(f"members of {self._set.name} expire")
        numbers = [(member, self._number(member.text)) for member in self._set.members]
        if not any(member.is_exception for member, _ in numbers):
            return normalize(pair for _, ranges in numbers for pair in ranges)
        found: Intervals = ()
        for member, ranges in sorted(numbers, key=lambda entry: entry[1][0][0] - entry[1][0][1]):
            found = intersect(found, complement(ranges, 2**128 - 1)) if member.is_exception else union(found, ranges)
        return found

    def _number(self, text: str) -> Intervals:
        return (values.ports(text, "-"),) if self._parts[0] == "port" else self._addresses(text)

    def _combined(self, members: Iterable[Member]) -> Boxes:
        """A set of several parts: members that differ in the first alone go together."""
        rows: dict[tuple[tuple[Field, Intervals], ...], list[Intervals]] = {}
        first = self._field(0)
        if self._set.kind == "hash:net,iface":
            self._own = self._without_narrower({member.text.partition(",")[0] for member in members})
        for member in members:
            if member.is_exception or member.expires:
                raise Obscure(f"members of {self._set.name} are exceptions, or expire")
            constraints = self._constraints(member)
            if constraints is not None:
                own = constraints.pop(first, None)
                rows.setdefault(tuple(sorted(constraints.items())), []).append(own or ((0, 2**128 - 1),))
        boxes = (
            Box.of({**dict(rest), first: normalize(pair for ranges in firsts for pair in ranges)})
            for rest, firsts in rows.items()
        )
        return tuple(box for box in boxes if box is not None)

    def _constraints(self, member: Member) -> Constraints | None:
        texts = member.text.split(",")
        if len(texts) != len(self._parts):
            raise Obscure(f"'{member.text[:60]}' is no member of a set of type {self._set.kind}")
        found: Constraints = {}
        for number, (part, text) in enumerate(zip(self._parts, texts, strict=True)):
            for name, ranges in self._part(part, text, number, member).items():
                found[name] = intersect(found[name], ranges) if name in found else ranges
        return found if all(found.values()) else None

    def _part(self, part: str, text: str, number: int, member: Member) -> Constraints:
        name = self._field(number)
        if part == "port":
            return _service(text, name)
        if part == "iface":
            return {name: self._interface(text, name, member)}
        return {name: self._own[text] if text in self._own else self._addresses(text)}

    def _without_narrower(self, texts: Iterable[str]) -> dict[str, Intervals]:
        """The networks, each without the others inside it. Raises Obscure."""
        networks = {self._addresses(text)[0]: text for text in texts if "-" not in text}
        inside: dict[Interval, list[Interval]] = {network: [] for network in networks}
        around: list[Interval] = []
        for network in sorted(networks, key=lambda one: (one[0], -one[1])):
            while around and around[-1][1] < network[0]:
                around.pop()
            if around:
                inside[around[-1]].append(network)
            around.append(network)
        return {
            networks[network]: intersect((network,), complement(normalize(others), 2**128 - 1))
            for network, others in inside.items()
        }

    def _field(self, number: int) -> Field:
        address, port, interface = _ENDS[self._directions[number]]
        return {"port": port, "iface": interface}.get(self._parts[number], address)

    def _interface(self, text: str, name: Field, member: Member) -> Intervals:
        if text.startswith("physdev:"):
            raise Obscure("a port of a bridge")
        if self._scene.is_nowhere(name):
            return ()
        interfaces: Interfaces = self._scene.interfaces
        return interfaces.starting(text) if member.is_wildcard else interfaces.exactly(text)

    def _addresses(self, text: str) -> Intervals:
        version = self._scene.version
        if "-" in text:
            return (values.span(text, version),)
        length = self._set.options.get("netmask", "")
        return values.network(f"{text}/{length}" if length and "/" not in text else text, version)


def _service(text: str, name: Field) -> Constraints:
    """`tcp:80`, `udp:53-60`, `icmp:8/0`, `gre:0`; without a protocol it is TCP. Raises Obscure."""
    first, colon, rest = text.rpartition(":")
    number = values.protocol(first) if colon else 6
    found: Constraints = {Field.PROTOCOL: ((number, number),)}
    if number in (ICMP, ICMPV6):
        return found | _icmp(rest, number)
    if number in _HAVE_PORTS:
        return found | {name: (values.ports(rest, "-"),)}
    if rest != "0":
        raise Obscure(f"'{text[:40]}' is not understood")
    return found


def _icmp(text: str, protocol: int) -> Constraints:
    known = names.ICMP if protocol == ICMP else names.ICMPV6
    kind, code = known.get(text, (None, None))
    if kind is None:
        first, _, last = text.partition("/")
        kind, code = values.number(first, 255), values.number(last or "0", 255)
    if kind is None:
        raise Obscure(f"'{text[:40]}' is not known as an ICMP type")
    return {Field.TYPE: ((kind, kind),), Field.CODE: ((code or 0, code or 0),)}
