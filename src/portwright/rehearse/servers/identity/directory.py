"""What the domain controllers of a rehearsal know, as its stand-ins for them say it: names, keys, ports of RPC."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from portwright.protocols import dns, rpc
from portwright.protocols.kerberos.realm import Realm as Keys
from portwright.protocols.kerberos.realm import realm_of
from portwright.protocols.netbios import CONTROLLERS, SERVER, WORKSTATION, Name

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Hosts

CONTROLLER = "ad/domain-controller"
_KERBEROS, _LDAP, _CATALOG = 88, 389, 3268  # ports of the records by which clients find controllers
# [MS-ADTS] 6.3.2.3: the names of the SRV records of a controller, below the name of the domain.
_LOCATORS = (
    ("_ldap._tcp", _LDAP),
    ("_ldap._tcp.dc._msdcs", _LDAP),
    ("_kerberos._tcp", _KERBEROS),
    ("_kerberos._udp", _KERBEROS),
    ("_kerberos._tcp.dc._msdcs", _KERBEROS),
    ("_gc._tcp", _CATALOG),
)
# By service of the catalog: the interface that is bound on its port.
INTERFACES: Mapping[str, str] = {
    "ad/rpc-dynamic": "netlogon",
    "ad/netlogon-rpc": "netlogon",
    "ad/directory-rpc": "drsuapi",
    "ad/dfsr": "frsrpc",
    "ad/frs": "frsrpc",
    "windows/rpc-dynamic": "svcctl",
    "ad/dfsr-2008": "frsrpc",
    "exchange/rpc": "dcom",
}


def zones(hosts: "Hosts") -> tuple[dns.Zone, ...]:
    """The names of the lab: those of its domain, those outside, and addresses back to names."""
    realm = hosts.realm
    records = [*_hosts(hosts), *_locators(hosts)]
    found = [dns.Zone(realm.domain, tuple(records))]
    outside = list(_outside(hosts))
    strange = sorted({one.name for one in outside if not one.name.endswith(f".{realm.domain}")})
    found += [dns.Zone(name, tuple(one for one in outside if one.name == name)) for name in strange]
    return tuple(found)


def _hosts(hosts: "Hosts") -> Iterator[dns.Record]:
    for label, addresses in hosts.realm.records.items():
        for address in addresses:
            name = f"{label}.{hosts.realm.domain}"
            yield dns.Record(name, "A" if address.version == 4 else "AAAA", str(address))


def _outside(hosts: "Hosts") -> Iterator[dns.Record]:
    for component in hosts.plan.site.outside:
        if component in hosts.lab.nodes:
            for port in hosts.lab.nodes[component].ports:
                for one in port.addresses:
                    yield dns.Record(hosts.fqdn(component), "A" if one.version == 4 else "AAAA", str(one.ip))


def _locators(hosts: "Hosts") -> Iterator[dns.Record]:
    for controller in hosts.realm.controllers:
        for label, port in _LOCATORS:
            yield dns.Record(f"{label}.{hosts.realm.domain}", "SRV", f"0 100 {port} {hosts.fqdn(controller)}.")


def keys(hosts: "Hosts") -> Keys:
    """Everybody's keys, as a key distribution center has them."""
    realm = hosts.realm
    passwords = {one.name: one.password for one in realm.everybody}
    services = {service: one.name for one in realm.everybody for service in one.services}
    return realm_of(realm.name, passwords, services)


def ports_of_rpc(host: "Host") -> Mapping[rpc.Interface, int]:
    """At which port each interface of a host is, as its endpoint mapper says it."""
    found: dict[rpc.Interface, int] = {}
    for service, interface in INTERFACES.items():
        ports = host.ports(service)
        if ports:
            found.setdefault(rpc.INTERFACES[interface], min(ports))
    return found


def names(host: "Host") -> tuple[Name, ...]:
    """The NetBIOS names of a host."""
    label = host.fqdn.partition(".")[0][:15]
    own = [Name(label, WORKSTATION), Name(label, SERVER), Name(host.realm.netbios, WORKSTATION, group=True)]
    if CONTROLLER in host.components:
        own.append(Name(host.realm.netbios, CONTROLLERS, group=True))
    return tuple(own)


def address_of(host: "Host") -> IPv4Address:
    """The first IPv4 address of a host, which the old protocols name in their messages."""
    return next((one for one in host.addresses if isinstance(one, IPv4Address)), IPv4Address(0))
