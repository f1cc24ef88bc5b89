"""Flow notation, one grammar everywhere: `PROTO SRC[:PORTS] > DST[:PORTS] [at POINT]`.

An end is a name (host, group, zone, virtual: a resolver says which addresses it has), a network, a range of addresses
or `any`; an IPv6 end with ports stands in brackets, `[fd00::/64]:53`. Ports are numbers, ranges, names and lists of
them: `80,443,8000-8010,ldap`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from portwright.packets import intervals
from portwright.packets.addresses import EVERY_ADDRESS, Addresses, parse_addresses
from portwright.packets.box import Box, Boxes
from portwright.packets.fields import EXTENSION_HEADERS, ICMP, ICMPV6, LAST, PORT_PROTOCOLS, Field
from portwright.packets.intervals import Intervals
from portwright.packets.names import PORTS, PROTOCOLS, protocol_name

Resolver = Callable[[str], Addresses]  # raises ValueError, with a sentence, for a name that it does not know

# Protocols that exist in one IP version; what is an extension header in IPv6 is no protocol of a packet there
_VERSION_ONLY = {**dict.fromkeys(EXTENSION_HEADERS, 4), ICMP: 4, ICMPV6: 6}
_EXAMPLE = "tcp 10.1.0.0/24 > sql01:1433"
_ANY_PROTOCOL = ("any", "ip")
_LONGEST = 1000  # characters; longer text is no flow that a person wrote


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow: which addresses and ports."""

    text: str  # as written, without ports
    addresses: Addresses
    ports: Intervals | None = None  # None: any


@dataclass(frozen=True, slots=True)
class Flow:
    """The packets that a line of flow notation speaks about."""

    text: str  # as written
    protocol: int | None  # 0-255; None: any protocol
    source: End
    destination: End
    point: str | None = None  # at this enforcement point only; None: end to end

    def boxes(self) -> Boxes:
        """The flow's packets: a box per IP version that both ends have."""
        return tuple(box for version in (4, 6) if (box := self._box(version)) is not None)

    def _box(self, version: int) -> Box | None:
        if self.protocol is not None and _VERSION_ONLY.get(self.protocol, version) != version:
            return None
        return Box.of({Field.VERSION: ((version, version),), **self._constraints(version)})

    def _constraints(self, version: int) -> dict[Field, Intervals]:
        constraints = {
            Field.SRC: self.source.addresses.family(version),
            Field.DST: self.destination.addresses.family(version),
        }
        if self.protocol is not None:
            constraints[Field.PROTOCOL] = ((self.protocol, self.protocol),)
        for name, end in ((Field.SPORT, self.source), (Field.DPORT, self.destination)):
            if end.ports is not None:
                constraints[name] = end.ports
        return constraints

    def __str__(self) -> str:
        return self.text


def parse_flow(text: str, resolve: Resolver) -> Flow:
    """The flow that a line of notation describes. Raises ValueError with what is wrong, in a sentence."""
    if len(text) > _LONGEST:
        raise ValueError(f"a flow has at most {_LONGEST} characters")
    words = text.split()
    if words[:1] == ["proto"]:
        words = words[1:]
    words, point = _split_point(words)
    if len(words) != 4 or words[2] != ">":
        raise ValueError(f"a flow is written as PROTO SOURCE[:PORTS] > DESTINATION[:PORTS], like '{_EXAMPLE}'")
    protocol = parse_protocol(words[0])
    source, destination = (parse_end(word, resolve) for word in (words[1], words[3]))
    _check_ports(protocol, source, destination)
    flow = Flow(" ".join(text.split()), protocol, source, destination, point)
    if not flow.boxes():
        raise ValueError(f"{words[1]} and {words[3]} have no IP version in common in which {words[0]} can flow")
    return flow


def _split_point(words: list[str]) -> tuple[list[str], str | None]:
    if len(words) == 6 and words[4] == "at":
        return words[:4], words[5]
    return words, None


def parse_protocol(word: str) -> int | None:
    """The number of an IP protocol by name or number; None for `any`. Raises ValueError for anything else."""
    if word.lower() in _ANY_PROTOCOL:
        return None
    number = int(word) if _is_number(word) else PROTOCOLS.get(word.lower(), -1)
    if not 0 <= number <= LAST[Field.PROTOCOL]:
        raise ValueError(
            f"'{word}' is not an IP protocol (tcp, udp, icmp, icmpv6, esp, any, or 'proto 0' to 'proto 255')"
        )
    return number


def parse_ports(text: str) -> Intervals:
    """The ports that `443`, `80,443`, `49152-65535` or `ldap` means. Raises ValueError for anything else."""
    return intervals.normalize(_port_range(part) for part in text.split(","))


def ports_text(ports: Intervals) -> str:
    """Ports as people write them: `80,443,8000-8010`."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def _port_range(part: str) -> tuple[int, int]:
    if part.lower() in PORTS:
        return PORTS[part.lower()], PORTS[part.lower()]
    first, dash, last = part.partition("-")
    low, high = _port(first, part), _port(last if dash else first, part)
    if low > high:
        raise ValueError(f"port range {part} runs backwards")
    return low, high


def _port(word: str, part: str) -> int:
    number = int(word) if _is_number(word) else -1
    if not 0 <= number <= LAST[Field.DPORT]:
        raise ValueError(f"'{part}' is not a port (0 to 65535, a range a-b, or a well-known name)")
    return number


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= 5  # short, so that int() is cheap


def parse_end(word: str, resolve: Resolver) -> End:
    """One end of a flow, `sql01:1433`. Raises ValueError with what is wrong, in a sentence."""
    name, ports = _split_ports(word)
    return End(name, _addresses(name, resolve), None if ports is None else parse_ports(ports))


def _split_ports(word: str) -> tuple[str, str | None]:
    if word.startswith("["):
        found = re.fullmatch(r"\[([^\[\]]+)\](?::(.+))?", word)
        if not found:
            raise ValueError(f"'{word}' opens a bracket: an IPv6 end with ports is written [fd00::/64]:53")
        return found[1], found[2]
    if word.count(":") > 1:
        return word, None  # a bare IPv6 address or network
    name, colon, ports = word.partition(":")
    return name, ports if colon else None


def _addresses(name: str, resolve: Resolver) -> Addresses:
    if name == "any":
        return EVERY_ADDRESS
    if ":" in name or name[:1].isdecimal():  # looks like an address; a name that begins with a digit still may be one
        try:
            return parse_addresses(name)
        except ValueError as problem:
            if ":" in name or "/" in name:
                raise ValueError(f"'{name}' is not a network: {problem}") from None
    return resolve(name)


def _check_ports(protocol: int | None, source: End, destination: End) -> None:
    if protocol in PORT_PROTOCOLS:
        return
    for end in (source, destination):
        if end.ports is not None:
            name = "any protocol" if protocol is None else protocol_name(protocol)
            raise ValueError(f"{end.text}: {name} has no ports; say tcp or udp")
