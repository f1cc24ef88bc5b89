"""The tree of a ruleset as nft writes it: tables, chains, rules, statements, expressions.

Both readers, of text and of JSON, make this tree; `str` of a node is nft syntax again. Nothing here knows what a
statement means.
"""

from dataclasses import dataclass, field

# Expressions


@dataclass(frozen=True, slots=True)
class Selector:
    """Something to look at in a packet, by nft's full name: `ip saddr`, `meta iifname`, `ct state`."""

    name: str

    def __str__(self) -> str:
        words = self.name.split(" ", 1)
        return words[1] if words[0] == "meta" and words[1] in UNQUALIFIED_META else self.name


@dataclass(frozen=True, slots=True)
class Value:
    """A constant as written: an address, a number, a name."""

    text: str
    quoted: bool = False

    def __str__(self) -> str:
        return f'"{self.text}"' if self.quoted else self.text


@dataclass(frozen=True, slots=True)
class Range:
    """Values from the first to the last, both included."""

    first: "Expression"
    last: "Expression"

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address and the number of its leading bits that count."""

    address: "Expression"
    length: str

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


@dataclass(frozen=True, slots=True)
class Concat:
    """Several values looked at together, `ip saddr . tcp dport`."""

    parts: tuple["Expression", ...]

    def __str__(self) -> str:
        return " . ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Flagged:
    """A list of flags, `established,related`."""

    items: tuple["Expression", ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.items))


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions joined by `&`, `|`, `^`, `<<` or `>>`."""

    operator: str
    left: "Expression"
    right: "Expression"

    def __str__(self) -> str:
        right = f"({self.right})" if isinstance(self.right, Binary | Flagged) else str(self.right)
        return f"{self.left} {self.operator} {right}"


@dataclass(frozen=True, slots=True)
class Element:
    """A member of a set or map."""

    key: "Expression"  # the value `*` stands for every key that no other element has
    data: "Expression | Decide | None" = None
    is_chancy: bool = False  # it has a limit of its own, or expires

    def __str__(self) -> str:
        return str(self.key) if self.data is None else f"{self.key} : {self.data}"


@dataclass(frozen=True, slots=True)
class Braces:
    """An anonymous set or map, `{ 22, 80-90 }`."""

    elements: tuple[Element, ...]

    def __str__(self) -> str:
        return "{ " + ", ".join(map(str, self.elements)) + " }"


@dataclass(frozen=True, slots=True)
class Named:
    """A reference to a named set or map, `@trusted`."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The value that a map has for a key, `tcp dport map { 80 : 10.0.0.1 }`."""

    key: "Expression"
    mapping: "Expression"

    def __str__(self) -> str:
        return f"{self.key} map {self.mapping}"


@dataclass(frozen=True, slots=True)
class Opaque:
    """An expression that the reader of JSON does not know, by its own name."""

    text: str

    def __str__(self) -> str:
        return self.text


Expression = Selector | Value | Range | Prefix | Concat | Flagged | Binary | Braces | Named | Lookup | Opaque

UNQUALIFIED_META = frozenset({  # nft(8), "META EXPRESSIONS": the key word meta may be left out
    "iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup", "mark", "nftrace", "rtclassid",
    "skuid", "skgid", "ibrname", "obrname", "pkttype", "cpu", "cgroup", "ibriport", "obriport", "ibridgename",
    "obridgename",
})  # fmt: skip

