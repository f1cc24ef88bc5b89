"""Interface blocks: `nameif`, security level, addresses, shutdown, bridge groups."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Interface, IPv6Network

from portwright.platforms.cisco_asa.ledger import Ledger
from portwright.platforms.cisco_asa.lines import Block, Cursor, Incomplete, Line, NotUnderstood
from portwright.platforms.cisco_asa.values import Addresses, network_of, parse_ip

MAXIMUM_LEVEL = 100

# Lines of an interface block that decide about no packet, by their first words; grouped by what they are.
INERT = tuple(
    tuple(line.split())
    for line in """
    description
    speed
    duplex
    flowcontrol
    mac-address
    delay
    hold-time
    power
    load-interval
    media-type
    mtu
    lacp
    port-channel
    channel-group
    member-interface
    redundant-interface
    switchport
    backup interface
    vlan
    secondary
    no nameif
    no security-level
    no ipv6 address
    no shutdown
    no management-only
    no vlan
    no speed
    no duplex
    negotiate
    no negotiate
    no switchport
    no description
    authentication
    ospf
    eigrp
    rip
    isis
    hello-interval
    split-horizon
    summary-address
    no split-horizon
    no eigrp
    no ospf
    igmp
    pim
    multicast
    mfib
    no igmp
    no pim
    no mfib
    dhcp client
    dhcprelay
    ddns
    pppoe client
    cts manual
    cts role-based
    policy static sgt
    propagate sgt
    ipv6 nd
    no ipv6 nd
    ipv6 dhcp
    no ipv6 dhcp
    ipv6 ospf
    lldp
    cdp
    poe
    fec
    carrier-delay
    bfd
    no bfd
    asr-group
    allow-ssc-mgmt
    ipv6 dhcprelay
    policy-route cost
    policy-route path-monitoring
    no lldp
    no cdp
    segment-id
    vtep-nve
    mcast-group
    standby
    sla
    tunnel source
    tunnel destination
    tunnel mode ipsec
    tunnel protection ipsec
    flow-export
    service-module
    """.strip().splitlines()
)


@dataclass(slots=True)
class Interface:
    """An interface with a name of its own (`nameif`); a packet can arrive on no other."""

    name: str
    head: Line
    hardware: str  # GigabitEthernet0/1.10
    level: int | None = None  # None: not known
    level_line: Line | None = None
    no_address: Line | None = None  # `no ip address`: it has none of IPv4
    has_ipv6: bool = False  # an address, or enabled without one
    networks: list[tuple[IPv4Network | IPv6Network, int, Line]] = field(default_factory=list)  # and its own address
    learned: list[Line] = field(default_factory=list)  # addresses that DHCP or PPPoE hands out
    default_route: list[Line] = field(default_factory=list)  # learned with `setroute`
    shutdown: Line | None = None
    management_only: Line | None = None
    no_forward: list[Line] = field(default_factory=list)
    bridge_group: str = ""
    zone: str = ""  # its traffic zone: any member of it may carry the packets of a connection
    bypass: list[Line] = field(default_factory=list)  # `policy-route`: routing that does not follow the destination
    not_understood: list[tuple[Line, NotUnderstood]] = field(default_factory=list)

    @property
    def level_source(self) -> Line:
        """The line that says the security level, or the interface's first line."""
        return self.level_line or self.head

    @property
    def is_usable(self) -> bool:
        """Report whether packets cross the firewall there; those of a bridge group do so on its members."""
        return not (self.shutdown or self.management_only or self.bridge or self._is("loopback"))

    @property
    def is_addressed(self) -> bool:
        """Report whether the file tells what lies behind it; an excerpt may leave the address out, or the interface."""
        return bool(self.networks or self.learned or self.bridge_group) or not self.is_usable

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions that it surely or possibly speaks; an excerpt may leave its addresses out."""
        has_ipv4 = not self.no_address or bool(self.networks or self.learned)
        has_ipv6 = self.has_ipv6 or not (self.no_address or self.networks or self.learned)
        return tuple(version for version, has in ((4, has_ipv4), (6, has_ipv6)) if has)

    @property
    def is_tunnel(self) -> bool:
        """Report whether the interface is a virtual tunnel interface."""
        return self._is("tunnel") or self._is("virtual-template")

    def _is(self, kind: str) -> bool:
        return self.hardware.lower().startswith(kind)

    @property
    def bridge(self) -> str:
        """The number of the bridge group whose virtual interface (BVI) this is; otherwise empty."""
        return self.hardware[3:] if self.hardware.upper().startswith("BVI") else ""

    def addresses(self) -> Addresses | None:
        """The interface's own addresses; None while it has none that the file tells."""
        own = [Addresses.exact(found.version, ((address, address),)) for found, address, _ in self.networks]
        return Addresses.union(own) if own and not self.learned else None


