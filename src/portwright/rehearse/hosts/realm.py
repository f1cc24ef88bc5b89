"""The domains of a lab as values: names of hosts, who can sign in, and which services each account stands for.

The domain controllers are told of these by `real.samba`; a stand-in for them answers from the same values.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portwright.rehearse.lab import Address, Kind, Lab, Node
from portwright.rehearse.network.fronts import answering
from portwright.site.model import DYNAMIC, Host, Instance, Site, Virtual

ADMINISTRATOR = "Administrator"
PEOPLE = ("alice", "bob")
USERS = (*PEOPLE, ADMINISTRATOR.lower())  # all of them use CRM
_MEMBER, _CONTROLLER, _ENGINE = "ad/member", "ad/domain-controller", "sql/engine"
_OF_ALL = ("host", "HTTP")  # classes of service that every computer's account stands for
_OF_CONTROLLERS = ("ldap", "cifs", "GC", "DNS")
_NAMED: tuple[Kind, ...] = ("host", "client", "outside", "balancer")  # nodes that have names
_LONGEST_NETBIOS = 15  # [MS-NBTE] 1.8
_LONGEST_ACCOUNT = 20  # [MS-SAMR] 3.1.1.6, of users


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with a password."""

    name: str  # sAMAccountName
    realm: str  # of Kerberos
    password: str = field(repr=False)  # made for one rehearsal
    services: tuple[str, ...] = ()  # service principal names, without the realm

    @property
    def principal(self) -> str:
        """The name in Kerberos."""
        return f"{self.name}@{self.realm}"

    @property
    def salt(self) -> str:
        """What keys are derived with, beside the password: realm and name (RFC 4120, 4)."""
        return self.realm + self.name


@dataclass(frozen=True, slots=True)
class Realm:
    """A domain, and everybody in it."""

    domain: str  # of the DNS, lower case
    netbios: str  # 1 to 15 characters
    controllers: tuple[str, ...]  # nodes; first those that can be written to, of these first the PDC emulator
    hosts: Mapping[str, str]  # full name of each node
    records: Mapping[str, tuple[Address, ...]]  # by name within the domain: hosts and addresses that several share
    administrator: Account
    users: tuple[Account, ...]
    computers: Mapping[str, Account]  # by node: the account of its services
    led: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by member: the devices that lead on to it

    @property
    def name(self) -> str:
        """The name of the realm in Kerberos."""
        return self.domain.upper()

    @property
    def base(self) -> str:
        """The name of the domain in the directory: DC=contoso,DC=test (RFC 2247)."""
        return ",".join(f"DC={label}" for label in self.domain.split("."))

    def short(self, node: str) -> str:
        """The name of a node within the domain."""
        return self.hosts[node].partition(".")[0]

    @property
    def everybody(self) -> tuple[Account, ...]:
        """All accounts."""
        return (self.administrator, *self.users, *self.computers.values())

    @property
    def accounts(self) -> Mapping[str, Account]:
        """All accounts by their names in small letters."""
        return {one.name.lower(): one for one in self.everybody}

    def account_of(self, node: str) -> Account:
        """The account of a node's services. Raises KeyError."""
        return self.computers[node]

    def accounts_at(self, node: str) -> tuple[Account, ...]:
        """The accounts whose keys a node has: its own, and that of the name by which clients ask for all members."""
        return (self.computers[node], *(self.computers[one] for one in self.led.get(node, ())))

    def account(self, service: str) -> Account | None:
        """The account that stands for a service principal name; large and small letters are the same."""
        asked = service.lower()
        return next((one for one in self.everybody if asked in (name.lower() for name in one.services)), None)


def realms_of(site: Site, lab: Lab) -> tuple[Realm, ...]:
    """The domains of a site's lab that have domain controllers, in the order of the site file."""
    members: dict[str, list[str]] = {}
    for node in lab.of_kind(*_NAMED):
        members.setdefault(domain_of(site, node.name), []).append(node.name)
    taken: set[str] = set()
    made = (_realm(site, lab, domain, nodes, _virtual(site, domain), taken) for domain, nodes in members.items())
    return tuple(realm for realm in made if realm.controllers)


def common_realm(site: Site, lab: Lab) -> Realm:
    """One domain for everybody, as if the domains of the site trusted each other without a question."""
    nodes = [node.name for node in lab.of_kind(*_NAMED)]
    domains = [domain_of(site, name) for name in nodes if name in site.hosts]
    return _realm(site, lab, next(iter(domains), f"{label(site.name)}.test"), nodes, site.virtual.values(), set())


def _virtual(site: Site, domain: str) -> list[Virtual]:
    return [one for one in site.virtual.values() if domain_of(site, one.name) == domain]


