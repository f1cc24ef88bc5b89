"""Rulesets as people and programs write them: the firewalls of the examples and the cases of the platforms."""

from collections.abc import Iterator
from pathlib import Path

from tests.kernel.dialects import DIALECTS
from tests.kernel.kernel import ROOT
from tests.kernel.router import MOST_INTERFACES

from portwright import platforms

_CASES = ROOT / "tests/platforms"
_FILES = {
    "nftables": ("examples/*/*.nft", "tests/platforms/nftables/cases/*/ruleset.nft"),
    "iptables": ("examples/*/*.save", "tests/platforms/iptables/cases/*/*.save"),
}
_REFUSED = {  # by nft: extensions that only iptables makes, words that do not exist
    "nftables/cases/container-host", "nftables/cases/not-understood",
}  # fmt: skip


def files(platform: str) -> list[Path]:
    """The files of a platform that its program takes."""
    found = sorted(path for pattern in _FILES[platform] for path in ROOT.glob(pattern))
    return [path for path in found if not any(str(path.parent).endswith(name) for name in _REFUSED)]


def realistic(dialect: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, text and interfaces of each ruleset; beside the interfaces that it names there is another."""
    platform = DIALECTS[dialect].platform
    for path in files(platform):
        text = path.read_text(encoding="utf-8")
        names = platforms.load(platform).parse(text, path.name).interfaces.names
        known = [name for name in names if name != "lo"]
        yield f"{path.parent.name}-{path.stem}", text, [*known[: MOST_INTERFACES - 1], "other0"]
