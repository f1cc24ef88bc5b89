"""What a directory is told of a realm, as one LDIF (RFC 2849): accounts, their services, the names of all hosts."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence

from portwright.rehearse.hosts.realm import Account, Realm
from portwright.rehearse.lab import Address

_NORMAL = 0x200 | 0x10000  # [MS-ADTS] 2.2.16: an account of a user, whose password does not expire
_AES = 0x08 | 0x10  # [MS-KILE] 2.2.7: AES128-CTS-HMAC-SHA1-96 and AES256-CTS-HMAC-SHA1-96
_TYPES = {4: 1, 6: 28}  # RFC 1035, 3.2.2: A; RFC 3596, 2.1: AAAA
_SOA, _NS = 6, 2
_REPLICATION = "E3514235-4B06-11D1-AB04-00C04FC2DCD2"  # [MS-DRSR] 2.2.3.2: the interface, as a class of service
_LIFE = 900  # seconds that an answer may be kept
_OWN = frozenset({"host", "http", "ldap", "cifs", "gc", "dns"})  # classes for which a controller's own account stands


def told(realm: Realm, others: Sequence[Realm], guid: str) -> str:
    """Everything about a realm whose domain has just been provisioned on its first controller.

    The other realms are there so that their hosts are found by name as well. The GUID is that of the controller's
    settings object, by which others replicate from it.
    """
    first = realm.controllers[0]
    replication = f"servicePrincipalName: {_REPLICATION}/{guid}/{realm.domain}"
    entries = [
        _password(realm),
        [*controller(realm, first), replication],
        *(_person(realm, user) for user in realm.users),
        *_computers(realm),
    ]
    entries += _names(realm, realm.domain, realm.records, without=realm.short(first))
    for other in others:
        entries += _zone(realm, other.domain, realm.hosts[first])
        entries += _names(realm, other.domain, other.records)
    return text_of(entries)


def text_of(entries: Iterable[Sequence[str]]) -> str:
    """The entries, an empty line between two."""
    return "\n\n".join("\n".join(lines) for lines in entries) + "\n"


def controller(realm: Realm, node: str) -> list[str]:
    """The services of a controller that its account does not stand for from the start ([MS-DRSR] 2.2.3)."""
    full, short = realm.hosts[node], realm.short(node)
    names = (full, short, f"{full}/{realm.domain}", f"{full}/{realm.netbios}")
    return [
        f"dn: CN={short.upper()},OU=Domain Controllers,{realm.base}",
        "changetype: modify",
        "add: servicePrincipalName",
        *(f"servicePrincipalName: ldap/{name}" for name in names),
        f"servicePrincipalName: RestrictedKrbHost/{full}",
    ]


def _password(realm: Realm) -> list[str]:
    who = realm.administrator
    return [
        f"dn: CN={who.name},CN=Users,{realm.base}",
        "changetype: modify",
        "replace: unicodePwd",
        _secret(who),
        "-",
        "replace: msDS-SupportedEncryptionTypes",
        f"msDS-SupportedEncryptionTypes: {_AES}",
    ]


def _person(realm: Realm, who: Account) -> list[str]:
    return [
        f"dn: CN={who.name},CN=Users,{realm.base}",
        "changetype: add",
        "objectClass: user",
        f"sAMAccountName: {who.name}",
        f"mail: {who.name}@{realm.domain}",
        f"userAccountControl: {_NORMAL}",
        f"msDS-SupportedEncryptionTypes: {_AES}",
        _secret(who),
    ]


def _computers(realm: Realm) -> Iterator[list[str]]:
    """The accounts of services; a controller has a computer's account of its own, which stands for the usual ones."""
    for node, who in realm.computers.items():
        is_controller = node in realm.controllers
        names = [one for one in who.services if not (is_controller and one.partition("/")[0].lower() in _OWN)]
        if names:
            yield [*_person(realm, who), *(f"servicePrincipalName: {name}" for name in names)]


def _secret(who: Account) -> str:
    """[MS-ADTS] 3.1.1.3.1.5.1: the password in quotation marks, in UTF-16."""
    quoted = f'"{who.password}"'
    return f"unicodePwd:: {_encoded(quoted.encode('utf-16-le'))}"


# -- names: [MS-DNSP] 2.3.1.2 and 2.3.2.2


def _place(realm: Realm, zone: str) -> str:
    return f"DC={zone},CN=MicrosoftDNS,DC=DomainDnsZones,{realm.base}"


def _names(realm: Realm, zone: str, records: Mapping[str, Iterable[Address]], without: str = "") -> Iterator[list[str]]:
    for name, addresses in records.items():
        found = [_record(_TYPES[one.version], one.packed) for one in addresses]
        if found and name != without:
            yield _node(realm, zone, name, found)


def _zone(realm: Realm, zone: str, server: str) -> Iterator[list[str]]:
    """A zone that holds copies of another domain's names."""
    yield [f"dn: {_place(realm, zone)}", "changetype: add", "objectClass: dnsZone", f"dc: {zone}"]
    master, person = _counted_name(server), _counted_name(f"hostmaster.{zone}")
    numbers = b"".join(number.to_bytes(4, "big") for number in (1, _LIFE, 600, 86400, 3600))
    yield _node(realm, zone, "@", [_record(_SOA, numbers + master + person), _record(_NS, master)])


def _node(realm: Realm, zone: str, name: str, records: Iterable[bytes]) -> list[str]:
    values = [f"dnsRecord:: {_encoded(record)}" for record in records]
    return [f"dn: DC={name},{_place(realm, zone)}", "changetype: add", "objectClass: dnsNode", *values]


def _record(kind: int, data: bytes) -> bytes:
    """[MS-DNSP] 2.3.2.2: lengths and numbers little-endian but the time to live; of rank 0xF0: a zone's own."""
    head = len(data).to_bytes(2, "little") + kind.to_bytes(2, "little") + bytes((5, 0xF0, 0, 0))
    return head + (1).to_bytes(4, "little") + _LIFE.to_bytes(4, "big") + bytes(8) + data


def _counted_name(name: str) -> bytes:
    """[MS-DNSP] 2.2.2.2.2, DNS_COUNT_NAME: length, number of labels, each label with its length, and an end."""
    labels = [label.encode("ascii") for label in name.split(".")]
    data = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return bytes((len(data), len(labels))) + data


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
