"""Samba as the domain controllers of a site, asked by real clients on other hosts, through the firewalls."""

import pytest
from tests.rehearse.real.played import ROOT, played

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.fixture(scope="module")
def seen():
    return played("directory", ROOT / "examples/f2/site.yaml")


@pytest.fixture(scope="module")
def pair():
    return played("pair", ROOT / "tests/rehearse/real/pair.yaml")


@pytest.fixture(scope="module")
def readonly():
    return played("readonly", ROOT / "examples/f7/site.yaml")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("kinit", "Password for alice@FABRIKAM.TEST"),
        ("kvno", "MSSQLSvc/sql01.fabrikam.test:1433@FABRIKAM.TEST: kvno = 1"),
        ("klist", "aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96"),
        ("ldap", "mail: alice@fabrikam.test"),
        ("catalog", "mail: bob@fabrikam.test"),
        ("smb", "fabrikam.test"),
        ("rpc", "alice S-1-5-21-"),
    ],
)
def test_a_real_client_is_served(seen, asked, says):
    """From a member's host: Kerberos, LDAP with it, the global catalog, SMB with NTLM, RPC by named pipe."""
    status, said = seen[asked]
    assert status == 0, said
    assert says in said


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("kdc", "KDC_ERR_C_PRINCIPAL_UNKNOWN (6) of realm FABRIKAM.TEST"),
        ("kdc by udp", "KDC_ERR_C_PRINCIPAL_UNKNOWN (6) of realm FABRIKAM.TEST"),
        ("wrong", "KDC_ERR_PREAUTH_FAILED (24) of realm FABRIKAM.TEST"),
        ("locator", "host='dc01.fabrikam.test'"),
        ("root", "dc01.fabrikam.test"),
        ("passwords", "hard error (2)"),
        ("anonymous", "operations error (1)"),
        ("ldap", "bob@fabrikam.test"),
        ("ntlm", "bob@fabrikam.test"),
        ("catalog", "bob@fabrikam.test"),
        ("web", "alice@FABRIKAM.TEST"),
    ],
)
def test_our_own_clients_understand_it(seen, asked, says):
    """They sign in, search under a seal and carry its tickets to services of ours; refusals are told in its words."""
    assert says in seen["ours"][asked]


def test_a_wrong_password_is_refused(seen):
    """It is a true key distribution center."""
    status, said = seen["wrong"]
    assert (status, "Password incorrect" in said) == (1, True)


def test_the_firewall_stands_between(seen):
    """Members ask another host for names, so the firewall does not let them ask the domain controller."""
    assert seen["not let through"][0] != 0
    assert ["udp", 53] in seen["listens"]


def test_it_says_what_it_answers(seen):
    """The services of the catalog on ports that it has; not RPC's dynamic range, of which others try the edges."""
    services = {tuple(one) for one in seen["services"]}
    assert {("dc01", "ad/kerberos-udp"), ("dc01", "ad/smb"), ("dc01", "ad/rpc-mapper")} <= services
    assert not {("dc01", "ad/rpc-dynamic"), ("dc01", "windows/winrm")} & services
    ports = {port for transport, port in seen["listens"] if transport == "tcp"}
    assert ports.isdisjoint({49152, 65535, 139})  # and NetBIOS is not in use


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("dig", "10.1.10.11"),
        ("dig6", "fd00:1:10::11"),
        ("srv", "dc01.pair.test."),
        ("kinit at the second", "alice@PAIR.TEST"),
        ("at the second", "mail: alice@pair.test"),
        ("tls", "mail: bob@pair.test"),
        ("netbios", "DC01            <20>"),
        ("forth", "dc01.pair.test to dc02.pair.test was successful"),
        ("made at the second", "carol"),
        ("back", "dc02.pair.test to dc01.pair.test was successful"),
        ("and found at the first", "CN=carol"),
    ],
)
def test_a_second_controller_joins_and_replicates(pair, asked, says):
    """Through a firewall that lets pass what the plan asks for; both answer, and each has what the other has."""
    status, said = pair[asked]
    assert status == 0, said
    assert says in said


def test_pinned_ports_are_pinned(pair):
    """The directory and Netlogon listen where the site says."""
    assert [["tcp", 38901] in pair["listens"], ["tcp", 38902] in pair["listens"]] == [True, True]
    assert ["dc02", "ad/directory-rpc"] in pair["services"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("kinit", "alice@LITWARE.TEST"),
        ("ldap", "mail: alice@litware.test"),
        ("dig", "10.7.30.11"),
        ("smb", "litware.test"),
    ],
)
def test_a_read_only_controller_serves_its_branch(readonly, asked, says):
    """It keeps nobody's password and asks the head office, through two firewalls."""
    status, said = readonly[asked]
    assert status == 0, said
    assert says in said
