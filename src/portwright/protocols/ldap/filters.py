"""What a search asks for: filters of LDAP (RFC 4511, 4.5.1.7), read, written and applied to an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.der import Element

Attributes = Mapping[str, Sequence[str | bytes]]
_AND, _OR, _NOT, _EQUAL, _PARTS, _AT_LEAST, _AT_MOST, _PRESENT, _LIKE, _RULE = range(10)  # RFC 4511, 4.5.1: tags
_SIMPLE, _NESTED = der.CONTEXT, der.CONTEXT | der.CONSTRUCTED
BITS_ALL, BITS_ANY = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"  # [MS-ADTS] 3.1.1.3.4.4: matching rules


@dataclass(frozen=True, slots=True)
class All:
    """Every one of these holds."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of these holds."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Present:
    """The entry has the attribute."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A value of the attribute is equal to this one, at least it, or at most it."""

    attribute: str
    value: bytes
    how: str = "="  # =, >=, <=, ~=


@dataclass(frozen=True, slots=True)
class Parts:
    """A value of the attribute begins, goes on and ends like this."""

    attribute: str
    start: bytes = b""
    between: tuple[bytes, ...] = ()
    end: bytes = b""


@dataclass(frozen=True, slots=True)
class Rule:
    """A matching rule finds a value of the attribute."""

    rule: str
    attribute: str
    value: bytes


Filter = All | Any | Not | Present | Compared | Parts | Rule
EVERYTHING = Present("objectClass")
_COMPARISONS = {"=": _EQUAL, ">=": _AT_LEAST, "<=": _AT_MOST, "~=": _LIKE}
_HOW = {_NESTED | tag: how for how, tag in _COMPARISONS.items()}


def equal(attribute: str, value: str) -> Compared:
    """A value of the attribute is this one."""
    return Compared(attribute, value.encode())


def encoded(wanted: Filter) -> bytes:
    """The octets of a filter."""
    match wanted:
        case All(filters):
            return der.sequence(*map(encoded, filters), tag=_NESTED | _AND)
        case Any(filters):
            return der.sequence(*map(encoded, filters), tag=_NESTED | _OR)
        case Not(inner):
            return der.sequence(encoded(inner), tag=_NESTED | _NOT)
        case Present(attribute):
            return der.octets(attribute.encode(), _SIMPLE | _PRESENT)
        case Compared(attribute, value, how):
            return der.sequence(_octets(attribute), der.octets(value), tag=_NESTED | _COMPARISONS[how])
        case Parts():
            return der.sequence(_octets(wanted.attribute), _encoded_parts(wanted), tag=_NESTED | _PARTS)
        case Rule(rule, attribute, value):
            members = rule.encode(), attribute.encode(), value
            return der.sequence(*(der.octets(one, _SIMPLE | at + 1) for at, one in enumerate(members)), tag=0xA9)


def _octets(text: str) -> bytes:
    return der.octets(text.encode())


def _encoded_parts(wanted: Parts) -> bytes:
    said = [(0, wanted.start), *((1, part) for part in wanted.between), (2, wanted.end)]
    return der.sequence(*(der.octets(part, _SIMPLE | at) for at, part in said if part))


def read(element: Element, depth: int = 0) -> Filter:
    """The filter that came. Raises Misspoken, also where it is nested too deep."""
    depth, tag = der.nested(depth), element.tag
    if tag in (_NESTED | _AND, _NESTED | _OR):
        filters = tuple(read(part, depth) for part in element.parts(tag))
        return All(filters) if tag == _NESTED | _AND else Any(filters)
    if tag == _NESTED | _NOT:
        return Not(read(element.inner(tag), depth))
    if tag == _SIMPLE | _PRESENT:
        return Present(element.string(tag))
    if tag in _HOW:
        attribute, value = _pair(element)
        return Compared(attribute.string(der.OCTETS), value.octets(), _HOW[tag])
    return _read_parts(element) if tag == _NESTED | _PARTS else _read_rule(element)


def _pair(element: Element) -> tuple[Element, Element]:
    parts = element.parts(element.tag)
    if len(parts) != 2:
        raise Misspoken("a filter compares an attribute with one value")
    return parts[0], parts[1]


def _read_parts(element: Element) -> Parts:
    attribute, parts = _pair(element)
    said = [(part.tag & 0x1F, part.content) for part in parts.parts()]
    start = next((content for at, content in said if at == 0), b"")
    end = next((content for at, content in said if at == 2), b"")
    return Parts(attribute.string(der.OCTETS), start, tuple(content for at, content in said if at == 1), end)


def _read_rule(element: Element) -> Rule:
    said = {part.tag & 0x1F: part.content for part in element.parts(_NESTED | _RULE)}
    rule, attribute = (said.get(at, b"").decode("utf-8", "replace") for at in (1, 2))
    return Rule(rule, attribute, said.get(3, b""))


def holds(wanted: Filter, entry: Attributes) -> bool | None:
    """Whether a filter holds for an entry (names in lower case); None: undefined (RFC 4511, 4.5.1.7)."""
    match wanted:
        case All(filters):
            found = {holds(one, entry) for one in filters}
            return False if False in found else None if None in found else True
        case Any(filters):
            found = {holds(one, entry) for one in filters}
            return True if True in found else None if None in found else False
        case Not(inner):
            inside = holds(inner, entry)
            return None if inside is None else not inside
        case Present(attribute):
            return attribute.lower() in entry
        case Rule(rule, attribute, value):
            return _bits(rule, value, entry.get(attribute.lower(), ()))
        case Compared() | Parts():
            return any(_fits(wanted, folded(one)) for one in entry.get(wanted.attribute.lower(), ()))


def _fits(wanted: Compared | Parts, value: bytes) -> bool:
    if isinstance(wanted, Parts):
        return _has_parts(wanted, value)
    asked = folded(wanted.value)
    if wanted.how in ("=", "~="):
        return value == asked
    one, other = _number(value), _number(asked)
    if one is not None and other is not None:
        return one >= other if wanted.how == ">=" else one <= other
    return value >= asked if wanted.how == ">=" else value <= asked


def _has_parts(wanted: Parts, value: bytes) -> bool:
    start, end = folded(wanted.start), folded(wanted.end)
    if not value.startswith(start) or not value.endswith(end) or len(value) < len(start) + len(end):
        return False
    rest = value[len(start) : len(value) - len(end)]
    for part in map(folded, wanted.between):
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return True


def folded(value: str | bytes) -> bytes:
    """A value as it is compared: whatever its case."""
    data = value.encode() if isinstance(value, str) else value
    return data.lower()


def _number(value: bytes) -> int | None:
    digits = value.removeprefix(b"-")
    return int(value) if digits.isdigit() and len(digits) < 20 else None


def _bits(rule: str, value: bytes, held: Sequence[str | bytes]) -> bool | None:
    asked = _number(value)
    if rule not in (BITS_ALL, BITS_ANY) or asked is None:
        return None
    common = [number & asked for one in held if (number := _number(folded(one))) is not None]
    return any(bits == asked if rule == BITS_ALL else bits for bits in common)
