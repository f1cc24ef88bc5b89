"""Exchange Web Services ([MS-OXWSMSG], [MS-OXWSFOLD], [MS-OXWSSRCH]): mail in folders, as SOAP 1.1.

Also Autodiscover for Outlook, plain XML ([MS-OXDSCLI]).
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.http import Request, Response
from portwright.protocols.soap import Message
from portwright.protocols.xmltree import Element, SubElement, child, children, local, parsed, text_of, written

PATH = "/EWS/Exchange.asmx"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_ASKED = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_TOLD = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_OUTER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_MOST_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """A message in a folder. `mime` is empty where only the list was asked for."""

    id: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    mime: bytes = b""


@dataclass(frozen=True, slots=True)
class GetFolder:
    """Ask for folders by their well-known names."""

    folders: tuple[str, ...]  # inbox, sentitems


@dataclass(frozen=True, slots=True)
class FindItem:
    """Ask which messages a folder holds."""

    folder: str


@dataclass(frozen=True, slots=True)
class GetItem:
    """Ask for messages by their ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateItem:
    """Make a message: send it, keep it, or both."""

    item: Item
    disposition: str = "SendOnly"  # SaveOnly, SendAndSaveCopy


@dataclass(frozen=True, slots=True)
class SendItem:
    """Send messages that were kept."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Delete messages."""

    ids: tuple[str, ...]


