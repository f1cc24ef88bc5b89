"""Web services of Reporting Services: ReportService2005 (management) and ReportExecution2005, as SOAP 1.1.

Names are those of their WSDL, which both share a namespace; a report's definition is RDL, [MS-RDL].
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portwright.protocols.conversation import Misspoken
from portwright.protocols.soap import Message
from portwright.protocols.xmltree import Element, SubElement, child, children, parsed, text_of, written

MANAGEMENT = "/ReportServer/ReportService2005.asmx"
EXECUTION = "/ReportServer/ReportExecution2005.asmx"
SPACE = "http://schemas.microsoft.com/sqlserver/2005/06/30/reporting/reportingservices"
_RDL = "http://schemas.microsoft.com/sqlserver/reporting/2008/01/reportdefinition"
SQL_DATA, FETCH_DATA = "MSCRM", "MSCRMFETCH"  # the data extensions of the CRM Reporting Extensions


# -- definitions of reports


@dataclass(frozen=True, slots=True)
class DataSet:
    """A query of a report, and the data extension that runs it."""

    name: str
    provider: str
    command: str


@dataclass(frozen=True, slots=True)
class Definition:
    """What a report is made of, as far as it concerns data."""

    data_sets: tuple[DataSet, ...]


def definition_of(data: bytes) -> Definition:
    """Read RDL. Raises Misspoken for what is none, and where a data set names a source that is not there."""
    root = parsed(data)
    sources = {one.get("Name", ""): one for one in _named(root, "DataSources", "DataSource")}
    found = []
    for one in _named(root, "DataSets", "DataSet"):
        query = child(one, "Query")
        source = sources.get(text_of(query, "DataSourceName"))
        if source is None:
            raise Misspoken("a data set names a data source that the report does not have")
        provider = text_of(source, "ConnectionProperties", "DataProvider")
        found.append(DataSet(one.get("Name", ""), provider, text_of(query, "CommandText")))
    if not found:
        raise Misspoken("the report has no data set")
    return Definition(tuple(found))


def _named(root: Element, group: str, name: str) -> list[Element]:
    return [one for holder in children(root, group) for one in children(holder, name)]


def rdl(definition: Definition) -> bytes:
    """The definition of a report as RDL."""
    root = Element(f"{{{_RDL}}}Report")
    sources, sets = SubElement(root, f"{{{_RDL}}}DataSources"), SubElement(root, f"{{{_RDL}}}DataSets")
    for provider in dict.fromkeys(one.provider for one in definition.data_sets):
        source = SubElement(sources, f"{{{_RDL}}}DataSource", Name=provider)
        properties = SubElement(source, f"{{{_RDL}}}ConnectionProperties")
        SubElement(properties, f"{{{_RDL}}}DataProvider").text = provider
        SubElement(properties, f"{{{_RDL}}}ConnectString")
    for one in definition.data_sets:
        query = SubElement(SubElement(sets, f"{{{_RDL}}}DataSet", Name=one.name), f"{{{_RDL}}}Query")
        SubElement(query, f"{{{_RDL}}}DataSourceName").text = one.provider
        SubElement(query, f"{{{_RDL}}}CommandText").text = one.command
    return written(root)


# -- what is asked


@dataclass(frozen=True, slots=True)
class CreateReport:
    """Put a report into the catalog."""

    name: str
    parent: str
    definition: bytes
    overwrite: bool = True


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Take an item out of the catalog."""

    path: str


@dataclass(frozen=True, slots=True)
class ListChildren:
    """Ask what a folder holds."""

    path: str


