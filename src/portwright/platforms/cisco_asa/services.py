"""Protocols, ports and ICMP types: what service objects and entries of access lists say about them.

A service is a `Match` over protocol, ports, ICMP type and code.
"""

from collections.abc import Iterable

from portwright.packets.box import ALWAYS, Box, Boxes, Match
from portwright.packets.fields import ICMP, ICMPV6, LAST, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals, complement, normalize
from portwright.platforms.cisco_asa.lines import Cursor, NotUnderstood
from portwright.platforms.cisco_asa.names import ICMP_NAMES, PORTS, PROTOCOLS, TCP_AND_UDP
from portwright.platforms.cisco_asa.values import Values, few

OPERATORS = frozenset(("eq", "neq", "lt", "gt", "range"))
_LAST_PORT = LAST[Field.DPORT]
_VERSION_OF = {ICMP: 4, ICMPV6: 6}


def protocol_numbers(word: str) -> Intervals:
    """The protocols that a word means; all for `ip`. Raises NotUnderstood."""
    if word == "ip":
        return ((0, LAST[Field.PROTOCOL]),)
    if word == "tcp-udp":
        return TCP_AND_UDP
    number = int(word) if word.isdecimal() and len(word) <= 3 else PROTOCOLS.get(word, -1)
    if not 0 <= number <= LAST[Field.PROTOCOL]:
        raise NotUnderstood(f"'{word}' is not a protocol")
    return ((number, number),)


def protocols(values: Values) -> Match:
    """The packets of these protocols; ICMP goes with IPv4 and ICMPv6 with IPv6."""
    if values == Values.exact(((0, LAST[Field.PROTOCOL]),)):
        return ALWAYS
    possible = _protocol_boxes(values.possible)
    return Match(_protocol_boxes(values.sure) if values.doubts else possible, possible, values.doubts)


def _protocol_boxes(numbers: Intervals) -> Boxes:
    if len(numbers) == 1 and numbers[0][0] == numbers[0][1] and numbers[0][0] in _VERSION_OF:
        version = _VERSION_OF[numbers[0][0]]
        return (Box(((Field.VERSION, ((version, version),)), (Field.PROTOCOL, numbers))),)
    box = Box.of({Field.PROTOCOL: numbers})
    return (box,) if box else ()


def port(word: str) -> int:
    """A port number from its number or name. Raises NotUnderstood."""
    number = int(word) if word.isdecimal() and len(word) <= 5 else PORTS.get(word, -1)
    if not 0 <= number <= _LAST_PORT:
        raise NotUnderstood(f"'{word}' is not a port")
    return number


def ports(cursor: Cursor) -> Intervals:
    """Ports after an operator: `eq www`, `range 1024 65535`. Raises NotUnderstood."""
    operator = cursor.take()
    if operator not in OPERATORS:
        raise NotUnderstood(f"'{operator}' is not an operator on ports")
    first = port(cursor.take())
    match operator:
        case "range":
            last = port(cursor.take())
            return ((min(first, last), max(first, last)),)
        case "neq":
            return complement(((first, first),), _LAST_PORT)
        case "lt":
            return ((0, first - 1),) if first else ()
        case "gt":
            return ((first + 1, _LAST_PORT),) if first < _LAST_PORT else ()
    return ((first, first),)


def icmp_type(word: str, protocol: int) -> int:
    """An ICMP type from its number or its name. Raises NotUnderstood."""
    number = int(word) if word.isdecimal() and len(word) <= 3 else ICMP_NAMES[protocol].get(word, -1)
    if not 0 <= number <= LAST[Field.TYPE]:
        raise NotUnderstood(f"'{word}' is not an ICMP type")
    return number


def is_icmp_type(word: str, protocol: int) -> bool:
    """Report whether a word is an ICMP type."""
    return word.isdecimal() or word in ICMP_NAMES[protocol]


def icmp(cursor: Cursor, protocol: int) -> Match:
    """ICMP with an optional type and code. Raises NotUnderstood."""
    found = protocols(Values.exact(((protocol, protocol),)))
    if cursor.done or not is_icmp_type(cursor.peek(), protocol):
        return found
    number = icmp_type(cursor.take(), protocol)
    found &= Values.exact(((number, number),)).match(Field.TYPE)
    if cursor.peek().isdecimal():
        code = cursor.number(LAST[Field.CODE], "an ICMP code")
        found &= Values.exact(((code, code),)).match(Field.CODE)
    return found


def service(cursor: Cursor) -> Match:
    """`tcp source gt 1023 destination eq https`, `icmp echo`, `esp`. Raises NotUnderstood."""
    word = cursor.take()
    numbers = protocol_numbers(word)
    if word in ("icmp", "icmp6"):
        return icmp(cursor, numbers[0][0])
    found = protocols(Values.exact(numbers))
    if not has_ports(numbers):
        return found
    if cursor.accept("source"):
        found &= Values.exact(ports(cursor)).match(Field.SPORT)
    if cursor.accept("destination") or cursor.peek() in OPERATORS:  # before 8.3 without the word
        found &= Values.exact(ports(cursor)).match(Field.DPORT)
    return found


def has_ports(numbers: Intervals) -> bool:
    """Report whether every one of these protocols has ports."""
    return all(first == last and first in PORT_PROTOCOLS for first, last in numbers) or numbers == TCP_AND_UDP


def any_of(services: Iterable[Match]) -> Match:
    """The packets of any of the services; boxes that differ in the destination port alone become one."""
    services = tuple(services)
    doubts = few(doubt for found in services for doubt in found.doubts)
    possible = _joined(box for found in services for box in found.possible)
    return Match(_joined(box for found in services for box in found.sure) if doubts else possible, possible, doubts)


def _joined(boxes: Iterable[Box]) -> Boxes:
    together: dict[tuple[tuple[Field, Intervals], ...], list[tuple[int, int]]] = {}
    for box in boxes:
        others = tuple(pair for pair in box.constraints if pair[0] is not Field.DPORT)
        together.setdefault(others, []).extend(box.get(Field.DPORT))
    joined = (Box.of(dict(others) | {Field.DPORT: normalize(found)}) for others, found in together.items())
    return tuple(box for box in joined if box is not None)
