"""Parts of a match: boxes over one field, and values of members that need no more than themselves."""

from collections.abc import Iterable, Iterator

from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.box import ALWAYS, NEVER, Box, Boxes, Doubt, Match, intersect
from portwright.packets.fields import ICMP, ICMPV6, LAST, Field
from portwright.packets.intervals import Intervals
from portwright.platforms.windows_firewall.doubts import Why, doubt
from portwright.platforms.windows_firewall.host import FirewallRule, Host
from portwright.platforms.windows_firewall.members import INERT, MODELED, OPTIONAL

_ICMP_NAMES = {"icmpv4": ICMP, "icmpv6": ICMPV6}
_NAMES = {
    "tcp": 6, "udp": 17, "hopopt": 0, "igmp": 2, "ipv6": 41, "ipv6route": 43, "ipv6frag": 44, "gre": 47,
    "ipv6nonxt": 59, "ipv6opts": 60, "vrrp": 112, "pgm": 113, "l2tp": 115, **_ICMP_NAMES,
}  # fmt: skip
_ICMP_VERSION = {ICMP: 4, ICMPV6: 6}


def boxes(parts: Iterable[Box | None]) -> Boxes:
    """The boxes that hold something, each once."""
    return tuple(dict.fromkeys(box for box in parts if box is not None))


def having(field: Field, values: Intervals) -> Boxes:
    """The packets with one of these values."""
    return boxes([Box.of({field: values})])


def among(field: Field, addresses: Addresses) -> Boxes:
    """The packets with one of these addresses."""
    if addresses == EVERY_ADDRESS:
        return ALWAYS.sure
    return boxes(Box.of({Field.VERSION: ((version, version),), field: addresses.family(version)}) for version in (4, 6))


def between(sure: Boxes, possible: Boxes, doubts: tuple[Doubt, ...]) -> Match:
    """A match in doubt, unless there is nothing between what is sure and what is possible."""
    return Match.exact(possible) if set(sure) == set(possible) else Match(sure, possible, doubts)


def within(packets: Boxes, match: Match) -> Match:
    """The match among some packets: without its doubts where they leave nothing open there."""
    if match.is_certain:
        return match
    return between(intersect(packets, match.sure), intersect(packets, match.possible), match.doubts)


def protocol(text: str) -> int | None:
    """A protocol by number or name; None for anything else."""
    if text.isascii() and text.isdecimal() and len(text) < 4:
        return int(text) if int(text) <= LAST[Field.PROTOCOL] else None
    return _NAMES.get(text.lower())


def icmp(number: int, listed: tuple[str, ...]) -> Match:
    """ICMP of these types: `8`, `3:4`, `3:*`; nothing means all."""
    version = _ICMP_VERSION[number]
    own = {Field.VERSION: ((version, version),), Field.PROTOCOL: ((number, number),)}
    found = NEVER
    for text in listed or ("Any",):
        kind, _, code = text.partition(":")
        parts: dict[Field, Intervals] = {**own}
        for field, value in ((Field.TYPE, kind), (Field.CODE, code or "*")):
            if value.isascii() and value.isdecimal() and len(value) < 4:
                parts[field] = ((int(value), int(value)),) if int(value) <= LAST[field] else ()
            elif value.lower() not in ("*", "any"):
                return Match.doubtful(doubt(Why.VALUE, f"IcmpType {text}"), boxes([Box.of(own)]))
        found = found | Match.exact([Box.of(parts)])
    return found


def unclear(rule: FirewallRule) -> Iterator[Match]:
    """What the file does not say of a rule, and what it says that nobody here knows."""
    for name in MODELED:
        if name not in OPTIONAL and rule.texts(name) is None:
            yield Match.doubtful(doubt(Why.MEMBER_MISSING, name))
    for name in unknown_members(rule):
        yield Match.doubtful(doubt(Why.MEMBER_UNKNOWN, name))


def unknown_members(rule: FirewallRule) -> list[str]:
    """The members of a rule that are in no table."""
    return [name for name in rule.members if name not in MODELED and name not in INERT]


def for_release(rule: FirewallRule, host: Host) -> Match:
    """Whether a rule is for the host's release of Windows: `6.1`, or `6.1+` for later ones too."""
    listed = rule.restriction("Platform")
    if not listed:
        return ALWAYS
    answers = {_is_release(text, host.version) for text in listed}
    if True in answers:
        return ALWAYS
    return Match.doubtful(doubt(Why.PLATFORM, ", ".join(listed))) if None in answers else NEVER


def _is_release(text: str, version: tuple[int, int] | None) -> bool | None:
    parts = text.strip().removesuffix("+").split(".")
    if (
        version is None
        or len(parts) < 2
        or not all(one.isascii() and one.isdecimal() and len(one) < 5 for one in parts)
    ):
        return None
    wanted = (int(parts[0]), int(parts[1]))
    return version >= wanted if text.strip().endswith("+") else version == wanted
