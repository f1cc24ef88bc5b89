"""The only place where a rehearsal touches the kernel: namespaces, links, routes, rules and sockets in them.

A rehearsal runs under `unshare` in namespaces of its own for the network, mounts and processes, and for users where
somebody other than root starts it. Whatever ends it, the kernel takes everything back; nothing outside is touched, and
there is no link by which a packet could leave. `supervisor` starts it, `Network` is what runs there.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from portwright.errors import NotPossibleHere
from portwright.rehearse.delay import Delays, plain
from portwright.rehearse.lab import Lab, Node, Port
from portwright.rehearse.network.commands import links, neighbors, settings
from portwright.rehearse.network.ports import ClientPorts
from portwright.rehearse.progress import At, nobody
from portwright.rehearse.supervisor import NAMES, SWITCH, shell_of

_Socket = socket.socket
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_LOADING = 120.0  # seconds that a firewall's rules may take to load
_MANY = 60  # nodes, from which on the kernel may have no room for all that they know of each other
_LISTENS = {"tcp": "0A", "udp": "07"}  # net/tcp_states.h: TCP_LISTEN; of UDP: bound to nobody (TCP_CLOSE)
_PROTOCOL: Mapping[int, int] = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}
_AS_NODE = """hostname "$1" && shift || exit
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done
shift; exec "$@"
"""
_FOR_ALL = {  # by file below /proc/sys/net
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    "ipv6/conf/default/accept_dad": 0,  # addresses are good at once
    "ipv6/conf/default/router_solicitations": 0,
    "ipv6/conf/default/accept_redirects": 0,
    "ipv4/icmp_ratelimit": 0,  # every reject is answered
}
_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")  # ip-sysctl: the ports of clients
_FOR_ROUTERS = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
_FOR_SWITCH = {  # frames between hosts of a zone are no business of any firewall
    "bridge/bridge-nf-call-iptables": 0,
    "bridge/bridge-nf-call-ip6tables": 0,
    "bridge/bridge-nf-call-arptables": 0,
}


class Process:
    """A program that runs in a node, with all that it has started."""

    def __init__(self, started: subprocess.Popen[bytes], log: Path) -> None:
        self._started, self.log = started, log

    @property
    def pid(self) -> int:
        """Its number, and that of its group."""
        return self._started.pid

    @property
    def alive(self) -> bool:
        """Report whether it still runs."""
        return self._started.poll() is None

    def stop(self, patience: float = 2.0) -> None:
        """End it and its group; what does not end within these seconds is killed."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._started.wait(patience)


