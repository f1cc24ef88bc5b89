"""Hosts, groups and virtual addresses as written, placed: zones found, roles taken apart, uses looked up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from portwright.catalog.model import Catalog
from portwright.packets.addresses import Address, Addresses
from portwright.shapes import Located, suggestion
from portwright.site.model import Host, Instance, Outside, Use, Virtual, Zone, ZoneIndex, zone_of
from portwright.site.schema import HostEntry, OutsideEntry, Role, SiteFile, VirtualEntry
from portwright.site.settings import read_options, read_settings


@dataclass(frozen=True, slots=True)
class Placing:
    """Where things are placed: the catalog, the zones, and the file."""

    catalog: Catalog
    zones: Mapping[str, Zone]
    index: ZoneIndex
    written: SiteFile

    def host(self, name: str, entry: HostEntry) -> Host:
        """The host. Notes addresses outside its zone."""
        addresses = Addresses.of(ip_network(address.value) for address in entry.addresses)
        zone = self._zone(name, entry)
        return self._consumer(name, zone, addresses, entry, is_group=False)

    def group(self, name: str, entry: HostEntry) -> Host:
        """The group; without networks it is the whole zone. Notes networks outside its zone."""
        zone = entry.zone.value if entry.zone else ""
        whole = self.zones[zone].addresses if zone in self.zones else Addresses()
        addresses = Addresses.of(network.value for network in entry.networks) if entry.networks else whole
        for network in entry.networks:
            if zone in self.zones and not Addresses.of([network.value]) <= whole:
                network.note(f"{network.value} is not wholly in zone '{zone}'", "the longest prefix wins")
        return self._consumer(name, zone, addresses, entry, is_group=True)

    def virtual(self, name: str, entry: VirtualEntry) -> Virtual:
        """The virtual address. Notes addresses in no zone or in several."""
        zone = self._zone_of_addresses(entry.addresses) or ""
        addresses = Addresses.of(ip_network(address.value) for address in entry.addresses)
        return Virtual(name, zone, addresses, entry.port, entry.mode, entry.members, entry.services, entry.source)

    def outside(self, component: str, entry: OutsideEntry) -> Outside:
        """The outside component; without networks it may be anywhere in its zone."""
        whole = self.zones[entry.zone].addresses if entry.zone in self.zones else Addresses()
        addresses = Addresses.of(entry.networks) if entry.networks else whole
        return Outside(component, entry.zone, entry.names, addresses, entry.source)

    def _consumer(self, name: str, zone: str, addresses: Addresses, entry: HostEntry, is_group: bool) -> Host:
        instances = tuple(instance for role in entry.roles for instance in self._instances(role))
        roles = self._roles(instances, frozenset(entry.without))
        uses = {
            service: tuple(use for located in targets if (use := self._use(located)) is not None)
            for service, targets in entry.uses.items()
        }
        settings = read_settings(entry.settings, self.catalog)
        return Host(name, zone, addresses, instances, roles, uses, settings, is_group, entry.source)

    def _instances(self, role: Role) -> Iterable[Instance]:
        try:
            component = self.catalog.component(role.component.value).id
        except KeyError:
            return ()  # noted by the ledger
        name, options = read_options(role.options, component, self.catalog)
        return (Instance(part, name, options) for part in self.catalog.parts(component))

    def _roles(self, instances: Iterable[Instance], without: frozenset[str]) -> frozenset[str]:
        """The components placed and what they imply, but not by way of the roles in `without`, or in a component's."""
        found = {instance.component for instance in instances}
        without = without.union(*(self.catalog.lacking(name) for name in found))
        waiting = list(found)
        while waiting:
            for name in self.catalog.components[waiting.pop()].implies:
                if name not in found and name not in without:
                    found.add(name)
                    waiting.append(name)
        return frozenset(found)

    def _use(self, located: Located[tuple[str, str | None]]) -> Use | None:
        name, instance = located.value
        known = {**self.written.hosts, **self.written.virtual}
        if name not in known:
            located.note(f"there is no host '{name[:60]}'", suggestion(name, known))
            return None
        return Use(name, instance)

    def _zone(self, name: str, entry: HostEntry) -> str:
        """The zone that the host names, or in which its addresses lie."""
        if entry.zone is None:
            return self._zone_of_addresses(entry.addresses) or ""
        for address in entry.addresses:
            found = zone_of(self.index, address.value.version, int(address.value))
            if found != entry.zone.value and entry.zone.value in self.zones:
                lies = f"zone '{found}'" if found else "no zone"
                address.note(f"{address.value} lies in {lies}, and '{name}' in zone '{entry.zone.value}'")
        return entry.zone.value

    def _zone_of_addresses(self, addresses: tuple[Located[Address], ...]) -> str | None:
        found = None
        for address in addresses:
            zone = zone_of(self.index, address.value.version, int(address.value))
            if zone is None:
                address.note(f"{address.value} lies in no zone", "add its network to a zone, or give one 'rest: true'")
            elif found is not None and zone != found:
                address.note(f"{address.value} lies in zone '{zone}', the address before it in zone '{found}'")
            found = found or zone
        return found
