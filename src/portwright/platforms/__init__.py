"""Firewall platforms: each reads its vendor's configuration into a policy. One dialect, one package."""

from importlib import import_module
from typing import Protocol, cast

from portwright.policy.configuration import Configuration


class Platform(Protocol):
    """What the package of a platform offers."""

    NAME: str  # as in `--platform` and in site files
    TITLE: str  # for people

    def recognizes(self, text: str) -> bool:
        """Report whether a text looks like a configuration of this platform; cheap."""

    def parse(self, text: str, file: str) -> Configuration:
        """The configuration that a text means. Raises InvalidInput with every problem found."""


PLATFORMS: dict[str, str] = {  # name -> package; loaded when first needed
    "nftables": "portwright.platforms.nftables",
    "cisco-asa": "portwright.platforms.cisco_asa",
}


def load(name: str) -> Platform:
    """The platform of that name. Raises KeyError for a name that is not in `PLATFORMS`."""
    return cast("Platform", import_module(PLATFORMS[name]))


def recognize(text: str) -> str | None:
    """The name of the platform that a configuration is written for; None when none knows it."""
    return next((name for name in PLATFORMS if load(name).recognizes(text)), None)
