"""What a daemon of the lab is: the services that it answers, what it needs of the machine, how it starts.

`start` may take its time: it runs in a thread of its own.
"""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from portwright.catalog import model as catalog
from portwright.errors import NotPossibleHere
from portwright.packets.intervals import Intervals
from portwright.packets.names import protocol_name
from portwright.plan.model import Plan
from portwright.plan.ports import ports_on
from portwright.redact import redact
from portwright.rehearse.netns import Network, Process

Service = tuple[str, str]  # a node, and the id of a service in the catalog
Ports = Collection[tuple[str, int]]  # transports and ports
_TIMED_OUT = 124  # exit status of timeout(1)
_LAST = 12  # lines of a log that are shown
_LONGEST = 300  # characters of each
_PLACES = f"{os.defpath}:/usr/sbin:/sbin:/usr/local/sbin"  # where an ordinary user does not look


class Daemon(Protocol):
    """A program, or several that belong together, on one node."""

    @property
    def name(self) -> str:
        """For people, and for those who come after it: `chrony on ntp01`."""

    @property
    def node(self) -> str:
        """Where it runs."""

    @property
    def services(self) -> frozenset[Service]:
        """What it answers, so that nobody has to stand in for it."""

    @property
    def needs(self) -> Mapping[str, str]:
        """The programs and files that it cannot be without, each with the package of Debian that has it."""

    @property
    def ids(self) -> int:
        """How many user ids it needs."""

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


def answered(plan: Plan, node: str, listens: Ports) -> frozenset[Service]:
    """The services that others, or the node itself, ask of it on ports where it listens, and nowhere else."""
    asked = [
        (flow.requirement.service, flow.protocol, flow.ports)
        for flow in plan.by_id.values()
        if flow.destination.name.partition("#")[0] == node
    ]
    asked += [(service.id, service.protocol, ports) for service, ports in _own(plan, node)]
    return frozenset(
        (node, service)
        for service, protocol, ports in asked
        if ports and all(first == last and (protocol_name(protocol), first) in listens for first, last in ports)
    )


def _own(plan: Plan, node: str) -> Iterator[tuple[catalog.Service, Intervals]]:
    """The services with which a host serves itself."""
    for use in plan.local:
        host, service = use.host.host, plan.catalog.services[use.requirement.service]
        if host is not None and host.name == node:
            for instance in host.instances_of(service.component) or (None,):
                yield service, ports_on(plan.site, service.ports, host, instance) or ()


def step(
    network: Network,
    daemon: Daemon,
    what: str,
    words: Sequence[str],
    text: str = "",
    env: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> str:
    """Run a program to its end before, or beside, a daemon; what it says.

    Raises DaemonFailed where it fails, or takes longer than the daemon's patience.
    """
    done = network.run(daemon.node, ["timeout", f"{daemon.patience:g}", *words], text, env)
    if done.returncode:
        reason = f"takes longer than {daemon.patience:g} s" if done.returncode == _TIMED_OUT else "fails"
        raise DaemonFailed(daemon.name, f"{what} {reason}", last_lines(done.stdout + done.stderr, secrets))
    return done.stdout


def program(name: str) -> str:
    """Where a program is; its bare name where it is not."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PLACES}") or name


def is_possible(daemon: Daemon) -> bool:
    """Report whether this process can run it. To be asked inside the namespaces of a rehearsal."""
    return not missing((daemon,))


def missing(daemons: Iterable[Daemon]) -> tuple[str, ...]:
    """What keeps daemons from running here, a line for each reason. To be asked inside the namespaces."""
    chosen = tuple(daemons)
    packages = {
        package for daemon in chosen for name, package in daemon.needs.items() if not Path(program(name)).exists()
    }
    here = _ids()
    poor = [daemon for daemon in chosen if daemon.ids > here]
    lines = [
        f"for {_names(chosen, package)}: apt-get install --no-install-recommends {package}"
        for package in sorted(packages)
    ]
    lines += [
        f"for {daemon.name}: run it as root, or install uidmap and give yourself {daemon.ids} ids in /etc/subuid and "
        f"/etc/subgid; here are {here}"
        for daemon in poor[:1]
    ]
    return tuple(lines)


def _names(daemons: Iterable[Daemon], package: str) -> str:
    return ", ".join(daemon.name for daemon in daemons if package in daemon.needs.values())


def _ids() -> int:
    """How many user ids this user namespace has (user_namespaces(7))."""
    return sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines())


def last_lines(text: str, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    """The end of a log, without anybody's secrets."""
    for secret in secrets:
        text = text.replace(secret, "*****")
    lines = [redact(line.rstrip())[:_LONGEST] for line in text.splitlines() if line.strip()]
    return tuple(lines[-_LAST:])
