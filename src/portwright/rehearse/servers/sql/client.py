"""A host's work with SQL Server: it dials, signs in, and asks as often as it likes on one connection."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.tds import client
from portwright.protocols.tds.client import Package, Session
from portwright.protocols.tds.login import Login
from portwright.protocols.tds.tokens import Count, Result, Rows
from portwright.protocols.tds.values import Value
from portwright.rehearse.hosts.host import Host, Target
from portwright.rehearse.hosts.wire import Datagrams, Stream
from portwright.rehearse.servers.identity.tickets import Shown, initiator
from portwright.rehearse.servers.sql.records import CONFIGURATION

_ORGANIZATION = "SELECT DatabaseName FROM Organization WHERE UniqueName = @name AND State = 1"


class Sql:
    """A connection on which somebody has signed in."""

    def __init__(self, host: Host, target: Target, wire: Stream | Datagrams, session: Session) -> None:
        self.session = session
        self._host, self._target, self._wire = host, target, wire

    async def ask(self, text: str, parameters: Mapping[str, Value] | None = None) -> tuple[Result, ...]:
        """All that is answered. Raises SqlRefused, Misspoken, EndOfStream, Unanswered."""
        return await self._host.converse(self._wire, self._target, client.query(self.session, text, parameters))

    async def rows(self, text: str, parameters: Mapping[str, Value] | None = None) -> Sequence[Mapping[str, Value]]:
        """The rows of a query, by the names of its columns. Raises what `ask` raises."""
        for one in await self.ask(text, parameters):
            if isinstance(one, Rows):
                names = [column.name for column in one.columns]
                return [dict(zip(names, row, strict=True)) for row in one.rows]
        raise Misspoken("the answer has no rows")

    async def change(self, text: str, parameters: Mapping[str, Value] | None = None) -> int:
        """How many rows a statement changed. Raises what `ask` raises."""
        return sum(one.rows for one in await self.ask(text, parameters) if isinstance(one, Count))


@contextlib.asynccontextmanager
async def signed_in(
    host: Host, requirement: str, database: str, *, account: str = "", target: Target | None = None
) -> AsyncIterator[Sql]:
    """A connection to SQL Server, signed in as an account of the domain: the host's own unless another is named.

    By a ticket, or by NTLM where no domain controller gives one; who is in no domain, by password.
    Raises Unanswered, SqlRefused.
    """
    who = host.realm.accounts[account] if account else host.realm.account_of(host.name)
    where = target or host.targets(requirement)[0]
    shown = await initiator(host, who, service_of(where))
    name, password = ("", "") if shown else (who.name, who.password)
    login = Login(name, password, database, host.name)
    async with host.dial(requirement, where) as wire:
        talk = client.sign_in(login, package_of(shown) if shown else None)
        yield Sql(host, where, wire, await host.converse(wire, where, talk))


@contextlib.asynccontextmanager
async def at_organization(host: Host, requirement: str) -> AsyncIterator[Sql]:
    """A connection to the organization's database, which the configuration database names.

    Raises Unanswered, SqlRefused, and Refused where there is no such organization, or it is disabled.
    """
    name = host.realm.netbios
    async with signed_in(host, requirement, CONFIGURATION) as sql:
        rows = await sql.rows(_ORGANIZATION, {"@name": name})
        if not rows:
            raise Refused(f"The organization {name} does not exist, or is disabled.")
        database = str(rows[0]["DatabaseName"]).replace("]", "]]")
        await sql.ask(f"USE [{database}]")
        yield sql


def service_of(target: Target) -> str:
    """The service principal name under which a client finds a SQL Server."""
    return f"MSSQLSvc/{target.name}:{target.port}"


def package_of(shown: Shown) -> Package:
    """Somebody's ticket, or NTLM, as a package of TDS: the first token, then what answers each of the server's."""

    def step(token: bytes) -> bytes:
        return shown.step(token) if token else shown.token

    return step
