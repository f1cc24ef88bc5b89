"""Which line of which configuration let a packet through or stopped it, as the kernel traced it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from portwright.packets.fields import ICMP, ICMPV6, PORT_PROTOCOLS
from portwright.rehearse.evidence import Exchange
from portwright.rehearse.netns import Network
from portwright.rehearse.rules.running import RESERVED, Decider, Handle, Rules
from portwright.rehearse.watching.tracing import Run, TraceSocket

TABLE = "portwright_trace"
_FIRST = -(1 << 31)  # the first priority that there is; of chains with the same, what is loaded last comes first
# Before everything else, what opens a connection and what first comes back, and whatever has none.
_OPENING = """{
        meta l4proto tcp tcp flags & syn == syn meta nftrace set 1
        meta l4proto != tcp meta nftrace set 1
    }"""
RULES = f"""table inet {TABLE} {{
    chain arriving {{ type filter hook prerouting priority {_FIRST}; policy accept; jump opening; }}
    chain leaving {{ type filter hook output priority {_FIRST}; policy accept; jump opening; }}
    chain opening {_OPENING}
}}
"""


def on_devices(ports: Iterable[str]) -> str:
    """The same for a node whose rules see packets as they come in from a device, before all other hooks."""
    chains = [
        f"""    chain arriving_{number} {{
        type filter hook ingress device "{port}" priority {_FIRST}; policy accept;
        meta protocol {{ ip, ip6 }} jump opening
    }}
"""
        for number, port in enumerate(ports)
    ]
    return f"table netdev {TABLE} {{\n    chain opening {_OPENING}\n{''.join(chains)}}}\n"


_Key = tuple[int, int, int, int, int]  # protocol; source and its port, destination and its port
_Seen = tuple[str, int, bytes]  # node, protocol, identity of the packet
_OWN = (TABLE, "portwright_seen", "portwright_faults")


@dataclass(slots=True)
class Traced:
    """The points whose rules the kernel traces, and what it has said so far."""

    network: Network
    rules: Mapping[str, Rules]  # by node
    balancers: tuple[str, ...] = ()  # nodes of which only the marks are of interest
    _sockets: dict[str, TraceSocket] = field(default_factory=dict)
    _places: dict[str, Mapping[Handle, Decider]] = field(default_factory=dict)
    _runs: dict[_Seen, list[Run]] = field(default_factory=dict)  # in order
    _identities: dict[_Key, bytes] = field(default_factory=dict)

    def start(self) -> None:
        """Have every packet traced that opens a connection. Raises OSError, ValueError."""
        for node in (*self.rules, *self.balancers):
            with self.network.within(node):
                self._sockets[node] = TraceSocket()
            self.network.load(node, RULES)
            if node in self.rules and "netdev" in self.rules[node].text:
                self.network.load(node, on_devices(port.name for port in self.network.lab.nodes[node].ports))
        for node, rules in self.rules.items():
            listing = self.network.run(node, ["nft", "-a", "list", "ruleset"]).stdout
            self._places[node] = rules.deciders(listing)

    @property
    def sockets(self) -> Iterable[TraceSocket]:
        """Where the kernel tells it."""
        return self._sockets.values()

    def read(self) -> None:
        """Take what the kernel has said since."""
        for node, one in self._sockets.items():
            for run in one.runs(0):
                ends = run.ends
                key = (run.protocol, ends.source, ends.source_port, ends.destination, ends.destination_port)
                self._identities.setdefault(key, run.identity)
                if run.table not in _OWN:
                    self._runs.setdefault((node, run.protocol, run.identity), []).append(run)

    @property
    def has_lost(self) -> bool:
        """Report whether the kernel had more to say than there was room for."""
        return any(one.has_lost for one in self._sockets.values())

    def forget(self, but_from: Collection[int] = ()) -> None:
        """Forget what came so far, except from some ports: a packet that comes is not to be taken for an older one.

        Clients get their ports at random, and the same port again when the connection that had it is over.
        """
        self.read()
        self._identities = {key: identity for key, identity in self._identities.items() if key[2] in but_from}
        kept = set(self._identities.values())
        self._runs = {key: runs for key, runs in self._runs.items() if key[2] in kept}

    def of(
        self, exchange: Exchange, source_port: int, way: Iterable[str], counts: Callable[[Run], bool] = lambda _: True
    ) -> tuple[Decider, ...]:
        """Who decided about a packet at each point on its way, in order; the last of a point is the one that counts."""
        return self._along(way, _key(exchange, source_port), counts)

    def identity(self, exchange: Exchange, source_port: int) -> bytes | None:
        """By what the first packet of an exchange is known wherever it goes; None where no point has seen it."""
        return self._identities.get(_key(exchange, source_port))

    def of_reply(self, exchange: Exchange, source_port: int, way: Iterable[str]) -> tuple[Decider, ...]:
        """The same of the first packet that came back; none where it is not known to which address it went."""
        protocol, source, own_port, _, _ = _key(exchange, source_port)
        here = int(ip_address(exchange.destination_address))
        return self._along(way, (protocol, here, exchange.port, source, own_port), lambda _: True)

    def _along(self, way: Iterable[str], key: _Key, counts: Callable[[Run], bool]) -> tuple[Decider, ...]:
        identity, protocol = self._identities.get(key), key[0]
        if identity is None:
            return ()
        found = []
        for node in way:
            runs = [run for run in self._runs.get((node, protocol, identity), []) if counts(run)]
            decisive = [run for run in runs if self._decider(node, run) is not None or self._is_somebodys(run)]
            if not decisive:
                continue
            if (decider := self._decider(node, decisive[-1])) is not None:  # else it is not known which line it was
                found.append(decider)
            if not decisive[-1].is_accepted:
                break
        return tuple(found)

    @staticmethod
    def _is_somebodys(run: Run) -> bool:
        """Report whether a rule of the site decided, and none of the lab's own."""
        return run.decider is not None and not run.table.startswith(RESERVED)

    def anew(self, exchange: Exchange) -> None:
        """Forget which packet stood for an exchange without ports, so that the next one does."""
        self.read()
        self._identities.pop(_key(exchange, 0), None)

    def mark(self, exchange: Exchange, source_port: int, node: str) -> int | None:
        """The mark with which its first packet left a node's own rules; None where it has not come there."""
        identity = self._identities.get(_key(exchange, source_port))
        runs = self._runs.get((node, _protocol(exchange), identity), []) if identity else []
        return max((run.mark for run in runs), default=None)

    def _decider(self, node: str, run: Run) -> Decider | None:
        """The line that decided a run; None for a chain without rules of anybody."""
        key: Handle = run.decider or (run.family, run.table, run.chain)
        found = self._places.get(node, {}).get(key)  # none where it is not known which line made the rule
        return found.which(run.is_accepted) if found else None


def _protocol(exchange: Exchange) -> int:
    return ICMPV6 if exchange.protocol == ICMP and exchange.version == 6 else exchange.protocol


def _key(exchange: Exchange, source_port: int) -> _Key:
    address, port = exchange.to
    ports = (source_port, port) if exchange.protocol in PORT_PROTOCOLS else (0, 0)
    return (_protocol(exchange), int(ip_address(exchange.source_address)), ports[0], int(ip_address(address)), ports[1])
