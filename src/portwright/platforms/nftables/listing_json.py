"""The JSON of a ruleset, as `nft -j list ruleset` prints it, to the same tree as its text.

libnftables-json(5) describes the objects. The listing says less than the text: it has no comments of chains, no
devices of ingress chains, and no `dynamic` flag of sets.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from portwright.errors import InvalidInput, Problem
from portwright.platforms.nftables import statements as texts
from portwright.platforms.nftables.expressions import DEPTH
from portwright.platforms.nftables.names import FAMILIES, HOOKS
from portwright.platforms.nftables.syntax import (
    Assign,
    Binary,
    Braces,
    Chain,
    Chance,
    Concat,
    Condition,
    Decide,
    DecideBy,
    Divert,
    Element,
    Expression,
    Flagged,
    Hook,
    Inert,
    Lookup,
    Named,
    Opaque,
    Place,
    Prefix,
    Range,
    Reject,
    Rule,
    Ruleset,
    Selector,
    Set,
    Statement,
    Table,
    Translate,
    Unknown,
    Update,
    Value,
)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
_START = re.compile(r'\s*\{\s*"nftables"\s*:\s*\[', re.ASCII)
_SEPARATOR = re.compile(r"\s*,\s*|\s*(?=[^\s,])", re.ASCII)
_DEPTH = 80  # lists and objects inside each other; two for each level of an expression
_END = re.compile(r"\s*\]\s*\}\s*\Z", re.ASCII)
_INERT_OBJECTS = (
    "metainfo", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy",
    "flowtable",
)  # fmt: skip


def read(text: str, file: str) -> Ruleset:
    """The tree of a ruleset's JSON. Raises InvalidInput where it is cut off or nft would refuse it."""
    return _Reader(file).ruleset(text)


def _objects(text: str, file: str) -> Iterator[tuple[dict[str, Json], int]]:
    """The objects of the listing, each with its line."""
    start = _START.match(text)
    if start is None:
        hint = 'the output of "nft -j list ruleset" begins with {"nftables": ['
        raise InvalidInput.of("this is no listing of nft", file=file, line=1, hint=hint)
    decoder = json.JSONDecoder()
    at, line = start.end(), 1 + text.count("\n", 0, start.end())
    while not _END.match(text, at):
        gap = _SEPARATOR.match(text, at)
        begin = gap.end() if gap is not None else at
        line += text.count("\n", at, begin)
        try:
            found, at = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as problem:  # also a number with more digits than Python converts
            raise _broken(problem, text, begin, line, file) from None
        if _is_deep(found):
            raise InvalidInput.of("nested too deeply", file=file, line=line)
        if isinstance(found, dict):
            yield found, line
        line += text.count("\n", begin, at)


def _is_deep(value: Json) -> bool:
    """Report whether lists and objects are nested beyond what any listing has."""
    layer: list[Json] = [value]
    for _ in range(_DEPTH):
        inner: list[Json] = []
        for item in layer:
            if isinstance(item, list | dict):
                inner += item if isinstance(item, list) else item.values()
        if not inner:
            return False
        layer = inner
    return True


def _broken(problem: Exception, text: str, begin: int, line: int, file: str) -> InvalidInput:
    if isinstance(problem, RecursionError):
        return InvalidInput.of("nested too deeply", file=file, line=line)
    at = problem.pos if isinstance(problem, json.JSONDecodeError) else begin
    line += text.count("\n", begin, at)
    column = at - text.rfind("\n", 0, at)
    message = "the listing ends too early" if at >= len(text.rstrip()) else "this is no JSON"
    return InvalidInput.of(message, file=file, line=line, column=column, hint="the file may have been cut off")


