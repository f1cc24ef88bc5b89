"""Rulesets that nft takes, and whose listing says all that they do."""

from collections.abc import Callable

from tests.kernel.kernel import Kernel, Refused

from portwright.packets.packet import Packet

Draw = Callable[[], list[Packet]]  # packets for the ruleset that is loaded

_MOST_REFUSALS = 30
_ROUNDS = 4  # until a listing is its own listing


def load_settled(kernel: Kernel, text: str, hook: str, path: bool, draw: Draw = list) -> list[Packet] | None:
    """Load a ruleset without the lines that are refused, as its listing says it; None where that fails.

    A listing may lose conditions. So what is judged is the listing, loaded anew until it lists as itself. What is
    returned are packets drawn for it; connections that they belong to are open.
    """
    return settle(kernel, draw) if _load(kernel, text, hook, path) else None


def settle(kernel: Kernel, draw: Draw = list) -> list[Packet] | None:
    """Load the listing of what is loaded until it lists as itself; None where it never does."""
    for _ in range(_ROUNDS):
        listing, packets = kernel.loaded.listing, draw()
        try:
            kernel.load(listing, kernel.hook, kernel.path, packets)
        except Refused:
            return None
        if kernel.loaded.listing == listing:
            return packets
    return None


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
