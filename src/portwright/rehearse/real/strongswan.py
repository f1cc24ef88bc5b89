"""IPsec between domain controllers by strongSwan, in user space: kernels without ESP carry it as well.

Each packet between two controllers goes into a tunnel of ESP in UDP (RFC 3948), except what the plan leaves outside.
Firewalls on the way see UDP 500 and 4500. Who the other is, is proved by a secret that both have: strongSwan knows
nothing of Windows' way to do that by Kerberos.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from portwright.packets.fields import TCP, UDP
from portwright.packets.intervals import Intervals
from portwright.plan.model import Plan, RequiredFlow
from portwright.rehearse.lab import Address, Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.daemon import Service, answered, program, step

_IKE = ("ad/ike", "ad/ike-nat")
_LISTENS = frozenset({("udp", 500), ("udp", 4500)})
_CHARON = "/usr/lib/ipsec/charon"
_UNMARKED = "0x42"  # mark of its own packets, which must not go into the tunnel
_TRANSPORTS = {TCP: "tcp", UDP: "udp"}
_BEFORE_ALL = 100  # priority of rules for routes; those of strongSwan have 220
_PROPOSALS = "aes128-sha256-modp2048"  # of IKE, RFC 8247
_ESP_PROPOSALS = "aes128-sha256"  # what its user space has


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A pair of addresses of two controllers, as one of them sees it."""

    name: str
    own: Address
    other: Address
    initiates: bool


@dataclass(frozen=True, slots=True)
class StrongSwan:
    """The key exchange daemon of a controller."""

    node: str
    services: frozenset[Service]
    tunnels: tuple[Tunnel, ...]
    peers: frozenset[str]  # nodes that it calls, which must be there first
    outside: tuple[str, ...]  # transports and ports that stay outside: `tcp 88`
    secret: str = field(repr=False)
    needs: ClassVar = {
        _CHARON: "strongswan-charon",
        "swanctl": "strongswan-swanctl",
        "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so": "libcharon-extra-plugins",
    }
    ids: ClassVar = 1
    patience: ClassVar = 60.0

    @property
    def name(self) -> str:
        """For people."""
        return f"strongswan on {self.node}"

    @property
    def after(self) -> frozenset[str]:
        """Those whom it calls."""
        return frozenset(f"strongswan on {peer}" for peer in self.peers)

    def start(self, network: Network) -> Process:
        """Start it, tell it of the tunnels, and call the others."""
        folder = network.folder(f"{self.node}/strongswan")
        (folder / "strongswan.conf").write_text(_charon(folder), encoding="ascii")
        conf = folder / "swanctl.conf"
        conf.touch(mode=0o600)
        conf.write_text("".join((*map(_connection, self.tunnels), *self._secrets())), encoding="ascii")
        (folder / "pid").touch()
        network.mount(self.node, folder / "pid", "/run/charon.pid")
        for version in (4, 6):
            batch = ["ip", f"-{version}", "-batch", "-"]
            step(network, self, "setting routes", batch, "".join(self._around(version)))
        process = network.start(self.node, [_CHARON], folder / "log", {"STRONGSWAN_CONF": f"{folder}/strongswan.conf"})
        self._swanctl(network, "--load-all", "--noprompt", "--file", str(conf))
        return process

    def is_ready(self, network: Network) -> bool:
        """Report whether it listens, and has every tunnel that it was to open."""
        if not network.listens(self.node) >= _LISTENS:
            return False
        opened = sum(one.initiates for one in self.tunnels)
        return self._swanctl(network, "--list-sas").count("INSTALLED") >= opened

    def _swanctl(self, network: Network, command: str, *words: str) -> str:
        folder = network.folder(f"{self.node}/strongswan")
        uri = f"unix://{folder}/vici"
        waiting = ["sh", "-c", f'until [ -S {folder}/vici ]; do sleep 0.02; done; exec "$@"', "sh"]
        env = {"SWANCTL_DIR": str(folder), "STRONGSWAN_CONF": f"{folder}/strongswan.conf"}
        program_words = [*waiting, program("swanctl"), command, "--uri", uri, *words]
        return step(network, self, f"swanctl {command}", program_words, env=env, secrets=(self.secret,))

    def _secrets(self) -> Iterator[str]:
        """The secret of each pair."""
        for one in self.tunnels:
            ends = f"id-1 = {one.own}\n  id-2 = {one.other}"
            yield f'secrets {{\n ike-{one.name} {{\n  {ends}\n  secret = "{self.secret}"\n }}\n}}\n'

    def _around(self, version: int) -> Iterator[str]:
        """Rules for routes, by which what stays outside does not meet those into the tunnel: ip-rule(8)."""
        for one in self.tunnels:
            for stays in self.outside if one.other.version == version else ():
                transport, port = stays.split()
                for end in ("dport", "sport"):
                    what = f"to {one.other} ipproto {transport} {end} {port}"
                    yield f"rule add {what} lookup main priority {_BEFORE_ALL}\n"


