"""The example sites: proved as they are, and what each of their faults is found to be."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.cli.running import EXAMPLES, copied, run

RIGHT = sorted(folder.parent.name for folder in EXAMPLES.glob("*/faults"))
PATCHES = sorted((path.parent.parent.name, path.stem) for path in EXAMPLES.glob("*/faults/*.patch"))


@dataclass(frozen=True)
class Told:
    """A finding that a fault must lead to."""

    kind: str
    point: str | None  # tests of the site are about no point
    flow: str | None  # or one of its flows; None where the finding is about a rule
    line: str  # what stands on the line that decides
    breaks: str | None = None  # a scenario


FETCH = "crm.fetch-report/ssrs01>fe01"
LOOKUP = "crm.excel-export-lookup/staff>sql01"

FAULTS: dict[tuple[str, str], tuple[str, list[Told]]] = {
    ("f1", "at-night"): (
        "undecided",
        [
            Told("undecided", "core-fw", "crm.fetch-report/sql01>crm01", "time-range NIGHTS", "run-fetch-report"),
            Told("undecided", None, None, "time-range NIGHTS"),
        ],
    ),
    ("f1", "fetch-808-lost"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.fetch-report/sql01>crm01", "data_in extended deny ip", "run-fetch-report"),
            Told("assertion", None, None, "data_in extended deny ip"),
        ],
    ),
    ("f1", "nat-dynamic"): (
        "findings",
        [Told("missing", "core-fw", "crm.web/staff>crm01", "nat (app,outside) dynamic", "sign-in-integrated")],
    ),
    ("f1", "old-server"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.database/crm01>sql01", "app_in extended deny ip", "sign-in-integrated"),
            Told("excess", "core-fw", None, "host crm01 host 10.1.30.12 eq 1433"),
        ],
    ),
    ("f1", "same-level"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.database/crm01>sql01", "security-level 50", "sign-in-integrated"),
            Told("missing", "core-fw", "crm.fetch-report/sql01>crm01", "security-level 50", "run-fetch-report"),
            Told("assertion", None, None, "security-level 50"),
        ],
    ),
    ("f1", "too-wide"): (
        "findings",
        [
            Told("excess", "core-fw", None, "host sql01 eq 1433"),
            Told("assertion", None, None, "host sql01 eq 1433"),
        ],
    ),
    ("f2", "below-a-deny"): (
        "findings",
        [
            Told("missing", "app-fw", "crm.sync-exchange/be01>exch01", "CHG0032207", "server-side-sync"),
            Told("shadowed", "app-fw", None, "CHG0031879 server-side synchronization"),
        ],
    ),
    ("f2", "callback-lost"): (
        "findings",
        [
            Told("missing", "app-fw", "crm.sandbox-callback/sbx01>fe01", "reject with icmpx", "sandbox-plugin"),
            Told("assertion", None, None, "reject with icmpx"),
        ],
    ),
    ("f2", "marked"): (
        "undecided",
        [
            Told("undecided", "data-fw", FETCH, "meta mark 0x00000007", "run-fetch-report"),
            Told("undecided", None, None, "meta mark 0x00000007"),
        ],
    ),
    ("f2", "nat-any-interface"): (
        "findings",
        [Told("missing", "edge-fw", "ad.kerberos/adm01>dc01", "nat (core,any)", "deployment-administration")],
    ),
    ("f2", "open-to-internet"): (
        "findings",
        [Told("excess", "edge-fw", None, "wan_in extended permit tcp any object h-exch01 object-group sg-web")],
    ),
    ("f2", "re-addressed"): (
        "findings",
        [
            Told("missing", "edge-fw", "crm.sync-exchange/be01>exch01", "object-group g-house log", "server-side-sync"),
            Told("excess", "edge-fw", None, "object h-be01 object h-exch01 eq https"),
            Told("excess", "edge-fw", None, "object h-ssrs01 object h-exch01 eq smtp"),
            Told("excess", "edge-fw", None, "object-group g-windows-servers eq 3389"),
        ],
    ),
    ("f3", "deny-above"): (
        "findings",
        [
            Told("missing", "core-fw", "ad.smb/staff>dc01", "R-544 worm"),
            Told("missing", "core-fw", "ad.rpc-mapper/staff>dc02", "R-544 worm"),
        ],
    ),
    ("f3", "ipv6-forgotten"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.database/fe01>sqlcrm", 'counter name "refused"', "sign-in-integrated"),
            Told("missing", "core-fw", "crm.report-execution/fe02>ssrs01", 'counter name "refused"', "run-sql-report"),
        ],
    ),
    ("f3", "node-for-cluster"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.async-database/be01>sqlcrm", 'counter name "refused"', "sandbox-plugin"),
            Told("excess", "core-fw", None, "@app_to_data4 accept"),
        ],
    ),
    ("f3", "one-front-end"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.fetch-report/ssrs01>fe02", 'counter name "refused"', "run-fetch-report"),
            Told("assertion", None, None, 'counter name "refused"'),
        ],
    ),
    ("f3", "quarantine"): (
        "undecided",
        [
            Told("undecided", "core-fw", FETCH, "ip saddr @quarantine", "run-fetch-report"),
            Told("undecided", None, None, "ip saddr @quarantine"),
        ],
    ),
    ("f3", "replies-blocked"): (
        "findings",
        [
            Told("reply", "core-fw", "crm.database/fe01>sqlcrm", 'counter name "refused"', "sign-in-integrated"),
            Told("reply", "core-fw", FETCH, 'counter name "refused"', "run-fetch-report"),
            Told("assertion", None, None, 'counter name "refused"'),
        ],
    ),
    ("f4", "nat-not-understood"): (
        "undecided",
        [
            Told("undecided", "edge-fw", "crm.web/travellers>published", "dscp-map", "sign-in-claims"),
            Told("undecided", "edge-fw", "ad.time-external/dc01>time/source", "dscp-map", "time-sync"),
        ],
    ),
    ("f4", "nat-to-wrong-host"): (
        "findings",
        [
            Told(
                "missing",
                "edge-fw",
                "crm.sign-in-certificate/travellers>wap01",
                "static published service tcp 49443",
                "sign-in-claims",
            ),
        ],
    ),
    ("f4", "proxy-to-adfs-lost"): (
        "findings",
        [Told("missing", "core-fw", "adfs.proxy/wap01>sts", "hook forward priority", "sign-in-claims")],
    ),
    ("f4", "replies-blocked"): (
        "findings",
        [
            Told("reply", "core-fw", "ad.time-external/dc01>time/source", "hook forward priority", "time-sync"),
            Told("reply", "core-fw", "windows.rdp/adm01>wap01", "hook forward priority", "remote-desktop"),
        ],
    ),
    ("f4", "rule-for-public-address"): (
        "findings",
        [
            Told(
                "missing",
                "edge-fw",
                "crm.web/travellers>published",
                "outside_in extended deny ip any",
                "sandbox-plugin",
            ),
            Told(
                "missing",
                "edge-fw",
                "crm.sign-in/travellers>wap01",
                "outside_in extended deny ip any",
                "sign-in-claims",
            ),
        ],
    ),
    ("f4", "too-wide-from-internet"): (
        "findings",
        [
            Told("excess", "edge-fw", None, "permit tcp any object wap01 object-group WAP-PUBLISHED"),
            Told("assertion", None, None, "permit tcp any object wap01 object-group WAP-PUBLISHED"),
        ],
    ),
    ("f5", "browser-forgotten"): (
        "findings",
        [
            Told("missing", "core-fw", LOOKUP, "outside_in extended deny ip any", "export-to-excel"),
            Told("assertion", None, None, "outside_in extended deny ip any"),
        ],
    ),
    ("f5", "ping-not-inspected"): ("findings", [Told("assertion", None, None, "data_in extended deny ip any")]),
    ("f5", "rpc-by-inspection"): (
        "undecided",
        [
            Told("undecided", "core-fw", "ad.rpc-dynamic/fe01>dc01", "inspect dcerpc", "sign-in-integrated"),
        ],
    ),
    ("f5", "shadowed"): (
        "findings",
        [
            Told("missing", "core-fw", "crm.excel-export/staff>sql01", "object users-net 10.5.30.0", "export-to-excel"),
            Told("assertion", None, None, "object users-net 10.5.30.0"),
        ],
    ),
    ("f5", "too-wide"): (
        "findings",
        [
            Told("excess", "core-fw", None, "object-group SQL-NAMED-INSTANCE object users-net object sql01"),
            Told("excess", "core-fw", None, "object sql-crm object-group APP-SERVERS object sql01"),
            Told("assertion", None, None, "object-group SQL-NAMED-INSTANCE object users-net object sql01"),
        ],
    ),
    ("f6", "fetch-808-blocked"): (
        "findings",
        [
            Told("missing", "core-fw", FETCH, "reports_in extended deny ip", "run-fetch-report"),
            Told("assertion", None, None, "reports_in extended deny ip"),
        ],
    ),
    ("f6", "not-understood"): (
        "undecided",
        [
            Told("undecided", "core-fw", FETCH, "payload-class", "run-fetch-report"),
            Told("undecided", None, None, "payload-class"),
        ],
    ),
    ("f6", "replies-blocked"): (
        "findings",
        [Told("reply", "data-fw", "crm.sql-report/ssrs01>sql01", "hook forward priority", "run-sql-report")],
    ),
    ("f6", "shadowed"): (
        "findings",
        [
            Told("missing", "core-fw", FETCH, "deny tcp any 10.20.0.0", "run-fetch-report"),
            Told("assertion", None, None, "deny tcp any 10.20.0.0"),
            Told("shadowed", "core-fw", None, "permit object crm-sdk-listener"),
        ],
    ),
    ("f6", "too-wide"): ("findings", [Told("excess", "data-fw", None, "temporary, migration")]),
}


@cache
def checked(example, fault=None):
    """The report on an example, perhaps with a fault, without the advice that its site file announces.

    Each finding has the text of the line that decides, too.
    """
    with TemporaryDirectory() as folder:
        site = copied(Path(folder), fault, example)
        document = run("check", site, "--format", "json", "--today", "2026-06-01").document
        advice = {f"lint:{name}" for name in re.findall(r"^# Finding: ([a-z0-9.-]+)", site.read_text(), re.MULTILINE)}
        document["findings"] = [one for one in document["findings"] if one["id"] not in advice]
        for finding in document["findings"]:
            finding["line"] = line_that_decides(site.parent, finding["decided_by"])
    return json.dumps(document)


def line_that_decides(folder, rule):
    """Its whole text; empty where no rule decides."""
    if rule is None:
        return ""
    return (folder / Path(rule["file"]).name).read_text(encoding="utf-8").splitlines()[rule["line"] - 1]


def report(example, fault=None):
    return json.loads(checked(example, fault))


def is_told(told, finding):
    """Whether a finding says this."""
    about = {finding["flow"], *finding.get("flows", ())}
    broken = {one["scenario"] for one in finding["breaks"]}
    return (
        (finding["kind"], finding["point"]) == (told.kind, told.point)
        and told.flow in about
        and told.line in finding["line"]
        and (told.breaks in broken if told.breaks else not broken)
    )


@pytest.mark.parametrize("example", RIGHT)
def test_the_right_site_is_proved(example):
    """Nothing is missing or too wide, there is nothing to remark but what it announces, every line is understood."""
    document = report(example)
    assert document["findings"] == []
    assert document["verdict"] == "proved"
    assert document["summary"]["proved"] == document["summary"]["required"] > 50
    assert {point["unknown"] for point in document["points"]} == {0}


def test_every_fault_is_in_the_table():
    """A patch without a row would be tested by nobody."""
    assert sorted(FAULTS) == PATCHES


@pytest.mark.parametrize(("example", "fault"), FAULTS, ids="-".join)
def test_a_fault_is_found(example, fault):
    """The verdict; the kinds of findings and no others; the point, the flow, the line and the scenario of each."""
    verdict, expected = FAULTS[example, fault]
    document = report(example, fault)
    findings = document["findings"]
    assert document["verdict"] == verdict
    assert {one["kind"] for one in findings} == {told.kind for told in expected}
    assert [told for told in expected if not any(is_told(told, one) for one in findings)] == []
