"""Matches on kinds and ranges of addresses: `-m addrtype` and `-m iprange`."""

from portwright.packets.box import Doubt, Match
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.packets.intervals import Intervals, complement, normalize
from portwright.platforms.iptables.scene import Scene, select, value
from portwright.platforms.iptables.syntax import Extension, Option
from portwright.platforms.iptables.values import span
from portwright.platforms.netfilter.matching import any_of, both, box

_ROUTING = "which addresses are the machine's own, and which are broadcasts, depends on its interfaces and routes"
_INTERFACE = "which addresses an interface has is not known"
_MULTICAST: dict[int, Intervals] = {  # RFC 5771, RFC 4291
    4: ((0xE0000000, 0xEFFFFFFF),),
    6: ((0xFF << 120, LAST_ADDRESS[6]),),
}
_NOBODY: dict[int, Intervals] = {4: ((0, 0), (0xFFFFFFFF, 0xFFFFFFFF)), 6: ((0, 0),)}  # in IPv4 these are broadcasts
_LOOPBACK: dict[int, Intervals] = {4: ((0x7F000000, 0x7FFFFFFF),), 6: ((1, 1),)}  # RFC 1122, 3.2.1.3; RFC 4291
_FIELDS = {"--src-type": Field.SRC, "--dst-type": Field.DST}
_RARE = ("ANYCAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE")
_Known = tuple[Intervals, Intervals]  # addresses that surely are of a type, and those that possibly are


def iprange(option: Option, scene: Scene) -> Match:
    """The packets whose address lies between two. Raises Obscure."""
    name = Field.SRC if option.name == "--src-range" else Field.DST
    wanted = (span(value(option), scene.version),)
    return select(name, wanted, negate=option.is_negated, base=box(VERSION=scene.version))


def addrtype(extension: Extension, scene: Scene) -> Match:
    """The packets whose addresses are of these types, as far as the hook or the address tells. Raises Obscure."""
    found = Match.exact(box(VERSION=scene.version))
    for option in extension.options:
        found = both(found, _typed(option, scene))
    return found


def _typed(option: Option, scene: Scene) -> Match:
    if option.name not in _FIELDS:  # --limit-iface-in, --limit-iface-out
        return Match.doubtful(Doubt(_INTERFACE))
    kinds = value(option).upper().split(",")
    if scene.version == 6 and len(kinds) > 1:  # linux/net/netfilter/xt_addrtype.c: in IPv6 all types have to fit
        return Match.doubtful(Doubt(_ROUTING))
    found = any_of([_of_type(kind, option, scene) for kind in kinds])
    return ~found if option.is_negated else found


def _of_type(kind: str, option: Option, scene: Scene) -> Match:
    name = _FIELDS[option.name]
    sure, possible = _known(kind, scene.version, scene.hook if name is Field.DST else "")
    exact = select(name, sure)
    return exact if sure == possible else Match(exact.sure, select(name, possible).possible, (Doubt(_ROUTING),))


def _known(kind: str, version: int, hook: str) -> _Known:
    """The addresses of a kind, given the hook at which they are destinations; no hook for sources.

    What is forwarded is for no address of the machine, and what comes in is; a broadcast to the hosts of a connected
    network, which nothing tells from other addresses, is taken for one of them. Nobody sends from a broadcast address.
    """
    multicast, nobody, loopback = _MULTICAST[version], _NOBODY[version], _LOOPBACK[version]
    ordinary = complement(normalize(multicast + nobody), LAST_ADDRESS[version])
    exact: dict[str, Intervals] = {"MULTICAST": multicast}
    if version == 6:
        exact |= {"UNSPEC": nobody, "UNICAST": ordinary}
    if hook == "INPUT":
        exact |= {"LOCAL": ordinary, "BROADCAST": nobody}
    elif hook == "FORWARD":
        beyond = complement(normalize(multicast + nobody + loopback), LAST_ADDRESS[version])
        others: Intervals = ()  # linux/net/ipv4/fib_frontend.c: types are looked up in the table that did not match
        exact |= {"LOCAL": loopback, "BROADCAST": nobody}
        exact |= {"UNICAST": beyond, **dict.fromkeys(_RARE, others)} if version == 4 else {}
    elif not hook:
        exact |= {"BROADCAST": nobody}  # RFC 1122, 3.2.1.3
    if kind in exact:
        return exact[kind], exact[kind]
    unsure = {"LOCAL": (loopback, ordinary), "BROADCAST": (nobody, normalize(nobody + ordinary))}
    return unsure.get(kind, ((), ((0, LAST_ADDRESS[version]),)))
