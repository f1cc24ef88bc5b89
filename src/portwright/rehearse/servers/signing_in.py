"""Who signs in at a host's servers: by Kerberos with the keys of the host's account, or by name and password."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from portwright.protocols.conversation import Refused
from portwright.protocols.kerberos import Credential, Key, Principal, sign_in, string_to_key, ticket_for
from portwright.protocols.kerberos.realm import ETYPES
from portwright.protocols.ldap import Ticket, domain_base, equal, look_up
from portwright.protocols.spnego import Acceptor, Initiator, NotAccepted
from portwright.rehearse.hosts import Host, Unanswered
from portwright.rehearse.realm import Account
from portwright.rehearse.servers.mailboxes import address_of, may_sign_in
from portwright.rehearse.servers.web import Guard
from portwright.rehearse.visits import Initiate, NoTicket


def now() -> datetime:
    """The time of the lab's clocks, which is the machine's."""
    return datetime.now(UTC)


class Door:
    """Accepts who shows a ticket for this host. One for each connection."""

    def __init__(self, host: Host) -> None:
        self._realm, self._acceptor = host.realm.name, acceptor_of(host)
        self.user = ""

    def step(self, token: bytes) -> bytes:
        """What to answer. Raises Refused for who has no good ticket, and Misspoken."""
        answer = self._acceptor.step(token)
        if (accepted := self._acceptor.accepted) is not None:
            if accepted.client.realm.upper() != self._realm:
                raise NotAccepted("the user is of another realm")
            self.user = accepted.client.name.lower()
        return answer


def acceptor_of(host: Host) -> Acceptor:
    """Accepts tickets for this host, and for the names that it shares with others behind a load balancer."""
    return Acceptor([key for one in host.realm.accounts_at(host.name) for key in keys_of(one)], now)


@cache
def keys_of(account: Account) -> tuple[Key, ...]:
    """The Kerberos keys of an account, the stronger first."""
    return tuple(string_to_key(account.password, account.salt, etype) for etype in ETYPES)


def guard_of(host: Host, *, passwords: bool = False) -> Guard:
    """Who stands at the door of a new connection to this host; with `passwords`, Basic is offered too."""

    async def check(name: str, password: str) -> str:
        return address_of(host, name).partition("@")[0] if may_sign_in(host, name, password) else ""

    door: Callable[[], Door] | None = (lambda: Door(host)) if host.needs("ad.kerberos") else None
    return Guard(door, check if passwords or door is None else None)


def initiating(host: Host, account: Account) -> Initiate | None:
    """How this host's clients sign in as an account; None where the host has no way to a domain controller."""
    if not host.needs("ad.kerberos"):
        return None

    async def initiate(service: str) -> Initiator:
        return Initiator(await ticket(host, account, service), now())

    return initiate


async def ticket(host: Host, account: Account, service: str) -> Credential:
    """A ticket for a service (HTTP/fe01.contoso.test), by a domain controller. Raises NoTicket, Refused, Misspoken."""
    problem = None
    for requirement, datagrams in (("ad.kerberos", False), ("ad.kerberos-udp", True)):
        if host.needs(requirement):
            try:
                return await _ticket_by(host, requirement, account, service, datagrams=datagrams)
            except Unanswered as silent:
                problem = silent
    raise NoTicket(f"no ticket for {service} ({problem}); Windows goes on by NTLM, which nobody plays here")


async def _ticket_by(host: Host, requirement: str, account: Account, service: str, *, datagrams: bool) -> Credential:
    user, wanted = (Principal.of(name, host.realm.name) for name in (account.name, service))
    signed_in = await host.call(requirement, lambda _: sign_in(user, account.password, now(), datagrams=datagrams))
    return await host.call(requirement, lambda _: ticket_for(signed_in, wanted, now(), datagrams=datagrams))


_OF_A_USER = "sAMAccountName", "userPrincipalName", "displayName", "memberOf"


async def known_user(host: Host, requirement: str, user: str) -> dict[str, str]:
    """What the directory says of a user, asked as the host itself. Raises Unanswered, and Refused for nobody."""
    controller = host.targets(requirement)[0]
    credential = await ticket(host, host.realm.account_of(host.name), f"ldap/{controller.name}")
    base, wanted = domain_base(host.realm.domain), equal("sAMAccountName", user)
    found = await host.call(
        requirement, lambda _: look_up(Ticket(credential, now()), base, wanted, attributes=_OF_A_USER), controller
    )
    if not found:
        raise Refused(f"the directory knows no {user}")
    return {name: found[0].first(name) for name in _OF_A_USER}
