"""Boxes of packets as rules, where what is to pass is no whole flow."""

from dataclasses import replace

from portwright.packets.addresses import Addresses
from portwright.packets.box import Box
from portwright.packets.fields import ICMP, ICMPV6, LAST_ADDRESS, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals, intersect
from portwright.policy.intent import Intended, Named, Traffic
from portwright.policy.text import address_range_text

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


def _named(version: int, ranges: Intervals) -> Named:
    ranges = intersect(ranges, ((0, LAST_ADDRESS[version]),))
    addresses = Addresses(v4=ranges) if version == 4 else Addresses(v6=ranges)
    return Named(address_range_text(version, ranges[0]).replace("/", "_"), addresses)
