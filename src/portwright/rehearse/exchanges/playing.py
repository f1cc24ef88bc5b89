"""The exchanges of a rehearsal: those of its flows, and a sample of what nobody needs; and who decided about them."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address

from portwright.packets.fields import ICMP, TCP, UDP
from portwright.plan.model import Plan
from portwright.rehearse.evidence import Exchange, Sampled, Seen, Tried
from portwright.rehearse.exchanges import asking
from portwright.rehearse.exchanges.behind import Behind, by_service
from portwright.rehearse.exchanges.sample import sample
from portwright.rehearse.hosts.host import Dialed, Target
from portwright.rehearse.hosts.serving import Services
from portwright.rehearse.netns import Network
from portwright.rehearse.network.balancers import Balancers
from portwright.rehearse.options import Options
from portwright.rehearse.progress import Progress
from portwright.rehearse.rules.running import Rules
from portwright.rehearse.watching import recording
from portwright.rehearse.watching.deciders import Traced
from portwright.rehearse.watching.tracing import Run

_AT_ONCE, _IN_PEACE = 128, 16  # exchanges; of those that had no answer
_SYMMETRIC = ("ad/ike", "ad/ike-nat")  # both ends speak from the port of the service, and one of them begins
_TIMES_LATE = 3  # a packet, and before it the question who has the next address, and its answer
_SETTLING = 0.3  # seconds in which a packet that nobody answers has come to its rule, on a machine that is not busy


def heard(recorders: Iterable[recording.Recorder]) -> tuple[Seen, ...]:
    """What has arrived anywhere since it was asked last."""
    return tuple(found for one in recorders for found in one.seen())


@dataclass(frozen=True, slots=True)
class Player:
    """Asks, and says what came of it, in a lab whose servers run."""

    plan: Plan
    network: Network
    rules: Mapping[str, Rules]  # by node
    balancers: Balancers
    options: Options
    services: Services
    recorders: Sequence[recording.Recorder]
    traced: Traced
    tunneled: frozenset[frozenset[str]]  # pairs of nodes between which no rule sees anything
    tell: Progress

    async def exchanges(self, everything: Sequence[Exchange], begun: Sequence[Seen]) -> dict[Exchange, Tried]:
        """Every exchange, most at once; what is sent from the port of a server, one after the other."""
        self.traced.forget(but_from={one.source_port for one in everything if one.source_port})
        direct = [one for one in everything if not one.front]
        alone = dict.fromkeys(one for one in direct if _is_one_connection(one))
        found = {one: await self._attempt_alone(one, begun) for one in alone if one.source_port}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one_of_many(exchange: Exchange) -> None:
            async with gate:
                self.traced.read()  # before the next packet, so that there is room for what the kernel says of it
                found[exchange] = await self._attempt(exchange)
                self.tell.at("exchanges", len(found), len(everything))

        async def one_after_the_other() -> None:
            for exchange in alone:
                if exchange not in found:
                    found[exchange] = await self._attempt_alone(exchange, begun)

        many = (one_of_many(one) for one in direct if not _is_one_connection(one))
        await asyncio.gather(one_after_the_other(), *many)
        behind = Behind(self.balancers, self.traced, self._attempt)
        for some in await asyncio.gather(*map(behind.asked, by_service(everything))):
            found |= some
        self.traced.read()
        explained = {exchange: self._explained(tried) for exchange, tried in found.items()}
        for one in alone:
            if one.source_port and self._may_be_slow(explained[one]):
                explained[one] = self._explained(await self._attempt_alone(one, begun))
        slow = [one for one in direct if one not in alone and self._may_be_slow(explained[one])]
        return explained | await self._once_more(slow)

    def _may_be_slow(self, tried: Tried) -> bool:
        """Report whether no rule was seen to stop it: a machine that is slow is no firewall that blocks."""
        is_excused = bool(self.options.faults.excuse(self.way(tried.exchange)))
        return tried.outcome == "silent" and tried.stopped_by is None and not is_excused

    def may_be_slow(self, dials: Sequence[Dialed]) -> bool:
        """Report whether somebody dialed in vain although no rule was seen to stop it, or what came back."""
        self.traced.read()
        return any(self._is_unexplained(one.target, dials) for one in dials if one.outcome == "silent")

    def _is_unexplained(self, target: Target, dials: Sequence[Dialed]) -> bool:
        """Report whether nothing is known of any of the ports from which a target was dialed that would explain it."""
        ports = {one.source_port for one in dials if one.target == target}
        tried = (self._explained(Tried(target.exchange, "silent", port)) for port in ports)
        return all(self._may_be_slow(one) and not one.is_stopped_behind for one in tried)

    async def _once_more(self, slow: Sequence[Exchange]) -> dict[Exchange, Tried]:
        """Try again what had no answer, fewer at once."""
        if slow:
            self.tell(f"trying once more what had no answer: {len(slow)}")
        gate = asyncio.Semaphore(_IN_PEACE)

        async def again(exchange: Exchange) -> Tried:
            async with gate:
                self.traced.anew(exchange)
                return await self._attempt(exchange)

        found = await asyncio.gather(*map(again, slow))
        self.traced.read()
        return {one.exchange: self._explained(one) for one in found}

    async def _attempt_alone(self, exchange: Exchange, begun: Sequence[Seen]) -> Tried:
        """Ask from the port of a server; where a real program has it, what it has said itself is what counts."""
        service = self.services.hosts.by_exchange[exchange].service
        if service not in _SYMMETRIC or (exchange.source, service) not in self.services.elsewhere:
            return await self._attempt(exchange)
        ports = {(exchange.destination, exchange.port), (exchange.source, exchange.source_port)}
        addresses = {exchange.source_address, exchange.destination_address}
        has_talked = any((one.node, one.port) in ports and {one.source, one.destination} == addresses for one in begun)
        said = "what the two have negotiated themselves" if has_talked else "the two have not talked to each other"
        return Tried(exchange, "answered" if has_talked else "silent", exchange.source_port, said)

    async def _attempt(self, exchange: Exchange) -> Tried:
        hosts = self.services.hosts
        if exchange.protocol == ICMP:
            return await asking.ping(exchange, self.network, self.options.patience)
        if exchange.protocol not in (TCP, UDP):
            return await asking.raw(exchange, self.network, partial(self._is_stopped, exchange), self.options.patience)
        return await asking.attempt(hosts.by_exchange[exchange], hosts, self.options.patience)

    def _is_stopped(self, exchange: Exchange) -> bool:
        self.traced.read()
        deciders = self.traced.of(exchange, 0, self.way(exchange))
        return bool(deciders) and not deciders[-1].is_accepted

    def _explained(self, tried: Tried) -> Tried:
        """With the lines that decided about its first packet."""
        exchange, port = tried.exchange, tried.source_port
        before, behind = self._ways(exchange)
        back = self.traced.of_reply(exchange, port, [*behind[::-1], *before[::-1]])[-1:]
        tried = replace(tried, reply_stopped_by=next((one for one in back if not one.is_accepted), None))
        if exchange.front is None or exchange.front.mode == "dsr":
            return replace(tried, decided_by=self.traced.of(exchange, port, [*before, *behind[1:]]))
        member = int(ip_address(exchange.destination_address))

        def is_behind(run: Run) -> bool:
            return run.ends.destination == member

        return replace(
            tried,
            decided_by=self.traced.of(exchange, port, before, lambda run: not is_behind(run)),
            decided_behind=self.traced.of(exchange, port, behind, is_behind),
        )

    async def sample(self) -> tuple[Sampled, ...]:
        """Send what nobody needs, and see which rules stop it."""
        self.traced.forget()
        packets = [
            one
            for one in sample(self.plan, self.network.lab, self.rules, self.options.faults.stopped)
            if frozenset((one.source, one.destination)) not in self.tunneled  # no rule sees what is in a tunnel
        ]
        knocks = []
        for one in packets:
            knocks.append((one, asking.knock(one, self.network)))
            self.traced.read()
        ports = {one: made.getsockname()[1] for one, made in knocks}
        await self._settled(ports)
        arrived = {(one.node, one.source_port, one.port) for one in heard(self.recorders)}
        found = tuple(self._sampled(one, port, arrived) for one, port in ports.items())
        for _, made in knocks:
            made.close()
        if self.options.faults.loses_packets:  # of what is late or lost on purpose it is not known what would stop it
            return tuple(one for one in found if one.is_blocked or one.has_arrived)
        return tuple(one for one in found if one.is_known) if self.traced.has_lost else found

    async def _settled(self, ports: Mapping[Exchange, int]) -> None:
        """Wait until the kernel has said of each what became of it, but not for ever: some pass, unseen by any rule."""
        patience = self.options.patience + _TIMES_LATE * self.options.faults.latency / 1000
        for _ in range(math.ceil(patience / _SETTLING)):
            await asyncio.sleep(_SETTLING)
            self.traced.read()
            if all(self._sampled(one, port, set()).is_blocked for one, port in ports.items()):
                break

    def _sampled(self, exchange: Exchange, source_port: int, arrived: set[tuple[str, int, int]]) -> Sampled:
        explained = self._explained(Tried(exchange, "silent", source_port))
        has_arrived = (exchange.destination, source_port, exchange.port) in arrived
        return Sampled(exchange, source_port, explained.decided_by, has_arrived)

    def way(self, exchange: Exchange) -> list[str]:
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


def _is_one_connection(exchange: Exchange) -> bool:
    """Report whether its connection could be another's too: the kernel takes both directions for one."""
    return bool(exchange.source_port) or exchange.protocol not in (TCP, UDP, ICMP)
