"""Real clients of other makers find what they look for in our directory."""

import asyncio
import re
import shutil
import socket
from functools import partial

import pytest
from tests.protocols.certificate import certified
from tests.protocols.kerberos.contoso import NAME, Programs, present
from tests.protocols.ldap.corporation import BASE, DIRECTORY, DOMAIN, HOST, KNOWN, SIGNED_IN, judge, serve
from tests.protocols.samba import SERVER, low_ports, samba
from tests.protocols.serving import HOME, served

from portwright.protocols.conversation import under_tls
from portwright.protocols.kerberos import kdc, realm_of
from portwright.protocols.ldap import Located, locate, locator, server
from portwright.rehearse.hosts.wire import Datagrams

__all__ = ["low_ports"]


@pytest.mark.skipif(not shutil.which("ldapsearch"), reason="ldapsearch is not installed (Debian: ldap-utils)")
def test_ldapsearch_finds_by_password(tmp_path):
    """And says the refusal of a wrong one."""
    with served(partial(serve, present), judge) as port:
        debian = Programs(tmp_path, 1)
        simple = ["ldapsearch", "-x", "-LLL", "-H", f"ldap://localhost:{port}", "-b", BASE]
        said = debian.well(
            *simple, "-D", SIGNED_IN.name, "-w", "rose garden", "(&(cn=al*)(mail=*))", "mail", "objectGUID"
        )
        wrong, status = debian.run(*simple, "-D", SIGNED_IN.name, "-w", "wrong")
        root = debian.well("ldapsearch", "-x", "-LLL", "-H", f"ldap://localhost:{port}", "-s", "base", "-b", "")
    assert said.startswith(f"dn: CN=Alice,CN=Users,{BASE}\nmail: alice@contoso.example\nmail: a@contoso.example\n")
    assert "objectGUID:: AAEC" in said
    assert (status, "Invalid credentials" in wrong) == (49, True)
    assert f"dnsHostName: {HOST}" in root


@pytest.mark.skipif(
    not (shutil.which("ldapsearch") and shutil.which("kinit")), reason="needs Debian's ldap-utils and krb5-user"
)
@pytest.mark.parametrize(
    ("mechanism", "strength", "layer"),
    [
        ("GSSAPI", "maxssf=0", "SSF: 0"),
        ("GSSAPI", "maxssf=1", "SSF: 1\n"),
        ("GSSAPI", "minssf=2", "SSF: 256"),
        ("GSS-SPNEGO", "maxssf=0", "SSF: 0"),
        ("GSS-SPNEGO", "minssf=2", "SSF: 256"),
    ],
)
def test_ldapsearch_finds_by_kerberos(tmp_path, mechanism, strength, layer):
    """In the open, signed, and sealed."""
    with served(partial(kdc.server, KNOWN, present)) as center, served(partial(serve, present), judge) as port:
        debian = Programs(tmp_path, center)
        debian.well("kinit", "alice", says="rose garden\n")
        said, status = debian.run(
            "ldapsearch", "-Y", mechanism, "-N", "-O", strength, "-LLL", "-H", f"ldap://localhost:{port}",
            "-b", BASE, "(cn=bob)", "cn",
        )  # fmt: skip
    if "No worthy mechs" in said:
        pytest.skip("Debian's libsasl2-modules-gssapi-mit is not installed")
    assert status == 0, said
    assert f"dn: CN=Bob,CN=Users,{BASE}\ncn: Bob\n" in said
    assert layer in said


def test_ldapsearch_finds_under_tls(tmp_path):
    """On the port of LDAPS: TLS first, then the same conversation."""
    if not shutil.which("ldapsearch"):
        pytest.skip("ldapsearch is not installed (Debian: ldap-utils)")
    tls, _ = certified(tmp_path)
    with served(lambda: under_tls(serve(present)), judge, tls=tls) as port:
        debian = Programs(tmp_path, 1)
        debian.environment["LDAPTLS_CACERT"] = str(tmp_path / "server.pem")
        said = debian.well(
            "ldapsearch", "-x", "-LLL", "-H", f"ldaps://{HOME}:{port}", "-b", BASE,
            "-D", SIGNED_IN.name, "-w", "rose garden", "(cn=bob)", "cn",
        )  # fmt: skip
    assert said == f"dn: CN=Bob,CN=Users,{BASE}\ncn: Bob\n\n"


