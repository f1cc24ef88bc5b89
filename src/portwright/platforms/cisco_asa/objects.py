"""Names, objects and object groups: what they stand for once everything they refer to is known.

Groups may contain groups. They are worked out from the innermost outward, each once and without recursion.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from portwright.errors import InvalidInput, Problem
from portwright.packets.box import Doubt, Match
from portwright.packets.fields import LAST, Field
from portwright.platforms.cisco_asa import services
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Cursor, Line, NotUnderstood
from portwright.platforms.cisco_asa.names import ICMP_TYPES
from portwright.platforms.cisco_asa.values import (
    MAXIMUM_RANGES,
    Addresses,
    Values,
    host,
    network,
    parse_ip,
    unknown_values,
)
from portwright.source import Source

T = TypeVar("T")
GROUP_KINDS = frozenset(("network", "service", "protocol", "icmp-type", "user", "security", "network-service"))
_ASIDE = frozenset(("description", "nat"))  # lines of a definition that do not say what it stands for
_COST_OF_A_SERVICE = 10  # in ranges of addresses
_UNSEEN = frozenset(("user", "security", "network-service"))  # groups that no packet header can be held against


@dataclass(slots=True)
class Definition:
    """An object or group as written, perhaps in several places."""

    kind: str  # of an object `network` or `service`; of a group one of GROUP_KINDS
    name: str
    head: Line
    protocol: str = ""  # of a service group with ports: tcp, udp or tcp-udp
    members: list[Line] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Take in the lines of one more place where it is written."""
        self.members.extend(line for line in block.body if line.words[0] not in _ASIDE)

    def says(self, block: Block) -> bool:
        """Report whether a further place defines it anew, rather than adding a translation or a description."""
        return any(line.words[0] not in _ASIDE for line in block.body)


@dataclass(frozen=True, slots=True)
class _Kind(Generic[T]):
    """How to work out one kind of definition."""

    read: Callable[["Objects", Definition, Line], T]
    join: Callable[[Iterable[T]], T]
    unknown: Callable[[Doubt], T]


