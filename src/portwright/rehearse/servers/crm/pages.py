"""What users see of CRM: the main page, reports, exports to Excel, and the web services of the organization."""

import html
from collections.abc import Mapping

from portwright.protocols import deployment_service, organization_service, soap
from portwright.protocols import report_service as reports
from portwright.protocols.conversation import Refused
from portwright.protocols.http import Request, Response, page, quoted
from portwright.protocols.organization_service import Create, Delete, Execute, Executed, Record, RetrieveMultiple
from portwright.protocols.report_service import Rendered
from portwright.protocols.xmltree import Element
from portwright.rehearse.hosts.host import Host, Unanswered
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.crm.entities import ENTITIES
from portwright.rehearse.servers.crm.organization import Organization
from portwright.rehearse.servers.crm.worksheets import Worksheet, dynamic, static
from portwright.rehearse.servers.identity.tickets import initiating
from portwright.rehearse.servers.reports.defaults import folder
from portwright.rehearse.servers.sql.client import signed_in
from portwright.rehearse.servers.sql.records import CONFIGURATION, identifier, organization_database
from portwright.rehearse.servers.web import served

MAIN = "/main.aspx"
VIEWER, VIEWED = "/crmreports/viewer/viewer.aspx", "/Reserved.ReportViewerWebControl.axd"
UPLOAD, DELETE = "/crmreports/upload.aspx", "/crmreports/delete.aspx"
EXPORT = "/_grid/print/export.aspx"
SANDBOX_SILENT = "No Sandbox Hosts are currently available."
USER_SEES: Mapping[str, str] = {  # by the requirement that is not met
    "crm.database": "SQL Server Error: an error has occurred. Try this action again.",
    "crm.report-execution": "The report cannot be displayed: the report server cannot be reached.",
    "crm.report-publishing": "The report cannot be published or deleted: the report server cannot be reached.",
    "crm.sandbox": SANDBOX_SILENT,
}


