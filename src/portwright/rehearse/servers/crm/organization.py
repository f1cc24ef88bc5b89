"""The organization service of a CRM server, whoever calls it and however: records and queries, kept in SQL Server.

Each call is one connection to the database, signed in as the server and asking for the user, who gets what he may see.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from portwright.protocols.conversation import Refused
from portwright.protocols.organization_service import (
    NOBODY,
    Answer,
    Call,
    Create,
    Created,
    Delete,
    Done,
    Execute,
    Executed,
    Record,
    Records,
    Reference,
    Retrieve,
    RetrieveMultiple,
    Update,
    Value,
)
from portwright.protocols.tds import values as tds
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.servers.crm import recordsql
from portwright.rehearse.servers.crm.entities import ENTITIES, Entity, Kind
from portwright.rehearse.servers.crm.fetchconditions import converted
from portwright.rehearse.servers.crm.fetchsql import statement
from portwright.rehearse.servers.crm.fetchxml import Attribute, Fetch, read_fetch
from portwright.rehearse.servers.crm.recordsql import Change
from portwright.rehearse.servers.crm.steps import RegisteredPlugins
from portwright.rehearse.servers.sql.client import Sql, at_organization

DEEPEST = 8  # how many plug-ins may call each other in turn, as in CRM
_POINTS_TO = {"ownerid": "systemuser", "primarycontactid": "contact", "parentcustomerid": "account"}
_FOR_USER = "SET CONTEXT_INFO @user; "


class Organization:
    """The organization service on a host. Users are named by their account (alice), or by their systemuserid."""

    def __init__(self, host: Host, requirement: str = "crm.database") -> None:
        self._host, self._requirement = host, requirement
        self._plugins = RegisteredPlugins(host) if host.needs("crm.sandbox") else None

    def database(self) -> AbstractAsyncContextManager[Sql]:
        """A connection to the organization's database, signed in as this server."""
        return at_organization(self._host, self._requirement)

    async def answer(self, user: str, call: Call, depth: int = 1) -> Answer:
        """The answer to any call. Raises Refused with what CRM says, Unanswered where a server it needs is silent."""
        match call:
            case RetrieveMultiple(fetch):
                return await self.retrieve_multiple(user, fetch)
            case Retrieve(entity, identity, columns):
                return await self.retrieve(user, entity, identity, columns)
            case Create(record):
                return Created(await self.create(user, record, depth))
            case Update(record):
                await self.update(user, record, depth)
            case Delete(entity, identity):
                await self.delete(user, entity, identity)
            case Execute(name):
                return await self.execute(user, name)
        return Done()

    async def retrieve_multiple(self, user: str, fetch: str) -> Records:
        """The records that a FetchXML query finds. Raises FetchRefused, SqlRefused, Unanswered."""
        query = _with_identifier(read_fetch(fetch, ENTITIES))
        entity = ENTITIES[query.node.entity]
        async with self.database() as sql:
            who = await self._who(sql, user)
            asked = statement(query, ENTITIES, who)
            rows = await sql.rows(f"{_FOR_USER}{asked.text}", {"@user": UUID(who), **asked.parameters})
        kinds = {} if query.aggregate else entity.attributes
        return Records(entity.name, tuple(_record(entity, row, kinds) for row in rows[: asked.page]))

    async def retrieve(self, user: str, entity: str, identity: str, columns: tuple[str, ...] = ()) -> Record:
        """One record. Raises Refused where there is none that the user sees."""
        kind = _entity(entity)
        selected = ", ".join(
            f"[{_attribute(kind, name)}]" for name in dict.fromkeys((kind.primary, *(columns or kind.attributes)))
        )
        text = f"{_FOR_USER}SELECT {selected} FROM [{kind.view}] WHERE [{kind.primary}] = @id"  # noqa: S608
        async with self.database() as sql:
            rows = await sql.rows(text, {"@user": UUID(await self._who(sql, user)), "@id": _identity(identity)})
        if not rows:
            raise _missing(kind, identity)
        return _record(kind, rows[0], kind.attributes)

    async def create(self, user: str, record: Record, depth: int = 1) -> str:
        """Create a record; its identifier. Raises Refused, also where a plug-in for which the user waits fails."""
        kind = _stored(record.entity)
        identity = str(uuid4()) if record.id in ("", NOBODY) else _identity(record.id)
        async with self.database() as sql:
            who = await self._who(sql, user)
            row = {**_new(kind, who), **_row(kind, record), kind.primary: identity}
            await _do(sql, recordsql.insert(kind, row))
            made = replace(record, id=identity)
            await self._run_plugins(sql, "Create", made, who, depth, recordsql.delete(kind, identity))
        return identity

    async def update(self, user: str, record: Record, depth: int = 1) -> None:
        """Change what a record names. Raises Refused where there is none that the user sees."""
        kind, identity = _stored(record.entity), _identity(record.id)
        row = {**_row(kind, record), **({"modifiedon": _now()} if "modifiedon" in kind.attributes else {})}
        if not row:
            return
        async with self.database() as sql:
            who = await self._who(sql, user)
            asked = recordsql.before(kind, identity, row)
            before = await sql.rows(asked.text, asked.values)
            await self._one(sql, who, kind, identity, recordsql.update(kind, identity, row))
            undo = recordsql.update(kind, identity, before[0])
            await self._run_plugins(sql, "Update", record, who, depth, undo)

    async def delete(self, user: str, entity: str, identity: str) -> None:
        """Delete a record. Raises Refused where there is none that the user sees."""
        kind = _stored(entity)
        async with self.database() as sql:
            who = await self._who(sql, user)
            await self._one(sql, who, kind, identity, recordsql.delete(kind, _identity(identity)))

    async def execute(self, user: str, name: str) -> Executed:
        """A message by its name. Raises Refused for those that are not known here."""
        if name != "WhoAmI":
            raise Refused(f"The request name '{name[:80]}' is not supported here.")
        async with self.database() as sql:
            return Executed(name, {"UserId": await self._who(sql, user)})

    async def _one(self, sql: Sql, who: str, kind: Entity, identity: str, change: Change) -> None:
        """Change one record, where the user sees it."""
        if not await _do(sql, change.seen_by(kind, UUID(who))):
            raise _missing(kind, identity)
        await sql.ask("SET CONTEXT_INFO 0x")

    async def _who(self, sql: Sql, user: str) -> str:
        """The systemuserid of an account. Raises Refused where it is no user of CRM."""
        names = {"@name": f"{self._host.realm.netbios}\\{user}", "@id": user}
        text = "SELECT systemuserid FROM systemuser WHERE (domainname = @name OR systemuserid = @id) AND isdisabled = 0"
        rows = await sql.rows(text, names)
        if not rows:
            raise Refused(f"The user '{user[:80]}' is no user of the organization.")
        return str(rows[0]["systemuserid"])

    async def _run_plugins(self, sql: Sql, message: str, record: Record, who: str, depth: int, undo: Change) -> None:
        """Where a plug-in fails its record is as before, as if all had been in one transaction."""
        if self._plugins is None:
            return
        if depth > DEEPEST:
            raise Refused("This workflow job was canceled because it included an infinite loop.")
        try:
            await self._plugins.run(sql, message, record, who, depth)
        except Exception:
            await _do(sql, undo)
            raise


