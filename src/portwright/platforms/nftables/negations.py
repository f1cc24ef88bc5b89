"""Negations that nft joins.

nft 1.0.6 loads `tcp sport != 1 tcp dport != 2` as a single comparison of four bytes, which holds unless
*both* are equal; later ones as two, of which both must hold. A listing shows the same words for either, so what lies
between the two readings is in doubt.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portwright.packets.box import Doubt, Match
from portwright.platforms.netfilter.matching import any_of, both
from portwright.platforms.nftables.matches import Context, comparison
from portwright.platforms.nftables.syntax import Condition, Selector, Statement, Value

_MOST = 4  # bytes of a joined comparison
_PLACES = {  # selector -> offset and length in its header, in bytes: RFC 791, 792, 768, 8200, 4443, 3828
    "ip length": (2, 2), "ip id": (4, 2), "ip ttl": (8, 1), "ip protocol": (9, 1), "ip checksum": (10, 2),
    "ip6 length": (4, 2), "ip6 nexthdr": (6, 1), "ip6 hoplimit": (7, 1),
    "icmp type": (0, 1), "icmp code": (1, 1), "icmp checksum": (2, 2),
    "icmpv6 type": (0, 1), "icmpv6 code": (1, 1), "icmpv6 checksum": (2, 2),
    "udp length": (4, 2), "udp checksum": (6, 2), "udplite csumcov": (4, 2), "udplite checksum": (6, 2),
    **{f"{name} sport": (0, 2) for name in ("tcp", "udp", "udplite", "sctp", "dccp", "th")},
    **{f"{name} dport": (2, 2) for name in ("tcp", "udp", "udplite", "sctp", "dccp", "th")},
}  # fmt: skip
_REASON = "older versions of nft join negations of neighboring fields: whether one must differ or all is not known"


@dataclass(frozen=True, slots=True)
class Joined:
    """Comparisons that nft may have made one of."""

    conditions: tuple[Condition, ...]


def join(statements: Iterable[Statement]) -> Iterator[Statement | Joined]:
    """The statements of a rule, those that nft may join together in one; it never joins across another statement."""
    run: list[Condition] = []
    for statement in statements:
        if isinstance(statement, Condition):
            run.append(statement)
        else:
            yield from _joined(run)
            yield statement
            run = []
    yield from _joined(run)


def matching(joined: Joined, context: Context) -> Match:
    """The packets for which joined comparisons hold: surely where all differ, possibly where one does."""
    matches = [comparison(condition, context) for condition in joined.conditions]
    every = matches[0]
    for match in matches[1:]:
        every = both(every, match)
    return Match(every.sure, any_of(matches).possible, (*every.doubts, Doubt(_REASON)))


def _joined(run: list[Condition]) -> Iterator[Statement | Joined]:
    groups: list[list[Condition]] = []
    for condition in sorted(filter(_may_join, run), key=_place):
        if groups and _fits(groups[-1], condition):
            groups[-1].append(condition)
        else:
            groups.append([condition])
    joined = [tuple(group) for group in groups if len(group) > 1]
    together = {id(condition) for group in joined for condition in group}
    yield from (condition for condition in run if id(condition) not in together)
    yield from map(Joined, joined)


def _may_join(condition: Condition) -> bool:
    is_plain = isinstance(condition.left, Selector) and isinstance(condition.right, Value)
    return condition.operator == "!=" and is_plain and str(condition.left) in _PLACES


def _place(condition: Condition) -> tuple[str, int, int]:
    name = str(condition.left)
    return name.partition(" ")[0], *_PLACES[name]


def _fits(group: list[Condition], condition: Condition) -> bool:
    """Whether a comparison begins where those before it end, in the same header, and they are not too long together."""
    (first, start, _), (_, offset, length) = _place(group[0]), _place(group[-1])
    header, begins, size = _place(condition)
    return (first, begins) == (header, offset + length) and begins + size - start <= _MOST
