"""SQL Server, as far as CRM and its reports need it: TDS before it, SQLite behind it, all in memory.

A user sees in the filtered views the records that are his; the accounts of CRM's servers see all, or, where they have
said for whom they ask (SET CONTEXT_INFO), what that user sees. Tables themselves are for servers and administrators.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.tds.login import Login
from portwright.protocols.tds.requests import Change, Procedure, Query
from portwright.protocols.tds.server import BUILD, PROGRAM, Admission, Go, Token, Welcome
from portwright.protocols.tds.tokens import Count, Moved, Result, Rows, Told
from portwright.protocols.tds.values import Column, Value, type_of
from portwright.rehearse.hosts.host import Host
from portwright.rehearse.hosts.wire import pause
from portwright.rehearse.servers.identity.signing_in import Door
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.sql import records
from portwright.rehearse.servers.sql.like import like
from portwright.rehearse.servers.sql.permissions import Visitor
from portwright.rehearse.servers.sql.problems import SqlProblem, as_sql_server_says
from portwright.rehearse.servers.sql.tsql import Statement, run_by_sqlite, statements

_STEPS = 1_000_000  # of SQLite's machine for one statement
_LONGEST = 1 << 24  # bytes of a value
_LOCK_PAUSE = 0.01  # seconds between two looks at whether a lock is gone
_LOCK_LOOKS = 500  # so many in vain, and it is told
_MOST_DATABASES = 10  # that SQLite attaches to one connection
_instances = itertools.count()

Plain = int | float | str | bytes | None  # what SQLite takes


class Database:
    """An instance of SQL Server."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.organization = records.organization_database(host.realm)
        self._tag = f"portwright{next(_instances)}"
        self._kept: dict[str, sqlite3.Connection] = {}  # a database in memory lives as long as somebody holds it
        for name in ("master", records.CONFIGURATION, self.organization, records.REPORTS):
            self.create(name)

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """SQL Server itself, on its port and on that for administrators."""
        return {"sql/tds": self.connection, "sql/dac": self.connection}

    def connection(self) -> Answer:
        """What answers a new connection."""
        return Connection(self).answer

    @property
    def databases(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._kept)

    def create(self, name: str) -> None:
        """Make a database. Raises SqlProblem where there is one of that name, or no room."""
        if self.named(name) is not None:
            raise SqlProblem(1801, f"Database '{name}' already exists. Choose a different database name.")
        if len(self._kept) >= _MOST_DATABASES or not name.replace("_", "a").isalnum() or not name.isascii():
            raise SqlProblem(262, f"CREATE DATABASE permission denied in database '{name[:128]}'.", 14)
        kept = self._kept[name] = self._open(name)
        kept.create_collation(records.COLLATION, collate)
        records.create(kept, name, self.host.realm)

    def named(self, name: str) -> str | None:
        """The database of that name, whatever the case."""
        return next((one for one in self._kept if one.lower() == name.lower()), None)

    def _open(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(self._where(name), uri=True, isolation_level=None, timeout=0)

    def _where(self, name: str) -> str:
        return f"file:{self._tag}-{name}?mode=memory&cache=shared"

    def opened(self, name: str) -> sqlite3.Connection:
        """A connection to a database, with the others attached to it."""
        made = self._open(name)
        for other in self._kept:
            if other != name:
                made.execute(f"ATTACH DATABASE '{self._where(other)}' AS [{other}]")
        made.execute("PRAGMA read_uncommitted = 1")  # readers do not wait for writers
        return made

    def close(self) -> None:
        """Give the memory back."""
        for kept in self._kept.values():
            kept.close()
        self._kept.clear()


def collate(one: str, other: str) -> int:
    """The order of text: whatever the case."""
    one, other = one.lower(), other.lower()
    return (one > other) - (one < other)


def login_failed(user: str) -> Told:
    """What SQL Server says to a wrong user or password, and no more."""
    return Told(18456, f"Login failed for user '{user[:128]}'.", 14)


_UNTRUSTED = Told(
    18452,
    "Login failed. The login is from an untrusted domain and cannot be used with Windows authentication.",
    14,
)


@dataclass(slots=True)
class Connection:
    """One connection: who has signed in, and what is going on. Nothing in SQLite may refer to it; see its end."""

    server: Database
    login: Login | None = None
    visitor: Visitor | None = None
    sqlite: sqlite3.Connection | None = None
    known: tuple[str, ...] = ()  # the databases that it can use
    door: Door | None = None  # where tickets are shown

    def __del__(self) -> None:
        """Give locks and memory back at once: SQLite's connection refers to itself, and would wait to be found."""
        if self.sqlite is not None:
            self.sqlite.close()

    async def answer(self, question: object) -> object:
        """Answer what the conversation asks."""
        match question:
            case Login():
                self.login = question
                return (
                    await self._by_token(question.token) if question.token is not None else self._by_password(question)
                )
            case Token(data):
                return await self._by_token(data)
            case Query(text, parameters):
                return await self._patiently(lambda: self._run(text, parameters))
            case Procedure(name):
                return (Told(2812, f"Could not find stored procedure '{name[:128]}'."),)
            case Change():
                return self._change(question)
        return None

    def _by_password(self, login: Login) -> Admission:
        account = self.server.host.realm.accounts.get(login.user.lower())
        if account is None or account.password != login.password:
            self.server.host.say(f"login failed for {login.user[:128]!r}")
            return login_failed(login.user)
        return self._admitted(account.name.lower(), account.name)

    async def _by_token(self, token: bytes) -> Admission:
        self.door = self.door or Door(self.server.host)
        try:
            reply = await self.door.step(token)
        except (Refused, Misspoken) as problem:
            self.server.host.say(f"login failed: {problem}")
            return _UNTRUSTED
        if not self.door.user:
            return Go(reply)
        return self._admitted(self.door.user, f"{self.server.host.realm.netbios}\\{self.door.user}", reply)

    def _admitted(self, account: str, name: str, reply: bytes = b"") -> Admission:
        wanted = self.login.database if self.login is not None else ""
        database = self.server.named(wanted or "master")
        if database is None:
            return Told(4060, f'Cannot open database "{wanted[:128]}" requested by the login. The login failed.', 11)
        self.visitor = Visitor(account, name, database)
        self._enter(database)
        self.server.host.say(f"{name} signed in to {database}")
        return Welcome(database, reply)

    def _enter(self, database: str) -> None:
        """Make a database the current one."""
        visitor = self._signed_in()
        if self.sqlite is not None:
            self.sqlite.close()
        made = self.server.opened(database)
        functions: Mapping[str, tuple[int, Callable[..., Plain]]] = {
            "fn_Sees": (1, visitor.sees), "fn_FindUserGuid": (0, visitor.user),
            "suser_sname": (0, lambda: visitor.name),
            "db_name": (0, lambda: visitor.database), "version_": (0, lambda: f"{PROGRAM} {'.'.join(map(str, BUILD))}"),
            "servername_": (0, lambda: "SQL"), "spid_": (0, lambda: 51), "getdate": (0, _now), "getutcdate": (0, _now),
            "newid": (0, lambda: str(uuid4())), "like": (2, like),
        }  # fmt: skip
        for name, (count, function) in functions.items():
            made.create_function(name, count, function)
        made.create_collation(records.COLLATION, collate)
        made.set_authorizer(visitor.allows)
        made.set_progress_handler(lambda: 1, _STEPS)
        made.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        self.sqlite, self.known, visitor.database = made, self.server.databases, database

    def _signed_in(self) -> Visitor:
        if self.visitor is None:
            raise SqlProblem(18456, "Login failed.", 14)
        return self.visitor

    async def _patiently(self, run: Callable[[], Sequence[Result]]) -> Sequence[Result]:
        """Run, and again while another transaction has what it needs."""
        for _ in range(_LOCK_LOOKS):
            try:
                return run()
            except sqlite3.OperationalError:
                await pause(_LOCK_PAUSE)
        return (Told(1222, "Lock request time out period exceeded.", 16, 51),)

    def _run(self, text: str, parameters: Mapping[str, Value]) -> Sequence[Result]:
        """The results of a batch, up to the first error. Raises OperationalError where it can be run again: it has
        changed nothing, and met a lock.
        """
        results: list[Result] = []
        try:
            for statement in statements(text):
                unchanged = not any(isinstance(one, Count) for one in results)
                results.extend(self._one(statement, parameters, again=unchanged))
        except SqlProblem as problem:
            results.append(Told(problem.number, problem.text, problem.severity))
        return results

    def _one(self, statement: Statement, parameters: Mapping[str, Value], *, again: bool) -> Iterator[Result]:
        known = {"USE": self._use, "SET": self._set, "PRINT": self._print, "CREATE": self._create}
        word = statement[0].upper
        if word in known:
            yield from known[word](statement, parameters)
        elif word in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            yield self._by_sqlite(statement, parameters, again=again)
        else:
            raise SqlProblem(
                40510, f"Statement '{statement[0].text[:40]}' is not supported in this version of SQL Server."
            )

    def _use(self, statement: Statement, _: Mapping[str, Value]) -> Iterator[Result]:
        wanted = statement[1].identifier if len(statement) == 2 else ""
        database = self.server.named(wanted)
        if database is None:
            raise SqlProblem(
                911, f"Database '{wanted[:128]}' does not exist. Make sure that the name is entered correctly."
            )
        before = self._signed_in().database
        if self.sqlite is not None and self.sqlite.in_transaction:
            raise SqlProblem(226, "USE command not allowed within multi-statement transaction.")
        self._enter(database)
        yield Moved(database, before)

    def _set(self, statement: Statement, parameters: Mapping[str, Value]) -> Iterator[Result]:
        """SET CONTEXT_INFO says for whom a server asks; what else can be set changes nothing here."""
        if len(statement) == 3 and statement[1].upper == "CONTEXT_INFO":
            visitor = self._signed_in()
            visitor.for_user = _user_in(statement[2].text, parameters) if visitor.is_server else None
        yield from ()

    def _print(self, statement: Statement, _: Mapping[str, Value]) -> Iterator[Result]:
        text = " ".join(one.text for one in statement[1:])
        yield Told(0, text.lstrip("Nn").strip("'").replace("''", "'"), 0)

    def _create(self, statement: Statement, _: Mapping[str, Value]) -> Iterator[Result]:
        if len(statement) != 3 or statement[1].upper != "DATABASE" or not self._signed_in().is_server:
            raise SqlProblem(
                262, "CREATE permission denied: databases alone are made, by servers and administrators.", 14
            )
        self.server.create(statement[2].identifier)
        yield from ()

    def _by_sqlite(self, statement: Statement, parameters: Mapping[str, Value], *, again: bool) -> Result:
        visitor = self._signed_in()
        assert self.sqlite is not None
        if self.server.databases != self.known and not self.sqlite.in_transaction:
            self._enter(visitor.database)  # so that it finds the new one, too
        written = run_by_sqlite(statement, visitor.database, self.known)
        bound = {name.lstrip("@"): _bound(value) for name, value in parameters.items()}
        visitor.refused.clear()
        try:
            cursor = self.sqlite.execute(written, bound)
            found = cursor.fetchall() if cursor.description else []
        except sqlite3.Error as problem:
            if again and "locked" in str(problem):
                raise
            raise as_sql_server_says(problem, visitor) from None
        if cursor.description is None:
            return Count(cursor.rowcount)
        columns = [[row[place] for row in found] for place in range(len(cursor.description))]
        titles = ("" if "(" in one[0] else one[0] for one in cursor.description)  # what is calculated has no name
        names = tuple(Column(one, type_of(values)) for one, values in zip(titles, columns, strict=True))
        return Rows(names, tuple(found))

    def _change(self, what: Change) -> Told | None:
        assert self.sqlite is not None
        begun = self.sqlite.in_transaction
        if what is Change.BEGIN:
            if not begun:
                self.sqlite.execute("BEGIN")
        elif begun:
            self.sqlite.execute("COMMIT" if what is Change.COMMIT else "ROLLBACK")
        else:
            word = what.name
            return Told(
                3902 if word == "COMMIT" else 3903,
                f"The {word} TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            )
        return None


def _bound(value: Value) -> Plain:
    return str(value) if isinstance(value, UUID) else value


def _user_in(text: str, parameters: Mapping[str, Value]) -> str | None:
    """The systemuserid in the value of CONTEXT_INFO, 16 bytes; nobody where there is none, or only zeros."""
    value = parameters.get(text) if text.startswith("@") else _from_hex(text)
    if isinstance(value, UUID):
        value = value.bytes_le
    if not isinstance(value, bytes) or len(value) < 16 or not any(value[:16]):
        return None
    return str(UUID(bytes_le=value[:16]))


def _from_hex(text: str) -> bytes:
    digits = text[2:] if text[:2].lower() == "0x" else ""
    return bytes.fromhex(digits) if len(digits) % 2 == 0 else b""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
