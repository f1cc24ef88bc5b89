"""A policy of any platform as rules of nftables, for a rehearsal where the platform itself cannot run.

Each stage becomes a base chain; as in a policy, what one accepts goes on to the next. Stages that translate become
chains of type nat before and behind routing. A rule says in its comment from which line it comes. What the policy only
may hold, and what nftables has no words for, is left out and told: a translated configuration is no evidence that we
read the original rightly.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from portwright.packets.box import Box
from portwright.packets.fields import ICMP, ICMPV6, LAST, LAST_ADDRESS, PORT_PROTOCOLS, TCP, UDP, Field, Flags, State
from portwright.packets.intervals import Intervals, complement, intersect, normalize
from portwright.policy.interfaces import OTHER, Interfaces
from portwright.policy.model import Chain, Change, Goto, Jump, Policy, Rewrite, Rule, Stage, Verdict
from portwright.rehearse.lab import LONGEST_NAME
from portwright.source import Source

TABLE = "portwright_translated"
_VERDICTS = {Verdict.ACCEPT: "accept", Verdict.DROP: "drop", Verdict.CONTINUE: "continue", Verdict.RETURN: "return"}
_FAMILY = {4: "ip", 6: "ip6"}
_ICMP = {4: (ICMP, "icmp"), 6: (ICMPV6, "icmpv6")}
_END_FIELDS = {"dnat": (Field.DST, Field.DPORT), "snat": (Field.SRC, Field.SPORT)}
_OF_ITS_OWN = {"dnat": "redirect", "snat": "masquerade"}
_MOST_ADDRESSES = 256  # of a range that is led to another range, address by address
_OPENS = "tcp flags & (fin | syn | rst | ack) {} syn"

_PLAIN_NAME = re.compile(r"[ !#-\[\]-~]+", re.ASCII)  # as nft takes it in quotes
_TO_ITSELF = (("input", 'iifname "lo"'), ("output", 'oifname "lo"'))

Conditions = tuple[str, ...]
Hook = Literal["forward", "input", "output"]


@dataclass(frozen=True, slots=True)
class Translated:
    """Rules of nftables, and the lines that are not in them."""

    text: str
    left_out: tuple[tuple[Source, str], ...]  # line and why
    wordless: tuple[Source, ...] = ()  # lines among them that are in no doubt: nftables has no words for them


class _Inexpressible(Exception):
    """nftables has no words for it there."""


def translated(policy: Policy, interfaces: Interfaces, ports: Mapping[str, str], hook: Hook = "forward") -> Translated:
    """The rules for the policy of a hook; `ports` has the kernel's names of the configuration's interfaces.

    On a host, what it says to itself passes: no firewall of a host sees that.
    """
    writer = _Writer(interfaces, ports)
    places = _places(policy.stages) if hook == "forward" else _on_host(policy.stages, hook)
    chains = [
        line for number, stage in enumerate(policy.stages) for line in writer.stage(number, stage, places[number])
    ]
    name = TABLE if hook == "forward" else f"{TABLE}_{hook}"
    return Translated(
        "\n".join([f"table inet {name} {{", *chains, "}", ""]), tuple(writer.left_out), tuple(writer.wordless)
    )


def _on_host(stages: tuple[Stage, ...], hook: Hook) -> list[str]:
    return [f"type filter hook {hook} priority {number};" for number, _ in enumerate(stages)]


def _places(stages: tuple[Stage, ...]) -> list[str]:
    """The hook of each stage: what comes before the last translation of destinations sees packets before routing."""
    kinds = [_kind(stage) for stage in stages]
    last = max((number for number, kind in enumerate(kinds) if kind == "dnat"), default=-1)
    found = []
    for number, kind in enumerate(kinds):
        if kind == "dnat":
            found.append(f"type nat hook prerouting priority {number - 100};")
        elif kind == "snat":
            found.append(f"type nat hook postrouting priority {number + 100};")
        elif number < last:
            found.append(f"type filter hook prerouting priority {number - 150};")
        else:
            found.append(f"type filter hook forward priority {number};")
    return found


def _kind(stage: Stage) -> str:
    """Which ends a stage translates; empty where it filters."""
    changed = {
        change.field
        for name in _callees_first(stage)
        for rule in stage.chains[name].rules
        if isinstance(rule.action, Rewrite)
        for change in rule.action.changes
    }
    return next((word for word, fields in _END_FIELDS.items() if changed & set(fields)), "")


@dataclass(slots=True)
class _Writer:
    interfaces: Interfaces
    ports: Mapping[str, str]
    left_out: dict[tuple[Source, str], None] = field(default_factory=dict)
    wordless: dict[Source, None] = field(default_factory=dict)
    is_routed: bool = True  # where the present stage stands, a packet has an interface on which it leaves
    number: int = 0  # of the present stage

    def stage(self, number: int, stage: Stage, place: str) -> Iterator[str]:
        """The chains of a stage, those that are called before those that call them."""
        self.number, self.is_routed = number, "prerouting" not in place
        for name in _callees_first(stage):
            yield f"    chain {self._name(name)} {{"
            if name == stage.base:
                yield f"        {place} policy {_policy(stage)};"
                yield from (f"        {word} accept" for hook, word in _TO_ITSELF if f"hook {hook} " in place)
                yield from (f"        {line}" for line in self._outside(stage))
            for rule in stage.chains[name].rules:
                yield from (f"        {line}" for line in self.rule(rule))
            yield "    }"

    def _name(self, chain: str) -> str:
        letters = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in chain)
        return f"s{self.number}_{letters[:60]}"

    def _outside(self, stage: Stage) -> Iterator[str]:
        """Packets outside of the scope pass the stage untouched."""
        rest = [Box()]
        for box in stage.scope:
            rest = [part for one in rest for other in box.complement() if (part := one & other) is not None]
        for box in rest:
            yield from (" ".join([*match, "accept"]) for match in self.matches(box))

    def rule(self, rule: Rule) -> list[str]:
        """The rules for a rule, one or more for each box of its match; none where it is left out."""
        try:
            return list(self._rule(rule))
        except _Inexpressible as problem:
            self.left_out[rule.source, str(problem)] = None
            self.wordless |= {rule.source: None} if rule.match.is_certain and rule.source.line else {}
            return []

    def _rule(self, rule: Rule) -> Iterator[str]:
        if not rule.match.is_certain:
            raise _Inexpressible(rule.match.doubts[0].reason)
        comment = f'comment "{_place(rule)}"'
        for box in rule.match.sure:
            for match in self.matches(box):
                for more, action in self.actions(box, rule):
                    yield " ".join([*match, *more, "counter", action, comment])

    # -- what it does

    def actions(self, box: Box, rule: Rule) -> Iterator[tuple[Conditions, str]]:
        """What a rule does, with further conditions where that depends on the packet."""
        match rule.action:
            case Jump(chain):
                yield (), f"jump {self._name(chain)}"
            case Goto(chain):
                yield (), f"goto {self._name(chain)}"
            case Rewrite(changes):
                yield from self._rewrites(box, changes)
            case Verdict.REJECT:
                yield ("meta l4proto 6",), "reject with tcp reset"
                yield (), "reject"
            case verdict if verdict in _VERDICTS:
                yield (), _VERDICTS[verdict]
            case _:
                raise _Inexpressible(rule.reason or "what it does is not known")

    def _rewrites(self, box: Box, changes: tuple[Change, ...]) -> Iterator[tuple[Conditions, str]]:
        changed = {change.field: change for change in changes}
        if not changed:
            yield (), "accept"
            return
        for word, (address, port) in _END_FIELDS.items():
            if set(changed) <= {address, port}:
                for version in _versions(box):
                    yield from _translations(word, version, box, changed.get(address), changed.get(port), address)
                return
        raise _Inexpressible("it changes both ends of a packet, or what only the firewall knows of it")

    # -- what it matches

    def matches(self, box: Box) -> Iterator[Conditions]:
        """The conditions for a box, in one or more rules. Raises _Inexpressible."""
        for version in _versions(box):
            shared = [*self._interfaces(box), *_addresses(box, version)]
            if not _has_address(box) and box.get(Field.VERSION) != ((0, LAST[Field.VERSION]),):
                shared.append(f"meta nfproto ipv{version}")
            for transport in _transports(box, version):
                yield (*shared, *transport, *_states(box))
            if not _depends_on_version(box):
                return

    def _interfaces(self, box: Box) -> Iterator[str]:
        for name, word in ((Field.IN, "iifname"), (Field.OUT, "oifname")):
            wanted = box.get(name)
            if wanted == ((0, LAST[name]),):
                continue
            if name is Field.OUT and not self.is_routed:
                raise _Inexpressible("where a packet leaves is not known before routing")
            if named := self._named(wanted):
                yield f"{word} {named}"

    def _port(self, atom: int) -> str:
        """The kernel's name of an interface; one that nothing has, where it could be taken for another's."""
        name = self.interfaces.name(atom)
        if name in self.ports:
            return self.ports[name]
        is_free = len(name) <= LONGEST_NAME and _PLAIN_NAME.fullmatch(name) and name not in self.ports.values()
        return name if is_free else f"?{atom}"

    def _named(self, atoms: Intervals) -> str:
        """The interfaces of some atoms; where unnamed ones are among them, all but the others."""
        has_others = bool(intersect(atoms, ((OTHER, OTHER),)))
        wanted = complement(atoms, LAST[Field.IN]) if has_others else atoms
        named = [one for one in self.interfaces.atoms() if one != OTHER and intersect(wanted, ((one, one),))]
        names = [self._port(one) for one in named]
        listed = ", ".join(f'"{name}"' for name in names)
        if not names:
            return "" if has_others else '""'  # every interface; none at all
        return f"{'!= ' if has_others else ''}{{ {listed} }}"


def _translations(
    word: str, version: int, box: Box, address: Change | None, port: Change | None, name: Field
) -> Iterator[tuple[Conditions, str]]:
    """The translation of one end, in one IP version."""
    family, to_port = _FAMILY[version], _new_port(port)
    if to_port and not _names_transport(box):
        tcp_and_udp = _and(box, {Field.PROTOCOL: ((TCP, TCP), (UDP, UDP))})
        for more, action in _translations(word, version, tcp_and_udp, address, port, name):
            yield ("meta l4proto { 6, 17 }", *more), action
        to_port = ""
        if address is None:
            return
    if address is None:
        yield (f"meta nfproto ipv{version}",), f"{word} {family} to {to_port or ':1-65535'}"
        return
    if address.shift is None and address.values[0] == (0, LAST_ADDRESS[version]):  # one of the machine's own
        own = _OF_ITS_OWN[word]
        yield (f"meta nfproto ipv{version}",), f"{own} to {to_port}" if to_port else own
        return
    if address.shift is None:
        yield (), f"{word} {family} to {_range_text(address.values, version, bool(to_port))}{to_port}"
        return
    side = "daddr" if name is Field.DST else "saddr"
    ranges = box.get(name)
    if sum(last - first + 1 for first, last in ranges) > _MOST_ADDRESSES:
        raise _Inexpressible("it leads a wide range of addresses to another")
    for first, last in ranges:
        for value in range(first, last + 1):
            new = ((value + address.shift,) * 2,)
            yield (
                (f"{family} {side} {_address(value, version)}",),
                f"{word} {family} to {_range_text(new, version, bool(to_port))}{to_port}",
            )


def _names_transport(box: Box) -> bool:
    """Report whether only packets with ports are in the box; nft asks for that where it translates ports."""
    return intersect(box.get(Field.PROTOCOL), normalize((one, one) for one in PORT_PROTOCOLS)) == box.get(
        Field.PROTOCOL
    )


def _and(box: Box, more: Mapping[Field, Intervals]) -> Box:
    both = box & Box(tuple(sorted(more.items())))
    assert both is not None  # the box does not name these fields
    return both


def _new_port(port: Change | None) -> str:
    if port is None:
        return ""
    if port.shift is not None and len(port.values) == 1 and port.values[0][0] != port.values[0][1]:
        raise _Inexpressible("it leads a range of ports to another")
    (first, _), (_, last) = port.values[0], port.values[-1]
    return f":{first}" if first == last else f":{max(first, 1)}-{last}"


def _range_text(values: Intervals, version: int, has_port: bool) -> str:
    """One range of addresses as a target; the first where there are several."""
    first, last = values[0]
    text = _address(first, version) if first == last else f"{_address(first, version)}-{_address(last, version)}"
    if version == 6 and has_port:
        return f"[{text}]" if first == last else f"[{_address(first, 6)}]-[{_address(last, 6)}]"
    return text


def _versions(box: Box) -> tuple[int, ...]:
    return tuple(version for version in (4, 6) if intersect(box.get(Field.VERSION), ((version, version),)))


def _has_address(box: Box) -> bool:
    return any(name in (Field.SRC, Field.DST) for name, _ in box.constraints)


def _depends_on_version(box: Box) -> bool:
    return any(name in (Field.SRC, Field.DST, Field.VERSION, Field.TYPE, Field.CODE) for name, _ in box.constraints)


def _addresses(box: Box, version: int) -> Iterator[str]:
    for name, word in ((Field.SRC, "saddr"), (Field.DST, "daddr")):
        ranges = intersect(box.get(name), ((0, LAST_ADDRESS[version]),))
        if box.get(name) != ((0, LAST[name]),):
            texts = (_range_text(((first, last),), version, False) for first, last in ranges)
            yield f"{_FAMILY[version]} {word} {{ {', '.join(texts)} }}"


def _transports(box: Box, version: int) -> Iterator[Conditions]:
    """Protocol, ports, types and flags. Of no TCP segment it is asked whether it opens a connection."""
    protocols, flags = box.get(Field.PROTOCOL), box.get(Field.FLAGS)
    if any(name in (Field.SPORT, Field.DPORT) for name, _ in box.constraints):
        protocols = intersect(protocols, normalize((one, one) for one in PORT_PROTOCOLS))
    is_icmp = any(name in (Field.TYPE, Field.CODE) for name, _ in box.constraints)
    if is_icmp:
        protocols = intersect(protocols, ((_ICMP[version][0],) * 2,))
    tcp, others = (
        intersect(protocols, ((TCP, TCP),)),
        intersect(protocols, complement(((TCP, TCP),), LAST[Field.PROTOCOL])),
    )
    if flags == ((0, LAST[Field.FLAGS]),):
        tcp, others = (), protocols
    if tcp:
        operator = "==" if intersect(flags, ((Flags.OPENS, Flags.OPENS),)) else "!="
        yield ("meta l4proto 6", *_ports(box), _OPENS.format(operator))
    if others and (flags == ((0, LAST[Field.FLAGS]),) or intersect(flags, ((Flags.OPENS, Flags.OPENS),))):
        named = () if others == ((0, LAST[Field.PROTOCOL]),) else (f"meta l4proto {_numbers(others)}",)
        yield (*named, *_ports(box), *(_types(box, version) if is_icmp else ()))


def _ports(box: Box) -> Iterator[str]:
    for name, word in ((Field.SPORT, "sport"), (Field.DPORT, "dport")):
        if box.get(name) != ((0, LAST[name]),):
            yield f"th {word} {_numbers(box.get(name))}"


def _types(box: Box, version: int) -> Iterator[str]:
    for name, word in ((Field.TYPE, "type"), (Field.CODE, "code")):
        if box.get(name) != ((0, LAST[name]),):
            yield f"{_ICMP[version][1]} {word} {_numbers(box.get(name))}"


def _states(box: Box) -> Iterator[str]:
    wanted = box.get(Field.STATE)
    if wanted != ((0, LAST[Field.STATE]),):
        names = [state.name.lower() for state in State if intersect(wanted, ((state, state),))]
        yield f"ct state {','.join(names)}"


def _numbers(ranges: Intervals) -> str:
    return f"{{ {', '.join(str(a) if a == b else f'{a}-{b}' for a, b in ranges)} }}"


def _address(value: int, version: int) -> str:
    return str(IPv4Address(value) if version == 4 else IPv6Address(value))


def _place(rule: Rule) -> str:
    """Where a rule comes from, as a comment that nft takes: at most 128 bytes."""
    text = f"{rule.source.line}: {rule.source.text or rule.reason}"
    return "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "?" for letter in text
    )[:120]


def _policy(stage: Stage) -> str:
    """What becomes of a packet that leaves the base chain by `goto`: what its default rule says."""
    return "drop" if stage.chains[stage.base].rules[-1].action is Verdict.DROP else "accept"


def _callees_first(stage: Stage) -> list[str]:
    """The names of the chains that the base leads to, each after those that it calls."""
    found: dict[str, None] = {}
    waiting: list[tuple[str, bool]] = [(stage.base, False)]
    while waiting:
        name, is_done = waiting.pop()
        if is_done:
            found[name] = None
        elif name not in found:
            waiting.append((name, True))
            waiting += [(callee, False) for callee in _callees(stage.chains[name]) if callee not in found]
    return list(found)


def _callees(chain: Chain) -> Iterable[str]:
    return (rule.action.chain for rule in chain.rules if isinstance(rule.action, Jump | Goto))
