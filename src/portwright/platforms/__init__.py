"""Firewall platforms: a package each, which reads its vendor's configuration into a policy."""

from importlib import import_module
from typing import Protocol, cast

from portwright.errors import InvalidInput
from portwright.policy.configuration import Configuration
from portwright.policy.editing import Editor
from portwright.policy.intent import Intent


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
    "iptables": "portwright.platforms.iptables",
    "cisco-asa": "portwright.platforms.cisco_asa",
    "windows-firewall": "portwright.platforms.windows_firewall",
    "rules-csv": "portwright.platforms.rules_csv",
}


ON_HOSTS = frozenset({"windows-firewall"})  # those that guard the host on which they run, and nothing behind it


RENDERING: dict[str, str] = {  # name -> module that writes it; loaded when first needed
    "nftables": "portwright.platforms.nftables.render",
    "iptables": "portwright.platforms.iptables.render",
    "cisco-asa": "portwright.platforms.cisco_asa.render",
    "windows-firewall": "portwright.platforms.windows_firewall.render",
    "rules-csv": "portwright.platforms.rules_csv.render",
}


EDITING: dict[str, str] = {  # name -> module that changes it; loaded when first needed
    "nftables": "portwright.platforms.nftables.edit",
    "iptables": "portwright.platforms.iptables.edit",
    "cisco-asa": "portwright.platforms.cisco_asa.edit",
    "rules-csv": "portwright.platforms.rules_csv.edit",
}


def load(name: str) -> Platform:
    """The platform of that name. Raises KeyError for a name that is not in `PLATFORMS`."""
    return cast("Platform", import_module(PLATFORMS[name]))


def recognize(text: str) -> str | None:
    """The name of the platform that a configuration is written for; None when none knows it."""
    return next((name for name in PLATFORMS if load(name).recognizes(text)), None)


def read(name: str, text: str, file: str, profile: str | None = None) -> Configuration:
    """The configuration that a text means on a platform. Raises InvalidInput, for another platform's text too.

    Of one that has several profiles, the one that is in force may be named.
    """
    if name not in PLATFORMS:
        raise InvalidInput.of(f"there is no platform '{name}'", file=file, hint=f"one of: {', '.join(PLATFORMS)}")
    if not text.strip():
        raise InvalidInput.of("is empty", file=file, hint="export the running configuration as text")
    platform = load(name)
    if not platform.recognizes(text):
        other = recognize(text)
        hint = f"it looks like one of {load(other).TITLE}" if other else f"expected: {platform.TITLE}"
        raise InvalidInput.of(f"is no configuration of {name}", file=file, hint=hint)
    return _under(platform.parse(text, file), profile)


def _under(configuration: Configuration, profile: str | None) -> Configuration:
    """The configuration with the profile in force that is named. Raises InvalidInput where it has others alone."""
    if profile is None or not configuration.profiles:
        return configuration
    if profile.lower() not in configuration.profiles:
        hint = f"one of: {', '.join(configuration.profiles)}"
        raise InvalidInput.of(f"has no profile '{profile}'", file=configuration.file, hint=hint)
    return configuration.under(profile.lower())


class Renderer(Protocol):
    """What the module of a platform that writes configurations offers."""

    SUFFIX: str  # of its files

    def render(self, intent: Intent) -> str:
        """The configuration that does what is intended. Raises InvalidInput for what the platform cannot express."""

    def context(self, intent: Intent) -> str:
        """What the configuration takes for granted of its device; it is read together with the configuration."""


def renderer(name: str) -> Renderer:
    """What writes the configurations of a platform. Raises KeyError for a name that is not in `RENDERING`."""
    return cast("Renderer", import_module(RENDERING[name]))


def editor(name: str) -> Editor:
    """What changes the configurations of a platform. Raises KeyError for a name that is not in `EDITING`."""
    return cast("Editor", import_module(EDITING[name]))
