"""Random conditions and verdicts: what stands in one rule.

A rule speaks of one IP version and one protocol, as nft demands; which, is drawn first.
"""

from random import Random

from tests.kernel import vocabulary as words


class Phrases:
    """Draws the parts of rules for one table."""

    def __init__(self, random: Random, family: str):
        self._random = random
        self._family = family
        self._version, self._protocol = 4, "tcp"
        self.pick = random.choice
        self.has_egress = True  # the interface of departure is known where the rule stands
        self.sets: dict[str, list[str]] = {}  # name -> selectors that its members are of
        self.maps: dict[str, list[str]] = {}  # the same for verdict maps that the rule may use
        self.chains: list[str] = []  # that the rule may jump to

    def chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def some(self, choices: tuple[str, ...], most: int = 4) -> list[str]:
        """A few of the choices, none twice."""
        return self._random.sample(choices, self._random.randint(1, min(most, len(choices))))

    def headers(self) -> None:
        """Choose what the next rule, set or map speaks of."""
        self._version = {"ip": 4, "ip6": 6}.get(self._family, self.pick((4, 4, 6)))
        self._protocol = self.pick(("tcp", "tcp", "tcp", "udp", "udp", "sctp", "dccp", "udplite", "icmp", "icmp"))
        if self._protocol == "icmp" and self._version == 6:
            self._protocol = "icmpv6"

    def fits(self, phrase: str) -> bool:
        """Report whether nft would take a phrase beside the others of the rule."""
        if phrase == "oifname" and not self.has_egress:
            return self.chance(10)
        version, protocol = words.HEADERS.get(phrase.split(" ")[0], (0, ""))
        return version in (0, self._version) and protocol in ("", self._protocol)

    def fitting(self, phrases: tuple[str, ...]) -> str:
        """One of the phrases that fit, or else any comparison."""
        found = [phrase for phrase in phrases if self.fits(phrase)]
        return self.pick(found) if found else self._plain()

    # Keys

    def selectors(self, count: int) -> list[str]:
        """So many selectors to combine in one key."""
        return self._random.sample([selector for selector in words.TYPES if self.fits(selector)], count)

    def member(self, selectors: list[str]) -> str:
        """A key of a set over these selectors."""
        return " . ".join(self.pick(members(selector)) for selector in selectors)

    def members(self, selectors: list[str], most: int) -> list[str]:
        """Different keys of a set."""
        return list(dict.fromkeys(self.member(selectors) for _ in range(self._random.randint(1, most))))

    # Conditions

    def condition(self) -> str:
        """A comparison of any kind."""
        kinds = (self._plain, self._listed, self._combined, self._named, self._other)
        return self._random.choices(kinds, (5, 2, 2, 3, 6))[0]()

    def _plain(self) -> str:
        (selector,) = self.selectors(1)
        return f"{selector} {self._negation()}{self.member([selector])}"

    def _listed(self) -> str:
        (selector,) = self.selectors(1)
        return f"{selector} {self._negation()}{{ {', '.join(self.some(members(selector)))} }}"

    def _combined(self) -> str:
        selectors = self.selectors(self.pick((2, 2, 3)))
        return f"{' . '.join(selectors)} {self._negation()}{{ {', '.join(self.members(selectors, 5))} }}"

    def _named(self) -> str:
        name = self._usable(self.sets)
        return f"{' . '.join(self.sets[name])} {self._negation()}@{name}" if name else self._plain()

    def _usable(self, named: dict[str, list[str]]) -> str:
        found = [name for name, selectors in named.items() if all(map(self.fits, selectors))]
        return self.pick(found) if found else ""

    def _negation(self) -> str:
        return self.pick(("", "", "!= "))

    def _other(self) -> str:
        kinds = (
            self._masked,
            self._ordered,
            self._icmp,
            self._state,
            self._flags,
            self._flags,
            self._family_test,
            self._odd,
        )
        return self.pick(kinds)()

    def _masked(self) -> str:
        header = "ip" if self._version == 4 else "ip6"
        return f"{header} {self.pick(('saddr', 'daddr'))} {self.pick(words.MASKS[self._version])}"

    def _ordered(self) -> str:
        choices = ("tcp dport", "udp sport", "th dport", "ip daddr", "ip6 saddr", "meta l4proto", "ip protocol")
        selector = self.pick([choice for choice in choices if self.fits(choice)])
        single = [member for member in members(selector) if "-" not in member and "/" not in member]
        return f"{selector} {self.pick(('<', '>', '<=', '>='))} {self.pick(single)}"

    def _icmp(self) -> str:
        if self._protocol not in ("icmp", "icmpv6"):
            return self._plain()
        is_four = self._protocol == "icmp"
        types, codes = (words.ICMP, words.ICMP_CODES) if is_four else (words.ICMPV6, words.ICMPV6_CODES)
        kind, code = self.pick(types), self.pick(codes)
        phrase = self.pick((
            f"type {kind} NAME code {code}", f"code {code}", f"code != {{ {code}, 7-9 }}", f"type > {kind}",
            f"type . NAME code {{ 3 . 1, 8 . 0, 128 . 0-1, {kind} . 2-4 }}", f"type != {kind} NAME code != {code}",
        ))  # fmt: skip
        return f"{self._protocol} {phrase.replace('NAME', self._protocol)}"

    def _state(self) -> str:
        return f"ct state {self.pick(words.STATE_TESTS)}"

    def _flags(self) -> str:
        return f"tcp flags {self.pick(words.FLAG_TESTS)}" if self._protocol == "tcp" else self._plain()

    def _family_test(self) -> str:
        return self.fitting(words.FAMILY_TESTS)

    def _odd(self) -> str:
        return self.fitting(words.OTHER_TESTS)

    # Verdicts

    def verdict(self, *, may_reject: bool) -> str:
        """How a rule ends, with or without a verdict."""
        kind = self.pick(
            ("accept", "accept", "drop", "drop", "reject", "jump", "jump", "goto", "return", "continue", "")
        )
        if kind in ("jump", "goto"):
            return f"{kind} {self.pick(self.chains)}" if self.chains else "accept"
        return self.pick(words.REJECTS) if kind == "reject" and may_reject else kind.replace("reject", "drop")

    def verdicts(self, keys: list[str]) -> str:
        """The members of a verdict map."""
        jumps = [f"{kind} {chain}" for chain in self.chains for kind in ("jump", "goto")]
        choices = ["accept", "drop", "drop", "continue", "return", *jumps]
        return f"{{ {', '.join(f'{key} : {self.pick(choices)}' for key in keys)} }}"

    def verdict_map(self) -> str:
        """A rule's end that depends on the packet."""
        name = self._usable(self.maps)
        if name and self.chance(50):
            return f"{' . '.join(self.maps[name])} vmap @{name}"
        if self.chance(20):
            return f"ct state vmap {self.verdicts(self.some(words.STATES))}"
        selectors = self.selectors(self.pick((1, 1, 1, 2)))
        keys = self.members(selectors, 4) if len(selectors) > 1 else self.some(members(selectors[0]))
        if len(selectors) == 1 and "name" not in selectors[0] and self.chance(25):
            keys.append("*")
        return f"{' . '.join(selectors)} vmap {self.verdicts(keys)}"

    # Translation

    def translation(self, choices: dict[int, tuple[str, ...]]) -> str:
        """A statement that translates, for an IP version of the table or for any."""
        version = {"ip": 4, "ip6": 6}.get(self._family, self.pick((4, 6)))
        return self.pick((*choices[version], *choices[0]))


def members(selector: str) -> tuple[str, ...]:
    """The constants that a selector is compared with."""
    return words.MEMBERS[words.TYPES[selector]]
