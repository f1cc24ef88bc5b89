"""Statements: tokens of one rule to the rule's tree."""

from collections.abc import Callable, Sequence

from portwright.platforms.nftables.expressions import (
    OPERATORS,
    VERDICTS,
    Cursor,
    Puzzled,
    atom,
    constants,
    join,
    selectors,
    starts_selector,
    value,
)
from portwright.platforms.nftables.lexer import Token
from portwright.platforms.nftables.syntax import (
    Assign,
    Binary,
    Chance,
    Condition,
    Decide,
    DecideBy,
    Divert,
    Expression,
    Inert,
    Lookup,
    Reject,
    Selector,
    Statement,
    Translate,
    Unknown,
    Update,
    Value,
)

RATE = "a rate limit: whether it is exceeded depends on the traffic"
QUOTA = "a quota: whether it is used up depends on the traffic"
CONNECTIONS = "a limit on connections: it depends on the traffic"
METER = "a meter: whether it is exceeded depends on the traffic"
EXTENSION = "an iptables extension that nft cannot print"
QUEUE = "the packet goes to a program that decides about it"
PROXY = "the packet goes to a proxy on this machine"
AWAY = "the packet is sent out by another device"


def statements(tokens: Sequence[Token]) -> tuple[Statement, ...]:
    """The statements of a rule; the last is `Unknown`, or one before a final verdict, where words are not known."""
    cursor = Cursor(tokens)
    found: list[Statement] = []
    while cursor.at < len(tokens):
        start = cursor.at
        cursor.depth = 0
        try:
            found.append(_statement(cursor))
        except Puzzled:
            return (*found, *_rest(tokens[start:]))
    return tuple(found)


def _rest(tokens: Sequence[Token]) -> list[Statement]:
    """Unknown words up to the verdict that ends the rule, if one does.

    nft refuses a statement after a terminal one, so the words before a verdict cannot hold another verdict.
    """
    if len(tokens) > 2 and tokens[-2].kind == "word" and tokens[-2].text == "comment":
        tokens = tokens[:-2]
    texts = [token.text if token.kind == "word" else "" for token in tokens]
    if len(texts) > 1 and texts[-1] in VERDICTS:
        return [Unknown(join(tokens[:-1])), Decide(texts[-1])]
    if len(texts) > 2 and texts[-2] in ("jump", "goto") and texts[-1]:
        return [Unknown(join(tokens[:-2])), Decide(texts[-2], texts[-1])]
    return [Unknown(join(tokens))]


def _statement(cursor: Cursor) -> Statement:
    word = cursor.peek() if cursor.kind() == "word" else ""
    if word == "meter" or (word == "ct" and cursor.peek(1) == "count"):
        return _braced_or_over(cursor)
    reader = _READERS.get(word)
    if reader is not None and not (word == "rt" and starts_selector(cursor)):
        return reader(cursor)
    if not starts_selector(cursor) and cursor.peek() != "(":
        raise Puzzled
    return _comparison(cursor)


def _comparison(cursor: Cursor) -> Statement:
    left = selectors(cursor)
    if cursor.accept("vmap"):
        return DecideBy(left, atom(cursor))
    if cursor.accept("set") and isinstance(left, Selector):
        return Assign(left, _whole(left, value(cursor), cursor))
    if cursor.accept("map"):
        left = Lookup(left, atom(cursor))
    operator = OPERATORS[cursor.take().text] if cursor.peek() in OPERATORS else ""
    right = _whole(left, constants(cursor), cursor)
    if cursor.accept("/"):  # `tcp flags syn / syn,ack`: value / mask
        return Condition(Binary("&", left, constants(cursor)), operator or "==", right)
    return Condition(left, operator, right)


def _whole(left: Expression, constant: Expression, cursor: Cursor) -> Expression:
    """The constant with what may follow a colon: a handle of tc(8), `1:2`."""
    is_handle = left == Selector("meta priority") and cursor.accept(":")
    return Value(f"{constant}:{cursor.word()}") if is_handle else constant


def _verdict(cursor: Cursor) -> Statement:
    return Decide(cursor.word())


def _jump(cursor: Cursor) -> Statement:
    return Decide(cursor.word(), cursor.word())


