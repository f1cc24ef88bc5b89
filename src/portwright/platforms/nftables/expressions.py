"""Expressions: tokens of one rule to expression trees.

nft's grammar needs no types: a rule's words fall into selectors (`tcp dport`), operators and constants by position.
What does not parse raises `Puzzled`; the caller makes the rest of the rule unknown, never the file.
"""

from collections.abc import Sequence

from portwright.platforms.nftables.lexer import Token
from portwright.platforms.nftables.syntax import (
    UNQUALIFIED_META,
    Binary,
    Braces,
    Concat,
    Decide,
    Element,
    Expression,
    Flagged,
    Lookup,
    Named,
    Prefix,
    Range,
    Selector,
    Value,
)

DEPTH = 40  # of braces and brackets, and operators in a row; real rulesets stay below five
OPERATORS = {
    "==": "==", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!": "!",
    "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
}  # fmt: skip
BINARY = {
    "&": "&", "|": "|", "^": "^", "<<": "<<", ">>": ">>",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
HEADERS = frozenset({  # nft(8), "PAYLOAD EXPRESSIONS" and "EXTENSION HEADER EXPRESSIONS"
    "ether", "vlan", "arp", "ip", "ip6", "icmp", "icmpv6", "igmp", "tcp", "udp", "udplite", "sctp", "dccp", "ah", "esp",
    "comp", "th", "gre", "gretap", "vxlan", "geneve", "hbh", "rt", "frag", "dst", "mh",
})  # fmt: skip
BARE_META = UNQUALIFIED_META | {"ipsec", "time", "day", "hour", "secpath"}
_SAME = {"secpath": "ipsec", "ibridgename": "ibrname", "obridgename": "obrname"}
VERDICTS = ("accept", "drop", "continue", "return")
ELEMENT_OPTIONS = {"timeout": 1, "expires": 1, "comment": 1}
_ITEM_END = {",", "}", ":", ""}


class Puzzled(Exception):
    """The words do not follow nft's grammar as far as this reader knows it."""


class Cursor:
    """The tokens of one rule, read from left to right."""

    def __init__(self, tokens: Sequence[Token]):
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self, ahead: int = 0) -> str:
        """The text of a token to come; empty at the end and for strings."""
        at = self.at + ahead
        if at >= len(self.tokens) or self.tokens[at].kind == "string":
            return ""
        return self.tokens[at].text

    def kind(self, ahead: int = 0) -> str:
        """The kind of a token to come; empty at the end."""
        at = self.at + ahead
        return self.tokens[at].kind if at < len(self.tokens) else ""

    def take(self) -> Token:
        """The next token."""
        if self.at >= len(self.tokens):
            raise Puzzled
        self.at += 1
        return self.tokens[self.at - 1]

    def word(self) -> str:
        """The next token, which must be a word or a string."""
        token = self.take()
        if token.kind not in ("word", "string"):
            raise Puzzled
        return token.text

    def accept(self, *texts: str) -> str:
        """The next token's text where it is one of these, and go on; otherwise empty."""
        text = self.peek()
        if text not in texts or not text:
            return ""
        self.at += 1
        return text

    def expect(self, text: str) -> None:
        """Go past this token."""
        if not self.accept(text):
            raise Puzzled

    def since(self, start: int) -> str:
        """The text of the tokens from `start` to here."""
        return join(self.tokens[start : self.at])

    def deeper(self) -> None:
        """Enter a brace or bracket."""
        self.depth += 1
        if self.depth > DEPTH:
            raise Puzzled


def join(tokens: Sequence[Token]) -> str:
    """Tokens as text again, for people."""
    signs = {"string": '"{}"', "set": "@{}", "variable": "${}"}
    return " ".join(signs.get(token.kind, "{}").format(token.text) for token in tokens)


