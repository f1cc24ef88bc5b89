"""A rehearsal from end to end: build the lab, load the rules, start the servers, play, compare with the proof."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from portwright.check.judge import Judge
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.packets.fields import ICMP
from portwright.plan.model import Plan
from portwright.rehearse import exchange as exchanges
from portwright.rehearse import recording
from portwright.rehearse.deciders import Traced
from portwright.rehearse.evidence import Exchange, FlowEvidence, Placed, Played, Rehearsal, Sampled, Tried
from portwright.rehearse.hosts import Hosts
from portwright.rehearse.layout import layout
from portwright.rehearse.netns import Network
from portwright.rehearse.outer import answered, as_asked
from portwright.rehearse.placing import placed
from portwright.rehearse.plays.table import NotPlayed, performed, play_of
from portwright.rehearse.realm import common_realm
from portwright.rehearse.rules import Rules, rules_of
from portwright.rehearse.sample import sample
from portwright.rehearse.serving import Services
from portwright.site.model import Point
from portwright.trace.happening import scenarios_of

Say = Callable[[str], None]  # tells people what is going on
_AT_ONCE = 128  # exchanges
_SETTLING = 0.3  # seconds in which a packet that nobody answers has come to its rule


def rehearse(plan: Plan, readings: Mapping[str, Reading], say: Say) -> Rehearsal:
    """Rehearse the plan's flows; this process is inside the namespaces. Raises ValueError where rules do not load."""
    begun = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - begun:5.1f} s  {text}")

    lab = layout(plan.site, {name: answered(one.configuration) for name, one in readings.items()})
    tell(f"building {len(lab.nodes)} nodes on {len(lab.segments)} segments")
    network = Network(lab)
    rules = dict(_load(network, plan, readings))
    check = Check(plan, readings)
    chosen = [as_asked(placed(flow, lab, plan.site), check.views, check.space) for flow in plan.flows]
    stage = _Stage(plan, network, rules, chosen, check.judge, tell)
    return asyncio.run(stage.play())


