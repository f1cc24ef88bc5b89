"""CRM 2013, its database and its reports: the catalog's choices, on small sites."""

import pytest
from tests.catalog.crm_sites import (
    CATALOG,
    EXCHANGE,
    FULL,
    NAMED,
    OURS,
    SPLIT,
    SQL,
    SSRS,
    advice,
    flows,
    small,
    undecided,
)

from portwright.catalog.model import Phase, Reading

# ---------------------------------------------------------------------------------------------- the web site


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ("", {"tcp 80"}),  # an existing web site
        ("web: {site: new}", {"tcp 5555"}),  # one that Setup made
        ("web: {scheme: https}", {"tcp 443"}),
        ("web: {scheme: https, site: new}", {"tcp 443"}),
        ("web: {port: 8080}", {"tcp 8080"}),
        ("web: {scheme: https, redirect: true}", {"tcp 443", "tcp 80"}),
        ("web: {redirect: true}", {"tcp 80"}),  # nothing to redirect to
    ],
)
def test_one_web_site_has_one_port(settings, ports):
    """80 and 5555 are alternatives, and so are HTTP and HTTPS; only a redirect needs a second port."""
    found = flows(small(settings=settings), "crm.web", "crm.web-redirect")
    assert {flow.partition(" ")[2] for flow in found} == ports


def test_a_load_balancer_stands_for_the_web_site_only():
    """Users and the deployment server reach the virtual address; Reporting Services and Sandbox each front end."""
    hosts = [f"fe{n}: {{addresses: 10.2.0.{n}, roles: [crm/front-end]}}" for n in (1, 2)]
    rest = "be: {addresses: 10.2.0.3, roles: [crm/back-end, crm/deployment]}"
    virtual = "virtual: {nlb: {address: 10.2.0.10, mode: nlb, members: [fe1, fe2], services: [crm/web]}}"
    plan = small(*hosts, rest, SQL, SSRS, more=virtual)
    assert flows(plan, "crm.web", "crm.deployment-web", "crm.fetch-report", "crm.sandbox-callback") == {
        "crm.web/staff>nlb tcp 80",
        "crm.deployment-web/be>nlb tcp 80",
        "crm.fetch-report/ssrs>fe1 tcp 808",
        "crm.fetch-report/ssrs>fe2 tcp 808",
        "crm.sandbox-callback/be>fe1 tcp 808",
        "crm.sandbox-callback/be>fe2 tcp 808",
    }


# ------------------------------------------------------------------------------------------------ the Sandbox


def test_the_channel_of_the_sandbox_goes_both_ways():
    """The paper prints one way; plug-ins call back."""
    assert flows(small(*SPLIT), "crm.sandbox", "crm.sandbox-async", "crm.sandbox-callback") == {
        "crm.sandbox/fe>sbx tcp 808",
        "crm.sandbox-async/be>sbx tcp 808",
        "crm.sandbox-callback/sbx>fe tcp 808",
    }
    literal = flows(small(*SPLIT, reading=Reading.LITERAL))
    assert {flow for flow in literal if "sandbox" in flow} == {
        "crm.sandbox/fe>sbx tcp 808",
        "crm.sandbox-async/be>sbx tcp 808",
    }


def test_a_sandbox_on_the_same_computer_needs_no_rule():
    """No packet leaves the computer."""
    assert not [flow for flow in flows(small()) if "sandbox" in flow]


def test_the_registry_value_moves_the_sandbox_and_not_the_listener_of_reports():
    """TcpPort is printed for the Sandbox; nobody documents that it moves the SDK listener too."""
    plan = small(*SPLIT, settings="sandbox.port: 909")
    assert {flow.partition(" ")[2] for flow in flows(plan) if "sandbox" in flow} == {"tcp 909"}
    assert flows(plan, "crm.fetch-report") == {"crm.fetch-report/ssrs>fe tcp 808"}
    assert advice(plan) == set()


