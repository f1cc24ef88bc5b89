"""SQL Server of a rehearsal, as its clients see it: FreeTDS, python-tds, and our own."""

import asyncio
import shutil
import subprocess
from uuid import UUID

import pytds
import pytest
from tests.protocols.spoken import talked
from tests.rehearse.loopback import hosts_of, running
from tests.rehearse.servers.contoso import PASSWORD, REALM, Computer

from portwright.protocols.kerberos import Principal, kdc, realm_of, sign_in, ticket_for
from portwright.protocols.spnego import Initiator
from portwright.protocols.tds import client
from portwright.protocols.tds.client import SqlRefused
from portwright.protocols.tds.login import Login
from portwright.protocols.tds.requests import Change, Query
from portwright.protocols.tds.server import Welcome
from portwright.protocols.tds.tokens import Count, Moved, Rows, Told
from portwright.rehearse import patience
from portwright.rehearse.hosts.clock import now
from portwright.rehearse.servers.sql.client import signed_in
from portwright.rehearse.servers.sql.database import Database
from portwright.rehearse.servers.sql.records import user_id

ORGANIZATION = "CONTOSO_MSCRM"


@pytest.fixture
def database():
    made = Database(Computer())
    yield made
    made.close()


def asked(database, account, *questions):
    """What is answered on one connection, after signing in by password."""

    async def run():
        answer = database.connection()
        login = Login(account, REALM.accounts[account].password, ORGANIZATION)
        assert await answer(login) == Welcome(ORGANIZATION)
        return [await answer(Query(one) if isinstance(one, str) else one) for one in questions]

    return patience.run(run())


def values(results):
    [found] = results
    return [row[0] if len(row) == 1 else row for row in found.rows]


def test_a_user_sees_his_own_records_and_a_server_all(database):
    """Through the filtered views."""
    text = "select name from FilteredAccount order by name"
    [of_alice], [of_bob], [of_all] = (asked(database, one, text) for one in ("alice", "bob", "svc-fe01"))
    assert values(of_alice) == ["Blue Yonder Airlines", "Fourth Coffee"]
    assert values(of_bob) == ["Adventure Works", "Litware"]
    assert values(of_all) == sorted([*values(of_alice), *values(of_bob)])


def test_a_server_asks_for_a_user(database):
    """By CONTEXT_INFO, until it says otherwise; a user cannot."""
    told = Query("set context_info @user", {"@user": UUID(user_id("bob"))})
    count = "select count(*) from FilteredAccount"
    assert [values(one) for one in asked(database, "svc-fe01", told, count, "set context_info 0x", count)[1::2]] == [
        [2],
        [4],
    ]
    as_bytes = f"set context_info 0x{UUID(user_id('administrator')).bytes_le.hex()} {count}"
    assert values(asked(database, "svc-fe01", as_bytes)[0]) == [4]
    assert values(asked(database, "alice", told, "select name from FilteredAccount order by 1")[1])[0] == (
        "Blue Yonder Airlines"
    )


AROUND = [
    "select * from account",
    "select count(*) from account",
    "select * from (select name from account) FilteredAccount",
    "select (select top 1 name from account)",
    "select 1 from FilteredAccount where exists (select * from contact)",
    "select name from FilteredAccount union all select name from account",
    "select * from MSCRM_CONFIG.dbo.Organization",
    "select * from activitypointer",
    "select * from sqlite_master",
    "insert into account (name) values ('x')",
    "update account set name = 'x'",
    "delete from account",
]


@pytest.mark.parametrize("text", AROUND)
def test_a_user_gets_at_no_table(database, text):
    """In whatever way it is asked for."""
    [[told]] = asked(database, "alice", text)
    assert (told.number, told.severity) == (229, 14)


def test_a_view_cannot_be_shadowed(database):
    """By a query with a name of its own."""
    for text in (
        "with FilteredAccount as (select * from account) select * from FilteredAccount",
        "select * from (with FilteredAccount as (select * from account) select * from FilteredAccount) a",
    ):
        [[told]] = asked(database, "alice", text)
        assert told.number == 40510