def _load(network: Network, plan: Plan, readings: Mapping[str, Reading]) -> Iterable[tuple[str, Rules]]:
    """Load the rules of every point that the lab has; by node."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        if node in network.lab.nodes:
            yield node, _load_one(network, plan, point, node, readings.get(point.name))


def _load_one(network: Network, plan: Plan, point: Point, node: str, reading: Reading | None) -> Rules:
    ports = {inner: port for (owner, inner), port in network.lab.names.items() if owner == point.name}
    configuration, text = (reading.configuration, reading.text) if reading else (None, "")
    rules = rules_of(plan, point, configuration, text, ports)
    try:
        network.load(node, rules.text)
    except ValueError as problem:
        raise ValueError(f"{point.name}: the kernel does not take its rules ({rules.origin}): {problem}") from None
    return rules


@dataclass(slots=True)
class _Stage:
    """A lab that is built, its rules loaded."""

    plan: Plan
    network: Network
    rules: Mapping[str, Rules]  # by node
    chosen: Sequence[Placed]
    judge: Judge
    tell: Say
    notes: list[str] = field(default_factory=list)

    async def play(self) -> Rehearsal:
        """Start the servers, and play everything."""
        lab = self.network.lab
        recorders = list(self._record())
        traced = Traced(self.network, self.rules)
        traced.start()
        hosts = Hosts(self.plan, lab, self.network, common_realm(self.plan.site, lab), self.chosen)
        services = Services(hosts)
        await services.start(self.network.socket)
        plays = await self._plays(hosts, recorders)
        count = sum(len(one.exchanges) for one in self.chosen)
        self.tell(f"playing {count} exchanges for {len(self.chosen)} flows")
        tried = await self._exchanges(hosts, traced)
        arrived = [found for one in recorders for found in one.seen()]
        seen = frozenset([*arrived, *(found for one in plays.values() for found in one.seen)])
        self.tell("trying what nobody needs")
        blocked = await self._sample(traced, recorders)
        await services.stop()
        flows = tuple(
            FlowEvidence(
                one, self.judge.result(one.flow).judgment, tuple(tried[exchange] for exchange in one.exchanges)
            )
            for one in self.chosen
        )
        self.tell("done")
        return Rehearsal(
            plan=self.plan,
            lab=lab,
            rules=tuple(self.rules.values()),
            flows=flows,
            seen=seen,
            sample=blocked,
            plays=plays,
            tiers=hosts.tiers(),
            notes=(*lab.notes, *self.notes),
        )

    async def _plays(self, hosts: Hosts, recorders: Sequence[recording.Recorder]) -> dict[str, Played]:
        """The scenarios, one after the other, so that what the kernel records belongs to one of them."""
        found = {}
        happening = [one for one, reason in scenarios_of(self.plan) if not reason and play_of(one.id)]
        for number, scenario in enumerate(happening, 1):
            play = play_of(scenario.id)
            assert play is not None  # it is among those that happen
            self.tell(f"scenario {number} of {len(happening)}: {scenario.id}")
            try:
                works, told = await performed(play, hosts)
            except NotPlayed as reason:
                self.notes.append(f"{scenario.id} is followed by its flows alone: {reason}")
                continue
            seen = tuple(one for each in recorders for one in each.seen())
            found[scenario.id] = Played(works, told, seen)
        return found

    def _record(self) -> Iterable[recording.Recorder]:
        """Have every host record what arrives."""
        for node in self.network.lab.of_kind("host", "outside", "client"):
            self.network.load(node.name, recording.RULES)
            with self.network.within(node.name):
                yield recording.Recorder(node.name)

    async def _exchanges(self, hosts: Hosts, traced: Traced) -> dict[Exchange, Tried]:
        """Every exchange, most at once; what is sent from the port of a server, one after the other."""
        everything = dict.fromkeys(exchange for one in self.chosen for exchange in one.exchanges)
        found = {one: await self._attempt(one, hosts) for one in everything if one.source_port}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one_of_many(exchange: Exchange) -> None:
            async with gate:
                found[exchange] = await self._attempt(exchange, hosts)
                traced.read()

        await asyncio.gather(*(one_of_many(one) for one in everything if not one.source_port))
        traced.read()
        return {exchange: self._explained(tried, traced) for exchange, tried in found.items()}

    async def _attempt(self, exchange: Exchange, hosts: Hosts) -> Tried:
        if exchange.protocol == ICMP:
            return await exchanges.ping(exchange, self.network)
        return await exchanges.attempt(hosts.by_exchange[exchange], hosts)

    def _explained(self, tried: Tried, traced: Traced) -> Tried:
        """With the lines that decided about its first packet."""
        exchange = tried.exchange
        way = self.network.lab.way(exchange.source, exchange.destination, exchange.version) or [exchange.source]
        return replace(tried, decided_by=traced.of(exchange, tried.source_port, way))

    async def _sample(self, traced: Traced, recorders: Sequence[recording.Recorder]) -> tuple[Sampled, ...]:
        """Send what nobody needs, and see which rules stop it."""
        traced.forget()
        packets = sample(self.plan, self.network.lab)
        knocks = [(one, exchanges.knock(one, self.network)) for one in packets]
        await asyncio.sleep(_SETTLING)
        traced.read()
        arrived = {(one.node, one.source_port, one.port) for each in recorders for one in each.seen()}
        found = tuple(self._sampled(one, made.getsockname()[1], traced, arrived) for one, made in knocks)
        for _, made in knocks:
            made.close()
        return found

    def _sampled(
        self, exchange: Exchange, source_port: int, traced: Traced, arrived: set[tuple[str, int, int]]
    ) -> Sampled:
        explained = self._explained(Tried(exchange, "silent", source_port), traced)
        has_arrived = (exchange.destination, source_port, exchange.port) in arrived
        return Sampled(exchange, source_port, explained.decided_by, has_arrived)
