"""Secrets in configurations, masked before any line is kept or printed."""

import re

MASK = "*****"

# A word that ends so (`password`, `ldap-login-password`, `"encrypted-password":`) is followed by a secret.
_ANNOUNCES = (
    "password", "passwd", "passphrase", "secret", "pre-shared-key", "authentication-key", "community", "common-pw",
    "psksecret", "key-string", "digest-key", "shared-key", "secret-key", "encryption-key",
)  # fmt: skip
_EXACTLY = frozenset({"key", "auth", "priv", "psk"})  # too common as an ending (`public-key`, `no-auth`)
# What may stand between the announcement and the secret: a type digit, an algorithm, the name of an encoding.
_BETWEEN = frozenset(
    "md5 sha sha1 sha224 sha256 sha384 sha512 des 3des aes aes128 aes192 aes256 128 192 256 encrypted hex ascii "
    "ascii-text enc hmac-sha-256 eigrp".split()
)
_USER_INFO = re.compile(r"(://[^\s/@:]{1,256}:)[^\s/@]{1,256}@")  # RFC 3986, 3.2.1: https://user:secret@host
_WORD = re.compile(r"\s*\S+")
_PUNCTUATION = "\"':=<>,"
_AFTER = ",;"  # what may stand behind a closing quotation mark


def redact(text: str) -> str:
    """The text with every secret replaced by asterisks: the word after `password`, `key`, `community` and the like."""
    text = _USER_INFO.sub(rf"\1{MASK}@", text)
    if not _may_hold_a_secret(text):
        return text
    words = _WORD.findall(text)  # each with the space before it
    hidden: list[str] = []
    pending = quote = ""
    for place, spaced in enumerate(words):
        word = spaced.lstrip()
        space = spaced[: len(spaced) - len(word)]
        if quote:
            quote = "" if word.rstrip(_AFTER).endswith(quote) else quote
            continue
        if pending and not (_stands_between(word) and place + 1 < len(words)):
            quote = _opens_quote(word)
            hidden.append(f"{space}{MASK}")
            pending = ""
            continue
        pending = word if pending or _announces(word) else ""
        hidden.append(f"{space}{_mask_assignment(word)}")
    return "".join(hidden) + text[len(text.rstrip()) :]


def _may_hold_a_secret(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _ANNOUNCES) or any(word in lower for word in _EXACTLY)


def _announces(word: str) -> bool:
    """Report whether a secret follows; the common words only where nobody has quoted them: `"priv"` is a name."""
    bare = word.lower().strip(_PUNCTUATION)
    return bare.endswith(_ANNOUNCES) or (bare in _EXACTLY and word[0] not in "\"'")


def _stands_between(word: str) -> bool:
    return word.lower() in _BETWEEN or (len(word) == 1 and (word.isdecimal() or word in "=:"))


def _opens_quote(word: str) -> str:
    """The quotation mark that a word opens and does not close; otherwise the empty string."""
    mark = word[0]
    return mark if mark in "\"'" and (len(word) == 1 or not word.rstrip(_AFTER).endswith(mark)) else ""


def _mask_assignment(word: str) -> str:
    """`password=abc` with its value masked."""
    name, equals, value = word.partition("=")
    return f"{name}={MASK}" if equals and value and _announces(name) else word
