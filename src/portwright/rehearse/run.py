"""A rehearsal from end to end: build the lab, load the rules, start the servers, play, compare with the proof."""

import asyncio
import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from portwright.check.judge import Judge
from portwright.check.obstacle import Judgment
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.errors import InvalidInput, NotPossibleHere, Problem
from portwright.packets.fields import ICMP, TCP, UDP
from portwright.plan.model import Plan
from portwright.rehearse.evidence import Exchange, FlowEvidence, Placed, Played, Rehearsal, Seen, Tried
from portwright.rehearse.exchanges.behind import evidence, with_ways_on
from portwright.rehearse.exchanges.compared import missed_members, of_played, without_excepted
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.exchanges.playing import Player, heard
from portwright.rehearse.faults import without_rules
from portwright.rehearse.hosts.host import Hosts
from portwright.rehearse.hosts.realm import Realm, common_realm, realms_of
from portwright.rehearse.hosts.serving import Services
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network
from portwright.rehearse.network.balancers import Balancers
from portwright.rehearse.network.fronts import ways_on
from portwright.rehearse.network.layout import Known, layout
from portwright.rehearse.options import Options
from portwright.rehearse.patience import run
from portwright.rehearse.plays.table import NotPlayed, Play, performed, play_of
from portwright.rehearse.progress import Progress
from portwright.rehearse.real.daemon import Service, is_possible, missing
from portwright.rehearse.real.mail import put
from portwright.rehearse.real.strongswan import Called
from portwright.rehearse.real.up import brought_up, daemons
from portwright.rehearse.rules.loading import declare, interface_of_host, load, outer_networks
from portwright.rehearse.rules.outer import as_asked, hides
from portwright.rehearse.rules.running import Rules
from portwright.rehearse.servers.mail.mailboxes import mailboxes_of
from portwright.rehearse.watching import recording
from portwright.rehearse.watching.arrivals import Arrivals
from portwright.rehearse.watching.capture import Captures
from portwright.rehearse.watching.deciders import Traced
from portwright.trace.happening import scenarios_of

Say = Callable[[str], None]  # tells people what is going on
_CHUNK = 4096  # bytes
_LOST = "the kernel had more to tell than it has room for: of some packets it is not known what became of them"


def rehearse(
    plan: Plan, readings: Mapping[str, Reading], options: Options, say: Say, show: Callable[[Rehearsal], None]
) -> Rehearsal:
    """Rehearse the plan's flows; this process is inside the namespaces. `show` is called when all has been played.

    Raises InvalidInput where rules do not load, and NotPossibleHere.
    """
    tell = Progress(say)
    profiles = {name: point.profile for name, point in plan.site.points.items()}
    readings = without_rules(readings, options.faults, profiles)
    check = Check(plan, readings)
    lab = layout(plan.site, _known(plan, readings, check.judge))
    _check_names(plan, lab, options)
    tell(f"building the lab (nodes: {len(lab.nodes)}, segments: {len(lab.segments)})")
    network = Network(lab, options.faults.latency / 1000, tell.at)
    rules = dict(load(network, plan, readings, options.faults, tell.at))
    notes = list(declare(network, plan, readings))
    members = ways_on(plan.flows, plan.site)
    asked = (placed(flow, lab, plan.site, members) for flow in plan.flows)
    allowed = (without_excepted(one, plan) for one in asked)
    chosen = with_ways_on([as_asked(one, check.views, check.space) for one in allowed], plan.site)
    balancers = Balancers.of(lab, (exchange for one in chosen for exchange in one.exchanges))
    balancers.set_up(network)
    ends = {(x.source, x.destination) for one in chosen for x in one.exchanges}
    network.introduce(ends | {pair[::-1] for pair in ends})
    for node in lab.nodes:
        asked_here = {x.port for one in chosen for x in one.exchanges if x.destination == node and x.port}
        network.reserve(node, ((port, port) for port in asked_here))
    return run(_Stage(plan, network, rules, chosen, balancers, check.judge, options, tell, notes).play(show))


