"""What the host is really set to, in the words of the catalog's settings: the part `ports` of a host file."""

import re
from collections.abc import Callable, Iterator, Mapping

from portwright.platforms.windows_firewall.display import shown
from portwright.platforms.windows_firewall.jsontext import Object, Value
from portwright.platforms.windows_firewall.members import texts
from portwright.platforms.windows_firewall.reading import PINS, as_port, dynamic_range, entries, word
from portwright.policy.configuration import Observed
from portwright.source import Source

DYNAMIC = "dynamic"
OFF = "off"  # TCP/IP of a SQL Server instance
_DEFAULT_INSTANCE = "MSSQLSERVER"
_SCHEMES = ("http", "https")
_URL = re.compile(r"(?P<scheme>https?)://[^/\s]*?:(?P<port>\d{1,5})/(?P<path>[^/\s]*)", re.ASCII | re.IGNORECASE)

Read = Callable[[Object], Iterator[tuple[str, tuple[str, ...], str]]]  # setting, what it may be called, instance


def observed(ports: Object | None, file: str) -> tuple[Observed, ...]:
    """The settings that the file shows. Parts that are missing, or hold no such thing, show nothing."""
    if ports is None:
        return ()
    return tuple(
        Observed(setting, values, instance, Source(file, ports.lines[member], _text(setting, values, instance)))
        for member, read in _READERS.items()
        if member in ports
        for setting, values, instance in read(ports)
    )


def _text(setting: str, values: tuple[str, ...], instance: str) -> str:
    return shown(f"{setting}{f' of instance {instance}' if instance else ''} is {' or '.join(values)}")


def _port(setting: str, member: str) -> Read:
    def read(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
        if (port := as_port(ports.get(member))) is not None and port:
            yield setting, (str(port),), ""
        elif ports.get(member) == DYNAMIC:
            yield setting, (DYNAMIC,), ""

    return read


def _crm(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    crm = ports.get("crm")
    if isinstance(crm, Object):
        yield "sandbox.port", (str(as_port(crm.get("TcpPort")) or 808),), ""  # 808 where the value is not set


def _web(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every port on which IIS serves web pages: which site is CRM's, its name need not say."""
    found = []
    for binding in entries(ports.get("iis")):
        if isinstance(binding, Object) and word(binding, "Protocol").lower() in _SCHEMES:
            found += [part for part in word(binding, "Binding").split(":")[-2:-1] if as_port(part)]
    if found:
        yield "web.port", tuple(dict.fromkeys(found)), ""


def _sql(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    instances = [one for one in entries(ports.get("sql")) if isinstance(one, Object)]
    for one in instances:
        name = word(one, "Instance")
        if value := _sql_port(one):
            yield "sql.port", value, "" if name.upper() == _DEFAULT_INSTANCE else shown(name, 60)
    if instances and word(ports, "sql_browser") not in ("", "Running"):
        yield "sql.browser", ("false",), ""


def _sql_port(instance: Object) -> tuple[str, ...]:
    """The ports of an instance on all addresses; none where each address has its own."""
    if word(instance, "TcpEnabled") == "0":
        return (OFF,)
    if word(instance, "ListenOnAllIPs") == "0":
        return ()
    fixed = [part.strip() for part in word(instance, "TcpPort").split(",") if as_port(part.strip())]
    return tuple(fixed) or ((DYNAMIC,) if texts(instance.get("TcpDynamicPorts")) not in (None, ("",)) else ())


def _reports(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    urls = (_URL.match(text) for text in texts(ports.get("urls")) or ())
    found = [url["port"] for url in urls if url is not None and url["path"].lower().startswith("reportserver")]
    if found:
        yield "ssrs.port", tuple(dict.fromkeys(found)), ""


def _winrm(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    listeners = [one for one in entries(ports.get("winrm")) if isinstance(one, Object)]
    found = [str(port) for one in listeners if (port := as_port(one.get("Port"))) and word(one, "Enabled") != "false"]
    if found:
        yield "winrm.port", tuple(dict.fromkeys(found)), ""


def _range(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    if (found := dynamic_range(ports)) is not None:
        first, last = found[0]
        yield "rpc.dynamic", (f"{first}-{last}",), ""


def _wmi(ports: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    value: Value = ports.get("wmi_standalone")
    if isinstance(value, bool):
        yield "wmi.standalone", (str(value).lower(),), ""


_READERS: Mapping[str, Read] = {  # member of the part -> what it shows
    "sql": _sql,
    "crm": _crm,
    "iis": _web,
    "urls": _reports,
    "rdp": _port("rdp.port", "rdp"),
    "winrm": _winrm,
    "dynamic": _range,
    "wmi_standalone": _wmi,
    **{pin: _port(f"{pin}.port", pin) for pin in PINS},
}
