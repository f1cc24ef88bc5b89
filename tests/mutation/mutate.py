"""One line of a configuration changed the way people change lines: by their looks alone, whatever the language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import zip_longest
from random import Random

_ADDRESS = re.compile(r"\b(\d+\.\d+\.\d+)\.(\d+)\b(?!\.)(?!/)")
_LONG = re.compile(r"(?<![\w:])[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:/])")  # an IPv6 address
_PREFIX = re.compile(r"/(\d+)\b")
_MASK = re.compile(r"\b255\.\d+\.\d+\.\d+\b")
_PORT = re.compile(
    r"(?<=\beq )\d+|(?<=\bdport )\d+|(?<=\. )\d+(?= *[,}])|(?<=[{,] )\d+(?= *[,}])|(?<=-)\d+(?= })"
    r"|(?<=tcp/)\d+|(?<=udp/)\d+|(?<=\d:)\d+\b|(?<=service tcp )\d+|(?<=\brange )\d+"
)
_MEMBERS = re.compile(r"(?<=[{,]) ?[^{},:]+(?: : \w+(?: \w+)?)?,?(?=[,}\s])")  # of a set that nft writes in one line
_ENDS = (r"\bobject \S+", r"\bhost \S+", r"\bobject-group [A-Z-]+(?= )", r"\bany\b")
_CONDITIONS = (r" eq \S+", r" ip6? saddr \S+", r" ip6? daddr \S+", r" tcp dport \S+(?= [a-z])", r" [io]ifname \S+")
_FLIPS = (("permit", "deny"), ("deny", "permit"), ("accept", "drop"), ("drop", "accept"))
_NAT = re.compile(r"\s*nat \(|.*\b(dnat|snat|masquerade|redirect)\b")
_NAT_WORDS = (
    ("static", "dynamic"),
    ("dynamic", "static"),
    (" after-auto", ""),
    (" unidirectional", ""),
    (" route-lookup", ""),
    ("masquerade", "snat to 192.0.2.77"),
    (" interface", " 192.0.2.77"),
)
_PAIR = re.compile(r"\((\w+),(\w+)\)")
_ROW = re.compile(r"\d+,(permit|deny),")  # of a table of rules
_RULE = re.compile(
    r"access-list \S+ extended|\s+(?!type |policy |comment |#|\s).*\b(accept|drop|jump|goto|vmap|return)\b"
    rf"|{_ROW.pattern}"
)
_VALUE = re.compile(
    r" (host|subnet|range|network-object|group-object|service|service-object|port-object) |\t\t +\S|.*elements = "
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A text in which one line differs."""

    how: str
    line: int  # of the old text, 1-based
    old: str
    new: str  # empty: the line is gone; the same as `old`: it stands elsewhere
    text: str


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant, in the order of the lines."""
    lines = text.splitlines()
    for number in _beside(lines):
        lines[number] = f"\0{lines[number]}"  # as no line begins that is changed
    yield from (replace(one, text=one.text.replace("\0", "")) for one in _mutants(lines))


def _beside(lines: list[str]) -> Iterator[int]:
    """The lines about packets to and from the firewall itself, which no site asks about."""
    inside = False
    for number, line in enumerate(lines):
        inside = (inside and line.strip() != "}") or line.strip() in ("chain input {", "chain output {")
        if inside:
            yield number


def _mutants(lines: list[str]) -> Iterator[Mutant]:
    rules = [number for number, line in enumerate(lines) if _RULE.match(line)]
    for number, line in enumerate(lines):
        if number in rules or _VALUE.match(line) or _NAT.match(line):
            for how, new in _changes(line, number in rules):
                changed = lines[:number] + ([new] if new else []) + lines[number + 1 :]
                yield Mutant(how, number + 1, line, new, "\n".join(changed) + "\n")
    for number in rules:
        for other in (number - 1, number + 1, _first(lines, rules, number)):
            if other != number and other in rules:
                yield Mutant("move", number + 1, lines[number], lines[number], _moved(lines, number, other))


def _moved(lines: list[str], number: int, other: int) -> str:
    """The text with a line in another's place; in a table the numbers of the two say which comes first."""
    moved = lines[:number] + lines[number + 1 :]
    moved.insert(other, lines[number])
    if _ROW.match(lines[number]):
        orders = [line.partition(",")[0] for line in lines]
        moved = [f"{order},{line.partition(',')[2]}" for order, line in zip(orders, moved, strict=True)]
    return "\n".join(moved) + "\n"


