"""The real ports of a host: what its file shows, what goes into a site file, and where the two disagree."""

from pathlib import Path

import pytest
from tests.cli.running import run
from tests.platforms.windows_firewall.hosts import CASES, host

from portwright.catalog.load import load_catalog
from portwright.check.points import Reading
from portwright.check.run import Check
from portwright.findings import Kind
from portwright.plan.make import make_plan
from portwright.platforms import read
from portwright.platforms.windows_firewall.script import GRANTED
from portwright.site.load import load_site, parse_site

CATALOG = load_catalog()
EXAMPLE = Path(__file__).parents[3] / "examples" / "windows" / "office.yaml"
SITE = """
site: s
products: [dynamics-crm-2013]
zones: {all: {networks: [10.0.0.0/8]}}
hosts:
  h: {addresses: [10.0.0.1], roles: [%s], settings: {%s}}
enforcement:
  fw: {platform: windows-firewall, on: h, profile: domain}
"""


def sql(instance="CRM", **values):
    given = {"TcpEnabled": 1, "ListenOnAllIPs": 1, "TcpPort": "", "TcpDynamicPorts": ""}
    return {"sql": [{"Instance": instance, **given, **values}]}


def observed(**ports):
    return [
        (one.setting, one.values, one.instance)
        for one in read("windows-firewall", host(ports=ports), "h.json").observed
    ]


def drifting(role, settings="", **ports):
    site = parse_site((SITE % (role, settings)).encode(), Path(), CATALOG)
    text = host(ports=ports)
    readings = {"fw": Reading(read("windows-firewall", text, "h.json", "domain"), text)}
    found = Check(make_plan(site.catalog, site), readings).run().findings
    return [finding.message for finding in found if finding.kind is Kind.DRIFT]


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ({}, []),
        ({"rdp": 3390}, [("rdp.port", ("3390",), "")]),
        ({"rdp": None}, []),
        ({"rdp": "x"}, []),
        ({"ntds": 38901}, [("ntds.port", ("38901",), "")]),
        ({"ntds": "dynamic"}, [("ntds.port", ("dynamic",), "")]),
        ({"crm": {"TcpPort": 809}}, [("sandbox.port", ("809",), "")]),
        ({"crm": {"TcpPort": None}}, [("sandbox.port", ("808",), "")]),
        ({"crm": None}, []),
        (sql(TcpPort="51433"), [("sql.port", ("51433",), "CRM")]),
        (sql(TcpPort="1433, 51433"), [("sql.port", ("1433", "51433"), "CRM")]),
        (sql("MSSQLSERVER", TcpPort="1433"), [("sql.port", ("1433",), "")]),
        (sql(TcpDynamicPorts="0"), [("sql.port", ("dynamic",), "CRM")]),
        (sql(TcpDynamicPorts="50123"), [("sql.port", ("dynamic",), "CRM")]),
        (sql(TcpEnabled=0, TcpPort="51433"), [("sql.port", ("off",), "CRM")]),
        (sql(ListenOnAllIPs=0, TcpPort="51433"), []),
        (sql(), []),
        (sql(TcpPort="51433") | {"sql_browser": "Running"}, [("sql.port", ("51433",), "CRM")]),
        (
            sql(TcpPort="51433") | {"sql_browser": "Stopped"},
            [("sql.port", ("51433",), "CRM"), ("sql.browser", ("false",), "")],
        ),
        ({"sql": [], "sql_browser": "Stopped"}, []),
        ({"urls": ["http://+:8080/ReportServer/", "http://+:80/Temp/"]}, [("ssrs.port", ("8080",), "")]),
        ({"urls": "https://reports.contoso.com:443/ReportServer_CRM/"}, [("ssrs.port", ("443",), "")]),
        ({"iis": [{"Site": "CRM", "Protocol": "https", "Binding": "*:443:crm"}]}, [("web.port", ("443",), "")]),
        ({"iis": {"Site": "CRM", "Protocol": "http", "Binding": "[fd00::1]:5555:"}}, [("web.port", ("5555",), "")]),
        ({"iis": [{"Site": "x", "Protocol": "net.tcp", "Binding": "808:*"}]}, []),
        (
            {"winrm": [{"Port": 5985, "Enabled": "true"}, {"Port": 5986, "Enabled": "false"}]},
            [("winrm.port", ("5985",), "")],
        ),
        ({"dynamic": {"StartPort": 50000, "NumberOfPorts": 1000}}, [("rpc.dynamic", ("50000-50999",), "")]),
        ({"dynamic": {"StartPort": None}}, []),
        ({"wmi_standalone": True}, [("wmi.standalone", ("true",), "")]),
    ],
)  # fmt: skip
def test_what_a_file_shows(ports, expected):
    """In the words of the catalog; what is not there, or no port, shows nothing."""
    assert observed(**ports) == expected


