"""Reporting Services with the CRM Reporting Extensions: it keeps reports, and runs them for the user whom CRM names.

Definitions stand in the ReportServer database. The data of a report come from the filtered views (MSCRM), or by
FetchXML from the SDK listener of a front end (MSCRMFETCH).
"""

import base64
import binascii
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from portwright.protocols import report_service as reports
from portwright.protocols import soap
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import Request, Response, page
from portwright.protocols.report_service import DataSet, definition_of
from portwright.protocols.tds.values import Value
from portwright.protocols.xmltree import Element
from portwright.rehearse.hosts.host import Host, Unanswered, Unplanned
from portwright.rehearse.servers.crm import sdk
from portwright.rehearse.servers.identity.signing_in import guard_of
from portwright.rehearse.servers.reports.defaults import DEFAULT_REPORTS, folder
from portwright.rehearse.servers.reports.rendering import Table, rendered
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.sql.client import Sql, signed_in
from portwright.rehearse.servers.sql.records import REPORTS, organization_database
from portwright.rehearse.servers.web import Guard, served

_REPORT = 2  # Type in the catalog, as Reporting Services numbers its items
_MOST_ROWS = 10_000
_MOST_EXECUTIONS = 1000
_NO_DATABASE = "The report server cannot open a connection to its database. (rsReportServerDatabaseUnavailable)"
_NO_CONNECTION = "Cannot create a connection to data source"
_TROUBLE = Unanswered, Unplanned, Misspoken, EndOfStream, OSError


@dataclass(frozen=True, slots=True)
class Context:
    """For whom a report runs: what CRM gives as the credentials of its data sources."""

    user: str = ""  # systemuserid
    organization: str = ""


@dataclass(frozen=True, slots=True)
class _Execution:
    path: str
    definition: reports.Definition
    caller: str
    context: Context = Context()
    parameters: Mapping[str, str] = field(default_factory=dict)


Fetch = Callable[[Host, DataSet, Context, Mapping[str, str]], Awaitable[Table]]  # runs a data set


async def sql_data_set(host: Host, one: DataSet, context: Context, parameters: Mapping[str, str]) -> Table:
    """The rows that the filtered views show to the user. Raises Unanswered, Refused, Misspoken."""
    values: dict[str, Value] = {f"@{name}": text for name, text in parameters.items()}
    async with signed_in(host, "crm.sql-report", organization_database(host.realm)) as sql:
        values["@crm_user"] = _user(context)
        rows = await sql.rows(f"SET CONTEXT_INFO @crm_user; {one.command}", values)
    return table_of(one.name, rows[:_MOST_ROWS])


def _user(context: Context) -> UUID:
    try:
        return UUID(context.user[:38])
    except ValueError:
        raise Refused("The data source wants to know for whom it reads.") from None


def table_of(name: str, rows: Sequence[Mapping[str, object]]) -> Table:
    """Rows by the names of their columns, as a report shows them."""
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    shown = tuple(tuple("" if row.get(one) is None else str(row[one]) for one in columns) for row in rows)
    return Table(name, columns, shown)


async def fetch_data_set(host: Host, one: DataSet, context: Context, _: Mapping[str, str]) -> Table:
    """The records that a front end finds for the user. Raises Unanswered, Refused, Misspoken."""
    found = await sdk.fetch_data_set(host, str(_user(context)), one.command)
    return table_of(one.name, [record.attributes for record in found.records[:_MOST_ROWS]])


DATA_EXTENSIONS: Mapping[str, Fetch] = {reports.SQL_DATA: sql_data_set, reports.FETCH_DATA: fetch_data_set}


