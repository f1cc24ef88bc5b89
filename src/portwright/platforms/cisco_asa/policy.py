"""Everything that was read, worked out: a `Configuration`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from portwright.packets.box import ALWAYS, EVERYTHING, NEVER, Box, Doubt, Match
from portwright.packets.fields import Field
from portwright.platforms.cisco_asa.access_lists import (
    ETHERTYPE,
    EXTENDED,
    IPV6,
    AccessList,
    Context,
    denies_ethernet_ip,
    rules_of,
)
from portwright.platforms.cisco_asa.draft import Binding, Draft
from portwright.platforms.cisco_asa.inspection import Inspector
from portwright.platforms.cisco_asa.interfaces import Interface, read_interfaces
from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Line, NotUnderstood
from portwright.platforms.cisco_asa.nat import NatReader, Translation, interfaces_of
from portwright.platforms.cisco_asa.parts import Bound, Parts
from portwright.platforms.cisco_asa.reverse_path import ReversePath
from portwright.platforms.cisco_asa.routing import (
    Crossings,
    RouteTable,
    Untranslation,
    connected_routes,
    for_traffic,
    routes_of,
    tunnel_routes,
)
from portwright.platforms.cisco_asa.stages import (
    AccessStage,
    connections,
    departure_stage,
    fresh,
    own_addresses,
    tunnel_rules,
)
from portwright.platforms.cisco_asa.translation import Translations
from portwright.platforms.cisco_asa.tunnels import Remote, TunnelReader
from portwright.platforms.cisco_asa.values import VERSIONS
from portwright.policy.configuration import Configuration, Route
from portwright.policy.interfaces import Interfaces
from portwright.policy.model import ANY_VERDICT, Chain, Policy, Rule, Stage, Verdict
from portwright.source import Source

_MOST_PROBLEMS = 100
_MANAGEMENT_ROUTES_APART = (9, 5)  # release in which interfaces for management got a routing table of their own
_UNIFIED = (9, 0)  # release in which one access list came to hold IPv4 and IPv6


class AccessLists:
    """The access lists of a file, each worked out when first needed."""

    def __init__(self, draft: Draft, context: Context):
        self._draft = draft
        self._context = context
        self._ledger = context.ledger
        self.chains: dict[str, Chain] = {}

    def chain(self, access_list: AccessList) -> Chain:
        """The rules of an access list, without the implicit deny."""
        if access_list.name not in self.chains:
            rules = rules_of(access_list, self._context)
            source = access_list.first.source(self._ledger.file)
            self.chains[access_list.name] = Chain(access_list.name, rules, source)
        return self.chains[access_list.name]

    def bound(self, binding: Binding) -> Bound:
        """An access list where it is applied."""
        found = self._draft.access_lists.get(binding.access_list)
        if found is None:
            self._ledger.undefined(binding.line, f"access-list {binding.access_list} is not defined")
            return Bound(binding, VERSIONS, f"access-list {binding.access_list} is not defined")
        if found.kind not in (EXTENDED, IPV6) or not found.lines:
            problem = f"access-list {binding.access_list} has no extended entries"
            return Bound(binding, VERSIONS, problem, found.kind == ETHERTYPE)
        self.chain(found)
        versions = VERSIONS if self._context.unified else (6,) if found.kind == IPV6 else (4,)
        return Bound(binding, versions)

    def decides_about_ip(self, binding: Binding) -> bool:
        """Report whether an access list may filter IP; one of Ethernet types does so only where it denies IP or all."""
        found = self._draft.access_lists.get(binding.access_list)
        return found is None or found.kind != ETHERTYPE or any(denies_ethernet_ip(line.words) for line in found.lines)

    def permitted(self, name: str, line: Line) -> Match:
        """The packets that some entry of an access list permits."""
        source = line.source(self._ledger.file)
        found = self._draft.access_lists.get(name)
        if found is None:
            self._ledger.undefined(line, f"access-list {name} is not defined")
        if found is None or found.kind not in (EXTENDED, IPV6):
            return Match.doubtful(Doubt(f"access-list {name} is not an extended access list", source))
        rules = self.chain(found).rules
        boxes = tuple(dict.fromkeys(box for r in rules if r.action is not Verdict.DROP for box in r.match.possible))
        if not boxes:
            return NEVER
        if all(rule.action is Verdict.ACCEPT and rule.match.is_certain for rule in rules):
            return Match(boxes, boxes)
        return Match.doubtful(Doubt(f"access-list {name} also denies", source), boxes)


@dataclass(frozen=True, slots=True)
class _Translated:
    """What became of the translation rules."""

    rules: list[Translation]
    interfaces: set[str]  # those they mention
    doubtful: list[tuple[Line, NotUnderstood]]  # lines that are not understood


class Builder:
    """Works out a configuration from a draft."""

    def __init__(self, draft: Draft, ledger: Ledger, platform: str):
        self._draft = draft
        self._ledger = ledger
        self._platform = platform

    def build(self) -> Configuration:
        """The configuration. Raises InvalidInput with every problem."""
        self._ledger.raise_problems()
        self._draft.objects.resolve()
        parts, translations = self._parts()
        before, after, untranslations = _translation_stages(parts, translations)
        stages = (*before, AccessStage(parts).stage(), departure_stage(parts), *after)
        self._remark_on_missing()
        self._ledger.raise_problems()
        return self._configuration(parts, tuple(stage for stage in stages if stage is not None), untranslations)

    def _configuration(
        self, parts: Parts, stages: tuple[Stage, ...], untranslations: tuple[Untranslation, ...]
    ) -> Configuration:
        named = self._draft.hostname
        return Configuration(
            self._platform,
            parts.file,
            {"forward": Policy(stages)},
            parts.atoms,
            self._ledger.census(),
            tuple(sorted(self._ledger.remarks, key=lambda remark: remark.source.line)),
            parts.routes,
            parts.routing_is_complete and not parts.redirecting(),
            declares_interfaces=True,
            crossings=self._crossings(parts, untranslations),
            own=own_addresses(parts),
            hostname=named.words[1] if named else "",
            named_at=named.source(parts.file) if named else None,
            tunnels=parts.tunnels,
        )

    @staticmethod
    def _crossings(parts: Parts, untranslations: tuple[Untranslation, ...]) -> Crossings:
        usable = [name for name, one in parts.interfaces.items() if one.is_usable]
        table = RouteTable(parts.routes, parts.routing_is_complete)
        nearby = connected_routes(parts.interfaces, parts.file)  # those of management interfaces too
        sources = RouteTable((*parts.routes, *nearby), parts.routing_is_complete)
        return Crossings(parts.atoms, usable, table, untranslations, sources, parts.redirecting())

    def _parts(self) -> tuple[Parts, list[Translation]]:
        draft, ledger = self._draft, self._ledger
        interfaces = self._interfaces()
        own = {name: found for name, one in interfaces.items() if (found := one.addresses()) is not None}
        unified = draft.release is None or draft.release >= _UNIFIED
        lists = AccessLists(draft, Context(draft.objects, ledger, own, draft.time_ranges, unified))
        bound = self._last_of_each([lists.bound(one) for one in draft.bindings if lists.decides_about_ip(one)])
        nat = self._translations(NatReader(draft.objects, ledger, own))
        reader = TunnelReader(draft.tunnels, lists.permitted, interfaces)
        remotes, tunnels = tuple(reader.remotes()), tuple(reader.carried(ledger.file))
        routes, complete = self._routes(interfaces, remotes)
        atoms = Interfaces.of({route.interface for route in routes} | nat.interfaces | set(interfaces))
        actions = Inspector(draft.policies, ledger, atoms, lists.permitted).actions()
        parts = Parts(ledger.file, draft, interfaces, atoms, lists.chains, bound, actions, remotes, routes, complete)
        parts = replace(parts, tunnels=tunnels)
        return replace(parts, doubts=self._doubts(parts, nat), bypasses=tuple(tunnel_rules(parts))), nat.rules

    def _routes(self, interfaces: dict[str, Interface], remotes: Sequence[Remote]) -> tuple[tuple[Route, ...], bool]:
        """The routes of packets through the firewall, and whether the file tells them all."""
        release, statics = self._draft.release, self._draft.routes
        if release is None or release >= _MANAGEMENT_ROUTES_APART:
            interfaces, statics = for_traffic(interfaces, statics)
        routes, learned = routes_of(interfaces, statics, self._ledger)
        unforeseen = self._draft.routing_protocols or any(remote.brings_any_route for remote in remotes)
        addressed = all(one.is_addressed for one in interfaces.values())
        complete = learned and addressed and not unforeseen and self._draft.transparent is None
        return (*routes, *tunnel_routes(remotes, routes, self._ledger.file)), complete

    def _last_of_each(self, bound: list[Bound]) -> list[Bound]:
        """An interface has one access list in a direction (and IP version): the last applied. Ethernet's come first."""
        last = {one.place: one for one in bound}
        for one in bound:
            if last[one.place] is not one:
                place = one.binding.line.source(self._ledger.file)
                self._ledger.note(place, "another access-group takes the place of this one")
        return sorted(last.values(), key=lambda one: not one.of_ethernet)

    def _interfaces(self) -> dict[str, Interface]:
        found = read_interfaces(self._draft.interfaces, self._ledger, self._draft.objects.names)
        self._doubt_bridges(found)
        mentioned = [(one.interface, one.line) for one in self._draft.bindings if one.interface]
        mentioned += [(name, line) for line in self._draft.nat_lines() for name in interfaces_of(line)]
        mentioned += [(route.interface, route.line) for route in self._draft.routes if not route.discards]
        is_excerpt = not self._draft.interfaces
        for name, line in mentioned:
            if name not in found:
                self._ledger.missing_interface(line, name)
                found[name] = Interface(name, line, "")
                if not is_excerpt:  # nothing passes an interface without a name; or its block is not in the file
                    problem = NotUnderstood(f"no interface of the file has the name {name}")
                    found[name].not_understood.append((line, problem))
        return found

    def _doubt_bridges(self, interfaces: dict[str, Interface]) -> None:
        """An access list on a bridge group's virtual interface concerns its members in a way that is not modelled."""
        for binding in self._draft.bindings:
            bridge = interfaces[binding.interface].bridge if binding.interface in interfaces else ""
            for one in interfaces.values() if bridge else ():
                if one.bridge_group == bridge:
                    problem = NotUnderstood(f"an access list on {binding.interface}, the bridge that {one.name} is in")
                    one.not_understood.append((binding.line, problem))

    def _translations(self, reader: NatReader) -> _Translated:
        draft = self._draft
        result = _Translated([], {name for line in draft.nat_lines() for name in interfaces_of(line)}, [])
        jobs: list[tuple[str | None, Line]] = [(None, line) for line in draft.twice_nat]
        jobs += draft.object_nat
        for name, line in jobs:
            try:
                found = reader.twice(line) if name is None else reader.automatic(name, line)
            except NotUnderstood as problem:
                result.doubtful.append((line, problem))
            else:
                result.rules.extend([found] if found is not None else [])
        return result

    # -- what is not understood ---------------------------------------------------------------------------------

    def _doubts(self, parts: Parts, nat: _Translated) -> tuple[Rule, ...]:
        """Uncertain rules for what may change any answer, or any of an interface."""
        rules = [self._of_translation(line, problem, parts.atoms) for line, problem in nat.doubtful]
        for interface in parts.interfaces.values():
            for line, problem in interface.not_understood:
                source = self._ledger.not_understood(line, problem, "object")
                rules.append(_undecided(source, str(problem), parts.on(interface.name)))
        return (*rules, *self._everywhere())

    def _everywhere(self) -> Iterator[Rule]:
        """One rule for all lines with the same problem, and not more rules than anybody reads."""
        problems: dict[str, list[Doubt]] = {}
        for unknown in self._ledger.unknown:
            if unknown.scope == "point":
                reason = unknown.reason if len(problems) < _MOST_PROBLEMS else "further lines that are not understood"
                problems.setdefault(reason, []).append(Doubt(unknown.reason, unknown.source))
        for reason, found in problems.items():
            first = found[0].source
            assert first is not None, "an unknown line has a place"
            yield Rule(Match((), (EVERYTHING,), tuple(found)), ANY_VERDICT, first, reason=reason)

    def _of_translation(self, line: Line, problem: NotUnderstood, atoms: Interfaces) -> Rule:
        source = self._ledger.not_understood(line, problem)
        names = [name for name in interfaces_of(line) if name in atoms.names]
        if len(names) < 2:
            return _undecided(source, str(problem), ALWAYS)
        real, mapped = (atoms.exactly(name) for name in names)
        may_lead = "source" in line.words  # twice NAT translates destinations of what arrives on the real side, too
        leaving = {} if may_lead else {Field.OUT: mapped}  # where it would lead a packet is not known
        boxes = (Box.of({Field.IN: real} | leaving), Box.of({Field.IN: mapped}))
        return _undecided(source, str(problem), Match.exact(boxes))

    def _remark_on_missing(self) -> None:
        for reference, line in self._draft.objects.missing.items():
            self._ledger.undefined(line, f"{reference} is not defined")
        for line in self._draft.tunnels.filters:
            if line.words[-1] not in self._draft.access_lists:
                self._ledger.undefined(line, f"access-list {line.words[-1]} is not defined")


def _translation_stages(
    parts: Parts, rules: list[Translation]
) -> tuple[tuple[Stage, ...], tuple[Stage, ...], tuple[Untranslation, ...]]:
    """The stages before and after the access lists, and where the rules lead."""
    if not rules:
        return (), (), ()
    translations = Translations(rules, parts.atoms, parts.file)
    reverse_path = ReversePath(fresh(connections(parts)), own_addresses(parts), parts.file)
    destination, untranslations = translations.destination_stage(reverse_path)
    normalize, mark, check = reverse_path.stages(parts.doubts)
    return (normalize, mark, destination), (check, translations.source_stage()), untranslations


def _undecided(source: Source, reason: str, match: Match) -> Rule:
    boxes = match.possible if match != ALWAYS else (EVERYTHING,)
    return Rule(Match.doubtful(Doubt(reason, source), boxes), ANY_VERDICT, source, reason=reason)
