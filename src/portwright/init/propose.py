"""A site file proposed from the configurations that exist and a table of hosts; every guess is marked as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from portwright.catalog.model import Catalog
from portwright.errors import InvalidInput, Problem
from portwright.init.firewalls import Firewall, inside, read_firewalls
from portwright.init.hosts import Row, read_hosts, suggest_role
from portwright.init.named import NamedHost
from portwright.init.naming import site_name, unique
from portwright.init.ways import Between, Ways, find_ways
from portwright.init.yamltext import comment, pairs, value, values
from portwright.init.zones import ProposedZone, ZoneFinder, propose_zones, zone_finder, zones_around
from portwright.packets.addresses import Address

PRODUCT = "dynamics-crm-2013"  # proposed; the catalog has others

_IN_ONE_LINE = 6  # networks
_MOST_NAMED = 200  # hosts named in configurations that are offered
_MOST_UNKNOWN = 20  # pairs of zones that are listed

Lines = Iterator[str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is known, put together."""

    site: str
    folder: Path  # of the site file
    catalog: Catalog
    firewalls: Sequence[Firewall]
    rows: Sequence[Row]
    zones: tuple[ProposedZone, ...]
    finder: ZoneFinder
    ways: Ways

    @classmethod
    def of(
        cls, site: str, folder: Path, catalog: Catalog, firewalls: Sequence[Firewall], rows: Sequence[Row]
    ) -> "Proposal":
        """The proposal. Raises InvalidInput when the configurations have too many interfaces for one."""
        names = [row.name for row in rows]
        addresses = [address for row in rows for address in row.addresses]
        named = [named.address for firewall in firewalls for named in firewall.named]
        zones = propose_zones(firewalls, names, (*addresses, *named)) or zones_around(addresses, len(firewalls), names)
        ways = find_ways(firewalls, [zone for zone in zones if any(zone.place)])
        return cls(site, folder, catalog, firewalls, rows, zones, zone_finder(zones), ways)

    def text(self) -> str:
        """The site file."""
        parts = (self._head(), self._zones(), self._hosts(), self._rest(), self._enforcement(), self._paths())
        return "\n".join("".join(f"{line}\n" for line in part) for part in parts)

    def _head(self) -> Lines:
        yield comment(f"Proposed from {', '.join(one.file for one in self.firewalls)}.")
        yield "# What stands under 'proposed' is a guess: compare it with what you know, and fill in what is missing."
        yield f"site: {value(self.site)}"
        yield f"products: [{PRODUCT}]     # proposed"

    # -- zones --------------------------------------------------------------------------------------------------

    def _zones(self) -> Lines:
        yield "# proposed: networks behind the same interfaces. Rename zones, and split those of unequal trust."
        yield "zones:"
        for zone in self.zones:
            yield from _zone(zone)
        if not self.zones:
            yield "  everywhere: {rest: true}     # nothing tells the networks: name your zones and theirs"
        known = {place for zone in self.zones for place in enumerate(zone.place)}
        for number, firewall in enumerate(self.firewalls):
            for interface in firewall.interfaces:
                if (number, interface) not in known:
                    yield f"  {comment(f'{firewall.name} does not say which networks lie behind {interface}')}"

    # -- hosts --------------------------------------------------------------------------------------------------

    def _hosts(self) -> Lines:
        placed = [(row, zone) for row in self.rows if (zone := self.finder.zone_of(row.addresses[0])) is not None]
        outside = [row for row in self.rows if self.finder.zone_of(row.addresses[0]) is None]
        if not self.rows:
            yield "# Who does what: 'portwright catalog list' shows the roles."
        yield "hosts:" if placed else "# hosts:"
        if not placed and not any(firewall.named for firewall in self.firewalls):
            yield "  # fe01: {addresses: [10.20.0.11], roles: [crm/full-server]}"
        for row, zone in placed:
            yield from self._host(row, zone)
        for row in outside:
            yield f"  {comment(f'{row.name}: no zone has {row.addresses[0]}; add its network to one')}"
        yield from self._named()

    def _host(self, row: Row, zone: ProposedZone) -> Lines:
        here = [address for address in row.addresses if self.finder.zone_of(address) is zone]
        for word in row.unknown:
            hint = suggest_role(word, self.catalog)
            yield f"  {comment(f'{row.name}: the catalog has no role {word}' + (f'; {hint}' if hint else ''))}"
        for address in row.addresses:
            if address not in here:
                yield f"  {comment(f'{row.name}: {address} lies elsewhere, and a host has one zone')}"
        roles = f", roles: {values(row.roles)}" if row.roles else ""
        missing = "" if row.roles else "     # its roles?"
        yield f"  {value(row.name)}: {{zone: {value(zone.name)}, addresses: {values(map(str, here))}{roles}}}{missing}"

    def _named(self) -> Lines:
        """The hosts that configurations name and the table does not have, as comments."""
        names = {row.name for row in self.rows} | {zone.name for zone in self.zones}
        known: set[Address] = {address for row in self.rows for address in row.addresses}
        offered: dict[Address, NamedHost] = {}
        for named in (named for firewall in self.firewalls for named in firewall.named):
            if named.address not in known and self._is_inside(named.address):
                offered.setdefault(named.address, named)
        if offered:
            yield "  # proposed: hosts that the configurations name. Take in those of the site, and give them roles."
        for named in islice(offered.values(), _MOST_NAMED):
            names.add(name := unique(named.name, names, "host"))
            address = values([str(named.address)])
            yield f"  {comment(f'{value(name)}: {{addresses: {address}, roles: []}}     # {named.source}')}"
        if len(offered) > _MOST_NAMED:
            yield f"  # and {len(offered) - _MOST_NAMED} more"

    def _is_inside(self, address: Address) -> bool:
        """Report whether an address lies in a network of some zone, and is not just the name of that network."""
        zone = self.finder.zone_of(address)
        around = [network for network in zone.networks if address in network] if zone else []
        return any(network.num_addresses <= 2 or network.network_address != address for network in around)

    def _rest(self) -> Lines:
        """What a table of hosts seldom says."""
        if not any("crm/client" in row.roles for row in self.rows):
            inhabited = {
                zone for row in self.rows for address in row.addresses if (zone := self.finder.zone_of(address))
            }
            empty = (one for one in self.zones if one not in inhabited and any(one.place) and not one.has_rest)
            zone = next(empty, None) if self.rows else None
            yield "# Hosts that need not be told apart, such as the users' computers: a zone, or some networks of it."
            yield "# groups:"
            yield f"#   staff: {{zone: {zone.name if zone else 'ZONE'}, roles: [crm/client]}}"
        yield "# What the site does without, and why. 'plan' says what is needed and nobody placed."
        yield "# absent:"
        yield "#   time/source: the domain controllers have a clock of their own"
        yield "# What the administrators chose; the catalog has more settings, and what they are otherwise."
        yield "# settings:"
        yield "#   authentication: claims"
        yield "#   web.scheme: https"
        yield "#   ssrs.scheme: https"

    # -- firewalls ----------------------------------------------------------------------------------------------

    def _enforcement(self) -> Lines:
        yield "enforcement:"
        for number, firewall in enumerate(self.firewalls):
            yield f"  {value(firewall.name)}:"
            yield f"    platform: {firewall.platform}"
            yield f"    {self._config(firewall)}"
            yield from _interfaces(firewall, number, self.zones)

    def _config(self, firewall: Firewall) -> str:
        """The configuration's place in the folder of the site file, where it is in there."""
        path = inside(self.folder, firewall.file)
        if path is None:
            return comment(f"config: copy {firewall.file} into the folder of this file, and name it here")
        return f"config: {value(path)}"

    def _paths(self) -> Lines:
        if not self.ways.known:
            yield "# The configurations do not tell through which firewalls packets go from zone to zone."
        else:
            yield "# proposed: the firewalls between each two zones, as the routes lead."
        yield "paths:" if self.ways.known else "# paths:"
        if not self.ways.known:
            yield f"#   - {{between: [ZONE, ZONE], through: [{self.firewalls[0].name}]}}"
        for between in self.ways.known:
            yield f"  - {self._path(between)}"
        if self.ways.known:
            for name in self._unmapped():
                yield f"  # - {{between: [ZONE, ZONE], through: [..., {name}]}}     # where {name} stands between them"
        for one, other in self.ways.unknown[:_MOST_UNKNOWN]:
            yield f"  {comment(f'- {{between: [{one}, {other}], through: [...]}}     # the routes do not tell')}"
        if len(self.ways.unknown) > _MOST_UNKNOWN:
            yield f"  # and {len(self.ways.unknown) - _MOST_UNKNOWN} more"

    def _unmapped(self) -> list[str]:
        """The firewalls that lead to no zone."""
        return [
            firewall.name
            for number, firewall in enumerate(self.firewalls)
            if all(zone.place[number] is None for zone in self.zones)
        ]

    def _path(self, between: Between) -> str:
        ends = ", ".join(_end(zones) for zones in (between.ones, between.others))
        through = values(self.firewalls[number].name for number in between.through)
        return f"{{between: [{ends}], through: {through}}}"


