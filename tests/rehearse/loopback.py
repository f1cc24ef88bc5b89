"""A site alive on the loopback network, without any namespace: true servers, and clients that dial them.

Every host has an address of its own in 127.0.0.0/8.
"""

import contextlib
import os
import socket
import textwrap

from portwright.plan.make import make_plan
from portwright.rehearse.exchanges.placing import placed
from portwright.rehearse.hosts.host import Hosts
from portwright.rehearse.hosts.realm import common_realm
from portwright.rehearse.hosts.serving import Services
from portwright.rehearse.network.layout import layout
from portwright.site.load import load_site

_SITE = """
site: contoso
products: [dynamics-crm-2013]
zones:
  lan: {networks: [NETWORK.0/24]}
"""


# Tests that run at the same time have networks of their own.
NETWORK = f"127.{1 + os.getpid() // 250 % 190}.{os.getpid() % 250 + 1}"
HIGHER = 20_000  # what is added to a port that only the superuser may have


class _Shifted(socket.socket):
    """A socket of a host that takes a high port for each that only the superuser may have."""

    def __init__(self, blocked, node, *kind):
        super().__init__(*kind)
        self.blocked, self.node = blocked, node

    def bind(self, address):
        super().bind(_shifted(address))

    def connect(self, address):
        if (self.node, *address[:2]) in self.blocked:
            raise ConnectionRefusedError("blocked")
        super().connect(_shifted(address))


def _shifted(address):
    host, port, *rest = address
    return (host, port + HIGHER if 0 < port < 1024 else port, *rest)


class Sockets:
    """Sockets of every host, which are the machine's own; some connections are blocked: node, address and port."""

    def __init__(self, blocked=()):
        self.blocked = set(blocked)

    def socket(self, node, version, kind, protocol=0):
        made = _Shifted(self.blocked, node, {4: socket.AF_INET, 6: socket.AF_INET6}[version], kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        return made

    def bind(self, made, node, address, port=0):
        if not port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # no port that another client has
        made.bind((address, port))


def hosts_of(folder, hosts, settings="", absent=(), sockets=None):
    """The hosts of a site: roles by host name, `settings` as the site file has them."""
    lines = [f"  h{name}: {{zone: lan, addresses: [{NETWORK}.{n}], roles: [{', '.join(roles)}]}}"
             for n, (name, roles) in enumerate(hosts.items(), 11)]  # fmt: skip
    products = "dynamics-crm-2013" + (
        ", citrix" if any("citrix/" in one for roles in hosts.values() for one in roles) else ""
    )
    text = (
        textwrap.dedent(_SITE).lstrip().replace("dynamics-crm-2013", products).replace("NETWORK", NETWORK)
        + "hosts:\n"
        + "\n".join(lines).replace("  h", "  ")
        + "\n"
    )
    text += f"settings: {{{settings}}}\n" + ("absent:\n" if absent else "")
    text += "".join(f"  {one}: not here\n" for one in absent)
    file = folder / "site.yaml"
    file.write_text(text)
    site = load_site(file)
    plan, lab = make_plan(site.catalog, site, list("setup configure run administer".split())), layout(site)
    return Hosts(
        plan, lab, sockets or Sockets(), common_realm(site, lab), [placed(flow, lab, site) for flow in plan.flows]
    )


@contextlib.asynccontextmanager
async def running(hosts, elsewhere=(), without=()):
    """Their servers, while the block runs; but the services `elsewhere`, and every server of the hosts `without`."""
    off = {(one.exchange.destination, one.service) for targets in hosts.targets.values() for one in targets}
    services = Services(hosts, frozenset(elsewhere) | {one for one in off if one[0] in without})
    await services.start(Sockets().socket)
    try:
        yield hosts
    finally:
        await services.stop()