class ReportServer:
    """The web services of a report server."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._executions: dict[str, _Execution] = {}
        self._is_installed = False

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """Management and execution."""
        return {"ssrs/web": self._connected}

    def _connected(self) -> Answer:
        guard = guard_of(self._host)

        async def answer(question: object) -> object:
            return await self._page(question, guard) if isinstance(question, Request) else None

        return answer

    async def _page(self, request: Request, guard: Guard) -> Response | None:
        if not request.path.lower().startswith("/reportserver"):
            return None
        if stopped := await guard.stop(request):
            return stopped
        if request.path not in (reports.MANAGEMENT, reports.EXECUTION):
            return guard.passed(page("SQL Server Reporting Services", 200))

        async def handle(message: soap.Message) -> Element:
            call = reports.call_of(message)
            if reports.target(call) != request.path:
                raise Refused(f"this end point has no {message.operation}")
            return await self._handled(call, guard.user)

        return guard.passed(await served(request, handle))

    async def _handled(self, call: reports.Call, caller: str) -> Element:
        if not self._is_trusted(caller):
            raise Refused(f"The permissions granted to user '{caller}' are insufficient. (rsAccessDenied)")
        try:
            if isinstance(call, (reports.SetExecutionCredentials, reports.SetExecutionParameters, reports.Render)):
                return await self._executed(call, caller)
            async with signed_in(self._host, "ssrs.database", REPORTS) as sql:
                await self._install(sql)
                return await self._managed(call, caller, sql)
        except _TROUBLE as problem:
            self._host.say(f"the report server database does not answer: {problem}")
            raise Refused(_NO_DATABASE) from None

    def _is_trusted(self, caller: str) -> bool:
        """Only the accounts of CRM's own servers are members of PrivReportingGroup."""
        return caller in {one.name.lower() for one in self._host.realm.computers.values()}

    # -- management

    async def _managed(self, call: reports.Call, caller: str, sql: Sql) -> Element:
        match call:
            case reports.CreateReport():
                await self._create(call, sql)
            case reports.DeleteItem(path):
                if not await sql.change("DELETE FROM Catalog WHERE Path = @path", {"@path": path}):
                    raise _missing(path)
                self._host.say(f"deleted {path}")
            case reports.ListChildren(path):
                start = path.rstrip("/") + "/"
                rows = await sql.rows("SELECT Path, Name FROM Catalog ORDER BY Path")
                return reports.told(call, [str(one["Name"]) for one in rows if str(one["Path"]).startswith(start)])
            case reports.GetReportDefinition(path):
                return reports.told(call, await _content(path, sql))
            case reports.LoadReport(path):
                return reports.told(call, self._begun(path, await _content(path, sql), caller))
        return reports.told(call)

    async def _install(self, sql: Sql) -> None:
        """Put the default reports of CRM into the catalog, once, as its Setup does."""
        if self._is_installed:
            return
        for name, definition in DEFAULT_REPORTS.items():
            call = reports.CreateReport(name, folder(self._host.realm), reports.rdl(definition))
            await self._create(call, sql)
        self._is_installed = True

    async def _create(self, call: reports.CreateReport, sql: Sql) -> None:
        _definition(call.definition)
        path = f"{call.parent.rstrip('/')}/{call.name}"
        if call.overwrite:
            await sql.change("DELETE FROM Catalog WHERE Path = @path", {"@path": path})
        elif await sql.rows("SELECT Path FROM Catalog WHERE Path = @path", {"@path": path}):
            raise Refused(f"The item '{path}' already exists. (rsItemAlreadyExists)")
        content = base64.b64encode(call.definition).decode("ascii")
        text = "INSERT INTO Catalog (Path, Name, Type, Content) VALUES (@path, @name, @type, @content)"
        await sql.change(text, {"@path": path, "@name": call.name, "@type": _REPORT, "@content": content})
        self._host.say(f"published {path}")

    # -- execution

    def _begun(self, path: str, content: bytes, caller: str) -> str:
        if len(self._executions) >= _MOST_EXECUTIONS:
            self._executions.pop(next(iter(self._executions)))
        identity = uuid.uuid4().hex
        self._executions[identity] = _Execution(path, _definition(content), caller)
        return identity

    async def _executed(self, call: reports.Call, caller: str) -> Element:
        assert isinstance(call, (reports.SetExecutionCredentials, reports.SetExecutionParameters, reports.Render))
        found = self._executions.get(call.execution)
        if found is None or found.caller != caller:
            raise Refused("The execution cannot be found. (rsExecutionNotFound)")
        match call:
            case reports.SetExecutionCredentials(_, user, organization):
                self._executions[call.execution] = replace(found, context=Context(user, organization))
            case reports.SetExecutionParameters(_, parameters):
                self._executions[call.execution] = replace(found, parameters=parameters)
            case reports.Render(_, wanted):
                tables = [await self._table(one, found) for one in found.definition.data_sets]
                self._host.say(f"ran {found.path} for {found.context.user}")
                return reports.told(call, rendered(found.path, tables, wanted))
        return reports.told(call)

    async def _table(self, one: DataSet, execution: _Execution) -> Table:
        fetch = DATA_EXTENSIONS.get(one.provider)
        if fetch is None:
            raise Refused(f"The data extension '{one.provider[:40]}' is not registered. (rsDataExtensionNotFound)")
        try:
            return await fetch(self._host, one, execution.context, execution.parameters)
        except _TROUBLE as problem:
            self._host.say(f"the data set {one.name} of {execution.path} cannot be read: {problem}")
            raise Refused(f"{_NO_CONNECTION} '{one.provider}'. (rsErrorOpeningConnection)") from None
        except Refused as no:
            raise Refused(f"Query execution failed for data set '{one.name}': {no} (rsErrorExecutingCommand)") from None


async def _content(path: str, sql: Sql) -> bytes:
    rows = await sql.rows("SELECT Content FROM Catalog WHERE Path = @path", {"@path": path})
    if not rows:
        raise _missing(path)
    try:
        return base64.b64decode(str(rows[0]["Content"]), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"The definition of '{path}' is damaged. (rsInvalidReportDefinition)") from None


def _definition(data: bytes) -> reports.Definition:
    try:
        return definition_of(data)
    except Misspoken as problem:
        raise Refused(f"The report definition is not valid: {problem}. (rsInvalidReportDefinition)") from None


def _missing(path: str) -> Refused:
    return Refused(f"The item '{path[:200]}' cannot be found. (rsItemNotFound)")
