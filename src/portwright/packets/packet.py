"""One packet and its text form, `tcp 10.1.0.12:40000 > 10.2.0.7:1433 in outside state new`."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from portwright.packets.fields import (
    EXTENSION_HEADERS,
    ICMP,
    ICMP_PROTOCOL,
    ICMPV6,
    LAST,
    PORT_PROTOCOLS,
    TCP,
    Field,
    Flags,
    Header,
    State,
)
from portwright.packets.names import PORTS, PROTOCOLS, protocol_name

# A packet of a connection that is not yet known opens one; an established one has been opened already.
_FLAGS = {State.ESTABLISHED: Flags.OTHER, State.INVALID: Flags.OTHER}
_ECHO = {ICMP: 8, ICMPV6: 128}  # RFC 792, RFC 4443: echo request
DEFAULT_SOURCE_PORT = 40000  # an ephemeral port on every system
_LONGEST = 300  # characters; longer text is no packet that a person or a program wrote
_OPTIONS = ("in", "out", "state", "type", "code")


@dataclass(frozen=True, slots=True)
class Packet:
    """One unfragmented packet as a firewall sees it arrive."""

    version: int  # 4 or 6
    protocol: int  # 0-255
    source: int
    destination: int
    source_port: int = 0  # 0-65535; 0 for protocols without ports
    destination_port: int = 0
    icmp_type: int = 0  # 0-255; 0 for anything but ICMP and ICMPv6
    icmp_code: int = 0
    state: State = State.NEW
    interface_in: str | None = None  # None: not said; the empty string: it did not arrive, this machine sent it
    interface_out: str | None = None

    @property
    def flags(self) -> Flags:
        """TCP flags that fit the connection state."""
        return _FLAGS.get(self.state, Flags.OPENS) if self.protocol == TCP else Flags.OPENS

    def header(self, interface_in: int, interface_out: int) -> Header:
        """The packet as values in Field order, on the given interface atoms."""
        return (
            interface_in, interface_out, self.version, self.protocol, self.destination_port, self.destination,
            self.source, self.source_port, self.icmp_type, self.icmp_code, self.state, self.flags,
        )  # fmt: skip

    def __str__(self) -> str:
        return _format(self)

    @classmethod
    def parse(cls, text: str) -> "Packet":
        """The packet that the notation describes. Raises ValueError with what is wrong, in a sentence."""
        return _parse(text)


def address_text(version: int, address: int) -> str:
    """An address as people write it."""
    return str(IPv4Address(address) if version == 4 else IPv6Address(address))


def _format(packet: Packet) -> str:
    ports = packet.protocol in PORT_PROTOCOLS
    ends = [
        _end(packet.version, address, port if ports else None)
        for address, port in ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
    ]
    name = protocol_name(packet.protocol)
    words = [f"proto {name}" if name.isdigit() else name, ends[0], ">", ends[1]]
    if packet.protocol in _ECHO:
        words.append(f"type {packet.icmp_type} code {packet.icmp_code}")
    if packet.interface_in:
        words.append(f"in {packet.interface_in}")
    if packet.interface_out:
        words.append(f"out {packet.interface_out}")
    if packet.state is not State.NEW:
        words.append(f"state {packet.state.name.lower()}")
    return " ".join(words)


def _end(version: int, address: int, port: int | None) -> str:
    text = address_text(version, address)
    if port is None:
        return text
    return f"{text}:{port}" if version == 4 else f"[{text}]:{port}"


def _parse(text: str) -> Packet:
    if len(text) > _LONGEST:
        raise ValueError(f"a packet has at most {_LONGEST} characters")
    words = text.split()
    if words[:1] == ["proto"]:
        words = words[1:]
    if len(words) < 4 or words[2] != ">":
        raise ValueError("a packet is written as PROTO SOURCE[:PORT] > DESTINATION[:PORT], with blanks around '>'")
    protocol = _protocol(words[0])
    source, source_port = _parse_end(words[1])
    destination, destination_port = _parse_end(words[3])
    if source.version != destination.version:
        raise ValueError(f"{words[1]} and {words[3]} are of different IP versions")
    if source.version == 6 and protocol in EXTENSION_HEADERS:
        raise ValueError(f"{words[0]} is an extension header of IPv6: say which protocol stands behind it")
    _check_ports(protocol, source_port, destination_port)
    options = _options(words[4:])
    kind, code = _icmp(protocol, source.version, options)
    return Packet(
        source.version,
        protocol,
        int(source),
        int(destination),
        (DEFAULT_SOURCE_PORT if source_port is None else source_port) if protocol in PORT_PROTOCOLS else 0,
        destination_port or 0,
        kind,
        code,
        _state(options.get("state", "new")),
        options.get("in"),
        options.get("out"),
    )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= 5  # as many digits as the largest port has


def _protocol(word: str) -> int:
    number = int(word) if _is_number(word) else PROTOCOLS.get(word.lower(), -1)
    if not 0 <= number <= LAST[Field.PROTOCOL]:
        raise ValueError(
            f"'{word}' is not an IP protocol (tcp, udp, icmp, icmpv6, esp, ..., or 'proto 0' to 'proto 255')"
        )
    return number


def _parse_end(word: str) -> tuple[IPv4Address | IPv6Address, int | None]:
    found = re.fullmatch(r"\[([^\]]*)\](?::([\w-]+))?|([^:]*)(?::([\w-]+))?", word)
    address, port = word, None
    if found:
        address = found[1] if found[1] is not None else found[3]
        port = found[2] or found[4]
    try:
        return ip_address(address), None if port is None else _port(port)
    except ValueError as problem:
        if port is not None and "port" in str(problem):
            raise
        raise ValueError(f"'{word}' is not an address with an optional port (IPv6: [fd00::1]:53)") from None


def _port(word: str) -> int:
    number = int(word) if _is_number(word) else PORTS.get(word.lower(), -1)
    if not 0 <= number <= LAST[Field.DPORT]:
        raise ValueError(f"'{word}' is not a port (0 to 65535, or a well-known name)")
    return number


def _check_ports(protocol: int, source: int | None, destination: int | None) -> None:
    if protocol in PORT_PROTOCOLS and destination is None:
        raise ValueError(f"{protocol_name(protocol)} needs a destination port")
    if protocol not in PORT_PROTOCOLS and (source is not None or destination is not None):
        raise ValueError(f"{protocol_name(protocol)} has no ports")


def _options(words: list[str]) -> dict[str, str]:
    words = [word.strip("[]") for word in words]
    options = dict(zip(words[::2], words[1::2], strict=False))
    unknown = [word for word in words[::2] if word not in _OPTIONS]
    if unknown or len(words) % 2 or len(options) * 2 != len(words):
        bad = unknown[0] if unknown else words[-1]
        raise ValueError(f"cannot read '{bad}': after the ends come in IFACE, out IFACE, state S, type N, code N")
    return options


def _icmp(protocol: int, version: int, options: dict[str, str]) -> tuple[int, int]:
    if protocol not in _ECHO:
        if "type" in options or "code" in options:
            raise ValueError(f"{protocol_name(protocol)} has no ICMP type")
        return 0, 0
    if ICMP_PROTOCOL[version] != protocol:
        raise ValueError("icmp goes with IPv4 addresses and icmpv6 with IPv6 addresses")
    numbers = [options.get("type", str(_ECHO[protocol])), options.get("code", "0")]
    if not all(_is_number(number) and int(number) <= LAST[Field.TYPE] for number in numbers):
        raise ValueError("ICMP type and code are numbers from 0 to 255")
    return int(numbers[0]), int(numbers[1])


def _state(word: str) -> State:
    try:
        return State[word.upper()]
    except KeyError:
        names = ", ".join(state.name.lower() for state in State)
        raise ValueError(f"'{word}' is not a connection state ({names})") from None
