"""Who signs in at a host's servers: by Kerberos with the keys of its account, by NTLM, or by name and password."""

from collections.abc import Callable
from functools import cache

from portwright.protocols.conversation import Refused
from portwright.protocols.kerberos import Key, string_to_key
from portwright.protocols.kerberos.realm import ETYPES
from portwright.protocols.ldap import domain_base, equal, look_up
from portwright.protocols.ntlm import sides as ntlm
from portwright.protocols.spnego import Acceptor, NotAccepted
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.hosts.realm import Account
from portwright.rehearse.servers import web
from portwright.rehearse.servers.identity.passthrough import known
from portwright.rehearse.servers.identity.tickets import directory_sign_in
from portwright.rehearse.servers.mail.mailboxes import address_of, may_sign_in
from portwright.rehearse.servers.web import Guard


class Door:
    """Accepts who shows a ticket for this host, or whom a domain controller knows. One for each connection."""

    def __init__(self, host: Host) -> None:
        self._host, self._acceptor = host, acceptor_of(host)
        self.user = ""

    async def step(self, token: bytes) -> bytes:
        """What to answer. Raises Refused for who has no good ticket nor password, and Misspoken."""
        answer = self._acceptor.step(token)
        if (asked := self._acceptor.asks) is not None:
            answer = self._acceptor.checked(await known(self._host, asked))
        if (accepted := self._acceptor.accepted) is not None:
            if accepted.client.realm.upper() != self._host.realm.name:
                raise NotAccepted("the user is of another realm")
            self.user = accepted.client.name.lower()
        return answer


def acceptor_of(host: Host) -> Acceptor:
    """Accepts tickets for this host, and for the names that it shares with others behind a load balancer; and NTLM."""
    keys = [key for one in host.realm.accounts_at(host.name) for key in keys_of(one)]
    return Acceptor(keys, now, ntlm.Server(ntlm.about(host.fqdn, host.realm.netbios, host.realm.domain, now())))


@cache
def keys_of(account: Account) -> tuple[Key, ...]:
    """The Kerberos keys of an account, the stronger first."""
    return tuple(string_to_key(account.password, account.salt, etype) for etype in ETYPES)


def guard_of(host: Host, *, passwords: bool = False) -> Guard:
    """Who stands at the door of a new connection to this host; with `passwords`, Basic is offered too."""

    async def check(name: str, password: str) -> str:
        return address_of(host, name).partition("@")[0] if may_sign_in(host, name, password) else ""

    door: Callable[[], web.Acceptor] | None = (lambda: Door(host)) if host.needs("ad.kerberos") else None
    return Guard(door, check if passwords or door is None else None)


_OF_A_USER = "sAMAccountName", "userPrincipalName", "displayName", "memberOf"


async def known_user(host: Host, requirement: str, user: str) -> dict[str, str]:
    """What the directory says of a user, asked as the host itself. Raises Unanswered, and Refused for nobody."""
    controller = host.targets(requirement)[0]
    sign_in = await directory_sign_in(host, host.realm.account_of(host.name), controller.name)
    base, wanted = domain_base(host.realm.domain), equal("sAMAccountName", user)
    found = await host.call(requirement, lambda _: look_up(sign_in, base, wanted, attributes=_OF_A_USER), controller)
    if not found:
        raise Refused(f"the directory knows no {user}")
    return {name: found[0].first(name) for name in _OF_A_USER}
