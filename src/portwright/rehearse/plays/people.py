"""Who plays: the computers of users, and what every program on them does before its own work."""

from portwright.protocols import dns, ldap
from portwright.protocols.conversation import Refused
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered, Unplanned
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.servers.table import spoken


def at(hosts: Hosts, *requirements: str) -> tuple[Host, ...]:
    """The computers that have all of these needs. Raises Unplanned where there is none."""
    found = tuple(host for host in hosts.values() if all(map(host.needs, requirements)))
    if not found:
        raise Unplanned(f"no computer needs {' and '.join(requirements)}")
    return found


def with_role(hosts: Hosts, component: str) -> tuple[Host, ...]:
    """The computers with a role. Raises Unplanned where there is none."""
    found = tuple(host for host in hosts.values() if component in host.components)
    if not found:
        raise Unplanned(f"nobody plays {component}")
    return found


def users_at(hosts: Hosts, *ways: str) -> tuple[Host, ...]:
    """The computers at which somebody can use CRM, where the front end wants one of these ways of signing in.

    Raises Unplanned where there is none.
    """
    wanted = ways or ("integrated", "claims")
    signing_in = {"integrated": "ad.kerberos", "claims": "crm.sign-in"}
    found = [(host, _way_in(hosts, host)) for host in at(hosts, "crm.web")]
    users = tuple(host for host, way in found if way in wanted and host.needs(signing_in[way]))
    if not users:
        raise Unplanned(f"no computer of a user can sign in ({' or '.join(wanted)})")
    return users


def _way_in(hosts: Hosts, host: Host) -> str:
    """How the front end that a computer reaches has people sign in, behind a proxy where there is one."""
    target = host.targets("crm.web")[0]
    server = hosts.get(target.exchange.destination)
    if server is not None and "crm/front-end" not in server.components and server.needs("crm.proxied-web"):
        target = server.targets("crm.proxied-web")[0]
    return target.lookup("authentication")


def somebody(host: Host) -> Account:
    """The user who works at a computer."""
    return host.realm.users[0]


def browser(host: Host) -> Browser:
    """A browser in which that user works."""
    return Browser(host, somebody(host))


async def greet(host: Host, requirement: str) -> str:
    """What a server says to who greets it by its own protocol. Raises Unanswered, Refused, Misspoken."""
    said = await host.call(requirement, lambda one: spoken(one.service).handshake(host, one))
    host.say(f"{requirement}: {said}")
    return said


async def find(host: Host, name: str) -> None:
    """Look up the name of a server and of a domain controller, where this computer asks the DNS.

    Raises Unanswered, and Refused where there is no such name.
    """
    if not host.needs("dns.lookup"):
        return
    await _found(host, name, "A")
    await _found(host, f"_ldap._tcp.dc._msdcs.{host.realm.domain}", "SRV")


async def _found(host: Host, name: str, kind: str) -> None:
    answer = await host.call("dns.lookup", lambda _: dns.client(name, kind))
    host.say(f"{name}: {answer}")
    if not answer.records:
        raise Refused(f"the DNS knows no {name}: {answer.code}")


async def locate(host: Host) -> None:
    """Ask which domain controller is alive; where none says so, Windows goes on, slowly."""
    if not host.needs("ad.ldap-locator"):
        return
    try:
        found = await host.call("ad.ldap-locator", lambda _: ldap.locate(host.realm.domain))
        host.say(f"the domain controller is {found.host}")
    except (Unanswered, Refused) as problem:
        host.say(f"no domain controller says that it is alive: {problem}")
