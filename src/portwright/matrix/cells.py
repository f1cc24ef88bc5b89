"""What people write into the cells for protocol and ports: `80, 443`, `tcp/443`, `TCP 443, UDP 53`, `HTTPS (8443)`.

Theory of operation: a cell falls into parts at commas, semicolons and line ends, a part into protocols, ports and
words. Protocols stand before their ports (`TCP 80, 443`) or after them (`80/tcp`); a group is what belongs together.
Words before a number are its label (`HTTP 8080`), words without one are services by name; whatever is neither is a
problem, never ignored.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from portwright.packets import intervals
from portwright.packets.fields import ICMP, LAST, PORT_PROTOCOLS, TCP, UDP, Field
from portwright.packets.intervals import EMPTY, Intervals
from portwright.packets.names import PORTS, PROTOCOLS, protocol_name
from portwright.shapes import shorten

EVERY_PORT: Intervals = ((0, LAST[Field.DPORT]),)
ANY = -1  # any protocol
_ANY_WORDS = frozenset("any all * alle beliebig every jeder jedes tous todos".split())
NOTHING = frozenset(["", *"- -- – — / n/a na n.a. none k.a. entfaellt entfällt keine".split()])
_PROTOCOL_WORDS = PROTOCOLS | {  # beside the names of IANA
    "ping": ICMP, "icmpv4": ICMP, "icmp4": ICMP, "echo-request": ICMP, "icmp6": 58, "ipv6-icmp": 58, "ipsec-esp": 50,
    "ipsec-ah": 51, "ip": ANY, "ipv4": ANY,
}  # fmt: skip
_NUMBERED = ("ip", "proto", "protocol", "protokoll")  # `IP 50` is protocol 50
_NAMES = PORTS | {"smb": 445, "cifs": 445, "mssql": 1433, "ms-sql": 1433, "ike": 500}  # beside the names of IANA
_BY_UDP = {  # IANA "service-names-port-numbers": by name alone, other than TCP only
    "domain": (TCP, UDP), "dns": (TCP, UDP), "kerberos": (TCP, UDP), "kpasswd": (TCP, UDP), "ntp": (UDP,),
    "netbios-ns": (UDP,), "netbios-dgm": (UDP,), "isakmp": (UDP,), "ike": (UDP,), "ipsec-nat-t": (UDP,),
    "ms-sql-m": (UDP,),
}  # fmt: skip
_ECHO_WORDS = frozenset("echo ping request type code echo-request".split())
_JOINS = frozenset("/ + & | : und and or oder et y e ou".split())
_NEGATIONS = frozenset("not no except but without nicht kein keine ausser außer ohne sauf excepto".split())
_HINT = "write 443, 8000-8010, 80,443, tcp/443 or the name of a service such as https"


class Wrong(ValueError):
    """A cell says nothing that is understood."""

    def __init__(self, column: str, message: str, hint: str = ""):
        super().__init__(message)
        self.column, self.hint = column, hint  # the field whose cell it is


@dataclass(frozen=True, slots=True, order=True)
class Transport:
    """One protocol, and its ports."""

    protocol: int  # IP protocol number
    ports: Intervals  # empty for protocols without ports


class _Kind(Enum):
    PROTOCOL = "protocol"
    PORTS = "ports"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class _Item:
    """A protocol, ports, or a word that is no number."""

    kind: _Kind
    text: str
    protocol: int = ANY
    ports: Intervals = EMPTY
    natural: tuple[int, ...] = ()  # protocols of a service that is known by name


@dataclass(slots=True)
class _Group:
    """Protocols and the ports that belong to them. No protocols: those of the protocol column."""

    protocols: list[int] = field(default_factory=list)
    ports: list[_Item] = field(default_factory=list)
    is_open: bool = True  # ports that follow belong to it


def read_transports(protocol: str, ports: str, service: str) -> tuple[frozenset[Transport], bool]:
    """What the three cells of a row name, and whether TCP was assumed because none of them says the protocol.

    Raises Wrong.
    """
    by_column = _protocols(protocol)
    column, text = _telling(protocol, ports, service)
    if by_column == {ICMP}:
        text = " ".join(word for word in text.split() if word.lower() not in _ECHO_WORDS)
    groups = _groups(text, column) or [_Group()]
    said = {one for group in groups for one in group.protocols}
    if strange := [one for one in sorted(said) if by_column and ANY not in by_column and one not in by_column]:
        names = ", ".join(map(protocol_name, sorted(by_column)))
        raise Wrong(column, f"says {_name(strange[0])}, and the protocol column {names}")
    found = [_transports(group, by_column, column) for group in groups]
    assumed = any(guessed for _, guessed in found)
    return frozenset(_gathered(one for transports, _ in found for one in transports)), assumed


def _telling(protocol: str, ports: str, service: str) -> tuple[str, str]:
    """The cell that says the ports, and its field."""
    if says(ports):
        return "ports", ports
    if says(service):
        return "service", service
    return ("protocol", protocol) if _names_service(protocol) else ("ports", "")


def says(text: str) -> bool:
    """Report whether a cell says anything: `-` and `n/a` do not."""
    return text.strip().lower() not in NOTHING


def read_source_ports(text: str) -> Intervals:
    """Source ports where they are fixed; empty for any, and for those from 1024. Raises Wrong."""
    words = {"ephemeral", "dynamic", "high", "highports", "random", "dynamisch"}
    if not says(text) or text.strip().lower() in words:
        return EMPTY
    items = [item for part in _parts(text, "source_ports") for item in part if item.kind is not _Kind.PROTOCOL]
    found = intervals.normalize(span for item in items for span in _numbers(item, "source_ports").ports)
    return EMPTY if found in (EVERY_PORT, ((1, 65535),), ((1024, 65535),)) else found


def _name(protocol: int) -> str:
    return "any protocol" if protocol == ANY else protocol_name(protocol)


def _protocols(text: str) -> frozenset[int]:
    """The protocols that a protocol cell names; empty where it says nothing. Raises Wrong."""
    if not says(text):
        return frozenset()
    found: set[int] = set()
    numbered = False
    for word in re.findall(r"[^\s,;/&+|()]+", text.lower()):
        if word in _JOINS:
            continue
        if word in _NUMBERED[1:] or (word == "ip" and re.search(r"\bip\W*[0-9]", text.lower())):
            numbered = True
            continue
        found |= _protocol(word)
    return frozenset(found or ({ANY} if numbered else ()))


def _protocol(word: str) -> set[int]:
    """The protocol that a word of the protocol cell names. Raises Wrong."""
    if word in _ANY_WORDS:
        return {ANY}
    if word in _PROTOCOL_WORDS:
        return {_PROTOCOL_WORDS[word]}
    if word in _NAMES:
        return set(_BY_UDP.get(word, (TCP,)))
    number = re.fullmatch(r"([0-9]{1,3})(\.0+)?", word)
    if number and int(number[1]) <= LAST[Field.PROTOCOL]:
        return {int(number[1])}
    if "-" in word:
        return set().union(*(_protocol(part) for part in word.split("-", 3) if part))
    raise Wrong("protocol", f"'{shorten(word)}' is not an IP protocol", "write tcp, udp, icmp, esp or a number to 255")


def _names_service(text: str) -> bool:
    return any(word in _NAMES for word in re.findall(r"[^\s,;/&+|()]+", text.lower()))


def _transports(group: _Group, by_column: frozenset[int], column: str) -> tuple[list[Transport], bool]:
    """The group as services, and whether TCP was assumed. Raises Wrong."""
    protocols = set(group.protocols) or set(by_column)
    if not protocols:
        if not group.ports:
            raise Wrong(column, "says neither protocol nor port", _HINT)
        by_nature = [Transport(one, item.ports) for item in group.ports for one in item.natural or (TCP,)]
        return by_nature, any(not item.natural for item in group.ports)
    ports = intervals.normalize(span for item in group.ports for span in item.ports)
    if ANY in protocols:
        if not ports or ports == EVERY_PORT:
            raise Wrong(column, "says any protocol and any port", "write which protocols: TCP/UDP with port any, ICMP")
        protocols = protocols - {ANY} | {TCP, UDP}
    return [_transport(protocol, ports, protocols, column) for protocol in protocols], False


def _gathered(found: Iterable[Transport]) -> Iterator[Transport]:
    """All ports of each protocol together."""
    by_protocol: dict[int, Intervals] = {}
    for one in found:
        by_protocol[one.protocol] = intervals.union(by_protocol.get(one.protocol, EMPTY), one.ports)
    return (Transport(protocol, ports) for protocol, ports in by_protocol.items())


def _transport(protocol: int, ports: Intervals, together: set[int], column: str) -> Transport:
    name = protocol_name(protocol)
    if protocol in PORT_PROTOCOLS:
        if not ports:
            raise Wrong(column, f"says no port for {name}", "write any if every port is meant")
        return Transport(protocol, ports)
    echo = ((0, 0), (8, 8))  # RFC 792: echo reply and request
    if ports in (EMPTY, EVERY_PORT) or together & set(PORT_PROTOCOLS):
        return Transport(protocol, EMPTY)
    if protocol == ICMP and all(span in echo for span in ports):
        return Transport(protocol, EMPTY)
    hint = "of ICMP, the catalog has the echo request (ping, type 8)" if protocol == ICMP else "leave the ports empty"
    raise Wrong(column, f"{name} has no ports", hint)


def _groups(text: str, column: str) -> list[_Group]:
    """Which ports belong to which protocols. Raises Wrong."""
    groups: list[_Group] = []
    protocols: list[int] = []  # that wait for their ports
    ports: list[_Item] = []  # that wait for their protocols
    for part in _parts(text, column):
        for run in _runs(part):
            said = [item.protocol for item in run if item.kind is _Kind.PROTOCOL]
            numbers = [item for item in run if item.kind is _Kind.PORTS]
            if not said:
                (groups[-1].ports if groups and groups[-1].is_open else ports).extend(numbers)
            elif numbers:
                begins = run[0].kind is _Kind.PROTOCOL
                groups.append(_Group(protocols + said, ports + numbers, begins))
                protocols, ports = [], []
            elif not any(one in PORT_PROTOCOLS or one == ANY for one in said):
                groups.append(_Group(said, is_open=False))
            elif ports:
                groups.append(_Group(said, ports, is_open=False))
                ports = []
            elif groups and not groups[-1].is_open and groups[-1].ports:
                groups[-1].protocols.extend(said)
            else:
                protocols.extend(said)
    if protocols:
        groups.append(_Group(protocols))
    return [*groups, _Group([], ports)] if ports else groups


def _runs(part: list[_Item]) -> Iterator[list[_Item]]:
    """The part in runs of protocols and their ports: `443/tcp 53/udp` has two."""
    run: list[_Item] = []
    for item in part:
        if run and item.kind is run[0].kind and run[-1].kind is not run[0].kind:
            yield run
            run = []
        run.append(item)
    if run:
        yield run


_OPENING = re.compile(r"\(([^()]*)\)")
_GLUED = re.compile(r"\b(tcp|udp|sctp)[-_:]?(?=[0-9])|(?<=[0-9])[-_]?(?=(?:tcp|udp|sctp)\b)", re.IGNORECASE)
_RANGE = re.compile(r"(?<=[0-9])\s?(?:[-‐‑‒–—―−~…]|\.\.\.?|:|\b(?:to|bis|through)\b)\s?(?=[0-9])", re.IGNORECASE)
_WORD = re.compile(r"[0-9][0-9a-z.-]*|[<>≥≤]=?\s?[0-9]{1,5}|[^\W\d_][\w.*-]*|[^\s]")
_NUMBER = re.compile(r"([0-9]{1,5})(?:\.0+)?(?:-([0-9]{1,5})(?:\.0+)?)?")
_BOUND = re.compile(r"([<>≥≤])(=?)\s?([0-9]{1,5})")


def _parts(text: str, column: str) -> list[list[_Item]]:
    """The parts of a cell, labels left out. Raises Wrong."""
    text = _OPENING.sub(_spliced, text.lower())
    parts = []
    for words in re.split(r"[,;\n]", text):
        words = " ".join(words.replace("(", " ").replace(")", " ").split())
        words = _RANGE.sub("-", _GLUED.sub(lambda glued: f"{glued[1] or ''} ", words))
        if items := _items(words, column):
            parts.append(items)
    return parts


def _spliced(found: re.Match[str]) -> str:
    """What stands in parentheses: a remark is left out, numbers and protocols are not."""
    words = re.findall(r"[a-z0-9-]+", found[1])
    says_something = any(word in _PROTOCOL_WORDS or any(c.isdecimal() for c in word) for word in words)
    return f" {found[1]} " if says_something else " "


def _items(part: str, column: str) -> list[_Item]:
    """One part as protocols and ports; words become ports or vanish as the label of a number. Raises Wrong."""
    items = list(_scanned(_WORD.findall(part), column))
    if [item for item in items if item.protocol == ICMP and item.kind is _Kind.PROTOCOL]:
        items = [item for item in items if item.text not in _ECHO_WORDS or item.kind is _Kind.PROTOCOL]
    first = next((i for i, item in enumerate(items) if item.kind is _Kind.PORTS), None)
    if first is not None:
        items = [item for i, item in enumerate(items) if i > first or not _may_be_label(item)]
    elif any(item.kind is _Kind.PROTOCOL and item.protocol not in PORT_PROTOCOLS for item in items):
        items = _without_label(items)
    numbers = intervals.normalize(span for item in items for span in item.ports)
    named = [_numbers(item, column) for item in items]
    return [
        item
        for item, before in zip(named, items, strict=True)
        if before.kind is not _Kind.WORD or not _labels(item, numbers, column)
    ]


def _may_be_label(item: _Item) -> bool:
    """Report whether the item is a word that changes nothing about the number after it."""
    return item.kind is _Kind.WORD and item.text[0].isalpha() and item.text not in _NEGATIONS


def _without_label(items: list[_Item]) -> list[_Item]:
    """`IPsec ESP` is ESP: words before a protocol without ports."""
    first = next(i for i, item in enumerate(items) if item.kind is _Kind.PROTOCOL)
    return items[first:] if all(_may_be_label(item) and item.text not in _NAMES for item in items[:first]) else items


def _labels(item: _Item, numbers: Intervals, column: str) -> bool:
    """Report whether a service name after numbers only repeats one of them. Raises Wrong when it says another."""
    if numbers and not intervals.intersect(item.ports, numbers):
        raise Wrong(column, f"'{shorten(item.text)}' follows a number that is not its port", "put remarks in (...)")
    return bool(numbers)


def _numbers(item: _Item, column: str) -> _Item:
    """The item as a protocol or ports. Raises Wrong for a word that is no service."""
    if item.kind is not _Kind.WORD:
        return item
    if item.text not in _NAMES:
        raise Wrong(column, f"'{shorten(item.text)}' is neither a port nor the name of a service", _HINT)
    port = _NAMES[item.text]
    return _Item(_Kind.PORTS, item.text, ports=((port, port),), natural=_BY_UDP.get(item.text, (TCP,)))


def _scanned(words: list[str], column: str) -> Iterator[_Item]:
    words = [word for word in words if word not in _JOINS]
    numbered = False  # `ip` or `protocol` came before: a number is that of a protocol
    for place, word in enumerate(words):
        follows = words[place + 1] if place + 1 < len(words) else ""
        is_number = numbered and re.fullmatch(r"[0-9]{1,3}", word) and int(word) <= LAST[Field.PROTOCOL]
        numbered = word in _NUMBERED and (word != "ip" or bool(re.fullmatch(r"[0-9]{1,3}", follows)))
        if is_number:
            yield _Item(_Kind.PROTOCOL, word, protocol=int(word))
        elif not numbered:
            yield _item(word, column)


def _item(word: str, column: str) -> _Item:
    if word in _ANY_WORDS:
        return _Item(_Kind.PORTS, word, ports=EVERY_PORT)
    if word in _PROTOCOL_WORDS:
        return _Item(_Kind.PROTOCOL, word, protocol=_PROTOCOL_WORDS[word])
    if word in _NAMES or not (word[0].isdecimal() or _BOUND.fullmatch(word)):
        return _Item(_Kind.WORD, word)
    return _Item(_Kind.PORTS, word, ports=_bound(word) if word[0] in "<>≥≤" else _span(word, column))


def _span(text: str, column: str) -> Intervals:
    """A port or a range of ports. Raises Wrong."""
    found = _NUMBER.fullmatch(text)
    if not found:
        raise Wrong(column, f"'{shorten(text)}' is not a port", _spreadsheet_hint(text))
    first, last = int(found[1]), int(found[2] or found[1])
    if last > LAST[Field.DPORT]:
        raise Wrong(column, f"'{shorten(text)}' is not a port (0 to 65535)", _spreadsheet_hint(text))
    if first > last:
        raise Wrong(column, f"port range {text} runs backwards")
    return ((first, last),)


def _spreadsheet_hint(text: str) -> str:
    """Spreadsheets take `80,443` for a number and `1-3` for a date."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}\.[0-9]+|[0-9]{6,12}", text):
        return "the spreadsheet may have made a number or a date of it: format the cells as text and write it again"
    return _HINT


def _bound(text: str) -> Intervals:
    found = _BOUND.fullmatch(text)
    assert found
    sign, equals, number = found[1], found[2] or found[1] in "≥≤", min(int(found[3]), LAST[Field.DPORT])
    if sign in ">≥":
        return ((number if equals else min(number + 1, LAST[Field.DPORT]), LAST[Field.DPORT]),)
    return ((0, number if equals else max(number - 1, 0)),)
