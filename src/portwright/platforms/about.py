"""What Portwright says of a platform: how to export its configuration, what is modelled, and what is not."""

from dataclasses import dataclass
from importlib import import_module
from typing import cast

from portwright.platforms import PLATFORMS


@dataclass(frozen=True, slots=True)
class Entry:
    """Something of a platform, and what Portwright makes of it; names of the platform's language in backquotes."""

    what: str
    note: str = ""


Entries = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class About:
    """What a platform's reader and writer do with what may stand in a configuration."""

    export: Entries  # command, and what comes of it
    modelled: Entries  # decides as the platform itself does
    inert: Entries  # decides about no packet
    uncertain: Entries  # makes the packets undecided for which it matters
    refused: Entries  # is an error, with its line
    impossible: Entries  # what rules of the platform cannot express; `render` says so


SECTIONS: dict[str, tuple[str, str]] = {  # field of `About` -> title, and what it means
    "export": ("How to export", ""),
    "modelled": ("What is modelled", "It decides as the platform itself does."),
    "inert": ("What is inert", "It decides about no packet, and is counted."),
    "uncertain": (
        "What is uncertain",
        "It may or may not apply. It makes undecided the packets for which that matters, and is named with its line.",
    ),
    "refused": ("What is refused", "Every problem is told with its line, and the exit status is 2."),
    "impossible": ("What cannot be expressed", "`portwright render` says so and writes nothing."),
}


def about(name: str) -> About:
    """What there is to say of a platform. Raises KeyError for a name that is not in `PLATFORMS`."""
    return cast("About", import_module(f"{PLATFORMS[name]}.about").ABOUT)


def quoted(words: str) -> str:
    """Words with commas between them, each in backquotes."""
    return ", ".join(f"`{word.strip()}`" for word in words.split(","))