def propose(configs: Iterable[str], hosts: str | None, path: Path, catalog: Catalog) -> str:
    """The text of a site file at this path, from configurations and a table of hosts.

    Raises InvalidInput with every problem in any of them.
    """
    problems: list[Problem] = []
    rows: tuple[Row, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
    try:
        firewalls = read_firewalls(configs)
    except InvalidInput as wrong:
        problems += wrong.problems
    try:
        rows = read_hosts(hosts, catalog) if hosts else ()
    except InvalidInput as wrong:
        problems += wrong.problems
    if problems:
        raise InvalidInput(problems)
    return Proposal.of(site_name(path, "site"), path.parent, catalog, firewalls, rows).text()


def _zone(zone: ProposedZone) -> Lines:
    why = comment(zone.why)
    rest = ["rest: true"] if zone.has_rest else []
    if len(zone.networks) <= _IN_ONE_LINE:
        networks = [f"networks: {values(map(str, zone.networks))}"] if zone.networks else []
        yield f"  {value(zone.name)}: {{{', '.join([*networks, *rest])}}}     {why}"
        return
    yield f"  {value(zone.name)}:     {why}"
    yield from (f"    {line}" for line in rest)
    yield "    networks:"
    yield from (f"      - {value(str(network))}" for network in zone.networks)


def _interfaces(firewall: Firewall, number: int, zones: Sequence[ProposedZone]) -> Lines:
    behind = {zone.name: interface for zone in zones if (interface := zone.place[number]) is not None}
    if behind:
        yield f"    interfaces: {pairs(behind)}"
        return
    names = firewall.interfaces or ("INTERFACE",)
    example = {zone.name: names[0] for zone in zones[:_IN_ONE_LINE]} or {"ZONE": names[0]}
    told = ", ".join(names[:_MOST_UNKNOWN])
    yield f"    {comment(f'Say which interface leads to each zone ({told}), and put {firewall.name} on the paths:')}"
    yield f"    {comment(f'interfaces: {pairs(example)}')}"


def _end(zones: Sequence[str]) -> str:
    return value(zones[0]) if len(zones) == 1 else values(zones)
