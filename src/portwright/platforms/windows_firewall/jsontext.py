"""JSON whose objects know their lines: RFC 8259, read once from the beginning to the end, in bounded depth.

Python's own reader does not say where in a file an object stands, and follows lists within lists as deep as its stack.
"""

import json
import re
from dataclasses import dataclass, field

from portwright.errors import InvalidInput

DEPTH = 24  # lists and objects inside each other; a host file has six
_NEAR = 2  # depth of the objects that know the lines of their members
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:([\[\]{},:])|("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")"""
    r"""|(-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?)|(true|false|null))"""
)
_BLANK = " \t\r\n"
_SIGN, _TEXT, _NUMBER = 1, 2, 3
_WORDS = {"true": True, "false": False, "null": None}


class Object(dict[str, "Value"]):
    """An object with the line on which it begins; near the root also those of its members."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int):
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


Value = None | bool | int | float | str | list["Value"] | Object


@dataclass(slots=True)
class _Reader:
    text: str
    file: str
    at: int = 0
    line: int = 1
    begins: int = field(default=0)  # of the present piece, for messages
    kind: int = 0

    def next(self) -> str:
        """The next piece. Raises InvalidInput where there is none."""
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastindex is None:
            raise self.wrong("this is no JSON" if self.text[self.at :].strip(_BLANK) else "the file ends too early")
        self.kind, self.begins = found.lastindex, found.start(found.lastindex)
        self.line += self.text.count("\n", self.at, self.begins)
        self.at = found.end()
        return found[self.kind]

    def wrong(self, message: str) -> InvalidInput:
        """What is wrong, where the reader is."""
        start = self.at
        while start < len(self.text) and self.text[start] in _BLANK:
            start += 1
        line = self.line + self.text.count("\n", self.at, start)
        column = start - self.text.rfind("\n", 0, start)
        return InvalidInput.of(
            message, file=self.file, line=line, column=column, hint="the file may have been cut off or changed"
        )

    def value(self, piece: str, depth: int) -> Value:
        """The value that begins with a piece."""
        if self.kind == _TEXT:
            return self.string(piece)
        if self.kind == _NUMBER:
            return int(piece) if piece.lstrip("-").isdigit() else float(piece)
        if piece in _WORDS:
            return _WORDS[piece]
        if piece not in "[{" or depth == DEPTH:
            raise self.wrong("nested too deeply" if piece in "[{" else f"'{piece}' has no place here")
        return self.items(depth + 1) if piece == "[" else self.members(depth + 1)

    def string(self, piece: str) -> str:
        if "\\" not in piece:
            return piece[1:-1]
        try:
            found = json.loads(piece)
        except ValueError:
            raise self.wrong("an escape in this text is not one of JSON") from None
        assert isinstance(found, str)
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # halves of characters

    def items(self, depth: int) -> list[Value]:
        found: list[Value] = []
        piece = self.next()
        while piece != "]" or self.kind != _SIGN:
            found.append(self.value(piece, depth))
            if (piece := self.sign(",]")) == ",":
                piece = self.next()
        return found

    def members(self, depth: int) -> Object:
        found = Object(self.line)
        piece = self.next()
        while piece != "}" or self.kind != _SIGN:
            if self.kind != _TEXT:
                raise self.wrong("a member of an object begins with its name in quotation marks")
            name = self.string(piece)
            if name in found:
                raise self.wrong(f"the member '{name[:40]}' is there twice")
            if depth <= _NEAR:
                found.lines[name] = self.line
            self.sign(":")
            found[name] = self.value(self.next(), depth)
            if (piece := self.sign(",}")) == ",":
                piece = self.next()
        return found

    def sign(self, allowed: str) -> str:
        piece = self.next()
        if self.kind != _SIGN or piece not in allowed:
            raise self.wrong(f"expected '{allowed[0]}' in front of this")
        return piece


def read_json(text: str, file: str) -> Value:
    """The value that a text holds. Raises InvalidInput with the place of the first thing that is no JSON."""
    reader = _Reader(text, file)
    found = reader.value(reader.next(), 0)
    if text[reader.at :].strip(_BLANK):
        raise reader.wrong("there is more behind the end")
    return found