@dataclass(frozen=True, slots=True)
class GetReportDefinition:
    """Ask for the definition of a report."""

    path: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Begin to run a report."""

    path: str


@dataclass(frozen=True, slots=True)
class SetExecutionCredentials:
    """For whom the data is read: CRM gives the user's id as the name and the organization's as the password."""

    execution: str
    user: str
    organization: str
    source: str = SQL_DATA


@dataclass(frozen=True, slots=True)
class SetExecutionParameters:
    """The parameters with which the report runs."""

    execution: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Render:
    """Run it, and have what it shows in this format."""

    execution: str
    format: str = "HTML4.0"


Call = (
    CreateReport | DeleteItem | ListChildren | GetReportDefinition  # of management
    | LoadReport | SetExecutionCredentials | SetExecutionParameters | Render  # of execution
)  # fmt: skip
_MANAGED = (CreateReport, DeleteItem, ListChildren, GetReportDefinition)


def target(call: Call) -> str:
    """The end point that takes a call."""
    return MANAGEMENT if isinstance(call, _MANAGED) else EXECUTION


def action(call: Call) -> str:
    """The SOAP action of a call."""
    return f"{SPACE}/{type(call).__name__}"


def asked(call: Call) -> tuple[Element, tuple[Element, ...]]:
    """The body that asks it, and the header blocks."""
    root, headers = Element(_tag(type(call).__name__)), ()
    match call:
        case CreateReport(name, parent, definition, overwrite):
            _fill(root, Report=name, Parent=parent, Overwrite=str(overwrite).lower())
            SubElement(root, _tag("Definition")).text = base64.b64encode(definition).decode("ascii")
            SubElement(root, _tag("Properties"))
        case DeleteItem(path):
            _fill(root, Item=path)
        case ListChildren(path):
            _fill(root, Item=path, Recursive="false")
        case GetReportDefinition(path) | LoadReport(path):
            _fill(root, Report=path)
        case SetExecutionCredentials(execution, user, organization, source):
            one = SubElement(SubElement(root, _tag("Credentials")), _tag("DataSourceCredentials"))
            _fill(one, DataSourceName=source, UserName=user, Password=organization)
            return root, (_execution(execution),)
        case SetExecutionParameters(execution, parameters):
            values = SubElement(root, _tag("Parameters"))
            for name, value in parameters.items():
                _fill(SubElement(values, _tag("ParameterValue")), Name=name, Value=value)
            _fill(root, ParameterLanguage="en-us")
            return root, (_execution(execution),)
        case Render(execution, wanted):
            _fill(root, Format=wanted, DeviceInfo="")
            return root, (_execution(execution),)
    return root, headers


def call_of(message: Message) -> Call:
    """What a message asks. Raises Misspoken for what is no call that is known."""
    body, execution = message.body, _execution_of(message)
    match message.operation:
        case "CreateReport":
            overwrite = text_of(body, "Overwrite", default="false") in ("true", "1")
            definition = _decoded(text_of(body, "Definition"))
            return CreateReport(text_of(body, "Report"), text_of(body, "Parent"), definition, overwrite)
        case "DeleteItem":
            return DeleteItem(text_of(body, "Item"))
        case "ListChildren":
            return ListChildren(text_of(body, "Item"))
        case "GetReportDefinition":
            return GetReportDefinition(text_of(body, "Report"))
        case "LoadReport":
            return LoadReport(text_of(body, "Report"))
        case "SetExecutionCredentials":
            one = child(body, "Credentials", "DataSourceCredentials")
            user, organization = text_of(one, "UserName"), text_of(one, "Password")
            return SetExecutionCredentials(execution, user, organization, text_of(one, "DataSourceName"))
        case "SetExecutionParameters":
            values = children(child(body, "Parameters"), "ParameterValue")
            return SetExecutionParameters(execution, {text_of(v, "Name"): text_of(v, "Value") for v in values})
        case "Render":
            return Render(execution, text_of(body, "Format"))
    raise Misspoken(f"the report server has no {message.operation}")


# -- what is answered


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a report shows."""

    data: bytes
    kind: str  # of the data, as MIME names it


def told(call: Call, answer: str | bytes | Rendered | Iterable[str] | None = None) -> Element:
    """The body that answers: an execution's id, a definition, what was rendered, or the names in a folder."""
    root = Element(_tag(f"{type(call).__name__}Response"))
    match answer:
        case str() if isinstance(call, LoadReport):
            _fill(SubElement(root, _tag("executionInfo")), ExecutionID=answer, ReportPath=call.path)
        case bytes():
            SubElement(root, _tag("Definition")).text = base64.b64encode(answer).decode("ascii")
        case Rendered(data, kind):
            SubElement(root, _tag("Result")).text = base64.b64encode(data).decode("ascii")
            _fill(root, Extension=kind.partition("/")[2], MimeType=kind, Encoding="utf-8")
        case None:
            pass
        case _ if isinstance(call, ListChildren):
            items = SubElement(root, _tag("CatalogItems"))
            for name in answer:
                path = f"{call.path.rstrip('/')}/{name}"
                _fill(SubElement(items, _tag("CatalogItem")), Name=name, Path=path, Type="Report")
    return root


def execution_of(message: Message) -> str:
    """The id of the execution that LoadReport began. Raises Misspoken."""
    return text_of(message.body, "executionInfo", "ExecutionID")


def rendered_of(message: Message) -> Rendered:
    """What Render answered. Raises Misspoken."""
    return Rendered(_decoded(text_of(message.body, "Result")), text_of(message.body, "MimeType", default=""))


def names_of(message: Message) -> tuple[str, ...]:
    """The names that ListChildren answered. Raises Misspoken."""
    return tuple(text_of(one, "Name") for one in children(child(message.body, "CatalogItems"), "CatalogItem"))


def _execution(identity: str) -> Element:
    header = Element(_tag("ExecutionHeader"))
    _fill(header, ExecutionID=identity)
    return header


def _execution_of(message: Message) -> str:
    return next(
        (text_of(one, "ExecutionID", default="") for one in message.headers if one.tag == _tag("ExecutionHeader")), ""
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Misspoken("no base64") from None


def _fill(root: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(root, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{SPACE}}}{name}"
