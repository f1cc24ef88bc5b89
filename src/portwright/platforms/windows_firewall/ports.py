"""Ports as Windows writes them in rules: numbers, ranges, and words for ports that change."""

from dataclasses import dataclass

from portwright.packets.box import Doubt
from portwright.packets.fields import LAST, Field
from portwright.packets.intervals import EMPTY, Intervals, normalize, union
from portwright.platforms.windows_firewall.doubts import Why, doubt
from portwright.platforms.windows_firewall.host import Host
from portwright.platforms.windows_firewall.members import ANY

EVERY_PORT: Intervals = ((0, LAST[Field.DPORT]),)
_REGISTERED: Intervals = ((1024, LAST[Field.DPORT]),)
_MAPPER: Intervals = ((135, 135),)  # KB 832017
_MAPPER_OVER_HTTP: Intervals = ((593, 593),)
_MDNS: Intervals = ((5353, 5353),)  # RFC 6762, 3


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that a rule surely names, and those that it may name."""

    sure: Intervals
    possible: Intervals
    doubts: tuple[Doubt, ...] = ()

    def __or__(self, other: "Ports") -> "Ports":
        doubts = tuple(dict.fromkeys(self.doubts + other.doubts))
        return Ports(union(self.sure, other.sure), union(self.possible, other.possible), doubts)


_NONE = Ports(EMPTY, EMPTY)


def ports(listed: tuple[str, ...], host: Host) -> Ports:
    """The ports that a list means on a host: MS-FASP, 2.2.14, has the words."""
    if listed in ((), (ANY,)):
        return Ports(EVERY_PORT, EVERY_PORT)
    found = _NONE
    for text in listed:
        found = found | _one(text.strip(), host)
    return found


def _one(text: str, host: Host) -> Ports:
    first, _, last = text.partition("-")
    numbers = [part.strip() for part in (first, last or first)]
    if all(part.isascii() and part.isdecimal() and len(part) < 6 for part in numbers):
        low, high = map(int, numbers)
        if low <= high <= LAST[Field.DPORT]:
            return Ports(((low, high),), ((low, high),))
    return _word(text, host)


def _word(text: str, host: Host) -> Ports:
    match text.lower():
        case "any":
            return Ports(EVERY_PORT, EVERY_PORT)
        case "rpc":
            return Ports(EMPTY, normalize(host.dynamic_range + host.pinned), (doubt(Why.RPC),))
        case "rpcepmap":
            return Ports(_MAPPER, _MAPPER + _MAPPER_OVER_HTTP, (doubt(Why.ENDPOINT_MAPPER),))
        case "mdns":
            return Ports(_MDNS, _MDNS)
        case "teredo":
            return _tunnel(text, host.tunnels.teredo, _REGISTERED)
        case "iphttpsin" | "iphttpsout":
            return _tunnel(text, host.tunnels.iphttps, EVERY_PORT)
    return Ports(EMPTY, EVERY_PORT, (doubt(Why.PORT_KEYWORD, text),))


def _tunnel(text: str, is_set_up: bool | None, among: Intervals) -> Ports:
    return _NONE if is_set_up is False else Ports(EMPTY, among, (doubt(Why.TUNNEL, text),))