def starts_selector(cursor: Cursor) -> bool:
    """Report whether a selector comes next."""
    word = cursor.peek()
    if cursor.kind() == "set":
        return word in ("th", "nh", "ll", "ih") and cursor.peek(1) == ","
    follows = cursor.kind(1) in ("word", "string")
    if word in BARE_META or word == "symhash":
        return True
    return follows and (word in HEADERS or word in _SPECIAL or word == "meta")


def selector(cursor: Cursor) -> Selector:
    """One selector, by its full name."""
    word = cursor.peek()
    if cursor.kind() == "set":
        return _raw(cursor)
    if word in _SPECIAL and not (word == "rt" and cursor.peek(1) in ("type", "seg-left", "nexthdr", "hdrlength")):
        return _special(cursor)
    cursor.take()
    if word in HEADERS:
        return Selector(_option(cursor, word, cursor.word()))
    key = cursor.word() if word == "meta" else word
    if word != "meta" and word not in BARE_META:
        raise Puzzled
    return Selector(f"meta {_SAME.get(key, key)}")


def _option(cursor: Cursor, header: str, name: str) -> str:
    """`tcp option maxseg size` and `sctp chunk data flags`; any other field is a single word."""
    if name not in ("option", "chunk"):
        return f"{header} {name}"
    words = [header, name, cursor.word()]
    if cursor.kind() == "word" and cursor.peek() not in ("exists", "missing", "set") and cursor.peek(1):
        words.append(cursor.word())
    return " ".join(words)


def _raw(cursor: Cursor) -> Selector:
    base = cursor.take().text
    numbers = []
    for _ in range(2):
        cursor.expect(",")
        numbers.append(cursor.word())
    return Selector(f"@{base},{','.join(numbers)}")


def _special(cursor: Cursor) -> Selector:
    """Selectors of more than two words."""
    word = cursor.word()
    words = [word]
    words += [cursor.word() for choices in _SPECIAL[word] if cursor.peek() in choices]
    if word == "fib":
        words += _fib(cursor)
    elif word in ("numgen", "jhash", "symhash"):
        words += _generator(cursor, word)
    elif word == "socket" and cursor.peek() == "cgroupv2":
        words += [cursor.word(), cursor.word(), cursor.word()]
    else:
        words.append(cursor.word())
    if word == "ipsec" and words[-1] in ("ip", "ip6", "spnum"):
        words.append(cursor.word())
    return Selector(" ".join(words))


_SPECIAL: dict[str, tuple[tuple[str, ...], ...]] = {  # first word -> words that may follow before the key
    "ct": (("original", "reply"), ("ip", "ip6")),
    "rt": (("ip", "ip6"),),
    "fib": (),
    "socket": (),
    "osf": (("ttl",), ("loose", "skip")),
    "ipsec": (("in", "out"),),
    "exthdr": (),
    "numgen": (),
    "jhash": (),
    "symhash": (),
}


def _fib(cursor: Cursor) -> list[str]:
    words = [cursor.word()]
    while cursor.accept("."):
        words += [".", cursor.word()]
    words.append(cursor.word())
    return words


def _generator(cursor: Cursor, word: str) -> list[str]:
    words = []
    if word == "numgen":
        words.append(cursor.word())
    elif word == "jhash":
        words.append(str(selectors(cursor)))
    while cursor.peek() in ("mod", "seed", "offset"):
        words += [cursor.word(), cursor.word()]
    return words


def selectors(cursor: Cursor) -> Expression:
    """The left side of a comparison: a selector, several joined by dots, or one masked."""
    found: Expression = _masked(cursor)
    if cursor.peek() == ".":
        parts = [found]
        while cursor.accept("."):
            parts.append(_masked(cursor))
        found = Concat(tuple(parts))
    return found


def _masked(cursor: Cursor) -> Expression:
    found: Expression = Selector("")
    if cursor.accept("("):
        cursor.deeper()
        found = _masked(cursor)
        cursor.expect(")")
    else:
        found = selector(cursor)
    return _operated(cursor, found)


