"""Rulesets that nft takes, and whose listing says all that they do."""

import re

from tests.kernel.kernel import Kernel, Refused

_MOST_REFUSALS = 30
_ROUNDS = 4  # until a listing is its own listing


def load_settled(kernel: Kernel, text: str, hook: str, path: bool) -> bool:
    """Load a ruleset without the lines that nft refuses, as its listing says it; report whether that succeeds.

    nft's listings may lose conditions. So what is judged is the listing, loaded anew until it lists as itself.
    """
    return _load(kernel, text, hook, path) and settle(kernel)


def settle(kernel: Kernel) -> bool:
    """Load the listing of what is loaded until it lists as itself; report whether it ever does."""
    for _ in range(_ROUNDS):
        listing = kernel.loaded.listing
        try:
            kernel.load(listing, kernel.hook, kernel.path)
        except Refused:
            return False
        if kernel.loaded.listing == listing:
            return True
    return False


def _load(kernel: Kernel, text: str, hook: str, path: bool) -> bool:
    for _ in range(_MOST_REFUSALS):
        try:
            kernel.load(text, hook, path)
        except Refused as refused:
            lines = text.splitlines()
            wrong = _refused(str(refused)) & set(range(len(lines)))
            if not wrong:
                return False
            text = "".join(f"{line}\n" for at, line in enumerate(lines) if at not in wrong)
        else:
            return True
    return False


def _refused(message: str) -> set[int]:
    """The lines that nft complains of, counted from 0; after a syntax error what follows means nothing."""
    found = re.findall(r"^/dev/stdin:(\d+):\S+ Error: (syntax error)?", message, re.MULTILINE)
    lines = [int(number) - 2 for number, _ in found]  # `flush ruleset` stands before the text
    return set(lines[:1] if found and found[0][1] else lines)