def _known(plan: Plan, readings: Mapping[str, Reading], judge: Judge) -> Known:
    """What the lab has to have beside what the site says."""
    points = plan.site.points
    return Known(
        answered={name: outer_networks(plan.site, name, readings.get(name)) for name in points},
        hiding=[name for name, one in readings.items() if hides(one.configuration)],
        members=missed_members(plan, judge),
        excepted=tuple(box for entry in plan.exceptions for box in entry.flow.boxes()),
        interfaces={
            on: name
            for point, one in readings.items()
            if (on := points[point].on) is not None and (name := interface_of_host(one.configuration))
        },
    )


def _check_names(plan: Plan, lab: Lab, options: Options) -> None:
    """Raise InvalidInput for what nobody in the lab is: nothing is said to have been done that was not."""
    points = plan.site.points
    nodes = {name: point.on if point.on is not None else name for name, point in points.items()}
    problems = []
    if options.enter and options.enter not in lab.nodes:
        problems.append(f"--enter {options.enter}: there is no such host")
    for name in options.faults.stopped:
        if name not in lab.nodes:
            on = points[name].on if name in points else None
            problems.append(f"--stop {name}: " + (f"it stands on {on}, stop that" if on else "nobody plays it"))
    for name, _ in options.faults.without:
        if nodes[name] not in lab.nodes:
            problems.append(f"--without-rule {name}: no way leads through it, so nobody plays it")
    if options.capture is not None and options.capture.resolve().is_relative_to("/run"):
        problems.append(f"--capture {options.capture}: a rehearsal has a /run of its own, which goes with it")
    if problems:
        hint = f"there are: {', '.join(lab.nodes)}"
        raise InvalidInput([Problem("", 0, 0, "", one, hint) for one in problems])


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
    tell: Progress
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
            await asyncio.to_thread(self.network.shell, self.options.enter, is_aside=self.options.is_document)
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
            points = {name: point.on or name for name, point in self.plan.site.points.items()}
            here = {name: node for name, node in points.items() if node in self.network.lab.nodes}
            return Captures(self.network, here, self.options.capture)
        except OSError as problem:
            raise InvalidInput.of(f"--capture {self.options.capture}: {problem.strerror}") from None

    def _break(self) -> None:
        """Have the faults of every packet's way, and of hosts that are stopped."""
        hooks = {node.name: "forward" for node in self.network.lab.of_kind("router")}
        firewalls = {point.on for point in self.plan.site.points.values() if point.on is not None}
        hooks |= dict.fromkeys(firewalls & self.network.lab.nodes.keys(), "input")
        for name, hook in hooks.items():
            if rules := self.options.faults.rules(hook):
                self.network.load(name, rules)
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
        await services.start(self.network.socket, self.tell.at)
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
        begun = list(heard(recorders))  # what real programs have said to each other while they started
        player = Player(
            plan=self.plan,
            network=self.network,
            rules=self.rules,
            balancers=self.balancers,
            options=self.options,
            services=services,
            recorders=recorders,
            traced=traced,
            tunneled=self.called.pairs,
            tell=self.tell,
        )
        plays = await self._plays(hosts, player, begun)
        chosen = [one for one in self.chosen if self._can_be_tried(one)]
        everything = list(dict.fromkeys(exchange for one in chosen for exchange in one.exchanges))
        self.tell(f"playing {len(everything)} exchanges for {len(chosen)} flows")
        tried = await player.exchanges(everything, begun)
        arrived = heard(recorders)
        arrivals = Arrivals.of(arrived)
        tried = {
            exchange: arrivals.met(one, traced.identity(exchange, one.source_port)) for exchange, one in tried.items()
        }
        everywhere = (*begun, *(found for one in plays.values() for found in one.seen), *arrived)
        ends = {one.name for one in lab.of_kind("host", "client", "outside")}
        seen = frozenset(one for one in everywhere if one.node in ends and one.protocol not in ("icmp", "icmpv6"))
        self.tell("trying what nobody needs")
        blocked = await player.sample()
        has_lost = traced.has_lost or any(one.has_lost for one in recorders)
        if has_lost:
            self.notes.append(_LOST)
        self.tell("done")
        return Rehearsal(
            plan=self.plan,
            lab=lab,
            rules=tuple(self.rules.values()),
            flows=tuple(self._evidence(one, tried, player) for one in self.chosen),
            seen=seen,
            sample=blocked,
            plays=plays,
            tiers=hosts.tiers() | dict.fromkeys(services.elsewhere & hosts.tiers().keys(), "real"),
            faults=self.options.faults.told,
            notes=(*lab.notes, *self.notes, *services.troubles),
            has_lost=has_lost,
        )

    def _evidence(self, one: Placed, tried: Mapping[Exchange, Tried], player: Player) -> FlowEvidence:
        found, reason = evidence(one, tried)
        way = {node for exchange in one.exchanges for node in player.way(exchange)}
        result = self.judge.result(one.flow)
        judged = tuple(
            of_played(self.judge, one.flow, each, self._routers(player.way(each.exchange)), one.is_behind)
            for each in (found if result.judgment is Judgment.MISSING else ())
        )
        one = replace(one, reason="" if found else one.reason or reason)
        compared = FlowEvidence(one, result.judgment, found, self.options.faults.excuse(sorted(way)), judged)
        return self._without_what_no_rule_says(compared) if compared.disagrees else compared

    def _without_what_no_rule_says(self, found: FlowEvidence) -> FlowEvidence:
        """Where a rule on the way is not rehearsed, which may be what differs, nothing is said of the flow."""
        points = set(found.flow.points)
        missing = [line for rules in self.rules.values() if rules.point in points for line in rules.wordless]
        if not missing:
            return found
        reason = f"{missing[0]} is not rehearsed, for want of words in nftables, and may be what differs"
        return replace(found, placed=replace(found.placed, reason=reason), tried=(), judged=())

    def _routers(self, way: Sequence[str]) -> list[str]:
        return [node for node in way if self.network.lab.nodes[node].kind == "router"]

    async def _stay(self) -> None:
        """Leave the lab as it is, until somebody interrupts the command or ends its input."""
        self.tell("the lab stays: --enter HOST opens a shell in it; Ctrl-C or the end of the input ends it")
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C
            await _end_of_input()

    async def _plays(self, hosts: Hosts, player: Player, aside: list[Seen]) -> dict[str, Played]:
        """The scenarios, one after the other, so that what the kernel records belongs to one of them."""
        found = {}
        happening = [one for one, reason in scenarios_of(self.plan) if not reason and play_of(one.id)]
        for number, scenario in enumerate(happening, 1):
            play = play_of(scenario.id)
            assert play is not None  # it is among those that happen
            self.tell(f"scenario {number} of {len(happening)}: {scenario.id}")
            try:
                found[scenario.id] = await self._played(play, hosts, player, aside)
            except NotPlayed as reason:
                self.notes.append(f"{scenario.id} is followed by its flows alone: {reason}")
        return found

    async def _played(self, play: Play, hosts: Hosts, player: Player, aside: list[Seen]) -> Played:
        """A scenario; once more where somebody had no answer and it is not known why. Raises NotPlayed.

        What the kernel has recorded of the first time is put aside.
        """
        for is_last in (False, True):
            before = len(hosts.dials)
            works, told = await performed(play, hosts, self.tell.at)
            seen, dials = heard(player.recorders), hosts.dials[before:]
            if works or is_last or not player.may_be_slow(dials):
                break
            self.tell(f"once more: {told}")
            aside += seen
        return Played(works, told, seen, Counter(one.target.flow for one in dials if one.outcome == "answered"))

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
