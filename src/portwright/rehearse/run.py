"""A rehearsal from end to end: build the lab, load the rules, start the servers, play, compare with the proof."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from portwright.check.judge import Judge
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.errors import InvalidInput, NotPossibleHere
from portwright.packets.fields import ICMP
from portwright.plan.model import Plan
from portwright.rehearse import exchange as exchanges
from portwright.rehearse import recording
from portwright.rehearse.capture import Captures
from portwright.rehearse.deciders import Traced
from portwright.rehearse.evidence import Exchange, FlowEvidence, Placed, Played, Rehearsal, Sampled, Tried
from portwright.rehearse.faults import Faults, rendered_without, without_rules
from portwright.rehearse.hosts import CONNECTING, Hosts
from portwright.rehearse.layout import layout
from portwright.rehearse.netns import Network
from portwright.rehearse.outer import answered, as_asked
from portwright.rehearse.placing import placed
from portwright.rehearse.plays.table import NotPlayed, performed, play_of
from portwright.rehearse.real.daemon import Service, is_possible, missing
from portwright.rehearse.real.up import brought_up, daemons
from portwright.rehearse.realm import Realm, common_realm, realms_of
from portwright.rehearse.rules import Rules, rules_of
from portwright.rehearse.sample import sample
from portwright.rehearse.serving import Services
from portwright.site.model import Point
from portwright.trace.happening import scenarios_of

Say = Callable[[str], None]  # tells people what is going on
_CHUNK = 4096  # bytes
_AT_ONCE, _IN_PEACE = 128, 16  # exchanges; of those that had no answer
_PEACE = 2  # times the usual patience: a machine that is slow is no firewall that blocks
_ANSWER_STOPPED = "its answer is stopped"
_SETTLING = 0.3  # seconds in which a packet that nobody answers has come to its rule


@dataclass(frozen=True, slots=True)
class Options:
    """How a rehearsal goes."""

    tier: Literal["stand-in", "real", "auto"] = "stand-in"  # auto: real programs where this machine has them
    faults: Faults = field(default_factory=Faults)
    capture: Path | None = None  # folder for what each point sees
    keep: bool = False  # the lab stays until somebody ends it
    enter: str = ""  # open a shell in this host
    patience: float = CONNECTING  # seconds that a client waits for an answer


def rehearse(
    plan: Plan, readings: Mapping[str, Reading], options: Options, say: Say, show: Callable[[Rehearsal], None]
) -> Rehearsal:
    """Rehearse the plan's flows; this process is inside the namespaces. `show` is called when all has been played.

    Raises InvalidInput where rules do not load, and NotPossibleHere.
    """
    begun = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - begun:5.1f} s  {text}")

    readings = without_rules(readings, options.faults)
    lab = layout(plan.site, {name: answered(one.configuration) for name, one in readings.items()})
    if options.enter and options.enter not in lab.nodes:
        raise InvalidInput.of(
            f"--enter {options.enter}: there is no such host", hint=f"there are: {', '.join(lab.nodes)}"
        )
    tell(f"building the lab (nodes: {len(lab.nodes)}, segments: {len(lab.segments)})")
    network = Network(lab, options.faults.latency / 1000)
    rules = dict(_load(network, plan, readings, options.faults))
    check = Check(plan, readings)
    chosen = [as_asked(placed(flow, lab, plan.site), check.views, check.space) for flow in plan.flows]
    return asyncio.run(_Stage(plan, network, rules, chosen, check.judge, options, tell).play(show))


def _load(network: Network, plan: Plan, readings: Mapping[str, Reading], faults: Faults) -> Iterable[tuple[str, Rules]]:
    """Load the rules of every point that the lab has; by node."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        if node in network.lab.nodes:
            yield node, _load_one(network, plan, point, node, readings.get(point.name), faults)


def _load_one(network: Network, plan: Plan, point: Point, node: str, reading: Reading | None, faults: Faults) -> Rules:
    ports = {inner: port for (owner, inner), port in network.lab.names.items() if owner == point.name}
    configuration, text = (reading.configuration, reading.text) if reading else (None, "")
    rules = rendered_without(rules_of(plan, point, configuration, text, ports), faults)
    try:
        for program, text in rules.loads:
            network.feed(node, program, text)
    except ValueError as problem:
        message = f"the kernel does not take the rules of {point.name} ({rules.origin}): {problem}"
        raise InvalidInput.of(message, file=rules.file) from None
    return rules


