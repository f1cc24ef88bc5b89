"""What no chain on the way of a packet says and what decides about it all the same.

Zones of connection tracking: a packet belongs to a connection only if it is looked for in the zone that has seen the
other direction (linux/net/netfilter/nf_conntrack_core.c, resolve_normal_ct). Tables of the family arp: a neighbor whose
question or answer is dropped is never found, and no IPv4 packet reaches it.
"""

from collections.abc import Iterator

from portwright.packets.box import ALWAYS, Boxes, Doubt, Match
from portwright.packets.fields import Field, State
from portwright.platforms.netfilter.matching import box
from portwright.platforms.nftables import syntax
from portwright.policy.model import Action, Chain, Change, Rewrite, Rule, Stage, Verdict
from portwright.source import Source

_ZONES = frozenset(("ct zone", "ct original zone", "ct reply zone"))
_ZONE = "whether the other direction of a connection is looked for in this zone is not modelled"
_OF_CONNECTIONS = box(STATE=(State.ESTABLISHED, State.RELATED))
_OF_NONE = Rewrite((Change(Field.STATE, tuple((state, state) for state in (State.NEW, State.INVALID))),))
_NEIGHBORS = "a chain of the family arp may keep IPv4 neighbors from being found"
_IPV4 = box(VERSION=4)


def aside(ruleset: syntax.Ruleset, file: str) -> Iterator[Stage]:
    """The stages in front of all others; none where nothing of the kind is written."""
    tables = [table for table in ruleset.tables.values() if not table.is_dormant]
    zones = [rule for table in tables for rule in _rules(table) if _sets_zone(rule)]
    yield from _stage("zones of connection tracking", zones, _OF_CONNECTIONS, _OF_NONE, _ZONE, file)
    arp = [table for table in tables if table.family == "arp"]
    places = [chain for table in arp for chain in table.chains.values() if chain.hook is not None and _may_drop(table)]
    yield from _stage("neighbors", places, _IPV4, Verdict.DROP, _NEIGHBORS, file)


def _rules(table: syntax.Table) -> Iterator[syntax.Rule]:
    for chain in table.chains.values():
        yield from chain.rules


def _sets_zone(rule: syntax.Rule) -> bool:
    return any(isinstance(one, syntax.Assign) and one.target.name in _ZONES for one in rule.statements)


def _may_drop(table: syntax.Table) -> bool:
    """Report whether anything in a table but plain accepts may decide."""
    bases = (chain for chain in table.chains.values() if chain.hook is not None)
    return any(chain.policy == "drop" for chain in bases) or any(
        isinstance(one, syntax.Decide | syntax.DecideBy | syntax.Unknown | syntax.Divert) and str(one) != "accept"
        for rule in _rules(table)
        for one in rule.statements
    )


def _stage(
    name: str, written: list[syntax.Rule] | list[syntax.Chain], boxes: Boxes, action: Action, reason: str, file: str
) -> Iterator[Stage]:
    if written:
        place = written[0].place
        source = Source(file, place.line, place.text)
        rule = Rule(Match.doubtful(Doubt(reason, source), boxes), action, source, reason=reason)
        default = Rule(ALWAYS, Verdict.ACCEPT, source, default=True, reason=reason)
        yield Stage(name, name, {name: Chain(name, (rule, default), source)}, translates=True)
