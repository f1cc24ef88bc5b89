"""The stages between the two translations: what the firewall does by itself, and the access lists.

The first stage of the two holds, in this order: point-wide doubts, interfaces that pass nothing, the firewall's own
addresses, the check of connections, same-security-traffic, tunnels, the access list of the interface, the global one,
the implicit deny; and without any access list the security levels. The second holds the outbound access lists.
Cisco ASA Firewall CLI Configuration Guide, "Access Rules".
"""

from collections.abc import Iterator, Mapping

from portwright.packets.box import ALWAYS, Box, Boxes, Doubt, Match
from portwright.packets.fields import ICMP, ICMPV6, LAST, TCP, UDP, Field, Flags, State
from portwright.packets.intervals import Intervals, complement, intersect, normalize
from portwright.platforms.cisco_asa import doubts
from portwright.platforms.cisco_asa.inspection import Action, drops_all, inspections, modules, state_bypasses
from portwright.platforms.cisco_asa.interfaces import Interface
from portwright.platforms.cisco_asa.parts import Bound, Parts, exactly
from portwright.platforms.cisco_asa.routing import NULL, by_network, reached_through
from portwright.platforms.cisco_asa.values import VERSIONS
from portwright.policy.interfaces import OTHER
from portwright.policy.model import Chain, Jump, Look, Rule, Stage, Verdict
from portwright.source import Source

_SCTP = 132
_ICMP_PROTOCOLS: Intervals = ((ICMP, ICMP), (ICMPV6, ICMPV6))
_KNOWN: Intervals = ((State.ESTABLISHED, State.ESTABLISHED), (State.RELATED, State.RELATED))
_SCTP_SINCE = (9, 5)  # release in which SCTP became stateful
_MULTICAST = {4: ((0xE0000000, 0xEFFFFFFF),), 6: ((0xFF << 120, 2**128 - 1),)}
_BROADCAST: Intervals = ((0xFFFFFFFF, 0xFFFFFFFF),)
_NEGOTIATED: dict[str, Intervals] = {"pptp": ((47, 47),), "ipsec-pass-thru": ((50, 51),)}  # GRE; ESP and AH
_HIGH_PORTS: Intervals = ((1024, 65535),)
_ENDPOINT_MAPPER = 135
_MOST_BOXES = 40  # of a class, whose complement grows fast
_STATE_REASON = "belongs to a connection that the firewall has let through"


class _Levels:
    """The interfaces by security level, as atoms."""

    def __init__(self, parts: Parts):
        self._of_level = parts.by(lambda interface: interface.level)
        self._lower: dict[int, Intervals] = {}
        self.unknown = self.equal(None)

    def equal(self, level: int | None) -> Intervals:
        """The interfaces of a level, or of those whose level is not known."""
        return self._of_level.get(level, ())

    def up_to(self, level: int) -> Intervals:
        """The interfaces of a level and of those below it."""
        if level not in self._lower:
            found = (atoms for other, atoms in self._of_level.items() if other is not None and other <= level)
            self._lower[level] = normalize(pair for atoms in found for pair in atoms)
        return self._lower[level]


def connections(parts: Parts) -> Match:
    """The packets that belong to a connection and pass without a look at the access lists.

    For TCP, UDP and SCTP replies need no access list; other protocols are let through packet by packet, ICMP unless it
    is inspected. Cisco ASA Firewall CLI Configuration Guide, "Access Control Implicit Permits; Allowing returning
    traffic".
    """
    stateful = [(TCP, TCP), (UDP, UDP)]
    release = parts.draft.release
    if release is None or release >= _SCTP_SINCE:
        stateful.append((_SCTP, _SCTP))
    found = exactly({Field.STATE: _KNOWN, Field.PROTOCOL: tuple(stateful)})
    replies = exactly({Field.STATE: ((State.ESTABLISHED, State.ESTABLISHED),), Field.PROTOCOL: _ICMP_PROTOCOLS})
    for action in inspections(parts.actions, "icmp"):
        if action.words[2:3] != ("error",):
            found |= replies & action.match if len(action.match.possible) <= _MOST_BOXES else _unclear(replies, action)
    return found


def _unclear(replies: Match, action: Action) -> Match:
    doubt = Doubt("the class of packets whose replies are inspected is too intricate", action.source)
    return Match.doubtful(doubt, replies.possible)