def _charon(folder: Path) -> str:
    """The text of strongswan.conf(5)."""
    return f"""charon {{
    load = random nonce aes sha1 sha2 hmac kdf gmp kernel-libipsec kernel-netlink socket-default vici
    retransmit_base = 1
    retransmit_timeout = 1
    plugins {{
        kernel-libipsec {{
            allow_peer_ts = yes
        }}
        kernel-netlink {{
            fwmark = !{_UNMARKED}
        }}
        socket-default {{
            fwmark = {_UNMARKED}
        }}
        vici {{
            socket = unix://{folder}/vici
        }}
    }}
}}
"""


def _connection(one: Tunnel) -> str:
    """One connection of swanctl.conf(5)."""
    return f"""connections {{
 {one.name} {{
  version = 2
  local_addrs = {one.own}
  remote_addrs = {one.other}
  encap = yes
  proposals = {_PROPOSALS}
  keyingtries = 0
  local {{
   auth = psk
   id = {one.own}
  }}
  remote {{
   auth = psk
   id = {one.other}
  }}
  children {{
   {one.name} {{
    local_ts = {one.own}
    remote_ts = {one.other}
    esp_proposals = {_ESP_PROPOSALS}
    start_action = {"start" if one.initiates else "none"}
   }}
  }}
 }}
}}
"""


@dataclass(frozen=True, slots=True)
class Called:
    """What the daemons have made among themselves when all are ready."""

    pairs: frozenset[frozenset[str]]  # nodes between which every packet goes into a tunnel

    @classmethod
    def by(cls, ready: Iterable[object]) -> "Called":
        """What those who are ready have made."""
        here = [one for one in ready if isinstance(one, StrongSwan)]
        return cls(frozenset(frozenset((one.node, peer)) for one in here for peer in one.peers))


def tunnels(plan: Plan, lab: Lab) -> Iterator[StrongSwan]:
    """The controllers between which the plan wants IPsec."""
    flows = [flow for flow in plan.flows if flow.requirement.service == _IKE[0]]
    pairs = {frozenset((flow.source.name, flow.destination.name)) for flow in flows}
    shared = [sorted(pair) for pair in pairs if len(pair) == 2 and all(node in lab.nodes for node in pair)]
    secret = secrets.token_hex(32)
    for node in sorted({node for pair in shared for node in pair}):
        others = sorted(other for pair in shared if node in pair for other in pair if other != node)
        found = tuple(one for other in others for one in _tunnels(lab, node, other))
        after = frozenset(other for other in others if node < other)
        services = answered(plan, node, _LISTENS)
        yield StrongSwan(node, services, found, after, tuple(_outside(plan.flows, node, frozenset(others))), secret)


def _tunnels(lab: Lab, node: str, other: str) -> Iterator[Tunnel]:
    for version in (4, 6):
        own, its = _address(lab, node, version), _address(lab, other, version)
        if own is not None and its is not None:
            yield Tunnel(f"to-{its.packed.hex()}", own, its, node < other)


def _address(lab: Lab, node: str, version: int) -> Address | None:
    return next((found for port in lab.nodes[node].ports if (found := port.address(version)) is not None), None)


def _outside(flows: Iterable[RequiredFlow], node: str, others: frozenset[str]) -> Iterator[str]:
    """What is neither in the tunnel nor the tunnel itself."""
    found = {
        f"{_TRANSPORTS[flow.protocol]} {_ports(ports)}"
        for flow in flows
        if node in (flow.source.name, flow.destination.name)
        and {flow.source.name, flow.destination.name} - {node} <= others
        and flow.protocol in _TRANSPORTS
        and not flow.tunneled
        and flow.requirement.service not in _IKE
        for ports in [flow.ports]
    }
    return iter(sorted(found))


def _ports(ports: Intervals) -> str:
    """A range as ip-rule(8) writes it."""
    first, last = ports[0]
    return str(first) if first == last else f"{first}-{last}"
