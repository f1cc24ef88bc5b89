"""Random rulesets of iptables for both families, as `ipset save`, iptables-save and ip6tables-save print them.

A draw may be wrong in ways that only the programs know: `tests.kernel.loading` leaves out the lines that they refuse.
"""

from random import Random

from tests.kernel import vocabulary_iptables as words
from tests.kernel.generate import TRANSLATING, Shape, shape
from tests.kernel.programs import IPV6_HEADER

_TABLES = {  # table -> its chains in the order of the save programs
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_PATHS = {
    "forward": ("PREROUTING", "FORWARD", "POSTROUTING"),
    "input": ("PREROUTING", "INPUT"),
    "output": ("OUTPUT", "POSTROUTING"),
}
_OUTWARD = ("POSTROUTING", "INPUT")
_NO_INGRESS, _NO_EGRESS = ("OUTPUT", "POSTROUTING"), ("PREROUTING", "INPUT")
_VERDICTS, _GENTLE = ("ACCEPT", "ACCEPT", "DROP", "RETURN", ""), ("ACCEPT", "RETURN", "")
_VERSION = {4: "", 6: IPV6_HEADER + "\n"}


def ruleset(random: Random, hook: str, path: bool) -> str:
    """The text of some tables of both families for a hook, or for the whole path through it."""
    drawn = shape(random, path)
    sets = _sets(random)
    texts = [_VERSION[version] + _family(random, version, sets, drawn, hook, path) for version in (4, 6)]
    return "".join(_set(random, name, kind) for name, kind in sets.items()) + "".join(texts)


def _sets(random: Random) -> dict[str, str]:
    kinds = random.sample(sorted(words.SETS), random.randrange(5))
    return {f"s{number}": kind for number, kind in enumerate(kinds)}


def _set(random: Random, name: str, kind: str) -> str:
    version, _, members = words.SETS[kind]
    options = words.SET_OPTIONS.get(kind) or f"family {'inet' if version == 4 else 'inet6'} hashsize 1024 maxelem 65536"
    chosen = random.sample(members, random.randint(0, len(members)))
    return f"create {name} {kind.removesuffix('6')} {options}\n" + "".join(f"add {name} {one}\n" for one in chosen)


def _family(random: Random, version: int, sets: dict[str, str], shape: Shape, hook: str, path: bool) -> str:
    around = _PATHS[hook] if path else (hook.upper(),)
    names = [name for name in ("raw", "mangle", "security") if random.randrange(100) < 35]
    names += ["nat"] if path and random.randrange(100) < shape.nat else []
    tables = [_Table(random, version, name, sets, shape, around) for name in ("filter", *names)]
    return "".join(table.text() for table in tables)


class _Table:
    """Draws one table of one family."""

    def __init__(
        self,
        random: Random,
        version: int,
        name: str,
        sets: dict[str, str],
        shape: Shape,
        around: tuple[str, ...],
    ):  # fmt: skip
        self._random = random
        self._version = version
        self._name = name
        self._sets = {name: kind for name, kind in sets.items() if words.SETS[kind][0] == version}
        self._shape = shape
        self._bases = [chain for chain in _TABLES[name] if chain in around]
        self._own = [f"{name[0]}{number}" for number in range(random.choice((0, 1, 2, 3, 5)))]
        self._home = random.choice(self._bases or [""])  # the base chain that leads to the own ones
        self._protocol = ""
        self.pick = random.choice

    def text(self) -> str:
        policies = "".join(f":{chain} {self._policy(chain)} [0:0]\n" for chain in _TABLES[self._name])
        policies += "".join(f":{chain} - [0:0]\n" for chain in self._own)
        rules = []
        for chain in self._bases:
            rules += self._rules(chain, self._own if chain == self._home else [], self._shape.most_rules)
        for number, chain in enumerate(self._own):
            rules += self._rules(chain, self._own[number + 1 :], 6)
        return f"*{self._name}\n{policies}" + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n"

    def _policy(self, chain: str) -> str:
        """Those of chains that no packet is asked about let all through."""
        return "ACCEPT" if self._name == "nat" or chain not in self._bases else self.pick(self._shape.policies).upper()

    def _rules(self, chain: str, targets: list[str], most: int) -> list[str]:
        return [self._rule(chain, targets) for _ in range(self._random.randint(1, most))]

    def _rule(self, chain: str, targets: list[str]) -> str:
        at = chain if chain in self._bases else self._home
        self._protocol = self._drawn_protocol()
        counts = (0, 0, 1, 1, 1, 2)
        parts = [f"-A {chain}", self._head(at)]
        parts += [self._match(at) for _ in range(self.pick(counts))]
        parts += [f"-m {self._other(at)}"] if self._chance(6) else []
        parts += [f"-m comment --comment {self.pick(words.COMMENTS)}"] if self._chance(6) else []
        return " ".join(filter(None, (*parts, self._target(at, targets))))

    def _chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def _not(self) -> str:
        return "! " if self._chance(20) else ""

    def _drawn_protocol(self) -> str:
        if self._chance(35):
            return ""
        if self._chance(70):
            return self.pick(words.WITH_PORTS)
        return self.pick(words.PROTOCOLS[self._version])

    # Matches

    def _head(self, at: str) -> str:
        """What every rule may say: ends, interfaces, protocol."""
        ends = [option for option in ("-s", "-d") if self._chance(16)]
        parts = [f"{self._not()}{option} {self.pick(words.ADDRESSES[self._version])}" for option in ends]
        if self._chance(14) and at not in _NO_INGRESS:
            parts.append(f"{self._not()}-i {self.pick(words.INTERFACES)}")
        if self._chance(14) and at not in _NO_EGRESS:
            parts.append(f"{self._not()}-o {self.pick(words.INTERFACES)}")
        if self._protocol:
            negation = self._not() if self._chance(30) else ""
            parts.append(f"{negation}-p {self._protocol}")
            self._protocol = "" if negation else self._protocol
        return " ".join(parts)

    def _match(self, at: str) -> str:
        kinds = [self._state, self._state, self._range, self._member, self._mark]
        if self._protocol in words.WITH_PORTS:
            kinds += [self._port, self._port, self._port, self._multiport, self._multiport]
        if self._protocol == "tcp":
            kinds += [self._flags, self._flags]
        if "icmp" in self._protocol:
            kinds += [self._icmp] * 4
        return "-m " + self.pick(kinds)()

    def _port(self) -> str:
        if self._protocol == "udplite":
            return self._multiport()
        ends = self.pick((("dport",), ("dport",), ("dport",), ("sport",), ("sport", "dport")))
        return " ".join((self._protocol, *(f"{self._not()}--{end} {self.pick(words.PORTS)}" for end in ends)))

    def _multiport(self) -> str:
        ends = self.pick(("dports", "dports", "sports", "ports"))
        return f"multiport {self._not()}--{ends} {self.pick(words.MULTIPORTS)}"

    def _flags(self) -> str:
        return f"tcp {self._not()}{self.pick(words.FLAGS)}" if self._chance(95) else self.pick(words.TCP_ELSE)

    def _icmp(self) -> str:
        if self._version == 4:
            return f"icmp {self._not()}--icmp-type {self.pick(words.ICMP)}"
        return f"icmp6 {self._not()}--icmpv6-type {self.pick(words.ICMPV6)}"

    def _state(self) -> str:
        if self._chance(30):
            return f"state {self._not()}--state {self.pick(words.OLD_STATES)}"
        return f"conntrack {self._not()}--ctstate {self.pick(words.STATES)}"

    def _range(self) -> str:
        return f"iprange {self._not()}--{self.pick(('src', 'dst'))}-range {self.pick(words.RANGES[self._version])}"

    def _member(self) -> str:
        if not self._sets:
            return self._range()
        name = self.pick(sorted(self._sets))
        directions = [self.pick(("src", "dst")) for _ in range(words.SETS[self._sets[name]][1])]
        return f"set {self._not()}--match-set {name} {','.join(directions)}"

    def _mark(self) -> str:
        return f"mark {self._not()}--mark {self.pick(words.MARKS)}" if self._chance(25) else self._state()

    def _other(self, at: str) -> str:
        more = words.OTHERS_AT.get(at, ())
        return self.pick((*words.OTHERS, *words.OTHERS_OF[self._version], *more, *more))

    # Targets

    def _target(self, at: str, chains: list[str]) -> str:
        if self._name == "nat" and self._chance(75):
            return f"-j {self._translation(at)}"
        if self._name == "raw" and self._chance(6):
            return "-j CT --notrack"
        if self._name == "mangle" and self._chance(30):
            return f"-j {self._mangling(at)}"
        verdicts = _GENTLE if self._shape is TRANSLATING else _VERDICTS
        kinds = ["verdict"] * 6 + ["chain"] * 3 + ["log"] + ["reject"] * (2 if self._name == "filter" else 0)
        kind = self.pick(kinds)
        if kind == "chain" and chains:
            return f"{self.pick(('-j', '-j', '-g'))} {self.pick(chains)}"
        if kind == "reject" and self._shape is not TRANSLATING:
            return f"-j REJECT --reject-with {self._reject()}"
        if kind == "log":
            return f"-j {self.pick(words.GOING_ON)}"
        verdict = self.pick(verdicts).replace("DROP", "RETURN" if self._name == "nat" else "DROP")
        return f"-j {verdict}" if verdict else ""

    def _mangling(self, at: str) -> str:
        more = words.MANGLING_TCP if self._protocol == "tcp" and self._version == 4 else ()
        classify = words.CLASSIFYING if at in ("FORWARD", "OUTPUT", "POSTROUTING") else ()
        return self.pick((*words.MANGLING, *words.MANGLING_OF[self._version], *more, *classify))

    def _reject(self) -> str:
        kinds = words.REJECTS[self._version]
        return self.pick((*kinds, "tcp-reset", "tcp-reset") if self._protocol == "tcp" else kinds)

    def _translation(self, at: str) -> str:
        has_ports = self._protocol in words.WITH_PORTS and self._protocol != "udplite"
        plain, ports = (words.OUTWARD, words.OUTWARD_PORTS) if at in _OUTWARD else (words.INWARD, words.INWARD_PORTS)
        found = [*plain[self._version], *(ports[self._version] * 2 if has_ports else ())]
        return self.pick([one for one in found if at != "INPUT" or "MASQUERADE" not in one])
