"""NTLM ([MS-NLMP]) inside SPNEGO (RFC 4178, [MS-SPNG]), as far as nobody in particular needs it.

A client signs in as nobody, a server takes everybody as nobody or as a guest: no password is asked for or checked.
"""

import secrets
from enum import Enum

from portwright.protocols.conversation import Misspoken
from portwright.protocols.ntlm.messages import MARK, Authenticate, Challenge, Flag, Message, Negotiate, Pair, read
from portwright.protocols.spnego import ACCEPTED, INCOMPLETE, NTLM, Init, Response

_ASKED = Flag.UNICODE | Flag.REQUEST_TARGET | Flag.NTLM | Flag.ALWAYS_SIGN | Flag.EXTENDED | Flag.KEY_128 | Flag.KEY_56
_OFFERED = _ASKED | Flag.TARGET_IS_SERVER | Flag.TARGET_INFO | Flag.KEY_EXCHANGE | Flag.VERSION


class User(Enum):
    """Who has signed in."""

    NOBODY = "anonymous"
    GUEST = "guest"  # whoever said a name


def hint() -> bytes:
    """What a server offers before anybody signs in: NTLM alone."""
    return Init((NTLM,)).encoded


def negotiate() -> bytes:
    """A client's first token."""
    return Init((NTLM,), Negotiate(_ASKED).encoded).encoded


def challenge(token: bytes, computer: str) -> bytes | None:
    """A server's answer to a first token; None where NTLM is not what it speaks."""
    if not isinstance(_message(token), Negotiate):
        return None
    name = computer.upper()
    info = dict.fromkeys((int(Pair.DOMAIN), int(Pair.COMPUTER)), name.encode("utf-16-le"))
    said = Challenge(_OFFERED, secrets.token_bytes(8), name, info).encoded
    return _wrapped(token, Response(INCOMPLETE, NTLM, said))


def nobody(token: bytes) -> bytes:
    """A client's answer to a challenge, as nobody ([MS-NLMP] 3.2.5.1.2). Raises Misspoken where it is no challenge."""
    if not isinstance(_message(token), Challenge):
        raise Misspoken("the server sends no challenge of NTLM")
    said = Authenticate(_ASKED | Flag.ANONYMOUS, "", lm=b"\0")  # an LM response of one zero octet, and nothing else
    return Response(token=said.encoded).encoded


def signed_in(token: bytes) -> User | None:
    """Who signs in with a last token; None where that is no token of NTLM."""
    message = _message(token)
    if not isinstance(message, Authenticate):
        return None
    return User.GUEST if message.user else User.NOBODY


def done(token: bytes) -> bytes:
    """A server's last word to a last token."""
    return _wrapped(token, Response(ACCEPTED))


def _message(token: bytes) -> Message | None:
    """The message of NTLM in a token."""
    _, found, rest = token.partition(MARK)
    try:
        return read(found + rest) if found else None
    except Misspoken:
        return None


def _wrapped(token: bytes, said: Response) -> bytes:
    """What a server says, wrapped as the client wrapped its own: bare, or in SPNEGO."""
    return said.token if token.startswith(MARK) else said.encoded