def read_interfaces(blocks: Iterable[Block], ledger: Ledger, names: Mapping[str, str]) -> dict[str, Interface]:
    """The named interfaces of a file, by name."""
    blocks = list(blocks)
    down = {_hardware(block): line for block in blocks for line in block.body if line.words == ("shutdown",)}
    found: dict[str, Interface] = {}
    for block in blocks:
        name = next((line.words[1] for line in block.body if line.words[0] == "nameif" and len(line.words) > 1), "")
        if not name:
            _read_unnamed(block, ledger)
            continue
        interface = Interface(name, block.head, _hardware(block), MAXIMUM_LEVEL if name == "inside" else 0)
        _read(block, interface, ledger, dict(names))
        parent = interface.hardware.partition(".")[0]
        interface.shutdown = interface.shutdown or down.get(parent)
        if name in found:
            ledger.problem(block.head, f"two interfaces have the name {name}", "every nameif is unique on a device")
        found[name] = interface
    return found


def _hardware(block: Block) -> str:
    return "".join(block.head.words[1:])


def _read_unnamed(block: Block, ledger: Ledger) -> None:
    """Without a name an interface passes no packets (subinterfaces have names of their own)."""
    ledger.inert_block(block)


def _read(block: Block, interface: Interface, ledger: Ledger, names: dict[str, str]) -> None:
    ledger.modelled()
    for line in block.body:
        read = _READERS.get(line.words[:3]) or _READERS.get(line.words[:2]) or _READERS.get(line.words[:1])
        if read is None and any(line.words[: len(known)] == known for known in INERT):
            ledger.inert()
            continue
        ledger.modelled()
        try:
            (read or _unknown)(interface, line, names)
        except NotUnderstood as problem:
            interface.not_understood.append((line, problem))


def _unknown(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del interface, names
    raise NotUnderstood(f"'{line.words[0]}' is not understood in an interface")


def _nameif(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del interface, line, names  # read beforehand


def _security_level(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.level = None
    interface.level = Cursor(line.words[1:]).number(MAXIMUM_LEVEL, "a security level (0 to 100)")
    interface.level_line = line


def _ip_address(interface: Interface, line: Line, names: dict[str, str]) -> None:
    cursor = Cursor(line.words[2:])
    if cursor.peek() in ("dhcp", "pppoe"):
        interface.learned.append(line)
        if "setroute" in cursor.rest():
            interface.default_route.append(line)
        return
    version, address = parse_ip(cursor.peek(), names) if not cursor.done else _too_short()
    if version == 6:
        raise NotUnderstood("an IPv6 address after 'ip address'")
    interface.networks.append((network_of(cursor, names), address, line))
    if cursor.peek() in ("standby", "cluster-pool"):
        cursor.rest()
    elif cursor.accept("pppoe"):
        if "setroute" in cursor.rest():
            interface.default_route.append(line)
    elif not cursor.done:
        raise NotUnderstood(f"'{cursor.peek()}' is not understood here")


def _too_short() -> tuple[int, int]:
    raise Incomplete("the line ends too early")


def _no_ip_address(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.no_address = line


def _ip_unnumbered(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del line, names
    interface.no_address = None


def _ipv6(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del line, names
    interface.has_ipv6 = True


def _ipv6_address(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.has_ipv6 = True
    word = line.words[2] if len(line.words) > 2 else ""
    if word in ("autoconfig", "dhcp"):
        interface.learned.append(line)
        return
    if "link-local" in line.words:
        return
    if "/" not in word and len(line.words) > 3 and "/" in line.words[3]:  # PREFIX-NAME ::1/64, from a delegated prefix
        interface.learned.append(line)
        return
    try:
        found = IPv6Interface(word)
    except ValueError:
        raise NotUnderstood(f"'{word}' is not an IPv6 address") from None
    if "eui-64" in line.words:
        interface.learned.append(line)
        return
    interface.networks.append((found.network, int(found.ip), line))


def _shutdown(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.shutdown = line


def _management_only(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.management_only = line


def _bridge_group(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    cursor = Cursor(line.words[1:])
    interface.bridge_group = cursor.take()


def _zone_member(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    cursor = Cursor(line.words[1:])
    interface.zone = cursor.take()


def _no_forward(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    target = line.words[3:]  # "Vlan1" or "Vlan 1"
    if line.words[2:3] != ("interface",) or not (len(target) == 1 or (len(target) == 2 and target[1].isdecimal())):
        raise NotUnderstood("only 'no forward interface NAME' is understood")
    interface.no_forward.append(line)


def _policy_route(interface: Interface, line: Line, names: dict[str, str]) -> None:
    del names
    interface.bypass.append(line)


_READERS: dict[tuple[str, ...], Callable[[Interface, Line, dict[str, str]], None]] = {
    ("nameif",): _nameif,
    ("security-level",): _security_level,
    ("ip", "address"): _ip_address,
    ("ip", "unnumbered"): _ip_unnumbered,
    ("no", "ip", "address"): _no_ip_address,
    ("ipv6", "address"): _ipv6_address,
    ("ipv6", "enable"): _ipv6,
    ("ipv6", "unnumbered"): _ipv6,
    ("shutdown",): _shutdown,
    ("management-only",): _management_only,
    ("bridge-group",): _bridge_group,
    ("zone-member",): _zone_member,
    ("no", "forward"): _no_forward,
    ("policy-route", "route-map"): _policy_route,
}