@pytest.mark.parametrize(
    ("role", "settings", "ports", "expected"),
    [
        ("windows/server", "", {"rdp": 3389}, []),
        ("windows/server", "", {"rdp": 3390}, ["h: the site says rdp.port 3389, and on the host it is 3390"]),
        ("windows/server", "rdp.port: 3390", {"rdp": 3390}, []),
        ("sql/engine", "", sql("MSSQLSERVER", TcpPort="1433"), []),
        (
            "{sql/engine: {instance: CRM, port: 1433}}",
            "",
            sql(TcpPort="51433"),
            ["h#CRM: the site says sql.port 1433, and on the host it is 51433"],
        ),
        ("{sql/engine: {instance: crm, port: 51433}}", "", sql(TcpPort="51433"), []),
        ("{sql/engine: {instance: CRM}}", "", sql(TcpDynamicPorts="0"), []),
        (
            "{sql/engine: {instance: CRM, port: 51433}}",
            "",
            sql("OTHER", TcpPort="51433"),
            ["h#CRM: the site says sql.port 51433, and on the host there is no such instance"],
        ),
        (
            "{sql/engine: {instance: CRM, port: 51433}}",
            "",
            sql(TcpPort="51433") | {"sql_browser": "Stopped"},
            ["h#CRM: the site says sql.browser true, and on the host it is false"],
        ),
        ("ssrs/report-server", "", sql("MSSQLSERVER", TcpPort="1500"), []),  # the site has no database here
        ("crm/front-end", "web.port: 5555", {"iis": [{"Protocol": "http", "Binding": "*:5555:"}]}, []),
        (
            "crm/front-end",
            "",
            {"iis": [{"Protocol": "http", "Binding": "*:81:"}, {"Protocol": "http", "Binding": "*:82:"}]},
            ["h: the site says web.port 80, and on the host it is 81 or 82"],
        ),
        (
            "crm/front-end",
            "",
            {"crm": {"TcpPort": 809}},
            ["h: the site says sandbox.port 808, and on the host it is 809"],
        ),
        ("windows/server", "", {"crm": {"TcpPort": 809}}, []),
    ],
)
def test_where_site_and_host_disagree(role, settings, ports, expected):
    """One finding for each setting; software that the site does not put there is not its business."""
    assert drifting(role, settings, **ports) == expected


def test_a_drift_is_an_error_with_its_place(tmp_path):
    """It says where both stand, and what the paper says of the port."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("port: 51433", "port: 1433")
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "sql01.json").write_bytes((EXAMPLE.parent / "sql01.json").read_bytes())
    done = run("check", str(tmp_path / "office.yaml"), "--format", "json")
    [finding] = [one for one in done.document["findings"] if one["kind"] == "drift"]
    assert done.status == 1
    assert (finding["severity"], finding["point"], finding["id"]) == (
        "error", "fw-sql01", "drift:fw-sql01:sql.port of sql01#CRM"
    )  # fmt: skip
    assert finding["decided_by"]["text"] == "sql.port of instance CRM is 51433"
    assert finding["citations"]


def test_a_host_is_imported():
    """What is set otherwise than the products are by themselves, as a site file takes it."""
    case = next(one for one in CASES if one.name == "sql-server")
    done = run("import", str(case / "host.json"))
    assert (done.status, done.out.splitlines()[1:]) == (
        0, ["hosts:", "  sql01:", "    roles:", "      - sql/engine: {instance: CRM, port: 51433}"]
    )  # fmt: skip


def test_what_is_imported_closes_every_drift(tmp_path):
    """The entry, pasted, loads, and the host then has what the site says."""
    ports = {"rdp": 3390, "dynamic": {"StartPort": 50000, "NumberOfPorts": 1000}, **sql(TcpPort="51433")}
    file = tmp_path / "h.json"
    file.write_text(host(ports=ports), encoding="utf-8")
    output = run("import", str(file)).out
    entry = output[output.index("    roles:") :]
    text = (SITE % ("x", "")).split("hosts:")[0] + "hosts:\n  h:\n    addresses: [10.0.0.1]\n" + entry
    text += "enforcement: {fw: {platform: windows-firewall, on: h, profile: domain}}\n"
    site = parse_site(text.encode(), Path(), CATALOG)
    readings = {"fw": Reading(read("windows-firewall", host(ports=ports), "h.json", "domain"), "")}
    report = Check(make_plan(site.catalog, site), readings).run()
    assert [finding for finding in report.findings if finding.kind is Kind.DRIFT] == []


def test_the_collector_is_written(tmp_path):
    """Where it is asked for, with the line ends of Windows, and never over another file."""
    target = tmp_path / "collect.ps1"
    assert run("import", "--collector", "-o", str(target)).status == 0
    assert target.read_bytes().count(b"\n") == target.read_bytes().count(b"\r\n") > 100
    assert run("import", "--collector", "-o", str(target)).status == 2


@pytest.mark.parametrize(
    "arguments",
    [[], ["--collector", "x.csv"], ["HOST", "--title", "t"], ["flows.csv"], ["HOST", "-o", "HOST", "--force"]],
)
def test_the_command_is_used_wrongly(arguments, tmp_path):
    """Nothing is written then."""
    file = tmp_path / "h.json"
    file.write_text(host(), encoding="utf-8")
    assert run("import", *(str(file) if one == "HOST" else one for one in arguments)).status == 2
    assert file.read_text(encoding="utf-8") == host()


def test_the_example_is_in_order_but_for_one_rule():
    """Every required flow is proved on it, and one rule is too wide."""
    site = load_site(EXAMPLE)
    text = (EXAMPLE.parent / "sql01.json").read_text(encoding="utf-8")
    readings = {"fw-sql01": Reading(read("windows-firewall", text, "sql01.json", "domain"), text)}
    report = Check(make_plan(site.catalog, site), readings).run()
    assert all(result.judgment.value == "proved" for result in report.results)
    assert [(one.kind, one.decided_by[0].line) for one in report.findings] == [(Kind.EXCESS, 29)]


def test_what_is_written_for_the_example_is_proved():
    """Both directions, under the profile that the site names."""
    done = run("render", str(EXAMPLE))
    assert done.status == 0
    assert "-Profile 'Domain' -Direction 'Outbound'" in done.out


def test_files_of_two_hosts_that_were_mixed_up(tmp_path):
    """A host's file bears its name: the firewall of a host is known by its host."""
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "config: sql01.json}", "config: sql01.json}\n  fw-crm01: " + CRM01
    )
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    for name in ("sql01", "crm01"):
        (tmp_path / f"{name}.json").write_bytes((EXAMPLE.parent / "sql01.json").read_bytes())
    found = run("check", str(tmp_path / "office.yaml"), "--format", "json").document["findings"]
    told = [one["message"] for one in found if one["kind"] == "lint"]
    assert told == [
        "fw-crm01: its configuration calls itself SQL01, which looks like fw-sql01: were the files mixed up?"
    ]


