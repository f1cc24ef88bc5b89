"""Which line of which configuration let a packet through or stopped it, as the kernel traced it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from portwright.packets.fields import ICMP, ICMPV6
from portwright.rehearse.evidence import Exchange
from portwright.rehearse.netns import Network
from portwright.rehearse.rules import Decider, Handle, Rules
from portwright.rehearse.tracing import Run, TraceSocket

TABLE = "portwright_trace"
# Before everything else, what opens a connection and what answers it, and whatever has none.
_OPENING = """{
        meta l4proto tcp tcp flags & syn == syn meta nftrace set 1
        meta l4proto != tcp meta nftrace set 1
    }"""
RULES = f"""table inet {TABLE} {{
    chain arriving {{ type filter hook prerouting priority -450; policy accept; jump opening; }}
    chain leaving {{ type filter hook output priority -450; policy accept; jump opening; }}
    chain opening {_OPENING}
}}
"""
_Ends = tuple[int, int, int, int, int]  # protocol, source and its port, destination and its port
_OWN = (TABLE, "portwright_seen", "portwright_faults")


@dataclass(slots=True)
class Traced:
    """The points whose rules the kernel traces, and what it has said so far."""

    network: Network
    rules: Mapping[str, Rules]  # by node
    _sockets: dict[str, TraceSocket] = field(default_factory=dict)
    _places: dict[str, Mapping[Handle, Decider]] = field(default_factory=dict)
    _runs: dict[str, list[Run]] = field(default_factory=dict)  # by node, in order
    _identities: dict[_Ends, bytes] = field(default_factory=dict)

    def start(self) -> None:
        """Have every packet traced that opens a connection. Raises OSError, ValueError."""
        for node, rules in self.rules.items():
            with self.network.within(node):
                self._sockets[node] = TraceSocket()
            self.network.load(node, RULES)
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
                if run.table in _OWN:
                    continue
                ends = run.ends
                key = (run.protocol, ends.source, ends.source_port, ends.destination, ends.destination_port)
                self._identities.setdefault(key, run.identity)
                self._by_identity(node, run)

    def _by_identity(self, node: str, run: Run) -> None:
        self._runs.setdefault(f"{node} {run.protocol} {run.identity.hex()}", []).append(run)

    def forget(self) -> None:
        """Forget everything so far, so that what comes is not taken for it."""
        self.read()
        self._runs.clear()
        self._identities.clear()

    def of(self, exchange: Exchange, source_port: int, way: Iterable[str]) -> tuple[Decider, ...]:
        """Who decided about a packet at each point on its way, in order; the last of a point is the one that counts."""
        return self._along(_protocol(exchange), _key(exchange, source_port), way)

    def of_answer(self, exchange: Exchange, source_port: int, way: Iterable[str]) -> tuple[Decider, ...]:
        """The same about what came back; nothing where a point translates the client's address."""
        return self._along(_protocol(exchange), _answer_key(exchange, source_port), way)

    def _along(self, protocol: int, key: _Ends, way: Iterable[str]) -> tuple[Decider, ...]:
        identity = self._identities.get(key)
        if identity is None:
            return ()
        found: list[Decider] = []
        for node in way:
            runs = self._runs.get(f"{node} {protocol} {identity.hex()}", [])
            deciders = [one for run in runs if (one := self._decider(node, run)) is not None]
            found += deciders[-1:]
            if deciders and not deciders[-1].is_accepted:
                break
        return tuple(found)

    def _decider(self, node: str, run: Run) -> Decider | None:
        """The line that decided a run; None for a chain without rules of anybody."""
        key: Handle = run.decider or (run.family, run.table, run.chain)
        found = self._places[node].get(key) or self._places[node].get((run.family, run.table, run.chain))
        return found.which(run.is_accepted) if found else None


def _protocol(exchange: Exchange) -> int:
    return ICMPV6 if exchange.protocol == ICMP and exchange.version == 6 else exchange.protocol


def _key(exchange: Exchange, source_port: int) -> _Ends:
    address, port = exchange.to
    ports = (0, 0) if exchange.protocol == ICMP else (source_port, port)
    return (_protocol(exchange), int(ip_address(exchange.source_address)), ports[0], int(ip_address(address)), ports[1])


def _answer_key(exchange: Exchange, source_port: int) -> _Ends:
    ends = int(ip_address(exchange.destination_address)), exchange.port, int(ip_address(exchange.source_address))
    return (_protocol(exchange), *ends, 0 if exchange.protocol == ICMP else source_port)