# Statements


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison; the rule goes on when it holds."""

    left: Expression
    operator: str  # "" when none is written: equality, for flags "any of"
    right: Expression

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}" if self.operator else f"{self.left} {self.right}"


@dataclass(frozen=True, slots=True)
class Decide:
    """A verdict: accept, drop, continue, return, jump or goto."""

    verdict: str
    chain: str = ""  # of jump and goto

    def __str__(self) -> str:
        return f"{self.verdict} {self.chain}" if self.chain else self.verdict


@dataclass(frozen=True, slots=True)
class DecideBy:
    """A verdict map: the key chooses the verdict."""

    key: Expression
    mapping: Expression

    def __str__(self) -> str:
        return f"{self.key} vmap {self.mapping}"


@dataclass(frozen=True, slots=True)
class Reject:
    """Drop and tell the sender."""

    kind: str = ""  # "icmp", "icmpv6", "icmpx", "tcp reset" or nothing
    code: str = ""

    def __str__(self) -> str:
        return " ".join(["reject", *([f"with {self.kind}"] if self.kind else []), *([self.code] if self.code else [])])


@dataclass(frozen=True, slots=True)
class Translate:
    """Address translation."""

    kind: str  # snat, dnat, masquerade, redirect
    family: str = ""  # "ip", "ip6" or not said
    address: Expression | None = None
    port: Expression | None = None
    flags: tuple[str, ...] = ()
    is_prefix: bool = False  # the network part alone is replaced

    def __str__(self) -> str:
        words = [self.kind, *([self.family] if self.family else []), *(["prefix"] if self.is_prefix else [])]
        if self.address is not None or self.port is not None:
            address = "" if self.address is None else str(self.address)
            if self.port is not None and ":" in address:
                address = f"[{address}]"
            words += ["to", address + (f":{self.port}" if self.port is not None else "")]
        return " ".join(words + ([",".join(self.flags)] if self.flags else []))


@dataclass(frozen=True, slots=True)
class Assign:
    """Something of the packet or its connection is set, `meta mark set 1`."""

    target: Selector
    value: Expression

    def __str__(self) -> str:
        return self.target.name if self.target.name == "notrack" else f"{self.target} set {self.value}"


@dataclass(frozen=True, slots=True)
class Update:
    """The packet's key is added to or taken from a named set."""

    operation: str  # add, update, delete
    set: str
    key: Expression
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Chance:
    """A statement that may or may not let the packet go on: a rate limit, a quota, a counter of connections."""

    text: str
    reason: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Divert:
    """A statement that gives the packet to somebody else: a user-space queue, a proxy, another device."""

    text: str
    reason: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Inert:
    """A statement that decides about no packet: counter, log, comment."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Unknown:
    """Words that the reader does not know; they reach to the end of the rule or to its final verdict."""

    text: str

    def __str__(self) -> str:
        return self.text


Statement = Condition | Decide | DecideBy | Reject | Translate | Assign | Update | Chance | Divert | Inert | Unknown

# Objects


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the file."""

    line: int  # 1-based
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Statements from left to right."""

    statements: tuple[Statement, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Hook:
    """What makes a chain a base chain."""

    type: str  # filter, nat, route
    name: str  # prerouting, input, forward, output, postrouting, ingress, egress
    priority: int
    devices: tuple[str, ...]  # of ingress and egress; empty where not said
    place: Place


@dataclass(slots=True)
class Chain:
    """Rules in order; with a hook it is a base chain."""

    name: str
    place: Place
    hook: Hook | None = None
    policy: str = "accept"
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class Set:
    """A named set or map."""

    name: str
    place: Place
    elements: list[Element] = field(default_factory=list)
    changes_by: str = ""  # why its members are not known: filled at run time, expiring
    unknown: Place | None = None  # a line of it that the reader does not know


@dataclass(slots=True)
class Table:
    """Chains and sets of one family."""

    family: str
    name: str
    place: Place
    is_dormant: bool = False
    is_lossy: bool = False  # its owner is iptables: nft cannot print all of it
    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, Set] = field(default_factory=dict)


@dataclass(slots=True)
class Ruleset:
    """Everything in the file."""

    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    base_chains: list[tuple[Table, Chain]] = field(default_factory=list)  # in order of registration
    inert_lines: int = 0  # lines
    unknown: list[Place] = field(default_factory=list)  # top-level commands that the reader does not know