def sample(text: str, count: int, seed: int) -> list[Mutant]:
    """Some mutants, each way of changing a line as often as the others."""
    ways: dict[str, list[Mutant]] = {}
    for mutant in mutants(text):
        ways.setdefault(mutant.how, []).append(mutant)
    random = Random(seed)
    for found in ways.values():
        random.shuffle(found)
    order = sorted(ways)
    random.shuffle(order)  # so that a few of each text are not the same ways everywhere
    rounds = zip_longest(*(ways[how] for how in order))
    return [mutant for one in rounds for mutant in one if mutant is not None][:count]


def _first(lines: list[str], rules: list[int], number: int) -> int:
    """The first line of the same list or chain."""
    head = lines[number].split()[:2] if not lines[number][:1].isspace() else []
    at = number
    while at - 1 in rules and (not head or lines[at - 1].split()[:2] == head):
        at -= 1
    return at


def _changes(line: str, is_rule: bool) -> Iterator[tuple[str, str]]:
    yield "drop", ""
    yield from (("flip", line.replace(old, new)) for old, new in _FLIPS if is_rule and re.search(rf"\b{old}\b", line))
    yield from _of_values(line)
    if is_rule:
        yield from _of_rule(line)
    elif _NAT.match(line):
        yield from _of_translation(line)
    if "elements = " in line or "{ " in line or line.startswith("\t\t  "):
        for found in _MEMBERS.finditer(line):
            yield "fewer", _put(line, found, "").replace("{,", "{").replace(",}", " }").replace(",,", ",")


def _of_values(line: str) -> Iterator[tuple[str, str]]:
    """Addresses, ports, lengths and masks, each a little aside."""
    for found in (*_ADDRESS.finditer(line), *_LONG.finditer(line)):
        if not found[0].startswith("255.") and (near := _neighbor(found[0])):
            yield "re-address", _put(line, found, near)
    for found in _PORT.finditer(line):
        yield "re-address", _put(line, found, str((int(found[0]) + 1) % 65536))
    for found in _PREFIX.finditer(line):
        yield "widen", _put(line, found, f"/{max(int(found[1]) - 1, 1)}")
        yield "narrow", _put(line, found, f"/{int(found[1]) + 1}")
    for found in _MASK.finditer(line):
        mask = int(IPv4Address(found[0]))
        yield "widen", _put(line, found, str(IPv4Address(mask << 1 & 0xFFFFFFFF)))
        yield "narrow", _put(line, found, str(IPv4Address(mask >> 1 | 1 << 31)))


def _neighbor(text: str) -> str:
    """The address beside one; empty for what only looks like an address."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str((IPv4Address if address.version == 4 else IPv6Address)(int(address) ^ 1))


def _of_rule(line: str) -> Iterator[tuple[str, str]]:
    for pattern in _ENDS[:3]:
        for found in re.finditer(pattern, line):
            if "service" not in found[0] and "listener" not in found[0]:
                yield "widen", _put(line, found, "any")
    for found in re.finditer(_ENDS[3], line):
        yield "narrow", _put(line, found, "host 10.20.0.11" if not _ROW.match(line) else "10.20.0.11")
    for pattern in (
        r" eq \S+",
        r" ip6? saddr \S+",
        r" ip6? daddr \S+",
        r" tcp dport \S+(?= [a-z])",
        r" [io]ifname \S+",
    ):
        for found in re.finditer(pattern, line):
            yield "widen", _put(line, found, "")


def _of_translation(line: str) -> Iterator[tuple[str, str]]:
    for old, new in _NAT_WORDS:
        if old in line:
            yield "translate", line.replace(old, new, 1)
    if found := _PAIR.search(line):
        yield "translate", _put(line, found, f"({found[2]},{found[1]})")
        yield "translate", _put(line, found, f"(any,{found[2]})")
        yield "translate", _put(line, found, f"({found[1]},any)")


def _put(line: str, found: re.Match[str], new: str) -> str:
    return line[: found.start()] + new + line[found.end() :]
