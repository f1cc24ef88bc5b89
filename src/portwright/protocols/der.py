"""DER to write and BER to read, as Kerberos, SPNEGO and LDAP use it (ITU-T X.690).

What is written is DER. What is read may spell a length in more octets than it needs (Microsoft's LDAP always does), but
indefinite lengths, tag numbers above 30 and anything after the end are Misspoken. An element is read one level at a
time, so that the depth is the reader's own; `nested` bounds it for who follows a message wherever it leads.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from portwright.protocols.conversation import Misspoken

BOOLEAN, INTEGER, BIT_STRING, OCTETS, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06  # X.680, 8.6
ENUMERATED, TEXT, TIME, STRING, SEQUENCE, SET = 0x0A, 0x0C, 0x18, 0x1B, 0x30, 0x31
APPLICATION, CONTEXT, CONSTRUCTED = 0x40, 0x80, 0x20

MOST_PARTS = 4096  # elements of one level
LONGEST_INTEGER = 16  # octets
DEEPEST = 16  # levels, for who nests


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its identifier octet and what it holds."""

    tag: int
    content: bytes

    @property
    def encoded(self) -> bytes:
        """The element itself, in DER as far as its own length goes."""
        return element(self.tag, self.content)

    def expect(self, tag: int) -> "Element":
        """The same, where it has that tag. Raises Misspoken."""
        if self.tag != tag:
            raise Misspoken(f"an element is tagged {self.tag:#04x} where {tag:#04x} belongs")
        return self

    def parts(self, tag: int = SEQUENCE) -> tuple["Element", ...]:
        """The elements that it is made of, where it has that tag. Raises Misspoken."""
        return elements(self.expect(tag).content)

    def inner(self, tag: int) -> "Element":
        """The one element within an explicit tag. Raises Misspoken."""
        return parse(self.expect(tag).content)

    def fields(self, tag: int = SEQUENCE) -> "Fields":
        """The fields of a sequence whose members are tagged [0], [1] ... explicitly. Raises Misspoken."""
        return Fields({part.tag & 0x1F: part for part in self.parts(tag) if part.tag & 0xE0 == CONTEXT | CONSTRUCTED})

    def integer(self, tag: int = INTEGER) -> int:
        """Its number. Raises Misspoken."""
        content = self.expect(tag).content
        if not 0 < len(content) <= LONGEST_INTEGER:
            raise Misspoken(f"an integer has {len(content)} octets")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """Its truth. Raises Misspoken."""
        content = self.expect(tag).content
        if len(content) != 1:
            raise Misspoken(f"a boolean has {len(content)} octets")
        return content != b"\0"

    def octets(self, tag: int = OCTETS) -> bytes:
        """Its octets. Raises Misspoken."""
        return self.expect(tag).content

    def string(self, tag: int = STRING) -> str:
        """Its text, with a mark for what is not UTF-8: a name to show and compare. Raises Misspoken."""
        return self.expect(tag).content.decode("utf-8", "replace")

    def bits(self) -> bytes:
        """The octets of a bit string, without the count of unused bits. Raises Misspoken."""
        content = self.expect(BIT_STRING).content
        if not content or content[0] > 7:
            raise Misspoken("a bit string lacks its count of unused bits")
        return content[1:]

    def time(self) -> datetime:
        """Its moment, in whole seconds of UTC. Raises Misspoken."""
        text = self.expect(TIME).content.decode("ascii", "replace")
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as problem:
            raise Misspoken("this is no time") from problem

    def oid(self) -> bytes:
        """An object identifier, as it is encoded. Raises Misspoken."""
        return self.expect(OID).content


@dataclass(frozen=True, slots=True)
class Fields:
    """The tagged members of a sequence, by number."""

    members: dict[int, Element]

    def __contains__(self, number: int) -> bool:
        return number in self.members

    def __getitem__(self, number: int) -> Element:
        if number not in self.members:
            raise Misspoken(f"member [{number}] is missing")
        return parse(self.members[number].content)


def nested(depth: int) -> int:
    """One level deeper. Raises Misspoken where that is too deep."""
    if depth >= DEEPEST:
        raise Misspoken(f"more than {DEEPEST} levels")
    return depth + 1


def first(data: bytes) -> tuple[Element, bytes]:
    """The first element, and what follows it. Raises Misspoken."""
    start, length = header(data)
    if len(data) < start + length:
        raise Misspoken("an element is longer than what holds it")
    return Element(data[0], data[start : start + length]), data[start + length :]


def header(data: bytes) -> tuple[int, int]:
    """How long an element's identifier and length are, and how long what follows them. Raises Misspoken."""
    if len(data) < 2:
        raise Misspoken("an element ends before its length")
    if data[0] & 0x1F == 0x1F:
        raise Misspoken("a tag number above 30")
    if data[1] < 0x80:
        return 2, data[1]
    octets = data[1] & 0x7F
    if not 0 < octets <= 4 or len(data) < 2 + octets:
        raise Misspoken("a length that is none")
    return 2 + octets, int.from_bytes(data[2 : 2 + octets], "big")


def parse(data: bytes) -> Element:
    """The one element that these octets are. Raises Misspoken."""
    found, rest = first(data)
    if rest:
        raise Misspoken(f"{len(rest)} octets after the end of an element")
    return found


def elements(data: bytes) -> tuple[Element, ...]:
    """The elements that these octets are, one after the other. Raises Misspoken."""
    found: list[Element] = []
    at = 0
    while at < len(data):
        start, length = header(data[at : at + 6])
        if at + start + length > len(data) or len(found) >= MOST_PARTS:
            raise Misspoken("an element is longer than what holds it, or there are too many")
        found.append(Element(data[at], data[at + start : at + start + length]))
        at += start + length
    return tuple(found)


def element(tag: int, content: bytes) -> bytes:
    """An element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    """A sequence of encoded elements."""
    return element(tag, b"".join(parts))


def tagged(number: int, part: bytes) -> bytes:
    """An element under an explicit tag of its context."""
    return element(CONTEXT | CONSTRUCTED | number, part)


def application(number: int, part: bytes) -> bytes:
    """An element under an explicit tag of its application."""
    return element(APPLICATION | CONSTRUCTED | number, part)


def members(parts: Iterable[tuple[int, bytes | None]]) -> bytes:
    """A sequence with explicitly tagged members; those that are None are left out."""
    return sequence(*(tagged(number, part) for number, part in parts if part is not None))


def integer(number: int, tag: int = INTEGER) -> bytes:
    """An integer, or another type that is written like one."""
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return element(tag, number.to_bytes(size, "big", signed=True))


def boolean(truth: bool) -> bytes:
    """A boolean."""
    return element(BOOLEAN, b"\xff" if truth else b"\0")


def octets(data: bytes, tag: int = OCTETS) -> bytes:
    """An octet string."""
    return element(tag, data)


def string(text: str, tag: int = STRING) -> bytes:
    """A text, as UTF-8."""
    return element(tag, text.encode())


def bits(data: bytes) -> bytes:
    """A bit string of whole octets."""
    return element(BIT_STRING, b"\0" + data)


def time(moment: datetime) -> bytes:
    """A moment, in whole seconds of UTC."""
    return element(TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def oid(dotted: str) -> bytes:
    """The content of an object identifier, from its dotted form."""
    one, two, *rest = map(int, dotted.split("."))
    return b"".join(_base128(arc) for arc in (40 * one + two, *rest))


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(arc & 0x7F | 0x80)
    return bytes(reversed(digits))
