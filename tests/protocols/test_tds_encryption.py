"""TDS under TLS: our two sides, and FreeTDS against our server; hostile handshakes against both."""

import contextlib
import shutil
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.serving import HOME, served
from tests.protocols.spoken import talked
from tests.protocols.test_tds import ME, echo

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused, send
from portwright.protocols.tds.client import begin, cancel, query, sign_in
from portwright.protocols.tds.login import ENCRYPT_ON, Prelogin
from portwright.protocols.tds.packet import Kind, packed
from portwright.protocols.tds.server import BUILD, server
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.wire import Tls, TlsEngine

AUTHORITY, NAME = Authority("contoso.test"), "sql01.contoso.test"


def limited(context):
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


SERVER = Tls(limited(AUTHORITY.server((NAME,), ())))
CLIENT = Tls(limited(AUTHORITY.client()), NAME)


def encrypting(insists=False):
    return server("SQL", lambda: TlsEngine(SERVER, serves=True), insists=insists)


def engine(tls=CLIENT):
    return TlsEngine(tls, serves=False)


def asked(tls=None):
    session = yield from sign_in(ME, tls=tls)
    inside = yield from begin(session)
    [found] = yield from query(inside, "select", {"@long": "é" * 50_000})
    yield from cancel(inside)
    return found.rows


def overheard(talk, seen):
    """The same conversation; what it sends is put down."""
    act = next(talk)
    with contextlib.suppress(StopIteration):
        while True:
            seen.append(getattr(act, "data", b""))
            act = talk.send((yield act))


def test_everything_after_the_handshake_is_encrypted():
    """The sign-in, questions and answers."""
    seen = []
    found = talked(asked(engine()), overheard(encrypting(), seen), echo)
    assert found == (("select", "é" * 50_000),)
    assert "select".encode("utf-16-le") not in b"".join(seen)
    assert talked(asked(), encrypting(), echo) == found  # a client that cannot is served, too


def test_who_insists_refuses_the_other():
    """Either side says so before anybody signs in."""
    with pytest.raises(Refused, match="encrypted connections only"):
        talked(sign_in(ME), encrypting(insists=True), echo)
    with pytest.raises(Refused, match="plain connections only"):
        talked(sign_in(ME, tls=engine()), server(), echo)


def test_a_server_of_another_name_is_not_trusted():
    """Nor one of another authority."""
    for other in (Tls(CLIENT.context, "other.contoso.test"), Tls(limited(Authority("x").client()), NAME)):
        with pytest.raises(Misspoken, match="CERTIFICATE_VERIFY_FAILED"):
            talked(sign_in(ME, tls=engine(other)), _patient(encrypting()), echo)


def _patient(talk):
    with contextlib.suppress(Misspoken, EndOfStream):
        yield from talk


def test_an_engine_ends_its_handshake_at_once():
    """Version 1.3 would not."""
    with pytest.raises(ValueError, match=r"version 1\.2"):
        TlsEngine(Tls(Authority("x").client(), NAME), serves=False)


@given(st.binary(max_size=60), st.sampled_from([Kind.PRELOGIN, Kind.RESPONSE]))
def test_whatever_comes_in_a_handshake_ends_it_orderly(data, kind):
    """On either side."""

    def liar():
        yield from send(packed(Kind.RESPONSE, Prelogin(BUILD, ENCRYPT_ON).packed()) + packed(kind, data))

    with pytest.raises((Misspoken, EndOfStream)):
        talked(sign_in(ME, tls=engine()), liar())
    ended = []

    def judged():
        with pytest.raises((Misspoken, EndOfStream)):
            yield from encrypting()
        ended.append(True)

    hello = packed(Kind.PRELOGIN, Prelogin(BUILD, ENCRYPT_ON).packed())
    talked(send(hello + packed(kind, data)), judged(), echo)
    assert ended


def test_a_client_that_says_nothing_of_encryption_is_no_client():
    """Its PRELOGIN lacks what each has."""
    with pytest.raises(Misspoken):
        talked(send(packed(Kind.PRELOGIN, b"\xff")), encrypting(), echo)


@pytest.mark.skipif(not shutil.which("tsql"), reason="FreeTDS is not installed: no tsql")
@pytest.mark.parametrize("encryption", ["require", "off"])
def test_freetds_is_encrypted_where_it_wants(tmp_path, encryption):
    """It insists, or cannot."""
    with served(encrypting, echo) as port:
        settings = tmp_path / "freetds.conf"
        settings.write_text(f"[sql]\nhost = {HOME}\nport = {port}\ntds version = 7.4\nencryption = {encryption}\n")
        found = subprocess.run(
            ["tsql", "-S", "sql", "-U", "crm", "-P", "pässword"], input="select é\ngo\nexit\n", text=True,
            capture_output=True, timeout=60, check=False, env={"LC_ALL": "C.UTF-8", "FREETDSCONF": str(settings)},
        )  # fmt: skip
    assert "select é" in found.stdout, found.stderr
