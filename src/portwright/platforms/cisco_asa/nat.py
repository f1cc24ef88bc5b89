"""Address translation as written: object NAT, twice NAT, and their order.

    nat (REAL,MAPPED) [after-auto] source {static|dynamic} REAL-SRC MAPPED-SRC [destination static MAPPED-DST REAL-DST]
        [service REAL-SRC/MAPPED-DST MAPPED-SRC/REAL-DST] [options]
    object network NAME
     nat (REAL,MAPPED) {static|dynamic} MAPPED-SRC [service PROTOCOL REAL-PORT MAPPED-PORT] [options]

Cisco ASA Firewall CLI Configuration Guide, "NAT Rule Order": section 1 twice NAT as written; section 2 object NAT,
static before dynamic, then by number of real addresses, by lowest address, by name; section 3 twice NAT `after-auto`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from portwright.packets.box import Doubt, Match
from portwright.packets.fields import Field
from portwright.packets.intervals import Intervals
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.objects import Objects
from portwright.platforms.cisco_asa.values import ANY, VERSIONS, Addresses, host, network, parse_ip
from portwright.source import Source

# Options that change neither which packets pass nor how they are translated here.
_INERT = frozenset(("no-proxy-arp", "dns", "net-to-net", "round-robin", "extended", "flat", "include-reserve"))


_InPlace = Callable[[str], Addresses]  # what an address written in place of an object's name stands for


@dataclass(frozen=True, slots=True)
class PortMap:
    """Which ports a rule asks for and translates; None: any port, and it stays."""

    protocol: Intervals
    real_source: Intervals | None = None
    mapped_source: Intervals | None = None
    mapped_destination: Intervals | None = None
    real_destination: Intervals | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """One rule. `real` and `mapped` are the interfaces behind which each form of the source address is seen."""

    line: Line
    source: Source
    section: int
    real: str | None  # None: any interface
    mapped: str | None
    static: bool
    real_source: Addresses
    mapped_source: Addresses
    mapped_destination: Addresses | None = None  # None: the rule is not about the destination
    real_destination: Addresses | None = None
    ports: PortMap | None = None
    translates_ports: bool = False  # dynamic PAT: the source port becomes any port
    shares_interface: bool = False  # the mapped address is the firewall's own
    unidirectional: bool = False
    route_lookup: bool = False
    name: str = ""  # of the object, in section 2

    @property
    def real_doubts(self) -> tuple[Doubt, ...]:
        """Why it is not known which packets the rule translates."""
        return _doubts(self.real_source, self.real_destination)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why it is not known which packets it translates, and to what."""
        return _doubts(self.real_source, self.mapped_source, self.mapped_destination, self.real_destination)

    @property
    def keeps_high_ports(self) -> bool:
        """Report whether a source port above 1023 never becomes one of the reserved ports."""
        return "include-reserve" not in self.line.words

    @property
    def is_twice(self) -> bool:
        """Report whether it is a twice NAT rule, which no further rule follows."""
        return self.section != 2

    def order(self) -> tuple[int, int, int, int, int, str]:
        """The place in the order in which rules are tried."""
        if self.is_twice:
            return (self.section, 0, 0, 0, self.line.number, "")
        size = sum(last - first + 1 for v in VERSIONS for first, last in self.real_source.family(v).possible)
        lowest = min((self.real_source.family(v).possible[0][0] for v in VERSIONS if self._has(v)), default=0)
        return (2, 0 if self.static else 1, size, lowest, 0, self.name)

    def _has(self, version: int) -> bool:
        return bool(self.real_source.family(version).possible)


@dataclass(slots=True)
class _Draft:
    """What is known of a rule while its words are read."""

    pool: list[Addresses] = field(default_factory=list)
    pat: bool = False
    shares_interface: bool = False
    unidirectional: bool = False
    route_lookup: bool = False
    inactive: bool = False
    destination: tuple[Addresses, Addresses] | None = None
    ports: PortMap | None = None


