"""The text of a ruleset, in which rules and elements are put in or taken out where they stand."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portwright.errors import InvalidInput
from portwright.platforms.nftables.lexer import Token, tokens
from portwright.platforms.nftables.listing_text import read
from portwright.platforms.nftables.statements import statements
from portwright.platforms.nftables.syntax import (
    Assign,
    Chain,
    Decide,
    DecideBy,
    Divert,
    Place,
    Reject,
    Rule,
    Ruleset,
    Set,
    Table,
    Translate,
    Unknown,
)

_DECIDING = (Decide, DecideBy, Reject, Translate, Divert, Unknown)
_COMMANDS = ("add", "insert", "rule", "create", "chain", "table", "replace")  # how a line begins that is no rule
_BEFORE_RULES = range(3, 8)  # how many words a command has in front: add rule [FAMILY] TABLE CHAIN [index N]
_ELEMENTS = re.compile(r"\belements\s*=\s*\{")
_BLOCKS = ("table", "chain")
_BLANK_LINES = re.compile(r"\n[ \t]*(?=\n)")
_OPENING, _CLOSING = frozenset("{(["), frozenset("})]")


def is_deciding(rule: Rule) -> bool:
    """Report whether a rule may decide about a packet: it does not only log or count."""
    return any(isinstance(one, _DECIDING) or (isinstance(one, Assign) and one.target.name == "notrack")
               for one in rule.statements)  # fmt: skip


def written(rule: Rule) -> str:
    """A rule on one line: as it stands in its file, where the line holds it and nothing else."""
    words = [token for token in tokens(rule.place.text, "", set()) if token.kind != "end"]
    return rule.place.text if _are(words, rule) else " ".join(map(str, rule.statements))


def _are(words: list[Token], rule: Rule) -> bool:
    """Report whether the words are those of a rule."""
    try:
        return statements(words) == rule.statements
    except InvalidInput:
        return False


@dataclass(frozen=True, slots=True)
class Listing:
    """A ruleset with its text."""

    tree: Ruleset
    lines: tuple[str, ...]
    tokens: tuple[Token, ...]

    @classmethod
    def of(cls, text: str) -> "Listing | None":
        """The listing; None where it is JSON, which nobody edits."""
        text = text.removeprefix("\ufeff")
        if text.lstrip()[:1] == "{":
            return None
        return cls(read(text, ""), tuple(text.split("\n")), tuple(tokens(text, "", set())))

    def tables(self) -> Iterable[Table]:
        """All tables."""
        return self.tree.tables.values()

    def table(self, stage: str) -> Table | None:
        """The table of a stage such as `inet filter forward`."""
        return self.tree.tables.get(tuple(stage.split()[:2]))  # type: ignore[arg-type]

    def with_rules(self, table: Table, chain: Chain, index: int, rules: Sequence[str]) -> str:
        """The text with rules in front of that rule of the chain; behind the last where there are no more.

        Where the chain was filled by commands, by commands too.
        """
        if not self._is_block(chain):
            place = f"rule {table.family} {table.name} {chain.name}"
            ended = index >= len(chain.rules)
            places = (f"add {place}" if ended else f"insert {place} index {index + n}" for n in range(len(rules)))
            added = (f"{where} {rule}" for where, rule in zip(places, rules, strict=True))
            return "\n".join(["\n".join(self.lines).rstrip("\n"), *added, ""])
        if index < len(chain.rules):
            first, _ = self._span(chain.rules[index])
            model = self.lines[first.line - 1]
            if before := model[: first.column - 1].strip():
                return self._between(first, before, rules)
            number = self._above_comments(first.line)
        else:
            number = self._closing(chain.rules[-1].place if chain.rules else (chain.hook or chain).place)
            model = self.lines[(chain.rules[-1].place.line if chain.rules else number) - 1]
            model = model if chain.rules else f"\t{model}"
        indent = model[: len(model) - len(model.lstrip())]
        return self._with(number, [f"{indent}{rule}" for rule in rules])

    def _between(self, first: Token, before: str, rules: Sequence[str]) -> str:
        """The text with rules behind what stands before another one on its line."""
        line = self.lines[first.line - 1]
        indent = line[: len(line) - len(line.lstrip())]
        new = (before, *rules, line[first.column - 1 :])
        parts = [*self.lines[: first.line - 1], *(f"{indent}{one}" for one in new), *self.lines[first.line :]]
        return "\n".join(parts)

    def _is_block(self, chain: Chain) -> bool:
        """Report whether the rules of a chain stand in its braces, on lines of their own."""
        if chain.rules:
            return all(rule.place.text.split()[0] not in _COMMANDS for rule in chain.rules)
        return self._closing((chain.hook or chain).place) > chain.place.line

    def with_elements(self, named: Set, members: Sequence[str]) -> str:
        """The text with more elements of a set, in front of those that it has."""
        inside = False
        for at, token in enumerate(self.tokens):
            inside |= (token.line, token.text) == (named.place.line, named.name)
            if inside and token.text == "elements" and self.tokens[at + 2].text == "{":
                brace = self.tokens[at + 2]
                line = self.lines[brace.line - 1]
                edited = f"{line[: brace.column]} {', '.join(members)},{line[brace.column :]}"
                return "\n".join([*self.lines[: brace.line - 1], edited, *self.lines[brace.line :]])
        opening = self._closing(named.place)
        return self._with(opening, [f"\t\telements = {{ {', '.join(members)} }}"])

    def without_elements(self, named: Set, keys: Iterable[str]) -> str:
        """The text without some elements of a set, and what is counted of them."""
        last = self._closing(named.place)
        block = "\n".join(self.lines[named.place.line - 1 : last])
        start = max((found.start() for found in _ELEMENTS.finditer(block)), default=len(block))
        head, body = block[:start], block[start:]
        for key in keys:  # an element begins behind a brace or comma; counters and comments have numbers too
            body = re.sub(rf"([{{,]\s*){re.escape(key)}(?![\w./:-])[^,}}]*(?:,[ \t]*)?", r"\1", body, count=1)
        body = _BLANK_LINES.sub("", body)  # nft refuses them among elements
        return "\n".join([*self.lines[: named.place.line - 1], head + body, *self.lines[last:]])

    def without_rule(self, rule: Rule) -> str:
        """The text without a rule; without the comments right above it, too, where the line holds nothing else."""
        first, last = self._span(rule)
        before = self.lines[first.line - 1][: first.column - 1]
        behind = self.lines[last.line - 1][last.column - (last.text != ";") :]
        if not before.strip() and not behind.partition("#")[0].strip():
            return "\n".join([*self.lines[: self._above_comments(first.line) - 1], *self.lines[last.line :]])
        kept = (before + behind.lstrip()).rstrip() if behind.strip() else before.rstrip()
        return "\n".join([*self.lines[: first.line - 1], kept, *self.lines[last.line :]])

    def with_rule(self, rule: Rule, new: str) -> str:
        """The text with another rule in the place of one."""
        first, last = self._span(rule)
        before = self.lines[first.line - 1][: first.column - 1]
        behind = self.lines[last.line - 1][last.column - 1 :] if last.text != "\n" else ""
        kept = [*self.lines[: first.line - 1], f"{before}{new}{behind}", *self.lines[last.line :]]
        return "\n".join(kept)

    def _span(self, rule: Rule) -> tuple[Token, Token]:
        """The first token of a rule, and the one that ends it: the end of a line, a semicolon or a brace."""
        spans = list(self._statements(rule.place.line))
        return next((span for span in spans if self._says(span, rule)), spans[0])

    def _says(self, span: tuple[Token, Token], rule: Rule) -> bool:
        words = [token for token in self.tokens if span[0][2:] <= token[2:] < span[1][2:] and token.text != "\n"]
        places = _BEFORE_RULES if words[0].text in _COMMANDS else (0,)
        return any(_are(words[place:], rule) for place in places)

    def _statements(self, line: int) -> Iterator[tuple[Token, Token]]:
        """What begins on a line, with what ends it. A block has statements of its own."""
        first: Token | None = None
        depth = 0  # of sets and the like
        for token in self._from(line):
            if first is None and token.line > line:
                return
            mark = token.text if token.kind == "mark" else ""
            if not depth and (token.kind == "end" or mark == "}"):
                if first is not None:
                    yield first, token
                first = None
            elif mark == "{" and first is not None and first.text in _BLOCKS:
                first = None
            else:
                depth += (mark in _OPENING) - (mark in _CLOSING)
                first = first or token
        if first is not None:
            yield first, Token("end", "\n", len(self.lines), len(self.lines[-1]) + 1)

    def _with(self, number: int, new: Sequence[str]) -> str:
        return "\n".join([*self.lines[: number - 1], *new, *self.lines[number - 1 :]])

    def _above_comments(self, number: int) -> int:
        while number > 1 and self.lines[number - 2].lstrip().startswith("#"):
            number -= 1
        return number

    def _closing(self, place: Place) -> int:
        """The line of the brace that closes the block of a rule, or the block that begins on a line."""
        depth = 0
        for token in self._from(place.line):
            depth += (token.text in _OPENING) - (token.text in _CLOSING) if token.kind == "mark" else 0
            if token.kind == "mark" and token.text == "}" and depth <= self._floor(place):
                return token.line
        return len(self.lines)

    def _floor(self, place: Place) -> int:
        """How deep the closing brace leads: out of the block, or to where the line with the opening one began."""
        words = place.text.split()
        return 0 if words[:1] in (["chain"], ["set"], ["map"], ["add"], ["create"]) else -1

    def _end(self, place: Place) -> int:
        """The last line of a rule, which may hold a set that spans lines."""
        depth = 0
        for token in self._from(place.line):
            depth += (token.text in _OPENING) - (token.text in _CLOSING) if token.kind == "mark" else 0
            if token.kind == "end" and depth <= 0:
                return token.line
        return len(self.lines)

    def _from(self, line: int) -> Iterable[Token]:
        return (token for token in self.tokens if token.line >= line)
