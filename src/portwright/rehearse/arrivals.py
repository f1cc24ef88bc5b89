"""Where the first packet of an exchange has arrived: at whom the plan names, or at somebody else."""

from collections.abc import Sequence
from dataclasses import replace

from portwright.packets.fields import ICMP, ICMPV6
from portwright.packets.names import protocol_name
from portwright.rehearse.evidence import Exchange, Seen, Tried


def met(tried: Tried, identity: bytes | None, seen: Sequence[Seen]) -> Tried:
    """With the nodes that have recorded its first packet; astray where somebody else has answered it.

    `identity` is that of the packet, where a point has traced it: elsewhere nobody translates what it is known by.
    """
    exchange = tried.exchange
    nodes = tuple(dict.fromkeys(one.node for one in seen if _is_it(one, exchange, tried.source_port, identity)))
    if tried.outcome == "answered" and nodes and exchange.destination not in nodes:
        return replace(tried, outcome="astray", said=f"{nodes[0]} has answered", arrived=nodes)
    return replace(tried, arrived=nodes)


def _is_it(seen: Seen, exchange: Exchange, source_port: int, identity: bytes | None) -> bool:
    if seen.protocol != protocol_name(_protocol(exchange)):
        return False
    if identity is not None:
        return seen.identity == identity
    address, port = exchange.to
    ends = exchange.source_address, source_port if exchange.port else 0, address, port
    return (seen.source, seen.source_port, seen.destination, seen.port) == ends


def _protocol(exchange: Exchange) -> int:
    return ICMPV6 if exchange.protocol == ICMP and exchange.version == 6 else exchange.protocol