@pytest.mark.parametrize(("size", "pages"), [(1, 4), (3, 2), (4, 1), (99, 1)])
def test_ldapsearch_takes_page_by_page(tmp_path, size, pages):
    """As clients of Active Directory do, who insist on it."""
    if not shutil.which("ldapsearch"):
        pytest.skip("ldapsearch is not installed (Debian: ldap-utils)")
    with served(partial(serve, present), judge) as port:
        said = Programs(tmp_path, 1).well(
            "ldapsearch", "-x", "-H", f"ldap://localhost:{port}", "-b", BASE, "-E", f"!pr={size}/noprompt",
            "-D", SIGNED_IN.name, "-w", "rose garden", "1.1",
        )  # fmt: skip
    assert (said.count("\ndn: "), said.count("search result\n")) == (4, pages)


def test_sambas_own_client_finds_the_controller_and_signs_in(tmp_path, low_ports, monkeypatch):
    """By the locator, what the controller says of itself, and a sealed search with a ticket (Heimdal's Kerberos)."""
    center = realm_of(NAME, {"alice": "rose garden", "dc1$": "machine"}, {f"ldap/{HOST}": "dc1$"})
    keys, located = center.keys(f"ldap/{HOST}"), Located.of(DOMAIN, HOST)
    for name, value in Programs(tmp_path, 88, host=SERVER).environment.items():
        monkeypatch.setenv(name, value)
    domain = [f"--option=realm={NAME}", "--option=workgroup=CONTOSO", "--option=security=ads", "-S", SERVER]
    with (
        served(lambda: server(DIRECTORY, present, keys), judge, at=(SERVER, 389)),
        served(partial(locator, located, SERVER), datagrams=True, at=(SERVER, 389)),
        served(partial(kdc.server, center, present), at=(SERVER, 88)),
        served(partial(kdc.datagram_server, center, present), datagrams=True, at=(SERVER, 88)),
    ):
        _, where = samba(tmp_path, "net", "ads", "lookup", "-S", SERVER)
        _, what = samba(tmp_path, "net", "ads", "info", *domain)
        words = [
            "net",
            "ads",
            "search",
            "(cn=bob)",
            "cn",
            *domain,
            "-U",
            "alice%rose garden",
            "--use-kerberos=required",
        ]
        status, found = samba(tmp_path, *words)
    assert f"Domain Controller: {HOST}" in where
    assert f"LDAP server name: {HOST}" in what
    assert re.search(r"Server time offset: (0|-?1)\n", what)  # in whole seconds
    assert (status, "cn: Bob" in found) == (0, True), found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what ldap3 imports
def test_ldap3_finds_by_password():
    """Another client, of another maker."""
    ldap3 = pytest.importorskip("ldap3")
    with served(partial(serve, present), judge) as port:
        there = ldap3.Server(HOME, port=port, get_info=ldap3.DSA)
        with ldap3.Connection(there, SIGNED_IN.name, "rose garden") as connection:
            assert there.info.other["dnsHostName"] == [HOST]
            assert connection.search(BASE, "(|(cn=bob)(mail=*contoso*))", attributes=["cn"])
            assert [str(entry.cn) for entry in connection.entries] == ["Alice", "Bob"]
            assert not connection.delete(BASE)
            assert connection.result["description"] == "unwillingToPerform"
            assert connection.extend.standard.who_am_i() == f"u:{SIGNED_IN.name}"


def test_the_locator_answers_over_real_datagrams():
    """On loopback, whose address it tells."""

    async def ask(port):
        made = socket.socket(type=socket.SOCK_DGRAM)
        made.setblocking(False)
        made.connect((HOME, port))
        wire = Datagrams(made)
        try:
            return await asyncio.wait_for(wire.run(locate(DOMAIN, "fe01")), 5)
        finally:
            await wire.close()

    with served(partial(locator, Located.of(DOMAIN, HOST), HOME), datagrams=True) as port:
        assert asyncio.run(ask(port)).host == HOST
