"""Access lists: extended entries to rules, in ASA's own syntax.

    access-list NAME [line N] [extended] {deny|permit} PROTOCOL [USER] [SGT] SOURCE [PORTS] [SGT] DESTINATION [PORTS]
        [ICMP-TYPE [CODE]] [log ...] [inactive | time-range NAME]

Cisco ASA Series Command Reference, "access-list extended". Masks are network masks, not wildcards.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from portwright.packets.box import ALWAYS, Doubt, Match
from portwright.packets.fields import ICMP, ICMPV6, Field
from portwright.packets.intervals import Intervals
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.names import LOG_LEVELS
from portwright.platforms.cisco_asa.objects import Objects
from portwright.platforms.cisco_asa.values import ANY, ANY4, ANY6, Addresses, Values, host, network
from portwright.policy.model import Rule, Verdict

_ACTIONS = {"permit": Verdict.ACCEPT, "deny": Verdict.DROP}
_USERS = frozenset(("user", "user-group", "object-group-user"))
_NETWORK_SERVICES = frozenset(("object-group-network-service", "object-network-service"))
_OTHER_ETHERNET = frozenset(("bpdu", "ipx", "eii-ipx", "isis", "is-is", "mpls-unicast", "mpls-multicast", "dsap"))
_COUNTED = re.compile(r"\(hitcnt=\d+\)|0x[0-9a-f]{1,16}")  # what `show access-list` adds to an entry
_LONGEST_NUMBER = 10  # digits; no list has as many entries
EXTENDED, STANDARD, IPV6, ETHERTYPE, WEBTYPE = "extended", "standard", "ipv6", "ethertype", "webtype"


@dataclass(slots=True)
class AccessList:
    """An access list as written."""

    name: str
    kind: str
    first: Line  # where it begins, a remark included
    lines: list[Line] = field(default_factory=list)  # remarks left out
    is_numbered: bool = False  # the last line came with its number
    last: int = 0  # the number that the last line has or would be shown with, remarks included

    def is_in_order(self, words: tuple[str, ...]) -> bool:
        """Count one more line and report whether it stands behind the others.

        `show access-list` prints numbers in order, an entry with groups under one number with all that it stands for;
        a number that is taken puts an entry in front of others.
        """
        is_numbered = words[2:3] == ("line",) and words[3:4] and words[3].isdecimal()
        number = int(words[3][:_LONGEST_NUMBER]) if is_numbered else None
        repeated = self.is_numbered and number == self.last
        in_order = number is None or number > self.last or repeated
        self.last, self.is_numbered = self.last + 1 if number is None else max(self.last, number), number is not None
        return in_order


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry may refer to."""

    objects: Objects
    ledger: Ledger
    interface_addresses: Mapping[str, Addresses]  # what `interface NAME` stands for
    time_ranges: Mapping[str, Line]
    unified: bool  # from 9.0 on `any` means IPv4 and IPv6, and one access list holds both


def kind_of(words: tuple[str, ...]) -> str:
    """The kind of access list that a line `access-list NAME ...` belongs to."""
    rest = words[4:] if words[2:3] == ("line",) else words[2:]
    return rest[0] if rest[:1] in ((STANDARD,), (ETHERTYPE,), (WEBTYPE,)) else EXTENDED


def is_remark(words: tuple[str, ...]) -> bool:
    """Report whether a line `access-list NAME ...` is a remark."""
    return (words[4:5] if words[2:3] == ("line",) else words[2:3]) == ("remark",)


def is_inactive(words: tuple[str, ...]) -> bool:
    """Report whether an entry is switched off: it never matches."""
    if "(inactive)" in words[-2:]:  # as `show access-list` has it
        return True
    return words[-1] == "inactive" and words[-2] not in ("object", "object-group", "interface", "time-range")


def denies_ethernet_ip(words: tuple[str, ...]) -> bool:
    """Report whether an entry of an access list of Ethernet types denies what may be IP."""
    return "deny" in words and not _OTHER_ETHERNET & set(words)


def rules_of(access_list: AccessList, context: Context) -> tuple[Rule, ...]:
    """The rules of an extended access list, without the implicit deny at its end."""
    return tuple(
        _Entry(line, access_list.kind == IPV6, context).rule()
        for line in access_list.lines
        if not is_inactive(line.words)
    )


