"""How a host's programs show who they are: by a ticket of a domain controller and, where none answers, by NTLM."""

from portwright.protocols.conversation import EndOfStream, Misspoken
from portwright.protocols.kerberos import Credential, Principal, sign_in, ticket_for
from portwright.protocols.ldap import Ntlm, SignIn, Ticket
from portwright.protocols.ntlm.response import Login
from portwright.protocols.spnego import Initiator, PasswordInitiator
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.hosts.visits import Initiate

_KERBEROS = "ad.kerberos"
_WAYS = ((_KERBEROS, False), ("ad.kerberos-udp", True))  # requirement, and whether it goes by datagrams
Shown = Initiator | PasswordInitiator


class NoTicket(Exception):
    """No domain controller answers who asks for a ticket."""


def _kept(_: Hosts) -> dict[tuple[str, Account, str], Credential]:
    """By node, account and service."""
    return {}


def _deserted(_: Hosts) -> set[str]:
    """The hosts that have found no domain controller: Windows does not look again for a while."""
    return set()


def without_tickets(_: Hosts) -> dict[str, None]:
    """The hosts that have gone on by NTLM, the first at first."""
    return {}


async def ticket(host: Host, account: Account, service: str) -> Credential:
    """A ticket for a service (HTTP/fe01.contoso.test), by a domain controller. Raises NoTicket, Refused, Misspoken."""
    deserted = host.shared(_deserted)
    for requirement, datagrams in _WAYS if host.name not in deserted else ():
        if host.needs(requirement):
            try:
                return await _ticket_by(host, requirement, account, service, datagrams=datagrams)
            except (Unanswered, EndOfStream, OSError) as problem:
                host.say(f"no ticket for {service}: {problem}")
    deserted.add(host.name)
    raise NoTicket(f"no domain controller gives {host.name} a ticket for {service}")


async def _ticket_by(host: Host, requirement: str, account: Account, service: str, *, datagrams: bool) -> Credential:
    user, wanted = (Principal.of(name, host.realm.name) for name in (account.name, service))
    signed_in = await host.call(requirement, lambda _: sign_in(user, account.password, now(), datagrams=datagrams))
    return await host.call(requirement, lambda _: ticket_for(signed_in, wanted, now(), datagrams=datagrams))


async def by_ticket(host: Host, account: Account, service: str) -> Initiator:
    """What signs in by a new ticket. Raises NoTicket, Refused, Misspoken."""
    return Initiator(await ticket(host, account, service), now())


def initiating(host: Host, account: Account) -> Initiate | None:
    """How this host's clients sign in as an account; None where the host has no way to a domain controller."""
    if not host.needs(_KERBEROS):
        return None

    async def initiate(service: str) -> Shown:
        try:
            return await by_ticket(host, account, service)
        except NoTicket:
            return PasswordInitiator(by_ntlm(host, account))

    return initiate


async def initiator(host: Host, account: Account, service: str) -> Shown | None:
    """What signs in at a service (MSSQLSvc/sql01.contoso.test:1433), by a ticket that is kept for the next time.

    None for a host that has no way to a domain controller. Raises Refused.
    """
    if not host.needs(_KERBEROS):
        return None
    kept, key = host.shared(_kept), (host.name, account, service)
    try:
        credential = kept[key] = kept.get(key) or await ticket(host, account, service)
    except (NoTicket, Misspoken):
        return PasswordInitiator(by_ntlm(host, account))
    return Initiator(credential, now())


async def directory_sign_in(host: Host, account: Account, controller: str) -> SignIn:
    """How an account signs in to the directory of a domain controller. Raises Refused, Misspoken."""
    try:
        return Ticket(await ticket(host, account, f"ldap/{controller}"), now())
    except NoTicket:
        return Ntlm(by_ntlm(host, account))


def by_ntlm(host: Host, account: Account) -> Login:
    """An account as it signs in without a ticket; that it does so is remembered."""
    host.shared(without_tickets)[host.name] = None
    host.say(f"{account.name} signs in by NTLM")
    return Login(account.name, account.password, host.realm.netbios, host.fqdn.partition(".")[0].upper()[:15])
