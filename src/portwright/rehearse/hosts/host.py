"""The computers of a lab, as what runs on them sees them: who they are, and where they find what they need.

Servers and clients reach others by the id of a requirement alone (`crm.database`), so that every connection that they
open is a flow of the plan, and is recorded as one.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from portwright.catalog.model import Lookup
from portwright.packets.fields import TCP, UDP
from portwright.plan.model import LocalUse, Plan
from portwright.plan.ports import ports_on
from portwright.protocols.conversation import Talk
from portwright.rehearse.evidence import Exchange, Outcome, Placed, Tier
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.realm import Realm, label
from portwright.rehearse.hosts.wire import Datagrams, Stream, Tls, dialed
from portwright.rehearse.lab import Address, Lab
from portwright.rehearse.netns import Network
from portwright.rehearse.servers.role import Role
from portwright.rehearse.servers.roles import roles_of
from portwright.rehearse.servers.spoken import ECHO, Spoken
from portwright.rehearse.servers.table import is_secure, spoken
from portwright.site import model as site_model

T = TypeVar("T")
CONNECTING = 3.0  # seconds that a client waits for a connection
TALKING = 20.0  # seconds that it waits for the end of a conversation: others may have to wait behind it


@dataclass(frozen=True, slots=True)
class Target:
    """Where a host finds what it needs."""

    requirement: str
    service: str
    flow: str  # id; empty where the host serves itself
    exchange: Exchange
    name: str  # DNS name by which it is asked for
    is_secure: bool  # TLS from the start
    lookup: Lookup = field(repr=False, compare=False)  # the settings of the server

    @property
    def called(self) -> str:
        """What the site calls it; who is outside, by the full name."""
        end = self.flow.rpartition(">")[2] or self.exchange.destination
        return self.name if "/" in end else end

    @property
    def address(self) -> str:
        """The address that is asked."""
        return self.exchange.to[0]

    @property
    def port(self) -> int:
        """The port that is asked."""
        return self.exchange.to[1]


@dataclass(frozen=True, slots=True)
class Dialed:
    """What came of asking a target."""

    target: Target
    outcome: Outcome
    at: float  # monotonic seconds
    source_port: int


_LACKS = {
    "silent": "gets no answer from",
    "unreachable": "gets no answer from",
    "refused": "is turned away by",
    "misspoken": "does not understand",
}


class Unanswered(Exception):
    """Nobody answers there."""

    def __init__(self, target: Target, outcome: Outcome, source_port: int = 0, said: str = "") -> None:
        super().__init__(f"{target.exchange.source} {_LACKS[outcome]} {target.called} ({target.requirement})")
        self.target, self.outcome, self.source_port = target, outcome, source_port
        self.said = said  # what the system says, where it is not one of the usual ends


class Unplanned(LookupError):
    """The plan has no such flow from this host."""


class Host:
    """A computer of the lab."""

    def __init__(self, name: str, hosts: "Hosts") -> None:
        self.name = name
        self.roles: dict[str, Role] = {}  # by component: what runs here
        self.log: list[str] = []
        self._hosts = hosts

    @property
    def fqdn(self) -> str:
        """Its name in the DNS."""
        return self._hosts.fqdn(self.name)

    @property
    def realm(self) -> Realm:
        """The accounts of its domain."""
        return self._hosts.realm

    @property
    def components(self) -> frozenset[str]:
        """What the site says that it is."""
        return self._hosts.components(self.name)

    def setting(self, name: str) -> str:
        """The value of a setting for this host."""
        return self._hosts.plan.site.setting(name, self._hosts.placed_host(self.name))

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Its own addresses."""
        return tuple(one.ip for port in self._hosts.lab.nodes[self.name].ports for one in port.addresses)

    def ports(self, service: str) -> tuple[int, ...]:
        """The ports at which others ask it for a service."""
        return self._hosts.ports.get((self.name, service), ())

    def instances(self, component: str) -> tuple[str, ...]:
        """The names of its instances of a component; empty for one without a name."""
        placed = self._hosts.placed_host(self.name)
        return tuple(one.name for one in placed.instances_of(component)) if placed else ()

    def shared(self, make: "Callable[[Hosts], T]") -> T:
        """What is the same for all hosts, made once."""
        return self._hosts.shared(make)

    def say(self, text: str) -> None:
        """Write to its log."""
        self.log.append(text)

    def peer(self, name: str) -> "Host":
        """Another computer, by its node. Only for what no packet carries, such as who is whose manager."""
        return self._hosts[name]

    def targets(self, requirement: str) -> tuple[Target, ...]:
        """Where it finds a requirement, the first to be asked first. Raises Unplanned where the plan knows nowhere."""
        found = self._hosts.targets.get((self.name, requirement), ())
        if not found:
            raise Unplanned(f"{self.name} has no flow for {requirement}")
        return found

    def needs(self, requirement: str) -> bool:
        """Report whether the plan has a flow for it from here."""
        return bool(self._hosts.targets.get((self.name, requirement)))

    async def call(self, requirement: str, talk: Callable[[Target], Talk[T]], target: Target | None = None) -> T:
        """Ask, and hear the answer. Of several targets the next is asked where one does not answer.

        Raises Unanswered, Refused, and what the conversation raises.
        """
        last: Unanswered | None = None
        for one in (target,) if target else self.targets(requirement):
            try:
                async with self.dial(requirement, one) as wire:
                    return await self.converse(wire, one, talk(one))
            except Unanswered as problem:
                last = problem
        assert last is not None
        raise last

    async def converse(self, wire: Stream | Datagrams, target: Target, talk: Talk[T]) -> T:
        """Say one thing more on a connection that is held open. Raises Unanswered, and what the conversation raises."""
        patience = 2 * self._hosts.patience if isinstance(wire, Datagrams) else TALKING
        try:
            async with asyncio.timeout(patience):
                return await wire.run(talk)
        except TimeoutError:
            raise self._hosts.unanswered(target, "silent") from None
        except ConnectionRefusedError:  # of a datagram one hears it only now
            raise self._hosts.unanswered(target, "refused") from None

    @contextlib.asynccontextmanager
    async def dial(self, requirement: str, target: Target | None = None) -> AsyncIterator[Stream | Datagrams]:
        """A connection to a target, the first one that answers; closed at the end. Raises Unanswered."""
        wire = await self._first((target,) if target else self.targets(requirement))
        try:
            yield wire
        finally:
            await wire.close()

    async def _first(self, targets: Sequence[Target]) -> Stream | Datagrams:
        for number, target in enumerate(targets, 1):
            try:
                return (await self._hosts.connect(target))[0]
            except Unanswered:
                if number == len(targets):
                    raise
        raise AssertionError("there is always a target")


