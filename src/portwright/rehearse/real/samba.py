"""Domain controllers by Samba: directory, Kerberos, DNS, global catalog, SMB, NetBIOS and RPC.

The first controller of each domain is provisioned; further ones join it through the firewalls and replicate. All of it
lies in folders of the lab: nothing of the system's own Samba is read or written.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from portwright.packets.notation import parse_ports
from portwright.plan.model import Plan
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.realm import Realm
from portwright.rehearse.lab import Address, Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.certificate import Certificate, certificate
from portwright.rehearse.real.daemon import Service, answered, program, step
from portwright.rehearse.real.ldif import controller, text_of, told
from portwright.site.model import DYNAMIC, Site

_PYTHON = "/usr/bin/python3"  # Debian's own, which has the modules of python3-samba
_APPLY = """import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
settings = LoadParm()
settings.load(sys.argv[1])
database = SamDB(lp=settings, session_info=system_session(settings))
database.transaction_start()
database.modify_ldif(sys.stdin.read(), ["permissive_modify:1"])  # what is there already may stay
database.transaction_commit()
"""
_FOLDERS = ("private", "state", "cache", "lock", "pid", "ncalrpc", "bind-dns", "run")
_PIPE = "run/winbindd/pipe"  # of winbindd, without which no sign-in by SMB succeeds
_TCP = frozenset(("tcp", port) for port in (53, 88, 135, 389, 445, 464, 636, 3268, 3269))
_UDP = frozenset(("udp", port) for port in (53, 88, 389, 464))  # not 123; neither 135, 445 nor 1025
_NETBIOS = frozenset({("tcp", 139), ("udp", 137), ("udp", 138)})
_ON_NTDS = ("drsuapi", "lsarpc", "samr", "dnsserver")  # interfaces behind the port of the directory
_MOST_TAKEN = 63  # dynamic ports beside the first that Samba ever takes
_LEAST_BETWEEN = 6  # ports that Samba may choose from
_LONGEST_NETBIOS = 15  # [MS-NBTE] 1.8


@dataclass(frozen=True, slots=True)
class Rpc:
    """Where the interfaces of RPC listen."""

    dynamic: tuple[int, int]  # inclusive
    ntds: int | None  # None: chosen from the dynamic ports
    netlogon: int | None

    @property
    def pinned(self) -> frozenset[tuple[str, int]]:
        """The ports that are fixed."""
        return frozenset(("tcp", port) for port in (self.ntds, self.netlogon) if port is not None)

    @property
    def taken(self) -> tuple[tuple[int, int], ...]:
        """The ranges that clients of this computer had better leave alone: it begins at the first dynamic port."""
        first, last = self.dynamic
        return ((first, min(first + _MOST_TAKEN, last)), *((port, port) for _, port in self.pinned))

    def conf(self) -> Iterator[str]:
        """What smb.conf(5) says of it."""
        yield f"rpc server dynamic port range = {self.dynamic[0]}-{self.dynamic[1]}"
        if self.ntds is not None:
            yield from (f"rpc server port:{name} = {self.ntds}" for name in _ON_NTDS)
        if self.netlogon is not None:
            yield f"rpc server port:netlogon = {self.netlogon}"


@dataclass(frozen=True, slots=True)
class Samba:
    """A domain controller."""

    node: str
    realm: Realm
    services: frozenset[Service]
    rpc: Rpc
    ports: tuple[str, ...]  # the interfaces of the node
    addresses: tuple[Address, ...]
    role: str  # DC or RODC, of one that joins; empty: it is the first
    others: tuple[Realm, ...]  # domains whose hosts it knows by name
    authority: Authority
    netbios: bool  # over TCP/IP, as the site sets it
    patience: float = 120.0  # seconds
    tunnel: frozenset[str] = frozenset()  # names of who makes the tunnel to the first
    needs: ClassVar = {
        "samba": "samba",
        "samba-tool": "samba",
        "winbindd": "winbind",
        "/usr/share/samba/setup/provision.ldif": "samba-ad-provision",
        "/usr/lib/python3/dist-packages/samba/samdb.py": "python3-samba",
    }
    ids: ClassVar = 4_000_000  # Samba numbers what Unix does not know from 3,000,000 on

    @property
    def name(self) -> str:
        """For people."""
        return f"samba on {self.node}"

    @property
    def after(self) -> frozenset[str]:
        """The first controller of the domain, and the tunnel to it, for one that joins."""
        return frozenset({f"samba on {self.realm.controllers[0]}", *self.tunnel} if self.role else ())

    def start(self, network: Network) -> Process:
        """Provision the domain, or join it, and start. Raises DaemonFailed."""
        folder = network.folder(f"{self.node}/samba")
        network.reserve(self.node, self.rpc.taken)
        self._write(folder, certificate(network, self.node, self.authority, self.realm.hosts[self.node]))
        network.mount(self.node, folder / "run", "/run/samba")
        network.mount(self.node, folder / "resolv.conf", "/etc/resolv.conf")
        network.mount(self.node, folder / "hosts", "/etc/hosts")
        if self.role:
            self._join(network, folder)
            (folder / "resolv.conf").write_text(resolv_conf(self.addresses), encoding="utf-8")
        else:
            self._provision(network, folder)
        daemon = [program("samba"), "--foreground", "--no-process-group", "--debug-stdout", "-s", str(_conf(folder))]
        env = {"KRB5_CONFIG": f"{folder}/private/krb5.conf"}  # made with the domain; it asks the DNS
        return network.start(self.node, daemon, folder / "log", env)

    def is_ready(self, network: Network) -> bool:
        """Report whether it listens everywhere, and winbindd as well."""
        listens = network.listens(self.node)
        expected = _TCP | _UDP | self.rpc.pinned | (_NETBIOS if self.netbios else frozenset())
        return expected <= listens and (network.folder(f"{self.node}/samba") / _PIPE).exists()

    # -- what it finds when it starts

    def _write(self, folder: Path, proof: Certificate) -> None:
        for name in _FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        (folder / "ntp_signd").mkdir(mode=0o750, exist_ok=True)
        _conf(folder).write_text("\n".join((*self._smb_conf(folder, proof), "")), encoding="utf-8")
        first = self.realm.records[self.realm.short(self.realm.controllers[0])]
        (folder / "resolv.conf").write_text(resolv_conf(first), encoding="utf-8")
        (folder / "krb5.conf").write_text(krb5_conf(self.realm, first), encoding="utf-8")
        (folder / "hosts").write_text(hosts(self.realm), encoding="utf-8")

    def _smb_conf(self, folder: Path, proof: Certificate) -> Iterator[str]:
        realm, sysvol = self.realm, folder / "state/sysvol"
        yield from (
            "[global]",
            f"netbios name = {self.realm.short(self.node).upper()}",
            f"realm = {realm.name}",
            f"workgroup = {realm.netbios}",
            "server role = active directory domain controller",
            f"interfaces = lo {' '.join(self.ports)}",
            "bind interfaces only = yes",
            *(f"{one} = {folder}/{one.split()[0]}" for one in ("private dir", "pid directory", "ncalrpc dir")),
            *(f"{one} directory = {folder}/{one}" for one in ("state", "cache", "lock")),
            f"binddns dir = {folder}/bind-dns",
            f"ntp signd socket directory = {folder}/ntp_signd",
            f"log file = {folder}/log.%m",
            f"tls certfile = {proof.file}",
            f"tls keyfile = {proof.key}",
            f"tls cafile = {proof.authority}",
            "usershare path =",
            "disable spoolss = yes",
            "load printers = no",
            "dns forwarder = 0.0.0.0",  # none: whoever asks for other names hears that there are none
            f"server services = -wrepl{'' if self.role else ' -dnsupdate'}{'' if self.netbios else ' -nbt'}",
            *(() if self.netbios else ("disable netbios = yes", "smb ports = 445")),
            "prefork children = 1",
            "kccsrv:periodic_startup_interval = 1",  # seconds, and not 15, until it knows from whom to replicate
            "dreplsrv:periodic_startup_interval = 1",
            "vfs objects = dfs_samba4 acl_xattr xattr_tdb",  # a file keeps what only root may write beside a file
            f"posix:eadb = {folder}/eadb.tdb",
            *self.rpc.conf(),
        )
        yield from ("[sysvol]", f"path = {sysvol}", "read only = no")
        yield from ("[netlogon]", f"path = {sysvol}/{realm.domain}/scripts", "read only = no")

    # -- the first one, and those that join

    def _provision(self, network: Network, folder: Path) -> None:
        guid = str(uuid.uuid4())
        words = ["domain", "provision", "--quiet", "--server-role=dc", "--dns-backend=SAMBA_INTERNAL"]
        words += [
            f"--realm={self.realm.name}",
            f"--domain={self.realm.netbios}",
            f"--host-name={self.realm.short(self.node)}",
        ]
        words.append(f"--ntds-guid={guid}")
        options = {4: "--host-ip", 6: "--host-ip6"}
        words += [f"{options[version]}={one}" for version in (4, 6) if (one := _first(self.addresses, version))]
        self._run(network, "provisioning", [program("samba-tool"), *words, "-s", str(_conf(folder))])
        self._fill(network, folder, told(self.realm, self.others, guid))

    def _join(self, network: Network, folder: Path) -> None:
        """Join, tell the first controller what the new one stands for, and fetch that from there."""
        secret, first = folder / "password", self.realm.hosts[self.realm.controllers[0]]
        secret.touch(mode=0o600)
        secret.write_text(self.realm.administrator.password, encoding="ascii")
        env = {  # no password is in a command line
            "KRB5_CONFIG": f"{folder}/krb5.conf",
            "USER": self.realm.administrator.name,
            "PASSWD_FILE": str(secret),
        }
        join = ["domain", "join", self.realm.domain, self.role, "--dns-backend=SAMBA_INTERNAL", f"--server={first}"]
        fetch = ["drs", "replicate", self.realm.hosts[self.node], first, self.realm.base, "--local"]
        conf = ["-s", str(_conf(folder))]
        try:
            self._run(network, "joining", [program("samba-tool"), *join, *conf], env=env)
            there = network.folder(f"{self.realm.controllers[0]}/samba")
            self._fill(network, there, text_of([controller(self.realm, self.node)]))
            self._run(network, "replicating", [program("samba-tool"), *fetch, *conf], env=env)
        finally:
            secret.unlink()

    def _fill(self, network: Network, folder: Path, ldif: str) -> None:
        self._run(network, "filling the directory", [_PYTHON, "-c", _APPLY, str(_conf(folder))], ldif)

    def _run(
        self, network: Network, what: str, words: Sequence[str], text: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        secrets = [account.password for account in self.realm.everybody]
        step(network, self, what, words, text, env, secrets)


def _conf(folder: Path) -> Path:
    return folder / "smb.conf"


def _first(addresses: Iterable[Address], version: int) -> Address | None:
    return next((one for one in addresses if one.version == version), None)


# -- files that any host of the domain may use


def resolv_conf(servers: Iterable[Address]) -> str:
    """The text of resolv.conf(5) for a host that asks these."""
    lines = [f"nameserver {one}" for one in list(servers)[:3]]  # MAXNS of resolv.h
    return "\n".join((*lines, "options timeout:2 attempts:2", ""))


def krb5_conf(realm: Realm, controllers: Iterable[Address], udp: bool = False) -> str:
    """The text of krb5.conf(5) for a host that asks these, over TCP or UDP first."""
    kdcs = "".join(f"        kdc = {f'[{one}]' if one.version == 6 else one}\n" for one in controllers)
    return f"""[libdefaults]
    default_realm = {realm.name}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = {1400 if udp else 1}
