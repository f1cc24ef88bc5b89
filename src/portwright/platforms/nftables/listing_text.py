"""The text of a ruleset, as `nft list ruleset` prints it or as people write it for `nft -f`, to its tree.

Commands take effect in order, as in the kernel: a table may be opened twice, flushed or deleted. What stands in braces
of an object that decides about no packet is skipped; a command that is not known makes the whole ruleset uncertain.
"""

from collections.abc import Callable, Iterator

from portwright.errors import InvalidInput, Problem
from portwright.platforms.nftables.expressions import DEPTH, Cursor, Puzzled, element
from portwright.platforms.nftables.lexer import Token, tokens
from portwright.platforms.nftables.names import FAMILIES, HOOKS, priority
from portwright.platforms.nftables.statements import statements
from portwright.platforms.nftables.syntax import Chain, Element, Hook, Place, Rule, Ruleset, Set, Table

EXPANSION = 2_000_000  # tokens that variables may expand to in one file
_OPENING, _CLOSING = frozenset("{(["), frozenset("})]")
_STATEFUL = ("counter", "quota", "limit", "flowtable", "secmark", "synproxy")  # named objects
_VERBS = ("add", "create", "insert", "replace", "delete", "destroy", "flush", "reset", "rename", "list")
_UNWRITTEN = ("list", "reset", "describe")  # commands that change nothing


def read(text: str, file: str) -> Ruleset:
    """The tree of a ruleset's text. Raises InvalidInput where it is cut off or nft would refuse it."""
    return _Reader(text, file).ruleset()


