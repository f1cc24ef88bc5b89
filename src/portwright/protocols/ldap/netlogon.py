"""The locator's ping: which domain controller answers on UDP 389, and for what ([MS-ADTS] 6.3.1, 6.3.3)."""

import ipaddress
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntFlag

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, some
from portwright.protocols.ldap import messages
from portwright.protocols.ldap.filters import All, Compared, Filter
from portwright.protocols.ldap.messages import Ended, Message, Result, Search, encoded_entry, message

ATTRIBUTE = "Netlogon"  # [MS-ADTS] 6.3.3
RESPONSE_EX, USER_UNKNOWN_EX = 23, 25  # [MS-ADTS] 6.3.1.3: operation codes
_TOKENS = b"\xff\xff\xff\xff"  # [MS-ADTS] 6.3.1.9: LmNtToken, Lm20Token
_SOCKET_ADDRESS = b"\x02\0\0\0"  # family IPv4 and port 0; Windows fills no port in
_LONGEST_NAME = 255  # RFC 1035, 2.3.4
_MOST_JUMPS = 16


class Version(IntFlag):
    """What the client understands ([MS-ADTS] 6.3.1.1)."""

    V1 = 1
    V5 = 2
    V5EX = 4
    WITH_IP = 8
    WITH_CLOSEST_SITE = 16


class Role(IntFlag):
    """What a domain controller is ([MS-ADTS] 6.3.1.2)."""

    PDC = 1
    GLOBAL_CATALOG = 4
    LDAP = 8
    DIRECTORY = 0x10
    KDC = 0x20
    TIME = 0x40
    CLOSEST = 0x80
    WRITABLE = 0x100
    RELIABLE_TIME = 0x200
    ALL_SECRETS = 0x1000
    WEB_SERVICE = 0x2000
    WINDOWS_2012 = 0x4000


USUAL = (
    Role.PDC | Role.GLOBAL_CATALOG | Role.LDAP | Role.DIRECTORY | Role.KDC | Role.TIME | Role.CLOSEST | Role.WRITABLE
)
DEFAULT_SITE = "Default-First-Site-Name"


@dataclass(frozen=True, slots=True)
class Located:
    """A domain controller as it presents itself."""

    domain: str
    host: str
    forest: str = ""
    netbios_domain: str = ""
    netbios_host: str = ""
    site: str = DEFAULT_SITE
    client_site: str = DEFAULT_SITE
    roles: Role = USUAL
    guid: uuid.UUID = field(default=uuid.UUID(int=0))

    @classmethod
    def of(cls, domain: str, host: str) -> "Located":
        """The controller of a domain, with the usual short names and a domain's identifier of its own."""
        short = domain.partition(".")[0].upper()[:15], host.partition(".")[0].upper()[:15]
        return cls(domain, host, domain, *short, guid=uuid.uuid5(uuid.NAMESPACE_DNS, domain))


def locator(controller: Located, address: str = "") -> Talk[None]:
    """Answer a ping in a datagram; a domain of another name gets no controller."""
    try:
        came = Message.read((yield from some()))
        search = Search.read(came.operation)
    except (Misspoken, EndOfStream):
        return
    asked = _asked(search.wanted)
    domain, version = asked.get("dnsdomain", b"").decode("utf-8", "replace"), _version(asked.get("ntver", b""))
    entry = b""
    if version & Version.V5EX and domain.rstrip(".").lower() in ("", controller.domain.lower()):
        netlogon = encoded_located(controller, version, address)
        entry = message(came.number, encoded_entry("", {ATTRIBUTE: (netlogon,)}))
    yield from send(entry + message(came.number, Ended(Result.SUCCESS).encoded(messages.SEARCH_DONE)))


def _asked(wanted: Filter) -> dict[str, bytes]:
    """What the ping's filter says, by attribute in lower case."""
    one_by_one = wanted.filters if isinstance(wanted, All) else (wanted,)
    return {one.attribute.lower(): one.value for one in one_by_one if isinstance(one, Compared)}


def _version(value: bytes) -> Version:
    return Version(int.from_bytes(value[:4], "little") & sum(Version))


def encoded_located(controller: Located, version: Version, address: str = "") -> bytes:
    """NETLOGON_SAM_LOGON_RESPONSE_EX ([MS-ADTS] 6.3.1.9); names are written in full."""
    names = (
        controller.forest, controller.domain, controller.host, controller.netbios_domain, controller.netbios_host,
        "", controller.site, controller.client_site,
    )  # fmt: skip
    head = RESPONSE_EX.to_bytes(4, "little") + int(controller.roles).to_bytes(4, "little") + controller.guid.bytes_le
    says = Version.V1 | Version.V5EX
    where = b""
    if version & Version.WITH_IP and address and (at := ipaddress.ip_address(address)).version == 4:
        where = b"\x10" + _SOCKET_ADDRESS + at.packed + bytes(8)
        says |= Version.WITH_IP
    return head + b"".join(map(_name, names)) + where + int(says).to_bytes(4, "little") + _TOKENS


def _name(name: str) -> bytes:
    labels = [label.encode()[:63] for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def read_located(data: bytes) -> Located:
    """What a controller says. Raises Misspoken."""
    if len(data) < 24 or int.from_bytes(data[:2], "little") not in (RESPONSE_EX, USER_UNKNOWN_EX):
        raise Misspoken("the controller's answer is of another kind")
    names = _names(data, 24)
    forest, domain, host, netbios_domain, netbios_host, _, site, client_site = (next(names) for _ in range(8))
    roles = Role(int.from_bytes(data[4:8], "little") & sum(Role))
    guid = uuid.UUID(bytes_le=data[8:24])
    return Located(domain, host, forest, netbios_domain, netbios_host, site, client_site, roles, guid)


def _names(data: bytes, at: int) -> Iterator[str]:
    """The names from some place on, one after the other (compressed: RFC 1035, 4.1.4). Raises Misspoken."""
    while True:
        labels, after = _labels(data, at, 0)
        name = b".".join(labels)
        if len(name) > _LONGEST_NAME:
            raise Misspoken("a name is too long")
        yield name.decode("utf-8", "replace")
        at = after


def _labels(data: bytes, at: int, jumps: int) -> tuple[list[bytes], int]:
    """The labels of a name, and where what follows it begins."""
    labels: list[bytes] = []
    while at < len(data):
        size = data[at]
        if size == 0:
            return labels, at + 1
        if size & 0xC0 == 0xC0 and at + 1 < len(data) and jumps < _MOST_JUMPS:
            rest, _ = _labels(data, (size & 0x3F) << 8 | data[at + 1], jumps + 1)
            return labels + rest, at + 2
        if size & 0xC0 or len(labels) > _LONGEST_NAME // 2:
            break
        labels.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    raise Misspoken("a name has no end")