def _operated(cursor: Cursor, found: Expression) -> Expression:
    """The expression with the operators that follow it."""
    for _ in range(DEPTH):
        if cursor.peek() not in BINARY:
            return found
        operator = BINARY[cursor.take().text]
        found = Binary(operator, found, atom(cursor))
    raise Puzzled


def constants(cursor: Cursor) -> Expression:
    """The right side of a comparison: a constant, a set, a list of flags."""
    first = constant(cursor)
    if cursor.peek() != ",":
        return first
    items = [first]
    while cursor.accept(","):
        items.append(constant(cursor))
    return Flagged(tuple(items))


def constant(cursor: Cursor) -> Expression:
    """One constant, or several joined by dots."""
    first = _span(cursor)
    if cursor.peek() != ".":
        return first
    parts = [first]
    while cursor.accept("."):
        parts.append(_span(cursor))
    return Concat(tuple(parts))


def _span(cursor: Cursor) -> Expression:
    found = _operated(cursor, atom(cursor))
    if cursor.accept("-"):
        return Range(found, atom(cursor))
    if cursor.peek() == "/" and isinstance(found, Value) and cursor.kind(1) == "word" and cursor.peek(1).isdecimal():
        cursor.take()
        return Prefix(found, cursor.word())
    return found


def atom(cursor: Cursor) -> Expression:
    """A single constant, a set, or an expression in brackets."""
    token = cursor.take()
    if token.kind == "word" or (token.kind == "mark" and token.text == "*"):
        return Value(token.text)
    if token.kind == "string":
        return Value(token.text, quoted=True)
    if token.kind == "set":
        return Named(token.text)
    if token.text == "{":
        return _braces(cursor)
    if token.text == "-" and cursor.kind() == "word":
        return Value("-" + cursor.word())
    if token.text in _CLOSING:
        return _bracketed(cursor, _CLOSING[token.text])
    raise Puzzled


_CLOSING = {"(": ")", "[": "]"}


def _bracketed(cursor: Cursor, closing: str) -> Expression:
    cursor.deeper()
    inner = constants(cursor)
    cursor.expect(closing)
    cursor.depth -= 1
    return inner


def _braces(cursor: Cursor) -> Braces:
    cursor.deeper()
    elements: list[Element] = []
    while not cursor.accept("}"):
        elements.append(element(cursor))
        if cursor.peek() != "}":
            cursor.expect(",")
    cursor.depth -= 1
    return Braces(tuple(elements))


def element(cursor: Cursor) -> Element:
    """A member of a set or map with its options."""
    key = constant(cursor)
    is_chancy = _options(cursor)
    data: Expression | Decide | None = None
    if cursor.accept(":"):
        data = _data(cursor)
        is_chancy |= _options(cursor)
    return Element(key, data, is_chancy)


def _data(cursor: Cursor) -> Expression | Decide:
    word = cursor.peek()
    if cursor.kind() == "word" and word in VERDICTS and cursor.peek(1) in _ITEM_END:
        return Decide(cursor.word())
    if word in ("jump", "goto") and cursor.kind(1) in ("word", "string"):
        return Decide(cursor.word(), cursor.word())
    return constant(cursor)


def _options(cursor: Cursor) -> bool:
    """Skip the options of an element; report whether it holds only at times."""
    is_chancy = False
    while cursor.kind() == "word":
        word = cursor.word()
        is_chancy |= word not in ("comment", "counter")
        if word in ELEMENT_OPTIONS:
            cursor.word()
            continue
        while cursor.peek() not in (",", "}", ":", "comment", "timeout", "expires") and cursor.kind():
            cursor.take()
    return is_chancy


def value(cursor: Cursor) -> Expression:
    """A value to set or to translate to: a constant, another selector, or what a map has for it."""
    if not starts_selector(cursor):
        return constant(cursor)
    found = selectors(cursor)
    if cursor.accept("map"):
        return Lookup(found, atom(cursor))
    return found
