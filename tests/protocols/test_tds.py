"""TDS: our two sides against each other, FreeTDS and python-tds against our server, hostile bytes against both."""

import contextlib
import shutil
import subprocess
from uuid import UUID

import pytds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import NAME, Programs, present
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send
from portwright.protocols.kerberos import kdc, realm_of
from portwright.protocols.spnego import Acceptor
from portwright.protocols.tds.client import SqlRefused, begin, cancel, commit, prelogin, query, roll_back, sign_in
from portwright.protocols.tds.login import Login, Prelogin, read_login, read_prelogin
from portwright.protocols.tds.packet import Kind, message, packed
from portwright.protocols.tds.requests import Change, Procedure, Query, read_batch, read_call, read_change
from portwright.protocols.tds.server import BUILD, Go, Token, Welcome, server
from portwright.protocols.tds.tokens import Count, Rows, Told, answer, read_answer
from portwright.protocols.tds.values import Column, Type, Value, type_of

ME = Login("crm", "pässword", "MSCRM_CONFIG", "fe01")
DENIED = Told(18456, "Login failed for user 'crm'.", 14)


def echo(question):
    """Admits crm; answers a query with its text and parameters, SELECT 1/0 with an error, and takes transactions."""
    match question:
        case Login(user=user, password=password, token=None):
            return Welcome(question.database or "master") if (user, password) == ("crm", "pässword") else DENIED
        case Login(token=token):
            return Go(b"challenge of " + token)
        case Token(data):
            return Welcome("master", b"agreed") if data == b"response" else DENIED
        case Query(text) if "1/0" in text:
            return (Told(8134, "Divide by zero error encountered."),)
        case Query(text) if text.startswith("update"):
            return (Count(3),)
        case Query(text, parameters):
            row = (text, *parameters.values())
            columns = tuple(Column(f"c{place}", type_of([value])) for place, value in enumerate(row))
            return (Rows(columns, (row,)),)
        case Procedure(name):
            return (Told(2812, f"Could not find stored procedure '{name}'."),)
        case Change():
            return None


def asked(text, parameters=None, login=ME):
    def talk():
        session = yield from sign_in(login)
        return (yield from query(session, text, parameters))

    return talked(talk(), server(), echo)


VALUES: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary(max_size=99)
    | st.uuids() | st.text(st.characters(exclude_categories=("Cs",)), max_size=99)
)  # fmt: skip


@given(st.lists(VALUES, max_size=5))
def test_every_value_comes_back_as_it_was_sent(values):
    """As a parameter, and as a column of a row."""
    [found] = asked("select", {f"@p{place}": value for place, value in enumerate(values)})
    assert found.rows == (("select", *values),)


@pytest.mark.parametrize("size", [4000, 4001, 100_000])
def test_long_values_come_in_chunks_and_many_packets(size):
    """Longer ones than 8,000 bytes are of a type max."""
    [found] = asked("select", {"@text": "é" * size, "@bytes": b"\1" * size})
    assert found.rows[0][1:] == ("é" * size, b"\1" * size)


def test_who_signs_in_learns_the_server_and_the_database():
    """As SQL Server tells them."""
    session = talked(sign_in(ME), server(), echo)
    assert (session.server, session.database) == ("Microsoft SQL Server 11.0.3000", "MSCRM_CONFIG")
    assert talked(prelogin(), server(), echo).version == BUILD


def test_a_refusal_says_number_and_text():
    """In the server's own words."""
    with pytest.raises(SqlRefused, match=r"18456: Login failed for user 'crm'\.") as refused:
        asked("select", login=Login("crm", "wrong"))
    assert refused.value.told.severity == 14
    with pytest.raises(SqlRefused, match="8134: Divide by zero"):
        asked("select 1/0")
    with pytest.raises(SqlRefused, match="8134: Divide by zero"):
        asked("select 1/0", {"@p": 1})


