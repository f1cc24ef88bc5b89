"""XML in binary ([MC-NBFX] 2, [MC-NBFS] 2): read as text that any parser takes, and written from such text.

What we write names its strings by the static dictionary or in full; what we read may have strings of the session, too.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from portwright.protocols.conversation import Misspoken
from portwright.protocols.nettcp.dictionary import NUMBERS, STATIC
from portwright.protocols.tds.octets import Octets

_MOST_SESSION = 1 << 16  # bytes of a session's strings; .NET's own bound is 2048
_MOST_TEXT = 1 << 24  # characters of a document that is read
_NAME = re.compile(r"[\w][\w.\-]{0,511}")

_END, _COMMENT, _ARRAY = 0x01, 0x02, 0x03
_WITH_END = 1  # of a text: the element ends with it
_MOST_ARRAY = 1 << 16


class Strings:
    """The strings that one side of a session has named so far ([MC-NBFSE] 2.1)."""

    def __init__(self) -> None:
        self._strings: list[str] = []
        self._size = 0

    def learn(self, octets: Octets) -> None:
        """Take up the new strings before a document. Raises Misspoken."""
        block = Octets(octets.take(int31(octets)), "string table")
        while block:
            text = string(block)
            self._size += len(text) + 1
            if self._size > _MOST_SESSION:
                raise Misspoken(f"a session has more than {_MOST_SESSION} bytes of strings")
            self._strings.append(text)

    def look_up(self, number: int) -> str:
        """The string of a number: even ones are static. Raises Misspoken."""
        if number % 2 and number // 2 < len(self._strings):
            return self._strings[number // 2]
        if number not in STATIC:
            raise Misspoken(f"the string {number} is not known here")
        return STATIC[number]


def int31(octets: Octets) -> int:
    """A number of one to five bytes, seven bits each ([MC-NBFX] 2.1.2). Raises Misspoken."""
    found = 0
    for shift in range(0, 35, 7):
        byte = octets.uint8()
        found |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    else:
        raise Misspoken("a number has more than five bytes")
    if found >= 1 << 31:
        raise Misspoken("a number is larger than 31 bits")
    return found


def int31_bytes(number: int) -> bytes:
    """A number as `int31` reads it."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def string(octets: Octets) -> str:
    """A string after its length. Raises Misspoken."""
    return octets.take(int31(octets)).decode("utf-8", "replace")


def string_bytes(text: str) -> bytes:
    """A string as `string` reads it."""
    plain = text.encode()
    return int31_bytes(len(plain)) + plain


# -- reading


def to_text(data: bytes, strings: Strings) -> bytes:
    """The document in a message as text, in UTF-8; first the session learns its new strings. Raises Misspoken."""
    octets = Octets(data, "binary XML")
    strings.learn(octets)
    reader = _Reader(octets, strings)
    while octets:
        reader.record()
    if reader.open or not reader.written:
        raise Misspoken("the binary XML has no end")
    return "".join(reader.written).encode("utf-8", "replace")