class NatReader:
    """Reads translation rules."""

    def __init__(self, objects: Objects, ledger: Ledger, interface_addresses: Mapping[str, Addresses]):
        self._objects = objects
        self._ledger = ledger
        self._interface_addresses = interface_addresses

    def twice(self, line: Line) -> Translation | None:
        """The rule of a top-level `nat` line; None where it is inactive. Raises NotUnderstood."""
        cursor = Cursor(line.words[1:])
        real, mapped = self._pair(cursor)
        section = 3 if cursor.accept("after-auto") else 1
        if cursor.peek().isdecimal():
            raise NotUnderstood("a rule that goes in front of others")
        if not cursor.accept("source"):
            raise NotUnderstood(f"'{cursor.peek()}' is not understood here")
        static = self._kind(cursor)
        real_source = self._bare(cursor.take(), line)
        draft = _Draft()
        self._mapped(cursor, draft, line, mapped, None)
        self._options(cursor, draft, line, real)
        if draft.inactive:
            return None
        return self._finish(line, section, real, mapped, static, real_source, draft)

    def automatic(self, name: str, line: Line) -> Translation | None:
        """The rule of a `nat` line within a network object. Raises NotUnderstood."""
        cursor = Cursor(line.words[1:])
        real, mapped = self._pair(cursor)
        static = self._kind(cursor)
        real_source = self._objects.addresses("object", name, line)
        draft = _Draft()
        self._mapped(cursor, draft, line, mapped, self._alongside(name, real_source) if static else self._host)
        self._options(cursor, draft, line, real)
        found = self._finish(line, 2, real, mapped, static, real_source, draft)
        return replace(found, name=name)

    def _pair(self, cursor: Cursor) -> tuple[str | None, str | None]:
        if not cursor.peek().startswith("("):
            return None, None
        text = cursor.take()
        while not text.endswith(")"):
            text += cursor.take()
        names = text[1:-1].split(",")
        if len(names) != 2 or not all(names):
            raise NotUnderstood(f"'{text}' is not a pair of interfaces")
        return names[0] if names[0] != "any" else None, names[1] if names[1] != "any" else None

    @staticmethod
    def _kind(cursor: Cursor) -> bool:
        word = cursor.take()
        if word not in ("static", "dynamic"):
            raise NotUnderstood(f"'{word}' is neither static nor dynamic")
        return word == "static"

    def _bare(self, word: str, line: Line) -> Addresses:
        """The addresses of a name that may be an object's or a group's."""
        if word == "any":
            return ANY
        if word in self._objects.objects:
            return self._objects.addresses("object", word, line)
        return self._objects.addresses("object-group", word, line)

    def _mapped(
        self, cursor: Cursor, draft: _Draft, line: Line, interface: str | None, in_place: _InPlace | None
    ) -> None:
        """Read what the source becomes: an object, an address in place, a pool or the interface's address."""
        while True:
            if cursor.accept("pat-pool"):
                draft.pat = True
                draft.pool.append(self._mapped_name(cursor.take(), line, in_place))
            elif cursor.accept("interface"):
                cursor.accept("ipv6")
                draft.shares_interface = draft.pat = True
                draft.pool.append(self._own(interface))
            elif not draft.pool:
                draft.pool.append(self._mapped_name(cursor.take(), line, in_place))
            elif cursor.peek() in ("round-robin", "extended", "flat", "include-reserve", "block-allocation"):
                cursor.take()
            else:
                return

    def _mapped_name(self, word: str, line: Line, in_place: _InPlace | None) -> Addresses:
        if in_place is None or word in self._objects.objects or word in self._objects.groups or word == "any":
            return self._bare(word, line)
        return in_place(word)

    def _host(self, word: str) -> Addresses:
        """The address of dynamic port translation."""
        return host(word, self._objects.names)

    def _alongside(self, name: str, real: Addresses) -> _InPlace:
        """A static rule's address in place stands for as many addresses as the object has, a subnet for a subnet."""

        def mapped(word: str) -> Addresses:
            if "/" in word:
                return network(Cursor((word,)), self._objects.names)
            version, address = parse_ip(word, self._objects.names)
            ranges = real.family(version).possible
            if len(ranges) != 1:
                raise NotUnderstood(f"{word} does not stand for a single range of addresses")
            size = ranges[0][1] - ranges[0][0] + 1
            first = address - address % size if self._objects.is_subnet(name) else address
            return Addresses.exact(version, ((first, first + size - 1),))

        return mapped

    def _own(self, interface: str | None) -> Addresses:
        found = self._interface_addresses.get(interface or "")
        return found if found is not None else Addresses.doubtful(Doubt("the interface's address is not in the file"))

    def _options(self, cursor: Cursor, draft: _Draft, line: Line, real: str | None) -> None:
        while not cursor.done:
            match cursor.take():
                case "destination":
                    self._destination(cursor, draft, line, real)
                case "service":
                    draft.ports = self._service(cursor, line)
                case "unidirectional":
                    draft.unidirectional = True
                case "route-lookup":
                    draft.route_lookup = True
                case "inactive":
                    draft.inactive = True
                case "description":
                    cursor.rest()
                case word if word not in _INERT:
                    raise NotUnderstood(f"'{word}' is not understood here")

    def _destination(self, cursor: Cursor, draft: _Draft, line: Line, interface: str | None) -> None:
        """Read `destination static {MAPPED|interface} REAL`; `interface` is the one on which such packets arrive."""
        if not cursor.accept("static"):
            raise NotUnderstood(f"'{cursor.peek()}' is not understood after destination")
        if cursor.accept("interface"):
            cursor.accept("ipv6")
            mapped = self._own(interface)
        else:
            mapped = self._bare(cursor.take(), line)
        draft.destination = (mapped, self._bare(cursor.take(), line))

    def _service(self, cursor: Cursor, line: Line) -> PortMap:
        if cursor.peek() in ("tcp", "udp", "sctp"):
            protocol = services.protocol_numbers(cursor.take())
            real, mapped = services.port(cursor.take()), services.port(cursor.take())
            return PortMap(protocol, ((real, real),), ((mapped, mapped),))
        first, second = self._service_object(cursor.take(), line), self._service_object(cursor.take(), line)
        if first[0] != second[0]:
            raise NotUnderstood("the two services are of different protocols")
        return PortMap(first[0], first[1], second[1], first[2], second[2])

    def _service_object(self, name: str, line: Line) -> tuple[Intervals, Intervals | None, Intervals | None]:
        """Protocol, source ports and destination ports of a service object."""
        if name == "any":
            return (((0, 255),), None, None)
        reference = "object" if name in self._objects.objects else "object-group"
        return _single(name, self._objects.services(reference, name, line))

    def _finish(
        self,
        line: Line,
        section: int,
        real: str | None,
        mapped: str | None,
        static: bool,
        real_source: Addresses,
        draft: _Draft,
    ) -> Translation:
        pool = Addresses.union(draft.pool)
        if not any(real_source.family(v).possible and pool.family(v).possible for v in VERSIONS):
            raise NotUnderstood("it translates between IPv4 and IPv6, or has no addresses")
        single = all(sum(last - first + 1 for first, last in pool.family(v).possible) <= 1 for v in VERSIONS)
        to_map, to_real = draft.destination or (None, None)
        return Translation(
            line,
            line.source(self._ledger.file),
            section,
            real,
            mapped,
            static,
            real_source,
            pool,
            to_map,
            to_real,
            draft.ports,
            not static and (draft.pat or single),
            draft.shares_interface,
            draft.unidirectional,
            draft.route_lookup,
        )


