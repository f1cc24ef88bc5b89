"""What a translation of ports means for each protocol."""

from collections.abc import Iterator

from portwright.packets.box import Box, Boxes, Match, complement
from portwright.packets.fields import PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.netfilter.matching import box, within

_DCCP = 33
_ANY: Intervals = ((0, 65535),)
_WITH_PORTS = box(PROTOCOL=tuple(number for number in PORT_PROTOCOLS if number != _DCCP))
_WITHOUT_PORTS = complement(box(PROTOCOL=PORT_PROTOCOLS))
# linux/net/netfilter/nf_nat_core.c, nf_nat_l4proto_unique_tuple: a port that is taken becomes another of its class
_CLASSES: tuple[tuple[Boxes, Intervals], ...] = tuple(
    ((Box(((Field.SPORT, (bounds,)),)),), (becomes,))
    for bounds, becomes in (
        ((0, 0), (0, 511)),
        ((1, 511), (1, 511)),
        ((512, 1023), (512, 1023)),
        ((1024, 65535), (1024, 65535)),
    )
)

Parts = Iterator[tuple[Match, Intervals | None]]


def translated(match: Match, port: Intervals) -> Parts:
    """The parts of a match, each with what its port becomes where it is to be `port`; None where there is none.

    Connection tracking has forgotten DCCP (linux/net/netfilter: nf_conntrack_proto_dccp.c is gone since 6.17), so that
    its ports stay; older kernels change them.
    """
    for boxes, becomes in ((_WITH_PORTS, port), (box(PROTOCOL=_DCCP), _ANY), (_WITHOUT_PORTS, None)):
        part = within(match, boxes)
        if part.possible:
            yield part, becomes


def kept(match: Match, *, is_random: bool, moves_whole: bool) -> Parts:
    """The parts of a match, each with what its source port may become where its address is translated and no port said.

    It stays where one sender is translated, which has each port once, or whole networks move as they are
    (`moves_whole`), unless the rule asks for a change (`is_random`).
    """
    senders = normalize(pair for found in match.possible for pair in found.get(Field.SRC))
    is_shared = not moves_whole and sum(last - first + 1 for first, last in senders) > 1
    if not is_shared and not is_random:
        yield match, None
        return
    for ports, port in _CLASSES:
        yield from translated(within(match, ports), port)
