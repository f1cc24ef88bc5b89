"""What a command prints: text that is safe on a terminal, colored where a person looks, JSON as it is."""

import json
import os
import re
import sys
import unicodedata

import click

_STYLES: tuple[tuple[re.Pattern[str], str], ...] = (  # on the first line of a text: the word that says how it stands
    (re.compile(r"\b(PROVED|works$|Equal|passes)\b"), "green"),
    (re.compile(r"\b(NOT IN ORDER|is broken|Different|is dropped|is rejected)\b"), "red"),
    (re.compile(r"\b(UNDECIDED|Undecided|is undecided|cannot be decided|works, but not well)\b"), "yellow"),
)
_MARKED = re.compile(r" *> +\S")  # the line in question, in its context


def show(result: str | dict[str, object], indent: int | None = 2) -> None:
    """Print a result: an object as JSON (on one line without indent), a text for people."""
    if not isinstance(result, str):
        click.echo(json.dumps(result, indent=indent))
    else:
        click.echo(colored(printable(result)) if _has_colors() else printable(result))


def _has_colors() -> bool:
    """Report whether somebody looks who wants colors (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def colored(text: str) -> str:
    """The text with the verdict and the marked lines set off."""
    first, *rest = text.split("\n")
    for pattern, color in _STYLES:
        first = pattern.sub(click.style(r"\1", fg=color, bold=True), first, count=1)
    return "\n".join([first, *(click.style(line, bold=True) if _MARKED.match(line) else line for line in rest)])


def printable(text: str) -> str:
    """The text without characters that command a terminal or turn the direction of writing, whatever a file holds."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(character if character == "\n" else _harmless(character) for character in text)


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    is_space = character == "\t" or unicodedata.category(character) in ("Zs", "Zl", "Zp")
    return " " if is_space else "\N{REPLACEMENT CHARACTER}"
