"""What has to be set on hosts so that they are what the site says: ports moved, ports pinned, listeners made.

A host whose value is the one that the product has anyway needs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portwright.catalog.model import Condition
from portwright.errors import InvalidInput, Problem
from portwright.packets.notation import parse_ports
from portwright.site.model import DYNAMIC, Host, Instance, Site

_ALWAYS = Condition()
_PINNED = Condition((("replication", ("pinned",)),))
_LEAST_RANGE, _LEAST_START = 255, 1025  # KB 929851: what netsh accepts


@dataclass(frozen=True, slots=True)
class Registry:
    """A DWORD value under HKEY_LOCAL_MACHINE."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """What no registry value alone does: a procedure of the script, by name."""

    name: str


Means = Registry | Procedure


@dataclass(frozen=True, slots=True)
class Known:
    """A setting of the catalog that is made on a host, and how."""

    setting: str
    roles: tuple[str, ...]  # a host in one of them has it
    means: Means
    says: str
    effect: str  # what has to be done so that it holds
    citations: tuple[str, ...]
    usual: tuple[str, ...]  # values that need no setting
    when: Condition = _ALWAYS


@dataclass(frozen=True, slots=True)
class HostSetting:
    """A setting that has to be made on a host."""

    host: Host
    known: Known
    value: str
    instance: str  # of the component; empty: the default one
    transport: str  # of WinRM: http or https
    citations: tuple[str, ...]  # ids, those that the catalog has


_SERVICES = r"SYSTEM\CurrentControlSet\Services"
_TABLE: tuple[Known, ...] = (
    Known(
        "sandbox.port",
        ("crm/front-end", "crm/async", "crm/sandbox"),
        Registry(r"SOFTWARE\Microsoft\MSCRM", "TcpPort"),
        "port of the Sandbox channel; the same on every front end, Asynchronous Service and Sandbox computer",
        "restart IIS, the Asynchronous Service and the Sandbox Processing Service, whichever run here",
        ("P60", "B21"),
        usual=("808",),
    ),
    Known(
        "ntds.port",
        ("ad/domain-controller",),
        Registry(rf"{_SERVICES}\NTDS\Parameters", "TCP/IP Port"),
        "fixed RPC port of the directory, for replication and for clients",
        "restart the computer",
        ("P96", "S4"),
        usual=(DYNAMIC,),
        when=_PINNED,
    ),
    Known(
        "netlogon.port",
        ("ad/domain-controller",),
        Registry(rf"{_SERVICES}\Netlogon\Parameters", "DCTcpipPort"),
        "fixed RPC port of Netlogon; another one than that of the directory",
        "restart the service Netlogon",
        ("P96", "S4"),
        usual=(DYNAMIC,),
        when=_PINNED,
    ),
    Known(
        "frs.port",
        ("ad/domain-controller",),
        Registry(rf"{_SERVICES}\NTFRS\Parameters", "RPC TCP/IP Port Assignment"),
        "fixed RPC port of the File Replication Service, where SYSVOL is not yet replicated by DFSR",
        "restart the service NTFRS",
        ("P96", "S28"),
        usual=(DYNAMIC,),
        when=_PINNED,
    ),
    Known(
        "dfsr.port",
        ("ad/domain-controller",),
        Procedure("dfsr"),
        "fixed RPC port of DFS Replication, which replicates SYSVOL",
        "restart the service DFSR",
        ("P96", "S2", "S28"),
        usual=(DYNAMIC,),
        when=_PINNED,
    ),
    Known(
        "sql.port",
        ("sql/engine",),
        Procedure("sql"),
        "fixed TCP port of the instance, on all addresses, in place of a dynamic one",
        "restart the service of the instance",
        ("P75", "B8", "S11"),
        usual=(DYNAMIC,),
    ),
    Known(
        "rdp.port",
        ("windows/server",),
        Registry(r"SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp", "PortNumber"),
        "port of Remote Desktop",
        "restart the service TermService, or the computer",
        ("P13", "S27"),
        usual=("3389",),
    ),
    Known(
        "rpc.dynamic",
        ("windows/server",),
        Procedure("range"),
        "TCP ports from which RPC servers choose",
        "restart the computer: RPC servers keep the ports that they have",
        ("B2", "S6"),
        usual=("49152-65535",),
    ),
    Known(
        "winrm.port",
        ("windows/server",),
        Procedure("winrm"),
        "listener of remote PowerShell",
        "nothing: the listener answers at once",
        ("P29", "S2"),
        usual=("5985",),
    ),
    Known(
        "wmi.standalone",
        ("windows/server",),
        Procedure("wmi"),
        "WMI in a process of its own, on TCP 24158 in place of a dynamic port",
        "restart the service Winmgmt",
        ("S28",),
        usual=("false",),
    ),
)


def host_settings(site: Site) -> tuple[HostSetting, ...]:
    """What has to be set, host by host. Raises InvalidInput for what Windows cannot be set to."""
    found = tuple(made for host in site.consumers() for made in _of_host(site, host))
    if problems := [problem for made in found if (problem := _problem(made)) is not None]:
        raise InvalidInput(problems)
    return found


def _of_host(site: Site, host: Host) -> Iterator[HostSetting]:
    for known in _TABLE:
        if known.setting in site.catalog.settings:
            made = (_made(site, host, known, instance) for instance in _instances(host, known))
            yield from {(one.value, one.instance): one for one in made if one is not None}.values()


def _instances(host: Host, known: Known) -> Iterator[Instance]:
    for role in known.roles:
        if role in host.roles:
            yield from host.instances_of(role)


def _made(site: Site, host: Host, known: Known, instance: Instance) -> HostSetting | None:
    """The setting on this instance; None where nothing needs to be done."""

    def value(name: str) -> str:
        return site.setting(name, host, instance) if name in site.catalog.settings else ""

    found = value(known.setting)
    usual = (*known.usual, "1433") if known.setting == "sql.port" and not instance.name else known.usual
    if found in usual or not known.when.holds(value):
        return None
    cited = tuple(id for id in known.citations if id in site.catalog.citations)
    name = instance.name if "sql/engine" in known.roles else ""
    return HostSetting(host, known, found, name, value("winrm.scheme"), cited)


def dynamic_range(value: str) -> tuple[int, int]:
    """First port and number of ports of a range, as netsh takes them. Raises ValueError for anything else."""
    ranges = parse_ports(value)
    first, last = ranges[0]
    if len(ranges) > 1 or last - first + 1 < _LEAST_RANGE or first < _LEAST_START:
        raise ValueError(f"{value} is no single range of at least {_LEAST_RANGE} ports from {_LEAST_START} on")
    return first, last - first + 1


def _problem(made: HostSetting) -> Problem | None:
    if made.known.setting != "rpc.dynamic":
        return None
    try:
        dynamic_range(made.value)
    except ValueError as problem:
        place = made.host.source
        message = f"{problem}, and Windows takes no other"
        return Problem(place.file, place.line, 0, f"{made.host.name}: rpc.dynamic", message, "see KB 929851")
    return None