@pytest.mark.parametrize("odd", ["fe", "be", "sbx"])
def test_a_computer_without_the_registry_value_is_found(odd):
    """Each of the three kinds of computer must have it."""
    hosts = [
        host.replace("]}", "], settings: {sandbox.port: 909}}") if host.startswith(odd) else host for host in SPLIT
    ]
    assert advice(small(*hosts)) == {"crm.sandbox-port/fe+be+sbx"}


# ---------------------------------------------------------------------------------------------- two deployments


TWO = tuple(
    f"{name}: {{addresses: 10.2.0.{n}, roles: [{role}], settings: {{crm.deployment: {part}, sandbox.port: {port}}}, "
    f"uses: {{ssrs/report-server: {reports}}}}}"
    for n, (name, role, part, port, reports) in enumerate(
        [
            ("a1", "crm/full-server", "a", 808, "{0}"),
            ("b1", "crm/front-end", "b", 909, "{1}"),
            ("b2", "crm/back-end", "b", 909, "{1}"),
            ("b3", "crm/deployment", "b", 909, "{1}"),
        ],
        start=1,
    )
)
REPORTS = tuple(
    f"{name}: {{addresses: 10.3.0.{n}, roles: [ssrs/report-server], settings: {{crm.deployment: {part}}}}}"
    for n, (name, part) in enumerate([("ra", "a"), ("rb", "b")], start=2)
)


def two(*reports):
    return [host.replace("{0}", reports[0]).replace("{1}", reports[-1]) for host in TWO]


def test_two_deployments_on_one_site_do_not_mix():
    """The Sandbox of one serves the other as little as its front end does; a database that says nothing serves both."""
    plan = small(*two("ra", "rb"), SQL, *REPORTS)
    assert flows(plan, "crm.sandbox", "crm.fetch-report", "crm.deployment-web", "crm.database") == {
        "crm.sandbox/b1>b2 tcp 909",
        "crm.fetch-report/ra>a1 tcp 808",
        "crm.fetch-report/rb>b1 tcp 808",
        "crm.deployment-web/b3>b1 tcp 80",
        "crm.database/a1>sql tcp 1433",
        "crm.database/b1>sql tcp 1433",
    }
    assert advice(plan) == set()  # different Sandbox ports of different deployments are no mistake


def test_one_report_server_for_two_deployments_is_found():
    """It cannot serve both."""
    plan = small(*two("ssrs"), SQL, SSRS)
    assert advice(plan) == {"crm.one-report-server/ssrs+a1+b1"}


# -------------------------------------------------------------------------------------------------- SQL Server


LOOKUPS = (
    "crm.instance-lookup",
    "crm.async-instance-lookup",
    "crm.deployment-instance-lookup",
    "crm.excel-export-lookup",
    "ssrs.instance-lookup",
)


def test_a_named_instance_is_looked_up_by_all_who_use_it():
    """UDP 1434 at run time, even though the port is fixed; the paper does not know it."""
    settings = "excel_dynamic_export: true"
    assert flows(small(FULL, NAMED, SSRS, settings=settings), *LOOKUPS) == {
        "crm.instance-lookup/crm>sql udp 1434",
        "crm.async-instance-lookup/crm>sql udp 1434",
        "crm.deployment-instance-lookup/crm>sql udp 1434",
        "crm.excel-export-lookup/staff>sql udp 1434",
        "ssrs.instance-lookup/ssrs>sql udp 1434",
    }
    assert flows(small(FULL, NAMED, SSRS, settings=settings, reading=Reading.LITERAL), *LOOKUPS) == set()


@pytest.mark.parametrize(("sql", "settings"), [(SQL, ""), (NAMED, "sql.browser: false")])
def test_nobody_looks_up_a_default_instance_or_one_whose_port_the_clients_name(sql, settings):
    """Then UDP 1434 is for Setup alone."""
    plan = small(FULL, sql, SSRS, settings=settings)
    assert flows(plan, *LOOKUPS) == set()
    assert flows(plan, "crm.setup-instances") == {"crm.setup-instances/crm>sql udp 1434"}