class _Reader:
    """Reads record by record; a tag stays open until something else than an attribute follows."""

    def __init__(self, octets: Octets, strings: Strings) -> None:
        self._octets, self._strings = octets, strings
        self.written: list[str] = []
        self.open: list[str] = []
        self._in_tag = False
        self._size = 0

    def record(self) -> None:
        kind = self._octets.uint8()
        if kind == _END:
            self._end()
        elif kind == _COMMENT:
            string(self._octets)
        elif kind == _ARRAY:
            self._array()
        elif kind < 0x40:
            self._attribute(kind)
        elif kind < 0x78:
            self._start(self._element_name(kind))
        else:
            self._text(kind)

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > _MOST_TEXT:
            raise Misspoken("the binary XML is too large")
        self.written.append(text)

    def _close_tag(self) -> None:
        if self._in_tag:
            self._write(">")
            self._in_tag = False

    def _start(self, name: str) -> None:
        self._close_tag()
        if not self.open and self.written:
            raise Misspoken("the binary XML has two roots")
        self._write(f"<{name}")
        self.open.append(name)
        self._in_tag = True

    def _end(self) -> None:
        self._close_tag()
        if not self.open:
            raise Misspoken("an element ends that never began")
        self._write(f"</{self.open.pop()}>")

    def _text(self, kind: int) -> None:
        text = _value(kind & ~_WITH_END, self._octets, self._strings)
        self._close_tag()
        if not self.open:
            raise Misspoken("text stands outside of the elements")
        self._write(escape(text))
        if kind & _WITH_END:
            self._end()

    def _array(self) -> None:
        """An element that comes several times, each with a value of the same type ([MC-NBFX] 2.2.3.31)."""
        kind = self._octets.uint8()
        if not 0x40 <= kind < 0x78:
            raise Misspoken("an array has no element")
        name = self._element_name(kind)
        if self._octets.uint8() != _END:
            raise Misspoken("the element of an array has attributes")
        of, count = self._octets.uint8(), int31(self._octets)
        if not of & _WITH_END or count > _MOST_ARRAY:
            raise Misspoken("this is no array")
        for _ in range(count):
            self._start(name)
            self._text(of)

    def _element_name(self, kind: int) -> str:
        match kind:
            case 0x40:
                return self._named("", string(self._octets))
            case 0x41:
                return self._named(string(self._octets), string(self._octets))
            case 0x42:
                return self._named("", self._known())
            case 0x43:
                return self._named(string(self._octets), self._known())
        if kind < 0x5E:
            return self._named(_letter(kind - 0x44), self._known())
        return self._named(_letter(kind - 0x5E), string(self._octets))

    def _known(self) -> str:
        return self._strings.look_up(int31(self._octets))

    def _named(self, prefix: str, name: str) -> str:
        if not _NAME.fullmatch(name) or (prefix and not _NAME.fullmatch(prefix)):
            raise Misspoken("this is no name of XML")
        return f"{prefix}:{name}" if prefix else name

    def _attribute(self, kind: int) -> None:
        if not self._in_tag:
            raise Misspoken("an attribute stands outside of a tag")
        name, is_namespace, known = self._attribute_name(kind)
        if is_namespace:
            value = self._known() if known else string(self._octets)
        else:
            of = self._octets.uint8()
            value = _value(of, self._octets, self._strings)
        self._write(f" {name}={quoteattr(value)}")

    def _attribute_name(self, kind: int) -> tuple[str, bool, bool]:
        """Its name, whether it declares a namespace, and whether that stands in the dictionary."""
        match kind:
            case 0x04:
                return self._named("", string(self._octets)), False, False
            case 0x05:
                return self._named(string(self._octets), string(self._octets)), False, False
            case 0x06:
                return self._named("", self._known()), False, False
            case 0x07:
                return self._named(string(self._octets), self._known()), False, False
            case 0x08 | 0x0A:
                return "xmlns", True, kind == 0x0A
            case 0x09 | 0x0B:
                return self._named("xmlns", string(self._octets)), True, kind == 0x0B
        if kind < 0x26:
            return self._named(_letter(kind - 0x0C), self._known()), False, False
        return self._named(_letter(kind - 0x26), string(self._octets)), False, False


def _letter(place: int) -> str:
    return chr(ord("a") + place)


def _value(kind: int, octets: Octets, strings: Strings) -> str:
    """The text of a value ([MC-NBFX] 2.2.3). Raises Misspoken."""
    if kind in _PLAIN:
        return _PLAIN[kind](octets)
    match kind:
        case 0xAA:
            return strings.look_up(int31(octets))
        case 0xBC:
            prefix, number = octets.uint8(), int31(octets)
            return f"{_letter(prefix % 26)}:{strings.look_up(number)}"
        case 0xA4:
            return " ".join(_listed(octets, strings))
    raise Misspoken(f"binary XML has no record 0x{kind:02x} here")


def _listed(octets: Octets, strings: Strings) -> Iterator[str]:
    while (kind := octets.uint8()) != 0xA6:
        if kind in (0xA4, 0xA5):
            raise Misspoken("a list stands within a list")
        yield _value(kind, octets, strings)


def _decimal(octets: Octets) -> str:
    """A decimal number of 96 bits ([MS-OAUT] 2.2.26)."""
    octets.take(2)
    scale, sign, high, low = octets.uint8(), octets.uint8(), octets.uint32(), octets.uint64()
    digits = str(high << 64 | low).rjust(min(scale, 28) + 1, "0")
    cut = len(digits) - min(scale, 28)
    return f"{'-' if sign else ''}{digits[:cut]}" + (f".{digits[cut:]}" if cut < len(digits) else "")