class Pages:
    """The pages of a front end, for who has signed in."""

    def __init__(self, host: Host, organization: Organization) -> None:
        self._host, self.organization = host, organization

    async def __call__(self, request: Request, user: str) -> Response | None:
        """The page for a request; None where there is none. Raises Refused, Misspoken and Unanswered."""
        try:
            return await self._page(request, user)
        except Unanswered as problem:
            self._host.say(f"{request.method} {request.path}: {problem}")
            return page(USER_SEES.get(problem.target.requirement, "An error has occurred."), 500)
        except Refused as no:
            self._host.say(f"{request.method} {request.path}: {no}")
            return page(html.escape(str(no)), 500)

    async def _page(self, request: Request, user: str) -> Response | None:
        name = request.query.get("id", "")
        match request.method, request.path:
            case "POST", organization_service.PATH | organization_service.WEB_PATH:
                return await served(request, lambda message: self._called(message, user))
            case "POST", deployment_service.PATH:
                return await served(request, lambda message: self._deployment(message, user))
            case "GET", "/" | "/main.aspx":
                return await self._main(user)
            case "GET", "/crmreports/viewer/viewer.aspx":
                return _viewer(name)
            case "GET", "/Reserved.ReportViewerWebControl.axd":
                shown = await self.run(name, user, request.query.get("format", "HTML4.0"))
                return Response(200, shown.data, (("content-type", shown.kind),))
            case "POST", "/crmreports/upload.aspx":
                await self.publish(name, request.body, user)
                return page("The report was published.")
            case "POST", "/crmreports/delete.aspx":
                await self.delete(name, user)
                return page("The report was deleted.")
            case "GET", "/_grid/print/export.aspx":
                return await self._export(request.query, user)
        return None

    async def _called(self, message: soap.Message, user: str) -> Element:
        """A call of the organization service."""
        call = organization_service.call_of(message)
        try:
            return organization_service.told(call, await self.organization.answer(user, call))
        except Unanswered as problem:
            self._host.say(f"{type(call).__name__}: {problem}")
            raise Refused(USER_SEES.get(problem.target.requirement, "An error has occurred.")) from None

    async def _deployment(self, message: soap.Message, user: str) -> Element:
        """A call of the Deployment Web Service: for the servers of CRM and for administrators."""
        realm = self._host.realm
        if user not in {one.name.lower() for one in (realm.administrator, *realm.computers.values())}:
            raise Refused("Only deployment administrators may call this service.")
        deployment_service.check(message)
        try:
            async with signed_in(self._host, "crm.database", CONFIGURATION) as sql:
                rows = await sql.rows("SELECT Id, UniqueName, DatabaseName FROM Organization ORDER BY UniqueName")
        except Unanswered as problem:
            raise Refused(USER_SEES["crm.database"]) from problem
        columns = "Id", "UniqueName", "DatabaseName"
        return deployment_service.told(
            deployment_service.Organization(*(str(row[column]) for column in columns)) for row in rows
        )

    async def _main(self, user: str) -> Response:
        who = await self._who(user)
        record = await self.organization.retrieve(user, "systemuser", who, ("fullname",))
        shown = html.escape(str(record.attributes.get("fullname", user)))
        return page(f"<html><head><title>Microsoft Dynamics CRM</title></head><body>{shown}</body></html>")

    async def _who(self, user: str) -> str:
        found = await self.organization.answer(user, Execute("WhoAmI"))
        return str(found.results.get("UserId", "")) if isinstance(found, Executed) else ""

    # -- reports

    async def run(self, name: str, user: str, wanted: str) -> Rendered:
        """Run a report as the service account, for the user. Raises Unanswered, and Refused with what went wrong."""
        who, organization = await self._who(user), identifier("organization", self._host.realm.netbios)
        async with self._report_server("crm.report-execution") as visit:
            begun = await _asked(visit, reports.LoadReport(f"{folder(self._host.realm)}/{name}"))
            execution = reports.execution_of(begun)
            await _asked(visit, reports.SetExecutionCredentials(execution, who, organization))
            await _asked(visit, reports.SetExecutionParameters(execution))
            return reports.rendered_of(await _asked(visit, reports.Render(execution, wanted)))

    async def publish(self, name: str, definition: bytes, user: str) -> None:
        """Put a report where the report server finds it, and note it as a record. Raises as `run` does."""
        _check(name)
        async with self._report_server("crm.report-publishing") as visit:
            await _asked(visit, reports.CreateReport(name, folder(self._host.realm), definition))
        fields: dict[str, organization_service.Value] = {"name": name, "filename": f"{name}.rdl", "reporttypecode": 1}
        await self.organization.answer(user, Create(Record("report", attributes=fields)))

    async def delete(self, name: str, user: str) -> None:
        """Take a report away again. Raises as `run` does."""
        _check(name)
        async with self._report_server("crm.report-publishing") as visit:
            await _asked(visit, reports.DeleteItem(f"{folder(self._host.realm)}/{name}"))
        wanted = f'<fetch><entity name="report"><filter><condition attribute="name" operator="eq" value="{name}" />' \
                 "</filter></entity></fetch>"  # fmt: skip
        for one in (await self.organization.retrieve_multiple(user, wanted)).records:
            await self.organization.answer(user, Delete("report", one.id))

    def _report_server(self, requirement: str) -> Visit:
        return Visit(
            self._host, requirement, initiate=initiating(self._host, self._host.realm.account_of(self._host.name))
        )

    # -- Excel

    async def _export(self, query: Mapping[str, str], user: str) -> Response:
        entity = ENTITIES.get(query.get("entity", ""))
        if entity is None:
            raise Refused("There is no such entity.")
        if query.get("type") != "dynamic":
            fetch = f'<fetch><entity name="{entity.name}"><all-attributes /></entity></fetch>'
            found = await self.organization.answer(user, RetrieveMultiple(fetch))
            assert isinstance(found, organization_service.Records)
            return Response(200, static(found), (("content-type", "text/csv; charset=utf-8"),))
        target = self._host.targets("crm.database")[0]
        server = target.name if target.port == 1433 else f"{target.name},{target.port}"
        query_text = f"SELECT * FROM {entity.view}"  # noqa: S608 (one of our own names)
        sheet = Worksheet(server, organization_database(self._host.realm), query_text)
        return Response(200, dynamic(sheet), (("content-type", "text/x-ms-odc; charset=utf-8"),))


def _viewer(name: str) -> Response:
    """The page with the report viewer, which fetches the report itself."""
    source = html.escape(f"{VIEWED}?id={quoted(name)}&format=HTML4.0")
    return page(f'<html><head><title>Report Viewer</title></head><body><iframe src="{source}"></iframe></body></html>')


def _check(name: str) -> None:
    if not name or not all(letter.isalnum() or letter in " -_." for letter in name) or len(name) > 100:
        raise Refused("This is no name of a report.")


async def _asked(visit: Visit, call: reports.Call) -> soap.Message:
    body, headers = reports.asked(call)
    return await visit.call(reports.target(call), body, reports.action(call), headers=headers)
