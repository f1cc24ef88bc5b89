"""Names for zones, firewalls and hosts, made of what other people call things."""

from collections.abc import Container
from itertools import count
from pathlib import Path

from portwright.site.schema import NAME

_LONGEST = 60  # characters, so that a number fits behind


def sanitized(text: str, otherwise: str) -> str:
    """A text as a name that a site file may hold."""
    signs = (sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "-" for sign in text[:_LONGEST])
    name = "".join(signs).strip("-.")
    if not any(sign.isalpha() for sign in name):
        name = f"{otherwise}-{name}".rstrip("-")
    return NAME.parse(name)


def unique(text: str, taken: Container[str], otherwise: str) -> str:
    """A text as a name that is not taken, and no word of flow notation."""
    name = sanitized(text, otherwise)
    candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(one for one in candidates if one not in taken and one != "any")


def site_name(path: Path, otherwise: str) -> str:
    """A name for the site in a file: the file's, where that says something."""
    return otherwise if path.stem in ("site", "-", "") else sanitized(path.stem, "site")
