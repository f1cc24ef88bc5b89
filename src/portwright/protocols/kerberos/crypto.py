"""Encryption and checksums of Kerberos (RFC 3961) with AES: aes128-cts-hmac-sha1-96, aes256- (RFC 3962)."""

import hashlib
import hmac
import math
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from portwright.protocols.conversation import Misspoken

AES256, AES128 = 18, 17  # RFC 3962, 7: encryption types, the stronger first
KEY_BYTES = {AES256: 32, AES128: 16}
CHECKSUM_TYPE = {AES256: 16, AES128: 15}  # RFC 3962, 7: hmac-sha1-96-aes256, -aes128
CHECKSUM_BYTES = 12
ITERATIONS = 4096  # RFC 3962, 4: where no parameter says otherwise
MOST_ITERATIONS = 1 << 17  # a server that asks for more wastes our time
_BLOCK = 16


class BadIntegrity(Misspoken):
    """What was encrypted or signed does not fit the key: another key, or changed on the way."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of one encryption type."""

    etype: int
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if KEY_BYTES.get(self.etype) != len(self.value):
            raise Misspoken(f"a key of {len(self.value)} octets for encryption type {self.etype}")


def random_key(etype: int = AES256) -> Key:
    """A fresh key."""
    return Key(etype, secrets.token_bytes(KEY_BYTES[etype]))


def string_to_key(password: str, salt: str, etype: int = AES256, iterations: int = ITERATIONS) -> Key:
    """The key of a password (RFC 3962, 4). Raises Misspoken where the parameters are out of bounds."""
    if etype not in KEY_BYTES or not 0 < iterations <= MOST_ITERATIONS:
        raise Misspoken(f"encryption type {etype} with {iterations} iterations")
    return _string_to_key(password.encode(), salt.encode(), etype, iterations)


@lru_cache(256)
def _string_to_key(password: bytes, salt: bytes, etype: int, iterations: int) -> Key:
    seed = hashlib.pbkdf2_hmac("sha1", password, salt, iterations, KEY_BYTES[etype])
    return Key(etype, _derived(seed, b"kerberos"))


def nfold(data: bytes, size: int) -> bytes:
    """The octets folded to another number of octets (RFC 3961, 5.1)."""
    bits, length = len(data) * 8, math.lcm(len(data), size)
    number = int.from_bytes(data, "big")
    turned = b"".join(_rotated(number, 13 * turn % bits, bits) for turn in range(length // len(data)))
    total = sum(int.from_bytes(turned[at : at + size], "big") for at in range(0, length, size))
    whole = (1 << size * 8) - 1
    while total > whole:  # addition in ones' complement: what is carried out comes in again
        total = (total & whole) + (total >> size * 8)
    return total.to_bytes(size, "big")


def _rotated(number: int, right: int, bits: int) -> bytes:
    turned = (number >> right | number << bits - right) & (1 << bits) - 1
    return turned.to_bytes(bits // 8, "big")


def encrypt(key: Key, usage: int, plain: bytes, confounder: bytes | None = None) -> bytes:
    """The octets encrypted and signed for one use of the key (RFC 3961, 5.3)."""
    text = (secrets.token_bytes(_BLOCK) if confounder is None else confounder) + plain
    return cts_encrypt(_use(key, usage, 0xAA), text) + _mac(_use(key, usage, 0x55), text)


def decrypt(key: Key, usage: int, cipher: bytes) -> bytes:
    """What was encrypted for that use of the key. Raises BadIntegrity."""
    if len(cipher) < _BLOCK + CHECKSUM_BYTES:
        raise BadIntegrity("too short to be encrypted")
    text = cts_decrypt(_use(key, usage, 0xAA), cipher[:-CHECKSUM_BYTES])
    if not hmac.compare_digest(_mac(_use(key, usage, 0x55), text), cipher[-CHECKSUM_BYTES:]):
        raise BadIntegrity("encrypted with another key, or changed")
    return text[_BLOCK:]


def checksum(key: Key, usage: int, data: bytes) -> bytes:
    """The keyed checksum of the octets for one use of the key (RFC 3961, 5.4)."""
    return _mac(_use(key, usage, 0x99), data)


def verify(key: Key, usage: int, data: bytes, claimed: bytes) -> None:
    """Nothing, where that is the checksum. Raises BadIntegrity."""
    if not hmac.compare_digest(checksum(key, usage, data), claimed):
        raise BadIntegrity("signed with another key, or changed")


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha1).digest()[:CHECKSUM_BYTES]


@lru_cache(4096)
def _use(key: Key, usage: int, purpose: int) -> bytes:
    """The key derived for one usage and purpose: 0xAA encrypts, 0x55 signs that, 0x99 signs alone (RFC 3961, 5.3)."""
    return _derived(key.value, usage.to_bytes(4, "big") + bytes((purpose,)))


def _derived(key: bytes, constant: bytes) -> bytes:
    """DK: the folded constant, encrypted over and over (RFC 3961, 5.1)."""
    block, found = nfold(constant, _BLOCK), b""
    while len(found) < len(key):
        block = _ecb(key, block)
        found += block
    return found[: len(key)]


def _ecb(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305 (one block of a key derivation)


def cts_encrypt(key: bytes, text: bytes) -> bytes:
    """AES in CBC mode with ciphertext stealing and a zero vector (RFC 3962, 5); at least one block."""
    padded = text + bytes(-len(text) % _BLOCK)
    cipher = Cipher(AES(key), CBC(bytes(_BLOCK))).encryptor().update(padded)
    if len(padded) == _BLOCK:
        return cipher
    before, last_but_one, last = cipher[: -2 * _BLOCK], cipher[-2 * _BLOCK : -_BLOCK], cipher[-_BLOCK:]
    return (before + last + last_but_one)[: len(text)]


def cts_decrypt(key: bytes, cipher: bytes) -> bytes:
    """The text of such a cipher."""
    if len(cipher) == _BLOCK:
        return Cipher(AES(key), ECB()).decryptor().update(cipher)  # noqa: S305 (one block under a zero vector)
    tail = len(cipher) % _BLOCK or _BLOCK
    before, stolen = cipher[: -_BLOCK - tail], cipher[-tail:]
    mixed = Cipher(AES(key), ECB()).decryptor().update(cipher[-_BLOCK - tail : -tail])  # noqa: S305
    last_but_one = stolen + mixed[tail:]
    whole = Cipher(AES(key), CBC(bytes(_BLOCK))).decryptor().update(before + last_but_one)
    last = bytes(one ^ other for one, other in zip(mixed, last_but_one, strict=True))[:tail]
    return whole + last
