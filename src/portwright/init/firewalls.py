"""The configurations that exist: where each says that networks lie."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from portwright import platforms
from portwright.errors import InvalidInput, Problem
from portwright.files import read_text
from portwright.init.named import NamedHost, named_hosts
from portwright.init.naming import unique
from portwright.packets.addresses import Network
from portwright.policy.configuration import Configuration, Route

MAX_FIREWALLS = 12
MAX_ROUTES = 20_000  # of all firewalls
EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_NOWHERE = frozenset(("lo", "Null0"))  # interfaces behind which nobody is: the loopback, discarded packets


@dataclass(frozen=True, slots=True)
class Firewall:
    """A configuration, and the name of its enforcement point."""

    name: str
    file: str
    configuration: Configuration
    named: tuple[NamedHost, ...]

    @property
    def platform(self) -> str:
        """The platform that it is written for."""
        return self.configuration.platform

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Every interface that it names and behind which somebody may be."""
        return tuple(name for name in self.configuration.interfaces.names if name not in _NOWHERE)

    def routes(self) -> Iterator[Route]:
        """The routes to interfaces that packets may leave on."""
        known = frozenset(self.interfaces)
        return (route for route in self.configuration.routes if route.interface in known)


Prefix = tuple[int, int]  # IP version, length


@dataclass(frozen=True, slots=True)
class Behind:
    """Which interfaces of a firewall lead to a network: the longest prefix wins."""

    routes: Mapping[Prefix, Mapping[int, tuple[str, ...]]]  # by prefix, longest first, and first address

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "Behind":
        """What the routes say."""
        found: dict[Prefix, dict[int, tuple[str, ...]]] = {}
        for route in sorted(routes, key=lambda route: -route.network.prefixlen):
            prefix = (route.network.version, route.network.prefixlen)
            first = int(route.network.network_address)
            present = found.setdefault(prefix, {}).get(first, ())
            found[prefix][first] = tuple(dict.fromkeys((*present, route.interface)))
        return cls(found)

    def knows(self, version: int) -> bool:
        """Report whether there is any route of an IP version."""
        return any(prefix[0] == version for prefix in self.routes)

    def toward(self, network: Network) -> tuple[str, ...]:
        """The interfaces behind which a network lies; several where the firewall may choose, none where it has none."""
        first = int(network.network_address)
        for (version, length), routes in self.routes.items():
            bits = network.max_prefixlen - length
            if version == network.version and length <= network.prefixlen and first >> bits << bits in routes:
                return routes[first >> bits << bits]
        return ()


def read_firewalls(paths: Iterable[str]) -> tuple[Firewall, ...]:
    """The configurations in these files. Raises InvalidInput with the problems of all of them."""
    problems: list[Problem] = []
    found: list[Firewall] = []
    names: set[str] = set()
    for path in dict.fromkeys(paths):
        try:
            name = unique(Path(path).stem, names, "firewall")
            found.append(read_firewall(path, name))
            names.add(name)
        except InvalidInput as wrong:
            problems += wrong.problems
    if len(found) > MAX_FIREWALLS:
        problems.append(Problem("", 0, 0, "", f"more than {MAX_FIREWALLS} configurations", "begin with a part of them"))
    if sum(len(one.configuration.routes) for one in found) > MAX_ROUTES:
        message = f"the configurations have more than {MAX_ROUTES} routes"
        problems.append(Problem("", 0, 0, "", message, "a site needs the networks of its application alone"))
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


def read_firewall(path: str, name: str) -> Firewall:
    """The configuration in a file, of whatever platform. Raises InvalidInput with every problem."""
    text = read_text(path)
    platform = platforms.recognize(text)
    if platform is None:
        message = "no platform recognizes this text" if text.strip() else "is empty"
        raise InvalidInput.of(message, file=path, hint=f"it may be one of: {', '.join(platforms.PLATFORMS)}")
    configuration = platforms.read(platform, text, path)
    return Firewall(name, path, configuration, tuple(named_hosts(platform, text, path)))


def inside(folder: Path, file: str) -> str | None:
    """The path of a file from a folder, as a site file there may name it; None when the file lies elsewhere."""
    try:
        return Path(file).resolve().relative_to(folder.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):  # no path at all, or links in a ring
        return None
