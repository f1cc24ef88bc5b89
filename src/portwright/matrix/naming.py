"""Names made of people's texts: the same however the rows are sorted, unique, and of the form the catalog asks for."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from hashlib import sha256

_LATIN = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "œ": "oe", "å": "a", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ı": "i",
})  # fmt: skip


def folded(text: str) -> str:
    """The text in small letters of the Latin alphabet, without accents; other scripts vanish."""
    latin = unicodedata.normalize("NFC", text.casefold()).translate(_LATIN)
    return "".join(character for character in unicodedata.normalize("NFKD", latin) if character.isascii())


def slug(text: str, longest: int = 40) -> str:
    """The text as a word of letters, digits and single hyphens; what is cut off or lost is told by a digest."""
    word = re.sub(r"[^a-z0-9]+", "-", folded(text)).strip("-")
    if not word:
        return f"x{_digest(text)}"
    return word if len(word) <= longest else with_digest(word, text, longest)


def with_digest(word: str, text: str, longest: int, digits: int = 8) -> str:
    """The word, cut where it is long, with a digest of a text that tells it from others like it."""
    return f"{word[: longest - digits - 1].rstrip('-')}-{_digest(text, digits)}"


def unique(words: Mapping[str, str], longest: int, taken: Collection[str] = (), digits: int = 8) -> dict[str, str]:
    """By text: the word wanted for it, with a digest where another text wants the same, or it is taken or too long."""
    counts = Counter(words.values())
    names = {
        text: word
        if counts[word] == 1 and word not in taken and len(word) <= longest
        else with_digest(word, text, longest, digits)
        for text, word in words.items()
    }
    return names if len(set(names.values())) == len(names) else unique(words, longest, taken, 2 * digits)


def _digest(text: str, digits: int = 8) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
