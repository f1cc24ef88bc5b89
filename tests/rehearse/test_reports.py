"""Reports are published, run and deleted: from the browser through the front end and the report server to the data."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.protocols import organization_service as crm
from portwright.protocols import report_service as reports
from portwright.protocols import soap
from portwright.protocols.conversation import Refused
from portwright.protocols.report_service import SQL_DATA, DataSet, Definition, rdl
from portwright.rehearse import patience
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.crm.worksheets import worksheet_of
from portwright.rehearse.servers.identity.tickets import initiating
from portwright.rehearse.servers.reports.defaults import SQL_REPORT, folder

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/full-server"], "sql01": ["sql/engine"], "rs01": ["ssrs/report-server"],
    "pc01": ["crm/client"],
}  # fmt: skip
OWN = rdl(Definition((DataSet("names", SQL_DATA, "SELECT fullname FROM FilteredContact ORDER BY fullname"),)))
VIEW = "/Reserved.ReportViewerWebControl.axd?format=CSV&id="


@pytest.fixture
def site(tmp_path):
    return hosts_of(tmp_path, ROLES)


def played(site, play, *, without=()):
    """Run a play while the servers run, but those of some hosts."""

    async def run():
        async with running(site, without=without):
            return await asyncio.wait_for(play(), 30)

    return patience.run(run())


def by(site, user, *pages):
    """What a user sees on these pages: targets, or targets with what is posted."""

    async def play():
        found = []
        async with Browser(site["pc01"], site.realm.accounts[user]) as browser:
            for one in pages:
                target, body = one if isinstance(one, tuple) else (one, b"")
                found.append((await browser.open(target, body)).text)
        return found

    return play


def dialed(site, *, of=("crm.", "ssrs.")):
    return [one.target.requirement for one in site.dials if one.target.requirement.startswith(of)]


def test_the_main_page_names_the_user(site):
    """As the database has it."""
    assert "Alice" in played(site, by(site, "alice", "/main.aspx"))[0]


def test_a_report_shows_what_the_user_may_see(site):
    """Alice her accounts, Bob his; the page with the viewer comes first."""
    for user, mine, others in (("alice", "Fourth Coffee", "Litware"), ("bob", "Litware", "Fourth Coffee")):
        viewer, shown = played(site, by(site, user, "/crmreports/viewer/viewer.aspx?id=x", VIEW + "Account%20Summary"))
        assert "<iframe" in viewer
        assert shown.startswith("name,address1_city,revenue\r\n")
        assert mine in shown
        assert others not in shown


def test_a_report_takes_the_steps_of_the_paper(site):
    """From the browser to the front end, from there to the report server, from there to SQL Server; nothing else."""
    played(site, by(site, "alice", VIEW + "Account%20Summary"))
    order = dialed(site)
    assert order[0] == "crm.web"
    assert order.index("crm.report-execution") < order.index("crm.sql-report")
    assert set(order) == {"crm.web", "crm.database", "crm.report-execution", "ssrs.database", "crm.sql-report"}
    assert order.count("crm.report-execution") == order.count("crm.sql-report") == 1


def test_a_report_is_published_run_and_deleted(site):
    """By the management end point; afterwards nobody finds it."""
    pages = ("/crmreports/upload.aspx?id=Names", OWN), VIEW + "Names", ("/crmreports/delete.aspx?id=Names", b"x")
    published, shown, deleted = played(site, by(site, "alice", *pages))
    assert ("published" in published, "deleted" in deleted) == (True, True)
    assert "Susanna Stubberod" in shown
    with pytest.raises(Refused, match="rsItemNotFound"):
        played(site, by(site, "alice", VIEW + "Names"))


@pytest.mark.parametrize(
    ("host", "page", "seen"),
    [
        ("rs01", VIEW + "Account%20Summary", "the report server cannot be reached"),
        ("rs01", ("/crmreports/upload.aspx?id=Names", OWN), "cannot be published"),
        ("sql01", "/main.aspx", "SQL Server Error"),
    ],
)
def test_what_the_user_sees_where_a_server_is_silent(site, host, page, seen):
    """Each time what the catalog says of it."""
    with pytest.raises(Refused, match=seen):
        played(site, by(site, "alice", page), without=(host,))


def test_bad_definitions_are_refused(site):
    """What is none, and what is published under a name that is none."""
    for target, body, seen in (("x", b"<Report/>", "no data set"), ("a/b", OWN, "no name of a report")):
        with pytest.raises(Refused, match=seen):
            played(site, by(site, "alice", (f"/crmreports/upload.aspx?id={target}", body)))


def test_users_do_not_call_the_report_server_themselves(site):
    """Only the accounts of CRM's servers may; whoever reads for nobody in particular gets nothing."""
    path = f"{folder(site.realm)}/{SQL_REPORT}"

    async def call(account, *calls):
        async with Visit(site["fe01"], "crm.report-execution", initiate=initiating(site["fe01"], account)) as visit:
            for one in calls:
                body, headers = reports.asked(one)
                found = await visit.call(reports.EXECUTION, body, reports.action(one), headers=headers)
            return reports.execution_of(found)

    async def play():
        with pytest.raises(Refused, match="rsAccessDenied"):
            await call(site.realm.accounts["alice"], reports.LoadReport(path))
        own = site.realm.account_of("fe01")
        execution = await call(own, reports.LoadReport(path))
        with pytest.raises(Refused, match="for whom it reads"):
            await call(own, reports.Render(execution))

    played(site, play)


def test_excel_gets_rows_or_a_connection(site):
    """Static and dynamic."""
    export = "/_grid/print/export.aspx?entity=account&type="
    rows, connection = played(site, by(site, "alice", export + "static", export + "dynamic"))
    assert "Fourth Coffee" in rows
    assert "Litware" not in rows
    sheet = worksheet_of(connection.encode())
    assert (sheet.server, sheet.query) == (site.fqdn("sql01"), "SELECT * FROM Filteredaccount")


def test_the_organization_service_creates_and_finds(site):
    """As SOAP, with the session of the browser; what CRM refuses is a fault."""
    made = crm.Record("account", attributes={"name": "Contoso", "revenue": 5.5})
    fetch = (
        '<fetch><entity name="account"><attribute name="name"/><filter>'
        '<condition attribute="name" operator="eq" value="Contoso"/></filter></entity></fetch>'
    )
    bodies = [soap.envelope(crm.asked(one)) for one in (crm.Create(made), crm.RetrieveMultiple(fetch))]
    _, found = played(site, by(site, "alice", *((crm.PATH, body) for body in bodies)))
    records = crm.answer_of(soap.opened(found.encode()))
    assert [one.attributes["name"] for one in records.records] == ["Contoso"]
    wrong = soap.envelope(crm.asked(crm.Create(crm.Record("nothing"))))
    with pytest.raises(Refused, match="was not found"):
        played(site, by(site, "alice", (crm.PATH, wrong)))
