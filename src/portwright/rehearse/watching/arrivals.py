"""Where the first packet of an exchange has arrived: at whom the plan names, or at somebody else."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from portwright.packets.fields import ICMP, ICMPV6
from portwright.packets.names import protocol_name
from portwright.rehearse.evidence import Exchange, Seen, Tried

_Ends = tuple[str, str, int, str, int]  # protocol, source and its port, destination and its port


@dataclass(slots=True)
class Arrivals:
    """Who has recorded which packets."""

    _by_identity: dict[tuple[str, bytes], list[str]] = field(default_factory=dict)
    _by_ends: dict[_Ends, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: Iterable[Seen]) -> "Arrivals":
        """What the kernels of the nodes have recorded."""
        found = cls()
        for one in seen:
            ends = one.protocol, one.source, one.source_port, one.destination, one.port
            found._by_identity.setdefault((one.protocol, one.identity), []).append(one.node)
            found._by_ends.setdefault(ends, []).append(one.node)
        return found

    def met(self, tried: Tried, identity: bytes | None) -> Tried:
        """With the nodes that have recorded its first packet; astray where somebody else has answered it.

        `identity` is that of the packet, where a point has traced it: elsewhere nobody translates its ends.
        """
        nodes = tuple(dict.fromkeys(self._nodes(tried.exchange, tried.source_port, identity)))
        is_astray = bool(nodes) and tried.exchange.destination not in nodes
        if tried.outcome == "answered" and is_astray and tried.exchange.front is None:  # any member may answer
            return replace(tried, outcome="astray", said=f"{nodes[0]} has answered", arrived=nodes)
        return replace(tried, arrived=nodes)

    def _nodes(self, exchange: Exchange, source_port: int, identity: bytes | None) -> list[str]:
        protocol, (address, port) = protocol_name(_protocol(exchange)), exchange.to
        if identity is not None:
            return self._by_identity.get((protocol, identity), [])
        ends = protocol, exchange.source_address, source_port if exchange.port else 0, address, port
        return self._by_ends.get(ends, [])


def _protocol(exchange: Exchange) -> int:
    return ICMPV6 if exchange.protocol == ICMP and exchange.version == 6 else exchange.protocol
