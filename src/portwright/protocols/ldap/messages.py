"""The messages of LDAP (RFC 4511, 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.der import Element
from portwright.protocols.ldap import filters
from portwright.protocols.ldap.filters import Attributes, Filter

BIND, BIND_DONE, UNBIND, SEARCH, ENTRY, SEARCH_DONE, REFERENCE = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x73  # RFC 4511, 4
MODIFY, ADD, DELETE, RENAME, COMPARE, ABANDON, EXTENDED, EXTENDED_DONE = (
    0x66, 0x68, 0x4A, 0x6C, 0x6E, 0x50, 0x77, 0x78,
)  # fmt: skip
DONE = {MODIFY: 0x67, ADD: 0x69, DELETE: 0x6B, RENAME: 0x6D, COMPARE: 0x6F}  # how each is answered
_CONTROLS, _SIMPLE, _SASL, _SASL_ANSWER = 0xA0, 0x80, 0xA3, 0x87
EXTENDED_NAME, EXTENDED_DONE_NAME, EXTENDED_ANSWER = 0x80, 0x8A, 0x8B
UNBINDING = bytes((UNBIND, 0))  # RFC 4511, 4.3: it says nothing else
DISCONNECTING = "1.3.6.1.4.1.1466.20036"  # RFC 4511, 4.4.1: the notice before a server ends the connection


class Result(IntEnum):
    """How an operation ended (RFC 4511, 4.1.9)."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    STRONGER_AUTH_REQUIRED = 8
    REFERRAL = 10
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    SASL_BIND_IN_PROGRESS = 14
    NO_SUCH_OBJECT = 32
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    UNWILLING_TO_PERFORM = 53


class Scope(IntEnum):
    """How far below its base a search goes (RFC 4511, 4.5.1.2)."""

    BASE = 0
    ONE = 1
    SUBTREE = 2


class NotDone(Refused):
    """A server ended an operation without success."""

    def __init__(self, ended: "Ended") -> None:
        self.code = ended.code
        known = ended.code in Result.__members__.values()
        name = Result(ended.code).name.lower().replace("_", " ") if known else "result"
        super().__init__(f"{name} ({ended.code}){': ' if ended.text else ''}{ended.text}")


