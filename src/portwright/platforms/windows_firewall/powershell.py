"""Texts in PowerShell, written and read: in single quotes, in which nothing is expanded (about_Quoting_Rules)."""

import re

_SIGNS = "'\u2018\u2019\u201a\u201b"  # each of these ends a text in single quotes
_ONE = re.compile(f"([{_SIGNS}])")
_TWO = re.compile(f"([{_SIGNS}])\\1")
_DOUBLED = "|".join(sign * 2 for sign in _SIGNS)
QUOTED = rf"'(?:[^{_SIGNS}\r\n]|{_DOUBLED})*'"  # a whole text, as a regular expression


def quoted(text: str) -> str:
    """A text for PowerShell, taken as it is: in single quotes, those inside doubled, without control characters."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return "'" + _ONE.sub(r"\1\1", plain) + "'"


def unquoted(text: str) -> str:
    """What a text in single quotes holds."""
    return _TWO.sub(r"\1", text[1:-1])
