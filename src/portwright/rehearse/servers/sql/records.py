"""The databases of a deployment: their tables, the filtered views, and a few records to begin with."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import NAMESPACE_DNS, uuid5

from portwright.rehearse.hosts.realm import USERS, Realm
from portwright.rehearse.servers.crm.entities import ENTITIES, Entity, Kind

CONFIGURATION, REPORTS = "MSCRM_CONFIG", "ReportServer"
COLLATION = "Latin1_General_CI_AI"
ADMINISTRATOR = USERS[-1]
_COLUMN = {
    Kind.ID: "nvarchar", Kind.TEXT: "nvarchar", Kind.NUMBER: "int", Kind.MONEY: "float",
    Kind.TIME: "nvarchar", Kind.FLAG: "int",
}  # fmt: skip
BEGINNING = "2013-10-01 08:00:00"

Row = Mapping[str, object]


def organization_database(realm: Realm) -> str:
    """The name of the organization's database."""
    return f"{realm.netbios.replace('-', '_')}_MSCRM"


def identifier(*names: str) -> str:
    """An identifier that is the same in every rehearsal."""
    return str(uuid5(NAMESPACE_DNS, ".".join(names)))


def user_id(account: str) -> str:
    """The systemuserid of an account."""
    return identifier("systemuser", account)


def create(database: sqlite3.Connection, name: str, realm: Realm) -> None:
    """Make the tables of a database by its name, and their first records."""
    make: Callable[[sqlite3.Connection, Realm], None] = _MAKERS.get(name, _organization)
    make(database, realm)


def _configuration(database: sqlite3.Connection, realm: Realm) -> None:
    database.execute("CREATE TABLE Organization (Id nvarchar PRIMARY KEY, UniqueName nvarchar, DatabaseName nvarchar,"
                     " State int)")  # fmt: skip
    database.execute("CREATE TABLE Server (Id nvarchar PRIMARY KEY, Name nvarchar, Roles int, State int)")
    database.execute("CREATE TABLE DeploymentProperties (ColumnName nvarchar PRIMARY KEY, NVarCharColumn nvarchar)")
    name = realm.netbios
    row = (identifier("organization", name), name, organization_database(realm), 1)
    database.execute("INSERT INTO Organization VALUES (?, ?, ?, ?)", row)


def _report_server(database: sqlite3.Connection, _: Realm) -> None:
    database.execute("CREATE TABLE Catalog (Path nvarchar PRIMARY KEY, Name nvarchar, Type int, Content nvarchar)")
    database.execute(
        "CREATE TABLE ExecutionLog (Id nvarchar PRIMARY KEY, Path nvarchar, UserName nvarchar, Status nvarchar)"
    )


def _organization(database: sqlite3.Connection, realm: Realm) -> None:
    for entity in ENTITIES.values():
        if entity.stored:
            columns = ", ".join(_column(name, kind, entity) for name, kind in entity.attributes.items())
            database.execute(f"CREATE TABLE [{entity.name}] ({columns})")
    for entity in ENTITIES.values():
        if not entity.stored:
            database.execute(f"CREATE VIEW [{entity.name}] AS {' UNION ALL '.join(_activities(entity))}")
    for entity in ENTITIES.values():
        database.execute(f"CREATE VIEW [{entity.view}] AS {_filtered(entity)}")
    for name, rows in _records(realm).items():
        for row in rows:
            insert(database, name, row)


def _column(name: str, kind: Kind, entity: Entity) -> str:
    collated = f" COLLATE {COLLATION}" if kind in (Kind.TEXT, Kind.ID) else ""
    return f"[{name}] {_COLUMN[kind]}{collated}{' PRIMARY KEY' * (name == entity.primary)}"


def _activities(view: Entity) -> Iterator[str]:
    for entity in ENTITIES.values():
        if entity.stored and entity.primary == view.primary:
            columns = ", ".join(f"[{name}]" for name in view.attributes if name in entity.attributes)
            yield f"SELECT {columns}, '{entity.name}' AS [activitytypecode] FROM [{entity.name}]"  # noqa: S608


def _filtered(entity: Entity) -> str:
    """Who sees a record: its owner, administrators, and the servers of CRM (`fn_Sees`)."""
    where = "WHERE fn_Sees([ownerid])" if "ownerid" in entity.attributes else ""
    columns = ", ".join(f"[{name}]" for name in entity.attributes)
    return f"SELECT {columns} FROM [{entity.name}] {where}"  # noqa: S608


