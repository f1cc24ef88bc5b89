"""Rules to rules of the model. One line may become several: a verdict map has a rule for each verdict."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from portwright.packets.box import ALWAYS, NEVER, Doubt, Match
from portwright.packets.fields import LAST, TCP, Field, State
from portwright.platforms.netfilter.matching import Obscure, any_of, both, box, reason_of, within
from portwright.platforms.netfilter.tracking import (
    ANYTHING,
    THROWN_AWAY,
    UNTRACK,
    UNTRACK_AND_ACCEPT,
    WITHOUT_CONNECTION,
)
from portwright.platforms.nftables import syntax
from portwright.platforms.nftables.lenses import Lens
from portwright.platforms.nftables.matches import Context, comparison
from portwright.platforms.nftables.nat import translations
from portwright.platforms.nftables.negations import Joined, join, matching
from portwright.platforms.nftables.sets import (
    everything,
    flatten,
    holding,
    is_rest,
    keys_of,
    lacking,
)
from portwright.platforms.nftables.statements import CONNECTIONS, NOTRACK
from portwright.platforms.nftables.syntax import (
    Assign,
    Chance,
    Condition,
    Decide,
    DecideBy,
    Divert,
    Element,
    Inert,
    Lookup,
    Reject,
    Translate,
    Unknown,
    Update,
)
from portwright.policy.model import Action, Change, Goto, Jump, Rewrite, Rule, Verdict
from portwright.source import Source

_REWRITTEN = Rewrite(tuple(Change(name, ((0, LAST[name]),)) for name in (
    Field.PROTOCOL, Field.DPORT, Field.DST, Field.SRC, Field.SPORT, Field.TYPE, Field.CODE, Field.FLAGS,
)))  # fmt: skip
_VERDICTS: dict[str, Action] = {"accept": Verdict.ACCEPT, "drop": Verdict.DROP, "return": Verdict.RETURN}
# `reject with icmp` applies to IPv4 only, also where the listing leaves out the condition that nft has put in
_REJECTS = {"icmp": box(VERSION=4), "icmpv6": box(VERSION=6), "tcp reset": box(PROTOCOL=TCP)}
# linux/net/netfilter/nft_flow_offload.c: for anything else the rule ends there
_OFFLOADED = box(PROTOCOL=(6, 17, 47), STATE=(State.ESTABLISHED, State.RELATED))
_HARMLESS = frozenset({  # what may be set without changing what Portwright's header fields say
    "ip dscp", "ip ecn", "ip id", "ip6 dscp", "ip6 ecn", "ip6 flowlabel", "meta mark",
    "meta priority", "meta nftrace", "meta rtclassid", "meta secmark", "ct mark", "ct label", "ct event", "ct helper",
    "ct timeout", "ct expectation", "ct secmark", "ct zone", "ct original zone", "ct reply zone", "counter name",
    "tcp option maxseg size", "tcp window", "ether saddr", "ether daddr", "vlan pcp", "notrack",
})  # fmt: skip
_HOPS = frozenset(("ip ttl", "ip6 hoplimit"))
_NO_LONGER_TRACKED = "the packet is no longer tracked"
_MANY_HOPS = 32  # no way through a network is longer
_NO_HEADER = ("meta ", "ct ", "counter ", "notrack")  # what may be set in packets of every kind


@dataclass(slots=True)
class _Translator:
    """One rule, statement by statement."""

    context: Context
    source: Source
    match: Match = ALWAYS
    made: list[Rule] = field(default_factory=list)
    is_over: bool = False
    is_unknown: bool = False  # some words were not understood
    is_untracked: bool = False  # `notrack` was met
    untracked: Match = NEVER  # the packets that met it, whatever the rest of the rule asks of them

    def statement(self, statement: syntax.Statement | Joined) -> None:
        """Go on with the next statement."""
        _READERS[type(statement)](self, statement)

    def condition(self, statement: Condition) -> None:
        self.narrow(comparison(statement, self.context))

    def joined(self, statement: Joined) -> None:
        self.narrow(matching(statement, self.context))

    def verdict(self, statement: Decide) -> None:
        """A verdict ends the rule; `continue` goes on with the statements after it."""
        if statement.verdict == "continue":
            return
        self.conclude(self.match, _action(statement.verdict, statement.chain))
        self.is_over = True

    def conclude(self, match: Match, action: Action) -> None:
        """A verdict on packets; those that `notrack` has taken are untracked from here on."""
        if self.is_untracked and action == Verdict.ACCEPT:
            action = UNTRACK_AND_ACCEPT
        elif self.is_untracked and action != Verdict.DROP:
            unsure = Match.doubtful(Doubt(_NO_LONGER_TRACKED), match.possible)
            self.make(unsure, UNTRACK_AND_ACCEPT, _NO_LONGER_TRACKED)
            self.make(unsure, ANYTHING, _NO_LONGER_TRACKED)
            match = Match((), match.possible, (*match.doubts, Doubt(_NO_LONGER_TRACKED)))
        self.make(match, action)

    def reject(self, statement: Reject) -> None:
        self.narrow(Match.exact(_REJECTS[statement.kind]) if statement.kind in _REJECTS else ALWAYS)
        self.end(self.match, Verdict.REJECT)

    def translate(self, statement: Translate) -> None:
        for part, action in translations(statement, self.match, self.context):
            self.make(part, action)
        self.is_over = True

    def chance(self, statement: Chance) -> None:
        if statement.reason == CONNECTIONS:
            self.throw_away()
        self.doubt(statement.reason)

    def throw_away(self) -> None:
        """A limit on connections may drop what has none."""
        lost = within(self.match, WITHOUT_CONNECTION)
        self.make(Match((), lost.possible, (*lost.doubts, Doubt(THROWN_AWAY))), Verdict.DROP, THROWN_AWAY)

    def divert(self, statement: Divert) -> None:
        self.lose(statement.text, statement.reason)

    def not_understood(self, statement: Unknown) -> None:
        self.is_unknown = True
        self.doubt(f"not understood: {_short(statement.text)}")

    def nothing(self, statement: Inert) -> None:
        """A statement that decides about no packet."""

    def narrow(self, match: Match) -> None:
        self.match = both(self.match, match)

    def doubt(self, reason: str) -> None:
        self.match = Match((), self.match.possible, (*self.match.doubts, Doubt(reason)))

    def make(self, match: Match, action: Action, reason: str = "") -> None:
        if match.possible:
            self.made.append(Rule(match, action, self.source, reason=reason or reason_of(match)))

    def end(self, match: Match, action: Action, reason: str = "") -> None:
        self.make(match, action, reason)
        self.is_over = True

    def lose(self, text: str, reason: str, changed: Rewrite | None = None) -> None:
        """Somebody else decides about the packet, or it is no longer the same where `changed` says in what."""
        unsure = Match.doubtful(Doubt(reason), self.match.possible)
        if changed is not None:
            self.make(unsure, changed, reason)
        self.make(unsure, ANYTHING, reason)
        self.doubt(f"after '{_short(text)}': {reason}")

    def decide_by(self, statement: DecideBy) -> None:
        mapping = statement.mapping
        try:
            lenses = self.context.lenses(statement.key)
        except Obscure as why:
            self.uncertain_map(ALWAYS, Doubt(str(why)))
            return
        elements = self.context.elements(mapping)
        doubt = self.context.doubt(mapping)
        if elements is None or doubt is not None:
            self.uncertain_map(everything(lenses), doubt or Doubt(f"'{mapping}' is not understood"))
            return
        through = []
        for verdict, match in _groups(list(flatten(elements)), lenses, self.context):
            if verdict.verdict == "continue":
                through.append(match)
            else:
                self.conclude(both(self.match, match), _action(verdict.verdict, verdict.chain))
        self.match = both(self.match, any_of(through)) if through else NEVER

    def uncertain_map(self, match: Match, doubt: Doubt) -> None:
        """A verdict map with unknown members may do anything, and chain jumps are among it."""
        found = both(self.match, match)
        unsure = Match((), found.possible, (*found.doubts, doubt))
        self.make(unsure, ANYTHING)
        self.match = unsure

    def assign(self, statement: Assign) -> None:
        """A map without a value for the packet ends the rule; a new address or port is not followed."""
        if statement.target == NOTRACK:
            self.is_untracked = self.context.view.tracking != "after"
            self.untracked = self.match
        if isinstance(statement.value, Lookup):
            self.narrow(self.found_in(statement.value))
        if not statement.target.name.startswith(_NO_HEADER):
            self.narrow(everything(self.context.lenses(statement.target)))
        if " option " in statement.target.name:
            self.doubt("the packet may not have the option")
        if statement.target.name not in _HARMLESS and not _leaves_many_hops(statement):
            self.lose(str(statement), "the packet itself is rewritten", _REWRITTEN)

    def found_in(self, lookup: Lookup) -> Match:
        try:
            lenses = self.context.lenses(lookup.key)
        except Obscure as why:
            return Match.doubtful(Doubt(str(why)))
        return self.context.members(lookup.mapping, lenses)

    def update(self, statement: Update) -> None:
        if statement.operation == "flow":
            self.narrow(Match.doubtful(Doubt("after 'flow add': only connections that can be offloaded"), _OFFLOADED))
            return
        try:
            self.narrow(everything(self.context.lenses(statement.key)))
        except Obscure as why:
            self.doubt(str(why))
        if "count" in statement.text.split():
            self.throw_away()
        limited = any(word in statement.text.split() for word in ("limit", "quota", "count"))
        self.doubt("a limit for each member of a set" if limited else f"the set {statement.set} may be full")


_READERS: dict[type[syntax.Statement | Joined], Callable[..., None]] = {
    Condition: _Translator.condition,
    Joined: _Translator.joined,
    Decide: _Translator.verdict,
    DecideBy: _Translator.decide_by,
    Reject: _Translator.reject,
    Translate: _Translator.translate,
    Assign: _Translator.assign,
    Update: _Translator.update,
    Chance: _Translator.chance,
    Divert: _Translator.divert,
    Unknown: _Translator.not_understood,
    Inert: _Translator.nothing,
}


def rules(rule: syntax.Rule, context: Context) -> list[Rule]:
    """The rules that one line of a ruleset becomes; none when it decides about no packet."""
    translator = _Translator(context, Source(context.file, rule.place.line, rule.place.text))
    for statement in join(rule.statements):
        if translator.is_over:
            break
        translator.statement(statement)
    if translator.is_unknown and not translator.is_over:
        translator.end(translator.match, ANYTHING)
    if translator.is_untracked and (not translator.is_over or translator.untracked != translator.match):
        translator.make(translator.untracked, UNTRACK)
    return translator.made


def _leaves_many_hops(statement: Assign) -> bool:
    """Report whether a packet may go on as far as any network is wide after its lifetime was set."""
    value = str(statement.value)
    return statement.target.name in _HOPS and value.isdecimal() and int(value) >= _MANY_HOPS


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _action(verdict: str, chain: str) -> Action:
    if verdict in ("jump", "goto"):
        return Jump(chain) if verdict == "jump" else Goto(chain)
    return _VERDICTS.get(verdict, ANYTHING)


def _groups(elements: Sequence[Element], lenses: Sequence[Lens], context: Context) -> Iterator[tuple[Decide, Match]]:
    """The verdicts of a map with the packets that meet them.

    Single keys never overlap, so all with one verdict go together. Combined ones may: there the first in the listing
    wins, and only neighbors go together.
    """
    plain = [member for member in elements if not is_rest(member)]
    runs: list[tuple[Decide, list[Element]]] = []
    at: dict[Decide, int] = {}
    for member in plain:
        verdict = member.data if isinstance(member.data, Decide) else Decide("?")
        if verdict in at and (len(lenses) == 1 or at[verdict] == len(runs) - 1):
            runs[at[verdict]][1].append(member)
        else:
            at[verdict] = len(runs)
            runs.append((verdict, [member]))
    for verdict, members in runs:
        yield verdict, holding(keys_of(members, lenses, context.interfaces), lenses)
    if len(plain) < len(elements):
        rest = next(member.data for member in elements if is_rest(member))
        yield _verdict_of(rest), lacking(keys_of(plain, lenses, context.interfaces), lenses)


def _verdict_of(data: object) -> Decide:
    return data if isinstance(data, Decide) else Decide("?")
