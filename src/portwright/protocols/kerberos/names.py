"""Names and numbers of Kerberos (RFC 4120, 6.2, 7.5)."""

from dataclasses import dataclass, field
from enum import IntEnum

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.der import Element

VERSION = 5
MOST_NAME_PARTS = 16


class NameType(IntEnum):
    """What sort of name a principal has (RFC 4120, 6.2; RFC 6806, 5)."""

    PRINCIPAL = 1
    SERVICE = 2  # krbtgt/REALM and other services of a realm
    HOST_SERVICE = 3
    ENTERPRISE = 10  # alice@contoso.example, whose realm the KDC finds


class ErrorCode(IntEnum):
    """What a KRB-ERROR says (RFC 4120, 7.5.9)."""

    KDC_ERR_NONE = 0
    KDC_ERR_BAD_PVNO = 3
    KDC_ERR_C_PRINCIPAL_UNKNOWN = 6
    KDC_ERR_S_PRINCIPAL_UNKNOWN = 7
    KDC_ERR_NULL_KEY = 9
    KDC_ERR_NEVER_VALID = 11
    KDC_ERR_POLICY = 12
    KDC_ERR_BADOPTION = 13
    KDC_ERR_ETYPE_NOSUPP = 14
    KDC_ERR_SUMTYPE_NOSUPP = 15
    KDC_ERR_PADATA_TYPE_NOSUPP = 16
    KDC_ERR_CLIENT_REVOKED = 18
    KDC_ERR_KEY_EXPIRED = 23
    KDC_ERR_PREAUTH_FAILED = 24
    KDC_ERR_PREAUTH_REQUIRED = 25
    KDC_ERR_SVC_UNAVAILABLE = 29
    KRB_AP_ERR_BAD_INTEGRITY = 31
    KRB_AP_ERR_TKT_EXPIRED = 32
    KRB_AP_ERR_TKT_NYV = 33
    KRB_AP_ERR_REPEAT = 34
    KRB_AP_ERR_NOT_US = 35
    KRB_AP_ERR_BADMATCH = 36
    KRB_AP_ERR_SKEW = 37
    KRB_AP_ERR_MSG_TYPE = 40
    KRB_AP_ERR_MODIFIED = 41
    KRB_AP_ERR_NOKEY = 45
    KRB_AP_ERR_INAPP_CKSUM = 50
    KRB_ERR_RESPONSE_TOO_BIG = 52
    KRB_ERR_GENERIC = 60
    KRB_ERR_FIELD_TOOLONG = 61
    KDC_ERR_WRONG_REALM = 68


class Usage(IntEnum):
    """What a key is used for (RFC 4120, 7.5.1; RFC 4121, 2)."""

    PA_TIMESTAMP = 1
    TICKET = 2
    AS_REPLY = 3
    TGS_CHECKSUM = 6
    TGS_AUTHENTICATOR = 7
    TGS_REPLY = 8
    TGS_REPLY_SUBKEY = 9
    AP_CHECKSUM = 10
    AP_AUTHENTICATOR = 11
    AP_REPLY = 12
    PRIVATE = 13
    ACCEPTOR_SEAL = 22
    ACCEPTOR_SIGN = 23
    INITIATOR_SEAL = 24
    INITIATOR_SIGN = 25


class Denied(Refused):
    """A KDC or a service said no by a KRB-ERROR."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)


def error_name(code: int) -> str:
    """The standard's name of an error, and its number."""
    known = code in ErrorCode.__members__.values()
    return f"{ErrorCode(code).name} ({code})" if known else f"error {code}"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody a realm knows: a user, a service."""

    parts: tuple[str, ...]
    realm: str
    kind: int = field(default=NameType.PRINCIPAL, compare=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.realm}"

    @property
    def name(self) -> str:
        """Its name within the realm: alice, HTTP/fe01.contoso.example."""
        return "/".join(self.parts)

    @classmethod
    def of(cls, name: str, realm: str) -> "Principal":
        """The principal of a name within a realm: a service where the name has a slash."""
        parts = tuple(name.split("/"))
        return cls(parts, realm, NameType.SERVICE if len(parts) > 1 else NameType.PRINCIPAL)

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """The principal of its text form, NAME@REALM. Raises Misspoken."""
        name, at, realm = text.rpartition("@")
        if not at or not name or not realm:
            raise Misspoken(f"a principal is NAME@REALM, not {text!r}")
        return cls.of(name, realm)

    @property
    def encoded(self) -> bytes:
        """Its name without the realm (RFC 4120, 5.2.2)."""
        strings = der.sequence(*(der.string(part) for part in self.parts))
        return der.members([(0, der.integer(self.kind)), (1, strings)])

    @classmethod
    def read(cls, name: Element, realm: str, least: int = 1) -> "Principal":
        """The principal of a name that came, in a realm. Raises Misspoken."""
        fields = name.fields()
        parts = tuple(part.string() for part in fields[1].parts())
        if not least <= len(parts) <= MOST_NAME_PARTS:
            raise Misspoken(f"a name of {len(parts)} parts")
        return cls(parts, realm, fields[0].integer())


def ticket_granting(realm: str) -> Principal:
    """The ticket-granting service of a realm."""
    return Principal(("krbtgt", realm), realm, NameType.SERVICE)
