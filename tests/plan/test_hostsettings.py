"""The settings of hosts: what has to be set, on which host, and files that set it and nothing else."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portwright.catalog.load import load_catalog
from portwright.errors import InvalidInput
from portwright.plan.hostsettings import dynamic_range, host_settings
from portwright.report.plan import hostfiles
from portwright.report.plan.hostfiles import host_files, quoted
from portwright.site.load import parse_site

CATALOG = load_catalog()
PARTS = sorted(Path(hostfiles.__file__).parent.joinpath("powershell").glob("*.ps1"))
BOM_16, BOM_8 = b"\xff\xfe", b"\xef\xbb\xbf"
SITE = """
site: set
products: [dynamics-crm-2013]
zones: {all: {networks: [10.0.0.0/8]}}
settings: {%s}
hosts:
%s
"""
FE = "fe01: {addresses: [10.0.0.1], roles: [crm/front-end]}"
SQL = "sql01: {addresses: [10.0.0.2], roles: [%s]}"
DC = "dc01: {addresses: [10.0.0.3], roles: [ad/global-catalog], settings: {%s}}"
PINNED = "ntds.port: 38901, netlogon.port: 38902, dfsr.port: 5722"


def site(*hosts, settings=""):
    lines = "\n".join(f"  {host}" for host in hosts)
    return parse_site((SITE % (settings, lines)).encode(), Path(), CATALOG)


def made(*hosts, settings=""):
    found = host_settings(site(*hosts, settings=settings))
    return [
        f"{one.host.name}: {one.known.setting}{'#' * bool(one.instance)}{one.instance} {one.value}" for one in found
    ]


def written(*hosts, settings=""):
    loaded = site(*hosts, settings=settings)
    return host_files(host_settings(loaded), loaded)


def script(content):
    """The text of a script, its encoding checked: UTF-8 with a byte order mark, lines that end in CR LF."""
    assert content.startswith(BOM_8)
    text = content.decode("utf-8-sig")
    assert text.count("\n") == text.count("\r\n")
    return text.replace("\r\n", "\n")


def calls(text):
    """The lines of a script that set something."""
    return [line for line in text.splitlines() if re.match(r"Set-(?!StrictMode)|Test-Computer ", line)]


@pytest.mark.parametrize(
    ("hosts", "settings", "expected"),
    [
        ([FE], "", []),
        ([FE], "sandbox.port: 808", []),
        ([FE], "sandbox.port: 909", ["fe01: sandbox.port 909"]),
        ([FE.replace("crm/front-end", "crm/full-server")], "sandbox.port: 909", ["fe01: sandbox.port 909"]),
        (["c: {addresses: [10.0.0.9], roles: [crm/client]}"], "sandbox.port: 909", []),
        ([SQL % "sql/engine"], "", []),
        ([SQL % "{sql/engine: {port: 14330}}"], "", ["sql01: sql.port 14330"]),
        ([SQL % "{sql/engine: {instance: CRM}}"], "", []),  # dynamic: nobody said which
        ([SQL % "{sql/engine: {instance: CRM, port: 1433}}"], "", ["sql01: sql.port#CRM 1433"]),
        (
            [SQL % "{sql/engine: {instance: A, port: 1501}}, {sql/engine: {instance: B, port: 1502}}"],
            "",
            ["sql01: sql.port#A 1501", "sql01: sql.port#B 1502"],
        ),
        ([DC % PINNED], "replication: dynamic", []),
        (
            [DC % PINNED],
            "replication: pinned",
            ["dc01: ntds.port 38901", "dc01: netlogon.port 38902", "dc01: dfsr.port 5722"],
        ),
        ([DC % "ntds.port: 38901"], "replication: pinned", ["dc01: ntds.port 38901"]),
        ([FE], "rdp.port: 13389", ["fe01: rdp.port 13389"]),
        ([FE], "winrm.scheme: https", ["fe01: winrm.port 5986"]),
        ([FE], "rpc.dynamic: 50000-50999", ["fe01: rpc.dynamic 50000-50999"]),
    ],
)
def test_what_has_to_be_set(hosts, settings, expected):
    """Only what differs from what the product does by itself, and only on hosts that have the role."""
    assert made(*hosts, settings=settings) == expected


def test_a_registry_file():
    """UTF-16LE with a byte order mark, CR LF, the header of version 5, comments, and a DWORD in hexadecimal."""
    content = written(FE, settings="sandbox.port: 909")["fe01.reg"]
    assert content.startswith(BOM_16)
    lines = content.decode("utf-16").split("\r\n")
    assert "\n" not in "".join(lines)
    assert lines[0] == "Windows Registry Editor Version 5.00"
    assert lines[1] == ""
    assert lines[2] == "; Made by Portwright: settings of fe01 as the site set says (site.yaml:7)."
    assert lines[-4:] == ["[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\MSCRM]", '"TcpPort"=dword:0000038d', "", ""]
    comments = [line for line in lines[2:-5] if line]
    assert all(line.startswith(";") for line in comments)
    assert {"P60", "B21"} <= set(re.findall(r"\b[PB]\d+\b", " ".join(comments)))
    assert any("restart IIS" in line for line in comments)


def test_a_domain_controller_is_pinned():
    """NTDS and Netlogon in the registry, DFS Replication by its own tool."""
    files = written(DC % PINNED, settings="replication: pinned")
    registry = files["dc01.reg"].decode("utf-16")
    assert '\\NTDS\\Parameters]\r\n"TCP/IP Port"=dword:000097f5' in registry
    assert '\\Netlogon\\Parameters]\r\n"DCTcpipPort"=dword:000097f6' in registry
    assert [line.rpartition(" '")[0] for line in calls(script(files["dc01.ps1"]))] == [
        "Test-Computer",
        r"Set-RegistryPort 'SYSTEM\CurrentControlSet\Services\NTDS\Parameters' 'TCP/IP Port' 38901",
        r"Set-RegistryPort 'SYSTEM\CurrentControlSet\Services\Netlogon\Parameters' 'DCTcpipPort' 38902",
        "Set-DfsrPort 5722",
    ]


@pytest.mark.parametrize(
    ("host", "settings", "line"),
    [
        (SQL % "{sql/engine: {instance: CRM, port: 14330}}", "", "Set-SqlPort 'CRM' 14330 "),
        (SQL % "{sql/engine: {port: 14330}}", "", "Set-SqlPort 'MSSQLSERVER' 14330 "),
        (FE, "rpc.dynamic: 50000-50999", "Set-DynamicRange 50000 1000 "),
        (FE, "winrm.scheme: https", "Set-WinRmListener 'HTTPS' 5986 "),
        (FE, "winrm.port: 8080", "Set-WinRmListener 'HTTP' 8080 "),
        (FE, "wmi.standalone: true", "Set-WmiStandalone "),
    ],
)
def test_what_needs_more_than_the_registry(host, settings, line):
    """A procedure of the script does it; without registry values there is no .reg file."""
    files = written(host, settings=settings)
    [name] = files
    text = script(files[name])
    [call] = calls(text)[1:]
    assert call.startswith(line)
    assert f"\nfunction {call.split()[0]}(" in text


def test_a_script_says_what_it_is_and_has_only_what_it_uses():
    """Requirements and a comment first; it runs as administrator, can be tried with -WhatIf, and stops at errors."""
    text = script(written(FE, settings="sandbox.port: 909")["fe01.ps1"])
    head = text.partition("[CmdletBinding(SupportsShouldProcess = $true)]")[0]
    assert head.startswith("#Requires -Version 5.1\n#Requires -RunAsAdministrator\n# Made by Portwright")
    assert all(line.startswith("#") for line in head.splitlines() if line)
    assert "$ErrorActionPreference = 'Stop'" in text
    assert re.findall(r"^function (\S+)\(", text, re.MULTILINE) == [
        "Test-Wanted", "Write-Change", "Test-Computer", "Set-RegistryPort",
    ]  # fmt: skip


def test_a_group_is_set_by_one_script():
    """Its hosts need not be told apart, so that the script does not ask for a name."""
    files = written(FE, "x: {addresses: [10.0.0.9]}", settings="rdp.port: 13389")
    assert set(files) == {"fe01.ps1", "fe01.reg"}
    text = (
        SITE % ("rdp.port: 13389", f"  {FE}")
        + "groups: {farm: {networks: [10.7.0.0/16], zone: all, roles: [sql/engine]}}"
    )
    loaded = parse_site(text.encode(), Path(), CATALOG)
    assert "Test-Computer" not in "".join(calls(script(host_files(host_settings(loaded), loaded)["farm.ps1"])))


@pytest.mark.parametrize("value", ["1000-2000", "50000-50100", "50000-51000,52000-53000", "80"])
def test_a_range_that_windows_does_not_take_is_refused(value):
    """One range of at least 255 ports from 1025 on; nothing is written that would fail on the host."""
    with pytest.raises(ValueError, match="no single range of at least 255 ports from 1025 on"):
        dynamic_range(value)
    with pytest.raises(InvalidInput, match=r"fe01: rpc\.dynamic"):
        host_settings(site(FE, settings=f'rpc.dynamic: "{value}"'))


@given(st.text())
def test_a_text_in_powershell_stays_a_text(text):
    """One line, one pair of quotes around it, and inside only doubled ones, the curly ones among them."""
    found = quoted(text)
    assert found.isprintable()
    assert re.fullmatch("'(?:[^'\u2018\u2019\u201a\u201b]|(['\u2018\u2019\u201a\u201b])\\1)*'", found)


def test_the_name_of_an_instance_cannot_break_out():
    """Not even one with quotes and a line of its own."""
    host = SQL % '{sql/engine: {instance: "x\'; Remove-Item C: #\\n", port: 14330}}'
    text = script(written(host)["sql01.ps1"])
    assert "Set-SqlPort 'x''; Remove-Item C: # ' 14330 " in text
    code = [line for line in text.splitlines() if "Remove-Item" in line and not line.startswith("#")]
    assert code == [calls(text)[1]]


def test_file_names_are_told_apart():
    """On file systems that know no capitals, and none of them is a device of Windows."""
    hosts = [
        f"{name}: {{addresses: [10.0.0.{at}], roles: [sql/engine]}}" for at, name in enumerate(["DB", "db", "nul"], 1)
    ]
    assert sorted(name for name in written(*hosts, settings="rdp.port: 1") if name.endswith(".ps1")) == [
        "DB.ps1", "db-2.ps1", "host-nul.ps1",
    ]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda one: one.stem)
def test_the_parts_of_scripts_are_plain(part):
    """ASCII, no tabs, balanced brackets outside texts and comments."""
    text = part.read_text(encoding="ascii")
    assert "\t" not in text
    code = re.sub(r"'[^'\n]*'|\"(?:[^\"\n]|`\")*\"|^\s*#.*$", "", text, flags=re.MULTILINE)
    for one, other in ("()", "{}", "[]"):
        assert code.count(one) == code.count(other)
