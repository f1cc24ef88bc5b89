"""Messages signed and sealed under a session of NTLM ([MS-NLMP] 3.4), with extended session security."""

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext

from portwright.protocols.conversation import Misspoken
from portwright.protocols.ntlm.messages import Flag

_SIGNATURE = 16  # octets (2.2.2.9.2)
_WAYS = {True: "client-to-server", False: "server-to-client"}


def rc4(key: bytes, data: bytes) -> bytes:
    """The data, encrypted or decrypted at once."""
    return _cipher(key).update(data)


def _cipher(key: bytes) -> CipherContext:
    return Cipher(ARC4(key), mode=None).encryptor()


class _Way:
    """One direction: its keys, and the number of the next message."""

    def __init__(self, key: bytes, flags: int, *, by_client: bool) -> None:
        way = _WAYS[by_client]
        strong = key if flags & Flag.KEY_128 else key[: 7 if flags & Flag.KEY_56 else 5]  # 3.4.5.3
        self._signing = _derived(key, f"session key to {way} signing key magic constant")
        self._sealing = _derived(strong, f"session key to {way} sealing key magic constant")
        self._encrypts = bool(flags & Flag.KEY_EXCHANGE)
        self._number = 0
        self.reset()

    def reset(self) -> None:
        """Encrypt from the beginning of the stream, while the numbers go on ([MS-SPNG] 3.3.5.1)."""
        self._stream = _cipher(self._sealing)

    def crypted(self, data: bytes) -> bytes:
        """The data, encrypted or decrypted as the next of the stream."""
        return self._stream.update(data)

    def signature(self, data: bytes) -> bytes:
        """The signature of the next message (3.4.4.2)."""
        number = self._number.to_bytes(4, "little")
        self._number = self._number + 1 & 0xFFFFFFFF
        short = hmac.digest(self._signing, number + data, "md5")[:8]
        return b"\1\0\0\0" + (self.crypted(short) if self._encrypts else short) + number


def _derived(key: bytes, constant: str) -> bytes:
    return hashlib.md5(key + constant.encode("ascii") + b"\0", usedforsecurity=False).digest()


class Context:
    """What both sides share once they know each other: it signs and seals what they say."""

    def __init__(self, key: bytes, flags: int, *, initiator: bool) -> None:
        self._out = _Way(key, flags, by_client=initiator)
        self._in = _Way(key, flags, by_client=not initiator)
        self._seals = bool(flags & Flag.SEAL)

    def wrap(self, data: bytes, *, seal: bool = True) -> bytes:
        """The data with its signature before it, encrypted unless only signed is wanted."""
        said = self._out.crypted(data) if seal and self._seals else data
        return self._out.signature(data) + said

    def unwrap(self, token: bytes) -> bytes:
        """The data that the other side wrapped. Raises Misspoken."""
        if len(token) < _SIGNATURE:
            raise Misspoken("a signed message has no signature")
        body = token[_SIGNATURE:]
        data = self._in.crypted(body) if self._seals else body
        self._check(data, token[:_SIGNATURE])
        return data

    def mic(self, data: bytes) -> bytes:
        """The signature of some data."""
        return self._out.signature(data)

    def check_mic(self, data: bytes, token: bytes) -> None:
        """Nothing, where that is the other side's signature. Raises Misspoken."""
        self._check(data, token)

    def reset(self) -> None:
        """Encrypt from the beginning, both ways: what is done once the list of mechanisms has been signed."""
        self._out.reset()
        self._in.reset()

    def _check(self, data: bytes, signature: bytes) -> None:
        if not hmac.compare_digest(self._in.signature(data), signature):
            raise Misspoken("a message was not signed by the other side")
