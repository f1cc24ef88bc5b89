"""Whatever is sent to a web server of a rehearsal, it answers with a page, and goes on."""

import asyncio
import random

from tests.rehearse.loopback import hosts_of, running

from portwright.protocols import deployment_service, ews, soap, wsfed, wsman
from portwright.protocols import organization_service as crm
from portwright.protocols import report_service as reports
from portwright.protocols.http import Request, Response, basic, formed, negotiate
from portwright.rehearse import patience

ROLES = {
    "fe01": ["crm/front-end"], "be01": ["crm/back-end"], "sql01": ["sql/engine"], "rs01": ["ssrs/report-server"],
    "pc01": ["crm/client"], "dep01": ["crm/deployment"], "adm01": ["admin/workstation"], "ex01": ["exchange/server"],
    "gw01": ["citrix/gateway"], "thin01": ["citrix/client"], "ctx01": ["citrix/host", "crm/client"],
}  # fmt: skip
ID = "5e2d63d5-0d3c-4d3a-8d83-6a1c2f0f2a11"
RECORD = crm.Record("account", ID, {"name": "x", "revenue": 1.5, "ownerid": crm.Reference("systemuser", ID)})
CRM = [crm.Create(RECORD), crm.Retrieve("account", ID, ("name",)), crm.Update(RECORD), crm.Delete("account", ID),
       crm.RetrieveMultiple('<fetch><entity name="account"><attribute name="name"/></entity></fetch>'),
       crm.Execute("WhoAmI")]  # fmt: skip
REPORT = reports.rdl(reports.Definition((reports.DataSet("d", "MSCRM", "SELECT 1"),)))
REPORTS = [reports.CreateReport("a", "/x", REPORT), reports.DeleteItem("/x/a"), reports.ListChildren("/x"),
           reports.LoadReport("/CONTOSO_MSCRM/Account Summary"), reports.SetExecutionCredentials("e", ID, ID),
           reports.Render("e", "CSV")]  # fmt: skip
ITEM = ews.Item(to=("bob@contoso.test",), subject="s", body="b", mime=b"To: bob@contoso.test\r\n\r\nx")
EWS = [ews.GetFolder(("inbox",)), ews.FindItem("inbox"), ews.GetItem(("m1",)), ews.CreateItem(ITEM),
       ews.SendItem(("m1",)), ews.DeleteItem(("m1",))]  # fmt: skip
SHELL = [
    wsman.OpenShell(),
    wsman.RunCommand("s", "Get-CrmOrganization"),
    wsman.Receive("s", "c"),
    wsman.CloseShell("s"),
]


def requests():
    """By host and service: true requests."""
    yield from (("fe01", "crm/web", soap.posted(crm.PATH, crm.asked(one))) for one in CRM)
    yield "fe01", "crm/web", soap.posted(deployment_service.PATH, deployment_service.asked())
    for page in ("/main.aspx", "/_grid/print/export.aspx?entity=account", "/crmreports/viewer/viewer.aspx?id=x"):
        yield "fe01", "crm/web", Request("GET", page)
    yield "fe01", "crm/web", Request("POST", "/crmreports/upload.aspx?id=x", (), REPORTS[0].definition)
    for one in REPORTS:
        body, headers = reports.asked(one)
        yield "rs01", "ssrs/web", soap.posted(reports.target(one), body, headers=headers)
    yield from (("ex01", "exchange/ews", soap.posted(ews.PATH, ews.asked(one))) for one in EWS)
    yield "ex01", "exchange/ews", ews.where_is("a@b")
    yield from (("dep01", "windows/winrm", wsman.asked(one, "http://x/wsman")) for one in SHELL)
    yield "gw01", "citrix/portal", Request("POST", "/Citrix/StoreWeb/", (), formed({"UserName": "a"}).encode())
    yield "fe01", "crm/web", Request("GET", wsfed.METADATA)


def broken(request, chance):
    """The request with pieces cut out, doubled or replaced, in its target and body."""

    def worse(data):
        for _ in range(chance.randint(0, 3)):
            place, length = chance.randint(0, len(data)), chance.randint(0, 30)
            middle = chance.choice([b"", b"\0", b"\xff", b"<", data[place : place + length] * 2, b"9" * 40])
            data = data[:place] + middle + data[place + length :]
        return data

    target = "/" + worse(request.target.encode()).decode("ascii", "ignore").lstrip("/")
    return Request(request.method, chance.choice([request.target, target]), request.headers, worse(request.body))


def test_every_answer_is_a_page(tmp_path):
    """For who has signed in, and for who has not, or only tries to."""
    site = hosts_of(tmp_path, ROLES, "mail: {mode: server-side}")
    chance = random.Random(7)
    accounts = site.realm.users[0], site.realm.administrator, site.realm.account_of("fe01")
    signed_in = [("Authorization", basic(one.name, one.password)) for one in accounts]
    others = [("Authorization", one) for one in ("Basic ?", negotiate(b"\x60\x05junk"), negotiate(b"NTLMSSP\0"), "")]

    async def run():
        found = []
        async with running(site):
            for name, service, request in [*requests()] * 30:
                role = next(one for one in site[name].roles.values() if service in one.services)
                answer = role.services[service]()
                one = broken(request, chance)
                header = chance.choice([*signed_in, *signed_in, *others])
                asked = Request(one.method, one.target, (*one.headers, header), one.body)
                found.append((asked, await asyncio.wait_for(answer(asked), 20)))
        return found

    came = patience.run(run())
    assert {200, 401, 404, 500} <= {said.status for _, said in came if said}
    for asked, said in came:
        assert said is None or isinstance(said, Response), asked
        if said is None:
            assert asked.path not in (crm.PATH, ews.PATH, wsman.PATH, reports.EXECUTION)
