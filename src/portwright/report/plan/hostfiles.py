"""The files that set a host as the site says: `.reg` for registry values, a PowerShell 5.1 script for everything.

Texts of the site reach both only escaped: on one line in comments, in single quotes in PowerShell.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files as resources
from textwrap import wrap

from portwright.plan.hostsettings import HostSetting, Procedure, Registry, dynamic_range
from portwright.site.model import Site

_BOM_UTF8 = "\ufeff"  # without it PowerShell 5.1 reads a script in the computer's old code page
_REG_HEADER = "Windows Registry Editor Version 5.00"
_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")  # all of these end a text in single quotes (about_Quoting_Rules)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # names of devices in Windows
_COMMENT_WIDTH = 110


def host_files(settings: Iterable[HostSetting], site: Site) -> dict[str, bytes]:
    """The files by name: `fe01.ps1`, and `fe01.reg` where registry values are among the settings."""
    by_host: dict[str, list[HostSetting]] = {}
    for one in settings:
        by_host.setdefault(one.host.name, []).append(one)
    stems = _stems(by_host)
    return {
        f"{stems[name]}{ending}": content
        for name, found in by_host.items()
        for ending, content in _files(found, site).items()
    }


def _files(settings: Sequence[HostSetting], site: Site) -> dict[str, bytes]:
    content = {".ps1": _encoded(_script(settings, site), "utf-8", _BOM_UTF8)}
    if in_registry := [one for one in settings if isinstance(one.known.means, Registry)]:
        content[".reg"] = _encoded(_registry(in_registry, site), "utf-16-le", "\ufeff")  # as regedit exports
    return content


def _encoded(lines: Iterable[str], encoding: str, mark: str) -> bytes:
    return (mark + "".join(f"{line}\r\n" for line in lines)).encode(encoding)


def _stems(hosts: Iterable[str]) -> dict[str, str]:
    """File names for hosts, different on file systems that do not tell capitals apart, and none of a device."""
    stems: dict[str, str] = {}
    used: set[str] = set()
    for host in hosts:
        plain = f"host-{host}" if _RESERVED.match(host) else host
        stem, number = plain, 2
        while stem.casefold() in used:
            stem, number = f"{plain}-{number}", number + 1
        used.add(stem.casefold())
        stems[host] = stem
    return stems


def _about(settings: Sequence[HostSetting], site: Site, sign: str) -> Iterator[str]:
    """The comment at the top: what, why, and what has to be restarted."""
    host = settings[0].host
    yield from _comment(
        f"Made by Portwright: settings of {host.name} as the site {site.name} says ({host.source}).", sign
    )
    for one in settings:
        instance = f" of instance {one.instance}" if one.instance else ""
        yield sign
        yield from _comment(f"{one.known.setting}{instance} = {one.value}: {one.known.says}.", sign)
        yield from _comment(f"  Then: {one.known.effect}.", sign)
        for id in one.citations:
            citation = site.catalog.citations[id]
            yield from _comment(f"  {citation}: {citation.says}", sign)


def _comment(text: str, sign: str) -> list[str]:
    """A comment that stays one, whatever the text holds."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return wrap(plain, _COMMENT_WIDTH, initial_indent=f"{sign} ", subsequent_indent=f"{sign}   ")


def _registry(settings: Sequence[HostSetting], site: Site) -> Iterator[str]:
    yield _REG_HEADER
    yield ""
    yield from _about(settings, site, ";")
    for one in settings:
        means = one.known.means
        assert isinstance(means, Registry)
        yield ""
        yield f"[HKEY_LOCAL_MACHINE\\{means.key}]"
        yield f'"{_escaped(means.name)}"=dword:{int(one.value):08x}'
    yield ""


def _escaped(name: str) -> str:
    """A name in the quotes of a .reg file."""
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _script(settings: Sequence[HostSetting], site: Site) -> Iterator[str]:
    yield "#Requires -Version 5.1"
    yield "#Requires -RunAsAdministrator"
    yield from _about(settings, site, "#")
    yield from ("#", "# Run it with -WhatIf to see what it would change. Run again, it changes nothing more.", "")
    yield from _part("begin")
    for part in dict.fromkeys(_part_of(one) for one in settings):
        yield ""
        yield from _part(part)
    yield ""
    if not settings[0].host.is_group:
        yield f"Test-Computer {quoted(settings[0].host.name)}"
    yield from (_call(one) for one in settings)
    yield from _part("end")


def _part(name: str) -> list[str]:
    """A part of every script, as it ships."""
    text = resources("portwright.report.plan").joinpath("powershell", f"{name}.ps1").read_text(encoding="utf-8")
    return text.splitlines()


def _part_of(one: HostSetting) -> str:
    return one.known.means.name if isinstance(one.known.means, Procedure) else "registry"


def _call(one: HostSetting) -> str:
    """The line that makes a setting."""
    means = one.known.means
    if isinstance(means, Registry):
        words = ["Set-RegistryPort", quoted(means.key), quoted(means.name), str(int(one.value))]
    else:
        words = _CALLS[means.name](one)
    return " ".join([*words, quoted(one.known.effect)])


_CALLS: Mapping[str, Callable[[HostSetting], list[str]]] = {
    "dfsr": lambda one: ["Set-DfsrPort", str(int(one.value))],
    "sql": lambda one: ["Set-SqlPort", quoted(one.instance or "MSSQLSERVER"), str(int(one.value))],
    "range": lambda one: ["Set-DynamicRange", *map(str, dynamic_range(one.value))],
    "winrm": lambda one: ["Set-WinRmListener", quoted(one.transport.upper() or "HTTP"), str(int(one.value))],
    "wmi": lambda _: ["Set-WmiStandalone"],
}


def quoted(text: str) -> str:
    """A text for PowerShell, taken as it is: in single quotes, those inside doubled, without control characters."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return "'" + _QUOTES.sub(r"\1\1", plain) + "'"
