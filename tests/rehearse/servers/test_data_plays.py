"""The scenarios of SQL Server and net.tcp are played by their clients; a silent server breaks them where it should."""

import pytest
from tests.rehearse.loopback import Sockets, hosts_of, running

from portwright.rehearse import patience
from portwright.rehearse.plays.table import performed, play_of

ROLES = {
    "dc01": ["ad/domain-controller", "ad/global-catalog", "dns/server"], "fe01": ["crm/front-end"],
    "be01": ["crm/async"], "sb01": ["crm/sandbox"], "sql01": ["sql/engine"], "rs01": ["ssrs/report-server"],
    "pc01": ["crm/client"],
}  # fmt: skip
EXCEL = "excel_dynamic_export: true"
NAMED = ["{sql/engine: {instance: CRM, port: 51433}}"]
CASES = {  # scenario: settings, what the user has, requirements that were dialed in this order
    "run-fetch-report": (
        "", "alice sees the report Contacts by Account",
        ["crm.web", "crm.report-execution", "crm.fetch-report", "crm.database"],
    ),
    "sandbox-plugin": (
        "", "the plug-in made the task 'Call Ada Lovelace'; the system job has succeeded",
        ["crm.web", "crm.database", "crm.sandbox", "crm.sandbox-callback", "crm.database",
         "crm.async-database", "crm.sandbox-async", "crm.sandbox-callback", "crm.database"],
    ),
    "export-to-excel": (EXCEL, "Excel shows 2 rows", ["crm.web", "dns.lookup", "ad.kerberos", "crm.excel-export"]),
}  # fmt: skip


def came_of(site, scenario, *, without=(), elsewhere=()):
    """Whether the play goes well, and what the user has; with some hosts or services switched off."""

    async def run():
        async with running(site, elsewhere, without):
            return await performed(play_of(scenario), site)

    return patience.run(run())


def in_order(wanted, dialed):
    """Whether these stand in that order among what was dialed."""
    waiting = iter(dialed)
    return all(one in waiting for one in wanted)


@pytest.mark.parametrize("scenario", CASES)
def test_a_scenario_works_and_opens_what_its_steps_open(tmp_path, scenario):
    """With everybody there, the user has what was wanted."""
    settings, told, opened = CASES[scenario]
    site = hosts_of(tmp_path, ROLES, settings)
    works, seen = came_of(site, scenario)
    assert (works, seen[: len(told)]) == (True, told)
    assert in_order(opened, [one.target.requirement for one in site.dials])


def test_a_report_opens_nothing_for_its_answers(tmp_path):
    """Steps 5 and 7 ride on the connections of 4a and 4b: nobody dials the report server but a front end in step 3."""
    for scenario, step in (("run-sql-report", "crm.sql-report"), ("run-fetch-report", "crm.fetch-report")):
        site = hosts_of(tmp_path, ROLES)
        assert came_of(site, scenario)[0]
        to_reports = {one.target.requirement for one in site.dials if one.target.exchange.destination == "rs01"}
        assert to_reports == {"crm.report-execution"}
        assert step in {one.target.requirement for one in site.dials}


BROKEN = [
    ("run-fetch-report", "rs01", "", "report server cannot be reached"),
    ("sandbox-plugin", "sb01", "", "No Sandbox Hosts are currently available"),
    ("export-to-excel", "sql01", EXCEL, "crm.excel-export"),
    ("export-to-excel", "fe01", EXCEL, "crm.web"),
]


@pytest.mark.parametrize(("scenario", "host", "settings", "seen"), BROKEN)
def test_a_silent_server_breaks_it(tmp_path, scenario, host, settings, seen):
    """And the user sees by what."""
    works, told = came_of(hosts_of(tmp_path, ROLES, settings), scenario, without=[host])
    assert not works
    assert seen in told


def test_excel_asks_for_the_port_of_a_named_instance(tmp_path):
    """Of the SQL Browser, before it connects."""
    site = hosts_of(tmp_path, ROLES | {"sql01": NAMED}, EXCEL)
    assert came_of(site, "export-to-excel") == (True, "Excel shows 2 rows")
    dialed = [one.target.requirement for one in site.dials]
    assert in_order(["crm.excel-export-lookup", "crm.excel-export"], dialed)


def test_excel_goes_on_by_ntlm_where_it_gets_no_ticket(tmp_path):
    """With claims CRM needs none, and SQL Server does."""
    settings = f"{EXCEL}, authentication: claims, web: {{scheme: https}}"
    roles = ROLES | {"sts01": ["adfs/server"]}
    assert came_of(hosts_of(tmp_path, roles, settings), "export-to-excel") == (True, "Excel shows 2 rows")
    sockets = Sockets()
    site = hosts_of(tmp_path, roles, settings, sockets=sockets)
    sockets.blocked |= {("pc01", one.address, 88) for one in site["pc01"].targets("ad.kerberos")}
    assert came_of(site, "export-to-excel") == (True, "Excel shows 2 rows; by NTLM, as pc01 got no ticket")


def test_without_its_listeners_a_front_end_fails_reports_by_fetchxml_and_plugins_alone(tmp_path):
    """Those by SQL go on, and so does all that needs no plug-in."""
    listeners = [("fe01", "crm/sdk-listener"), ("fe01", "crm/sandbox-callback")]
    found = {}
    for scenario in ("run-fetch-report", "run-sql-report", "sandbox-plugin", "publish-report"):
        found[scenario] = came_of(hosts_of(tmp_path, ROLES), scenario, elsewhere=listeners)
    assert [works for works, _ in found.values()] == [False, True, False, True]
    assert "crm.fetch-report" in found["run-fetch-report"][1] or "data source" in found["run-fetch-report"][1]
    assert "the plug-in cannot call the organization service" in found["sandbox-plugin"][1]