def _moment(octets: Octets) -> str:
    """Tenths of microseconds since the year 1, with two bits for the time zone: 1 is UTC ([MC-NBFX] 2.2.3.12)."""
    found = octets.uint64()
    try:
        moment = datetime(1, 1, 1) + timedelta(microseconds=(found & ((1 << 62) - 1)) // 10)  # noqa: DTZ001
    except OverflowError:
        raise Misspoken("this is no date") from None
    return moment.isoformat() + ("Z" if found >> 62 == 1 else "")


def _duration(octets: Octets) -> str:
    seconds, rest = divmod(abs(ticks := octets.integer(8)), 10**7)
    return f"{'-' if ticks < 0 else ''}PT{seconds}{f'.{rest:07}' if rest else ''}S"


def _base64(octets: Octets, size: int) -> str:
    return b64encode(octets.take(size)).decode()


def _sized(read: Callable[[Octets, int], str], width: int) -> Callable[[Octets], str]:
    def sized(octets: Octets) -> str:
        return read(octets, int.from_bytes(octets.take(width), "little"))

    return sized


def _characters(octets: Octets, size: int) -> str:
    return octets.take(size).decode("utf-8", "replace")


def _wide(octets: Octets, size: int) -> str:
    return octets.take(size).decode("utf-16-le", "replace")


_PLAIN: Mapping[int, Callable[[Octets], str]] = {
    0x80: lambda _: "0",
    0x82: lambda _: "1",
    0x84: lambda _: "false",
    0x86: lambda _: "true",
    0x88: lambda octets: str(octets.integer(1)),
    0x8A: lambda octets: str(octets.integer(2)),
    0x8C: lambda octets: str(octets.integer(4)),
    0x8E: lambda octets: str(octets.integer(8)),
    0x90: lambda octets: repr(octets.real(4)),
    0x92: lambda octets: repr(octets.real(8)),
    0x94: _decimal,
    0x96: _moment,
    0x98: _sized(_characters, 1),
    0x9A: _sized(_characters, 2),
    0x9C: _sized(_characters, 4),
    0x9E: _sized(_base64, 1),
    0xA0: _sized(_base64, 2),
    0xA2: _sized(_base64, 4),
    0xA8: lambda _: "",
    0xAC: lambda octets: f"urn:uuid:{UUID(bytes_le=octets.take(16))}",
    0xAE: _duration,
    0xB0: lambda octets: str(UUID(bytes_le=octets.take(16))),
    0xB2: lambda octets: str(octets.uint64()),
    0xB4: lambda octets: "true" if octets.uint8() else "false",
    0xB6: _sized(_wide, 1),
    0xB8: _sized(_wide, 2),
    0xBA: _sized(_wide, 4),
}


# -- writing


def from_text(document: bytes) -> bytes:
    """A document of our own as a message, with no strings of the session."""
    records = bytearray(b"\0")  # no new strings
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True

    def start(name: str, attributes: list[str]) -> None:
        records.extend(_element(name))
        pairs = list(zip(attributes[::2], attributes[1::2], strict=True))
        for key, value in sorted(pairs, key=lambda pair: pair[0].startswith("xmlns")):  # namespaces come last
            records.extend(_attribute(key, value))

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: records.append(_END)
    parser.CharacterDataHandler = lambda text: records.extend(_text(text))
    parser.Parse(document, True)
    return bytes(records)


def _element(name: str) -> bytes:
    prefix, _, local = name.rpartition(":")
    number = NUMBERS.get(local)
    kind = (0x41 if prefix else 0x40) + (0 if number is None else 2)
    return bytes([kind]) + _prefix(prefix) + _string(local, number)


def _attribute(name: str, value: str) -> bytes:
    prefix, _, local = name.rpartition(":")
    if name == "xmlns" or prefix == "xmlns":
        number = NUMBERS.get(value)
        kind = (0x09 if prefix else 0x08) + (0 if number is None else 2)
        return bytes([kind]) + _prefix(local if prefix else "") + _string(value, number)
    number = NUMBERS.get(local)
    kind = (0x05 if prefix else 0x04) + (0 if number is None else 2)
    return bytes([kind]) + _prefix(prefix) + _string(local, number) + _text(value)


def _prefix(prefix: str) -> bytes:
    return string_bytes(prefix) if prefix else b""


def _string(text: str, number: int | None) -> bytes:
    return string_bytes(text) if number is None else int31_bytes(number)


def _text(text: str) -> bytes:
    if (number := NUMBERS.get(text)) is not None:
        return b"\xaa" + int31_bytes(number)
    plain = text.encode()
    width = next(width for width in (1, 2, 4) if len(plain) < 1 << 8 * width)
    return bytes([{1: 0x98, 2: 0x9A, 4: 0x9C}[width]]) + len(plain).to_bytes(width, "little") + plain