class _Entry:
    """One entry while it is read: `parts` narrows down the packets from left to right."""

    def __init__(self, line: Line, ipv6: bool, context: Context):
        self._line = line
        self._context = context
        self._objects = context.objects
        self._cursor = Cursor(line.words)
        self._any = ANY6 if ipv6 else ANY if context.unified else ANY4
        self._match = ALWAYS
        self._doubts: list[Doubt] = []
        self._action = Verdict.ACCEPT | Verdict.DROP

    def rule(self) -> Rule:
        """The rule for the entry; uncertain where something in it is not understood."""
        source = self._line.source(self._context.ledger.file)
        try:
            self._read()
        except NotUnderstood as problem:
            self._context.ledger.not_understood(self._line, problem)
            self._doubts.append(Doubt(f"not understood: {problem}", source))
        match = self._match
        if self._doubts:
            match = Match((), match.possible, tuple(dict.fromkeys((*match.doubts, *self._doubts))))
        reason = "; ".join(doubt.reason for doubt in match.doubts[:3])
        return Rule(match, self._action, source, reason=reason)

    def _read(self) -> None:
        cursor = self._cursor
        cursor.accept("ipv6")
        cursor.take(), cursor.take()  # access-list NAME
        if cursor.accept("line"):
            cursor.take()
        cursor.accept("extended")
        word = cursor.take()
        if word not in _ACTIONS:
            raise NotUnderstood(f"'{word}' is not permit or deny")
        self._action = _ACTIONS[word]
        protocols = self._protocol()
        self._users()
        self._end(Field.SRC, Field.SPORT, protocols)
        self._end(Field.DST, Field.DPORT, protocols)
        self._icmp(protocols)
        self._options()

    def _protocol(self) -> Intervals:
        """Read the protocol or service and return the protocols that may have ports or types of their own after it."""
        cursor = self._cursor
        for reference in ("object", "object-group"):
            if cursor.accept(reference):
                name = cursor.take()
                self._match &= self._objects.services(reference, name, self._line)
                group = self._objects.groups.get(name) if reference == "object-group" else None
                is_protocols = group is not None and group.kind == "protocol"
                return self._match.possible[0].get(Field.PROTOCOL) if is_protocols and self._match.possible else ()
        numbers = services.protocol_numbers(cursor.take())
        self._match &= services.protocols(Values.exact(numbers))
        return numbers

    def _users(self) -> None:
        while self._cursor.peek() in _USERS:
            self._doubts.append(Doubt("holds only for certain users"))
            self._cursor.take(), self._cursor.take()

    def _security_group(self) -> None:
        cursor = self._cursor
        if cursor.accept("security-group"):
            cursor.take(), cursor.take()  # {name|tag} VALUE
        elif cursor.accept("object-group-security"):
            cursor.take()
        else:
            return
        self._doubts.append(Doubt("holds only for certain security groups"))

    def _end(self, address: Field, port: Field, protocols: Intervals) -> None:
        self._security_group()
        self._match &= self._addresses().match(address)
        if services.has_ports(protocols) and protocols:
            self._ports(port)

    def _addresses(self) -> Addresses:
        cursor, line = self._cursor, self._line
        match cursor.peek():
            case "any" | "any4" | "any6":
                return {"any": self._any, "any4": ANY4, "any6": ANY6}[cursor.take()]
            case "host":
                cursor.take()
                return host(cursor.take(), self._objects.names)
            case "object" | "object-group":
                return self._objects.addresses(cursor.take(), cursor.take(), line)
            case "interface":
                cursor.take()
                return self._interface(cursor.take())
            case word if word in _NETWORK_SERVICES:
                cursor.take(), cursor.take()
                return Addresses.doubtful(Doubt("network services are names that the firewall looks up"))
        return network(cursor, self._objects.names)

    def _interface(self, name: str) -> Addresses:
        found = self._context.interface_addresses.get(name)
        return found if found is not None else Addresses.doubtful(Doubt(f"interface {name} has no known address"))

    def _ports(self, name: Field) -> None:
        cursor = self._cursor
        if cursor.peek() in services.OPERATORS:
            self._match &= Values.exact(services.ports(cursor)).match(name)
        elif cursor.peek() == "object-group" and self._objects.is_port_group(cursor.peek(1)):
            cursor.take()
            self._match &= self._objects.values(cursor.take(), "service", Field.DPORT, self._line).match(name)

    def _icmp(self, protocols: Intervals) -> None:
        cursor = self._cursor
        if protocols not in (((ICMP, ICMP),), ((ICMPV6, ICMPV6),)):
            return
        if cursor.accept("object-group"):
            if protocols[0][0] == ICMPV6:  # the same name is another number there
                cursor.take()
                self._doubts.append(Doubt("which ICMPv6 types an icmp-type group means is not known"))
                return
            self._match &= self._objects.values(cursor.take(), "icmp-type", Field.TYPE, self._line).match(Field.TYPE)
        else:
            self._match &= services.icmp(cursor, protocols[0][0])

    def _options(self) -> None:
        cursor = self._cursor
        while not cursor.done:
            match cursor.take():
                case "log":
                    self._log()
                case "time-range":
                    self._time_range(cursor.take())
                case word if _COUNTED.fullmatch(word):
                    pass
                case word:
                    raise NotUnderstood(f"'{word}' is not understood here")

    def _log(self) -> None:
        cursor = self._cursor
        if cursor.peek() in LOG_LEVELS or cursor.peek() in ("disable", "default") or cursor.peek().isdecimal():
            cursor.take()
        if cursor.accept("interval"):
            cursor.take()

    def _time_range(self, name: str) -> None:
        definition = self._context.time_ranges.get(name)
        if definition is None:
            self._context.ledger.undefined(self._line, f"time-range {name} is not defined")
        place = definition.source(self._context.ledger.file) if definition else None
        self._doubts.append(Doubt(f"holds only during time-range {name}", place))