def _counter(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    if cursor.accept("name"):
        if starts_selector(cursor):
            return Assign(Selector("counter name"), value(cursor))
        cursor.word()
    elif cursor.kind() == "string":
        cursor.take()
    while cursor.accept("packets", "bytes"):
        cursor.word()
    return Inert(cursor.since(start))


_LOG_OPTIONS = ("prefix", "level", "group", "snaplen", "queue-threshold", "flags")


def _log(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    while cursor.accept(*_LOG_OPTIONS):
        is_list = cursor.peek(-1) == "flags"
        cursor.word()
        while is_list and (cursor.accept(",") or cursor.accept("sequence", "options", "tcp", "ip")):
            if cursor.peek(-1) == ",":
                cursor.word()
    return Inert(cursor.since(start))


_AMOUNT = ("over", "until", "name", "rate", "burst", "used", "packets", "bytes", "kbytes", "mbytes", "/")


def _limit(cursor: Cursor) -> Statement:
    start = cursor.at
    reason = RATE if cursor.word() == "limit" else QUOTA
    named = cursor.peek() == "name"
    if named and starts_selector(_ahead(cursor, 1)):
        cursor.take()
        value(cursor)
    while cursor.peek() in _AMOUNT or _is_amount(cursor):
        cursor.take()
    if named and cursor.since(start).endswith("name"):
        cursor.word()
    return Chance(cursor.since(start), reason)


def _is_amount(cursor: Cursor) -> bool:
    word = cursor.peek()
    units = {"second", "minute", "hour", "day", "week", "s", "m", "h", "d"}
    return cursor.kind() == "word" and (word[:1].isdigit() or (word in units and cursor.peek(-1) == "/"))


def _ahead(cursor: Cursor, count: int) -> Cursor:
    other = Cursor(cursor.tokens)
    other.at = cursor.at + count
    return other


def _braced_or_over(cursor: Cursor) -> Statement:
    """`meter m { ip saddr limit rate 5/second }` and `ct count over 10`."""
    start = cursor.at
    if cursor.word() == "ct":
        cursor.take()
        cursor.accept("over")
        cursor.word()
        return Chance(cursor.since(start), CONNECTIONS)
    while cursor.peek() != "{":
        cursor.take()
    skip_braces(cursor)
    return Chance(cursor.since(start), METER)


def skip_braces(cursor: Cursor) -> None:
    """Go past a balanced pair of braces."""
    cursor.expect("{")
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(cursor.peek(), 0)
        cursor.take()


def _update(cursor: Cursor) -> Statement:
    start = cursor.at
    operation = cursor.word()
    name = cursor.take()
    if name.kind != "set":
        raise Puzzled
    cursor.expect("{")
    key = value(cursor)
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(cursor.peek(), 0)
        cursor.take()
    return Update(operation, name.text, key, cursor.since(start))


def _reject(cursor: Cursor) -> Statement:
    cursor.take()
    if not cursor.accept("with"):
        return Reject()
    kind = cursor.word()
    if kind == "tcp":
        cursor.expect("reset")
        return Reject("tcp reset")
    if kind not in ("icmp", "icmpv6", "icmpx"):
        raise Puzzled
    cursor.accept("type")
    return Reject(kind, cursor.word())


NAT_FLAGS = ("random", "fully-random", "persistent")


def _translate(cursor: Cursor) -> Statement:
    kind = cursor.word()
    family = cursor.accept("ip", "ip6") if cursor.peek(1) not in ("saddr", "daddr") else ""
    is_prefix = False
    if kind in ("snat", "dnat"):
        if cursor.accept("addr"):
            cursor.expect(".")
            cursor.expect("port")
        is_prefix = bool(cursor.accept("prefix"))
        cursor.accept("interval")
    address = port = None
    if cursor.accept("to"):
        address, port = _target(cursor)
    elif kind in ("snat", "dnat"):
        raise Puzzled
    flags = []
    while cursor.peek() in NAT_FLAGS:
        flags.append(cursor.word())
        cursor.accept(",")
    return Translate(kind, family, address, port, tuple(flags), is_prefix)


def _target(cursor: Cursor) -> tuple[Expression | None, Expression | None]:
    """An address, a port, or both: `10.0.0.1:80`, `[fd00::1]:80`, `:80`, `ip saddr map { ... }`."""
    address = None if cursor.peek() == ":" else value(cursor)
    port = value(cursor) if cursor.accept(":") else None
    return address, port


def _divert(reason: str) -> Callable[[Cursor], Statement]:
    def read(cursor: Cursor) -> Statement:
        start = cursor.at
        cursor.take()
        while cursor.kind() and cursor.peek() not in _AFTER_DIVERT:
            cursor.take()
        return Divert(cursor.since(start), reason)

    return read


_AFTER_DIVERT = (*VERDICTS, "meta", "ct", "counter", "log", "jump", "goto", "comment", "mark")


def _dup(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    cursor.expect("to")
    value(cursor)
    if cursor.accept("device"):
        value(cursor)
    return Inert(cursor.since(start))


NOTRACK = Selector("notrack")


def _notrack(cursor: Cursor) -> Statement:
    cursor.take()
    return Assign(NOTRACK, Value("untracked"))


def _flow(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    if not cursor.accept("add", "offload"):
        raise Puzzled
    cursor.take()
    return Update("flow", "", Selector("meta l4proto"), cursor.since(start))


def _comment(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    cursor.word()
    return Inert(cursor.since(start))


def _last(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    if cursor.accept("used"):
        cursor.word()
    return Inert(cursor.since(start))


def _reset(cursor: Cursor) -> Statement:
    """`reset tcp option sack-perm` takes an option out of the packet."""
    start = cursor.at
    cursor.take()
    selectors(cursor)
    return Inert(cursor.since(start))


def _extension(cursor: Cursor) -> Statement:
    start = cursor.at
    cursor.take()
    kind, _ = cursor.word(), cursor.word()
    return Chance(cursor.since(start), EXTENSION) if kind == "match" else Divert(cursor.since(start), EXTENSION)


_READERS: dict[str, Callable[[Cursor], Statement]] = {
    "accept": _verdict,
    "drop": _verdict,
    "continue": _verdict,
    "return": _verdict,
    "jump": _jump,
    "goto": _jump,
    "counter": _counter,
    "log": _log,
    "limit": _limit,
    "quota": _limit,
    "add": _update,
    "update": _update,
    "delete": _update,
    "reject": _reject,
    "snat": _translate,
    "dnat": _translate,
    "masquerade": _translate,
    "redirect": _translate,
    "queue": _divert(QUEUE),
    "tproxy": _divert(PROXY),
    "synproxy": _divert(PROXY),
    "fwd": _divert(AWAY),
    "dup": _dup,
    "notrack": _notrack,
    "flow": _flow,
    "comment": _comment,
    "last": _last,
    "reset": _reset,
    "xt": _extension,
}
