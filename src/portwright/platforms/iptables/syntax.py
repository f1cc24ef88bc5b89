"""What a file of iptables consists of: tables, chains, rules, their extensions and options, and the sets of ipset.

Nothing here knows what a match or a target means.
"""

from dataclasses import dataclass, field

from portwright.source import Source

PROGRAMS = {4: "iptables", 6: "ip6tables"}  # IP version -> the program whose rules they are


@dataclass(frozen=True, slots=True)
class Option:
    """An option with its values: `! --dport 80:90`."""

    name: str  # the shortest or usual one of its names: `-s`, `--dport`
    values: tuple[str, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Extension:
    """One `-m NAME` with the options that belong to it."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Matches from left to right, then what becomes of the packets that all of them take."""

    source: Source
    plain: tuple[Option, ...]  # those that need no extension: -p, -s, -d, -i, -o, -f
    extensions: tuple[Extension, ...]
    target: str = ""  # a verdict, an extension or a chain; nothing: the rule only counts
    is_goto: bool = False
    target_options: tuple[Option, ...] = ()
    unknown: str = ""  # words that the reader does not know
    versions: tuple[int, ...] = (4, 6)  # IP versions that it is for, where it says so: `-4`, `-6`


@dataclass(slots=True)
class Chain:
    """Rules in order; a built-in chain is called by the kernel and has a policy."""

    name: str
    source: Source
    policy: str = ""  # ACCEPT or DROP; empty for user-defined chains
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """The chains of one table of one IP version."""

    version: int
    name: str
    source: Source
    chains: dict[str, Chain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """An element of a set."""

    text: str  # as written, its parts joined by commas
    is_exception: bool = False  # `nomatch`
    is_wildcard: bool = False  # its interface is the beginning of a name
    expires: bool = False


@dataclass(slots=True)
class AddressSet:
    """A set of ipset(8)."""

    name: str
    kind: str  # `hash:ip,port`
    source: Source
    options: dict[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    doubt: str = ""  # why its members are not known
    doubted_at: Source | None = None  # the line that makes it so

    @property
    def version(self) -> int | None:
        """The IP version of its addresses; None where it holds none."""
        has_addresses = any(part in ("ip", "net") for part in self.kind.partition(":")[2].split(","))
        return {"inet": 4, "inet6": 6}.get(self.options.get("family", "inet")) if has_addresses else None


@dataclass(slots=True)
class Ruleset:
    """Everything in a file."""

    tables: dict[tuple[int, str], Table] = field(default_factory=dict)  # by IP version and name
    sets: dict[str, AddressSet] = field(default_factory=dict)
    versions: set[int] = field(default_factory=set)  # whose rules the file has
    unknown: list[tuple[Source, str, tuple[int, ...]]] = field(default_factory=list)  # line, why, IP versions it is of
    variants: set[str] = field(default_factory=set)  # nft, which makes rules of nftables, or legacy: as headers tell
    guessed: list[Source] = field(default_factory=list)  # tables whose IP version nothing tells
    inert_lines: int = 0  # lines
    lines: int = 0  # those that are not empty

    @property
    def stops_at_ah(self) -> bool | None:
        """Report whether `-p` takes AH for the protocol of an IPv6 packet, as rules of nftables do; None: not known."""
        return self.variants == {"nft"} if len(self.variants) == 1 else None
