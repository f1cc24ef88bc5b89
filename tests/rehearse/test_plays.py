"""Each scenario of the catalog is played by its own clients, and a silent server breaks it where it should."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.rehearse import patience
from portwright.rehearse.plays import table
from portwright.rehearse.plays.table import PLAYS, performed, play_of

ROLES = {
    "dc01": ["ad/global-catalog", "dns/server"], "fe01": ["crm/front-end"], "be01": ["crm/back-end"],
    "sql01": ["sql/engine"], "rs01": ["ssrs/report-server"], "pc01": ["crm/client"],
}  # fmt: skip
STS, EXCHANGE, MX, ROUTER = ({"sts01": ["adfs/server"]}, {"ex01": ["exchange/server"]}, {"mx01": ["mail/server"]},
                             {"er01": ["crm/email-router"]})  # fmt: skip
ADMIN = {"adm01": ["admin/workstation"], "dep01": ["crm/deployment"]}
CITRIX = {"ctx01": ["citrix/host", "crm/client"], "gw01": ["citrix/gateway"], "thin01": ["citrix/client"]}
CASES = {  # scenario: (more hosts, settings, what the user has in the end)
    "sign-in-integrated": ({}, "", "alice sees the main page of CRM"),
    "sign-in-claims": (STS, "authentication: claims, web: {scheme: https}", "alice sees the main page of CRM"),
    "run-sql-report": ({}, "", "alice sees the report Account Summary"),
    "publish-report": ({}, "", "the report Contact Names was published, showed 2 rows, and was deleted"),
    "deployment-administration": (ADMIN, "", "PowerShell lists the organization CONTOSO CONTOSO_MSCRM Enabled"),
    "citrix-session": (CITRIX, "", "alice sees the main page of CRM"),
    "outlook-sync": (EXCHANGE, "mail: {mode: client-side}", "Outlook has read its mail and tracked a message"),
    "email-router-exchange": (EXCHANGE | ROUTER, "mail: {mode: router}", "2 messages were sent from CRM"),
    "email-router-pop3": (
        MX | ROUTER, "mail: {mode: router, profile: pop3-smtp}", "2 messages were sent from CRM",
    ),
    "server-side-sync": (EXCHANGE, "mail: {mode: server-side}", "2 messages were sent from CRM"),
}  # fmt: skip


def came_of(folder, scenario, *, without=(), settings=None):
    """Whether the play goes well, and what the user has; with some hosts switched off."""
    more, usual, _ = CASES[scenario]
    site = hosts_of(folder, ROLES | more, settings if settings is not None else usual)

    async def run():
        async with running(site, without=without):
            return await performed(play_of(scenario), site)

    return patience.run(run()), site


def test_every_play_of_this_kind_is_here():
    """A play that is added is tried here, or says where it is."""
    elsewhere = {"run-fetch-report", "export-to-excel", "sandbox-plugin"}
    assert set(CASES) == set(PLAYS) - elsewhere


@pytest.mark.parametrize("scenario", CASES)
def test_a_scenario_works(tmp_path, scenario):
    """With everybody there, the user has what was wanted."""
    (works, told), _ = came_of(tmp_path, scenario)
    assert (works, told[: len(CASES[scenario][2])]) == (True, CASES[scenario][2])


CLAIMS = "authentication: claims, web: {scheme: https}"
VARIANTS = [  # scenario, more hosts, settings, what is dialed among others
    ("outlook-sync", STS | MX, f"{CLAIMS}, mail: {{mode: client-side, profile: pop3-smtp}}",
     {"crm.outlook-web", "crm.sign-in", "crm.outlook-pop3", "crm.outlook-smtp"}),
    ("outlook-sync", EXCHANGE, "mail: {mode: client-side}, exchange: {mapi: rpc}",
     {"crm.outlook-rpc-mapper", "crm.outlook-rpc"}),
    ("outlook-sync", MX, "mail: {mode: client-side, profile: pop3-smtp}, smtp: {mode: submission}, pop3: {tls: true}",
     {"crm.outlook-pop3", "crm.outlook-smtp"}),
    ("server-side-sync", MX, "mail: {mode: server-side, profile: pop3-smtp}, smtp: {mode: tls}",
     {"crm.sync-pop3", "crm.sync-smtp"}),
    ("server-side-sync", EXCHANGE, "mail: {mode: server-side}, ews: {scheme: http}", {"crm.sync-exchange"}),
    ("email-router-exchange", EXCHANGE | MX | ROUTER, "mail: {mode: router, profile: both, forward_mailbox: true}",
     {"crm.router-forward-mailbox", "crm.router-forward-pop3", "crm.router-smtp"}),
    ("citrix-session", CITRIX, "citrix: {access: gateway, session_reliability: false}", {"citrix.gateway-session"}),
    ("citrix-session", CITRIX, "citrix: {session_reliability: false}", {"citrix.session"}),
    ("deployment-administration", ADMIN, f"{CLAIMS}, winrm: {{scheme: https}}", {"crm.deployment-web"}),
    ("run-sql-report", STS, f"{CLAIMS}, ssrs: {{scheme: https}}", {"crm.sign-in", "crm.sql-report"}),
    ("sign-in-claims", STS | {"idp01": ["adfs/identity-provider"]}, f"{CLAIMS}, claims: {{provider: other}}",
     {"crm.sign-in-elsewhere", "adfs.identity-provider"}),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "more", "settings", "dialed"), VARIANTS)
def test_a_scenario_works_the_other_ways_too(tmp_path, scenario, more, settings, dialed):
    """With other settings, by the requirements that they make."""
    site = hosts_of(tmp_path, ROLES | more, settings)

    async def run():
        async with running(site):
            return await performed(play_of(scenario), site)

    works, told = patience.run(run())
    assert works, told
    assert dialed <= {one.target.requirement for one in site.dials}


async def _many_users(site):
    """Sign in until a play that stands still for as long would be given up."""
    for _ in range(20):
        await play_of("sign-in-integrated")(site)
        await asyncio.sleep(0.05)
    return "everybody is in"


async def _nobody(_site):
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("play", "works", "told"),
    [(_many_users, True, "everybody is in"), (_nobody, False, "no end, and nobody has dialed for 0.4 s")],
)
def test_a_play_is_given_up_where_it_stands_still_not_where_it_is_long(tmp_path, monkeypatch, play, works, told):
    """Five hundred users take their time."""
    monkeypatch.setattr(table, "PATIENCE", 0.4)
    monkeypatch.setattr(table, "_LOOKING", 0.1)
    site, places = hosts_of(tmp_path, ROLES, ""), []

    async def run():
        async with running(site):
            return await performed(play, site, places.append)

    came = patience.run(run())
    assert (came[0], told in came[1]) == (works, True), came
    assert all(" asks " in one for one in places)
    assert bool(places) is works


@pytest.mark.parametrize(
    ("scenario", "host", "seen"),
    [
        ("sign-in-integrated", "fe01", "crm.web"),
        ("sign-in-integrated", "dc01", "dns.lookup"),
        ("sign-in-integrated", "sql01", "SQL Server Error"),
        ("sign-in-claims", "sts01", "crm.sign-in"),
        ("run-sql-report", "rs01", "report server cannot be reached"),
        ("publish-report", "rs01", "cannot be published"),
        ("outlook-sync", "ex01", "crm.outlook-exchange"),
        ("email-router-exchange", "ex01", "crm.router-exchange"),
        ("email-router-pop3", "mx01", "crm.router"),
        ("deployment-administration", "dep01", "crm.deployment-powershell"),
        ("deployment-administration", "fe01", "crm.deployment-web"),
        ("deployment-administration", "sql01", "SQL Server Error"),
        ("citrix-session", "gw01", "citrix.sign-in"),
        ("citrix-session", "ctx01", "citrix.reliable-session"),
        ("server-side-sync", "ex01", "crm.sync-exchange"),
    ],
)
def test_a_silent_server_breaks_a_scenario(tmp_path, scenario, host, seen):
    """The client says what the user sees."""
    (works, told), _ = came_of(tmp_path, scenario, without=(host,))
    assert not works
    assert seen in told


def test_what_is_blocked_in_the_background_shows_later(tmp_path):
    """Without the metadata of AD FS everybody still signs in; the log says what was not read."""
    (works, _), site = came_of(tmp_path, "sign-in-claims")
    assert works
    assert any("read the metadata" in one for one in site["fe01"].log)
