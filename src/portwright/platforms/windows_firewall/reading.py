"""From the JSON of a host file to a `Host`, or every problem with it at once."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import TypeVar

from portwright.errors import InvalidInput, Problem
from portwright.packets.addresses import EVERY_ADDRESS, Addresses
from portwright.packets.fields import TCP, UDP
from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.windows_firewall.addresses import plain, single
from portwright.platforms.windows_firewall.display import rule_text, shown
from portwright.platforms.windows_firewall.host import (
    DYNAMIC_RANGE,
    PROFILES,
    FirewallRule,
    Host,
    Interface,
    IpsecRule,
    Listener,
    Profile,
    Tunnels,
)
from portwright.platforms.windows_firewall.jsontext import Object, Value, read_json
from portwright.platforms.windows_firewall.members import (
    ANY,
    IPSEC_NUMBERS,
    OF_PROFILE,
    PROFILE_NUMBERS,
    named,
    texts,
)
from portwright.source import Source

T = TypeVar("T")

SCHEMA = "portwright.windows-host/1"
SECTIONS = (
    "schema", "collected", "computer", "environment", "profiles", "interfaces", "rules", "ipsec", "tunnels",
    "listeners", "services", "ports", "notes",
)  # fmt: skip
PINS = ("ntds", "netlogon", "frs", "dfsr")  # RPC servers that may be given a port
_MOST_PROBLEMS = 100
_MOST_ENTRIES = 100_000  # rules or listeners; terminal servers have had tens of thousands of rules
_KEYWORDS = {"DNS": "DnsServers", "DHCP": "DhcpServers", "WINS": "WinsServers", "DefaultGateway": "Gateways"}
_PROTOCOLS = {"TCP": TCP, "UDP": UDP}
_HAS_SID = ("1", "3")  # ServiceSidType: unrestricted, restricted
_HARMLESS = ("None", "Request")  # IPsec is asked for, and done without where the other end has none


def read_host(text: str, file: str) -> Host:
    """The host that a file describes. Raises InvalidInput."""
    found = read_json(text, file)
    schema = found.get("schema") if isinstance(found, Object) else None
    if not isinstance(found, Object) or schema != SCHEMA:
        hint = "a newer Portwright may read it" if str(schema).startswith(SCHEMA[:-1]) else "collect.ps1 writes one"
        raise InvalidInput.of(f"its schema is not {SCHEMA}", file=file, path="schema", hint=hint)
    reader = _Reader(found, file)
    host = reader.host()
    if reader.problems:
        raise InvalidInput(sorted(reader.problems)[:_MOST_PROBLEMS])
    return host


class _Reader:
    """Takes one file apart."""

    def __init__(self, root: Object, file: str):
        self._root = root
        self._file = file
        self.problems: list[Problem] = []

    def host(self) -> Host:
        """The host; what is wrong is in `problems`."""
        computer, ports = self._part("computer"), self._part("ports")
        name = shown(word(computer, "Name"), 60)
        return Host(
            file=self._file,
            name=name,
            named_at=Source(self._file, computer.line, f"computer {name}") if computer is not None and name else None,
            version=_version(word(computer, "Version")),
            firewall_service=word(computer, "FirewallService") or None,
            environment={
                key.lower(): value
                for key, value in (self._part("environment") or {}).items()
                if isinstance(value, str) and value
            },
            profiles={one.name: one for one in self._each("profiles", self._profile) or ()},
            interfaces=self._each("interfaces", self._interface),
            rules=self._each("rules", self._rule),
            listeners=self._each("listeners", self._listener),
            service_sids=dict(self._each("services", _service_sid) or ()),
            ipsec=self._each("ipsec", self._ipsec),
            tunnels=self._tunnels(),
            dynamic_range=dynamic_range(ports) or DYNAMIC_RANGE,
            pinned=normalize((port, port) for port in _pinned(ports)),
            ports=ports,
            notes=self._each("notes", self._remark) or (),
            unknown=tuple(self._unknown()),
        )

    def _unknown(self) -> Iterator[Source]:
        """What is in no table, and may mean anything for all packets."""
        yield from (Source(self._file, 0, shown(name, 40)) for name in self._root if name not in SECTIONS)
        for entry in entries(self._root.get("profiles")):
            if isinstance(entry, Object):
                others = [name for name in entry if name not in OF_PROFILE]
                yield from (Source(self._file, entry.line, f"profiles: {shown(name, 40)}") for name in others)

    def _part(self, name: str) -> Object | None:
        value = self._root.get(name)
        if value is None or isinstance(value, Object):
            return value
        self._note(0, name, "is no object")
        return None

    def _each(self, name: str, read: Callable[[Object, str], T | None]) -> tuple[T, ...] | None:
        """A part that is a list of objects, or a single one; None where there is none."""
        value = self._root.get(name)
        if value is None:
            return None
        items = entries(value)
        if len(items) > _MOST_ENTRIES:
            self._note(0, name, f"has more than {_MOST_ENTRIES} entries")
            return None
        made = (self._one(item, f"{name}[{number}]", read) for number, item in enumerate(items))
        return tuple(one for one in made if one is not None)

    def _one(self, item: Value, path: str, read: Callable[[Object, str], T | None]) -> T | None:
        if isinstance(item, Object):
            return read(item, path)
        self._note(0, path, "is no object")
        return None

    # ---------------------------------------------------------------- entries

    def _profile(self, entry: Object, path: str) -> Profile | None:
        name = word(entry, "Name")
        if name not in PROFILES:
            message = f"'{shown(name, 40)}' is no profile"
            self._note(entry.line, f"{path}.Name", message, f"one of: {', '.join(PROFILES)}")
            return None
        settings = (named(entry.get(member), numbers) or "" for member, numbers in PROFILE_NUMBERS.items())
        enabled, inbound, outbound, inbound_rules, local_rules = settings
        disabled = tuple(filter(None, texts(entry.get("DisabledInterfaceAliases")) or ()))
        return Profile(
            name,
            enabled,
            inbound,
            outbound,
            inbound_rules,
            local_rules,
            tuple(alias for alias in disabled if alias not in (ANY, "NotConfigured")),
            Source(self._file, entry.line, f"profile {name}"),
        )

    def _interface(self, entry: Object, path: str) -> Interface:
        place, listed = f"{path}.Addresses", texts(entry.get("Addresses"))
        if listed is None:
            self._note(entry.line, place, "an interface has Addresses, in a list that may be empty")
        found = [self._parsed(entry, place, text, ip_interface) for text in listed or ()]
        own: list[IPv4Interface | IPv6Interface] = [one for one in found if one is not None]
        return Interface(
            word(entry, "InterfaceAlias"),
            word(entry, "Type"),
            joined(single(one) for one in own),
            Addresses.of(one.network for one in own),
            word(entry, "Category"),
            {name: self._servers(entry, f"{path}.{member}", member) for name, member in _KEYWORDS.items()},
        )

    def _servers(self, entry: Object, path: str, member: str) -> Addresses | None:
        listed = texts(entry.get(member))
        if listed is None:
            return None
        found = (self._parsed(entry, path, text, ip_address) for text in listed if text)
        return joined(single(one) for one in found if one is not None)

    def _parsed(self, entry: Object, path: str, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except ValueError:
            self._note(entry.line, path, f"'{shown(text, 60)}' is no address")
            return None

    def _rule(self, entry: Object, _path: str) -> FirewallRule:
        return FirewallRule(entry, Source(self._file, entry.line, rule_text(entry)))

    def _listener(self, entry: Object, path: str) -> Listener | None:
        protocol, port = _PROTOCOLS.get(word(entry, "Protocol").upper()), as_port(entry.get("LocalPort"))
        if protocol is None or port is None:
            self._note(entry.line, path, "a listener has a Protocol, TCP or UDP, and a LocalPort")
            return None
        program, services = word(entry, "Program") or None, texts(entry.get("Services"))
        return Listener(protocol, word(entry, "LocalAddress"), port, program, services)

    def _ipsec(self, entry: Object, _path: str) -> IpsecRule | None:
        if named(entry.get("Enabled"), IPSEC_NUMBERS["Enabled"]) == "False":
            return None
        name = shown((texts(entry.get("DisplayName")) or ("?",))[0], 60)
        asked = {one: named(entry.get(f"{one}Security"), IPSEC_NUMBERS[f"{one}Security"]) for one in _DIRECTIONS}
        requires = tuple(direction for direction, security in asked.items() if security not in _HARMLESS)
        remote = _plain_addresses(texts(entry.get("RemoteAddress")))
        return IpsecRule(name, requires, remote, Source(self._file, entry.line, f'connection security rule "{name}"'))

    def _tunnels(self) -> Tunnels:
        part = self._part("tunnels") or Object(0)
        teredo, iphttps = (one if isinstance(one, bool) else None for one in (part.get("Teredo"), part.get("IPHttps")))
        return Tunnels(teredo, iphttps)

    def _remark(self, entry: Object, _path: str) -> tuple[str, Source]:
        text = shown(f"{word(entry, 'Part')}: {word(entry, 'Message')}")
        return text, Source(self._file, entry.line, text)

    def _note(self, line: int, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self._file, line, 0, path, message, hint))


_DIRECTIONS = ("Inbound", "Outbound")


def entries(value: Value) -> list[Value]:
    """A list, which PowerShell may have left out around a single value, or written with its count."""
    if isinstance(value, Object) and value and set(value) <= {"value", "Count"}:
        value = value.get("value")
    return value if isinstance(value, list) else [] if value is None else [value]


def word(entry: Object | None, name: str) -> str:
    """A member as text; empty where it is missing or no text."""
    found = texts(entry.get(name)) if entry is not None else None
    return found[0] if found and len(found) == 1 else ""


def as_port(value: Value) -> int | None:
    """A port, as number or text; None for anything else."""
    found = texts(value)
    text = found[0].strip() if found and len(found) == 1 else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 65536 else None


def joined(parts: Iterator[Addresses]) -> Addresses:
    """All the addresses."""
    found = Addresses()
    for part in parts:
        found = found | part
    return found


def dynamic_range(ports: Object | None) -> Intervals | None:
    """The TCP ports from which RPC servers choose: `{"dynamic": {"StartPort": 49152, "NumberOfPorts": 16384}}`."""
    part = ports.get("dynamic") if ports is not None else None
    if not isinstance(part, Object):
        return None
    start, count = as_port(part.get("StartPort")), as_port(part.get("NumberOfPorts"))
    return ((start, min(start + count - 1, 65535)),) if start and count else None


def _pinned(ports: Object | None) -> Iterator[int]:
    for name in PINS:
        port = as_port(ports.get(name)) if ports is not None else None
        if port:
            yield port


def _service_sid(entry: Object, _path: str) -> tuple[str, bool]:
    return word(entry, "Name").lower(), word(entry, "ServiceSidType") in _HAS_SID


def _version(text: str) -> tuple[int, int] | None:
    parts = text.split(".")[:2]
    if len(parts) < 2 or not all(part.isascii() and part.isdecimal() and len(part) < 5 for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def _plain_addresses(listed: tuple[str, ...] | None) -> Addresses | None:
    if listed is None or listed in ((), (ANY,)):
        return EVERY_ADDRESS if listed is not None else None
    try:
        return joined(plain(text) for text in listed)
    except ValueError:
        return None
