"""The entities of an organization: their attributes, and of what kind each is. A small part of what CRM has."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an attribute holds, and the type of its column."""

    ID = "uniqueidentifier"  # also a reference to another record
    TEXT = "nvarchar"
    NUMBER = "int"  # also the number of an option
    MONEY = "float"
    TIME = "datetime"  # text: 2013-10-01 08:00:00, UTC
    FLAG = "bit"


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record."""

    name: str
    primary: str  # the attribute that tells its records apart
    attributes: Mapping[str, Kind]
    stored: bool = True  # a table of its own; otherwise a view of others

    @property
    def view(self) -> str:
        """The filtered view, which shows to everybody what they may see."""
        return f"Filtered{self.name}"


_OWN = {
    "ownerid": Kind.ID, "createdon": Kind.TIME, "modifiedon": Kind.TIME, "statecode": Kind.NUMBER,
    "statuscode": Kind.NUMBER,
}  # fmt: skip
_ACTIVITY = {
    "activityid": Kind.ID, "subject": Kind.TEXT, "description": Kind.TEXT, "regardingobjectid": Kind.ID, **_OWN
}  # fmt: skip
_TEXTS = {
    "account": "accountid: name accountnumber telephone1 address1_city",
    "contact": "contactid: fullname firstname lastname emailaddress1 telephone1 jobtitle",
    "systemuser": "systemuserid: fullname domainname internalemailaddress",
    "asyncoperation": "asyncoperationid: name message data primaryentitytype typename",
    "report": "reportid: name filename bodytext description",
    "pluginassembly": "pluginassemblyid: name version",
    "sdkmessageprocessingstep": "sdkmessageprocessingstepid: name typename message primaryentitytype",
    "mailbox": "mailboxid: name emailaddress",
}  # fmt: skip
_OTHERS: Mapping[str, Mapping[str, Kind]] = {
    "account": {
        "revenue": Kind.MONEY, "numberofemployees": Kind.NUMBER, "primarycontactid": Kind.ID, "donotemail": Kind.FLAG
    },
    "contact": {"parentcustomerid": Kind.ID, "birthdate": Kind.TIME},
    "systemuser": {"isdisabled": Kind.FLAG, "issystemadministrator": Kind.FLAG, "createdon": Kind.TIME},
    "asyncoperation": {
        "operationtype": Kind.NUMBER, "retrycount": Kind.NUMBER, "regardingobjectid": Kind.ID,
        "completedon": Kind.TIME,
    },
    "report": {"reporttypecode": Kind.NUMBER},
    "pluginassembly": {"isolationmode": Kind.NUMBER},
    "sdkmessageprocessingstep": {"mode": Kind.NUMBER, "stage": Kind.NUMBER, "rank": Kind.NUMBER},
    "mailbox": {"regardingobjectid": Kind.ID, "incomingemailstatus": Kind.NUMBER, "outgoingemailstatus": Kind.NUMBER},
}  # fmt: skip


def _entity(name: str) -> Entity:
    primary, _, texts = _TEXTS[name].partition(": ")
    owned = {} if name == "systemuser" else _OWN
    kinds = {primary: Kind.ID, **dict.fromkeys(texts.split(), Kind.TEXT), **_OTHERS[name], **owned}
    return Entity(name, primary, kinds)


def _activity(name: str, more: Mapping[str, Kind], *, stored: bool = True) -> Entity:
    return Entity(name, "activityid", {**_ACTIVITY, **more}, stored)


ENTITIES: Mapping[str, Entity] = {
    one.name: one
    for one in (
        *map(_entity, _TEXTS),
        _activity("task", {"scheduledend": Kind.TIME, "prioritycode": Kind.NUMBER}),
        _activity(
            "email",
            {"sender": Kind.TEXT, "torecipients": Kind.TEXT, "messageid": Kind.TEXT, "directioncode": Kind.FLAG},
        ),
        _activity("activitypointer", {"activitytypecode": Kind.TEXT}, stored=False),
    )
}
