"""Who listens on which port, and whether a rule for a program, a service or an app package is a rule for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from portwright.packets.intervals import Intervals, normalize
from portwright.platforms.windows_firewall.host import FirewallRule, Host

SYSTEM = "System"  # the kernel: SMB, HTTP.sys, ICMP
_ANY_SERVICE = "*"  # any service, and no program that is none
_UNCLEAR = re.compile(r"%|~\d|^\\\\|\\\.\.?\\")  # variables, short names, devices, steps back
_MOST = 3_000_000  # kinds of rules by listeners that are compared; a name server has thousands of sockets
_RESTRICTING = ("Program", "Service", "Package")


@dataclass(frozen=True, slots=True)
class Held:
    """The ports of a protocol on which the rule's listener surely is, and those on which it surely is not."""

    by_it: Intervals
    by_others: Intervals


def restricts(rule: FirewallRule) -> tuple[str, ...]:
    """The members by which a rule is for some listeners only."""
    return tuple(name for name in _RESTRICTING if rule.restriction(name))


Wanted = tuple[tuple[str, ...], ...]  # what a rule says of program, service and package


@dataclass(frozen=True, slots=True)
class Process:
    """Who may listen: a program with the services in it."""

    program: str | None  # path, or System; None: not known
    services: tuple[str, ...] | None  # None: not known


class Owners:
    """The listeners of a host, by protocol and port."""

    def __init__(self, host: Host):
        self._host = host
        self._by_port: dict[int, dict[int, set[Process]]] = {}
        self._paths: dict[str, str] = {}
        self._held: dict[tuple[Wanted, int], Held] = {}
        for one in host.listeners or ():
            if not _is_loopback(one.address):
                process = Process(one.program, one.services)
                self._by_port.setdefault(one.protocol, {}).setdefault(one.port, set()).add(process)
        kinds = {_wanted(rule) for rule in host.rules or ()}
        processes = sum(len(some) for ports in self._by_port.values() for some in ports.values())
        self.are_too_many = len(kinds) * processes > _MOST
        if self.are_too_many:
            self._by_port = {}

    def held(self, rule: FirewallRule, protocol: int) -> Held:
        """What is known of the ports of a protocol."""
        key = (_wanted(rule), protocol)
        if key not in self._held:
            self._held[key] = self._found(*key)
        return self._held[key]

    def _found(self, wanted: Wanted, protocol: int) -> Held:
        by_it, by_others = [], []
        known: dict[Process, bool | None] = {}
        for port, processes in self._by_port.get(protocol, {}).items():
            for process in processes - known.keys():
                known[process] = self._is_for(wanted, process)
            answers = {known[process] for process in processes}
            if answers == {True}:
                by_it.append((port, port))
            elif answers == {False}:
                by_others.append((port, port))
        return Held(normalize(by_it), normalize(by_others))

    def is_for_system(self, rule: FirewallRule) -> bool | None:
        """Report whether a rule is for what the kernel itself receives; None where that is not known."""
        return self._is_for(_wanted(rule), Process(SYSTEM, ()))

    def _is_for(self, wanted: Wanted, process: Process) -> bool | None:
        """Report whether all that restricts a rule holds for a process; None where it may."""
        asked = zip(_RESTRICTING, wanted, strict=True)
        answers = {self._holds(name, values, process) for name, values in asked if values}
        return False if False in answers else None if None in answers else True

    def _holds(self, name: str, wanted: tuple[str, ...], process: Process) -> bool | None:
        if len(wanted) != 1:
            return None
        if name == "Program":
            return self._is_program(wanted[0], process.program)
        if name == "Service":
            return self._is_service(wanted[0].lower(), process)
        return False if process.program == SYSTEM or process.services else None

    def _is_service(self, wanted: str, process: Process) -> bool | None:
        if process.services is None:
            return False if process.program == SYSTEM else None
        names = {service.lower() for service in process.services}
        if wanted == _ANY_SERVICE:
            return bool(names)
        if wanted not in names:
            return False
        return True if self._host.service_sids.get(wanted) else None

    def _is_program(self, wanted: str, program: str | None) -> bool | None:
        if program is None:
            return None
        one, other = self._path(wanted), self._path(program)
        if SYSTEM.casefold() in (one, other) or not (_UNCLEAR.search(one) or _UNCLEAR.search(other)):
            return one == other
        files = {path.rpartition("\\")[2] for path in (one, other)}
        return False if len(files) > 1 and not any(_UNCLEAR.search(file) for file in files) else None

    def _path(self, text: str) -> str:
        """A path as it can be compared: variables in their place, without regard to capitals."""
        if text not in self._paths:
            self._paths[text] = self._expanded(text)
        return self._paths[text]

    def _expanded(self, text: str) -> str:
        parts = text.strip().strip('"').split("%")
        known = self._host.environment
        for number in range(1, len(parts) - 1, 2):
            parts[number] = known.get(parts[number].lower(), f"%{parts[number]}%")
        return "".join(parts).replace("/", "\\").casefold()

    def services_on(self, names: Iterable[str], protocol: int) -> Intervals:
        """The ports that processes with one of these services hold."""
        wanted = {name.lower() for name in names}
        ports = (
            port
            for port, processes in self._by_port.get(protocol, {}).items()
            if any(wanted & {service.lower() for service in one.services or ()} for one in processes)
        )
        return normalize((port, port) for port in ports)


def _wanted(rule: FirewallRule) -> Wanted:
    return tuple(rule.restriction(name) for name in _RESTRICTING)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