class _Reader:
    def __init__(self, file: str):
        self._file = file
        self._ruleset = Ruleset()
        self._problems: list[Problem] = []
        self._line = 0

    def ruleset(self, text: str) -> Ruleset:
        pending: list[tuple[dict[str, Json], int]] = []
        for found, line in _objects(text, self._file):
            self._line = line
            kind, body = next(iter(found.items()), ("", None))
            if kind in ("add", "create") and isinstance(body, dict):
                kind, body = next(iter(body.items()), ("", None))
            if kind == "flush" and isinstance(body, dict) and "ruleset" in body:
                self._ruleset, pending = Ruleset(), []
                continue
            if kind == "rule" and isinstance(body, dict):
                pending.append((body, self._line))
            else:
                self._object(kind, body)
        for body, line in pending:
            self._line = line
            self._rule(body)
        if self._problems:
            raise InvalidInput(sorted(self._problems))
        return self._ruleset

    def _place(self, text: str) -> Place:
        return Place(self._line, text)

    def _object(self, kind: str, body: Json) -> None:
        readers: dict[str, Callable[[dict[str, Json]], None]] = {
            "table": self._table,
            "chain": self._chain,
            "set": self._set,
            "map": self._set,
            "element": self._element,
        }
        if kind in readers and isinstance(body, dict):
            readers[kind](body)
        elif kind in _INERT_OBJECTS:
            self._ruleset.inert_lines += 1
        else:
            self._ruleset.unknown.append(self._place(kind[:60]))

    def _problem(self, message: str, hint: str = "") -> None:
        self._problems.append(Problem(self._file, self._line, 0, "", message, hint))

    def _table(self, body: dict[str, Json]) -> None:
        family, name = _text(body.get("family")), _text(body.get("name"))
        if family not in FAMILIES or not name:
            self._problem("this table has no family or name")
            return
        flags = _list(body.get("flags"))
        table = Table(family, name, self._place(f"table {family} {name}"))
        table.is_dormant = "dormant" in flags or name in flags  # nft 1.0.6 prints the name in place of the flag
        self._ruleset.tables.setdefault((family, name), table)

    def _owner(self, body: dict[str, Json]) -> Table | None:
        key = (_text(body.get("family")), _text(body.get("table")))
        table = self._ruleset.tables.get(key)
        if table is None:
            self._problem(f"the listing has no table {' '.join(key)}", "a part of it is missing")
        return table

    def _chain(self, body: dict[str, Json]) -> None:
        table, name = self._owner(body), _text(body.get("name"))
        if table is None:
            return
        chain = Chain(name, self._place(f"chain {name}"))
        table.chains[name] = chain
        if "hook" not in body:
            return
        kind, hook, number = _text(body.get("type")), _text(body.get("hook")), body.get("prio")
        if hook not in HOOKS or not isinstance(number, int):
            self._problem(f"chain {name} has no known hook or no priority")
            return
        chain.policy = _text(body.get("policy")) or "accept"
        text = f"type {kind} hook {hook} priority {number}; policy {chain.policy};"
        devices = tuple(_text(device) for device in _list(body.get("dev")))
        chain.hook = Hook(kind, hook, number, devices, self._place(text))
        self._ruleset.base_chains.append((table, chain))

    def _set(self, body: dict[str, Json]) -> None:
        table, name = self._owner(body), _text(body.get("name"))
        if table is None:
            return
        named = Set(name, self._place(f"{'map' if 'map' in body else 'set'} {name}"))
        named.elements += [_element(member) for member in _list(body.get("elem"))]
        if "timeout" in body or "timeout" in _list(body.get("flags")):
            named.changes_by = "its members expire"
        elif "dynamic" in _list(body.get("flags")):
            named.changes_by = "it is filled while packets pass"
        for statement in _list(body.get("stmt")):
            if isinstance(statement, dict) and "counter" not in statement:
                named.changes_by = "each of its members has a limit of its own"
        table.sets[name] = named

    def _element(self, body: dict[str, Json]) -> None:
        table, name = self._owner(body), _text(body.get("name"))
        if table is None or name not in table.sets:
            self._problem(f"the listing has no set {name}")
            return
        table.sets[name].elements += [_element(member) for member in _list(body.get("elem"))]

    def _rule(self, body: dict[str, Json]) -> None:
        table, name = self._owner(body), _text(body.get("chain"))
        if table is None:
            return
        if name not in table.chains:
            self._problem(f"table {table.family} {table.name} has no chain {name}", "a part of the listing is missing")
            return
        found = tuple(_statement(part) for part in _list(body.get("expr")))
        if isinstance(body.get("comment"), str):
            found = (*found, Inert(f'comment "{body["comment"]}"'))
        table.chains[name].rules.append(Rule(found, self._place(" ".join(map(str, found)))))


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "exists" if value else "missing"
    return str(value) if isinstance(value, str | int) else ""