class _Reader:
    def __init__(self, text: str, file: str):
        self._lines = text.split("\n")
        self._file = file
        self._managed: set[tuple[str, str]] = set()
        self._tokens: Iterator[Token] = tokens(text, file, self._managed)
        self._next = next(self._tokens, None)
        self._last = Token("end", "", 1, 1)
        self._variables: list[dict[str, list[Token]]] = [{}]  # innermost scope last
        self._expanded = 0  # tokens
        self._ruleset = Ruleset()
        self._problems: list[Problem] = []

    def ruleset(self) -> Ruleset:
        while self._next is not None:
            if self._next.text == "}":
                raise self._error(self._next, "this brace closes nothing")
            self._command()
        for key in self._managed & set(self._ruleset.tables):
            self._ruleset.tables[key].is_lossy = True
        if self._problems:
            raise InvalidInput(sorted(self._problems))
        return self._ruleset

    # Tokens

    def _take(self) -> Token:
        if self._next is None:
            raise self._error(self._last, "the file ends too early", "it was cut off, or a closing brace is missing")
        self._last, self._next = self._next, next(self._tokens, None)
        is_word = self._last.kind == "word" and self._last.text == "include"
        if is_word and self._next is not None and self._next.kind == "string":  # nft knows it in every block
            raise self._included(self._last)
        return self._last

    def _included(self, token: Token) -> InvalidInput:
        hint = "give the output of 'nft list ruleset'"
        return self._error(token, "include reads other files, which are not here", hint)

    def _error(self, token: Token, message: str, hint: str = "") -> InvalidInput:
        problem = Problem(self._file, token.line, token.column, "", message, hint)
        return InvalidInput(sorted([*self._problems, problem]))

    def _place(self, token: Token) -> Place:
        return Place(token.line, self._lines[token.line - 1].strip())

    def _statement(self, stop_at_brace: bool = False) -> list[Token]:
        """The tokens up to the end of the statement, variables expanded; `stop_at_brace` leaves a block unread."""
        found: list[Token] = []
        opened: list[Token] = []
        while self._next is not None:
            token = self._next
            if token.text == "}" and not opened and token.kind == "mark":
                break
            if stop_at_brace and token.text == "{" and token.kind == "mark":
                break
            self._take()
            if token.kind == "end":
                if not opened:
                    break
                if token.text == ";":
                    found.append(token)
                continue
            if token.kind == "mark":
                self._balance(token, opened)
            found += self._expand(token) if token.kind == "variable" else [token]
        if opened:
            raise self._error(opened[-1], f"'{opened[-1].text}' is not closed", "the file may have been cut off")
        return found

    def _balance(self, token: Token, opened: list[Token]) -> None:
        if token.text in _OPENING:
            opened.append(token)
        elif token.text in _CLOSING and (not opened or _PAIRS[opened.pop().text] != token.text):
            raise self._error(token, f"'{token.text}' closes nothing that is open here")

    def _expand(self, variable: Token) -> list[Token]:
        for scope in reversed(self._variables):
            if variable.text in scope:
                value = scope[variable.text]
                self._expanded += len(value)
                if self._expanded > EXPANSION:
                    raise self._error(variable, "the variables of this file expand to too much text")
                return [Token(t.kind, t.text, variable.line, variable.column) for t in value]
        self._problems.append(
            Problem(self._file, variable.line, variable.column, "", f"the variable ${variable.text} is not defined")
        )
        return [Token("word", variable.text, variable.line, variable.column)]

    def _block(self, item: Callable[[], None]) -> None:
        """A block in braces, item by item."""
        opening = self._take()
        self._variables.append({})
        if len(self._variables) > DEPTH:
            raise self._error(opening, "nested too deeply")
        while True:
            if self._next is None:
                hint = "the file was cut off, or a closing brace is missing"
                raise self._error(opening, "'{' is not closed", hint)
            if self._next.text == "}" and self._next.kind == "mark":
                self._take()
                break
            if self._next.kind == "end":
                self._take()
                continue
            item()
        self._variables.pop()

    def _skip(self) -> None:
        """A statement or block that decides about no packet."""
        self._ruleset.inert_lines += 1
        self._statement(stop_at_brace=True)
        if self._next is not None and self._next.text == "{":
            self._block(self._skip)

    # Commands

    def _command(self) -> None:
        first = self._next
        assert first is not None
        if first.kind == "end":
            self._take()
        elif first.text in ("define", "redefine", "undefine"):
            self._define()
        elif first.text == "include":
            raise self._included(first)
        elif first.text in ("table", "chain", "set", "map", *_STATEFUL):
            self._object()
        elif first.text in _VERBS:
            self._verb()
        elif first.text in ("element", "rule"):
            self._contents("add", self._place(first))
        else:
            self._unknown()

    def _verb(self) -> None:
        verb = self._take()
        kind = self._next.text if self._next is not None else ""
        if verb.text in _UNWRITTEN:
            self._skip()
        elif verb.text in ("flush", "delete", "destroy"):
            self._remove(verb)
        elif verb.text in ("add", "create") and kind in ("table", "chain", "set", "map", "ct", *_STATEFUL):
            self._object()
        elif verb.text in ("add", "insert", "create") and kind in ("rule", "element"):
            self._contents(verb.text, self._place(verb))
        elif verb.text == "add" and kind in FAMILIES:  # `add table` with its key word left out is a rule
            self._rule(verb.text, self._place(verb), self._statement())
        else:
            self._unknown(verb)

    def _unknown(self, verb: Token | None = None) -> None:
        place = self._place(verb or self._take())
        self._ruleset.unknown.append(place)
        self._statement(stop_at_brace=True)
        if self._next is not None and self._next.text == "{":
            self._block(self._swallow)

    def _swallow(self) -> None:
        self._statement(stop_at_brace=True)
        if self._next is not None and self._next.text == "{":
            self._block(self._swallow)

    def _define(self) -> None:
        command = self._take()
        words = self._statement()
        self._ruleset.inert_lines += 1
        if command.text == "undefine" and words:
            self._variables[-1].pop(words[0].text, None)
            return
        if len(words) < 3 or words[1].text != "=":
            raise self._error(command, "a definition is written as: define NAME = VALUE")
        self._variables[-1][words[0].text] = words[2:]

    def _object(self) -> None:
        """A table, chain, set or named object with or without its block."""
        head = self._statement(stop_at_brace=True)
        kind = head[0]
        opens = self._next is not None and self._next.text == "{" and self._next.kind == "mark"
        names = [token.text for token in head[1:] if token.kind in ("word", "string")]
        if kind.text == "table":
            table = self._table(kind, names)
            if opens:
                self._block(lambda: self._table_item(table))
            return
        if kind.text in ("chain", "set", "map"):
            table, name = self._in_table(kind, names)
            self._table_object(table, kind, name, opens)
            return
        self._ruleset.inert_lines += 1
        if opens:
            self._block(self._skip)

    def _table(self, token: Token, names: list[str]) -> Table:
        names = names if len(names) == 2 else ["ip", *names]  # nft(8), "ADDRESS FAMILIES": the default is ip
        if len(names) != 2 or names[0] not in FAMILIES:
            raise self._error(token, "a table is written as: table FAMILY NAME", f"families: {', '.join(FAMILIES)}")
        key = (names[0], names[1])
        if key not in self._ruleset.tables:
            self._ruleset.tables[key] = Table(names[0], names[1], self._place(token))
        return self._ruleset.tables[key]

    def _in_table(self, token: Token, names: list[str]) -> tuple[Table, str]:
        names = names if len(names) == 3 else ["ip", *names]
        table = self._ruleset.tables.get((names[0], names[1])) if len(names) == 3 else None
        if table is None:
            raise self._error(token, "this names no table that the file has opened before")
        return table, names[2]

    def _table_item(self, table: Table) -> None:
        first = self._next
        assert first is not None
        if first.text in ("define", "redefine", "undefine"):
            self._define()
        elif first.text in ("chain", "set", "map") and first.kind == "word":
            head = self._statement(stop_at_brace=True)
            opens = self._next is not None and self._next.text == "{"
            self._table_object(table, first, head[1].text if len(head) == 2 else "", opens)
        elif first.text == "flags":
            table.is_dormant |= "dormant" in {token.text for token in self._statement()}
            self._ruleset.inert_lines += 1
        elif first.text in ("comment", "ct", "owner", *_STATEFUL):
            self._skip()
        else:
            self._unknown()

    def _table_object(self, table: Table, token: Token, name: str, opens: bool) -> None:
        if not name:
            raise self._error(token, f"this {token.text} has no name")
        if token.text == "chain":
            chain = table.chains.setdefault(name, Chain(name, self._place(token)))
            if opens:
                self._block(lambda: self._chain_item(table, chain))
            return
        named = table.sets.setdefault(name, Set(name, self._place(token)))
        if opens:
            self._block(lambda: self._set_item(named))

    # Chains

    def _chain_item(self, table: Table, chain: Chain) -> None:
        first = self._next
        assert first is not None
        if first.text in ("define", "redefine", "undefine") and first.kind == "word":
            self._define()
            return
        words = self._statement()
        if not words:
            return
        if first.kind == "word" and first.text == "type" and chain.hook is None:
            self._hook(table, chain, words)
        elif first.kind == "word" and first.text == "policy":
            self._policy(chain, words)
        elif first.kind == "word" and first.text in ("comment", "flags", "devices", "device"):
            self._ruleset.inert_lines += 1
        else:
            chain.rules.append(Rule(statements(words), self._place(first)))

    def _policy(self, chain: Chain, words: list[Token]) -> None:
        if len(words) != 2 or words[1].text not in ("accept", "drop"):
            raise self._error(words[0], "the policy of a chain is accept or drop")
        chain.policy = words[1].text

    def _hook(self, table: Table, chain: Chain, words: list[Token]) -> None:
        texts = [token.text for token in words]
        hint = "type filter hook forward priority filter; policy drop;"
        if len(texts) < 4 or texts[2] != "hook" or texts[3] not in HOOKS or "priority" not in texts:
            raise self._error(words[0], "this is no declaration of a base chain", hint)
        at = texts.index("priority")
        number = priority(texts[at + 1 :], table.family)
        if number is None:
            raise self._error(words[at], "this is no priority", hint)
        devices = tuple(t.text for t in words[4:at] if t.kind in ("word", "string") and t.text not in _DEVICE)
        chain.hook = Hook(texts[1], texts[3], number, devices, self._place(words[0]))
        self._ruleset.base_chains.append((table, chain))

    # Sets

    def _set_item(self, named: Set) -> None:
        first = self._next
        assert first is not None
        words = self._statement()
        if not words:
            return
        kind = words[0].text
        if kind == "elements":
            named.elements += self._elements(named, words[1:], first)
        elif kind == "flags":
            flags = {token.text for token in words[1:]}
            named.changes_by = _volatile(flags) or named.changes_by
        elif kind == "timeout":
            named.changes_by = _volatile({"timeout"})
        elif kind in ("limit", "quota", "ct"):
            named.changes_by = "each of its members has a limit of its own"
        elif kind not in _SET_WORDS:
            named.unknown = self._place(first)

    def _elements(self, named: Set, words: list[Token], first: Token) -> list[Element]:
        cursor = Cursor(words)
        found: list[Element] = []
        try:
            cursor.accept("=")
            cursor.expect("{")
            while not cursor.accept("}"):
                found.append(element(cursor))
                if cursor.peek() != "}":
                    cursor.expect(",")
        except Puzzled:
            named.unknown = self._place(cursor.tokens[cursor.at - 1] if cursor.at else first)
        return found

    # Commands on contents

    def _contents(self, verb: str, place: Place) -> None:
        kind = self._take()
        words = self._statement()
        if kind.text == "rule":
            self._rule(verb, place, words)
            return
        table, name, rest = self._address(words)
        if table is None or name not in table.sets:
            raise self._error(kind, "this names no set that the file has made before")
        table.sets[name].elements += self._elements(table.sets[name], rest, kind)

    def _address(self, words: list[Token]) -> tuple[Table | None, str, list[Token]]:
        """The table, the object in it and the rest of a command."""
        at = 1 if words and words[0].text in FAMILIES else 0
        family = words[0].text if at else "ip"
        if len(words) < at + 2:
            return None, "", []
        return self._ruleset.tables.get((family, words[at].text)), words[at + 1].text, words[at + 2 :]

    def _rule(self, verb: str, place: Place, words: list[Token]) -> None:
        table, name, rest = self._address(words)
        if table is None or name not in table.chains:
            raise self._error(words[0] if words else self._last, "this names no chain that the file has made before")
        rules = table.chains[name].rules
        at = _index(rest)
        if at is not None and at < len(rules):  # nft(8), "RULES": `insert` before it, `add` behind it, from 0
            rules.insert(at if verb == "insert" else at + 1, Rule(statements(rest[2:]), place))
        elif rest and rest[0].text in ("index", "handle", "position"):
            self._ruleset.unknown.append(place)
        elif verb == "insert":
            rules.insert(0, Rule(statements(rest), place))
        else:
            rules.append(Rule(statements(rest), place))

    def _remove(self, verb: Token) -> None:
        words = self._statement()
        self._ruleset.inert_lines += 1
        kind = words[0].text if words else ""
        texts = [token.text for token in words[1:]]
        tables = self._ruleset.tables
        if kind == "ruleset":
            gone = [key for key in tables if not texts or key[0] == texts[0]]
        elif kind == "table" and texts:
            gone = [(texts[0], texts[1]) if len(texts) == 2 else ("ip", texts[0])]
        else:
            self._remove_contents(verb, kind, words)
            return
        for key in gone:
            self._remove_table(key, keep=verb.text == "flush" and kind == "table")

    def _remove_table(self, key: tuple[str, str], keep: bool) -> None:
        table = self._ruleset.tables.get(key)
        if table is None:
            return
        if keep:
            for chain in table.chains.values():
                chain.rules.clear()
            return
        del self._ruleset.tables[key]
        self._ruleset.base_chains = [entry for entry in self._ruleset.base_chains if entry[0] is not table]

    def _remove_contents(self, verb: Token, kind: str, words: list[Token]) -> None:
        table, name, rest = self._address(words[1:])
        if verb.text == "flush" and table is not None and kind == "chain" and name in table.chains and not rest:
            table.chains[name].rules.clear()
        elif verb.text == "flush" and table is not None and kind in ("set", "map") and name in table.sets:
            table.sets[name].elements.clear()
        elif verb.text == "delete" and table is not None and kind in ("set", "map") and name in table.sets and not rest:
            del table.sets[name]
        elif verb.text == "delete" and table is not None and kind == "element" and name in table.sets:
            gone = {str(one.key) for one in self._elements(table.sets[name], rest, verb)}
            table.sets[name].elements = [one for one in table.sets[name].elements if str(one.key) not in gone]
        else:
            self._ruleset.unknown.append(self._place(verb))


_PAIRS = {"{": "}", "(": ")", "[": "]"}
_DEVICE = ("device", "devices")


def _index(words: list[Token]) -> int | None:
    """The number after `index`, where a rule begins so."""
    is_given = len(words) > 1 and words[0].text == "index" and words[1].text.isdecimal() and len(words[1].text) < 7
    return int(words[1].text) if is_given else None


_SET_WORDS = ("type", "typeof", "size", "gc-interval", "auto-merge", "policy", "comment", "counter")


def _volatile(flags: set[str]) -> str:
    if "timeout" in flags:
        return "its members expire"
    return "it is filled while packets pass" if "dynamic" in flags else ""
