"""Why a domain controller refuses a user: the status of Windows beside the error of Kerberos ([MS-KILE] 2.2.1)."""

from collections.abc import Mapping

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.der import SEQUENCE, Element

EXTENDED = 3  # [MS-KILE] 2.2.1: KERB_ERR_TYPE_EXTENDED, as data of the error or among its pre-authentication data
_SIZE = 12  # octets: status, reserved, flags
REASONS: Mapping[int, str] = {  # [MS-ERREF] 2.3.1
    0xC000006F: "the user may not sign in at this time",
    0xC0000070: "the user may not sign in from this computer",
    0xC0000071: "the password has expired",
    0xC0000072: "the account is disabled",
    0xC0000193: "the account has expired",
    0xC0000224: "the password has to be changed first",
    0xC0000234: "the account is locked out",
    0xC0000413: "the user is not allowed to authenticate to this computer across the trust",
}


def reason(data: bytes) -> str:
    """What the data of an error says beside, for people; empty where it says nothing."""
    try:
        found = der.parse(data) if data else None
        parts = found.parts() if found else ()
        entries = parts if parts and parts[0].tag == SEQUENCE else (found,) if found else ()
        return next(filter(None, map(_said, entries)), "")
    except Misspoken:  # a sort of data that says something else
        return ""


def _said(entry: Element) -> str:
    fields = entry.fields()
    if fields[1].integer() != EXTENDED or 2 not in fields or len(value := fields[2].octets()) != _SIZE:
        return ""
    status = int.from_bytes(value[:4], "little")
    return REASONS.get(status, f"status {status:#010x}")
