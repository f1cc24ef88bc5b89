"""Network time by chronyd, on the time source of a site and on its domain controllers.

It serves the clock of this machine and never sets it (`-x`). A controller takes the time from where the plan says,
through the firewalls, and goes on alone where nobody answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from portwright.plan.model import Plan
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.daemon import Service, answered, program

_SOURCE, _CONTROLLER = "time/source", "ad/domain-controller"
_SERVICES = {_SOURCE: "time/external-ntp", _CONTROLLER: "ad/time"}  # by the role that offers it
_STRATUM = {_SOURCE: 1, _CONTROLLER: 10}  # RFC 5905, 7.3; of a controller: while nobody answers it
_NTP = ("udp", 123)


@dataclass(frozen=True, slots=True)
class Chrony:
    """chronyd on a node."""

    node: str
    services: frozenset[Service]
    stratum: int
    sources: tuple[str, ...]  # addresses of those from whom it takes the time
    needs: ClassVar = {"chronyd": "chrony"}
    ids: ClassVar = 1
    after: ClassVar[frozenset[str]] = frozenset()
    patience: ClassVar = 60.0

    @property
    def name(self) -> str:
        """For people."""
        return f"chrony on {self.node}"

    def start(self, network: Network) -> Process:
        """Start it."""
        folder = network.folder(f"{self.node}/chrony")
        conf = folder / "chrony.conf"
        lines = (*self._conf(), f"pidfile {folder}/pid", f"ntpsigndsocket {folder.parent}/samba/ntp_signd")
        conf.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return network.start(self.node, [program("chronyd"), "-x", "-d", "-f", str(conf)], folder / "log")

    def _conf(self) -> Iterator[str]:
        """What chrony.conf(5) calls directives."""
        yield from ("user root", "cmdport 0", "bindcmdaddress /", "allow", f"local stratum {self.stratum}")
        yield "acquisitionport 123"  # as Windows asks, and as the flows of the plan have it
        yield from (f"server {one} iburst minpoll 2 maxpoll 4" for one in self.sources)

    def is_ready(self, network: Network) -> bool:
        """Report whether it listens."""
        return _NTP in network.listens(self.node)


def clocks(plan: Plan, lab: Lab) -> Iterable[Chrony]:
    """The nodes that serve the time."""
    roles = {host.name: host.roles for host in plan.site.hosts.values()}
    roles |= {one.component: frozenset({one.component}) for one in plan.site.outside.values()}
    for node, has in roles.items():
        offered = [role for role in _SERVICES if role in has]
        if offered and node in lab.nodes:
            yield Chrony(node, answered(plan, node, {_NTP}), _STRATUM[offered[0]], tuple(_sources(plan, lab, node)))


def _sources(plan: Plan, lab: Lab, node: str) -> Iterator[str]:
    for flow in plan.flows:
        is_time = flow.requirement.service in _SERVICES.values() and _CONTROLLER in flow.source.roles
        if is_time and flow.source.name == node and flow.destination.name in lab.nodes:
            yield from (str(one.ip) for port in lab.nodes[flow.destination.name].ports for one in port.addresses)
