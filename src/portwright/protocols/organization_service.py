"""The organization service of CRM 2011 and 2013: what is asked of it and what it answers, as SOAP.

The web service is /XRMServices/2011/Organization.svc; its contract is IOrganizationService of the CRM SDK. Names of
elements and namespaces are those of its WSDL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from portwright.protocols.conversation import Misspoken
from portwright.protocols.soap import Message
from portwright.protocols.xmltree import (
    XSI_NIL,
    XSI_TYPE,
    Element,
    QName,
    SubElement,
    child,
    children,
    text_of,
)

PATH = "/XRMServices/2011/Organization.svc"
WEB_PATH = f"{PATH}/web"  # the end point for scripts in pages
SERVICES = "http://schemas.microsoft.com/xrm/2011/Contracts/Services"
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
_PAIRS = "http://schemas.datacontract.org/2004/07/System.Collections.Generic"
_GUID = "http://schemas.microsoft.com/2003/10/Serialization/"
_XSD = "http://www.w3.org/2001/XMLSchema"
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Reference:
    """A record that an attribute points to."""

    entity: str
    id: str


Value = str | int | float | bool | Reference | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record: an Entity, in the words of the SDK."""

    entity: str
    id: str = NOBODY
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Create:
    """Create a record; the answer is its id."""

    record: Record


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Read one record; no columns are all."""

    entity: str
    id: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change the attributes of a record that are named."""

    record: Record


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a record."""

    entity: str
    id: str


@dataclass(frozen=True, slots=True)
class RetrieveMultiple:
    """Read the records that a FetchXML query finds."""

    fetch: str


@dataclass(frozen=True, slots=True)
class Execute:
    """A message by its name, such as WhoAmI or SendEmail."""

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


Call = Create | Retrieve | Update | Delete | RetrieveMultiple | Execute


@dataclass(frozen=True, slots=True)
class Created:
    """The id of a record that was created."""

    id: str


@dataclass(frozen=True, slots=True)
class Done:
    """It was updated or deleted."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a query found."""

    entity: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """What a message answered."""

    name: str
    results: Mapping[str, Value] = field(default_factory=dict)


Answer = Created | Done | Record | Records | Executed


def action(operation: str) -> str:
    """The SOAP action of an operation."""
    return f"{SERVICES}/IOrganizationService/{operation}"


# -- what is asked


def asked(call: Call) -> Element:
    """The body that asks it."""
    root = Element(_service(type(call).__name__))
    match call:
        case Create(record) | Update(record):
            _put_record(SubElement(root, _service("entity")), record)
        case Retrieve(entity, identity, columns):
            SubElement(root, _service("entityName")).text = entity
            SubElement(root, _service("id")).text = identity
            wanted = SubElement(root, _service("columnSet"))
            SubElement(wanted, _contract("AllColumns")).text = "false" if columns else "true"
            names = SubElement(wanted, _contract("Columns"))
            for column in columns:
                SubElement(names, "{http://schemas.microsoft.com/2003/10/Serialization/Arrays}string").text = column
        case Delete(entity, identity):
            SubElement(root, _service("entityName")).text = entity
            SubElement(root, _service("id")).text = identity
        case RetrieveMultiple(fetch):
            query = SubElement(root, _service("query"))
            _set_type(query, _CONTRACTS, "FetchExpression")
            SubElement(query, _contract("Query")).text = fetch
        case Execute(name, parameters):
            request = SubElement(root, _service("request"))
            _put_pairs(SubElement(request, _contract("Parameters")), parameters)
            SubElement(request, _contract("RequestName")).text = name
    return root


def call_of(message: Message) -> Call:
    """What a message asks. Raises Misspoken for what is no call that is known."""
    body = message.body
    match message.operation:
        case "Create":
            return Create(_record(child(body, "entity")))
        case "Update":
            return Update(_record(child(body, "entity")))
        case "Retrieve":
            names = children(child(body, "columnSet"), "Columns")
            columns = tuple((one.text or "").strip() for one in names[0]) if names else ()
            return Retrieve(text_of(body, "entityName"), text_of(body, "id"), columns)
        case "Delete":
            return Delete(text_of(body, "entityName"), text_of(body, "id"))
        case "RetrieveMultiple":
            return RetrieveMultiple(text_of(body, "query", "Query"))
        case "Execute":
            request = child(body, "request")
            return Execute(text_of(request, "RequestName"), _pairs(child(request, "Parameters")))
    raise Misspoken(f"the organization service has no {message.operation}")