class Network:
    """A lab that is built. Everything of it goes when the process goes."""

    def __init__(self, lab: Lab, latency: float = 0.0, at: At = nobody) -> None:
        """Build it; what hosts send takes so many seconds longer. Raises NotPossibleHere, OSError.

        `at` is told which node it is.
        """
        try:
            self._build(lab, latency, at)
        except PermissionError as problem:  # root without root's rights, as in many a container
            raise NotPossibleHere(f"a rehearsal may not build its network here: {problem}") from problem

    def _build(self, lab: Lab, latency: float, at: At) -> None:
        self.lab = lab
        _check_rights()
        _allow_many_files()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._spaces: dict[str, int] = {}
        self._reserved: dict[str, set[tuple[int, int]]] = {}
        self._clients: dict[str, ClientPorts] = {}
        self._mounts: dict[str, dict[str, str]] = {}  # by node: place of the system -> what its programs find there
        _mount_own_run()
        self._names = {name: f"n{number}" for number, name in enumerate((*lab.nodes, SWITCH))}
        for number, name in enumerate(self._names, 1):
            at(f"namespace of {name}", number, len(self._names))
            self._make(name)
        self._set(SWITCH, _FOR_SWITCH, needed=False)
        for node in lab.nodes.values():
            self._set(node.name, _FOR_ALL | (_FOR_ROUTERS if node.kind in ("router", "balancer") else {}))
        switch, ports = self._names[SWITCH], [port for node in lab.nodes.values() for port in node.ports]
        _ip([f"link add {segment} type bridge" for segment in lab.segments], switch)
        _ip(links(lab, self._names, switch))
        late = self._late_ports() if latency else ()
        _ip([f"link set port{number} up" for number, _ in enumerate(ports)], switch)
        _ip([f"link set port{n} master {port.segment}" for n, port in enumerate(ports) if n not in late], switch)
        _ip([f"link set {segment} up" for segment in lab.segments], switch)
        for number, node in enumerate(lab.nodes.values(), 1):
            at(f"addresses and routes of {node.name}", number, len(lab.nodes))
            for family in ("-4", "-6"):
                _ip(settings(node, family), self._names[node.name], family)
        if late:
            self._delay(late, latency)
        NAMES.write_text(json.dumps(self._names), encoding="utf-8")

    def _late_ports(self) -> dict[int, tuple[Node, Port]]:
        """The ports of hosts, by number: what they send is what takes longer."""
        ports = [(node, port) for node in self.lab.nodes.values() for port in node.ports]
        return {number: one for number, one in enumerate(ports) if one[0].kind != "router"}

    def _delay(self, late: Mapping[int, tuple[Node, Port]], seconds: float) -> None:
        """Put somebody between a host and its segment who keeps for a while what the host sends."""
        delays, switch = Delays(seconds), self._names[SWITCH]
        for number, (node, port) in late.items():
            _ip([f"link add late{number} type veth peer name back{number}"], switch)
            _ip([f"link set back{number} master {port.segment} up", f"link set late{number} up"], switch)
            with self.within(node.name):
                plain(port.name)
            with self.within(SWITCH):
                for name in (f"port{number}", f"late{number}", f"back{number}"):
                    plain(name)
                delays.join(f"port{number}", f"late{number}")
        for node in self.lab.of_kind("router"):
            with self.within(node.name):
                for port in node.ports:
                    plain(port.name)
        delays.start()

    def configure(self, node: str, version: int, commands: Iterable[str]) -> None:
        """Run commands of ip(8) in a node, for IP version 4 or 6. Raises OSError where one fails."""
        _ip(commands, self._names[node], f"-{version}")

    def adjust(self, node: str, values: Mapping[str, int]) -> None:
        """Set what the kernel does in a node, by file below /proc/sys/net. Raises OSError."""
        self._set(node, values)

    def reserve(self, node: str, ports: Iterable[tuple[int, int]]) -> None:
        """Keep ranges of ports from the clients of a node, too, so that its servers find them free (ip-sysctl)."""
        kept = self._reserved.setdefault(node, set())
        kept.update(ports)
        if kept:
            texts = [f"{first}-{last}" for first, last in sorted(kept)]
            self._set(node, {"ipv4/ip_local_reserved_ports": ",".join(texts)})

    def introduce(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Tell nodes who their neighbors are, and those of some pairs about each other, where there are many.

        The kernel remembers a thousand for all namespaces together, unless it was told of them (arp(7), gc_thresh3):
        packets for others are lost.
        """
        if len(self.lab.nodes) > _MANY:
            found: dict[str, list[str]] = {}
            for node, command in neighbors(self.lab, pairs):
                found.setdefault(node, []).append(command)
            for node, commands in found.items():
                _ip(commands, self._names[node])

    def add_idle(self, node: str, names: Iterable[str]) -> None:
        """Give a node interfaces by which nothing ever comes or goes, but for those that it has."""
        own = {"lo", *(port.name for port in self.lab.nodes[node].ports)}
        _ip([f"link add name {name} type bridge" for name in names if name not in own], self._names[node])

    def stop(self, node: str) -> None:
        """Cut a node off, as if somebody had pulled its plugs."""
        _ip([f"link set {port.name} down" for port in self.lab.nodes[node].ports], self._names[node])

    def shell(self, node: str, *, is_aside: bool = False) -> None:
        """Open a shell in a node, and wait for its end; aside, what it says goes to standard error."""
        with self.within(node):
            subprocess.run(self._as_node(node, shell_of(node)), stdout=sys.stderr if is_aside else None, check=False)

    def _make(self, name: str) -> None:
        _ip([f"netns add {self._names[name]}"])
        self._spaces[name] = os.open(f"/run/netns/{self._names[name]}", os.O_RDONLY)

    def _set(self, name: str, values: Mapping[str, int | str], *, needed: bool = True) -> None:
        with self.within(name):
            for file, value in values.items():
                path = Path("/proc/sys/net", file)
                if needed or path.exists():
                    path.write_text(str(value), encoding="ascii")

    @contextlib.contextmanager
    def within(self, node: str) -> Iterator[None]:
        """What this thread does meanwhile happens in the node's namespace: sockets made there stay there."""
        self._enter(self._spaces[node])
        try:
            yield
        finally:
            self._enter(self._home)

    def _enter(self, space: int) -> None:
        if self._libc.setns(space, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def socket(self, node: str, version: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of a node that does not block: of IP version 4 or 6, SOCK_STREAM, SOCK_DGRAM or SOCK_RAW."""
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with self.within(node):
            # asyncio looks at the protocol that is named here: without it small messages wait for others (RFC 896)
            made = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol or _PROTOCOL.get(kind, 0))
        if version == 6 and kind != socket.SOCK_RAW:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return made

    def bind(self, made: _Socket, node: str, address: str, port: int = 0) -> None:
        """Give a socket of a node its address and port; where any will do, the next of its clients'. Raises OSError."""
        if port:
            made.bind((address, port))
            return
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # nor a port that another has just had
        for one in self._ports(node).free(self._reserved.get(node, ())):
            try:
                made.bind((address, one))
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
            else:
                return
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def _ports(self, node: str) -> ClientPorts:
        if node not in self._clients:
            with self.within(node):
                self._clients[node] = ClientPorts(*map(int, _CLIENTS.read_text(encoding="ascii").split()))
        return self._clients[node]

    def folder(self, name: str) -> Path:
        """A folder for somebody's files, in memory; it goes with the rehearsal."""
        made = Path("/run/portwright", name)
        made.mkdir(mode=0o755, parents=True, exist_ok=True)
        return made

    def give(self, path: Path, user: str, group: str) -> None:
        """Make somebody else own a file. Raises LookupError where this machine does not know them, OSError."""
        shutil.chown(path, user, group)

    def mount(self, node: str, source: Path, place: str) -> None:
        """Let the programs of a node, and only these, find a file or folder of ours at a place of the system's.

        From then on they also find the node's name as the computer's. Raises FileNotFoundError where nothing is there.
        """
        at = Path(place).resolve()
        if at.is_relative_to("/run"):  # ours is empty
            at.parent.mkdir(parents=True, exist_ok=True)
            at.mkdir(exist_ok=True) if source.is_dir() else at.touch()
        self._mounts.setdefault(node, {})[str(at.resolve(strict=True))] = str(source)

    def start(self, node: str, program: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Start a program in a node; what it says goes to the log. Raises OSError where it cannot be started."""
        with self.within(node), log.open("ab") as said:
            return Process(
                subprocess.Popen(
                    self._as_node(node, program),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    env=os.environ | (env or {}),
                    start_new_session=True,
                ),
                log,
            )

    def _as_node(self, node: str, program: Sequence[str]) -> list[str]:
        """The program with what the node has mounted."""
        mounts = self._mounts.get(node)
        if mounts is None:
            return list(program)
        binds = [word for place, source in mounts.items() for word in (source, place)]
        return ["unshare", "--mount", "--uts", "sh", "-c", _AS_NODE, "sh", node, *binds, "--", *program]

    def listens(self, node: str) -> frozenset[tuple[str, int]]:
        """The transports and ports on which somebody listens in a node, as proc_net(5) lists them."""
        with self.within(node):
            return frozenset(
                (transport, int(words[1].rpartition(":")[2], 16))
                for transport, state in _LISTENS.items()
                for family in ("", "6")
                for line in Path(f"/proc/thread-self/net/{transport}{family}").read_text("ascii").splitlines()[1:]
                if (words := line.split())[3] == state
            )

    def load(self, node: str, rules: str) -> None:
        """Load rules of nftables into a node. Raises ValueError with what nft says where it refuses them."""
        self.feed(node, ("nft", "-f", "-"), rules)

    def feed(self, node: str, program: Sequence[str], text: str) -> None:
        """Have a program of a node read a text. Raises ValueError with what it says where it refuses it.

        Raises NotPossibleHere where there is no such program.
        """
        try:
            own = {"XTABLES_LOCKFILE": os.devnull}  # the lock would be a file outside
            done = self.run(node, program, text, own, _LOADING)
        except FileNotFoundError:
            raise NotPossibleHere(f"the rules of {node} need {program[0]}, which is not installed") from None
        except subprocess.TimeoutExpired:
            raise ValueError(f"{program[0]} has not read them within {_LOADING:g} seconds") from None
        if done.returncode:
            raise ValueError(done.stderr.strip())

    def run(
        self,
        node: str,
        program: Sequence[str],
        text: str = "",
        env: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a node's namespace to its end. Raises TimeoutExpired after so many seconds."""
        with self.within(node):
            return subprocess.run(
                self._as_node(node, program),
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                env=os.environ | (env or {}),
                timeout=patience,
                check=False,
            )


def _allow_many_files() -> None:
    """As many open files as this process may have: each host, service and connection needs some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _check_rights() -> None:
    """Raise PermissionError where nobody may send what he has made himself, such as a ping."""
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def _mount_own_run() -> None:
    """A /run of its own, so that the names of the namespaces are nobody else's. Raises PermissionError."""
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())


def _ip(commands: Iterable[str], node: str = "", family: str = "") -> None:
    """Run commands of ip(8) in one batch."""
    text = "\n".join(commands)
    if text:
        program = ["ip", *(["-n", node] if node else []), *([family] if family else []), "-batch", "-"]
        done = subprocess.run(program, input=text, text=True, capture_output=True, check=False)
        if done.returncode:
            kind = PermissionError if "Operation not permitted" in done.stderr else OSError
            raise kind(f"{node or 'links'}: {done.stderr.strip()}")
