"""MD4 (RFC 1320): broken long since, and still what Windows keeps of a password. No library has it any more."""

import struct

_START = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476  # 3.3
_MASK = 0xFFFFFFFF
# By round (3.4): what is added, the order of the words, and how far each of four steps turns.
_ROUNDS = (
    (0, tuple(range(16)), (3, 7, 11, 19)),
    (0x5A827999, (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
    (0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)


def md4(data: bytes) -> bytes:
    """The digest, 16 octets."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)  # 3.1, 3.2
    state: tuple[int, ...] = _START
    for at in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, at)
        state = tuple((old + new) & _MASK for old, new in zip(state, _mixed(state, words), strict=True))
    return struct.pack("<4I", *state)


def _mixed(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, ...]:
    a, b, c, d = state
    for number, (constant, order, turns) in enumerate(_ROUNDS):
        for step, place in enumerate(order):
            total = (a + _chosen(number, b, c, d) + words[place] + constant) & _MASK
            turn = turns[step % 4]
            a, b, c, d = d, (total << turn | total >> 32 - turn) & _MASK, b, c
    return a, b, c, d


def _chosen(number: int, x: int, y: int, z: int) -> int:
    """The functions F, G and H (3.4)."""
    if number == 0:
        return x & y | ~x & z
    return x & y | x & z | y & z if number == 1 else x ^ y ^ z