# -- what is answered


def told(call: Call, answer: Answer) -> Element:
    """The body that answers it."""
    name = type(call).__name__
    root = Element(_service(f"{name}Response"))
    if isinstance(answer, Done):
        return root
    result = SubElement(root, _service(f"{name}Result"))
    match answer:
        case Created(identity):
            result.text = identity
        case Record():
            _put_record(result, answer)
        case Records(entity, records):
            found = SubElement(result, _contract("Entities"))
            for record in records:
                _put_record(SubElement(found, _contract("Entity")), record)
            SubElement(result, _contract("EntityName")).text = entity
            SubElement(result, _contract("MoreRecords")).text = "false"
        case Executed(message, results):
            SubElement(result, _contract("ResponseName")).text = message
            _put_pairs(SubElement(result, _contract("Results")), results)
    return root


def answer_of(message: Message) -> Answer:
    """What a message answers. Raises Misspoken for what is no answer that is known."""
    operation, body = message.operation.removesuffix("Response"), message.body
    if operation in ("Update", "Delete"):
        return Done()
    result = child(body, f"{operation}Result")
    match operation:
        case "Create":
            return Created((result.text or "").strip())
        case "Retrieve":
            return _record(result)
        case "RetrieveMultiple":
            found = tuple(map(_record, children(child(result, "Entities"), "Entity")))
            return Records(text_of(result, "EntityName", default=""), found)
        case "Execute":
            return Executed(text_of(result, "ResponseName"), _pairs(child(result, "Results")))
    raise Misspoken(f"the organization service has no {operation}")


# -- records and values


def _put_record(root: Element, record: Record) -> None:
    _put_pairs(SubElement(root, _contract("Attributes")), record.attributes)
    SubElement(root, _contract("EntityState")).set(XSI_NIL, "true")
    SubElement(root, _contract("FormattedValues"))
    SubElement(root, _contract("Id")).text = record.id
    SubElement(root, _contract("LogicalName")).text = record.entity
    SubElement(root, _contract("RelatedEntities"))


def _record(root: Element) -> Record:
    identity = text_of(root, "Id", default=NOBODY)
    return Record(text_of(root, "LogicalName"), identity, _pairs(child(root, "Attributes")))


def _put_pairs(root: Element, pairs: Mapping[str, Value]) -> None:
    for key, value in pairs.items():
        pair = SubElement(root, _contract("KeyValuePairOfstringanyType"))
        SubElement(pair, f"{{{_PAIRS}}}key").text = key
        _put_value(SubElement(pair, f"{{{_PAIRS}}}value"), value)


def _pairs(root: Element) -> dict[str, Value]:
    return {text_of(pair, "key"): _value(child(pair, "value")) for pair in root}


def _put_value(place: Element, value: Value) -> None:
    match value:
        case None:
            place.set(XSI_NIL, "true")
        case Reference(entity, identity):
            _set_type(place, _CONTRACTS, "EntityReference")
            SubElement(place, _contract("Id")).text = identity
            SubElement(place, _contract("LogicalName")).text = entity
            SubElement(place, _contract("Name")).set(XSI_NIL, "true")
        case bool():
            _set_type(place, _XSD, "boolean")
            place.text = "true" if value else "false"
        case _:
            _set_type(place, _XSD, {int: "int", float: "double"}.get(type(value), "string"))
            place.text = str(value)


def _value(place: Element) -> Value:
    """The value by its type; of a type that is not known, its text."""
    kind, text = place.get(XSI_TYPE, "").rpartition("}")[2], place.text or ""
    if place.get(XSI_NIL) in ("true", "1"):
        return None
    try:
        match kind:
            case "EntityReference":
                return Reference(text_of(place, "LogicalName"), text_of(place, "Id"))
            case "OptionSetValue" | "Money":
                number = text_of(place, "Value")
                return int(number) if kind == "OptionSetValue" else float(number)
            case "boolean":
                return text.strip() in ("true", "1")
            case "int" | "long" | "short":
                return int(text[:32])
            case "double" | "decimal" | "float":
                return float(text[:64])
    except ValueError:
        raise Misspoken(f"{text[:32]!r} is no {kind}") from None
    return text


def _set_type(element: Element, namespace: str, name: str) -> None:
    element.set(XSI_TYPE, cast("str", QName(namespace, name)))


def _service(name: str) -> str:
    return f"{{{SERVICES}}}{name}"


def _contract(name: str) -> str:
    return f"{{{_CONTRACTS}}}{name}"
