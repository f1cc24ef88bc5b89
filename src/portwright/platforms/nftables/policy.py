"""Base chains to policies: which stages a packet runs through on each hook, and in which order.

Theory of operation. Netfilter runs all base chains of a hook in the order of their priorities; of equal ones the last
registered comes first. `accept` ends only its own base chain. So each base chain is a stage. A chain shows packets in
the light of its hook (`View`): before routing there is no interface of departure, before connection tracking every
packet is invalid. Chains that several hooks share are translated once per view.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from portwright.packets.box import ALWAYS, EVERYTHING, Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import Field, State
from portwright.packets.intervals import normalize
from portwright.platforms.netfilter.graph import walk
from portwright.platforms.netfilter.matching import box
from portwright.platforms.netfilter.tracking import ANYTHING, translated, unsettled
from portwright.platforms.nftables import names, status, syntax
from portwright.platforms.nftables.aside import aside
from portwright.platforms.nftables.lenses import View
from portwright.platforms.nftables.matches import Context
from portwright.platforms.nftables.references import jumps
from portwright.platforms.nftables.rules import rules
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import Chain, Look, Policy, Rule, Stage, Verdict
from portwright.source import Source

# The hooks that a packet passes before and after the one it is asked about.
_PATHS = {
    "forward": ("ingress", "prerouting", "forward", "postrouting", "egress"),
    "input": ("ingress", "prerouting", "input"),
    "output": ("output", "postrouting", "egress"),
}
_ROUTED_FAMILIES = ("ip", "ip6", "inet", "netdev")  # arp and bridge chains see no routed packet
_SCOPES = {"ip": box(VERSION=4), "ip6": box(VERSION=6)}
# linux/net/ipv4/netfilter/nf_nat_proto.c: one hook runs all nat chains, whatever their own priorities
_NAT_PRIORITY = {"prerouting": -100, "input": 100, "output": -100, "postrouting": 100}
_LOOKS = {  # what packets look like on each hook, before and after the nat chains there
    "ingress": (Look.ARRIVING, Look.ARRIVING),
    "prerouting": (Look.ARRIVING, Look.INNER),
    "output": (Look.ARRIVING, Look.INNER),
    "forward": (Look.INNER, Look.INNER),
    "input": (Look.INNER, Look.LEAVING),
    "postrouting": (Look.INNER, Look.LEAVING),
    "egress": (Look.LEAVING, Look.LEAVING),
}
# Hook -> the hooks that translate destinations before it or at it; what this machine sends to itself comes in again.
_REDIRECTING = {
    "ingress": (),
    "prerouting": ("output", "prerouting"),
    "input": ("output", "prerouting"),
    "forward": ("prerouting",),
    "output": ("output",),
    "postrouting": ("output", "prerouting"),
    "egress": ("output", "prerouting"),
}
_NEW = box(STATE=State.NEW)  # only the first packet of a connection meets a nat chain
_NO_CHAIN = "no base chain on this hook"
_NO_DEVICE = "the listing does not name the device of this chain"
_MOST_PUZZLES = 8
# linux/net/netfilter/nf_nat_core.c, nf_nat_inet_fn: the first nat chain of a hook that translates is the last
_SECOND_NAT = "an earlier nat chain of this hook may have translated the packet: then it does not run"


@dataclass(slots=True)
class Compiler:
    """Makes the stages of a ruleset, each only once."""

    ruleset: syntax.Ruleset
    interfaces: Interfaces
    file: str
    rules_of: dict[int, int] = field(default_factory=dict)  # id of a syntax rule -> rules made of it
    doubtful: dict[int, str] = field(default_factory=dict)  # id of a syntax rule -> what was not understood
    _contexts: dict[tuple[int, View], Context] = field(default_factory=dict)
    _chains: dict[tuple[int, str, View], Chain] = field(default_factory=dict)
    _shared: dict[tuple[int, View], dict[str, Chain]] = field(default_factory=dict)
    _stages: dict[int, Stage] = field(default_factory=dict)
    _puzzles: tuple[Rule, ...] = ()  # in front of every stage: top-level commands that may have changed anything

    def __post_init__(self) -> None:
        reason = "a command that is not understood may have changed everything"
        unknown = self.ruleset.unknown[:_MOST_PUZZLES]  # each makes everything uncertain: a few will do
        places = [Source(self.file, place.line, place.text) for place in unknown]
        self._puzzles = tuple(
            Rule(Match.doubtful(Doubt(reason, source)), ANYTHING, source, reason=reason) for source in places
        )

    def policies(self) -> Mapping[str, Policy]:
        """The policy of each hook, alone and with the whole path around it."""
        found = {}
        for hook, path in _PATHS.items():
            filters = [entry for entry in self._on(hook) if entry[1].hook is not None and entry[1].hook.type != "nat"]
            found[hook] = self._policy(self._stages_of(filters), hook)
            whole = [stage for name in path for stage in self._stages_of(self._on(name))]
            whole = [*aside(self.ruleset, self.file), *whole]
            found[f"{hook}/path"] = self._policy(whole, hook)
        return found

    def _policy(self, stages: list[Stage], hook: str) -> Policy:
        if self._puzzles:
            stages = [self._empty(hook), *stages]
        else:
            stages = stages or [self._empty(hook)]
        return Policy(tuple(stages))

    def _empty(self, hook: str) -> Stage:
        """A stage for a hook without a base chain: only commands that are not understood decide about packets."""
        source = Source(self.file, 0)
        default = Rule(ALWAYS, Verdict.ACCEPT, source, default=True, reason=_NO_CHAIN)
        return Stage(hook, hook, {hook: Chain(hook, (*self._puzzles, default), source)}, look=Look.ARRIVING)

    def _on(self, hook: str) -> list[tuple[syntax.Table, syntax.Chain]]:
        """The base chains on a hook in the order in which packets meet them."""
        found = [
            (_priority(chain.hook), -number, table, chain)
            for number, (table, chain) in enumerate(self.ruleset.base_chains)
            if chain.hook is not None and chain.hook.name == hook and _is_routed(table)
        ]
        found.sort(key=lambda entry: entry[:2])
        return [(table, chain) for _, _, table, chain in found]

    def _stages_of(self, entries: list[tuple[syntax.Table, syntax.Chain]]) -> list[Stage]:
        found = []
        before: Boxes = ()  # packets as the nat chains before may have left them
        for table, chain in entries:
            is_nat = chain.hook is not None and chain.hook.type == "nat"
            found.append(self._stage(table, chain, before if is_nat else ()))
            before += tuple(translated(found[-1])) if is_nat else ()
        return found

    def _stage(self, table: syntax.Table, base: syntax.Chain, before: Boxes) -> Stage:
        if id(base) not in self._stages:
            self._stages[id(base)] = self._made(table, base, before)
        return self._stages[id(base)]

    def _made(self, table: syntax.Table, base: syntax.Chain, before: Boxes) -> Stage:
        view = self._view(table, base)
        hook = base.hook
        assert hook is not None
        own = unsettled(self._chain(table, base, view), base.policy == "accept")
        made = (*self._puzzles, *self._guards(hook, before), *own.rules, self._default(table, base, hook))
        own = Chain(base.name, made, own.source)
        chains = ChainMap({base.name: own}, self._shared_chains(table, view))
        return Stage(
            f"{table.family} {table.name} {base.name}", base.name, chains, self._scope(table, hook), look=_look(hook)
        )

    def _view(self, table: syntax.Table, base: syntax.Chain) -> View:
        view = _view(table, base)
        return replace(view, redirected=self._redirected(base)) if status.asked_in(table) else view

    def _redirected(self, base: syntax.Chain) -> Boxes:
        """The first packets whose destination a nat chain may have translated before they come to a base chain."""
        hook = base.hook
        assert hook is not None
        before = [name for name in _REDIRECTING[hook.name] if name != hook.name or _is_behind(hook)]
        chains = [entry for name in before for entry in self._on(name) if _translates(entry[1])]
        return tuple(found for stage in self._stages_of(chains) for found in translated(stage))

    def _shared_chains(self, table: syntax.Table, view: View) -> dict[str, Chain]:
        """The chains of a table that its base chains lead to; all its stages with one view share them."""
        key = (id(table), view)
        if key not in self._shared:
            bases = [chain.name for chain in table.chains.values() if chain.hook is not None]
            names_reached = [name for name in walk(jumps(table), bases)[0] if table.chains[name].hook is None]
            found = [unsettled(self._chain(table, table.chains[name], view)) for name in names_reached]
            self._shared[key] = {chain.name: chain for chain in found}
        return self._shared[key]

    def _guards(self, hook: syntax.Hook, before: Boxes) -> Iterator[Rule]:
        """What may keep a packet out of a base chain, which then decides nothing about it."""
        source = Source(self.file, hook.place.line, hook.place.text)
        if hook.name in ("ingress", "egress") and not hook.devices:
            yield Rule(Match.doubtful(Doubt(_NO_DEVICE)), Verdict.ACCEPT, source, reason=_NO_DEVICE)
        if before:
            yield Rule(Match.doubtful(Doubt(_SECOND_NAT), before), Verdict.ACCEPT, source, reason=_SECOND_NAT)

    def _default(self, table: syntax.Table, base: syntax.Chain, hook: syntax.Hook) -> Rule:
        source = Source(self.file, hook.place.line, hook.place.text)
        verdict = Verdict.DROP if base.policy == "drop" else Verdict.ACCEPT
        reason = f"policy of chain {table.family} {table.name} {base.name}"
        return Rule(ALWAYS, verdict, source, default=True, reason=reason)

    def _scope(self, table: syntax.Table, hook: syntax.Hook) -> Boxes:
        scope = _SCOPES.get(table.family, (EVERYTHING,))
        if hook.type == "nat":
            scope = intersect(scope, _NEW)
        if hook.devices:
            at = Field.IN if hook.name == "ingress" else Field.OUT
            devices = normalize(piece for name in hook.devices for piece in self.interfaces.exactly(name))
            on_device = Box.of({at: devices})
            scope = intersect(scope, (on_device,) if on_device is not None else ())
        return scope

    def _chain(self, table: syntax.Table, chain: syntax.Chain, view: View) -> Chain:
        key = (id(table), chain.name, view)
        if key not in self._chains:
            context = self._contexts.setdefault((id(table), view), Context(table, view, self.interfaces, self.file))
            made = tuple(rule for line in chain.rules for rule in self._rules(line, context))
            source = Source(self.file, chain.place.line, chain.place.text)
            self._chains[key] = Chain(chain.name, made, source)
        return self._chains[key]

    def _rules(self, line: syntax.Rule, context: Context) -> list[Rule]:
        made = rules(line, context)
        self.rules_of[id(line)] = max(len(made), self.rules_of.get(id(line), 0))
        for rule in made:
            if rule.reason and not rule.default:
                self.doubtful.setdefault(id(line), rule.reason)
        return made


def _translates(chain: syntax.Chain) -> bool:
    return chain.hook is not None and chain.hook.type == "nat"


def _is_behind(hook: syntax.Hook) -> bool:
    """Report whether a chain may come behind the nat chains of its own hook."""
    return hook.type != "nat" and hook.priority >= _NAT_PRIORITY[hook.name]


def _priority(hook: syntax.Hook | None) -> int:
    assert hook is not None
    return _NAT_PRIORITY.get(hook.name, hook.priority) if hook.type == "nat" else hook.priority


def _is_routed(table: syntax.Table) -> bool:
    return table.family in _ROUTED_FAMILIES and not table.is_dormant


def _view(table: syntax.Table, base: syntax.Chain) -> View:
    hook = base.hook
    assert hook is not None
    tracking = "after"
    if hook.name == "ingress" or (hook.name in ("prerouting", "output") and hook.priority < names.CONNTRACK):
        tracking = "before"
    elif hook.name in ("prerouting", "output") and hook.priority == names.CONNTRACK:
        tracking = "unsure"
    return View(hook.name not in ("ingress", "prerouting"), tracking, table.family == "netdev")


def _look(hook: syntax.Hook) -> Look | None:
    """What packets look like to a chain: where its hook translates too, its priority tells; not where both are equal.

    linux/net/netfilter/nf_nat_core.c, nf_nat_inet_fn: the hooks that a nat chain hangs on also translate replies back.
    """
    before, after = _LOOKS[hook.name]
    if before is after:
        return before
    if hook.type == "nat":
        return before if before is Look.ARRIVING else after
    turn = _NAT_PRIORITY[hook.name]
    return None if hook.priority == turn else before if hook.priority < turn else after