CRM01 = "{platform: windows-firewall, on: crm01, profile: domain, config: crm01.json}"


def test_hosts_are_compared(tmp_path):
    """What another file lets pass that this one does not; the moment at which it was written says nothing."""
    old, new = EXAMPLE.parent / "sql01.json", tmp_path / "new.json"
    text = old.read_text(encoding="utf-8")
    new.write_text(text.replace("2026-05-04", "2026-06-04"), encoding="utf-8")
    assert run("diff", str(old), str(new)).status == 0
    new.write_text(text.replace('"LocalPort": "3389"', '"LocalPort": "3390"'), encoding="utf-8")
    done = run("diff", str(old), str(new), "--hook", "input", "--format", "json")
    assert (done.status, done.document["verdict"]) == (1, "different")


def test_a_host_that_is_not_named(tmp_path):
    """Between zones such a firewall says nothing: the site file is wrong, and nothing is judged."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("on: sql01, ", "")
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "sql01.json").write_bytes((EXAMPLE.parent / "sql01.json").read_bytes())
    done = run("check", str(tmp_path / "office.yaml"))
    assert (done.status, "guards the host on which it runs" in done.err) == (2, True)


def test_a_profile_that_the_host_does_not_have(tmp_path):
    """It is told with the file of the host."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("profile: domain", "profile: office")
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "sql01.json").write_bytes((EXAMPLE.parent / "sql01.json").read_bytes())
    done = run("check", str(tmp_path / "office.yaml"))
    assert (done.status, "has no profile 'office'" in done.err) == (2, True)


def test_what_is_written_for_both_ip_versions_is_proved(tmp_path):
    """IPv6 needs more than what is asked for: hosts find their neighbors."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("config: sql01.json", "").replace("domain, }", "domain}")
    text = text.replace("[10.30.0.0/16]", '[10.30.0.0/16, "fd00:30::/64"]')
    for host_, last in (("11", "11"), ("21", "21")):
        text = text.replace(f"[10.30.0.{host_}]", f'[10.30.0.{host_}, "fd00:30::{last}"]')
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    done = run("render", str(tmp_path / "office.yaml"))
    assert (done.status, done.out.count("-Protocol 'ICMPv6'")) == (0, 2)
    assert "'fd00:30::11'" in done.out


def test_scripts_that_take_other_things_for_granted_are_not_the_same(tmp_path):
    """What a comment says about the host is part of what a script means."""
    script = run("render", str(EXAMPLE)).out
    for name, text in (("alone", script), ("granted", f"{GRANTED}\n{script}")):
        (tmp_path / f"{name}.ps1").write_text(text, encoding="utf-8")
    arguments = ["diff", str(tmp_path / "alone.ps1"), str(tmp_path / "granted.ps1"), "--hook", "input"]
    assert run(*arguments).status == 3
