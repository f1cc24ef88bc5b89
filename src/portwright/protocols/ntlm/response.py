"""What a client computes of its password and a server's challenge, and how that is checked ([MS-NLMP] 3.3.2)."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from portwright.protocols.ntlm.md4 import md4
from portwright.protocols.ntlm.messages import written_pairs

_PROOF = 16  # octets before what they prove
_LEAST = 44  # octets of a response of version 2; one of version 1 has 24
_NO_TIME = bytes(8)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What only somebody who knows the password can check: a domain controller ([MS-NRPC] 2.2.1.4.5)."""

    user: str
    domain: str  # as the client says it: of the domain, or of nothing
    workstation: str
    nonce: bytes
    response: bytes = field(repr=False)

    def key(self, password: str) -> bytes | None:
        """The key that both sides share from now on; None where the response was not made with this password."""
        if len(self.response) < _LEAST:
            return None
        own, said = _own_key(self.user, self.domain, password), self.response[:_PROOF]
        if not hmac.compare_digest(_keyed(own, self.nonce + self.response[_PROOF:]), said):
            return None
        return _keyed(own, said)


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in."""

    user: str
    password: str = field(repr=False)
    domain: str = ""
    workstation: str = ""


def responded(login: Login, nonce: bytes, info: Mapping[int, bytes], time: bytes = _NO_TIME) -> tuple[bytes, bytes]:
    """A client's response of version 2 to a challenge, and the key that both sides share from now on."""
    own = _own_key(login.user, login.domain, login.password)
    said = b"\1\1" + bytes(6) + time + secrets.token_bytes(8) + bytes(4) + written_pairs(info) + bytes(4)  # 2.2.2.7
    proof = _keyed(own, nonce + said)
    return proof + said, _keyed(own, proof)


def _own_key(user: str, domain: str, password: str) -> bytes:
    """NTOWFv2 ([MS-NLMP] 3.3.2)."""
    return _keyed(md4(password.encode("utf-16-le")), (user.upper() + domain).encode("utf-16-le"))


def _keyed(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "md5")
