"""Text for YAML: values and comments that mean what was meant, whatever characters they hold."""

import re
from collections.abc import Iterable, Mapping

# Words and IPv4 networks that no reader of YAML takes for anything else.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?")
_MEANT_OTHERWISE = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))  # YAML 1.1, 1.2
_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def value(text: str) -> str:
    """A text as a YAML value, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANT_OTHERWISE:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"  # YAML 1.2, 5.7


def values(texts: Iterable[str]) -> str:
    """Texts as a YAML list in one line."""
    return f"[{', '.join(map(value, texts))}]"


def pairs(entries: Mapping[str, str]) -> str:
    """Texts by name as a YAML mapping in one line."""
    return "{" + ", ".join(f"{value(key)}: {value(text)}" for key, text in entries.items()) + "}"


def comment(text: str) -> str:
    """A text as a comment; it ends no line and holds nothing that commands a terminal."""
    return "# " + "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
