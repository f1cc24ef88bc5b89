"""NTLM ([MS-NLMP]) inside SPNEGO (RFC 4178, [MS-SPNG]), as far as nobody in particular needs it.

A client signs in as nobody, a server takes everybody as nobody or as a guest: no password is asked for or checked.
"""

import secrets
import struct
from enum import Enum

from portwright.protocols.conversation import Misspoken
from portwright.protocols.octets import Octets
from portwright.protocols.spnego import ACCEPTED, INCOMPLETE, NTLM, NTLM_MARK, Init, Response

_NEGOTIATE, _CHALLENGE, _AUTHENTICATE = 1, 2, 3  # [MS-NLMP] 2.2.1
_UNICODE, _TARGET, _NTLM, _ANONYMOUS = 0x1, 0x4, 0x200, 0x800  # [MS-NLMP] 2.2.2.5
_ALWAYS_SIGN, _TARGET_IS_SERVER, _EXTENDED, _TARGET_INFO = 0x8000, 0x20000, 0x80000, 0x800000
_VERSION, _KEY_128, _KEY_EXCHANGE, _KEY_56 = 0x2000000, 0x20000000, 0x40000000, 0x80000000
_ASKED = _UNICODE | _TARGET | _NTLM | _ALWAYS_SIGN | _EXTENDED | _KEY_128 | _KEY_56
_OFFERED = _ASKED | _TARGET_IS_SERVER | _TARGET_INFO | _KEY_EXCHANGE | _VERSION
_WINDOWS_8 = struct.pack("<BBHxxxB", 6, 2, 9200, 15)  # [MS-NLMP] 2.2.2.10
_COMPUTER, _DOMAIN, _END = 1, 2, 0  # [MS-NLMP] 2.2.2.1


class User(Enum):
    """Who has signed in."""

    NOBODY = "anonymous"
    GUEST = "guest"  # whoever said a name


def hint() -> bytes:
    """What a server offers before anybody signs in: NTLM alone."""
    return Init((NTLM,)).encoded


def negotiate() -> bytes:
    """A client's first token."""
    return Init((NTLM,), NTLM_MARK + struct.pack("<II16x", _NEGOTIATE, _ASKED)).encoded


def challenge(token: bytes, computer: str) -> bytes | None:
    """A server's answer to a first token; None where NTLM is not what it speaks."""
    message = _message(token)
    if not message or message[0] != _NEGOTIATE:
        return None
    name = computer.upper().encode("utf-16-le")
    pairs = ((_DOMAIN, name), (_COMPUTER, name), (_END, b""))
    info = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
    places = struct.pack("<HHI", len(name), len(name), 56), struct.pack("<HHI", len(info), len(info), 56 + len(name))
    flags, nonce = struct.pack("<I", _OFFERED), secrets.token_bytes(8)
    body = struct.pack("<I", _CHALLENGE) + places[0] + flags + nonce + bytes(8) + places[1] + _WINDOWS_8
    return _wrapped(token, Response(INCOMPLETE, NTLM, NTLM_MARK + body + name + info))


def nobody(token: bytes) -> bytes:
    """A client's answer to a challenge, as nobody ([MS-NLMP] 3.2.5.1.2). Raises Misspoken where it is no challenge."""
    message = _message(token)
    if not message or message[0] != _CHALLENGE:
        raise Misspoken("the server sends no challenge of NTLM")
    flags = _ASKED | _ANONYMOUS
    empty = struct.pack("<HHI", 0, 0, 64 + 1)
    places = struct.pack("<HHI", 1, 1, 64) + empty * 5  # an LM response of one zero octet, and nothing else
    said = struct.pack("<I", _AUTHENTICATE) + places + struct.pack("<I", flags) + b"\0"
    return Response(token=NTLM_MARK + said).encoded


def signed_in(token: bytes) -> User | None:
    """Who signs in with a last token; None where that is no token of NTLM."""
    message = _message(token)
    if not message or message[0] != _AUTHENTICATE:
        return None
    octets = Octets(message[1], "little")
    octets.take(8 * 3)  # two responses and the domain
    return User.GUEST if octets.number(2) else User.NOBODY


def done(token: bytes) -> bytes:
    """A server's last word to a last token."""
    return _wrapped(token, Response(ACCEPTED))


def _message(token: bytes) -> tuple[int, bytes] | None:
    """The type of a message of NTLM in a token, and what follows."""
    _, found, rest = token.partition(NTLM_MARK)
    return (int.from_bytes(rest[:4], "little"), rest[4:]) if found and len(rest) >= 4 else None


def _wrapped(token: bytes, said: Response) -> bytes:
    """What a server says, wrapped as the client wrapped its own: bare, or in SPNEGO."""
    return said.token if token.startswith(NTLM_MARK) else said.encoded