def test_a_port_that_changes_at_every_start_is_said():
    """A named instance without a port: no rule can name it, for whoever needs it."""
    plan = small(FULL, NAMED.replace(", port: 14330", ""), SSRS)
    assert undecided(plan) >= {"crm.database/crm>sql", "crm.sql-report/ssrs>sql", "ssrs.database/ssrs>sql"}
    assert flows(plan, "crm.database") == set()
    assert flows(plan, "crm.instance-lookup") == {"crm.instance-lookup/crm>sql udp 1434"}


def test_what_only_setup_needs_of_sql_server():
    """The list of instances, named pipes and NetBIOS; the paper prints all but the first."""
    asked = [id for id in CATALOG.requirements if id.startswith("crm.setup-") and "report" not in id]
    found = flows(small(), *asked)
    assert found == {
        "crm.setup-instances/crm>sql udp 1434",
        "crm.setup-database/crm>sql tcp 1433",
        "crm.setup-named-pipes/crm>sql tcp 445",
        "crm.setup-netbios-session/crm>sql tcp 139",
        "crm.setup-netbios-name/crm>sql udp 137",
        "crm.setup-netbios-datagram/crm>sql udp 138",
    }
    assert {CATALOG.requirements[id].phase for id in asked} == {Phase.SETUP}
    assert found - flows(small(reading=Reading.LITERAL), *asked) == {"crm.setup-instances/crm>sql udp 1434"}


def test_the_sandbox_uses_no_database_once_it_is_installed():
    """Its computer reaches SQL Server during Setup only."""
    to_sql = {
        flow.requirement.id
        for flow in small(*SPLIT).flows
        if (flow.source.name, flow.destination.name) == ("sbx", "sql")
    }
    assert {id for id in to_sql if id.startswith(OURS)} == {
        id for id in CATALOG.requirements if id.startswith("crm.setup-")
    } - {"crm.setup-report-server"}


def test_administrators_reach_a_database_that_answers_nobody_else():
    """The dedicated connection is off by default; on a named instance it needs a port of its own."""
    assert flows(small(), "sql.dac") == set()
    assert flows(small(settings="sql.dac: true"), "sql.dac") == {"sql.dac/admins>sql tcp 1434"}
    assert "sql.dac/admins>sql" in undecided(small(FULL, NAMED, SSRS, settings="sql.dac: true"))


def test_copies_of_a_database_reach_each_other():
    """Both ways, and only within an availability group."""
    replica = "s{0}: {{addresses: 10.3.0.{0}, roles: [sql/replica], settings: {{sql.availability_group: {1}}}}}"
    hosts = [replica.format(n, group) for n, group in enumerate("aabb", start=11)]
    crm, ssrs = (host.replace("]}", "], uses: {sql/engine: s11}}") for host in (FULL, SSRS))
    assert flows(small(crm, ssrs, *hosts), "sql.mirroring") == {
        f"sql.mirroring/s{one}>s{other} tcp 5022" for one, other in [(11, 12), (12, 11), (13, 14), (14, 13)]
    }


# ------------------------------------------------------------------------------------------- Excel and reports


def test_users_reach_sql_server_only_for_dynamic_worksheets():
    """And then with the advice of the paper to prefer FetchXML; as it is printed, the way is always there."""
    off, on = small(), small(settings="excel_dynamic_export: true")
    literal = small(reading=Reading.LITERAL)
    assert flows(off, "crm.excel-export", "crm.sql-views") == set()
    assert flows(on, "crm.excel-export", "crm.sql-views") == {"crm.excel-export/staff>sql tcp 1433"}
    assert flows(literal, "crm.excel-export", "crm.sql-views") == {"crm.sql-views/staff>sql tcp 1433"}
    assert (advice(off), advice(on)) == (set(), {"crm.direct-sql-views"})