def fresh(connected: Match) -> Boxes:
    """The packets that surely or possibly belong to no connection."""
    return (~connected).possible


def own_addresses(parts: Parts) -> Boxes:
    """The packets that are sent to the firewall itself."""
    found = [
        Box.of({Field.VERSION: ((network.version, network.version),), Field.DST: ((address, address),)})
        for interface in parts.interfaces.values()
        for network, address, _ in interface.networks
    ]
    return tuple(box for box in found if box is not None)


class AccessStage:
    """Makes the stage of the checks on arrival."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._file = parts.file
        self._levels = _Levels(parts)
        self._networks = {version: by_network(parts.routes, version) for version in VERSIONS}
        self._named = parts.toward(parts.interfaces)
        self._zones = parts.by(lambda interface: interface.zone)
        self._bridges = parts.by(lambda interface: interface.bridge_group)
        self._hardware = {interface.hardware.lower(): name for name, interface in parts.interfaces.items()}

    def stage(self) -> Stage:
        """The stage; its base chain ends in a drop."""
        rules = [
            *self._parts.doubts,
            *tunnel_filters(self._parts),
            *self._commands(always=True),
            *self._unusable(),
            *self._connections(),
            *self._commands(always=False),
            *self._own_addresses(),
            *self._broadcasts(),
            *self._reverse_path(),
            *self._same_security(),
            *self._parts.bypasses,
            *self._pinholes(),
            *self._access_lists(),
            *self._security_levels(),
            self._default(ALWAYS, Verdict.DROP, self._parts.nobody, "nothing lets it through"),
        ]
        name = "checks on arrival"
        inbound = {bound.chain for bound in self._parts.bound if bound.binding.direction != "out"}
        chains = {chain: self._parts.chains[chain] for chain in sorted(inbound) if chain in self._parts.chains}
        chains = {name: Chain(name, tuple(rules), self._parts.nobody), **chains}
        return Stage(name, name, chains, look=Look.INNER)

    @staticmethod
    def _default(match: Match, action: Verdict, source: Source, reason: str) -> Rule:
        return Rule(match, action, source, default=True, reason=reason)

    def _unusable(self) -> Iterator[Rule]:
        """Interfaces on which nothing passes."""
        for name, interface in self._parts.interfaces.items():
            for line, reason in (
                (interface.shutdown, f"interface {name} is shut down"),
                (interface.management_only, f"interface {name} is for management only: nothing passes through it"),
            ):
                if line is not None:
                    yield Rule(self._parts.on(name), Verdict.DROP, line.source(self._file), reason=reason)
            yield from self._not_spoken(interface)
        nowhere = ((0, OTHER),)
        match = Match.exact((Box(((Field.IN, nowhere),)), Box(((Field.OUT, nowhere),))))
        yield self._default(match, Verdict.DROP, self._parts.nobody, "no interface of that name, or no route")
        yield from self._discarded()

    def _not_spoken(self, interface: Interface) -> Iterator[Rule]:
        """A router passes no packet where it has no address of its IP version."""
        if self._parts.draft.transparent is not None or interface.bridge_group or interface.is_tunnel:
            return
        for version in VERSIONS:
            if version not in interface.versions:
                line = interface.no_address if version == 4 and interface.no_address else interface.head
                reason = (
                    f"interface {interface.name} has no IPv{version} address, and IPv{version} is not enabled on it"
                )
                match = self._parts.on(interface.name) & exactly({Field.VERSION: ((version, version),)})
                yield self._default(match, Verdict.DROP, line.source(self._file), reason)

    def _discarded(self) -> Iterator[Rule]:
        if NULL in self._parts.atoms.names:
            route = next(route for route in self._parts.routes if route.interface == NULL)
            match = exactly({Field.OUT: self._parts.atoms.exactly(NULL)})
            yield Rule(match, Verdict.DROP, route.source, reason="the route discards it")

    # -- the firewall itself ------------------------------------------------------------------------------------

    def _own_addresses(self) -> Iterator[Rule]:
        """What is sent to the firewall's own addresses does not pass through it.

        It answers on the interface of arrival alone (Cisco ASA General Operations CLI Configuration Guide, "Management
        Access": no other interface can be reached than the one a packet entered from); through a tunnel also on the one
        for `management-access`.
        """
        has_tunnels = bool(self._parts.remotes) or any(one.is_tunnel for one in self._parts.interfaces.values())
        far = self._parts.draft.management_access if has_tunnels else ""
        for name, interface in self._parts.interfaces.items():
            for network, address, line in interface.networks:
                own = exactly({Field.VERSION: ((network.version,) * 2,), Field.DST: ((address, address),)})
                source = line.source(self._file)
                reason = f"the address is the firewall's own ({name}): what it answers is not modelled"
                near = own & exactly(self._parts.arrives(name))
                reachable = own if name == far else near
                match = Match.doubtful(Doubt(reason, source), reachable.possible)
                yield self._default(match, _BLOCKED, source, reason)
                reason = f"the address is the firewall's own ({name}): it answers on the interface of arrival alone"
                yield self._default(own, Verdict.DROP, source, reason)

    def _broadcasts(self) -> Iterator[Rule]:
        multicast = self._parts.draft.multicast
        boxes = Match.exact(Box.of({Field.VERSION: ((v, v),), Field.DST: _MULTICAST[v]}) for v in VERSIONS)
        if self._parts.draft.transparent is not None:
            return
        if multicast is not None:
            source = multicast.source(self._file)
            doubt = Doubt("where multicast is forwarded is not modelled", source)
            yield Rule(Match.doubtful(doubt, boxes.possible), Verdict.DROP, source, reason=doubt.reason)
        else:
            reason = "multicast is not forwarded without multicast-routing"
            yield self._default(boxes, Verdict.DROP, self._parts.nobody, reason)
        limited = exactly({Field.VERSION: ((4, 4),), Field.DST: _BROADCAST})
        yield self._default(limited, Verdict.DROP, self._parts.nobody, "a broadcast is not forwarded")
        yield from self._directed_broadcasts()

    def _directed_broadcasts(self) -> Iterator[Rule]:
        for interface in self._parts.interfaces.values():
            for network, _, line in interface.networks:
                if network.version == 4 and network.prefixlen < 31 and self._parts.draft.transparent is None:
                    last = int(network.broadcast_address)
                    source = line.source(self._file)
                    doubt = Doubt("whether a broadcast to a connected network is forwarded is not modelled", source)
                    boxes = exactly({Field.VERSION: ((4, 4),), Field.DST: ((last, last),)}).possible
                    yield Rule(Match.doubtful(doubt, boxes), Verdict.DROP, source, reason=doubt.reason)

    # -- connections --------------------------------------------------------------------------------------------

    def _connections(self) -> Iterator[Rule]:
        parts = self._parts
        yield from (self._module(action, name) for action, name in modules(parts.actions))
        yield from (self._policed(action) for action in parts.actions if drops_all(action))
        connected = connections(parts)
        yield self._default(connected, Verdict.ACCEPT, parts.nobody, _STATE_REASON)
        errors = inspections(parts.actions, "icmp")
        if errors:
            related = exactly({Field.STATE: ((State.RELATED, State.RELATED),), Field.PROTOCOL: _ICMP_PROTOCOLS})
            doubt = Doubt("whether inspection lets ICMP errors through depends on the error", errors[0].source)
            match = Match.doubtful(doubt, related.possible)
            yield Rule(match, Verdict.ACCEPT, errors[0].source, reason=doubt.reason)
        yield from self._passed_along()
        yield from self._stray_segments()

    def _passed_along(self) -> Iterator[Rule]:
        """Inspection of a control connection lets the tunnel through that it negotiates."""
        for protocol, numbers in _NEGOTIATED.items():
            for action in inspections(self._parts.actions, protocol)[:1]:
                doubt = Doubt(
                    f"inspect {protocol} lets through what belongs to a connection that it watches", action.source
                )
                match = Match.doubtful(doubt, exactly({Field.STATE: _KNOWN, Field.PROTOCOL: numbers}).possible)
                yield Rule(match, Verdict.ACCEPT, action.source, reason=doubt.reason)

    def _stray_segments(self) -> Iterator[Rule]:
        """A TCP segment that opens nothing and belongs to nothing is dropped, unless state is bypassed."""
        match = exactly({Field.PROTOCOL: ((TCP, TCP),), Field.FLAGS: ((Flags.OTHER, Flags.OTHER),)})
        for action in state_bypasses(self._parts.actions):
            doubt = Doubt("TCP state bypass lets segments without a connection through", action.source)
            boxes = (match & action.match).possible
            yield Rule(Match.doubtful(doubt, boxes), Verdict.ACCEPT, action.source, reason=doubt.reason)
        reason = "a TCP segment that opens no connection and belongs to none"
        yield self._default(match, Verdict.DROP, self._parts.nobody, reason)

    def _module(self, action: Action, name: str) -> Rule:
        doubt = Doubt(f"{name} has a policy of its own", action.source)
        match = Match.doubtful(doubt, action.match.possible)
        return Rule(match, Verdict.DROP, action.source, reason=doubt.reason)

    @staticmethod
    def _policed(action: Action) -> Rule:
        doubt = Doubt("the class is policed, and what keeps to the rate is dropped too", action.source)
        return Rule(Match.doubtful(doubt, action.match.possible), Verdict.DROP, action.source, reason=doubt.reason)

    def _commands(self, always: bool) -> Iterator[Rule]:
        overrides = any("per-user-override" in one.binding.line.words for one in self._parts.bound)
        for line in self._parts.draft.doubtful:
            if doubts.concerns_connections(line) is always:
                yield doubts.rule_of(line, self._file, self._parts.atoms, overrides)

    # -- before the access lists --------------------------------------------------------------------------------

    def _reverse_path(self) -> Iterator[Rule]:
        """`ip verify reverse-path`: the route to the source must lead back through the interface of arrival."""
        for line in self._parts.draft.reverse_path:
            name = line.words[-1]
            if name not in self._parts.interfaces:
                continue
            boxes = [box for version in VERSIONS if (box := self._spoofed(name, version)) is not None]
            source, reason = line.source(self._file), "the route to the source leads elsewhere"
            doubt = Doubt("the routes to the source are not all known", source)
            match = Match.exact(boxes) if self._parts.routing_is_complete else Match.doubtful(doubt, tuple(boxes))
            yield Rule(match, Verdict.DROP, source, reason=reason)

    def _spoofed(self, name: str, version: int) -> Box | None:
        reached = reached_through(self._networks[version], name, version)
        last = (1 << (32 if version == 4 else 128)) - 1
        return Box.of({**self._parts.arrives(name), Field.VERSION: ((version, version),),
                       Field.SRC: complement(reached, last)})  # fmt: skip

    def _same_security(self) -> Iterator[Rule]:
        """Interfaces of equal level, and back through the interface of arrival: only where that is permitted."""
        for name, interface in self._parts.interfaces.items():
            source = interface.level_source.source(self._file)
            yield from self._no_forward(interface)
            yield from self._other_bridges(interface)
            yield from self._within_zone(interface)
            if not self._parts.draft.intra_interface:
                match = exactly(self._parts.arrives(name) | {Field.OUT: self._parts.atoms.exactly(name)})
                reason = "in and out through one interface, without same-security-traffic permit intra-interface"
                yield self._default(match, Verdict.DROP, source, reason)
            own = self._parts.atoms.exactly(name)
            equals = intersect(self._levels.equal(interface.level), complement(own, LAST[Field.OUT]))
            if equals and not self._parts.draft.inter_interface:
                match = exactly({Field.IN: own, Field.OUT: equals})
                reason = "equal security levels, without same-security-traffic permit inter-interface"
                yield self._default(match, Verdict.DROP, source, reason)

    def _within_zone(self, interface: Interface) -> Iterator[Rule]:
        """Between two members of a traffic zone: as between two interfaces, or as back through one."""
        draft = self._parts.draft
        own = complement(self._parts.atoms.exactly(interface.name), LAST[Field.OUT])
        mates = intersect(self._zones[interface.zone], own) if interface.zone else ()
        if mates and draft.inter_interface is not draft.intra_interface:
            source = interface.head.source(self._file)
            doubt = Doubt("which same-security-traffic holds within a traffic zone is not modelled", source)
            boxes = exactly(self._parts.arrives(interface.name) | {Field.OUT: mates}).possible
            yield Rule(Match.doubtful(doubt, boxes), Verdict.DROP, source, reason=doubt.reason)

    def _other_bridges(self, interface: Interface) -> Iterator[Rule]:
        """A transparent firewall passes nothing from one bridge group to another."""
        if self._parts.draft.transparent is None:
            return
        source = self._parts.draft.transparent.source(self._file)
        others = complement(self._bridges[interface.bridge_group], LAST[Field.OUT])
        others = intersect(self._named, others)
        if others:
            match = exactly(self._parts.arrives(interface.name) | {Field.OUT: others})
            yield self._default(match, Verdict.DROP, source, "transparent: nothing passes between bridge groups")

    def _no_forward(self, interface: Interface) -> Iterator[Rule]:
        """`no forward interface VlanN`: new connections toward that interface are not allowed."""
        for line in interface.no_forward:
            target = self._hardware.get("".join(line.words[3:]).lower())
            if target is not None:
                match = exactly(self._parts.arrives(interface.name) | {Field.OUT: self._parts.atoms.exactly(target)})
                yield Rule(match, Verdict.DROP, line.source(self._file), reason="no forward interface")

    def _pinholes(self) -> Iterator[Rule]:
        """`inspect dcerpc` opens the ports that an endpoint mapper names, to whoever may ask that mapper."""
        for action in inspections(self._parts.actions, "dcerpc")[:1]:  # any other says the same again
            doubt = Doubt("inspect dcerpc opens the ports that the endpoint mapper hands out", action.source)
            for bound in self._parts.bound:
                if bound.binding.direction == "out" or not bound.known:
                    continue
                where = {} if not bound.binding.interface else self._parts.arrives(bound.binding.interface)
                boxes = [box for rule in self._parts.chains[bound.chain].rules for box in _pinhole(rule, where)]
                if boxes:
                    match = Match.doubtful(doubt, tuple(dict.fromkeys(boxes)))
                    yield Rule(match, Verdict.ACCEPT, action.source, reason=doubt.reason)

    # -- access lists and security levels -----------------------------------------------------------------------

    def _access_lists(self) -> Iterator[Rule]:
        inbound = [bound for bound in self._parts.bound if bound.binding.direction == "in"]
        for bound in inbound:
            yield from apply_list(self._parts, bound, self._parts.arrives(bound.binding.interface))
        everywhere = [bound for bound in self._parts.bound if bound.binding.direction == "global"]
        for bound in everywhere:
            yield from apply_list(self._parts, bound, {})
        for bound in (*everywhere, *inbound):
            if bound.known:
                where = self._parts.arrives(bound.binding.interface) if bound.binding.interface else {}
                yield implicit_deny(self._parts, bound, where)

    def _security_levels(self) -> Iterator[Rule]:
        """Without an access list a connection may open toward a lower level, and toward an equal one if permitted."""
        for name, interface in self._parts.interfaces.items():
            source = interface.level_source.source(self._file)
            arrives = self._parts.arrives(name)
            level = interface.level
            if level is None:
                doubt = Doubt(f"the security level of interface {name} is not in the file", source)
                match = Match.doubtful(doubt, exactly(arrives).possible)
                yield Rule(match, Verdict.ACCEPT, source, default=True, reason=doubt.reason)
                continue
            if self._levels.unknown:
                doubt = Doubt("the security level of the interface it leaves on is not in the file", source)
                boxes = exactly(arrives | {Field.OUT: self._levels.unknown}).possible
                yield Rule(Match.doubtful(doubt, boxes), Verdict.ACCEPT, source, default=True, reason=doubt.reason)
            lower = self._levels.up_to(level)
            if lower:
                match = exactly(arrives | {Field.OUT: lower})
                reason = f"security level {level} ({name}) toward an interface of a lower or permitted equal level"
                yield self._default(match, Verdict.ACCEPT, source, reason)
            reason = f"security level {level} ({name}) toward an interface of a higher level, without an access list"
            yield self._default(exactly(arrives), Verdict.DROP, source, reason)


_BLOCKED = Verdict.ACCEPT | Verdict.DROP


def _pinhole(rule: Rule, where: dict[Field, Intervals]) -> Iterator[Box]:
    """The packets to high ports between the ends of an entry that permits the endpoint mapper."""
    if rule.action is not Verdict.ACCEPT:
        return
    mapper = Box(((Field.PROTOCOL, ((TCP, TCP),)), (Field.DPORT, ((_ENDPOINT_MAPPER, _ENDPOINT_MAPPER),))))
    for box in rule.match.possible:
        common = box & mapper
        if common is not None:
            opened = Box.of(dict(common.constraints) | {Field.DPORT: _HIGH_PORTS} | where)
            if opened is not None:
                yield opened


def tunnel_rules(parts: Parts) -> Iterator[Rule]:
    """Packets that may have come through a tunnel, and so past the access lists."""
    if not parts.draft.tunnels.bypasses_access_lists:
        return
    for remote in parts.remotes:
        match = remote.match(parts.toward(remote.interfaces), parts.file)
        yield Rule(match, Verdict.ACCEPT, remote.line.source(parts.file), reason=match.doubts[0].reason)
    for name, interface in parts.interfaces.items():
        if interface.is_tunnel:
            source = interface.head.source(parts.file)
            doubt = Doubt("a packet from this tunnel passes without a look at the access lists", source)
            match = Match.doubtful(doubt, exactly(parts.arrives(name)).possible)
            yield Rule(match, Verdict.ACCEPT, source, reason=doubt.reason)


def tunnel_filters(parts: Parts) -> Iterator[Rule]:
    """`vpn-filter`: packets of a tunnel meet one more access list, in both directions."""
    filters = parts.draft.tunnels.filters
    if not filters:
        return
    source = filters[0].source(parts.file)
    doubt = Doubt("a vpn-filter may refuse what goes through a tunnel", source)
    for remote in parts.remotes:
        for name in (Field.SRC, Field.DST):
            boxes = remote.match(parts.toward(remote.interfaces), parts.file, name).possible
            yield Rule(Match.doubtful(doubt, boxes), Verdict.DROP, source, reason=doubt.reason)


def apply_list(parts: Parts, bound: Bound, where: Mapping[Field, Intervals]) -> Iterator[Rule]:
    """The jump to an access list; where it is not defined, either reading of the device is possible."""
    match = _bound_match(bound, where)
    source = bound.binding.line.source(parts.file)
    if bound.known:
        yield Rule(match, Jump(bound.chain), source)
        return
    doubt = Doubt(bound.problem, source)
    yield Rule(Match.doubtful(doubt, match.possible), Verdict.DROP, source, reason=doubt.reason)


def implicit_deny(parts: Parts, bound: Bound, where: Mapping[Field, Intervals]) -> Rule:
    """The end of an access list."""
    reason = f"implicit deny at the end of access-list {bound.binding.access_list}"
    source = bound.binding.line.source(parts.file)
    return Rule(_bound_match(bound, where), Verdict.DROP, source, default=True, reason=reason)


def _bound_match(bound: Bound, where: Mapping[Field, Intervals]) -> Match:
    if bound.versions == VERSIONS:
        return exactly(where)
    return Match.exact(Box.of({**where, Field.VERSION: ((v, v),)}) for v in bound.versions)


def departure_stage(parts: Parts) -> Stage | None:
    """The stage of the outbound access lists; None where there are none."""
    bound = [one for one in parts.bound if one.binding.direction == "out"]
    if not bound:
        return None
    connected = connections(parts)
    known = Rule(connected, Verdict.ACCEPT, parts.nobody, default=True, reason=_STATE_REASON)
    rules = [*parts.doubts, known, *parts.bypasses]
    leaves = [{Field.OUT: parts.atoms.exactly(one.binding.interface)} for one in bound]
    for one, where in zip(bound, leaves, strict=True):
        rules += apply_list(parts, one, where)
    rules += [implicit_deny(parts, one, where) for one, where in zip(bound, leaves, strict=True) if one.known]
    reason = "no outbound access list on the interface it leaves on"
    rules.append(Rule(ALWAYS, Verdict.ACCEPT, parts.nobody, default=True, reason=reason))
    name = "outbound access lists"
    chains = {one.chain: parts.chains[one.chain] for one in bound if one.known}
    scope = tuple(box for where in leaves if (box := Box.of(where)) is not None)
    return Stage(name, name, {name: Chain(name, tuple(rules), parts.nobody), **chains}, scope, look=Look.INNER)
