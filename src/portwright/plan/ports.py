"""The ports on which a service listens, its settings looked up."""

from itertools import chain

from portwright.catalog.model import Ports
from portwright.packets.intervals import Intervals, normalize
from portwright.packets.notation import parse_ports
from portwright.site.model import DYNAMIC, Host, Instance, Site


def ports_on(site: Site, ports: Ports, host: Host | None, instance: Instance | None = None) -> Intervals | None:
    """The ports of a service on a host, or of one of its instances; None when it chooses one at its start."""
    values = [site.setting(name, host, instance) for name in ports.settings]
    if DYNAMIC in values:
        return None
    return normalize([*ports.fixed, *chain.from_iterable(parse_ports(value) for value in values)])
