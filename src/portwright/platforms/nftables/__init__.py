"""nftables: `nft list ruleset` as text, `nft -j list ruleset` as JSON, and files for `nft -f`."""

import re

from portwright.errors import InvalidInput
from portwright.platforms.nftables import listing_json, listing_text
from portwright.platforms.nftables.configuration import configuration
from portwright.policy.configuration import Configuration

NAME = "nftables"
TITLE = "Linux nftables (nft list ruleset, as text or JSON)"

_TEXT = re.compile(
    r"^[ \t]*(?:(?:add|create)[ \t]+)?table[ \t]+(?:(?:ip6?|inet|arp|bridge|netdev)[ \t]+[\w./\\-]+|[\w./\\-]+[ \t]*\{)"
    r"|^#![^\n]*\bnft\b|^[ \t]*flush[ \t]+ruleset\b",
    re.MULTILINE | re.ASCII,
)
_JSON = re.compile(r'\s*\{\s*"nftables"\s*:', re.ASCII)
_ENOUGH = 200_000  # characters that tell


def recognizes(text: str) -> bool:
    """Report whether a text looks like a ruleset of nftables."""
    return bool(_JSON.match(text) or _TEXT.search(text, 0, _ENOUGH))


def parse(text: str, file: str) -> Configuration:
    """The configuration that a ruleset means. Raises InvalidInput where nft would not load it either."""
    if "\0" in text:
        raise InvalidInput.of("this is no text file", file=file, line=text.count("\n", 0, text.index("\0")) + 1)
    text = text.removeprefix("\ufeff")  # a byte order mark that some editors leave
    is_json = text.lstrip()[:1] == "{"
    ruleset = listing_json.read(text, file) if is_json else listing_text.read(text, file)
    return configuration(ruleset, file, 0 if is_json else sum(1 for line in text.split("\n") if line.strip()))