Call = GetFolder | FindItem | GetItem | CreateItem | SendItem | DeleteItem


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder."""

    name: str
    count: int


Part = Folder | tuple[Item, ...] | str  # one response message: a folder, items, or the code of an error


def action(call: Call) -> str:
    """The SOAP action of a call."""
    return f"{_MESSAGES}/{type(call).__name__}"


# -- what is asked


def asked(call: Call) -> Element:
    """The body that asks it."""
    root = Element(_m(type(call).__name__))
    match call:
        case GetFolder(folders):
            SubElement(SubElement(root, _m("FolderShape")), _t("BaseShape")).text = "Default"
            _folders(SubElement(root, _m("FolderIds")), folders)
        case FindItem(folder):
            root.set("Traversal", "Shallow")
            SubElement(SubElement(root, _m("ItemShape")), _t("BaseShape")).text = "Default"
            _folders(SubElement(root, _m("ParentFolderIds")), (folder,))
        case GetItem(ids):
            shape = SubElement(root, _m("ItemShape"))
            SubElement(shape, _t("BaseShape")).text = "Default"
            SubElement(shape, _t("IncludeMimeContent")).text = "true"
            _ids(root, ids)
        case CreateItem(item, disposition):
            root.set("MessageDisposition", disposition)
            _put_item(SubElement(root, _m("Items")), item)
        case SendItem(ids):
            root.set("SaveItemToFolder", "true")
            _ids(root, ids)
        case DeleteItem(ids):
            root.set("DeleteType", "HardDelete")
            _ids(root, ids)
    return root


def version_header() -> Element:
    """The header block that says for which version a request is written."""
    return Element(_t("RequestServerVersion"), Version="Exchange2010_SP2")


def call_of(message: Message) -> Call:
    """What a message asks. Raises Misspoken for what is no call that is known."""
    body = message.body
    match message.operation:
        case "GetFolder":
            return GetFolder(tuple(one.get("Id", "") for one in list(child(body, "FolderIds"))[:_MOST_ITEMS]))
        case "FindItem":
            return FindItem(next((one.get("Id", "") for one in child(body, "ParentFolderIds")), ""))
        case "GetItem":
            return GetItem(_ids_of(body))
        case "CreateItem":
            items = list(child(body, "Items"))
            if len(items) != 1:
                raise Misspoken("one message is created at a time")
            return CreateItem(_item(items[0]), body.get("MessageDisposition", "SaveOnly"))
        case "SendItem":
            return SendItem(_ids_of(body))
        case "DeleteItem":
            return DeleteItem(_ids_of(body))
    raise Misspoken(f"Exchange Web Services have no {message.operation} here")


def _folders(root: Element, names: Iterable[str]) -> None:
    for name in names:
        SubElement(root, _t("DistinguishedFolderId"), Id=name)


def _ids(root: Element, ids: Iterable[str]) -> None:
    holder = SubElement(root, _m("ItemIds"))
    for one in ids:
        SubElement(holder, _t("ItemId"), Id=one)


def _ids_of(root: Element) -> tuple[str, ...]:
    return tuple(one.get("Id", "") for one in list(child(root, "ItemIds"))[:_MOST_ITEMS])


# -- what is answered


def told(call: Call, parts: Iterable[Part]) -> Element:
    """The body that answers: a response message for each part."""
    name = type(call).__name__
    root = Element(_m(f"{name}Response"))
    messages = SubElement(root, _m("ResponseMessages"))
    for part in parts:
        failed = isinstance(part, str)
        one = SubElement(messages, _m(f"{name}ResponseMessage"), ResponseClass="Error" if failed else "Success")
        if isinstance(part, str):
            SubElement(one, _m("MessageText")).text = part
            SubElement(one, _m("ResponseCode")).text = part
            continue
        SubElement(one, _m("ResponseCode")).text = "NoError"
        if isinstance(part, Folder):
            _put_folder(SubElement(one, _m("Folders")), part)
        elif isinstance(call, (FindItem, GetItem, CreateItem)):
            _put_items(one, call, part)
    return root


def server_header() -> Element:
    """The header block that says which version answers: Exchange 2013 RTM."""
    return Element(_t("ServerVersionInfo"), MajorVersion="15", MinorVersion="0", MajorBuildNumber="516",
                   MinorBuildNumber="32", Version="V2_3")  # fmt: skip


def parts_of(message: Message) -> tuple[Part, ...]:
    """What a message answers. Raises Misspoken for what is no answer that is known."""
    if not message.operation.endswith("Response"):
        raise Misspoken("no answer of Exchange Web Services")
    return tuple(map(_part, list(child(message.body, "ResponseMessages"))[:_MOST_ITEMS]))


def items_of(message: Message) -> tuple[Item, ...]:
    """The messages in an answer. Raises Refused where Exchange says that something went wrong."""
    found: list[Item] = []
    for part in parts_of(message):
        if isinstance(part, str):
            raise Refused(part)
        found += part if isinstance(part, tuple) else ()
    return tuple(found)


def _part(one: Element) -> Part:
    if one.get("ResponseClass") != "Success":
        return text_of(one, "ResponseCode", default="Error")[:100]
    for holder in children(one, "Folders"):
        folder = next(iter(holder), holder)
        count = text_of(folder, "TotalCount", default="0")
        return Folder(text_of(folder, "DisplayName", default=""), int(count) if count[:9].isdecimal() else 0)
    within = next(iter(children(one, "RootFolder")), one)
    return tuple(_item(item) for holder in children(within, "Items") for item in list(holder)[:_MOST_ITEMS])


def _put_folder(root: Element, folder: Folder) -> None:
    one = SubElement(root, _t("Folder"))
    SubElement(one, _t("FolderId"), Id=folder.name, ChangeKey="AQAAAA==")
    SubElement(one, _t("FolderClass")).text = "IPF.Note"
    SubElement(one, _t("DisplayName")).text = folder.name
    for name, count in (("TotalCount", folder.count), ("ChildFolderCount", 0), ("UnreadCount", 0)):
        SubElement(one, _t(name)).text = str(count)


def _put_items(one: Element, call: FindItem | GetItem | CreateItem, items: tuple[Item, ...]) -> None:
    holder = one
    if isinstance(call, FindItem):
        holder = SubElement(one, _m("RootFolder"), TotalItemsInView=str(len(items)), IncludesLastItemInRange="true")
    place = SubElement(holder, (_t if isinstance(call, FindItem) else _m)("Items"))
    for item in items:
        _put_item(place, item)


def _put_item(root: Element, item: Item) -> None:
    """In the order of the schema, which clients insist on."""
    one = SubElement(root, _t("Message"))
    if item.mime:
        SubElement(one, _t("MimeContent"), CharacterSet="UTF-8").text = base64.b64encode(item.mime).decode("ascii")
    if item.id:
        SubElement(one, _t("ItemId"), Id=item.id, ChangeKey="CQAAAA==")
    SubElement(one, _t("Subject")).text = item.subject
    if item.body:
        SubElement(one, _t("Body"), BodyType="Text").text = item.body
    if item.to:
        holder = SubElement(one, _t("ToRecipients"))
        for address in item.to:
            _put_mailbox(holder, address)
    if item.sender:
        _put_mailbox(SubElement(one, _t("From")), item.sender)


def _put_mailbox(root: Element, address: str) -> None:
    SubElement(SubElement(root, _t("Mailbox")), _t("EmailAddress")).text = address


def _item(one: Element) -> Item:
    if local(one) != "Message":
        return Item()
    mailboxes = [box for holder in children(one, "ToRecipients") for box in children(holder, "Mailbox")]
    identity = next((found.get("Id", "") for found in children(one, "ItemId")), "")
    return Item(
        identity,
        text_of(one, "From", "Mailbox", "EmailAddress", default=""),
        tuple(text_of(box, "EmailAddress", default="") for box in mailboxes[:_MOST_ITEMS]),
        text_of(one, "Subject", default=""),
        text_of(one, "Body", default=""),
        _decoded(text_of(one, "MimeContent", default="")),
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Misspoken("no base64") from None


# -- Autodiscover


def where_is(address: str) -> Request:
    """Ask where the mailbox of an address is reached."""
    root = Element(f"{{{_ASKED}}}Autodiscover")
    request = SubElement(root, f"{{{_ASKED}}}Request")
    SubElement(request, f"{{{_ASKED}}}EMailAddress").text = address
    SubElement(request, f"{{{_ASKED}}}AcceptableResponseSchema").text = _TOLD
    return Request("POST", AUTODISCOVER, (("Content-Type", "text/xml; charset=utf-8"),), written(root))


def whose(data: bytes) -> str:
    """The address that a request asks for. Raises Misspoken."""
    return text_of(parsed(data), "Request", "EMailAddress")


def found_at(address: str, ews: str) -> Response:
    """Say where the mailbox of an address is reached."""
    root = Element(f"{{{_OUTER}}}Autodiscover")
    response = SubElement(root, f"{{{_TOLD}}}Response")
    SubElement(SubElement(response, f"{{{_TOLD}}}User"), f"{{{_TOLD}}}AutoDiscoverSMTPAddress").text = address
    account = SubElement(response, f"{{{_TOLD}}}Account")
    for name, text in (("AccountType", "email"), ("Action", "settings")):
        SubElement(account, f"{{{_TOLD}}}{name}").text = text
    protocol = SubElement(account, f"{{{_TOLD}}}Protocol")
    SubElement(protocol, f"{{{_TOLD}}}Type").text = "EXCH"
    SubElement(protocol, f"{{{_TOLD}}}EwsUrl").text = ews
    return Response(200, written(root), (("content-type", "text/xml; charset=utf-8"),))


def ews_address(data: bytes) -> str:
    """The address of Exchange Web Services in an answer. Raises Misspoken."""
    return text_of(parsed(data), "Response", "Account", "Protocol", "EwsUrl")


def _m(name: str) -> str:
    return f"{{{_MESSAGES}}}{name}"


def _t(name: str) -> str:
    return f"{{{_TYPES}}}{name}"