def domain_of(site: Site, node: str) -> str:
    """The DNS domain in which a node has its name."""
    host = _host(site, node)
    if host is None and (virtual := site.virtual.get(node)):
        host = next((site.hosts[one] for one in virtual.members), None)
    given = site.setting("ad.domain", host).strip(".").lower() if "ad.domain" in site.catalog.settings else ""
    return given or f"{label(site.name)}.test"  # RFC 2606, 2


def label(name: str, longest: int = 63) -> str:
    """A name as a label of the DNS (RFC 1123, 2.1)."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:longest].strip("-") or "x"


def _host(site: Site, node: str) -> Host | None:
    return site.hosts.get(node) or site.groups.get(node)


def _realm(
    site: Site, lab: Lab, domain: str, nodes: Iterable[str], virtual: Iterable[Virtual], taken: set[str]
) -> Realm:
    names = _unique(nodes, 63)
    hosts = {node: f"{name}.{domain}" for node, name in names.items()}
    name = domain.upper()
    shared = {one: f"{label(one.name)}.{domain}" for one in virtual}
    records = {names[node]: _addresses(lab.nodes[node]) for node in names}
    records |= {full.partition(".")[0]: _shared(one) for one, full in shared.items()}
    accounts = _unique(nodes, _LONGEST_ACCOUNT - len("svc-"))
    return Realm(
        domain=domain,
        netbios=_netbios(domain, taken),
        controllers=_controllers(site, nodes),
        hosts=hosts,
        records=records,
        administrator=Account(ADMINISTRATOR, name, _password()),
        users=tuple(Account(user, name, _password()) for user in PEOPLE),
        led=_led(site, nodes),
        computers={
            node: Account(f"svc-{accounts[node]}", name, _password(), tuple(_services(site, node, full, shared)))
            for node, full in hosts.items()
        },
    )


def _led(site: Site, nodes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The devices that lead on to each member."""
    devices = {name: one for name, one in answering(site).items() if one in nodes and one in site.virtual}
    found: dict[str, tuple[str, ...]] = {}
    for name, device in devices.items():
        for member in site.virtual[name].members:
            found[member] = tuple(dict.fromkeys((*found.get(member, ()), device)))
    return found


def _unique(names: Iterable[str], longest: int) -> dict[str, str]:
    """A label for each name, no two the same."""
    found: dict[str, str] = {}
    for name in names:
        made, number = label(name, longest), 1
        while made in found.values():
            number += 1
            made = f"{label(name, longest - len(str(number)) - 1)}-{number}"
        found[name] = made
    return found


def _netbios(domain: str, taken: set[str]) -> str:
    """The first label, with a number where another domain has it."""
    first, number = label(domain.partition(".")[0], _LONGEST_NETBIOS).upper(), 1
    made = first
    while made in taken:
        number += 1
        made = f"{first[: _LONGEST_NETBIOS - len(str(number))]}{number}"
    taken.add(made)
    return made


def _addresses(node: Node) -> tuple[Address, ...]:
    return tuple(one.ip for port in node.ports for one in port.addresses)


def _shared(virtual: Virtual) -> tuple[Address, ...]:
    return tuple(network.network_address for network in virtual.addresses.networks())


def _controllers(site: Site, nodes: Iterable[str]) -> tuple[str, ...]:
    found = [site.hosts[node] for node in nodes if node in site.hosts and _CONTROLLER in site.hosts[node].roles]
    ordered = sorted(found, key=lambda one: ("ad/rodc" in one.roles, "ad/pdc-emulator" not in one.roles))
    return tuple(one.name for one in ordered)


def _services(site: Site, node: str, full: str, shared: Mapping[Virtual, str]) -> Iterator[str]:
    """What a node's account stands for: its own name, and those of the addresses that it is the first to answer for."""
    behind = site.virtual[node].members if node in site.virtual else ()
    host = _host(site, behind[0] if behind else node)
    names = [full, *(other for virtual, other in shared.items() if _first(site, virtual) == node)]
    classes = (*_OF_ALL, *(_OF_CONTROLLERS if host and _CONTROLLER in host.roles else ()))
    for name in dict.fromkeys(names):
        yield from (f"{kind}/{name}" for kind in classes)
        for instance in host.instances_of(_ENGINE) if host else ():
            yield from _engine(site, host, instance, name)


def _first(site: Site, virtual: Virtual) -> str:
    """The node that has the keys of a shared address: who answers for it, or a device of its own."""
    return answering(site).get(virtual.name, "")


def _engine(site: Site, host: Host | None, instance: Instance, name: str) -> Iterator[str]:
    """As SQL Server registers itself: by port, and a named instance by name as well."""
    port = site.setting("sql.port", host, instance)
    if port != DYNAMIC:
        yield f"MSSQLSvc/{name}:{port}"
    if instance.name:
        yield f"MSSQLSvc/{name}:{instance.name}"


def _password() -> str:
    """A password that every rule for passwords accepts, with 128 bits that nobody can guess."""
    return f"Aa1-{secrets.token_hex(16)}"
