"""A rehearsal from end to end: build the lab, load the rules, start the servers, play, compare with the proof."""

import asyncio
import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from portwright.check.judge import Judge
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.errors import InvalidInput, NotPossibleHere
from portwright.packets.fields import ICMP, TCP, UDP
from portwright.plan.model import Plan
from portwright.redact import redact
from portwright.rehearse import exchange as exchanges
from portwright.rehearse import recording
from portwright.rehearse.arrivals import Arrivals
from portwright.rehearse.balancers import Balancers
from portwright.rehearse.behind import Behind, by_service, evidence, with_ways_on
from portwright.rehearse.capture import Captures
from portwright.rehearse.deciders import Traced
from portwright.rehearse.declared import declared, published
from portwright.rehearse.evidence import Exchange, FlowEvidence, Placed, Played, Rehearsal, Sampled, Seen, Tried
from portwright.rehearse.faults import Faults, rendered_without, without_rules
from portwright.rehearse.fronts import ways_on
from portwright.rehearse.hosts import CONNECTING, Hosts
from portwright.rehearse.lab import Network as IpNetwork
from portwright.rehearse.layout import layout
from portwright.rehearse.netns import Network
from portwright.rehearse.outer import answered, as_asked, hides
from portwright.rehearse.placing import other_ways, placed
from portwright.rehearse.plays.table import NotPlayed, performed, play_of
from portwright.rehearse.real.daemon import Service, is_possible, missing
from portwright.rehearse.real.mail import put
from portwright.rehearse.real.strongswan import Called
from portwright.rehearse.real.up import brought_up, daemons
from portwright.rehearse.realm import Realm, common_realm, realms_of
from portwright.rehearse.rules import Rules, rules_of
from portwright.rehearse.sample import sample
from portwright.rehearse.servers.mailboxes import mailboxes_of
from portwright.rehearse.serving import Services
from portwright.rehearse.tracing import Run
from portwright.site.model import Point, Site
from portwright.trace.happening import scenarios_of

Say = Callable[[str], None]  # tells people what is going on
_CHUNK = 4096  # bytes
_AT_ONCE, _IN_PEACE = 128, 16  # exchanges; of those that had no answer
_SYMMETRIC = ("ad/ike", "ad/ike-nat")  # both ends speak from the port of the service, and one of them begins
_LOST = "the kernel had more to tell than it has room for: of some packets it is not known what became of them"
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
    outer = {name: _outer(plan.site, name, readings.get(name)) for name in plan.site.points}
    lab = layout(plan.site, outer, [name for name, one in readings.items() if hides(one.configuration)])
    if options.enter and options.enter not in lab.nodes:
        raise InvalidInput.of(
            f"--enter {options.enter}: there is no such host", hint=f"there are: {', '.join(lab.nodes)}"
        )
    tell(f"building the lab (nodes: {len(lab.nodes)}, segments: {len(lab.segments)})")
    network = Network(lab, options.faults.latency / 1000)
    rules = dict(_load(network, plan, readings, options.faults))
    notes = list(_declare(network, plan, readings))
    check = Check(plan, readings)
    members = ways_on(plan.flows, plan.site)
    asked = (placed(flow, lab, plan.site, members) for flow in plan.flows)
    chosen = with_ways_on([as_asked(one, check.views, check.space) for one in asked], plan.site)
    balancers = Balancers.of(lab, (exchange for one in chosen for exchange in one.exchanges))
    balancers.set_up(network)
    for node in lab.nodes:
        asked_here = {x.port for one in chosen for x in one.exchanges if x.destination == node and x.port}
        network.reserve(node, ((port, port) for port in asked_here))
    return asyncio.run(_Stage(plan, network, rules, chosen, balancers, check.judge, options, tell, notes).play(show))


def _outer(site: Site, point: str, reading: Reading | None) -> tuple[IpNetwork, ...]:
    """The networks that a point answers for because it translates to them or from them."""
    own = answered(reading.configuration) if reading else ()
    return tuple(dict.fromkeys((*own, *published(site, point))))


