"""Rulesets that nft takes, and whose listing says all that they do."""

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
            if not refused.lines:
                return False
            lines = enumerate(text.splitlines())
            text = "".join(f"{line}\n" for at, line in lines if at not in refused.lines)
        else:
            return True
    return False
