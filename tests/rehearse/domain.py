"""A domain controller on the loopback network: KDC and directory, without what else one does."""

import contextlib
from datetime import UTC, datetime

from tests.rehearse.loopback import Sockets

from portwright.protocols import ldap
from portwright.protocols.kerberos import kdc, realm_of
from portwright.rehearse.wire import listening


def clock():
    return datetime.now(UTC)


def realm_value(hosts):
    """The realm of the hosts' accounts, for the KDC."""
    realm = hosts.realm
    passwords = {name: one.password for name, one in realm.accounts.items()}
    services = {service: one.name for one in realm.accounts.values() for service in one.services}
    return realm_of(realm.name, passwords, services)


def directory(hosts, controller):
    domain, base = hosts.realm.domain, ldap.domain_base(hosts.realm.domain)
    entries = {base: {"objectClass": ("domain",)}, f"CN=Users,{base}": {"objectClass": ("container",)}} | {
        f"CN={name},CN=Users,{base}": {
            "objectClass": ("user",), "sAMAccountName": (name,), "userPrincipalName": (f"{name}@{domain}",),
        }
        for name in hosts.realm.accounts
    }  # fmt: skip
    return ldap.directory_of(entries, ldap.domain_root(domain, hosts.fqdn(controller)))


KERBEROS, LDAP = {"ad/kerberos"}, {"ad/ldap", "ad/global-catalog", "adfs/claims-ldap"}


@contextlib.asynccontextmanager
async def controlled(hosts, controller="dc01"):
    """Its servers, while the block runs, wherever somebody of the plan asks for them."""
    value, held = realm_value(hosts), directory(hosts, controller)
    keys = value.keys(f"ldap/{hosts.fqdn(controller)}")
    talks = dict.fromkeys(KERBEROS, lambda: kdc.server(value, clock))
    talks |= dict.fromkeys(LDAP, lambda: ldap.server(held, clock, keys))
    places = {
        (one.address, one.port): one.service
        for targets in hosts.targets.values()
        for one in targets
        if one.exchange.destination == controller and one.service in talks
    }
    servers = []
    for (address, port), service in places.items():
        made = Sockets().socket(controller, 4, 1)
        made.bind((address, port))

        async def one(stream, service=service):
            await stream.run(talks[service]())

        servers.append(await listening(made, one))
    try:
        yield
    finally:
        for server in servers:
            server.close()