def _declare(network: Network, plan: Plan, readings: Mapping[str, Reading]) -> Iterable[str]:
    """Have the points translate as the site declares and their configurations do not say; what people are told."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        reading = readings.get(point.name)
        if node in network.lab.nodes and reading is not None:
            text, told = declared(plan.site, point, reading.configuration, _ports(network, point))
            if text:
                network.load(node, text)
            yield from told


def _ports(network: Network, point: Point) -> dict[str, str]:
    """The kernel's names of a point's interfaces."""
    return {inner: port for (owner, inner), port in network.lab.names.items() if owner == point.name}


def _load(network: Network, plan: Plan, readings: Mapping[str, Reading], faults: Faults) -> Iterable[tuple[str, Rules]]:
    """Load the rules of every point that the lab has; by node."""
    for point in plan.site.points.values():
        node = point.on if point.on is not None else point.name
        if node in network.lab.nodes:
            _check_alone(point, plan)
            yield node, _load_one(network, plan, point, node, readings.get(point.name), faults)


def _check_alone(point: Point, plan: Plan) -> None:
    """Raise InvalidInput where a host has the rules of two points: either may take the other's away."""
    others = [one.name for one in plan.site.points.values() if one.on is not None and one.on == point.on]
    if len(others) > 1:
        message = f"{' and '.join(others)} stand on one host: a rehearsal has one firewall on each"
        raise InvalidInput.of(message, file=point.source.file, line=point.source.line)


def _load_one(network: Network, plan: Plan, point: Point, node: str, reading: Reading | None, faults: Faults) -> Rules:
    ports = _ports(network, point)
    configuration, text = (reading.configuration, reading.text) if reading else (None, "")
    rules = rendered_without(rules_of(plan, point, configuration, text, ports), faults)
    try:
        for program, text in rules.loads:
            network.feed(node, program, text)
    except ValueError as problem:
        message = f"the kernel does not take the rules of {point.name} ({rules.origin}): {redact(str(problem))}"
        raise InvalidInput.of(message, file=rules.file) from None
    return rules


def _heard(recorders: Iterable[recording.Recorder]) -> tuple[Seen, ...]:
    """What has arrived anywhere since it was asked last."""
    return tuple(found for one in recorders for found in one.seen())