@pytest.mark.parametrize(
    ("settings", "corrected", "literal"),
    [
        ("", "tcp 80", "tcp 80,443"),
        ("ssrs: {scheme: https}", "tcp 443", "tcp 80,443"),
        ("ssrs: {port: 8088}", "tcp 8088", "tcp 8088"),  # what the administrator chose, the paper does not contradict
    ],
)
def test_a_report_server_has_one_port(settings, corrected, literal):
    """The paper prints 80/443, and means one of them."""
    for reading, ports in ((Reading.CORRECTED, corrected), (Reading.LITERAL, literal)):
        found = flows(small(settings=settings, reading=reading), "crm.report-execution", "crm.report-publishing")
        assert {flow.partition(" ")[2] for flow in found} == {ports}


def test_reports_by_mail_need_a_mail_server():
    """Only where subscriptions are in use."""
    assert flows(small(FULL, SQL, SSRS, EXCHANGE), "ssrs.subscription-mail") == set()
    found = flows(small(FULL, SQL, SSRS, EXCHANGE, settings="ssrs.subscriptions: true"), "ssrs.subscription-mail")
    assert found == {"ssrs.subscription-mail/ssrs>exch tcp 25"}
    assert "mail/smtp-server" in small(settings="ssrs.subscriptions: true").unplaced


def test_sharepoint_mode_is_not_supported():
    """A setting of the report server."""
    assert advice(small(settings="ssrs.mode: sharepoint")) == {"crm.report-server-mode/ssrs"}


def test_web_sites_of_one_computer_share_a_port():
    """CRM and Reporting Services beside each other: the web server tells them apart by address, so that is no clash."""
    plan = small("all: {addresses: 10.2.0.1, roles: [crm/full-server, ssrs/report-server]}", SQL)
    assert advice(plan) == set()


@pytest.mark.parametrize(
    ("settings", "met"),
    [
        ("", set()),  # SDK listener and Sandbox on 808: both speak net.tcp
        ("sandbox.port: 909", set()),
        ("web: {port: 808}", {"crm.web-and-listener/crm", "crm.web-and-sandbox/crm"}),
        ("web: {port: 909}, sandbox.port: 909", {"crm.web-and-sandbox/crm"}),
    ],
)
def test_only_listeners_of_one_kind_share_a_port(settings, met):
    """net.tcp with net.tcp, not with HTTP."""
    assert advice(small(settings=settings)) == met


# ------------------------------------------------------------------------------------------- deployment server


def test_what_a_deployment_server_opens():
    """The web site, the database, and what creating an organization may need; the last is not printed."""
    found = {flow for flow in flows(small(*SPLIT)) if "/be>" in flow and flow.startswith("crm.deployment-")}
    assert found == {
        "crm.deployment-web/be>fe tcp 80",
        "crm.deployment-database/be>sql tcp 1433",
        "crm.deployment-reports/be>ssrs tcp 80",
        "crm.deployment-sql-pipes/be>sql tcp 445",
        "crm.deployment-sql-rpc-mapper/be>sql tcp 135",
        "crm.deployment-sql-rpc/be>sql tcp 49152-65535",
    }
    printed = {
        flow for flow in flows(small(*SPLIT, reading=Reading.LITERAL)) if "/be>" in flow and "deployment-" in flow
    }
    assert printed == {"crm.deployment-web/be>fe tcp 80", "crm.deployment-database/be>sql tcp 1433"}


def test_remote_powershell_is_a_choice_of_scheme():
    """5985, or 5986 under TLS."""
    for settings, port in (("", 5985), ("winrm: {scheme: https}", 5986)):
        found = flows(small(settings=settings), "crm.deployment-powershell")
        assert found == {f"crm.deployment-powershell/admins>crm tcp {port}"}