def _single(name: str, found: Match) -> tuple[Intervals, Intervals | None, Intervals | None]:
    if not found.is_certain or len(found.possible) != 1:
        raise NotUnderstood(f"{name} is not a single service")
    ports = dict(found.possible[0].constraints)
    return found.possible[0].get(Field.PROTOCOL), ports.get(Field.SPORT), ports.get(Field.DPORT)


def _doubts(*ends: Addresses | None) -> tuple[Doubt, ...]:
    return tuple(dict.fromkeys(doubt for end in ends if end is not None for doubt in end.doubts))


def is_legacy(line: Line) -> bool:
    """Report whether a `nat` line is of a release before 8.3: `nat (inside) 1 0.0.0.0 0.0.0.0`."""
    return len(line.words) > 2 and line.words[1].startswith("(") and "," not in line.words[1]


def interfaces_of(line: Line) -> list[str]:
    """The interfaces that a `nat` line names, `any` left out; blanks inside the parentheses do not matter."""
    pair, closing, _ = "".join(line.words[1:]).partition(")")
    return [name for name in pair[1:].split(",") if name not in ("", "any")] if pair[:1] == "(" and closing else []


def shift_between(one: Intervals, other: Intervals) -> int | None:
    """How far each value of `one` moves to become the value of `other` in the same place; None where they differ."""
    if one == other:
        return 0
    if len(one) != 1 or len(other) != 1 or one[0][1] - one[0][0] != other[0][1] - other[0][0]:
        return None
    return other[0][0] - one[0][0]
