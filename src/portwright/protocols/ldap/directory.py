"""A small directory as a value, and what a search finds in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from portwright.protocols.ldap.filters import Attributes, holds
from portwright.protocols.ldap.messages import Scope, Search
from portwright.protocols.ldap.paging import PAGED

Name = tuple[str, ...]  # the parts of a distinguished name, nearest first, as they are compared
MECHANISMS = ("GSSAPI", "GSS-SPNEGO")  # RFC 4752; [MS-ADTS] 3.1.1.3.4.5
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532


@dataclass(frozen=True, slots=True)
class Held:
    """An entry of the directory."""

    name: str
    attributes: Attributes
    lowered: Attributes  # the same, by names in lower case


@dataclass(frozen=True, slots=True)
class Directory:
    """Entries by distinguished name, and what the server says of itself (the root DSE)."""

    root: Held
    entries: Mapping[Name, Held]
    open: bool = False  # whether somebody who has not signed in may search

    def at(self, now: datetime) -> "Directory":
        """The same, when its clock says so ([MS-ADTS] 3.1.1.3.2.4: clients set theirs by it)."""
        told = now.astimezone(UTC).strftime("%Y%m%d%H%M%S.0Z")
        return replace(self, root=_held("", {**self.root.attributes, "currentTime": (told,)}))


def directory_of(entries: Mapping[str, Attributes], root: Attributes, *, public: bool = False) -> Directory:
    """The directory of these entries by distinguished name."""
    held = {parts(name): _held(name, attributes) for name, attributes in entries.items()}
    return Directory(_held("", root), MappingProxyType(held), public)


def _held(name: str, attributes: Attributes) -> Held:
    return Held(name, attributes, {one.lower(): values for one, values in attributes.items()})


def domain_root(domain: str, host: str) -> Attributes:
    """The root DSE of a domain controller (RFC 4512, 5.1; [MS-ADTS] 3.1.1.3.2)."""
    base = domain_base(domain)
    return {
        "objectClass": ("top",),
        "defaultNamingContext": (base,),
        "rootDomainNamingContext": (base,),
        "namingContexts": (base,),
        "dnsHostName": (host,),
        "ldapServiceName": (f"{domain}:{host.partition('.')[0]}$@{domain.upper()}",),
        "supportedLDAPVersion": ("3",),
        "supportedSASLMechanisms": MECHANISMS,
        "supportedExtension": (WHO_AM_I,),
        "supportedControl": (PAGED,),
        "supportedCapabilities": ("1.2.840.113556.1.4.800",),  # [MS-ADTS] 3.1.1.3.4.3.1: an Active Directory
        "isSynchronized": ("TRUE",),
        "isGlobalCatalogReady": ("TRUE",),
    }


def domain_base(domain: str) -> str:
    """The distinguished name of a domain: DC=contoso,DC=example."""
    return ",".join(f"DC={label}" for label in domain.split("."))


def parts(name: str) -> Name:
    """The parts of a distinguished name as they are compared: whatever their case and the spaces between them."""
    found, part, escaped = [], "", False
    for letter in name:
        if letter == "," and not escaped:
            found.append(part)
            part = ""
        else:
            part += letter
        escaped = letter == "\\" and not escaped
    return tuple(_part(one) for one in (*found, part)) if name.strip() else ()


def _part(part: str) -> str:
    kind, equals, value = part.strip().partition("=")
    return f"{kind.strip()}{equals}{value.strip()}".lower()


def found(directory: Directory, search: Search) -> Iterator[Held] | None:
    """The entries that a search finds, or None where its base does not exist."""
    base = parts(search.base)
    if not base and search.scope == Scope.BASE:
        return iter([directory.root] if holds(search.wanted, directory.root.lowered) else [])
    if base and base not in directory.entries:
        return None
    return (
        held
        for name, held in directory.entries.items()
        if _within(name, base, search.scope) and holds(search.wanted, held.lowered)
    )


def _within(name: Name, base: Name, scope: int) -> bool:
    below = len(name) - len(base)
    if below < 0 or name[below:] != base:
        return False
    return scope == Scope.SUBTREE or below == (1 if scope == Scope.ONE else 0)


def chosen(held: Held, search: Search) -> Attributes:
    """The attributes of an entry that a search asks for."""
    asked = {one.lower() for one in search.attributes}
    everything = not asked or "*" in asked
    return {
        name: () if search.types_only else values
        for name, values in held.attributes.items()
        if everything or name.lower() in asked
    }