ERRORS = [
    ("select 1 from nowhere", 208, "Invalid object name 'nowhere'."),
    ("select missing from FilteredAccount", 207, "Invalid column name 'missing'."),
    ("select @missing", 137, None),
    ("select 'open", 105, None),
    ("select 1 +", 102, None),
    ("select 1 )", 102, "Incorrect syntax near ')'."),
    ("select missing(1)", 195, "'missing' is not a recognized built-in function name."),
    ("exec sp_who", 40510, None),
    ("use Nowhere", 911, None),
    ("select 1 from Nowhere.dbo.account", 911, None),
    ("drop table account", 40510, None),
    ("attach database 'x' as y", 40510, None),
    ("pragma trusted_schema", 40510, None),
    ("create database Other_MSCRM", 262, None),
    ("select zeroblob(100000000)", 50000, None),
    (f"select count(*) from {', '.join(f'FilteredContact c{n}' for n in range(22))}", 8649, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number", "said"), ERRORS)
def test_errors_are_those_of_sql_server(database, text, number, said):
    """By number, and where it matters by text."""
    [results] = asked(database, "alice", text)
    assert results[-1].number == number
    assert said is None or results[-1].text == said


TRANSACT_SQL = [
    ("select top 1 name from account order by name", ["Adventure Works"]),
    ("select top (2) name from account order by name desc", ["Litware", "Fourth Coffee"]),
    ("select name from account order by name offset 1 rows fetch next 2 rows only",
     ["Blue Yonder Airlines", "Fourth Coffee"]),
    ("select [name] from [CONTOSO_MSCRM].[dbo].[account] where name = N'LITWARE'", ["Litware"]),
    ("select a.name from dbo.account a with (nolock) where a.name like 'l%'", ["Litware"]),
    ("select UniqueName from MSCRM_CONFIG..Organization", ["CONTOSO"]),
    ("select count(*) from account where name in (select top 1 name from account order by name)", [1]),
    ("select isnull(null, len('abc'))", [3]),
    ("select db_name(); ", [ORGANIZATION]),
    ("set nocount on set transaction isolation level read committed select 1", [1]),
    ("select suser_sname() -- who is it?", ["svc-fe01"]),
    ("select 'it''s' /* a 'comment' */", ["it's"]),
    ("select 0x0102", [b"\1\2"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TRANSACT_SQL)
def test_transact_sql_is_understood(database, text, expected):
    """As far as the servers of a rehearsal speak it."""
    [results] = asked(database, "svc-fe01", text)
    assert values(results) == expected


def test_statements_follow_each_other(database):
    """Until one is wrong."""
    text = "use ReportServer select db_name() print 'hello' select 1 from nowhere; select 2"
    [results] = asked(database, "svc-fe01", text)
    assert [type(one) for one in results] == [Moved, Rows, Told, Told]
    assert results[1].rows == (("ReportServer",),)
    assert results[2] == Told(0, "hello", 0)


def test_a_transaction_is_undone_and_kept(database):
    """For its own connection, and then for all."""
    update, count = "update account set name = 'x'", "select count(*) from account where name = 'x'"
    found = asked(database, "svc-fe01", Change.BEGIN, update, count, Change.ROLLBACK, count, Change.COMMIT)
    assert found[1] == [Count(4)]
    assert [values(found[2]), values(found[4])] == [[4], [0]]
    assert found[5].number == 3902
    asked(database, "svc-fe01", Change.BEGIN, update, Change.COMMIT)
    assert values(asked(database, "svc-fe01", count)[0]) == [4]


def test_who_waits_for_a_lock_gets_it_when_it_is_given_back(database):
    """By a commit, or by the end of the connection that held it."""

    async def run():
        one, other = database.connection(), database.connection()
        for answer in (one, other):
            await answer(Login("svc-fe01", REALM.accounts["svc-fe01"].password, ORGANIZATION))
        await one(Change.BEGIN)
        await one(Query("update account set name = 'one'"))
        waiting = asyncio.ensure_future(other(Query("update account set name = 'other'")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        del one, answer
        return await asyncio.wait_for(waiting, 3)

    assert patience.run(run()) == [Count(4)]


def test_a_server_makes_a_database(database):
    """It is there for those who are already signed in, too."""
    found = asked(
        database, "svc-fe01", "create database Fabrikam_MSCRM", "select count(*) from Fabrikam_MSCRM.dbo.account",
        "create database fabrikam_mscrm",
    )  # fmt: skip
    assert values(found[1]) == [4]
    assert found[2][0].number == 1801


def test_who_shows_a_ticket_is_known_with_the_domain(database):
    """By suser_sname; a ticket for another service is refused."""

    def tickets(service):
        realm = realm_of(REALM.name, {one.name: PASSWORD for one in REALM.everybody}, {service: "svc-sql01"})
        talk = sign_in(Principal.of("alice", REALM.name), PASSWORD, now())
        granting = talked(talk, kdc.server(realm, now))
        return talked(ticket_for(granting, Principal.of(service, REALM.name), now()), kdc.server(realm, now))

    async def run():
        answer = database.connection()
        initiator = Initiator(tickets("MSSQLSvc/sql01.contoso.test:1433"), now())
        welcome = await answer(Login("", "", ORGANIZATION, token=initiator.token))
        initiator.step(welcome.token)
        assert initiator.context
        said = await answer(Query("select suser_sname() from FilteredAccount where name = 'Fourth Coffee'"))
        assert (await database.connection()(Login("", "", token=b"nothing"))).number == 18452
        return said

    assert values(patience.run(run())) == ["CONTOSO\\alice"]


@pytest.fixture
def site(tmp_path):
    roles = {"fe01": ["crm/front-end"], "sql01": ["sql/engine"], "pc01": ["crm/client"]}
    return hosts_of(tmp_path, roles)


def test_a_host_of_the_site_asks_its_database(site):
    """Signed in by its service account; a wrong database or a wrong query is refused."""

    async def run():
        async with running(site), signed_in(site["fe01"], "crm.database", ORGANIZATION) as sql:
            count = await sql.rows("select count(*) as many from account where name <> @name", {"@name": "Litware"})
            with pytest.raises(SqlRefused, match="208: Invalid object name"):
                await sql.rows("select * from nowhere")
            with pytest.raises(SqlRefused, match='4060: Cannot open database "Nowhere"'):
                async with signed_in(site["fe01"], "crm.database", "Nowhere"):
                    pass
            said = await site["fe01"].call("crm.database", lambda target: client.prelogin())
            return count, said.version[0], await sql.change("update account set name = 'x'")

    assert patience.run(run()) == ([{"many": 3}], 11, 4)


def of_real_client(site, run):
    """What a client of another maker finds, which blocks, beside the servers."""

    async def play():
        async with running(site):
            target = site["fe01"].targets("crm.database")[0]
            return await asyncio.wait_for(asyncio.to_thread(run, target.address, target.port), 20)

    return patience.run(play())


@pytest.mark.skipif(not shutil.which("tsql"), reason="FreeTDS is not installed: no tsql")
def test_freetds_reads_the_filtered_views(site):
    """As a user, by password."""
    texts = f"use {ORGANIZATION}", "select name, revenue from FilteredAccount order by name", "select * from account"
    lines = "".join(f"{one}\ngo\n" for one in texts)

    def run(address, port):
        password = site.realm.accounts["alice"].password
        return subprocess.run(
            ["tsql", "-H", address, "-p", str(port), "-U", "alice", "-P", password],
            input=lines, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    found = of_real_client(site, run)
    assert "Blue Yonder Airlines\t90000\n" in found.stdout
    assert "Litware" not in found.stdout
    assert "Msg 229" in found.stderr


def test_python_tds_writes_and_reads(site):
    """Within its transaction, with parameters; and is refused by number."""

    def run(address, port):
        password = site.realm.account_of("fe01").password
        with (
            pytds.connect(address, ORGANIZATION, "svc-fe01", password, port=port, timeout=60) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("update account set address1_city = %s where name = %s", ("Zürich", "Litware"))
            cursor.execute("select address1_city from account where name = %s", ("litware",))
            found = cursor.fetchall()
            with pytest.raises(pytds.ProgrammingError, match="Invalid object name"):
                cursor.execute("select * from nowhere")
            connection.rollback()
            cursor.execute("select address1_city from account where name = 'Litware'")
            return found, cursor.fetchall()

    assert of_real_client(site, run) == ([("Zürich",)], [("Dallas",)])