def _list(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


# Expressions


def _element(value: Json) -> Element:
    """A member of a set, or a pair of a map."""
    if isinstance(value, list) and len(value) == 2:
        member = _element(value[0])
        return Element(member.key, _data(value[1]), member.is_chancy)
    if isinstance(value, dict) and isinstance(value.get("elem"), dict):
        inner = cast("dict[str, Json]", value["elem"])
        is_chancy = any(key not in ("val", "comment", "counter") for key in inner)
        return Element(_expression(inner.get("val")), None, is_chancy)
    return Element(_expression(value))


def _data(value: Json) -> Expression | Decide:
    if isinstance(value, dict) and len(value) == 1:
        kind, body = next(iter(value.items()))
        if kind in _VERDICTS:
            return Decide(kind, _target_chain(body))
    return _expression(value)


_VERDICTS = ("accept", "drop", "continue", "return", "jump", "goto")


def _target_chain(body: Json) -> str:
    return _text(body.get("target")) if isinstance(body, dict) else ""


def _expression(value: Json) -> Expression:
    if isinstance(value, list):
        return Flagged(tuple(_expression(item) for item in value))
    if isinstance(value, str) and value.startswith("@"):
        return Named(value[1:])
    if not isinstance(value, dict):
        return Value(_text(value), quoted=isinstance(value, str) and not _PLAIN.fullmatch(value))
    kind, body = next(iter(value.items()), ("", None))
    if kind in _JOINED:
        return _joined(kind, body)
    reader = _EXPRESSIONS.get(kind)
    if reader is not None:
        return reader(body)
    fields = body if isinstance(body, dict) else {}
    selector = _SELECTORS.get(kind)
    return Selector(selector(fields)) if selector is not None else Opaque(kind[:60])


_PLAIN = re.compile(r"[\w.:*/-]+", re.ASCII)
_JOINED = ("&", "|", "^", "<<", ">>")


def _joined(operator: str, body: Json) -> Expression:
    parts = [_expression(part) for part in _list(body)]
    if not 2 <= len(parts) <= DEPTH:
        return Opaque(operator)
    found = parts[0]
    for part in parts[1:]:
        found = Binary(operator, found, part)
    return found


def _prefix(body: Json) -> Expression:
    fields = body if isinstance(body, dict) else {}
    return Prefix(_expression(fields.get("addr")), _text(fields.get("len")))


def _range(body: Json) -> Expression:
    ends = _list(body)
    return Range(_expression(ends[0]), _expression(ends[1])) if len(ends) == 2 else Opaque("range")


def _lookup(body: Json) -> Expression:
    fields = body if isinstance(body, dict) else {}
    return Lookup(_expression(fields.get("key")), _expression(fields.get("data")))


_EXPRESSIONS: dict[str, Callable[[Json], Expression]] = {
    "prefix": _prefix,
    "range": _range,
    "concat": lambda body: Concat(tuple(_expression(part) for part in _list(body))),
    "set": lambda body: Braces(tuple(_element(member) for member in _list(body))),
    "map": _lookup,
    "elem": lambda body: _element({"elem": body}).key,
}

_Fields = Mapping[str, Json]


def _payload(fields: _Fields) -> str:
    if "base" in fields:
        return f"@{fields['base']},{fields.get('offset')},{fields.get('len')}"
    return f"{_text(fields.get('protocol'))} {_text(fields.get('field'))}"


def _ct(fields: _Fields) -> str:
    direction = _text(fields.get("dir"))
    return " ".join(word for word in ("ct", direction, _text(fields.get("key"))) if word)


def _named(*words: str) -> Callable[[_Fields], str]:
    """A selector of a kind that is not modelled: its first word, and what its fields say."""

    def name(fields: _Fields) -> str:
        values = [_text(fields.get(key)) for key in ("dir", "family", "mode", "name", "field", "key")]
        return " ".join([*words, *(value for value in values if value)])

    return name


def _fib(fields: _Fields) -> str:
    return f"fib {' . '.join(_text(flag) for flag in _list(fields.get('flags')))} {_text(fields.get('result'))}"


_SELECTORS: dict[str, Callable[[_Fields], str]] = {
    "payload": _payload,
    "meta": lambda fields: f"meta {_text(fields.get('key'))}",
    "ct": _ct,
    "fib": _fib,
    "rt": _named("rt"),
    "exthdr": _named("exthdr"),
    "tcp option": _named("tcp", "option"),
    "ip option": _named("ip", "option"),
    "sctp chunk": _named("sctp", "chunk"),
    "socket": _named("socket"),
    "osf": _named("osf"),
    "ipsec": _named("ipsec"),
    "numgen": _named("numgen"),
    "jhash": _named("jhash"),
    "symhash": _named("symhash"),
}

# Statements


def _statement(value: Json) -> Statement:
    if not isinstance(value, dict) or not value:
        return Unknown(_short(value))
    kind, body = next(iter(value.items()))
    if kind in _VERDICTS:
        return Decide(kind, _target_chain(body))
    if kind in _INERT:
        return Inert(kind)
    if kind in _CHANCES:
        return Chance(f"{kind} {_short(body)}", _CHANCES[kind])
    if kind in _DIVERTS:
        return Divert(f"{kind} {_short(body)}", _DIVERTS[kind])
    reader = _STATEMENTS.get(kind)
    return reader(kind, body if isinstance(body, dict) else {}) if reader is not None else Unknown(_short(value))


def _short(value: Json) -> str:
    return json.dumps(value)[:100]


def _match(_: str, fields: _Fields) -> Statement:
    operator, left = _text(fields.get("op")), _expression(fields.get("left"))
    is_flags = isinstance(left, Binary) or (isinstance(left, Selector) and left.name in _FLAGS)
    if operator == "in" or (operator == "==" and not is_flags):
        operator = ""  # as the text has it: equality, or any of the flags
    return Condition(left, operator, _expression(fields.get("right")))


_FLAGS = ("tcp flags", "ct state", "ct status", "ct event")


def _vmap(_: str, fields: _Fields) -> Statement:
    return DecideBy(_expression(fields.get("key")), _expression(fields.get("data")))


def _mangle(_: str, fields: _Fields) -> Statement:
    target = _expression(fields.get("key"))
    return Assign(target if isinstance(target, Selector) else Selector(str(target)), _expression(fields.get("value")))


def _reject(_: str, fields: _Fields) -> Statement:
    return Reject(_text(fields.get("type")), _text(fields.get("expr")))


def _translate(kind: str, fields: _Fields) -> Statement:
    address, port = fields.get("addr"), fields.get("port")
    flags = tuple(_text(flag) for flag in _list(fields.get("flags")) if flag != "netmap")
    return Translate(
        kind,
        _text(fields.get("family")),
        None if address is None else _expression(address),
        None if port is None else _expression(port),
        flags,
        "prefix" in _list(fields.get("type_flags")) or "netmap" in _list(fields.get("flags")),
    )


def _update(_: str, fields: _Fields) -> Statement:
    key = _element(fields.get("elem")).key
    limits = [part for part in _list(fields.get("stmt")) if isinstance(part, dict) and "counter" not in part]
    operation, name = _text(fields.get("op")), _text(fields.get("set")).removeprefix("@")
    return Update(operation, name, key, f"{operation} @{name} {{ {key}{' limit' if limits else ''} }}")


_STATEMENTS: dict[str, Callable[[str, _Fields], Statement]] = {
    "match": _match,
    "vmap": _vmap,
    "mangle": _mangle,
    "reject": _reject,
    "snat": _translate,
    "dnat": _translate,
    "masquerade": _translate,
    "redirect": _translate,
    "set": _update,
    "notrack": lambda _, __: Assign(texts.NOTRACK, Value("untracked")),
    "flow": lambda _, __: Update("flow", "", Selector("meta l4proto"), "flow add"),
}
_INERT = (
    "counter", "log", "comment", "dup", "ct helper", "ct timeout", "ct expectation", "secmark", "last",
)  # fmt: skip
_CHANCES = {
    "limit": texts.RATE,
    "quota": texts.QUOTA,
    "ct count": texts.CONNECTIONS,
    "meter": texts.METER,
}
_DIVERTS = {
    "queue": texts.QUEUE,
    "tproxy": texts.PROXY,
    "synproxy": texts.PROXY,
    "fwd": texts.AWAY,
    "xt": texts.EXTENSION,
}
