"""What a daemon of the lab is: the services that it answers, what it needs of the machine, how it starts.

`start` may take its time: it runs in a thread of its own.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from portwright.errors import NotPossibleHere
from portwright.redact import redact
from portwright.rehearse.netns import Network, Process

Service = tuple[str, str]  # a node, and the id of a service in the catalog
_LAST = 12  # lines of a log that are shown
_LONGEST = 300  # characters of each
_PLACES = f"{os.defpath}:/usr/sbin:/sbin:/usr/local/sbin"  # where an ordinary user does not look


class Daemon(Protocol):
    """A program, or several that belong together, on one node."""

    @property
    def name(self) -> str:
        """For people, and for those who come after it: `chrony on ntp01`."""

    @property
    def services(self) -> frozenset[Service]:
        """What it answers, so that nobody has to stand in for it."""

    @property
    def needs(self) -> Mapping[str, str]:
        """The programs that it runs, each with the package of Debian that has it."""

    @property
    def after(self) -> frozenset[str]:
        """The names of those that must be ready before it starts."""

    @property
    def patience(self) -> float:
        """Seconds from its start within which it is ready."""

    def start(self, network: Network) -> Process:
        """Write what it needs, and start it. Raises DaemonFailed, OSError."""

    def is_ready(self, network: Network) -> bool:
        """Report whether it answers."""


class DaemonFailed(NotPossibleHere):
    """A daemon does not start, or ends too early: its name, why, and the last lines that it said."""

    def __init__(self, name: str, reason: str, log: Sequence[str] = ()):
        self.name, self.reason, self.log = name, reason, tuple(log)
        super().__init__("\n    ".join((f"{name}: {reason}", *log)))


def program(name: str) -> str:
    """Where a program is; its bare name where it is not."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PLACES}") or name


def is_installed(daemon: Daemon) -> bool:
    """Report whether this machine has all of its programs."""
    return not _lacking(daemon)


def missing(daemons: Iterable[Daemon]) -> tuple[str, ...]:
    """What this machine lacks, a line for each package."""
    lacking: dict[str, set[str]] = {}
    for daemon in daemons:
        for package in _lacking(daemon):
            lacking.setdefault(package, set()).add(daemon.name)
    return tuple(
        f"{', '.join(sorted(names))}: apt-get install --no-install-recommends {package}"
        for package, names in sorted(lacking.items())
    )


def _lacking(daemon: Daemon) -> set[str]:
    return {package for name, package in daemon.needs.items() if not Path(program(name)).is_absolute()}


def last_lines(text: str, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """The end of a log, without anybody's secrets."""
    for secret in secrets:
        text = text.replace(secret, "*****")
    lines = [redact(line.rstrip())[:_LONGEST] for line in text.splitlines() if line.strip()]
    return tuple(lines[-_LAST:])