async def _do(sql: Sql, change: Change) -> int:
    return await sql.change(change.text, change.values)


def _with_identifier(fetch: Fetch) -> Fetch:
    """CRM answers each record with its identifier, whether it was asked for or not."""
    primary, node = ENTITIES[fetch.node.entity].primary, fetch.node
    if fetch.aggregate or fetch.distinct or any(one.name == primary and not one.alias for one in node.attributes):
        return fetch
    return replace(fetch, node=replace(node, attributes=(*node.attributes, Attribute(primary))))


def _entity(name: str) -> Entity:
    if name not in ENTITIES:
        raise Refused(f"The entity with a name = '{name[:80]}' was not found.")
    return ENTITIES[name]


def _stored(name: str) -> Entity:
    kind = _entity(name)
    if not kind.stored:
        raise Refused(f"Records of '{name}' are made as what they are.")
    return kind


def _attribute(kind: Entity, name: str) -> str:
    if name not in kind.attributes:
        raise Refused(f"'{kind.name}' entity doesn't contain attribute with Name = '{name[:80]}'.")
    return name


def _identity(text: str) -> str:
    try:
        return str(UUID(text[:38]))
    except ValueError:
        raise Refused(f"'{text[:40]}' is no identifier of a record.") from None


def _missing(kind: Entity, identity: str) -> Refused:
    return Refused(f"{kind.name} With Id = {identity[:40]} Does Not Exist")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


def _new(kind: Entity, owner: str) -> Mapping[str, tds.Value]:
    usual: Mapping[str, tds.Value] = {
        "ownerid": owner, "createdon": _now(), "modifiedon": _now(), "statecode": 0, "statuscode": 1
    }  # fmt: skip
    return {name: value for name, value in usual.items() if name in kind.attributes}


def _row(kind: Entity, record: Record) -> Mapping[str, tds.Value]:
    """The attributes of a record as its table has them. Raises Refused for what it has not."""
    named = {_attribute(kind, name): value for name, value in record.attributes.items() if name != kind.primary}
    return {name: _stored_value(kind.attributes[name], value) for name, value in named.items()}


def _stored_value(kind: Kind, value: Value) -> tds.Value:
    if isinstance(value, Reference):
        return _identity(value.id)
    if isinstance(value, str) and kind is not Kind.TEXT:
        return converted(value, kind)
    return int(value) if isinstance(value, bool) else value


def _record(kind: Entity, row: Mapping[str, tds.Value], kinds: Mapping[str, Kind]) -> Record:
    """A row as CRM answers it: attributes without a value are left out."""
    found = {name: _value(kinds.get(name), name, value) for name, value in row.items() if value is not None}
    return Record(kind.name, str(row.get(kind.primary) or NOBODY), found)


def _value(kind: Kind | None, name: str, value: tds.Value) -> Value:
    if kind is Kind.ID and name in _POINTS_TO:
        return Reference(_POINTS_TO[name], str(value))
    if kind is Kind.FLAG:
        return bool(value)
    return value if isinstance(value, str | int | float) else str(value)