@dataclass(slots=True)
class _Stage:
    """A lab that is built, its rules loaded."""

    plan: Plan
    network: Network
    rules: Mapping[str, Rules]  # by node
    chosen: Sequence[Placed]
    judge: Judge
    options: Options
    tell: Say
    notes: list[str] = field(default_factory=list)

    async def play(self, show: Callable[[Rehearsal], None]) -> Rehearsal:
        """Start the servers, play everything, show it, and stay where somebody wants to look around."""
        captures = self._captures()
        recorders = list(self._record())
        traced = Traced(self.network, self.rules)
        traced.start()
        _read_as_it_comes(recorders, traced)
        self._break()
        services = await self._servers()
        if self.options.enter:
            await asyncio.to_thread(self.network.shell, self.options.enter)
        found = await self._rehearsal(services, recorders, traced)
        if captures is not None:
            captures.close()
        show(found)
        if self.options.keep:
            await self._stay()
        await services.stop()
        return found

    def _captures(self) -> Captures | None:
        if self.options.capture is None:
            return None
        try:
            self.options.capture.mkdir(parents=True, exist_ok=True)
            return Captures(
                self.network, [one.name for one in self.network.lab.of_kind("router")], self.options.capture
            )
        except OSError as problem:
            raise InvalidInput.of(f"--capture {self.options.capture}: {problem.strerror}") from None

    def _break(self) -> None:
        """Have the faults of every packet's way, and of hosts that are stopped."""
        for node in self.network.lab.of_kind("router"):
            if rules := self.options.faults.rules:
                self.network.load(node.name, rules)
        for name in self.options.faults.stopped:
            if name in self.network.lab.nodes:
                self.network.stop(name)

    async def _servers(self) -> Services:
        """Start whatever answers: real programs as far as they are wanted and there, and servers of our own."""
        site, lab = self.plan.site, self.network.lab
        realms = realms_of(site, lab)
        realm = realms[0] if len(realms) == 1 else common_realm(site, lab)
        hosts = Hosts(self.plan, lab, self.network, realm, self.chosen, self.options.patience)
        real = await self._daemons(hosts, realms) if self.options.tier != "stand-in" else frozenset()
        services = Services(hosts, real)
        self.tell("starting the servers")
        await services.start(self.network.socket)
        return services

    async def _daemons(self, hosts: Hosts, realms: Sequence[Realm]) -> frozenset[Service]:
        """The services that real programs answer. Raises NotPossibleHere where one that was asked for cannot run."""
        wanted = daemons(self.plan, self.network.lab, realms if len(realms) == 1 else (), hosts.authority)
        if len(realms) > 1:
            self.notes.append("domain controllers of several domains are played by stand-ins: they trust each other")
        if self.options.tier == "real" and (reasons := missing(wanted)):
            raise NotPossibleHere("\n    ".join(("the real tier lacks something here", *reasons)))
        able = [one for one in wanted if is_possible(one)]
        self.notes += [
            f"a stand-in plays in place of {missing([one])[0].removeprefix('for ')}"
            for one in wanted
            if one not in able
        ]
        failed = {one.name: one for one in await brought_up(able, self.network, realms, self.tell)}
        if failed and self.options.tier == "real":
            raise next(iter(failed.values()))
        self.notes += [f"a stand-in plays in place of {one}" for one in failed.values()]
        return frozenset(service for one in able if one.name not in failed for service in one.services)

    async def _rehearsal(
        self, services: Services, recorders: Sequence[recording.Recorder], traced: Traced
    ) -> Rehearsal:
        hosts, lab = services.hosts, self.network.lab
        plays = await self._plays(hosts, recorders)
        count = sum(len(one.exchanges) for one in self.chosen)
        self.tell(f"playing {count} exchanges for {len(self.chosen)} flows")
        tried = await self._exchanges(hosts, traced)
        arrived = [found for one in recorders for found in one.seen()]
        seen = frozenset([*arrived, *(found for one in plays.values() for found in one.seen)])
        self.tell("trying what nobody needs")
        blocked = await self._sample(traced, recorders)
        self.tell("done")
        return Rehearsal(
            plan=self.plan,
            lab=lab,
            rules=tuple(self.rules.values()),
            flows=tuple(self._evidence(one, tried) for one in self.chosen),
            seen=seen,
            sample=blocked,
            plays=plays,
            tiers=hosts.tiers() | dict.fromkeys(services.elsewhere & hosts.tiers().keys(), "real"),
            faults=self.options.faults.told,
            notes=(*lab.notes, *self.notes, *services.troubles),
        )

    def _evidence(self, one: Placed, tried: Mapping[Exchange, Tried]) -> FlowEvidence:
        found = tuple(tried[exchange] for exchange in one.exchanges)
        way = {node for exchange in one.exchanges for node in self._way(exchange)}
        excused = self.options.faults.excuse(sorted(way))
        return FlowEvidence(one, self.judge.result(one.flow).judgment, found, excused)

    def _way(self, exchange: Exchange) -> list[str]:
        ends = exchange.source, exchange.destination
        return self.network.lab.way(*ends, exchange.version) or list(ends)

    async def _stay(self) -> None:
        """Leave the lab as it is, until somebody interrupts the command or ends its input."""
        self.tell("the lab stays: --enter HOST opens a shell in it; Ctrl-C or the end of the input ends it")
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C
            await _end_of_input()

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
        """Every exchange; once more, and in peace, those that nobody answered though no rule was seen to stop them."""
        everything = dict.fromkeys(exchange for one in self.chosen for exchange in one.exchanges)
        found = await self._attempts(everything, hosts, traced, self.options.patience, _AT_ONCE)
        if slow := [exchange for exchange, tried in found.items() if self._may_be_slow(tried)]:
            self.tell(f"once more, with more patience: {len(slow)} that had no answer")
            found |= await self._attempts(slow, hosts, traced, self.options.patience * _PEACE, _IN_PEACE)
        return found

    async def _attempts(
        self, chosen: Iterable[Exchange], hosts: Hosts, traced: Traced, patience: float, at_once: int
    ) -> dict[Exchange, Tried]:
        """Some at once; what is sent from the port of a server, one after the other."""
        everything = tuple(chosen)
        found = {one: await self._attempt(one, hosts, patience) for one in everything if one.source_port}
        gate = asyncio.Semaphore(at_once)

        async def one_of_many(exchange: Exchange) -> None:
            async with gate:
                found[exchange] = await self._attempt(exchange, hosts, patience)
                traced.read()

        await asyncio.gather(*(one_of_many(one) for one in everything if not one.source_port))
        traced.read()
        return {exchange: self._explained(tried, traced) for exchange, tried in found.items()}

    def _may_be_slow(self, tried: Tried) -> bool:
        """Report whether it may only have had too little time."""
        is_stopped = bool(tried.decided_by) and not tried.decided_by[-1].is_accepted
        return (
            tried.outcome == "silent" and not is_stopped and not self.options.faults.excuse(self._way(tried.exchange))
        )

    async def _attempt(self, exchange: Exchange, hosts: Hosts, patience: float) -> Tried:
        if exchange.protocol == ICMP:
            return await exchanges.ping(exchange, self.network, patience)
        return await exchanges.attempt(hosts.by_exchange[exchange], hosts, patience)

    def _explained(self, tried: Tried, traced: Traced) -> Tried:
        """With the lines that decided about its first packet; where one stopped the answer, with that one, too."""
        exchange, port = tried.exchange, tried.source_port
        way = self._way(exchange)
        there = traced.of(exchange, port, way)
        if tried.outcome == "silent" and all(one.is_accepted for one in there):
            back = traced.of_answer(exchange, port, way[::-1])
            if back and not back[-1].is_accepted:
                return replace(tried, said=_ANSWER_STOPPED, decided_by=(*there, back[-1]))
        return replace(tried, decided_by=there)

    async def _sample(self, traced: Traced, recorders: Sequence[recording.Recorder]) -> tuple[Sampled, ...]:
        """Send what nobody needs, and see which rules stop it."""
        traced.forget()
        packets = sample(self.plan, self.network.lab, self.rules, self.options.faults.stopped)
        knocks = []
        for one in packets:
            knocks.append((one, exchanges.knock(one, self.network)))
            traced.read()
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


def _read_as_it_comes(recorders: Sequence[recording.Recorder], traced: Traced) -> None:
    """Take what the kernel says when it says it: the buffers of an ordinary user's sockets are soon full."""
    loop = asyncio.get_running_loop()
    for recorder in recorders:
        loop.add_reader(recorder, recorder.read)
    for one in traced.sockets:
        loop.add_reader(one, traced.read)


async def _end_of_input() -> None:
    """Wait until there is nothing more to read. A thread of its own reads, for which nobody has to wait."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        with contextlib.suppress(OSError):  # there is no input
            while os.read(0, _CHUNK):
                pass
        with contextlib.suppress(RuntimeError):  # the rehearsal is over
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()