def insert(database: sqlite3.Connection, entity: str, row: Row) -> None:
    """Add a record."""
    columns, marks = ", ".join(f"[{name}]" for name in row), ", ".join("?" * len(row))
    database.execute(f"INSERT INTO [{entity}] ({columns}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def _records(realm: Realm) -> Mapping[str, Sequence[Row]]:
    return {
        "systemuser": [_user(name, realm) for name in USERS],
        "contact": [_contact(*one, realm) for one in _CONTACTS],
        "account": [_account(*one) for one in _ACCOUNTS],
        "report": [
            {"reportid": identifier("report", name), "name": name, "filename": f"{name}.rdl", "reporttypecode": 1,
             **_owned(ADMINISTRATOR)}
            for name in ("Account Summary", "Contacts by Account")
        ],
        "pluginassembly": [
            {"pluginassemblyid": identifier("assembly"), "name": "Rehearsal.Plugins", "version": "1.0.0.0",
             "isolationmode": 2, **_owned(ADMINISTRATOR)}
        ],
        "sdkmessageprocessingstep": list(_steps()),
        "mailbox": [
            {"mailboxid": identifier("mailbox", name), "name": name, "emailaddress": f"{name}@{realm.domain}",
             "regardingobjectid": user_id(name), "incomingemailstatus": 1, "outgoingemailstatus": 1, **_owned(name)}
            for name in USERS[:2]
        ],
    }  # fmt: skip


def _owned(account: str) -> Row:
    moments = {"createdon": BEGINNING, "modifiedon": BEGINNING}
    return {"ownerid": user_id(account), "statecode": 0, "statuscode": 1, **moments}


def _user(name: str, realm: Realm) -> Row:
    return {
        "systemuserid": user_id(name), "fullname": name.capitalize(), "domainname": f"{realm.netbios}\\{name}",
        "internalemailaddress": f"{name}@{realm.domain}", "isdisabled": 0,
        "issystemadministrator": int(name == ADMINISTRATOR), "createdon": BEGINNING,
    }  # fmt: skip


_CONTACTS = (
    ("Susanna", "Stubberod", "Buyer", "Fourth Coffee", "alice"),
    ("Nancy", "Anderson", "Purchasing Manager", "Fourth Coffee", "alice"),
    ("Maria", "Campbell", "Owner", "Litware", "bob"),
    ("Scott", "Konersmann", "Purchasing Assistant", "Adventure Works", "bob"),
)
_ACCOUNTS = (
    ("Fourth Coffee", "Renton", 100_000.0, 120, "alice"),
    ("Adventure Works", "Santa Cruz", 60_000.0, 2900, "bob"),
    ("Litware", "Dallas", 20_000.0, 300, "bob"),
    ("Blue Yonder Airlines", "Los Angeles", 90_000.0, 2900, "alice"),
)


def _contact(first: str, last: str, title: str, account: str, owner: str, realm: Realm) -> Row:
    return {
        "contactid": identifier("contact", first), "fullname": f"{first} {last}", "firstname": first,
        "lastname": last, "emailaddress1": f"{first}@{realm.domain}".lower(), "jobtitle": title,
        "parentcustomerid": identifier("account", account), **_owned(owner),
    }  # fmt: skip


def _account(name: str, city: str, revenue: float, people: int, owner: str) -> Row:
    return {
        "accountid": identifier("account", name), "name": name, "address1_city": city, "revenue": revenue,
        "numberofemployees": people, "donotemail": 0, **_owned(owner),
    }  # fmt: skip


def _steps() -> Iterable[Row]:
    """The plug-ins that are registered: the kind of record, its message, and whether the user waits for them."""
    registered = (
        ("Rehearsal.Plugins.FollowUp", "contact", "Create", 0),
        ("Rehearsal.Plugins.Welcome", "account", "Create", 1),
    )
    for rank, (plugin, entity, message, mode) in enumerate(registered, 1):
        yield {
            "sdkmessageprocessingstepid": identifier("step", plugin), "name": f"{plugin}: {message} of {entity}",
            "typename": plugin, "message": message, "primaryentitytype": entity, "mode": mode, "stage": 40,
            "rank": rank, **_owned(ADMINISTRATOR),
        }  # fmt: skip


_MAKERS = {CONFIGURATION: _configuration, REPORTS: _report_server, "master": lambda *_: None}
