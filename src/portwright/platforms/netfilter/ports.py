"""What a translation of ports means for each protocol."""

from collections.abc import Iterator

from portwright.packets.box import Match, complement
from portwright.packets.fields import PORT_PROTOCOLS
from portwright.packets.intervals import Intervals
from portwright.platforms.netfilter.matching import box, within

_DCCP = 33
_ANY: Intervals = ((0, 65535),)
_WITH_PORTS = box(PROTOCOL=tuple(number for number in PORT_PROTOCOLS if number != _DCCP))
_WITHOUT_PORTS = complement(box(PROTOCOL=PORT_PROTOCOLS))


def translated(match: Match, port: Intervals) -> Iterator[tuple[Match, Intervals | None]]:
    """The parts of a match, each with what its port becomes where it is to be `port`; None where there is none.

    Connection tracking has forgotten DCCP (linux/net/netfilter: nf_conntrack_proto_dccp.c is gone since 6.17), so that
    its ports stay; older kernels change them.
    """
    for boxes, becomes in ((_WITH_PORTS, port), (box(PROTOCOL=_DCCP), _ANY), (_WITHOUT_PORTS, None)):
        part = within(match, boxes)
        if part.possible:
            yield part, becomes
