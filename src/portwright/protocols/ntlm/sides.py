"""The two sides of a sign-in by NTLM, version 2 ([MS-NLMP] 3.1, 3.2), without what carries the messages."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.ntlm.context import Context, rc4
from portwright.protocols.ntlm.messages import (
    HAS_MIC,
    Authenticate,
    Challenge,
    Flag,
    Negotiate,
    Pair,
    read,
    without_mic,
)
from portwright.protocols.ntlm.response import Login, SignIn, responded

_BOTH = Flag.UNICODE | Flag.REQUEST_TARGET | Flag.NTLM | Flag.ALWAYS_SIGN | Flag.EXTENDED | Flag.SIGN | Flag.SEAL
ASKED = _BOTH | Flag.KEY_128 | Flag.KEY_56 | Flag.KEY_EXCHANGE | Flag.TARGET_INFO | Flag.VERSION
_NEEDED = Flag.NTLM | Flag.EXTENDED
_NO_TIME = bytes(8)
_FIRST = datetime(1601, 1, 1, tzinfo=UTC)
_OLDER = Flag.OEM  # what a server agrees to beside, where a client has no Unicode


class Client:
    """Somebody with a password: send `first`, then what `answer` makes of the challenge; then there is a `context`."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self.first = Negotiate(ASKED).encoded
        self.context: Context | None = None

    def answer(self, challenge: bytes) -> tuple[bytes, Context]:
        """The last message, and the context. Raises Misspoken where that is no challenge of this version."""
        asked = read(challenge)
        if not isinstance(asked, Challenge) or asked.flags & _NEEDED != _NEEDED:
            raise Misspoken("the server sends no challenge of NTLM version 2")
        flags, time = asked.flags & ASKED, asked.info.get(Pair.TIME, b"")
        signs = len(time) == len(
            _NO_TIME
        )  # 3.1.5.1.2: who is told the time signs all messages, and sends no LM response
        info = dict(asked.info) | ({Pair.FLAGS: HAS_MIC.to_bytes(4, "little")} if signs else {})
        nt, base = responded(self._login, asked.nonce, info, time if signs else _NO_TIME)
        key, sent = _exchanged(base, flags)
        who = self._login
        message = Authenticate(flags, who.user, who.domain, who.workstation, nt, bytes(24), sent)
        if signs:
            message = replace(message, mic=_mic(key, self.first, challenge, message.encoded))
        self.context = Context(key, flags, initiator=True)
        return message.encoded, self.context


def _exchanged(base: bytes, flags: int) -> tuple[bytes, bytes]:
    """The session's key, and how it is sent: a new one where that was agreed (3.1.5.1.2)."""
    if not flags & Flag.KEY_EXCHANGE:
        return base, b""
    key = secrets.token_bytes(16)
    return key, rc4(base, key)


def _mic(key: bytes, *said: bytes) -> bytes:
    return hmac.digest(key, b"".join(said), "md5")


class Server:
    """A computer of a domain: it asks, and has the answer checked by who knows the passwords."""

    def __init__(self, info: Mapping[int, bytes]) -> None:
        self._info = info
        self._said: list[bytes] = []
        self._last: Authenticate | None = None
        self._nonce = secrets.token_bytes(8)

    @property
    def sign_in(self) -> SignIn | None:
        """What is to be checked, once the client has answered."""
        last = self._last
        return SignIn(last.user, last.domain, last.workstation, self._nonce, last.nt) if last else None

    @property
    def flags(self) -> int:
        """What was agreed."""
        return self._last.flags if self._last else 0

    def step(self, message: bytes) -> bytes:
        """The challenge, or nothing where the client has answered it. Raises Refused, Misspoken."""
        came = read(message)
        if isinstance(came, Negotiate) and not self._said:
            asked = self._challenge(came.flags)
            self._said = [message, asked]
            return asked
        if not isinstance(came, Authenticate) or len(self._said) != 2:
            raise Misspoken("a message of NTLM out of turn")
        if not came.user:
            raise Refused("nobody in particular signs in")
        self._last = came
        self._said.append(message)
        return b""

    def _challenge(self, wanted: int) -> bytes:
        if wanted & _NEEDED != _NEEDED:
            raise Refused("the client speaks an older NTLM")
        agreed = wanted & (ASKED | _OLDER) | Flag.TARGET_INFO | Flag.TARGET_IS_DOMAIN | Flag.VERSION
        if agreed & Flag.UNICODE:
            agreed &= ~_OLDER
        target = self._info.get(Pair.DOMAIN, b"").decode("utf-16-le", "replace")
        return Challenge(agreed, self._nonce, target, self._info).encoded

    def checked(self, base: bytes | None) -> Context:
        """The context, by the key that the check yields; None where it failed. Raises Refused, Misspoken."""
        last = self._last
        if last is None or base is None:
            raise Refused("the user name or password is wrong")
        key = base
        if last.flags & Flag.KEY_EXCHANGE and last.key:
            key = rc4(base, last.key)
        if last.mic and not hmac.compare_digest(_mic(key, *self._said[:2], without_mic(self._said[2])), last.mic):
            raise Refused("somebody has changed the messages of the sign-in")
        return Context(key, last.flags, initiator=False)


def about(computer: str, domain: str, dns_domain: str, now: datetime) -> dict[int, bytes]:
    """What a computer says of itself: its DNS name, its domain, and the time ([MS-DTYP] 2.3.3, FILETIME)."""
    names = {
        Pair.DOMAIN: domain.upper(),
        Pair.COMPUTER: computer.partition(".")[0].upper()[:15],
        Pair.DNS_DOMAIN: dns_domain,
        Pair.DNS_COMPUTER: computer,
    }
    told = {int(kind): name.encode("utf-16-le") for kind, name in names.items()}
    ticks = (now - _FIRST) // timedelta(microseconds=1) * 10
    return told | {int(Pair.TIME): ticks.to_bytes(8, "little")}