[realms]
    {realm.name} = {{
{kdcs}    }}
[domain_realm]
    .{realm.domain} = {realm.name}
    {realm.domain} = {realm.name}
"""


def hosts(realm: Realm) -> str:
    """The text of hosts(5) with everybody of a domain."""
    lines = [f"{one} {name}.{realm.domain} {name}" for name, found in realm.records.items() for one in found]
    return "\n".join(("127.0.0.1 localhost", "::1 localhost", *lines, ""))


# -- which nodes


def controllers(
    plan: Plan, lab: Lab, realms: Sequence[Realm], authority: Authority, ipsec: frozenset[str]
) -> Iterator[Samba]:
    """The domain controllers of a site, but those whose names are too long for NetBIOS."""
    fitting = [realm for realm in realms if all(len(realm.short(one)) <= _LONGEST_NETBIOS for one in realm.controllers)]
    for realm in fitting:
        others = tuple(other for other in realms if other is not realm)
        for place, node in enumerate(realm.controllers):
            host = plan.site.hosts[node]
            role = "RODC" if "ad/rodc" in host.roles else "DC"
            rpc = rpc_of(plan.site, node)
            home, netbios = lab.nodes[node], plan.site.setting("netbios", host) == "true"
            ports = _TCP | _UDP | rpc.pinned | (_NETBIOS if netbios else frozenset())
            yield Samba(
                node=node,
                realm=realm,
                services=answered(plan, node, ports),
                rpc=rpc,
                ports=tuple(port.name for port in home.ports),
                addresses=tuple(one.ip for port in home.ports for one in port.addresses),
                role=role if place else "",
                others=others,
                authority=authority,
                netbios=netbios,
                tunnel=ipsec & {f"strongswan on {node}", f"strongswan on {realm.controllers[0]}"},
            )


def rpc_of(site: Site, node: str) -> Rpc:
    """The ports of RPC as the site sets them. Of the dynamic ones the outermost are left to whoever tries the edges."""
    host = site.hosts[node]
    first, last = parse_ports(site.setting("rpc.dynamic", host))[0]
    if last - first - 1 >= _LEAST_BETWEEN:
        first, last = first + 1, last - 1
    if site.setting("replication", host) != "pinned":
        return Rpc((first, last), None, None)
    fixed = (site.setting(f"{name}.port", host) for name in ("ntds", "netlogon"))
    return Rpc((first, last), *(None if one == DYNAMIC else int(one) for one in fixed))
