"""The accounts of a rehearsal's domain: made anew for each run, gone with it, and never written anywhere."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

USERS = ("alice", "bob", "administrator")  # alice and bob use CRM; the administrator administers it
_LONGEST_NETBIOS_NAME = 15  # characters, RFC 1001, 14


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in: a user, or what runs on a host."""

    name: str  # sAMAccountName
    password: str = field(repr=False)
    salt: str  # of its Kerberos keys, RFC 3962, 4
    services: tuple[str, ...] = ()  # service principal names: HTTP/fe01.contoso.test

    def __post_init__(self) -> None:
        if not self.name or not self.password:
            raise ValueError("an account has a name and a password")


@dataclass(frozen=True, slots=True)
class Realm:
    """A domain with its accounts."""

    domain: str  # of the DNS: contoso.test
    accounts: Mapping[str, Account]  # by name

    @property
    def name(self) -> str:
        """The Kerberos realm."""
        return self.domain.upper()

    @property
    def netbios(self) -> str:
        """The domain's NetBIOS name."""
        return self.name.partition(".")[0][:_LONGEST_NETBIOS_NAME]

    def account_of(self, host: str) -> Account:
        """The service account of a host. Raises KeyError."""
        return self.accounts[service_account(host)]

    def owner(self, service: str) -> Account | None:
        """The account that a service principal name belongs to, whatever the case of its letters."""
        wanted = service.lower()
        return next((one for one in self.accounts.values() if wanted in map(str.lower, one.services)), None)


def service_account(host: str) -> str:
    """The name of the account under which a host's services run; at most 20 characters, as Windows has it."""
    return f"svc-{host.replace('/', '-').lower()}"[:20]


def make_realm(domain: str, hosts: Mapping[str, Iterable[str]]) -> Realm:
    """A realm with the usual users and an account for each host, by its service principal names."""
    realm = domain.upper()

    def account(name: str, services: Iterable[str] = ()) -> Account:
        return Account(name, secrets.token_urlsafe(18) + "aA1!", f"{realm}{name}", tuple(dict.fromkeys(services)))

    made = [*(account(name) for name in USERS), *(account(service_account(host), of) for host, of in hosts.items())]
    return Realm(domain, {one.name: one for one in made})
