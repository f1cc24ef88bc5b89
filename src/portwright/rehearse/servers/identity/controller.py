"""A domain controller, where no real one plays: its directory over LDAP, its locator, and who has which password."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from portwright.protocols import ldap
from portwright.protocols.conversation import Talk
from portwright.protocols.kerberos import kpasswd
from portwright.protocols.ldap.directory import Directory, directory_of, domain_root
from portwright.protocols.ldap.filters import Attributes
from portwright.protocols.ldap.netlogon import Located
from portwright.protocols.ldap.server import SimpleBind
from portwright.protocols.nettcp.channel import Call, Endpoint, Failure, Via
from portwright.protocols.ntlm import sides as ntlm
from portwright.protocols.ntlm.response import SignIn
from portwright.protocols.spnego import Acceptor
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.spoken import Spoken

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Hosts, Target

_LDAP = ("ad/ldap", "ad/global-catalog", "ad/controller-catalog", "adfs/claims-ldap")
_LDAPS = ("ad/ldaps", "ad/global-catalog-tls", "ad/controller-catalog-tls")
WEB_SERVICES = "ad/web-services"
RESOURCE = "/ActiveDirectoryWebServices/Windows/Resource"  # [MS-ADDM] 2.1
_CHANGING = ("ad/kerberos-password", "ad/kerberos-password-udp")


class DomainController:
    """The answers of a controller's services that are not in the messages themselves."""

    def __init__(self, host: "Host") -> None:
        self._host = host

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """LDAP on all its ports, the change of passwords, and the web services of the directory."""
        return {
            **dict.fromkeys((*_LDAP, *_LDAPS), lambda: self._bind),
            **dict.fromkeys(_CHANGING, lambda: self._change),
            WEB_SERVICES: lambda: self._resource,
        }

    async def _bind(self, question: SimpleBind | SignIn) -> object:
        """Whether a name has a password: as a distinguished name, with the domain before it or behind it."""
        if isinstance(question, SignIn):
            from portwright.rehearse.servers.identity.passthrough import known_here

            return known_here(self._host, question)
        name = question.name.rpartition("\\")[2].partition("@")[0]
        name = name.partition(",")[0].rpartition("=")[2].lower()
        account = self._host.realm.accounts.get(name)
        return account is not None and account.password == question.password

    async def _change(self, question: kpasswd.ChangePassword) -> object:
        del question
        return "passwords stay as they are for the time of a rehearsal"

    async def _resource(self, question: Via | Call) -> object:
        """Who wants to manage the directory signs in first; there is nothing to manage here."""
        from portwright.rehearse.servers.identity.signing_in import keys_of

        if isinstance(question, Call):
            return Failure("the directory stays as it is for the time of a rehearsal")
        account = self._host.realm.account_of(self._host.name)
        return Endpoint(lambda: Acceptor(keys_of(account), now)) if question.address.endswith(RESOURCE) else None


def directory(hosts: "Hosts") -> Directory:
    """What every controller holds: the domain, its users, and the accounts of its hosts."""
    realm = hosts.realm
    users, computers = f"CN=Users,{realm.base}", f"CN=Computers,{realm.base}"
    entries: dict[str, Attributes] = {
        realm.base: {"objectClass": ("top", "domain", "domainDNS"), "dc": (realm.domain.partition(".")[0],)},
        users: {"objectClass": ("top", "container"), "cn": ("Users",)},
        computers: {"objectClass": ("top", "container"), "cn": ("Computers",)},
    }
    for one in realm.everybody:
        entries[f"CN={one.name},{users}"] = {
            "objectClass": ("top", "person", "organizationalPerson", "user"),
            "cn": (one.name,),
            "name": (one.name,),
            "sAMAccountName": (one.name,),
            "userPrincipalName": (f"{one.name}@{realm.domain}",),
            "mail": (f"{one.name}@{realm.domain}",),
            "displayName": (one.name.capitalize(),),
            "memberOf": (f"CN=Domain Users,{users}",),
            **({"servicePrincipalName": one.services} if one.services else {}),
        }
    controller = hosts.fqdn(realm.controllers[0]) if realm.controllers else realm.domain
    return directory_of(entries, domain_root(realm.domain, controller))


def _handshake(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    root = yield from ldap.root_dse()
    return f"LDAP: {root.first('defaultNamingContext')}"


def _serve(host: "Host") -> Talk[None]:
    from portwright.rehearse.servers.identity.signing_in import keys_of

    about = ntlm.about(host.fqdn, host.realm.netbios, host.realm.domain, now())
    return ldap.server(host.shared(directory), now, keys_of(host.realm.account_of(host.name)), about)


def _locate(host: "Host", target: "Target") -> Talk[str]:
    del target
    found: Located = yield from ldap.locate(host.realm.domain)
    return f"locator: {found.host} of {found.domain}"


def _serve_locator(host: "Host") -> Talk[None]:
    return ldap.locator(Located.of(host.realm.domain, host.fqdn))


def _ask_to_change(*, datagrams: bool) -> "Callable[[Host, Target], Talk[str]]":
    def talk(host: "Host", target: "Target") -> Talk[str]:
        from portwright.rehearse.hosts.clock import now

        return kpasswd.probe(host.realm.name, now(), target.exchange.source_address, datagrams=datagrams)

    return talk


def _serve_changes(host: "Host") -> Talk[None]:
    from portwright.rehearse.servers.identity.directory import keys

    return kpasswd.server(host.shared(keys), now, str(host.addresses[0]))


def _serve_changes_in_datagrams(host: "Host") -> Talk[None]:
    from portwright.rehearse.servers.identity.directory import keys

    return kpasswd.datagram_server(host.shared(keys), now, str(host.addresses[0]))


SPOKEN: Mapping[str, Spoken] = {  # by service
    **dict.fromkeys(_LDAP, Spoken(_handshake, _serve, asks=True)),
    **dict.fromkeys(_LDAPS, Spoken(_handshake, _serve, under_tls=lambda _: True, asks=True)),
    "ad/ldap-locator": Spoken(_locate, _serve_locator),
    "ad/kerberos-password": Spoken(_ask_to_change(datagrams=False), _serve_changes, asks=True),
    "ad/kerberos-password-udp": Spoken(_ask_to_change(datagrams=True), _serve_changes_in_datagrams, asks=True),
}
