"""Random rulesets over all that the reader models, as text for `nft -f`.

A draw may be wrong in ways that only nft knows: `tests.kernel.loading` leaves out the lines that nft refuses.
"""

from dataclasses import dataclass
from random import Random

from tests.kernel import vocabulary as words
from tests.kernel.phrases import Phrases

_BEFORE = {"forward": ("ingress", "prerouting"), "input": ("ingress", "prerouting"), "output": ()}
_AFTER = {"forward": ("postrouting",), "input": (), "output": ("postrouting",)}
_NAT = {  # hooks that translate on a packet's path, inward or outward
    "forward": (("prerouting", "dstnat"), ("postrouting", "srcnat")),
    "input": (("prerouting", "dstnat"), ("input", "100")),
    "output": (("output", "-100"), ("postrouting", "srcnat")),
}
_OUTWARD = ("postrouting", "input")
_LEAVES = 2  # chains that jump nowhere: named verdict maps lead to them


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of ruleset to draw."""

    policies: tuple[str, ...]  # of base chains
    fewest_conditions: int  # of a rule
    most_rules: int  # of a chain
    nat: int  # percent of the tables that translate, on a whole path


ORDINARY = Shape(("accept", "accept", "drop"), 0, 7, 50)
TRANSLATING = Shape(("accept",) * 9 + ("drop",), 1, 3, 95)  # most packets get through
LONG = Shape(("accept", "drop"), 1, 60, 50)


def shape(random: Random, path: bool) -> Shape:
    """Any kind, where only a whole path translates."""
    return random.choice((ORDINARY, TRANSLATING, TRANSLATING) if path else (ORDINARY,) * 7 + (LONG,))


def ruleset(random: Random, hook: str, path: bool) -> str:
    """The text of a few tables for a hook, or for the whole path through it."""
    drawn = shape(random, path)
    families = [random.choice(("inet", "inet", "ip", "ip6")) for _ in range(random.choice((1, 1, 2, 2, 3)))]
    tables = [_Table(random, family, hook, path, drawn) for family in families]
    return "".join(table.text(f"t{number}") for number, table in enumerate(tables))


class _Table:
    def __init__(self, random: Random, family: str, hook: str, path: bool, shape: Shape):
        self._random = random
        self._shape = shape
        self._family = family
        self._hook = hook
        self._path = path
        self._phrases = Phrases(random, family)
        self._regular = [f"c{number}" for number in range(random.choice((0, 1, 2, 3, 3, 5)))]

    def text(self, name: str) -> str:
        sets = [self._set(f"s{number}") for number in range(self._random.randrange(5))]
        self._phrases.chains = self._regular[-_LEAVES:]
        maps = [self._map(f"m{number}") for number in range(0 if self._path else self._random.randrange(3))]
        named, self._phrases.maps = self._phrases.maps, {}
        chains = [self._regular_chain(number, named) for number in range(len(self._regular))]
        self._phrases.chains, self._phrases.maps = self._regular, named
        chains += [self._base(f"{hook}{number}", hook) for number, hook in enumerate(self._hooks())]
        chains += self._nat_chains() if self._path and self._phrases.chance(self._shape.nat) else []
        self._random.shuffle(chains)
        return f"table {self._family} {name} {{\n" + "".join(sets + maps + chains) + "}\n"

    def _hooks(self) -> list[str]:
        around = [*_BEFORE[self._hook], *_AFTER[self._hook]] if self._path else []
        if self._family != "inet":
            around = [at for at in around if at != "ingress"]
        return [self._hook] * self._phrases.pick((1, 1, 1, 2, 2, 3)) + [at for at in around if self._phrases.chance(40)]

    # Sets and maps

    def _set(self, name: str) -> str:
        self._phrases.headers()
        selectors = self._phrases.selectors(self._phrases.pick((1, 1, 2, 2, 3)))
        self._phrases.sets[name] = selectors
        members = self._phrases.members(selectors, 6) if self._phrases.chance(85) else []
        listed = f"\t\telements = {{ {', '.join(members)} }}\n" if members else ""
        return f"\tset {name} {{\n\t\ttype {_types(selectors)}\n\t\tflags interval\n\t\tauto-merge\n{listed}\t}}\n"

    def _map(self, name: str) -> str:
        self._phrases.headers()
        selectors = self._phrases.selectors(self._phrases.pick((1, 1, 2)))
        self._phrases.maps[name] = selectors
        flags = self._phrases.pick(("\t\tflags interval\n", "\t\tflags interval\n", ""))
        elements = self._phrases.verdicts(self._phrases.members(selectors, 5))
        return f"\tmap {name} {{\n\t\ttype {_types(selectors)} : verdict\n{flags}\t\telements = {elements}\n\t}}\n"

    # Chains

    def _regular_chain(self, number: int, maps: dict[str, list[str]]) -> str:
        """A chain that jumps to later ones only."""
        self._phrases.chains = self._regular[number + 1 :]
        self._phrases.maps = maps if number < len(self._regular) - _LEAVES else {}
        return _chain(self._regular[number], self._rules(self._hook, 6))

    def _base(self, name: str, hook: str) -> str:
        policy = self._phrases.pick(self._shape.policies)
        device = f' device "{self._phrases.pick(words.INTERFACES)}"' if hook == "ingress" else ""
        declaration = f"type filter hook {hook}{device} priority {self._priority(hook)}; policy {policy};"
        return _chain(name, [declaration, *self._rules(hook, self._shape.most_rules)])

    def _priority(self, hook: str) -> str:
        """Any priority; where the state is asked for before it is known, only on a whole path."""
        found = self._phrases.pick(words.PRIORITIES)
        return "0" if found.startswith("-2") and hook == "output" and not self._path else found

    def _rules(self, hook: str, most: int) -> list[str]:
        self._phrases.has_egress = hook not in ("ingress", "prerouting")
        return [self._rule(hook) for _ in range(self._random.randint(1, most))]

    def _rule(self, hook: str) -> str:
        phrases = self._phrases
        phrases.headers()
        parts = [phrases.condition() for _ in range(phrases.pick((self._shape.fewest_conditions, 1, 1, 1, 2, 2, 3)))]
        parts += [phrases.fitting(words.UNMODELLED)] if phrases.chance(6) else []
        parts += [phrases.pick(words.SETTERS)] if phrases.chance(10) else []
        parts += ["notrack"] if self._path and hook in ("prerouting", "output") and phrases.chance(5) else []
        inert = phrases.pick(words.INERT)
        may_reject = hook not in ("ingress", "prerouting", "postrouting")
        verdict = phrases.verdict_map() if phrases.chance(15) else phrases.verdict(may_reject=may_reject)
        rest = phrases.pick(("accept", "drop")) if " vmap " in verdict and phrases.chance(15) else ""
        parts += [verdict, rest, inert] if inert.startswith("comment") else [inert, verdict, rest]
        return " ".join(filter(None, parts)) or "counter"

    def _nat_chains(self) -> list[str]:
        return [
            self._nat_chain(f"nat{number}", *at)
            for number, at in enumerate(_NAT[self._hook])
            if at[0] in ("prerouting", "postrouting") or self._phrases.chance(50)
        ]

    def _nat_chain(self, name: str, hook: str, priority: str) -> str:
        self._phrases.has_egress = hook != "prerouting"
        policy = self._phrases.pick(("accept", "accept", "accept", "drop"))
        rules = [self._nat_rule(hook) for _ in range(self._random.randint(1, 4))]
        return _chain(name, [f"type nat hook {hook} priority {priority}; policy {policy};", *rules])

    def _nat_rule(self, hook: str) -> str:
        phrases = self._phrases
        phrases.headers()
        parts = [phrases.condition() for _ in range(phrases.pick((0, 1, 1, 2)))]
        choices = words.OUTWARD if hook in _OUTWARD else words.INWARD
        choices = {**choices, 0: ()} if hook == "input" else choices  # masquerade is for postrouting alone
        end = phrases.translation(choices) if phrases.chance(80) else phrases.pick(("accept", "return", "drop"))
        return " ".join((*parts, end))


def _types(selectors: list[str]) -> str:
    return " . ".join(words.TYPES[selector] for selector in selectors)


def _chain(name: str, lines: list[str]) -> str:
    return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n"