def test_counts_are_told():
    """Of statements that return no rows, asked either way."""
    assert asked("update x") == (Count(3),)
    assert asked("update x", {"@p": 1}) == (Count(3),)


def test_a_security_package_takes_as_many_turns_as_it_needs():
    """The server's tokens come to it, the last one too."""
    seen = []

    def package(token):
        seen.append(token)
        return b"response" if token else b"hello"

    assert talked(sign_in(ME, package), server(), echo).database == "master"
    assert seen == [b"", b"challenge of hello", b"agreed"]
    with pytest.raises(SqlRefused, match="18456"):
        talked(sign_in(ME, lambda token: b"hello"), server(), echo)


def test_a_transaction_is_named_until_it_ends():
    """The client says the name with each request; a commit takes it away."""

    def talk():
        session = yield from sign_in(ME)
        inside = yield from begin(session)
        yield from query(inside, "update x")
        after = yield from commit(inside)
        again = yield from roll_back((yield from begin(after)))
        yield from cancel(again)
        return inside.transaction, after.transaction, again.transaction

    inside, *outside = talked(talk(), server(), echo)
    assert inside != bytes(8)
    assert outside == [bytes(8)] * 2


def test_the_password_is_not_in_what_is_shown():
    """Nor in what is sent, as plain text."""
    assert "pässword" not in repr(ME)
    assert "pässword".encode("utf-16-le") not in ME.packed()
    assert read_login(ME.packed()) == ME


@given(st.lists(st.tuples(st.sampled_from([Type.BIGINT, Type.NVARCHAR]), st.none()), min_size=1, max_size=20))
def test_rows_of_null_are_read(columns):
    """Whatever the types of their columns."""
    found = Rows(tuple(Column("c", kind) for kind, _ in columns), ((None,) * len(columns),) * 2)
    assert read_answer(answer([found], in_procedure=False)).results == [found]


READERS = [read_answer, read_login, read_prelogin, read_batch, read_call, read_change]
TRUE = [
    answer([Rows((Column("a", Type.BIGINT), Column("b")), ((1, "x"), (None, None))), DENIED], in_procedure=True),
    ME.packed(),
    bytes.fromhex("16000000 12000000 0200") + bytes(12) + b"\xff\xff\x0a\0\0\0" + bytes(9),
    bytes.fromhex("8101000000000000002408 0161 d1 01 00".replace(" ", "")),
    bytes.fromhex("810100000000000000 6f09 0161 d1 09 000000000000000000".replace(" ", "")),
    bytes.fromhex("810100000000000000 2a07 0161 d1 fe".replace(" ", "")) + b"\xff" * 254,
    bytes.fromhex("810100000000000000 6a110a05 0161 d1 ff".replace(" ", "")) + b"\xff" * 255,
]


@given(st.sampled_from(READERS), st.binary() | st.sampled_from(TRUE), st.data())
def test_whatever_comes_is_read_or_misspoken(read, data, drawn):
    """Bytes of any kind, and true messages cut short and changed."""
    if data and drawn.draw(st.booleans()):
        at = drawn.draw(st.integers(0, len(data) - 1))
        data = data[:at] + drawn.draw(st.binary(max_size=4)) + data[at + drawn.draw(st.integers(0, 4)) :]
    with contextlib.suppress(Misspoken):
        assert read(data) is not None


HELLO = packed(Kind.PRELOGIN, Prelogin(BUILD, 2).packed()) + packed(Kind.LOGIN, ME.packed())


@given(st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=60)), max_size=4), st.binary(max_size=9))
def test_whatever_a_client_says_ends_the_conversation_orderly(messages, rest):
    """It is answered, or the server ends as misspoken or at an early end."""

    def client():
        yield from send(HELLO + b"".join(packed(kind, data) for kind, data in messages) + rest)
        return (yield from message())

    def patient():
        with contextlib.suppress(Misspoken, EndOfStream):
            yield from server()

    assert talked(client(), patient(), echo).kind == Kind.RESPONSE


