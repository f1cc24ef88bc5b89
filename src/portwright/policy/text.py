"""Boxes and headers as flow notation, for people: `tcp 10.1.0.0/16 > sql01:1433`."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from portwright.packets.box import Box
from portwright.packets.fields import ICMP, ICMP_PROTOCOL, ICMPV6, LAST_ADDRESS, PORT_PROTOCOLS, Field, State
from portwright.packets.intervals import Interval, Intervals, contains, intersect
from portwright.packets.names import protocol_name
from portwright.packets.packet import Packet
from portwright.policy.index import Values
from portwright.policy.interfaces import OTHER, Interfaces

Naming = Callable[[int, Interval], str | None]  # IP version, address range -> the name people know it by
NamingTogether = Callable[[int, Intervals], str | None]  # the same for all addresses of an end

_SHOWN = 4  # parts of a list that are spelled out


def _nameless(_version: int, _range: object) -> str | None:
    return None


def box_text(
    box: Box,
    interfaces: Interfaces = Interfaces(),  # noqa: B008
    naming: Naming = _nameless,
    together: NamingTogether = _nameless,
) -> str:
    """A box as one line of flow notation; long lists end in "and N more"."""
    ends = [_end(box, address, port, naming, together) for address, port in _ENDS]
    words = [_protocols(box), ends[0], ">", ends[1], *_icmp(box), *_interfaces(box, interfaces), *_states(box)]
    return " ".join(word for word in words if word)


_ENDS = ((Field.SRC, Field.SPORT), (Field.DST, Field.DPORT))


def _protocols(box: Box) -> str:
    ranges = _meant(box)
    if ranges == ((0, 255),):
        return "any"
    return _listed([protocol_name(pair[0]) if pair[0] == pair[1] else _span(pair) for pair in ranges])


def _meant(box: Box) -> Intervals:
    """The protocols whose packets have the fields that a box asks for; those of others hold zero there."""
    ranges = box.get(Field.PROTOCOL)
    if any(box.get(port) != ((0, 0xFFFF),) for port in (Field.SPORT, Field.DPORT)):
        ranges = intersect(ranges, tuple((number, number) for number in PORT_PROTOCOLS)) or ranges
    if any(not contains(box.get(name), 0) for name in (Field.TYPE, Field.CODE)):
        versions = {version: contains(box.get(Field.VERSION), version) for version in ICMP_PROTOCOL}
        icmp = tuple((ICMP_PROTOCOL[version],) * 2 for version, is_there in versions.items() if is_there)
        ranges = intersect(ranges, icmp) or ranges
    return ranges


def _span(pair: Interval) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}-{pair[1]}"


def _listed(parts: list[str]) -> str:
    shown = ",".join(parts[:_SHOWN])
    return shown if len(parts) <= _SHOWN else f"{shown} and {len(parts) - _SHOWN} more"


def _end(box: Box, address: Field, port: Field, naming: Naming, together: NamingTogether) -> str:
    parts = list(dict.fromkeys(end_texts(box, address, naming, together)))
    text = "any" if parts == ["any4", "any6"] else _listed(parts)
    ports = box.get(port)
    if ports == ((0, 0xFFFF),) or (ports == ((0, 0),) and not _has_ports(box)):
        return text
    text = f"[{text}]" if ":" in text else text
    return f"{text}:{_listed([_span(pair) for pair in ports])}"


def end_texts(box: Box, address: Field, naming: Naming, together: NamingTogether) -> list[str]:
    """The addresses of one end, each under its name or as network or range."""
    return [part for version in (4, 6) for part in _addresses(box, version, address, naming, together)]


def _addresses(box: Box, version: int, address: Field, naming: Naming, together: NamingTogether) -> list[str]:
    """The addresses of one IP version at one end."""
    whole = ((0, LAST_ADDRESS[version]),)
    ranges = intersect(box.get(address), whole)
    if not contains(box.get(Field.VERSION), version):
        return []
    if ranges == whole:
        return [f"any{version}"]
    if name := together(version, ranges):
        return [name]
    return [naming(version, pair) or address_range_text(version, pair) for pair in ranges]


def service_text(box: Box) -> str:
    """What a box says beside its addresses: `tcp 443,8000-8010`, `icmp type 8`."""
    ports = [
        f"{word}{_all_ports(box.get(name))}"
        for name, word in ((Field.DPORT, ""), (Field.SPORT, "from "))
        if _has_ports(box) and box.get(name) != ((0, 0xFFFF),)
    ]
    return " ".join([_protocols(box), *ports, *_icmp(box)])


def _all_ports(ranges: Intervals) -> str:
    return ",".join(map(_span, ranges))


def _has_ports(box: Box) -> bool:
    return any(first <= p <= last for p in PORT_PROTOCOLS for first, last in box.get(Field.PROTOCOL))


def address_range_text(version: int, pair: Interval) -> str:
    """A range of addresses as address, network or range."""
    kind = IPv4Address if version == 4 else IPv6Address
    last = min(pair[1], LAST_ADDRESS[version])
    if pair[0] == last:
        return str(kind(last))
    size = last - pair[0] + 1
    if size & (size - 1) or pair[0] % size:
        return f"{kind(pair[0])}-{kind(last)}"
    return f"{kind(pair[0])}/{(32 if version == 4 else 128) - size.bit_length() + 1}"


def _icmp(box: Box) -> list[str]:
    if _meant(box) not in (((ICMP, ICMP),), ((ICMPV6, ICMPV6),)):
        return []
    named = ((Field.TYPE, "type"), (Field.CODE, "code"))
    return [f"{word} {_numbers(box.get(name))}" for name, word in named if box.get(name) != ((0, 255),)]


def _numbers(ranges: Intervals) -> str:
    return _listed([_span(pair) for pair in ranges])


def _interfaces(box: Box, interfaces: Interfaces) -> list[str]:
    words = []
    for name, word in ((Field.IN, "in"), (Field.OUT, "out")):
        atoms = [atom for atom in interfaces.atoms() if any(a <= atom <= b for a, b in box.get(name))]
        if len(atoms) < len(interfaces.atoms()):
            words.append(f"{word} {_listed([interfaces.name(atom) for atom in atoms])}")
    return words


def _states(box: Box) -> list[str]:
    ranges = box.get(Field.STATE)
    states = [state.name.lower() for state in State if any(a <= state <= b for a, b in ranges)]
    return [] if len(states) == len(State) or states == ["new"] else [f"state {_listed(states)}"]


def packet_of(values: Values, interfaces: Interfaces = Interfaces()) -> Packet:  # noqa: B008
    """The packet that a header describes; its interfaces are named where they are known and have a name."""
    header = tuple(value if isinstance(value, int) else 0 for value in values)
    ports = header[Field.PROTOCOL] in PORT_PROTOCOLS
    return Packet(
        header[Field.VERSION],
        header[Field.PROTOCOL],
        header[Field.SRC],
        header[Field.DST],
        header[Field.SPORT] if ports else 0,
        header[Field.DPORT] if ports else 0,
        header[Field.TYPE],
        header[Field.CODE],
        State(header[Field.STATE]),
        _interface_name(interfaces, header[Field.IN]),
        _interface_name(interfaces, header[Field.OUT]),
    )


def _interface_name(interfaces: Interfaces, atom: int) -> str | None:
    return None if atom <= OTHER or atom > interfaces.atoms()[-1] else interfaces.name(atom)
