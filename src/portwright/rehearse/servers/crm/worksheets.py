"""What CRM exports to Excel: the rows themselves, or a connection by which Excel reads them from SQL Server."""

import csv
import io
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken
from portwright.protocols.organization_service import Record, Records, Reference, Value
from portwright.protocols.xmltree import Element, SubElement, child, parsed, text_of, written

_OFFICE = "urn:schemas-microsoft-com:office:odc"  # [MS-ODCFF] 2.1: an Office data connection


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A dynamic worksheet: where Excel asks, and what, each time that it is refreshed."""

    server: str  # SERVER or SERVER,PORT
    database: str
    query: str


def static(records: Records) -> bytes:
    """The rows as they are now, as text with commas."""
    columns = tuple(dict.fromkeys(name for one in records.records for name in one.attributes))
    text = io.StringIO()
    csv.writer(text).writerows([columns, *(_row(one, columns) for one in records.records)])
    return text.getvalue().encode("utf-8-sig")


def _row(record: Record, columns: tuple[str, ...]) -> list[str]:
    return [_shown(record.attributes.get(name)) for name in columns]


def _shown(value: Value) -> str:
    if isinstance(value, Reference):
        return value.id
    return "" if value is None else str(value)


def dynamic(sheet: Worksheet) -> bytes:
    """The connection of a worksheet as a document."""
    root = Element(f"{{{_OFFICE}}}OfficeDataConnection")
    connection = SubElement(root, f"{{{_OFFICE}}}Connection", {f"{{{_OFFICE}}}Type": "OLEDB"})
    text = f"Provider=SQLOLEDB;Integrated Security=SSPI;Data Source={sheet.server};Initial Catalog={sheet.database}"
    SubElement(connection, f"{{{_OFFICE}}}ConnectionString").text = text
    SubElement(connection, f"{{{_OFFICE}}}CommandType").text = "SQL"
    SubElement(connection, f"{{{_OFFICE}}}CommandText").text = sheet.query
    return written(root)


def worksheet_of(data: bytes) -> Worksheet:
    """What a document asks Excel to read. Raises Misspoken."""
    connection = child(parsed(data), "Connection")
    pairs = (one.partition("=") for one in text_of(connection, "ConnectionString").split(";"))
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if not fields.get("data source") or not fields.get("initial catalog"):
        raise Misspoken("the worksheet does not say where its data are")
    return Worksheet(fields["data source"], fields["initial catalog"], text_of(connection, "CommandText"))