class Objects:
    """All names, objects and groups of a file."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self.file = ledger.file
        self.names: dict[str, str] = {}
        self.objects: dict[str, Definition] = {}  # network and service objects share their names
        self.groups: dict[str, Definition] = {}
        self.missing: dict[str, Line] = {}  # names that nothing defines, and where they are first used
        self._addresses: dict[str, Addresses] = {}  # by "object N" or "object-group N"
        self._services: dict[str, Match] = {}
        self._values: dict[str, Values] = {}
        self._ranges = 0

    # -- what an object or group stands for ---------------------------------------------------------------------

    def addresses(self, reference: str, name: str, line: Line) -> Addresses:
        """The addresses of a network object or group; anything is possible where it is not defined."""
        definition = self._find(reference, name, line)
        if definition is None:
            return Addresses.doubtful(self._undefined(reference, name, line))
        if definition.kind != "network":
            return Addresses.doubtful(Doubt(f"{reference} {name} does not hold addresses", self._source(definition)))
        return self._addresses[f"{reference} {name}"]

    def services(self, reference: str, name: str, line: Line) -> Match:
        """The services of a service object or group."""
        definition = self._find(reference, name, line)
        if definition is None:
            return Match.doubtful(self._undefined(reference, name, line))
        if definition.kind == "protocol":
            return services.protocols(self._values[f"{reference} {name}"])
        if definition.kind != "service":
            return Match.doubtful(Doubt(f"{reference} {name} does not hold services", self._source(definition)))
        if definition.protocol:
            numbers = Values.exact(services.protocol_numbers(definition.protocol))
            return services.protocols(numbers) & self._values[f"{reference} {name}"].match(Field.DPORT)
        return self._services[f"{reference} {name}"]

    def values(self, name: str, kind: str, of: Field, line: Line) -> Values:
        """The ports, ICMP types or protocols of an object group."""
        definition = self._find("object-group", name, line)
        if definition is None:
            return unknown_values(of, self._undefined("object-group", name, line))
        if definition.kind != kind or (kind == "service" and not definition.protocol):
            return unknown_values(of, Doubt(f"object-group {name} does not hold that", self._source(definition)))
        return self._values[f"object-group {name}"]

    def is_subnet(self, name: str) -> bool:
        """Report whether a network object is a subnet, not a range or a host."""
        found = self.objects.get(name)
        return found is not None and any(line.words[0] == "subnet" for line in found.members)

    def is_port_group(self, name: str) -> bool:
        """Report whether a group holds ports and nothing else: `object-group service NAME tcp`."""
        found = self.groups.get(name)
        return found is not None and found.kind == "service" and bool(found.protocol)

    def _find(self, reference: str, name: str, line: Line) -> Definition | None:
        found = (self.objects if reference == "object" else self.groups).get(name)
        if found is None:
            self.missing.setdefault(f"{reference} {name}", line)
        return found

    def _undefined(self, reference: str, name: str, line: Line) -> Doubt:
        return Doubt(f"{reference} {name} is not defined", line.source(self.file))

    def _source(self, definition: Definition) -> Source:
        return definition.head.source(self.file)

    # -- working them out ---------------------------------------------------------------------------------------

    def resolve(self) -> None:
        """Work out every object and group. Raises InvalidInput for groups that contain themselves."""
        for name, definition in self.objects.items():
            if definition.kind == "network":
                self._keep(f"object {name}", self._evaluate(definition, _NETWORK_OBJECT))
            elif definition.kind == "service":
                self._services[f"object {name}"] = self._evaluate(definition, _SERVICE_OBJECT)
        for name in self._inner_first():
            self._resolve_group(self.groups[name])

    def _resolve_group(self, group: Definition) -> None:
        key = f"object-group {group.name}"
        if group.kind == "network":
            self._keep(key, self._evaluate(group, _NETWORK_GROUP))
        elif group.kind == "service" and not group.protocol:
            self._services[key] = self._evaluate(group, _SERVICE_GROUP)
            self._count(_COST_OF_A_SERVICE * len(self._services[key].possible))
        elif group.kind not in _UNSEEN:
            self._values[key] = self._evaluate(group, _VALUE_GROUPS[group.kind])

    def _keep(self, key: str, found: Addresses) -> None:
        self._count(found.size)
        self._addresses[key] = found

    def _count(self, ranges: int) -> None:
        self._ranges += ranges
        if self._ranges > MAXIMUM_RANGES:
            raise InvalidInput.of(
                f"the object groups expand to more than {MAXIMUM_RANGES:,} ranges of addresses",
                file=self.file,
                hint="groups that contain one another over and over: say each address once",
            )

    def _evaluate(self, definition: Definition, kind: _Kind[T]) -> T:
        return kind.join([self._member(definition, line, kind) for line in definition.members])

    def _member(self, definition: Definition, line: Line, kind: _Kind[T]) -> T:
        try:
            return kind.read(self, definition, line)
        except NotUnderstood as problem:
            source = self._ledger.not_understood(line, problem, "object")
            return kind.unknown(Doubt(f"{definition.name}: {problem}", source))

    def _inner_first(self) -> Iterator[str]:
        """The groups, each after those that it contains. Raises InvalidInput for loops."""
        done: set[str] = set()
        for start in self.groups:
            path: list[tuple[str, Iterator[str]]] = [(start, self._contained(start))] if start not in done else []
            open_ = {start}
            while path:
                name, inner = path[-1]
                following = next((n for n in inner if n in self.groups and n not in done), None)
                if following is None:
                    path.pop()
                    done.add(name)
                    open_.discard(name)
                    yield name
                elif following in open_:
                    raise self._loop([name for name, _ in path], following)
                else:
                    open_.add(following)
                    path.append((following, self._contained(following)))

    def _contained(self, name: str) -> Iterator[str]:
        return (line.words[1] for line in self.groups[name].members if _is_nested(line))

    def _loop(self, path: list[str], closing: str) -> InvalidInput:
        loop = path[path.index(closing) :]
        problems = [self._loop_problem(name, loop[(at + 1) % len(loop)]) for at, name in enumerate(loop)]
        return InvalidInput(sorted(problems))

    def _loop_problem(self, name: str, inner: str) -> Problem:
        line = next(n for n in self.groups[name].members if _is_nested(n) and n.words[1] == inner)
        return Problem(
            self.file,
            line.number,
            0,
            "",
            f"object-group {name} contains object-group {inner}, which leads back to {name}",
            "a group must not contain itself, not even by way of other groups",
        )


def _is_nested(line: Line) -> bool:
    return line.words[0] == "group-object" and len(line.words) > 1


def _finish(cursor: Cursor, found: T) -> T:
    if not cursor.done:
        raise NotUnderstood(f"'{cursor.peek()}' is not understood here")
    return found


def _network_object(objects: Objects, definition: Definition, line: Line) -> Addresses:
    cursor = Cursor(line.words)
    match cursor.take():
        case "host":
            return _finish(cursor, host(cursor.take(), objects.names))
        case "subnet":
            return _finish(cursor, network(cursor, objects.names))
        case "range":
            return _finish(cursor, _range(cursor, objects.names))
        case "fqdn":
            return _fqdn(objects, definition, line)
    raise NotUnderstood(f"'{line.words[0]}' is not understood here")


def _range(cursor: Cursor, names: dict[str, str]) -> Addresses:
    (version, first), (other, last) = parse_ip(cursor.take(), names), parse_ip(cursor.take(), names)
    if version != other or first > last:
        raise NotUnderstood("the range runs backwards or mixes IP versions")
    return Addresses.exact(version, ((first, last),))


def _fqdn(objects: Objects, definition: Definition, line: Line) -> Addresses:
    versions = {"v4": (4,), "v6": (6,)}.get(line.words[1] if len(line.words) > 1 else "", (4, 6))
    doubt = Doubt(f"object {definition.name} is a name that the firewall looks up in DNS", line.source(objects.file))
    return Addresses.doubtful(doubt, versions)


def _network_member(objects: Objects, definition: Definition, line: Line) -> Addresses:  # noqa: ARG001
    cursor = Cursor(line.words)
    match cursor.take():
        case "group-object":
            return _finish(cursor, objects.addresses("object-group", cursor.take(), line))
        case "network-object" if cursor.accept("object"):
            return _finish(cursor, objects.addresses("object", cursor.take(), line))
        case "network-object" if cursor.accept("host"):
            return _finish(cursor, host(cursor.take(), objects.names))
        case "network-object":
            return _finish(cursor, network(cursor, objects.names))
    raise NotUnderstood(f"'{line.words[0]}' is not understood here")


def _service_object(objects: Objects, definition: Definition, line: Line) -> Match:  # noqa: ARG001
    cursor = Cursor(line.words)
    if not cursor.accept("service"):
        raise NotUnderstood(f"'{line.words[0]}' is not understood here")
    return _finish(cursor, services.service(cursor))


def _service_member(objects: Objects, definition: Definition, line: Line) -> Match:  # noqa: ARG001
    cursor = Cursor(line.words)
    match cursor.take():
        case "group-object":
            return _finish(cursor, objects.services("object-group", cursor.take(), line))
        case "service-object" if cursor.accept("object"):
            return _finish(cursor, objects.services("object", cursor.take(), line))
        case "service-object":
            return _finish(cursor, services.service(cursor))
    raise NotUnderstood(f"'{line.words[0]}' is not understood here")


def _value_member(keyword: str, of: Field, read: Callable[[Cursor], Values]) -> _Kind[Values]:
    """Groups whose members are values of one header field."""

    def member(objects: Objects, definition: Definition, line: Line) -> Values:
        cursor = Cursor(line.words)
        if cursor.accept("group-object"):
            return _finish(cursor, objects.values(cursor.take(), definition.kind, of, line))
        if not cursor.accept(keyword):
            raise NotUnderstood(f"'{line.words[0]}' is not understood here")
        return _finish(cursor, read(cursor))

    return _Kind(member, Values.union, lambda doubt: unknown_values(of, doubt))


def _icmp_type(cursor: Cursor) -> Values:
    word = cursor.take()
    number = int(word) if word.isdecimal() and len(word) <= 3 else ICMP_TYPES.get(word, -1)
    if not 0 <= number <= LAST[Field.TYPE]:
        raise NotUnderstood(f"'{word}' is not an ICMP type")
    return Values.exact(((number, number),))


_NETWORK_OBJECT = _Kind(_network_object, Addresses.union, Addresses.doubtful)
_NETWORK_GROUP = _Kind(_network_member, Addresses.union, Addresses.doubtful)
_SERVICE_OBJECT = _Kind(_service_object, services.any_of, Match.doubtful)
_SERVICE_GROUP = _Kind(_service_member, services.any_of, Match.doubtful)
_VALUE_GROUPS = {
    "service": _value_member("port-object", Field.DPORT, lambda cursor: Values.exact(services.ports(cursor))),
    "protocol": _value_member(
        "protocol-object", Field.PROTOCOL, lambda cursor: Values.exact(services.protocol_numbers(cursor.take()))
    ),
    "icmp-type": _value_member("icmp-object", Field.TYPE, _icmp_type),
}