@dataclass(frozen=True, slots=True)
class Control:
    """What a client wants of an operation beside (RFC 4511, 4.1.11)."""

    name: str
    insists: bool = False
    value: bytes = b""

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        return der.sequence(_text(self.name), der.boolean(self.insists), der.octets(self.value))

    @classmethod
    def read(cls, element: Element) -> "Control":
        """The control that came. Raises Misspoken."""
        name, *rest = element.parts() or (Element(der.BOOLEAN, b""),)
        insists = bool(rest) and rest[0].tag == der.BOOLEAN and rest[0].boolean()
        value = next((part.content for part in rest if part.tag == der.OCTETS), b"")
        return cls(name.string(der.OCTETS), insists, value)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its number, the operation, and its controls."""

    number: int
    operation: Element
    controls: tuple[Control, ...] = ()

    @classmethod
    def read(cls, data: bytes) -> "Message":
        """The message that came. Raises Misspoken."""
        return cls.of(der.parse(data))

    @classmethod
    def of(cls, element: Element) -> "Message":
        """The message that an element is. Raises Misspoken."""
        parts = element.parts()
        if len(parts) < 2:
            raise Misspoken("a message without an operation")
        controls = parts[2].parts(_CONTROLS) if len(parts) > 2 else ()
        return cls(parts[0].integer(), parts[1], tuple(map(Control.read, controls)))


def all_of(data: bytes) -> tuple[Message, ...]:
    """The messages that follow one another, as in a datagram. Raises Misspoken."""
    return tuple(map(Message.of, der.elements(data)))


def message(number: int, operation: bytes, *controls: Control) -> bytes:
    """The octets of a message."""
    beside = (der.sequence(*(one.encoded for one in controls), tag=_CONTROLS),) if controls else ()
    return der.sequence(der.integer(number), operation, *beside)


@dataclass(frozen=True, slots=True)
class Bind:
    """A sign-in: by a name and password, by SASL, or as nobody where all is empty."""

    name: str = ""
    password: bytes = b""
    mechanism: str = ""  # of SASL; empty: a simple bind
    token: bytes = b""

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        simple = der.octets(self.password, _SIMPLE)
        token = (der.octets(self.token),) if self.token else ()
        sasl = der.sequence(_text(self.mechanism), *token, tag=_SASL)
        return der.sequence(der.integer(3), _text(self.name), sasl if self.mechanism else simple, tag=BIND)

    @classmethod
    def read(cls, operation: Element) -> "Bind":
        """The sign-in that came. Raises Misspoken."""
        parts = operation.parts(BIND)
        if len(parts) != 3 or parts[0].integer() != 3:
            raise Misspoken("a bind of another version")
        name, how = parts[1].string(der.OCTETS), parts[2]
        if how.tag == _SIMPLE:
            return cls(name, how.content)
        sasl = how.parts(_SASL)
        if not sasl:
            raise Misspoken("a bind without a mechanism")
        return cls(name, b"", sasl[0].string(der.OCTETS), sasl[1].octets() if len(sasl) > 1 else b"")


@dataclass(frozen=True, slots=True)
class Search:
    """A search."""

    base: str = ""
    scope: int = Scope.BASE
    wanted: Filter = filters.EVERYTHING
    attributes: tuple[str, ...] = ()  # none: all that users put there
    most: int = 0  # entries; 0: as many as there are
    types_only: bool = False

    @property
    def encoded(self) -> bytes:
        """Its octets."""
        counts = der.integer(self.most), der.integer(0), der.boolean(self.types_only)
        how = der.integer(self.scope, der.ENUMERATED), der.integer(0, der.ENUMERATED)
        asked = der.sequence(*map(_text, self.attributes))
        return der.sequence(_text(self.base), *how, *counts, filters.encoded(self.wanted), asked, tag=SEARCH)

    @classmethod
    def read(cls, operation: Element) -> "Search":
        """The search that came. Raises Misspoken."""
        parts = operation.parts(SEARCH)
        if len(parts) != 8:
            raise Misspoken("a search has eight parts")
        base, scope, _, most, _, types_only, wanted, attributes = parts
        return cls(
            base.string(der.OCTETS),
            scope.integer(der.ENUMERATED),
            filters.read(wanted),
            tuple(part.string(der.OCTETS) for part in attributes.parts()),
            most.integer(),
            types_only.boolean(),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that a search found."""

    name: str
    attributes: Mapping[str, tuple[bytes, ...]]

    def first(self, attribute: str) -> str:
        """The first value of an attribute, whatever the case of its name; empty where there is none."""
        for name, values in self.attributes.items():
            if name.lower() == attribute.lower() and values:
                return values[0].decode("utf-8", "replace")
        return ""

    @classmethod
    def read(cls, operation: Element) -> "Entry":
        """The entry that came. Raises Misspoken."""
        parts = operation.parts(ENTRY)
        if len(parts) != 2:
            raise Misspoken("an entry has a name and attributes")
        return cls(parts[0].string(der.OCTETS), dict(map(_attribute, parts[1].parts())))


def _attribute(element: Element) -> tuple[str, tuple[bytes, ...]]:
    parts = element.parts()
    if len(parts) != 2:
        raise Misspoken("an attribute has a type and values")
    return parts[0].string(der.OCTETS), tuple(value.octets() for value in parts[1].parts(der.SET))


def encoded_entry(name: str, attributes: Attributes) -> bytes:
    """The octets of an entry."""
    held = (der.sequence(_text(one), _values(values)) for one, values in attributes.items())
    return der.sequence(_text(name), der.sequence(*held), tag=ENTRY)


def _values(values: Sequence[str | bytes]) -> bytes:
    octets = (value.encode() if isinstance(value, str) else value for value in values)
    return der.sequence(*map(der.octets, octets), tag=der.SET)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an operation ended."""

    code: int = Result.SUCCESS
    text: str = ""
    matched: str = ""
    token: bytes | None = None  # of SASL, where a bind ended

    def encoded(self, tag: int, *more: bytes) -> bytes:
        """Its octets, as the end of some operation."""
        parts = der.integer(self.code, der.ENUMERATED), _text(self.matched), _text(self.text)
        token = () if self.token is None else (der.octets(self.token, _SASL_ANSWER),)
        return der.sequence(*parts, *token, *more, tag=tag)

    @classmethod
    def read(cls, operation: Element, tag: int) -> "Ended":
        """The end of such an operation. Raises Misspoken."""
        parts = operation.parts(tag)
        if len(parts) < 3:
            raise Misspoken("a result has a code, a name and a text")
        token = next((part.content for part in parts[3:] if part.tag == _SASL_ANSWER), None)
        text = parts[2].string(der.OCTETS).rstrip("\0")  # Active Directory ends its texts so
        return cls(parts[0].integer(der.ENUMERATED), text, parts[1].string(der.OCTETS), token)


def _text(text: str) -> bytes:
    return der.octets(text.encode())


def tagged_text(tag: int, text: str) -> bytes:
    """A text under a tag of its context, as extended operations have theirs."""
    return der.octets(text.encode(), tag)
