"""Boxes of packets as rules, where what is to pass is no whole flow."""

from collections.abc import Iterator
from dataclasses import replace

from portwright.packets.addresses import Addresses
from portwright.packets.box import Box
from portwright.packets.fields import ICMP, ICMPV6, LAST_ADDRESS, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals, intersect, normalize
from portwright.packets.packetset import PacketSet
from portwright.policy.intent import Intended, Named, Traffic
from portwright.policy.text import address_range_text

_MOST = 32  # boxes of packets that one rule is made of
_ECHO = {4: 8, 6: 128}  # RFC 792; RFC 4443, 4.1


def intended(box: Box, model: Intended) -> Intended | None:
    """The packets of a box as a rule like another one; None where they are of several protocols or IP versions."""
    versions, protocols = box.get(Field.VERSION), box.get(Field.PROTOCOL)
    if any(len(ranges) != 1 or ranges[0][0] != ranges[0][1] for ranges in (versions, protocols)):
        return None
    version, protocol = versions[0][0], protocols[0][0]
    ends = (_named(version, box.get(field)) for field in (Field.SRC, Field.DST))
    sources, destinations = ((end,) for end in ends)
    port = Field.SPORT if model.is_reply else Field.DPORT
    is_icmp = protocol in (ICMP, ICMPV6)
    ports = box.get(port) if protocol in PORT_PROTOCOLS else ()
    is_echo = is_icmp and box.get(Field.TYPE) == ((_ECHO[version],) * 2,)
    traffic = Traffic(ICMP if is_icmp else protocol, ports, _ECHO[4] if is_echo else None)
    return replace(model, sources=sources, destinations=destinations, traffic=(traffic,))


def parts(packets: PacketSet, most: int) -> Iterator[Box]:
    """Boxes of packets, each of one IP version and protocol; of very many the first."""
    rest = packets
    for _ in range(most):
        if not rest:
            return
        witness = rest.witness()
        only = Box.of({field: ((witness[field],) * 2,) for field in (Field.VERSION, Field.PROTOCOL)})
        box = packets.grow(witness) & only if only is not None else None
        if box is None:
            return
        yield box
        rest = rest - PacketSet.of(packets.space, [box])


def as_seen(packets: PacketSet, model: Intended) -> Intended:
    """A rule like another one for packets that some point has translated: between the ends that they have here."""
    boxes = list(parts(packets, _MOST))
    ends = []
    for field in (Field.SRC, Field.DST):
        found = Addresses()
        for box in boxes:
            found = found | _named(box.get(Field.VERSION)[0][0], box.get(field)).addresses
        ends.append((Named("-".join(found.texts()[:2]).replace("/", "_"), found),))
    ports = normalize(pair for box in boxes for pair in box.get(Field.SPORT if model.is_reply else Field.DPORT))
    traffic = tuple(replace(kind, ports=ports) if kind.ports else kind for kind in model.traffic)
    return replace(model, sources=ends[0], destinations=ends[1], traffic=traffic)


def _named(version: int, ranges: Intervals) -> Named:
    ranges = intersect(ranges, ((0, LAST_ADDRESS[version]),))
    addresses = Addresses(v4=ranges) if version == 4 else Addresses(v6=ranges)
    return Named(address_range_text(version, ranges[0]).replace("/", "_"), addresses)
