"""Built-in chains to policies: which stages a packet runs through on each hook, and in which order.

Theory of operation. On each hook the kernel runs the built-in chains of all tables in a fixed order, and `ACCEPT` ends
only the chain of its own table. So each built-in chain is a stage, of one IP version. What a match means may depend on
the hook (before routing there is no interface of departure, in the raw table no connection), so that chains which
several hooks share are translated once per hook.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from portwright.packets.box import ALWAYS, EVERYTHING, HIDDEN_BY_AH, Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import State
from portwright.platforms.iptables import syntax
from portwright.platforms.iptables.references import jumps
from portwright.platforms.iptables.rules import is_inert, rules, untracks
from portwright.platforms.iptables.scene import Scene
from portwright.platforms.iptables.syntax import PROGRAMS, Ruleset, Table
from portwright.platforms.netfilter.graph import walk
from portwright.platforms.netfilter.matching import box
from portwright.platforms.netfilter.tracking import ANYTHING, translated, unsettled
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Policy, Rule, Stage, Verdict
from portwright.source import Source

# linux/netfilter_ipv4.h: raw -300, connection tracking -200, mangle -150, destinations -100, filter 0, security 50,
# sources 100; the nat table translates destinations before routing and at output, sources at input and after routing.
# In the iptables that makes rules of nftables, security is at 150 (iptables/nft.c, xtables_ipv4).
ORDER = {
    "PREROUTING": ("raw", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "security", "nat"),
    "FORWARD": ("mangle", "filter", "security"),
    "OUTPUT": ("raw", "mangle", "nat", "filter", "security"),
    "POSTROUTING": ("mangle", "nat"),
}
_NFT_INPUT = ("mangle", "filter", "nat", "security")
_ORDER_UNKNOWN = "whether nat or security comes first at input is not known: keep the comments of iptables-save"
_PATHS = {  # the hooks that a packet passes before and after the one it is asked about
    "forward": ("PREROUTING", "FORWARD", "POSTROUTING"),
    "input": ("PREROUTING", "INPUT"),
    "output": ("OUTPUT", "POSTROUTING"),
}
_NEW = box(STATE=State.NEW)  # only the first packet of a connection meets the nat table
_NO_CHAIN = "no rules on this hook"
_MOST_PUZZLES = 8
_MOST_LED = 200  # kinds of translated packets that are told apart


@dataclass(slots=True)
class Compiler:
    """Makes the stages of a file, each only once."""

    ruleset: Ruleset
    interfaces: Interfaces
    file: str
    effects: dict[Source, int] = field(default_factory=dict)  # line -> rules made of it
    doubtful: dict[Source, str] = field(default_factory=dict)  # line -> what is in doubt
    _stages: dict[tuple[int, str, str], Stage] = field(default_factory=dict)  # by IP version, table and hook
    _puzzles: dict[int, tuple[Rule, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for version in PROGRAMS:
            found = [(source, reason) for source, reason, own in self.ruleset.unknown if version in own]
            found += self._order_unknown(version)
            self._puzzles[version] = tuple(
                Rule(Match.doubtful(Doubt(reason)), ANYTHING, source, reason=reason)
                for source, reason in found[:_MOST_PUZZLES]  # each makes everything uncertain: a few will do
            )

    def policies(self) -> Mapping[str, Policy]:
        """The policy of each hook, alone and with the whole path around it."""
        found = {}
        for hook, path in _PATHS.items():
            own = [(hook.upper(), table) for table in self._order(hook.upper()) if table != "nat"]
            found[hook] = self._policy(own, hook)
            found[f"{hook}/path"] = self._policy([(on, table) for on in path for table in self._order(on)], hook)
        return found

    def _order(self, hook: str) -> tuple[str, ...]:
        return _NFT_INPUT if self.ruleset.variants == {"nft"} and hook == "INPUT" else ORDER[hook]

    def _order_unknown(self, version: int) -> Iterator[tuple[Source, str]]:
        """The nat table, where it may translate before the security table looks, or after."""
        nat, security = (self.ruleset.tables.get((version, name)) for name in ("nat", "security"))
        is_known = len(self.ruleset.variants) == 1 or security is None
        if not is_known and nat is not None and "INPUT" in nat.chains and nat.chains["INPUT"].rules:
            yield nat.source, _ORDER_UNKNOWN

    def _policy(self, places: list[tuple[str, str]], hook: str) -> Policy:
        empty = [self._empty(version, hook) for version in PROGRAMS if self._stands_alone(version)]
        stages = [
            self._stage(self.ruleset.tables[version, table], on)
            for on, table in places
            for version in PROGRAMS
            if (version, table) in self.ruleset.tables and on in self.ruleset.tables[version, table].chains
        ]
        return Policy((*empty, *stages) or (self._empty(4, hook),))

    def _stands_alone(self, version: int) -> bool:
        """Report whether something is to be said of an IP version that no chain says."""
        return version not in self.ruleset.versions or bool(self._puzzles[version])

    def _empty(self, version: int, hook: str) -> Stage:
        """What an IP version without rules does: accept, or anything where its rules are not in the file."""
        source = Source(self.file, 0)
        own = self._puzzles[version]
        if version not in self.ruleset.versions:
            reason = f"the file has no {PROGRAMS[version]}-save: what becomes of IPv{version} is not known"
            own += (Rule(Match.doubtful(Doubt(reason)), ANYTHING, source, reason=reason),)
        found = (*own, Rule(ALWAYS, Verdict.ACCEPT, source, default=True, reason=_NO_CHAIN))
        scope = box(VERSION=version) if own else (EVERYTHING,)
        return Stage(f"{PROGRAMS[version]} {hook}", hook, {hook: Chain(hook, found, source)}, scope)

    def _stage(self, table: Table, hook: str) -> Stage:
        key = (table.version, table.name, hook)
        if key not in self._stages:
            self._stages[key] = self._made(table, hook)
        return self._stages[key]

    def _made(self, table: Table, hook: str) -> Stage:
        scene = self._scene(table, hook)
        order = walk(jumps(table), [hook])[0]
        chains = {name: self._chain(table, name, scene) for name in order}
        base = table.chains[hook]
        own = unsettled(chains[hook], base.policy == "ACCEPT")
        chains = {name: unsettled(chain) for name, chain in chains.items()}
        chains[hook] = Chain(hook, (*self._puzzles[table.version], *own.rules, _default(table, base)), own.source)
        scope = box(VERSION=table.version)
        scope = intersect(scope, _NEW) if table.name == "nat" else scope
        return Stage(f"{PROGRAMS[table.version]} {table.name} {hook}", hook, chains, scope)

    def _scene(self, table: Table, hook: str) -> Scene:
        return Scene(
            table.version, table.name, hook, self.interfaces, self.ruleset.sets,
            self._led(table, hook), self.ruleset.stops_at_ah, self._has_templates(table),
        )  # fmt: skip

    def _led(self, table: Table, hook: str) -> Boxes:
        """The first packets whose destination may have been translated, all first ones where these are too many."""
        found = tuple(dict.fromkeys(self._redirected(table, hook)))
        return found if len(found) <= _MOST_LED else _NEW

    def _redirected(self, table: Table, hook: str) -> Iterator[Box]:
        """The first packets whose destination the nat table may have translated before they come to this chain."""
        before = {
            "INPUT": ("PREROUTING", "OUTPUT"),
            "FORWARD": ("PREROUTING",),
            "OUTPUT": ("OUTPUT",) if table.name in ("filter", "security") else (),
            "POSTROUTING": ("PREROUTING", "OUTPUT"),
        }
        nat = self.ruleset.tables.get((table.version, "nat"))
        for earlier in before.get(hook, ()):
            if nat is not None and earlier in nat.chains:
                yield from intersect(tuple(translated(self._stage(nat, earlier))), _NEW)

    def _has_templates(self, table: Table) -> bool:
        """Report whether rules of the raw table attach something to packets before they have a connection."""
        every = (line for chain in table.chains.values() for line in chain.rules) if table.name == "raw" else ()
        return any(line.target == "CT" and not untracks(line) for line in every)

    def _chain(self, table: Table, name: str, scene: Scene) -> Chain:
        chain = table.chains[name]
        made = tuple(rule for line in chain.rules for rule in self._rules(line, table, scene))
        return Chain(name, made, chain.source)

    def _rules(self, line: syntax.Rule, table: Table, scene: Scene) -> list[Rule]:
        made = rules(line, table.chains, scene)
        effect = 0 if is_inert(line, table.chains) else 1
        self.effects[line.source] = max(effect, self.effects.get(line.source, 0))
        for rule in made:
            if rule.reason and not rule.default and HIDDEN_BY_AH.isdisjoint(rule.match.doubts):
                self.doubtful.setdefault(line.source, rule.reason)
        return made


def _default(table: Table, base: syntax.Chain) -> Rule:
    verdict = Verdict.DROP if base.policy == "DROP" else Verdict.ACCEPT
    reason = f"policy of chain {PROGRAMS[table.version]} {table.name} {base.name}"
    return Rule(ALWAYS, verdict, base.source, default=True, reason=reason)