def share_port(made: socket.socket) -> None:
    """Let a server and a client of one computer have the same port, socket(7): the protocol may want it so."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _words(problem: OSError) -> str:
    """What the system says of a connection that has another end than the usual ones."""
    return (
        "" if isinstance(problem, ConnectionRefusedError | TimeoutError) else problem.strerror or type(problem).__name__
    )


def _outcome(problem: OSError) -> Outcome:
    """What a connection came to that was not made."""
    if isinstance(problem, ssl.SSLError):
        return "misspoken"
    return {ConnectionRefusedError: "refused", TimeoutError: "silent"}.get(type(problem), "unreachable")  # type: ignore[return-value]


class Hosts(Mapping[str, Host]):
    """All computers of a lab that are no routers, and the record of what they have dialed."""

    def __init__(
        self,
        plan: Plan,
        lab: Lab,
        network: Network,
        realm: Realm,
        placed: Sequence[Placed],
        patience: float = CONNECTING,
    ) -> None:
        self.plan, self.lab, self.realm = plan, lab, realm
        self.patience = patience  # seconds that a client waits for a connection; twice that for datagrams
        self.dials: list[Dialed] = []
        self._network = network
        self.authority = Authority(realm.domain)
        self._hosts = {node.name: Host(node.name, self) for node in lab.of_kind("host", "client", "outside")}
        self.targets = self._find_targets(placed)
        self.ports = self._ports()
        self._shared: dict[object, Any] = {}
        for host in self._hosts.values():
            host.roles = roles_of(host)
        self.by_exchange = self._by_exchange()

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    def fqdn(self, name: str) -> str:
        """The DNS name of a node or of a virtual address."""
        outside = self.plan.site.outside.get(name)
        if outside is not None and outside.names:
            return outside.names[0]
        plain = name.partition("#")[0]
        return self.realm.hosts.get(plain) or f"{label(plain)}.{self.realm.domain}"

    def placed_host(self, name: str) -> site_model.Host | None:
        """The host or group of the site with this name."""
        return self.plan.site.hosts.get(name) or self.plan.site.groups.get(name)

    def components(self, name: str) -> frozenset[str]:
        """What a node is."""
        host = self.placed_host(name)
        if host is not None:
            return host.roles
        return (
            frozenset({name, *self.plan.catalog.implied(name)}) if name in self.plan.catalog.components else frozenset()
        )

    def speech(self, node: str, service: str) -> Spoken:
        """How a service is spoken on a node: an echo, where it would have to ask a role that nobody plays there."""
        found = spoken(service)
        is_played = not found.asks or any(service in role.services for role in self[node].roles.values())
        return found if is_played else ECHO

    def tiers(self) -> dict[tuple[str, str], Tier]:
        """What answers for each service that the plan asks for, by node and service."""
        asked = {(one.exchange.destination, one.service) for each in self.targets.values() for one in each}
        return {(node, service): self.speech(node, service).tier for node, service in sorted(asked)}

    def server_tls(self, node: str) -> Tls:
        """What a server on this node shows to those who ask for TLS: a certificate with all its names and addresses."""
        site = self.plan.site
        names = [self.fqdn(node), node]
        names += [self.fqdn(one.name) for one in site.virtual.values() if node in one.members or one.mode == "proxy"]
        addresses = [str(one.ip) for port in self.lab.nodes[node].ports for one in port.addresses]
        return Tls(self.authority.server(tuple(names), tuple(addresses)))

    async def connect(self, target: Target) -> tuple[Stream | Datagrams, int]:
        """A connection to a target, recorded, and the port from which it goes. Raises Unanswered."""
        exchange, port = target.exchange, 0
        outcome: Outcome = "answered"
        kind = socket.SOCK_STREAM if exchange.protocol == TCP else socket.SOCK_DGRAM
        made = self._network.socket(exchange.source, exchange.version, kind)
        try:
            if exchange.source_port and kind == socket.SOCK_STREAM:
                share_port(made)
            self._network.bind(made, exchange.source, exchange.source_address, exchange.source_port)
            port = made.getsockname()[1]
            return await self._connected(made, target), port
        except OSError as problem:
            outcome = _outcome(problem)
            made.close()
            raise Unanswered(target, outcome, port, _words(problem)) from None
        finally:
            self.dials.append(Dialed(target, outcome, time.monotonic(), port))

    async def _connected(self, made: socket.socket, target: Target) -> Stream | Datagrams:
        if target.exchange.protocol == UDP:
            made.connect((target.address, target.port))
            return Datagrams(made)
        tls = Tls(self.authority.client(), target.name)
        async with asyncio.timeout(self.patience):
            stream = await dialed(made, target.address, target.port, tls)
        if target.is_secure:
            async with asyncio.timeout(self.patience):
                await stream.secure()
        return stream

    def unanswered(self, target: Target, outcome: Outcome) -> Unanswered:
        """A conversation that came to nothing, recorded."""
        self.dials.append(Dialed(target, outcome, time.monotonic(), 0))
        return Unanswered(target, outcome)

    def _find_targets(self, placed: Sequence[Placed]) -> dict[tuple[str, str], tuple[Target, ...]]:
        found: dict[tuple[str, str], list[Target]] = {}
        for one in placed:
            for exchange in one.exchanges if not one.is_behind else ():
                target = self._target(one, exchange)
                found.setdefault((exchange.source, target.requirement), []).append(target)
        for use in self.plan.local:
            if target_here := self._own(use):
                found.setdefault((use.host.name.partition("#")[0], use.requirement.id), []).insert(0, target_here)
        return {key: tuple(targets) for key, targets in found.items()}

    def _by_exchange(self) -> dict[Exchange, Target]:
        """One target for each exchange of a flow; where services share a port, the one that the server speaks."""
        found: dict[Exchange, Target] = {}
        for targets in self.targets.values():
            for one in targets:
                if one.flow and (one.exchange not in found or self._goes_before(one, found[one.exchange])):
                    found[one.exchange] = one
        return found

    def _goes_before(self, one: Target, other: Target) -> bool:
        """Report whether a server at both speaks as the first one does."""
        words = [(self.speech(x.exchange.destination, x.service) is ECHO, x.service) for x in (one, other)]
        return words[0] < words[1]

    def _ports(self) -> dict[tuple[str, str], tuple[int, ...]]:
        found: dict[tuple[str, str], dict[int, None]] = {}
        for targets in self.targets.values():
            for one in targets:
                found.setdefault((one.exchange.destination, one.service), {})[one.exchange.port] = None
        return {key: tuple(ports) for key, ports in found.items()}

    def shared(self, make: "Callable[[Hosts], T]") -> T:
        """What is the same for all hosts, made once."""
        if make not in self._shared:
            self._shared[make] = make(self)
        found: T = self._shared[make]
        return found

    def _target(self, one: Placed, exchange: Exchange) -> Target:
        flow, end = one.flow, one.flow.destination
        host = self.placed_host(exchange.destination)

        def look_up(name: str) -> str:
            return self.plan.site.setting(name, host, end.instance)

        service = flow.requirement.service
        return Target(
            flow.requirement.id,
            service,
            flow.id,
            exchange,
            self.fqdn(end.name),
            is_secure(service, look_up),
            look_up,
        )

    def _own(self, use: LocalUse) -> Target | None:
        """The host itself, at its first address."""
        name = use.host.name.partition("#")[0]
        service = self.plan.catalog.services[use.requirement.service]
        instances = use.host.host.instances_of(service.component) if use.host.host else ()
        instance = instances[0] if instances else None
        ports = ports_on(self.plan.site, service.ports, use.host.host, instance)
        if name not in self.lab.nodes or not ports or service.protocol not in (TCP, UDP):
            return None
        address = self.lab.nodes[name].ports[0].addresses[0].ip
        exchange = Exchange(name, str(address), name, str(address), address.version, service.protocol, ports[0][0])

        def look_up(setting: str) -> str:
            return self.plan.site.setting(setting, use.host.host, instance)

        return Target(
            use.requirement.id,
            service.id,
            "",
            exchange,
            self.fqdn(name),
            is_secure(service.id, look_up),
            look_up,
        )
