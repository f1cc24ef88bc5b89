"""Parts of rules as iptables-save writes them: addresses, ports, services, comments."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from portwright.packets.addresses import Addresses
from portwright.packets.fields import AH, ICMP, LAST_ADDRESS, PORT_PROTOCOLS
from portwright.packets.intervals import Interval, Intervals, normalize
from portwright.packets.names import protocol_name
from portwright.policy.intent import Named, Traffic

_COMMENT = 255  # characters: linux/netfilter/xt_comment.h, XT_MAX_COMMENT_LEN, and the zero at its end
_SLOTS = 15  # ports of one multiport, a range takes two: linux/netfilter/xt_multiport.h, XT_MULTI_PORTS
_ECHO = {4: "-p icmp -m icmp --icmp-type 8", 6: "-p ipv6-icmp -m icmp6 --icmpv6-type 128"}
_ECHO_REPLY = {4: "-p icmp -m icmp --icmp-type 0", 6: "-p ipv6-icmp -m icmp6 --icmpv6-type 129"}
_ICMP = {4: "icmp", 6: "ipv6-icmp"}
_SIDES = {"src": "-s", "dst": "-d"}


def joined(ends: Iterable[Named], version: int) -> Intervals:
    """The addresses of ends, of one IP version."""
    found = Addresses()
    for end in ends:
        found = found | end.addresses
    return found.family(version)


def ends(ranges: Intervals, version: int, side: str) -> list[str]:
    """Matches that together take these addresses, at the side `src` or `dst`; an empty one takes all."""
    if ranges == ((0, LAST_ADDRESS[version]),):
        return [""]
    networks = (Addresses(v4=ranges) if version == 4 else Addresses(v6=ranges)).texts()
    if len(networks) <= len(ranges):
        return [f"{_SIDES[side]} {network}" for network in networks]
    kind = IPv4Address if version == 4 else IPv6Address
    return [f"-m iprange --{side}-range {kind(first)}-{kind(last)}" for first, last in ranges]


def services(traffic: Iterable[Traffic], version: int, *, is_reply: bool = False) -> Iterator[str]:
    """Matches that together take the traffic of one IP version; of replies the ports are those of the sender."""
    found: dict[int, list[Interval]] = {}
    is_echo = True
    for kind in traffic:
        found.setdefault(kind.protocol, []).extend(kind.ports)
        is_echo &= kind.protocol != ICMP or kind.icmp_type is not None
    for protocol, ports in sorted(found.items()):
        if protocol == ICMP:
            yield (_ECHO_REPLY if is_reply else _ECHO)[version] if is_echo else f"-p {_ICMP[version]}"
        elif protocol in PORT_PROTOCOLS and ports:
            name = protocol_name(protocol)
            yield from (f"-p {name} {text}" for text in with_ports(normalize(ports), name, "s" if is_reply else "d"))
        elif protocol == AH and version == 6:
            yield "-m ah"  # legacy ip6tables looks behind AH for the protocol: ip6tables(8) warns of `-p ah`
        else:
            yield f"-p {protocol_name(protocol)}"


def with_ports(ports: Intervals, protocol: str, side: str) -> Iterator[str]:
    """Matches that together take some ports of a protocol, of the sender (`s`) or the receiver (`d`)."""
    if len(ports) == 1:
        yield f"-m {protocol} --{side}port {span(ports[0])}"
        return
    for group in _groups(ports):
        yield f"-m multiport --{side}ports {','.join(map(span, group))}"


def span(ports: Interval) -> str:
    """A port, or the first and the last of several."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}:{ports[1]}"


def _groups(ports: Intervals) -> Iterator[Sequence[Interval]]:
    group: list[Interval] = []
    slots = 0
    for pair in ports:
        taken = 1 if pair[0] == pair[1] else 2
        if slots + taken > _SLOTS:
            yield group
            group, slots = [], 0
        group.append(pair)
        slots += taken
    yield group


def comment(requirements: Sequence[str]) -> str:
    """The requirements as a match that always holds, as far as a comment can hold them."""
    text = "".join(one for one in " ".join(requirements) if one.isprintable() and one not in '"\\')
    if len(text) > _COMMENT:
        text = f"{text[: _COMMENT - 4].rpartition(' ')[0]} ..."
    return f'-m comment --comment "{text}"'
