"""Negated ports that iptables joins.

The iptables that makes rules of nftables loads `! --sport 1 ! --dport 2` as a single comparison of four bytes, which
holds unless *both* are equal (1.8.9, iptables/nft.c, add_nft_tcpudp); legacy iptables asks that both differ. What lies
between the two readings is in doubt.
"""

from portwright.packets.box import Boxes, Doubt, Match
from portwright.platforms.iptables.matches import PORTS
from portwright.platforms.iptables.scene import Scene, value
from portwright.platforms.iptables.syntax import Extension, Option
from portwright.platforms.iptables.values import ports
from portwright.platforms.netfilter.matching import Obscure, any_of, both

_REASON = "iptables may join negations of both ports: whether one must differ or both is not known"


def loosened(found: Match, extension: Extension, base: Boxes, scene: Scene) -> Match:
    """What an extension takes, all its options together being `found`, and more where its negations may be joined."""
    ends = [option for option in extension.options if _may_join(option)]
    if extension.name not in ("tcp", "udp") or len(ends) < 2:
        return found
    either = any_of([PORTS[option.name](option, scene) for option in ends])
    return Match(found.sure, both(Match.exact(base), either).possible, (*found.doubts, Doubt(_REASON)))


def _may_join(option: Option) -> bool:
    if option.name not in PORTS or not option.is_negated:
        return False
    try:
        first, last = ports(value(option))
    except Obscure:  # the option itself is in doubt
        return False
    return first == last
