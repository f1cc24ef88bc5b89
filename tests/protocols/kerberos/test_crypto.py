"""The cryptography of Kerberos gives what its standards print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.protocols.kerberos.crypto import (
    AES128,
    AES256,
    BadIntegrity,
    checksum,
    cts_decrypt,
    cts_encrypt,
    decrypt,
    encrypt,
    nfold,
    random_key,
    string_to_key,
    verify,
)

FOLDED = [  # RFC 3961, A.1
    (b"012345", 64, "be072631276b1955"),
    (b"password", 56, "78a07b6caf85fa"),
    (b"Rough Consensus, and Running Code", 64, "bb6ed30870b7f0e0"),
    (b"password", 168, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"),
    (b"MASSACHVSETTS INSTITVTE OF TECHNOLOGY", 192, "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"),
    (b"Q", 168, "518a54a2 15a8452a 518a54a2 15a8452a 518a54a2 15"),
    (b"ba", 168, "fb25d531 ae897449 9f52fd92 ea9857c4 ba24cf29 7e"),
    (b"kerberos", 64, "6b657262 65726f73"),
    (b"kerberos", 128, "6b657262 65726f73 7b9b5b2b 93132b93"),
    (b"kerberos", 256, "6b657262 65726f73 7b9b5b2b 93132b93 5c9bdcda d95c9899 c4cae4de e6d6cae4"),
]
SALT = "ATHENA.MIT.EDUraeburn"
KEYS = [  # RFC 3962, B: iterations, password, salt, of 128 bits, of 256 bits
    (1, "password", SALT, "42263c6e89f4fc28b8df68ee09799f15",
     "fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161"),
    (2, "password", SALT, "c651bf29e2300ac27fa469d693bdda13",
     "a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff"),
    (1200, "password", SALT, "4c01cd46d632d01e6dbe230a01ed642a",
     "55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a"),
    (1200, "X" * 64, "pass phrase equals block size", "59d1bb789a828b1aa54ef9c2883f69ed",
     "89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34"),
    (50, "\U0001d11e", "EXAMPLE.COMpianist", "f149c1f2e154a73452d43e7fe62a56e5",
     "4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e"),
]  # fmt: skip
CHICKEN = b"I would like the General Gau's Chicken, please, and wonton soup."
STOLEN = [  # RFC 3962, B: how much of the text, its cipher under the key "chicken teriyaki"
    (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
    (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
    (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
    (47, "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5"),
    (48, "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8"),
    (64, "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8"
         "4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "bits", "folded"), FOLDED)
def test_folding(text, bits, folded):
    """As the standard's table has it."""
    assert nfold(text, bits // 8) == bytes.fromhex(folded)


@pytest.mark.parametrize(("iterations", "password", "salt", "short", "long"), KEYS)
def test_passwords_become_keys(iterations, password, salt, short, long):
    """As the standard's table has it, for both sizes."""
    assert string_to_key(password, salt, AES128, iterations).value.hex() == short
    assert string_to_key(password, salt, AES256, iterations).value.hex() == long


@pytest.mark.parametrize(("size", "cipher"), STOLEN)
def test_ciphertext_stealing(size, cipher):
    """As the standard's table has it, and back."""
    assert cts_encrypt(b"chicken teriyaki", CHICKEN[:size]).hex() == cipher
    assert cts_decrypt(b"chicken teriyaki", bytes.fromhex(cipher)) == CHICKEN[:size]


@given(st.binary(max_size=80), st.integers(0, 2000), st.sampled_from([AES128, AES256]))
def test_what_is_encrypted_comes_back_for_that_use_alone(plain, usage, etype):
    """Another usage, another key or a changed octet is noticed."""
    key = random_key(etype)
    cipher = encrypt(key, usage, plain)
    assert decrypt(key, usage, cipher) == plain
    changed = cipher[:-1] + bytes((cipher[-1] ^ 1,))
    for other, use, text in ((key, usage + 1, cipher), (random_key(etype), usage, cipher), (key, usage, changed)):
        with pytest.raises(BadIntegrity):
            decrypt(other, use, text)
    with pytest.raises(BadIntegrity):
        verify(key, usage, plain + b"x", checksum(key, usage, plain))


@given(st.binary(max_size=70))
def test_any_octets_decrypt_to_bad_integrity(octets):
    """And to nothing worse."""
    with pytest.raises(BadIntegrity):
        decrypt(random_key(), 3, octets)


def test_a_key_is_not_shown():
    """In no traceback and no log."""
    assert string_to_key("secret", "salt").value.hex() not in repr(string_to_key("secret", "salt"))
