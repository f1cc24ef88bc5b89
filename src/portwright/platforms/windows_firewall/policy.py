"""From a host and a profile to what its packets meet: what comes in, and what goes out.

Theory of operation. Windows judges connections, not packets: what belongs to a known one passes. A new one is let
through by a rule that overrides block rules for those who prove themselves by IPsec, else stopped by a block rule, else
let through by an allow rule, and else meets the default of the profile (MS-FASP, 2.2.34; 2.2.38). The order in which
rules stand says nothing. Loopback is not filtered. In front stands what may stop a packet beside the rules.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portwright.packets.addresses import Addresses
from portwright.packets.box import ALWAYS, EVERYTHING, NEVER, Box, Boxes, Doubt, Match, complement
from portwright.packets.fields import TCP, UDP, Field, State
from portwright.platforms.windows_firewall.addresses import plain
from portwright.platforms.windows_firewall.conditions import among, boxes, unknown_members
from portwright.platforms.windows_firewall.doubts import Why, doubt
from portwright.platforms.windows_firewall.host import CATEGORIES, PROFILES, FirewallRule, Host, Profile
from portwright.platforms.windows_firewall.members import NUMBERS, PROFILE_BITS, flags
from portwright.platforms.windows_firewall.owners import Owners
from portwright.platforms.windows_firewall.rules import INBOUND, MULTICAST, OUTBOUND, Matcher, Side
from portwright.policy.configuration import Census, Unknown
from portwright.policy.model import ANY_VERDICT, Chain, Policy, Rule, Stage, Verdict
from portwright.source import Source

_SERVICE_STORES = ("StaticServiceStore", "ConfigurableServiceStore")  # what Windows restricts its services to
_ON = ("True", "NotConfigured")
_LOOPBACK = plain("127.0.0.0/8") | plain("::1")
_EITHER = Verdict.ACCEPT | Verdict.DROP
_ACTIONS = {"Allow": Verdict.ACCEPT, "Block": Verdict.DROP}
_DEFAULTS = {"Inbound": Verdict.DROP, "Outbound": Verdict.ACCEPT}  # where nothing is configured
_NAMED = {Verdict.ACCEPT: "allows", Verdict.DROP: "blocks"}
_NEEDED = {  # parts of the file without which nothing is certain -> what they are
    "rules": "rules", "ipsec": "connection security rules", "profiles": "profiles",
}  # fmt: skip


@dataclass(slots=True)
class Compiler:
    """Makes the policies of a host under one profile; None: that of each interface."""

    host: Host
    profile: str | None
    owners: Owners
    modeled: set[int] = field(default_factory=set)  # ids of rules that decide about something

    def policies(self) -> Mapping[str, Policy]:
        """The policy of each hook; without one, each packet as what it is by the addresses of the host."""
        inbound, outbound = (tuple(self._stages(side)) for side in (INBOUND, OUTBOUND))
        found = {"forward": self._either_way(inbound, outbound), "input": Policy(inbound), "output": Policy(outbound)}
        return found | {f"{hook}/path": policy for hook, policy in found.items()}

    def _either_way(self, inbound: tuple[Stage, ...], outbound: tuple[Stage, ...]) -> Policy:
        """What the host sends is that from its addresses; what is to others, and not to many, it does not receive."""
        own = self.host.addresses
        if not own:
            return Policy(inbound)
        sent, to_it = among(Field.SRC, own), among(Field.DST, own | MULTICAST | _LOOPBACK)
        others = complement(sent)
        received = boxes(one & other for one in to_it for other in others)
        strange = boxes(one & other for one in complement(to_it) for other in others)
        nobody = Source(self.host.file, 0)
        neither = Rule(ALWAYS, _EITHER, nobody, default=True, reason="neither end is an address of the host")
        stages = [_within(stage, sent) for stage in outbound] + [_within(stage, received) for stage in inbound]
        return Policy((*stages, _stage("neither", (neither,), strange)))

    def _stages(self, side: Side) -> Iterator[Stage]:
        seen = complement(boxes(_loopback(self.host.addresses | _LOOPBACK)))
        matcher = Matcher(self.host, side, self.owners)
        if beside := self._beside(side, matcher):
            yield _stage(f"beside the rules {side.direction.lower()}", (*beside, _nothing(self.host.file)), seen)
        yield _stage(f"rules {side.direction.lower()}", tuple(self._rules(side, matcher)), seen)

    # ---------------------------------------------------------------- beside the rules

    def _beside(self, side: Side, matcher: Matcher) -> tuple[Rule, ...]:
        """What may stop a packet beside the rules."""
        return (*self._required_protection(side), *self._hardening(side, matcher))

    def _unclear(self) -> Iterator[Rule]:
        """What is not known of the file as a whole: it may let anything pass, or stop it."""
        host, nowhere = self.host, Source(self.host.file, 0)
        yield from (_maybe(doubt(Why.SECTION_UNKNOWN, one.text), one, ANY_VERDICT) for one in host.unknown)
        for part, what in _NEEDED.items():
            if not _has(host, part):
                yield _maybe(doubt(Why.SECTION, what), nowhere, ANY_VERDICT)
        if host.firewall_service != "Running":
            why = doubt(Why.FIREWALL_SERVICE, host.firewall_service or "the file does not say")
            yield _maybe(why, nowhere, ANY_VERDICT)

    def _required_protection(self, side: Side) -> Iterator[Rule]:
        for one in self.host.ipsec or ():
            if side.direction in one.requires:
                ends = among(side.remote, one.ends) if one.ends is not None else (EVERYTHING,)
                why = doubt(Why.IPSEC_REQUIRED, one.name, one.source)
                yield Rule(Match.doubtful(why, ends) & _NEW, Verdict.DROP, one.source)

    def _hardening(self, side: Side, matcher: Matcher) -> Iterator[Rule]:
        """Windows may keep its services from traffic that they are not made for; what they are made for comes first."""
        rules = [rule for rule in self._enabled(side) if side.is_inbound and _is_hardening(rule)]
        for rule in rules:
            if rule.named("Action") == "Allow" and (match := matcher.match(rule) & _NEW).possible:
                self.modeled.add(id(rule))
                reason = "Windows has made its service for this"
                yield Rule(match, Verdict.ACCEPT, rule.source, default=True, reason=reason)
        for rule in rules:
            if rule.named("Action") == "Block" and (match := self._kept_from(rule, matcher)).possible:
                self.modeled.add(id(rule))
                yield Rule(match, Verdict.DROP, rule.source)

    def _kept_from(self, rule: FirewallRule, matcher: Matcher) -> Match:
        """The packets to ports that a restricted service is known to hold."""
        services = rule.restriction("Service")
        ports = {number: self.owners.services_on(services, number) for number in (TCP, UDP)}
        held = boxes(
            Box.of({Field.PROTOCOL: ((number, number),), Field.DPORT: ranges}) for number, ranges in ports.items()
        )
        why = doubt(Why.HARDENING, ", ".join(services), rule.source)
        return Match.doubtful(why, held) & matcher.traffic(rule) & _NEW

    # ---------------------------------------------------------------- rules and defaults

    def _rules(self, side: Side, matcher: Matcher) -> Iterator[Rule]:
        nobody = Source(self.host.file, 0)
        yield Rule(_KNOWN, Verdict.ACCEPT, nobody, default=True, reason="belongs to a known connection")
        yield Rule(_INVALID, Verdict.DROP, nobody, default=True, reason="belongs to no connection")
        yield from self._unclear()
        yield from self._switched_off(matcher)
        groups: dict[str, list[Rule]] = {"unclear": [], "bypass": [], "Block": [], "Allow": []}
        for rule in self._enabled(side):
            if not _is_hardening(rule):
                self._sort(rule, side, matcher, groups)
        for made in groups.values():
            yield from made
        yield from self._defaults(side, matcher)

    def _enabled(self, side: Side) -> Iterator[FirewallRule]:
        for rule in self.host.rules or ():
            if rule.named("Direction") not in _other_side(side) and rule.named("Enabled") != "False":
                yield rule

    def _sort(self, rule: FirewallRule, side: Side, matcher: Matcher, groups: dict[str, list[Rule]]) -> None:
        """Put what a rule does into the group of its action."""
        match = self._in_force(rule, side, matcher) & matcher.match(rule)
        for name, known in _KNOWN_VALUES.items():
            if (value := rule.named(name)) not in known:
                match = match & Match.doubtful(doubt(Why.VALUE, f"{name} {value}"))
        action = rule.named("Action") or ""
        group = action if action in _ACTIONS else "unclear"
        if action == "AllowBypass" or (action == "Allow" and rule.named("OverrideBlockRules") == "True"):
            group = "bypass"
            match = NEVER if self.host.ipsec == () else match & Match.doubtful(doubt(Why.BYPASS))
        if match.possible:
            self.modeled.add(id(rule))
            verdict = {"bypass": Verdict.ACCEPT, "unclear": _EITHER}.get(group) or _ACTIONS[action]
            groups[group].append(Rule(match, verdict, rule.source))

    def _in_force(self, rule: FirewallRule, side: Side, matcher: Matcher) -> Match:
        """Where a rule applies: its profiles, as far as they take such rules."""
        named = flags(rule.members.get("Profile"), PROFILE_BITS)
        wanted = frozenset(PROFILES) if named is None else named
        store = rule.named("PolicyStoreSourceType") or ""
        taken = frozenset(one for one in wanted if self._takes(one, side, store == "Local"))
        match = self._under(taken, matcher)
        doubts = [doubt(Why.VALUE, "Profile")] if named is None else []
        doubts += [one for name in taken for one in self._unclear_settings(name, side, store)]
        return match & Match.doubtful(doubts[0]) if doubts else match

    def _takes(self, name: str, side: Side, local: bool) -> bool:
        """Report whether rules count in a profile, or may."""
        profile = self.host.profiles.get(name)
        if profile is None:
            return True
        is_shielded = side.is_inbound and profile.allow_inbound_rules == "False"
        return not is_shielded and not (local and profile.allow_local_rules == "False")

    def _unclear_settings(self, name: str, side: Side, store: str) -> Iterator[Doubt]:
        profile = self.host.profiles.get(name)
        if profile is None:
            return
        if profile.allow_local_rules == "False" and store not in _STORES:
            yield doubt(Why.VALUE, f"PolicyStoreSourceType {store}")
        asked = {"AllowLocalFirewallRules": profile.allow_local_rules} if store == "Local" else {}
        asked |= {"AllowInboundRules": profile.allow_inbound_rules} if side.is_inbound else {}
        for setting, value in asked.items():
            if value not in (*_ON, "False"):
                yield doubt(Why.VALUE, f"{setting} of profile {name}", profile.source)

    def _under(self, names: frozenset[str], matcher: Matcher) -> Match:
        if self.profile is not None:
            return ALWAYS if self.profile in names else NEVER
        return matcher.in_profiles(names)

    def _present(self) -> tuple[str, ...]:
        return PROFILES if self.profile is None else (self.profile,)

    def _switched_off(self, matcher: Matcher) -> Iterator[Rule]:
        """Profiles in which the firewall is off, and interfaces from which it keeps away."""
        for name in self._present():
            if (profile := self.host.profiles.get(name)) is None:
                reason = doubt(Why.SECTION, f"profile {name}")
                yield _maybe(reason, Source(self.host.file, 0), ANY_VERDICT, self._under(frozenset({name}), matcher))
                continue
            here = self._under(frozenset({name}), matcher)
            if profile.enabled not in _ON:
                why = Match.doubtful(doubt(Why.VALUE, f"Enabled of profile {name}"))
                match = here if profile.enabled == "False" else here & why
                yield _default(match, Verdict.ACCEPT, profile, f"the firewall is off in the profile {name}")
            for alias in profile.disabled_interfaces:
                on = matcher.at(lambda one, alias=alias: one.alias.lower() == alias.lower(), alias)  # type: ignore[misc]
                yield _default(here & on, Verdict.ACCEPT, profile, f"the firewall is off on {alias}")

    def _defaults(self, side: Side, matcher: Matcher) -> Iterator[Rule]:
        """What becomes of everything else, in each profile; where it is not known which is in force, any of these."""
        known = [profile for name in self._present() if (profile := self.host.profiles.get(name)) is not None]
        answers = [default_action(profile, side) for profile in known]
        together = Verdict(0)
        for verdict, _ in answers:
            together |= verdict
        source = known[0].source if known else Source(self.host.file, 0)
        if len({verdict for verdict, _ in answers}) == 1:
            reason = (
                answers[0][1]
                if len(known) == 1
                else answers[0][1].replace(f"the profile {known[0].name}", "every profile")
            )
            yield Rule(ALWAYS, together, source, default=True, reason=reason)
            return
        for profile, (verdict, reason) in zip(known, answers, strict=True):
            yield _default(matcher.in_profiles(frozenset({profile.name})), verdict, profile, reason)
        yield Rule(ALWAYS, together or _EITHER, source, default=True, reason="the profile in force is not known")


_STORES = tuple(NUMBERS["PolicyStoreSourceType"].values())
_KNOWN_VALUES = {  # what these members may be; anything else makes the rule uncertain
    "Enabled": ("True",),
    "Direction": ("Inbound", "Outbound"),
    "Action": ("Allow", "Block", "AllowBypass"),
    "OverrideBlockRules": ("True", "False", None),
}
_KNOWN = Match.exact([Box.of({Field.STATE: ((State.ESTABLISHED, State.RELATED),)})])
_INVALID = Match.exact([Box.of({Field.STATE: ((State.INVALID,) * 2,), Field.PROTOCOL: ((TCP, TCP),)})])
_NEW = Match.exact([Box.of({Field.STATE: ((State.NEW,) * 2,)}), Box.of({Field.STATE: ((State.UNTRACKED,) * 2,)})])


def default_action(profile: Profile, side: Side) -> tuple[Verdict, str]:
    """What a profile does with what no rule matches, and why, for people."""
    setting = profile.inbound if side.is_inbound else profile.outbound
    verdict = _DEFAULTS[side.direction] if setting == "NotConfigured" else _ACTIONS.get(setting, _EITHER)
    what = f"{side.direction.lower()} traffic in the profile {profile.name}"
    if side.is_inbound and profile.allow_inbound_rules == "False":
        if verdict == Verdict.ACCEPT:  # whether "block all" wins here the documentation leaves open
            verdict = _EITHER
        return verdict, f"rules for {what} are switched off"
    if verdict not in _NAMED:
        return verdict, f"what becomes of {what} is not understood"
    return verdict, f"the default {_NAMED[verdict]} {what}"


def census(host: Host, modeled: set[int]) -> Census:
    """Each rule is in force, inert (switched off, in another profile, for nobody here) or not understood."""
    unknown = [
        Unknown(rule.source, doubt(Why.MEMBER_UNKNOWN, name).reason)
        for rule in host.rules or ()
        for name in unknown_members(rule)[:1]
    ]
    unknown += [Unknown(one, doubt(Why.SECTION_UNKNOWN, one.text).reason, "point") for one in host.unknown]
    total = len(host.rules or ())
    in_force = sum(id(rule) in modeled and not unknown_members(rule) for rule in host.rules or ())
    return Census(in_force, total - in_force - sum(one.scope == "rule" for one in unknown), tuple(unknown))


def profiles_of(host: Host) -> frozenset[str]:
    """The profiles of the connections that the host had."""
    found = (CATEGORIES.get(one.category) for one in host.interfaces or ())
    return frozenset(name for name in found if name is not None)


def _has(host: Host, part: str) -> bool:
    return bool(host.profiles) if part == "profiles" else getattr(host, part) is not None


def _is_hardening(rule: FirewallRule) -> bool:
    """Report whether a rule restricts a service: such rules let nothing through by themselves."""
    source = (rule.texts("PolicyStoreSource") or ("",))[0]
    return source in _SERVICE_STORES and not rule.restriction("Package")


def _loopback(own: Addresses) -> Iterator[Box | None]:
    for version in (4, 6):
        ends = own.family(version)
        yield Box.of({Field.VERSION: ((version, version),), Field.SRC: ends, Field.DST: ends})


def _other_side(side: Side) -> tuple[str, ...]:
    """The direction that a rule of the other side has; one that is not known may be of either."""
    return ("Outbound",) if side.is_inbound else ("Inbound",)


def _maybe(why: Doubt, source: Source, action: Verdict, where: Match = ALWAYS) -> Rule:
    """Something that may decide about packets of new connections."""
    return Rule(Match.doubtful(why) & where & _NEW, action, source, reason=why.reason)


def _default(match: Match, action: Verdict, profile: Profile, reason: str) -> Rule:
    return Rule(match, action, profile.source, default=True, reason=reason)


def _nothing(file: str) -> Rule:
    return Rule(ALWAYS, Verdict.ACCEPT, Source(file, 0), default=True, reason="nothing beside the rules stops it")


def _stage(name: str, rules: Iterable[Rule], scope: Boxes) -> Stage:
    made = tuple(rules)
    return Stage(name, name, {name: Chain(name, made, made[-1].source)}, scope)


def _within(stage: Stage, scope: Boxes) -> Stage:
    both = boxes(one & other for one in stage.scope for other in scope)
    return Stage(stage.name, stage.base, stage.chains, both)
