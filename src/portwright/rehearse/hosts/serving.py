"""What answers in a lab: for each address and port that the plan asks for, the server of the services behind it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from portwright.packets.fields import ICMP, TCP, UDP
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Response
from portwright.rehearse.exchanges.asking import answer_raw
from portwright.rehearse.hosts.host import Host, Hosts, Target, share_port
from portwright.rehearse.hosts.wire import Datagram, Stream, listening, receiving
from portwright.rehearse.progress import At, nobody
from portwright.rehearse.servers.role import Answer, Role
from portwright.rehearse.servers.spoken import ECHO, Spoken

_BACKLOG = 512  # connections that wait
_LAST = 5  # lines of a log
_NOT_FOUND = 404  # RFC 9110, 15.5.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens."""

    node: str
    address: str
    version: int
    protocol: int
    port: int


@dataclass(slots=True)
class Services:
    """All servers of a lab."""

    hosts: Hosts
    elsewhere: frozenset[tuple[str, str]] = frozenset()  # node and service: a real program answers
    troubles: list[str] = field(default_factory=list)  # servers that failed, for people
    _open: dict[Place, asyncio.AbstractServer | asyncio.DatagramTransport] = field(default_factory=dict)
    _raw: list[tuple[socket.socket, asyncio.Task[None]]] = field(default_factory=list)

    async def start(self, make_socket: Callable[..., socket.socket], at: At = nobody) -> None:
        """Listen wherever the plan's flows and hosts' own uses end. Raises OSError where a port cannot be had.

        `at` is told which host it is.
        """
        places = sorted(_places(self.hosts).items(), key=lambda one: str(one[0]))
        for number, (place, services) in enumerate(places, 1):
            at(f"ports of {place.node}", number, len(places))
            here = sorted(service for service in services if (place.node, service) not in self.elsewhere)
            if place.protocol not in (TCP, UDP):
                self._answer(place, make_socket)
            elif here and here == sorted(services):
                await self._listen(place, here, services, make_socket)

    def _answer(self, place: Place, make_socket: Callable[..., socket.socket]) -> None:
        """Answer what comes of a protocol without ports."""
        made = make_socket(place.node, place.version, socket.SOCK_RAW, place.protocol)
        made.bind((place.address, 0))
        self._raw.append((made, asyncio.create_task(answer_raw(made, place.protocol))))

    async def _listen(
        self,
        place: Place,
        services: list[str],
        targets: Mapping[str, Target],
        make_socket: Callable[..., socket.socket],
    ) -> None:
        host, speech = self.hosts[place.node], _speech(self.hosts, place.node, services)
        kind = socket.SOCK_STREAM if place.protocol == TCP else socket.SOCK_DGRAM
        made = make_socket(place.node, place.version, kind)
        if place.protocol == TCP:
            share_port(made)
        made.bind((place.address, place.port))  # the answer comes from the address that was asked
        if place.protocol == UDP:

            async def came(datagram: Datagram) -> None:
                await self._watched(host, services, datagram.run(speech.serve(host), _answering(host, services)))

            self._open[place] = await receiving(made, came)
            return
        made.listen(_BACKLOG)
        is_secure = any(targets[service].is_secure for service in services)

        async def connected(stream: Stream) -> None:
            if is_secure:
                await stream.secure()
            await self._watched(host, services, stream.run(speech.serve(host), _answering(host, services)))

        self._open[place] = await listening(made, connected, self.hosts.server_tls(place.node))

    async def _watched(self, host: Host, services: list[str], served: Awaitable[None]) -> None:
        """Serve somebody. What a client says wrongly ends its connection; what the server does wrongly is told."""
        try:
            await served
        except (Misspoken, Refused) as problem:
            host.say(f"{', '.join(services)}: {problem}")
        except (OSError, EOFError, asyncio.CancelledError):
            raise
        except Exception as problem:  # a server must not take the others with it
            host.say(f"{', '.join(services)}: {type(problem).__name__}: {problem}")
            last = "; ".join(host.log[-_LAST:])
            self.troubles.append(f"the server of {', '.join(services)} on {host.name} failed, its log: {last}")

    async def stop(self) -> None:
        """Stop answering."""
        for server in self._open.values():
            server.close()
        for made, task in self._raw:
            task.cancel()
            made.close()
        self._open.clear()
        self._raw.clear()


def _places(hosts: Hosts) -> dict[Place, dict[str, Target]]:
    """Where somebody is asked, and for which services."""
    found: dict[Place, dict[str, Target]] = {}
    for targets in hosts.targets.values():
        for one in targets:
            exchange = one.exchange
            if exchange.protocol != ICMP:  # the kernel answers that
                place = Place(
                    exchange.destination,
                    exchange.destination_address,
                    exchange.version,
                    exchange.protocol,
                    exchange.port,
                )
                found.setdefault(place, {}).setdefault(one.service, one)
    return found


def _speech(hosts: Hosts, node: str, services: Iterable[str]) -> Spoken:
    """What is spoken where these services share a port."""
    return next((found for service in services if (found := hosts.speech(node, service)) is not ECHO), ECHO)


def _answering(host: Host, services: Iterable[str]) -> Answer | None:
    """The roles behind a new connection: each is asked until one has an answer, or has the page that is asked for."""
    behind = [role.services[service]() for role in _roles(host) for service in services if service in role.services]
    if not behind:
        return None

    async def answer(question: object) -> object:
        first = None
        for one in behind:
            said = await one(question)
            if said is not None and not (isinstance(said, Response) and said.status == _NOT_FOUND):
                return said
            first = first or said
        return first

    return answer


def _roles(host: Host) -> Iterable[Role]:
    return host.roles.values()
