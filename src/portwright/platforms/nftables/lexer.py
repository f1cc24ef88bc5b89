"""Text to tokens."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from portwright.errors import InvalidInput

# nft(8), "LEXICAL CONVENTIONS". Each alternative begins with another character or needs no backtracking.
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+|\\\r?\n)
    |(?P<end>[\n;])
    |(?P<comment>\#[^\n]*)
    |(?P<string>"[^"\n]*")
    |(?P<colons>(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f.]*)     # IPv6 and link-layer addresses
    |(?P<word>[A-Za-z_][\w/\\.-]*\*?|\d[\w.]*)
    |(?P<set>@[\w/\\.-]*)
    |(?P<variable>\$[\w/\\.-]+)
    |(?P<mark><<|>>|==|!=|<=|>=|[][{}(),:=!<>&|^/.*+-])
    |(?P<other>.)""",
    re.VERBOSE | re.ASCII,
)
_MANAGED = re.compile(r"# Warning: table (\w+) (\S+) is managed by iptables-nft", re.ASCII)
_WORDS = ("word", "colons")


class Token(NamedTuple):
    """A word or sign and where it stands."""

    kind: str  # end, string, word, set, variable, mark, other
    text: str  # strings without their quotes, sets and variables without the sign
    line: int  # 1-based
    column: int  # 1-based


def tokens(text: str, file: str, managed: set[tuple[str, str]]) -> Iterator[Token]:
    """The tokens of a ruleset, ends of lines and semicolons included.

    The tables that nft says are managed by iptables are added to `managed`. Raises InvalidInput for an open string.
    """
    line, start = 1, 0
    for found in _TOKEN.finditer(text):
        kind, word = str(found.lastgroup), found[0]
        column = found.start() - start + 1
        if kind == "comment":
            owner = _MANAGED.match(word)
            if owner:
                managed.add((owner[1], owner[2]))
        elif kind != "blank":
            if word == '"':
                raise InvalidInput.of("the string is not closed on its line", file=file, line=line, column=column)
            if word == "\\":  # nft(8): it goes on the next line only where nothing follows
                message = "a backslash that is not the last character of its line"
                raise InvalidInput.of(message, file=file, line=line, column=column, hint="nft refuses it")
            yield Token("word" if kind in _WORDS else kind, _bare(kind, word), line, column)
        if word.endswith("\n"):
            line, start = line + 1, found.end()


def _bare(kind: str, word: str) -> str:
    if kind == "string":
        return word[1:-1]
    return word[1:] if kind in ("set", "variable") else word
