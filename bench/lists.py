"""Rule lists that look like those of firewalls: one address plan, few wide rules, many narrow ones.

Every list is made from a seed, so that two runs measure the same work.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from portwright.packets.box import ALWAYS, Box, Doubt, Match
from portwright.packets.fields import TCP, UDP, Field
from portwright.packets.intervals import Interval
from portwright.policy.model import Chain, Jump, Policy, Rule, Stage, Verdict
from portwright.source import Source

HERE = Source("synthetic", 0)
_WELL_KNOWN = (22, 25, 53, 80, 123, 135, 389, 443, 445, 636, 1433, 3268, 3389, 8080)


class Plan:
    """Sites (a /16 or /40), each with subnets (a /24 or /64), each with hosts."""

    def __init__(self, seed: int, version: int = 4):
        self.random = random.Random(seed)
        self.version = version
        self._host_bits, self._net_bits = (8, 16) if version == 4 else (64, 88)
        base = 10 << 24 if version == 4 else 0xFD00 << 112
        self._sites = [base | site << self._net_bits for site in range(1, 21)]
        self._ports = [*_WELL_KNOWN * 3, *(self.random.randrange(1024, 65536) for _ in range(60))]

    def addresses(self, anywhere: float) -> Interval | None:
        """A host, a subnet, a site, or (None) any address."""
        kind = self.random.random()
        if kind < anywhere:
            return None
        site = self.random.choice(self._sites)
        bits = self.random.choices((0, self._host_bits, self._net_bits), weights=(65, 27, 8))[0]
        subnet = site | self.random.randrange(256) << self._host_bits
        first = (subnet | self.random.randrange(1, 251)) >> bits << bits
        return first, first + (1 << bits) - 1

    def ports(self) -> Interval | None:
        """One port mostly, sometimes a range, sometimes any."""
        kind = self.random.random()
        if kind < 0.85:
            port = self.random.choice(self._ports)
            return port, port
        first = self.random.randrange(1024, 60000)
        return (first, first + self.random.randrange(1, 4000)) if kind < 0.95 else None

    def box(self) -> Box:
        """What one rule matches: 70% TCP, 20% UDP, 21% from anywhere."""
        protocol = self.random.choices((TCP, UDP, None), weights=(70, 20, 10))[0]
        found = {
            Field.VERSION: (self.version, self.version),
            Field.SRC: self.addresses(0.21),
            Field.DST: self.addresses(0.05),
            Field.PROTOCOL: (protocol, protocol) if protocol else None,
            Field.DPORT: self.ports() if protocol else None,
        }
        made = Box.of({name: (pair,) for name, pair in found.items() if pair})
        assert made is not None
        return made

    def host_flow(self, near: Box | None) -> Box:
        """A flow between two hosts, inside a box or between any two."""
        known = dict(near.constraints) if near else {}
        anywhere = ((self._sites[0], self._sites[-1]),)
        spans = {Field.SRC: anywhere, Field.DST: anywhere, Field.PROTOCOL: ((TCP, TCP),), Field.DPORT: ((443, 443),)}
        made = {Field.VERSION: ((self.version, self.version),)}
        for name, span in (spans | known).items():
            value = self.random.randint(*span[0])
            made[name] = ((value, value),)
        flow = Box.of(made)
        assert flow is not None
        return flow


def _width(box: Box) -> float:
    """How much of the header space a box holds, as a logarithm-like score: few fields and wide ranges are wide."""
    spans = (box.get(name)[0] for name in (Field.SRC, Field.DST, Field.PROTOCOL, Field.DPORT))
    return sum((last - first + 1).bit_length() for first, last in spans)


def narrow_first(boxes: list[Box], chance: random.Random) -> list[Box]:
    """Roughly the order in which people write: exceptions before wide rules, with disorder."""
    return sorted(boxes, key=lambda box: _width(box) + chance.gauss(0, 12))


def rules_of(plan: Plan, count: int, box: Callable[[Plan], Box] | None = None) -> list[Rule]:
    """Rules, 75% of them accepting."""
    make = box or Plan.box
    boxes = narrow_first([make(plan) for _ in range(count)], plan.random)
    verdict = (Verdict.ACCEPT if plan.random.random() < 0.75 else Verdict.DROP for _ in boxes)
    return [Rule(Match((b,), (b,)), v, HERE) for b, v in zip(boxes, verdict, strict=True)]


def stage_of(rules: list[Rule], **chains: list[Rule]) -> Stage:
    """One filter stage that drops by default."""
    base = [*rules, Rule(ALWAYS, Verdict.DROP, HERE, default=True)]
    every = {"base": base, **chains}
    return Stage("filter", "base", {name: Chain(name, tuple(found), HERE) for name, found in every.items()})


def ordinary(count: int, seed: int = 1) -> Stage:
    """The list that the targets are about."""
    return stage_of(rules_of(Plan(seed), count))


def ipv6(count: int, seed: int = 2) -> Stage:
    """The same with 128-bit addresses."""
    return stage_of(rules_of(Plan(seed, version=6), count))


def uncertain(count: int, seed: int = 3) -> Stage:
    """The same, one rule in ten not modelled: it may match its packets or not."""
    plan = Plan(seed)
    rules = rules_of(plan, count)
    return stage_of([_doubted(rule) if plan.random.random() < 0.1 else rule for rule in rules])


def _doubted(rule: Rule) -> Rule:
    return replace(rule, match=Match.doubtful(Doubt("rate limit"), rule.match.possible))


def wide(count: int, seed: int = 4) -> Stage:
    """Wide overlapping rules: random ranges in two of source, destination and port."""
    return stage_of(rules_of(Plan(seed), count, _wide_box))


def _wide_box(plan: Plan) -> Box:
    ends = {Field.SRC: (10 << 24, 11 << 24), Field.DST: (10 << 24, 11 << 24), Field.DPORT: (0, 65535)}
    chosen = plan.random.sample(list(ends), 2)
    made = Box.of({name: (_span(plan.random, *ends[name]),) for name in chosen})
    assert made is not None
    return made


def _span(chance: random.Random, low: int, high: int) -> Interval:
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    return first, last


def chained(count: int, seed: int = 5) -> Stage:
    """As in dumps of iptables: a chain per pair of interfaces, shared chains behind, some matches in doubt."""
    plan = Plan(seed)
    pairs = [(i, o) for i in range(2, 8) for o in range(2, 8) if i != o]
    shared = {f"shared{n}": rules_of(plan, count // 20) for n in range(4)}
    size = (count - count // 5) // len(pairs)
    zones = {f"from{i}to{o}": [*_zone(plan, size)] for i, o in pairs}
    jumps = [Rule(_on(i, o), Jump(f"from{i}to{o}"), HERE) for i, o in pairs]
    return stage_of(jumps, **shared, **zones)


def _zone(plan: Plan, size: int) -> Iterator[Rule]:
    for number, rule in enumerate(rules_of(plan, size)):
        yield _doubted(rule) if plan.random.random() < 0.1 else rule
        if number % 20 == 19:
            yield replace(rule, action=Jump(f"shared{plan.random.randrange(4)}"))
    yield Rule(ALWAYS, Verdict.RETURN, HERE)


def _on(ingress: int, egress: int) -> Match:
    return Match.exact([Box.of({Field.IN: ((ingress, ingress),), Field.OUT: ((egress, egress),)})])


def flows(stage: Stage, count: int, seed: int = 7, version: int = 4) -> list[Box]:
    """Required flows between hosts: four in five within what some rule matches."""
    plan = Plan(seed, version)
    near = [rule.match.possible[0] for chain in stage.chains.values() for rule in chain.rules if not rule.default]
    chosen = (plan.random.choice(near) if plan.random.random() < 0.8 else None for _ in range(count))
    return [plan.host_flow(box) for box in chosen]


def policy(stage: Stage) -> Policy:
    """The stage alone."""
    return Policy((stage,))
