"""What IPv6 packets carry behind AH, where matches of ip6tables look.

Legacy ip6tables passes over an AH header (linux/net/ipv6/netfilter/ip6_tables.c, ip6_packet_match): `-p tcp` looks
behind it, and `-p ah` never holds. The ip6tables that makes rules of nftables stops at it
(linux/include/net/netfilter/nf_tables_ipv6.h). Connection tracking and sets look behind it in either. The headers of
Portwright end with AH, so that what such a match makes of these packets is in doubt; `-m ah` finds them everywhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from portwright.packets.box import BEHIND_AH, PERHAPS_BEHIND_AH, Match, complement, intersect
from portwright.packets.fields import AH
from portwright.platforms.iptables.scene import Scene
from portwright.platforms.iptables.syntax import Extension, Option, Rule
from portwright.platforms.netfilter.matching import box, within

_WITH_AH = box(PROTOCOL=AH)
_WITHOUT_AH = complement(_WITH_AH)
_ANY = ("all", "0", "ip", "hopopt")
_TRANSPORT = frozenset((  # extensions that belong to a protocol: the kernel asks for its number
    "tcp", "udp", "udplite", "sctp", "dccp", "icmp6", "multiport", "tcpmss", "esp", "ipcomp", "mh",
))  # fmt: skip
_OF_CONNECTIONS = ("--ctproto", "--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport")


def split(line: Rule, scene: Scene, read: Callable[[Rule, Scene], Match]) -> Iterator[Match]:
    """The packets of a line, those with AH apart where it asks for what lies behind."""
    parts: tuple[Option | Extension, ...] = (*line.plain, *line.extensions)
    asking = [part for part in parts if _asks(part, scene)]
    if scene.version == 4 or not asking:
        yield read(line, scene)
        return
    yield within(read(line, scene), _WITHOUT_AH)
    if scene.stops_at_ah is not False or not asks_for_ah(line):
        rest = replace(
            line,
            plain=tuple(option for option in line.plain if option not in asking),
            extensions=tuple(extension for extension in line.extensions if extension not in asking),
        )
        doubt = PERHAPS_BEHIND_AH if scene.stops_at_ah is None else BEHIND_AH
        yield Match.doubtful(doubt, intersect(read(rest, scene).possible, _WITH_AH))


def _asks(part: Option | Extension, scene: Scene) -> bool:
    """Report whether a part of a line may look behind AH."""
    if isinstance(part, Option):
        return part.name == "-p" and part.values[0].lower() not in _ANY and not scene.stops_at_ah
    if part.name == "set":
        return any(_has_ports(option, scene) for option in part.options)
    if part.name == "conntrack":
        return any(option.name in _OF_CONNECTIONS for option in part.options)
    return part.name in _TRANSPORT and not scene.stops_at_ah


def _has_ports(option: Option, scene: Scene) -> bool:
    """Report whether an option names a set whose members may have ports, or one of sets."""
    found = scene.sets.get(option.values[0]) if option.values else None
    return found is not None and ("port" in found.kind or found.kind == "list:set")


def asks_for_ah(line: Rule) -> bool:
    """Report whether a line takes packets of the protocol AH."""
    return any(option.name == "-p" and not option.is_negated and _is_ah(option) for option in line.plain)


def _is_ah(option: Option) -> bool:
    return option.values[0].lower() in ("ah", str(AH))