@given(st.binary(max_size=200), st.booleans())
def test_whatever_a_server_says_ends_the_conversation_orderly(data, framed):
    """As misspoken, refused, or ended too early."""

    def liar():
        yield from send(packed(Kind.RESPONSE, data) if framed else data)

    with pytest.raises((Misspoken, Refused, EndOfStream)):
        talked(sign_in(ME), liar())


@pytest.mark.skipif(not shutil.which("tsql"), reason="FreeTDS is not installed: no tsql")
class TestFreeTds:
    """The client of FreeTDS."""

    def run(self, port, password, lines):
        return subprocess.run(
            ["tsql", "-H", HOME, "-p", str(port), "-U", "crm", "-P", password],
            input=lines, capture_output=True, text=True, timeout=60, check=False, env={"LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def test_it_signs_in_and_asks(self):
        """By password; rows come back."""
        with served(server, echo) as port:
            found = self.run(port, "pässword", "select é\ngo\nselect 1/0\ngo\nexit\n")
        assert "select é" in found.stdout
        assert "Msg 8134" in found.stderr

    def test_a_wrong_password_is_refused(self):
        """With SQL Server's number."""
        with served(server, echo) as port:
            found = self.run(port, "wrong", "exit\n")
        assert "Msg 18456" in found.stderr
        assert found.returncode


@pytest.mark.skipif(not shutil.which("tsql") or not shutil.which("kinit"), reason="there is no tsql, or no kinit")
def test_freetds_signs_in_by_a_ticket(tmp_path):
    """Which Debian's Kerberos has got for it; nobody is named, and no password is sent."""
    seen = {}

    def answer(question):
        if isinstance(question, Login):
            acceptor = Acceptor(seen["realm"].keys(f"MSSQLSvc/localhost:{port}"), present)
            reply = acceptor.step(question.token)
            seen["user"] = f"{question.user}{question.password}{acceptor.accepted.client}"
            return Welcome("master", reply)
        return (Rows((Column("who"),), ((seen["user"],),)),)

    with served(server, answer) as port:
        seen["realm"] = realm_of(NAME, {"alice": "rose garden", "sql": "hidden"}, {f"MSSQLSvc/localhost:{port}": "sql"})
        with served(lambda: kdc.server(seen["realm"], present)) as controller:
            programs = Programs(tmp_path, controller)
            programs.well("kinit", f"alice@{NAME}", says="rose garden\n")
            asked = "select suser_sname()\ngo\nexit\n"
            said = programs.well("tsql", "-H", "localhost", "-p", str(port), "-U", "", "-P", "", says=asked)
    assert f"alice@{NAME}\n(1 row affected)" in said


class TestPythonTds:
    """python-tds."""

    def connected(self, port, password="pässword"):
        return pytds.connect(
            HOME, "MSCRM_CONFIG", "crm", password, port=port, timeout=60, login_timeout=60, use_mars=False
        )

    def test_it_asks_with_parameters_and_without(self):
        """Inside the transaction that it opens by itself. It writes NULL into the statement."""
        with served(server, echo) as port, self.connected(port) as connection, connection.cursor() as cursor:
            cursor.execute("select", ())
            assert cursor.fetchall() == [("select",)]
            values = (7, 1.5, "é" * 5000, pytds.Binary(b"\0\1"), None, True, UUID(int=5), 2**40)
            cursor.execute("select %s" + ", %s" * 7, values)
            assert cursor.fetchall()[0][1:] == tuple(value for value in values if value is not None)
            connection.commit()

    def test_it_reads_our_errors(self):
        """And goes on after one."""
        with served(server, echo) as port, self.connected(port) as connection, connection.cursor() as cursor:
            with pytest.raises(pytds.Error, match="Divide by zero"):
                cursor.execute("select 1/0")
            cursor.execute("select 2")
            assert cursor.fetchall() == [("select 2",)]
        with served(server, echo) as port, pytest.raises(pytds.Error, match="Login failed"):
            self.connected(port, "wrong")