@dataclass(slots=True)
class _Stage:
    """A lab that is built, its rules loaded."""

    plan: Plan
    network: Network
    rules: Mapping[str, Rules]  # by node
    chosen: Sequence[Placed]
    balancers: Balancers
    judge: Judge
    options: Options
    tell: Say
    notes: list[str] = field(default_factory=list)
    called: Called = field(default=Called(frozenset()))

    async def play(self, show: Callable[[Rehearsal], None]) -> Rehearsal:
        """Start the servers, play everything, show it, and stay where somebody wants to look around."""
        captures = self._captures()
        recorders = list(self._record())
        traced = Traced(self.network, self.rules, self.balancers.nodes)
        traced.start()
        _read_as_it_comes(recorders, traced)
        self._break()
        services = await self._servers()
        if self.options.enter:
            await asyncio.to_thread(self.network.shell, self.options.enter)
        found = await self._rehearsal(services, recorders, traced)
        if captures is not None and (problem := captures.close()):
            found = replace(found, notes=(*found.notes, problem))
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
        ready = [one for one in able if one.name not in failed]
        self.called = Called.by(ready)
        real = frozenset(service for one in ready for service in one.services)
        for node in {node for node, service in real if service == "mail/pop3"}:
            mailboxes_of(hosts[node]).kept_by = partial(put, self.network)
        return real

    async def _rehearsal(
        self, services: Services, recorders: Sequence[recording.Recorder], traced: Traced
    ) -> Rehearsal:
        hosts, lab = services.hosts, self.network.lab
        begun = _heard(recorders)  # what real programs have said to each other while they started
        plays = await self._plays(hosts, recorders)
        chosen = [one for one in self.chosen if self._can_be_tried(one)]
        everything = list(dict.fromkeys(exchange for one in chosen for exchange in one.exchanges))
        self.tell(f"playing {len(everything)} exchanges for {len(chosen)} flows")
        tried = await self._exchanges(everything, services, traced, begun)
        heard = _heard(recorders)
        arrivals = Arrivals.of(heard)
        tried = {
            exchange: arrivals.met(one, traced.identity(exchange, one.source_port)) for exchange, one in tried.items()
        }
        arrived = (*begun, *(found for one in plays.values() for found in one.seen), *heard)
        ends = {one.name for one in lab.of_kind("host", "client", "outside")}
        seen = frozenset(one for one in arrived if one.node in ends and one.protocol not in ("icmp", "icmpv6"))
        self.tell("trying what nobody needs")
        blocked = await self._sample(traced, recorders)
        if traced.has_lost or any(one.has_lost for one in recorders):
            self.notes.append(_LOST)
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
        found, reason = evidence(one, tried)
        way = {node for exchange in one.exchanges for node in self._way(exchange)}
        passes = all(each.outcome == "answered" for each in found)
        excused = self.options.faults.excuse(sorted(way)) or (other_ways(one) if passes else "")
        one = replace(one, reason="" if found else one.reason or reason)
        return FlowEvidence(one, self.judge.result(one.flow).judgment, found, excused)

    def _way(self, exchange: Exchange) -> list[str]:
        """The nodes from end to end, by way of a virtual address where it has one."""
        before, behind = self._ways(exchange)
        return [*before, *behind[1:]]

    def _ways(self, exchange: Exchange) -> tuple[list[str], list[str]]:
        """The nodes up to the destination, or to the virtual address, and those from there on."""
        front, lab = exchange.front.node if exchange.front else exchange.destination, self.network.lab
        before = lab.way(exchange.source, front, exchange.version) or [exchange.source, front]
        if not exchange.front:
            return before, []
        return before, lab.way(front, exchange.destination, exchange.version) or [front, exchange.destination]

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
            before = len(hosts.dials)
            try:
                works, told = await performed(play, hosts)
            except NotPlayed as reason:
                self.notes.append(f"{scenario.id} is followed by its flows alone: {reason}")
                continue
            dialed = Counter(one.target.flow for one in hosts.dials[before:] if one.outcome == "answered")
            found[scenario.id] = Played(works, told, _heard(recorders), dialed)
        return found

    def _record(self) -> Iterable[recording.Recorder]:
        """Have every node record what arrives at itself."""
        for node in self.network.lab.nodes.values():
            self.network.load(node.name, recording.RULES)
            with self.network.within(node.name):
                yield recording.Recorder(node.name)

    def _can_be_tried(self, one: Placed) -> bool:
        """Report whether nothing stands against it, or real programs have made a tunnel for it."""
        ends = frozenset((one.flow.source.name, one.flow.destination.name))
        if one.flow.protocol not in (TCP, UDP, ICMP):  # the tunnel would take it up
            return not one.flow.tunneled and ends not in self.called.pairs
        return not one.flow.tunneled or ends in self.called.pairs

    async def _exchanges(
        self, everything: Sequence[Exchange], services: Services, traced: Traced, begun: Sequence[Seen]
    ) -> dict[Exchange, Tried]:
        """Every exchange, most at once; what is sent from the port of a server, one after the other."""
        direct = [one for one in everything if not one.front]
        alone = [one for one in direct if _is_one_connection(one)]
        found = {one: await self._attempt_alone(one, services, begun) for one in alone if one.source_port}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one_of_many(exchange: Exchange) -> None:
            async with gate:
                traced.read()  # before the next packet, so that there is room for what the kernel says of it
                found[exchange] = await self._attempt(exchange, services.hosts)

        async def one_after_the_other() -> None:
            for exchange in alone:
                if exchange not in found:
                    found[exchange] = await self._attempt_alone(exchange, services, begun)

        many = (one_of_many(one) for one in direct if not _is_one_connection(one))
        await asyncio.gather(one_after_the_other(), *many)
        behind = Behind(self.balancers, traced, partial(self._attempt, hosts=services.hosts))
        for some in await asyncio.gather(*map(behind.asked, by_service(everything))):
            found |= some
        traced.read()
        explained = {exchange: self._explained(tried, traced) for exchange, tried in found.items()}
        slow = [one for one in direct if one not in alone and self._may_be_slow(explained[one])]
        return explained | await self._once_more(slow, services.hosts, traced)

    def _may_be_slow(self, tried: Tried) -> bool:
        """Report whether no rule was seen to stop it: a machine that is slow is no firewall that blocks."""
        is_excused = bool(self.options.faults.excuse(self._way(tried.exchange)))
        return tried.outcome == "silent" and tried.stopped_by is None and not is_excused

    async def _once_more(self, slow: Sequence[Exchange], hosts: Hosts, traced: Traced) -> dict[Exchange, Tried]:
        """Try again what had no answer, fewer at once."""
        if slow:
            self.tell(f"trying once more what had no answer: {len(slow)}")
        gate = asyncio.Semaphore(_IN_PEACE)

        async def again(exchange: Exchange) -> Tried:
            async with gate:
                traced.read()
                return await self._attempt(exchange, hosts)

        found = await asyncio.gather(*map(again, slow))
        traced.read()
        return {one.exchange: self._explained(one, traced) for one in found}

    async def _attempt_alone(self, exchange: Exchange, services: Services, begun: Sequence[Seen]) -> Tried:
        """Ask from the port of a server; where a real program has it, what it has said itself is what counts."""
        service = services.hosts.by_exchange[exchange].service
        if service not in _SYMMETRIC or (exchange.source, service) not in services.elsewhere:
            return await self._attempt(exchange, services.hosts)
        ports = {(exchange.destination, exchange.port), (exchange.source, exchange.source_port)}
        addresses = {exchange.source_address, exchange.destination_address}
        has_talked = any((one.node, one.port) in ports and {one.source, one.destination} == addresses for one in begun)
        said = "what the two have negotiated themselves" if has_talked else "the two have not talked to each other"
        return Tried(exchange, "answered" if has_talked else "silent", exchange.source_port, said)

    async def _attempt(self, exchange: Exchange, hosts: Hosts) -> Tried:
        if exchange.protocol == ICMP:
            return await exchanges.ping(exchange, self.network, self.options.patience)
        if exchange.protocol not in (TCP, UDP):
            return await exchanges.raw(exchange, self.network, self.options.patience)
        return await exchanges.attempt(hosts.by_exchange[exchange], hosts, self.options.patience)

    def _explained(self, tried: Tried, traced: Traced) -> Tried:
        """With the lines that decided about its first packet."""
        exchange, port = tried.exchange, tried.source_port
        before, behind = self._ways(exchange)
        back = traced.of_reply(exchange, port, [*behind[::-1], *before[::-1]])[-1:]
        tried = replace(tried, reply_stopped_by=next((one for one in back if not one.is_accepted), None))
        if exchange.front is None or exchange.front.mode == "dsr":
            return replace(tried, decided_by=traced.of(exchange, port, [*before, *behind[1:]]))
        member = int(ip_address(exchange.destination_address))

        def is_behind(run: Run) -> bool:
            return run.ends.destination == member

        return replace(
            tried,
            decided_by=traced.of(exchange, port, before, lambda run: not is_behind(run)),
            decided_behind=traced.of(exchange, port, behind, is_behind),
        )

    async def _sample(self, traced: Traced, recorders: Sequence[recording.Recorder]) -> tuple[Sampled, ...]:
        """Send what nobody needs, and see which rules stop it."""
        traced.forget()
        packets = [
            one
            for one in sample(self.plan, self.network.lab, self.rules, self.options.faults.stopped)
            if frozenset((one.source, one.destination)) not in self.called.pairs  # no rule sees what is in a tunnel
        ]
        knocks = []
        for one in packets:
            knocks.append((one, exchanges.knock(one, self.network)))
            traced.read()
        await asyncio.sleep(_SETTLING)
        traced.read()
        arrived = {(one.node, one.source_port, one.port) for one in _heard(recorders)}
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


def _is_one_connection(exchange: Exchange) -> bool:
    """Report whether its connection could be another's too: the kernel takes both directions for one."""
    return bool(exchange.source_port) or exchange.protocol not in (TCP, UDP, ICMP)


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
