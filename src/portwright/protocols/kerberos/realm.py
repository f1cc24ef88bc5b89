"""A realm as a value: who it knows, and by which keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from portwright.protocols.kerberos.crypto import AES128, AES256, Key, random_key, string_to_key
from portwright.protocols.kerberos.names import NameType, Principal

ETYPES = (AES256, AES128)  # the stronger first
CHANGING = "kadmin/changepw"  # RFC 3244, 2: the service that changes passwords


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with a password, or with random keys."""

    name: str
    keys: tuple[Key, ...]  # the stronger first
    salt: str = ""

    def key(self, etypes: tuple[int, ...]) -> Key | None:
        """Its strongest key of one of these encryption types."""
        return next((key for key in self.keys if key.etype in etypes), None)


@dataclass(frozen=True, slots=True)
class Realm:
    """A realm. Names are found whatever their case, as Active Directory does."""

    name: str  # CONTOSO.EXAMPLE
    accounts: Mapping[str, Account] = field(repr=False)  # by name in lower case; several names may share one account
    lifetime: timedelta = timedelta(hours=10)

    def account(self, principal: Principal) -> Account | None:
        """Whom a principal names here."""
        if principal.realm.casefold() != self.name.casefold():
            return None
        name = principal.name
        if principal.kind == NameType.ENTERPRISE:
            name, _, realm = name.rpartition("@")
            if realm.casefold() != self.name.casefold():
                return None
        return self.accounts.get(name.casefold())

    def keys(self, name: str) -> tuple[Key, ...]:
        """The keys of a user or service, as a service needs them to accept tickets. Raises KeyError."""
        return self.accounts[name.casefold()].keys

    def with_password(self, name: str, password: str) -> "Realm":
        """The realm once a user has another password. Raises KeyError."""
        changed = account_of(self.name, self.accounts[name.casefold()].name, password)
        accounts = {one: changed if held.name == changed.name else held for one, held in self.accounts.items()}
        return replace(self, accounts=MappingProxyType(accounts))


def realm_of(name: str, passwords: Mapping[str, str], services: Mapping[str, str] | None = None) -> Realm:
    """The realm of these passwords by user name; `services` says which account serves a service principal name."""
    accounts = {user.casefold(): account_of(name, user, password) for user, password in passwords.items()}
    served = {service.casefold(): accounts[user.casefold()] for service, user in (services or {}).items()}
    granting = f"krbtgt/{name}"
    random = {one.casefold(): Account(one, tuple(map(random_key, ETYPES))) for one in (granting, CHANGING)}
    return Realm(name, MappingProxyType(accounts | served | random))


def account_of(realm: str, name: str, password: str) -> Account:
    """An account with a password, salted as RFC 4120, 4 has it."""
    salt = realm + name.replace("/", "")
    return Account(name, tuple(string_to_key(password, salt, etype) for etype in ETYPES), salt)
