"""Our clients understand what a domain controller of Samba's said (4.17, recorded octet by octet)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.kerberos.contoso import NOW
from tests.protocols.spoken import talked

from portwright.protocols.conversation import Misspoken, send
from portwright.protocols.kerberos import Denied, Principal, kpasswd, probe
from portwright.protocols.kerberos.client import Salted, salted
from portwright.protocols.kerberos.messages import KrbError
from portwright.protocols.ldap import NotDone, Role, locate
from portwright.protocols.ldap.client import located

REALM = "CONTOSO.EXAMPLE"
LOCATED = """
30819002010164818a040030818530818204086e65746c6f676f6e3176047417000000fd13000022b4278dc898254ea267ddacb584887d07636f6e74
6f736f076578616d706c6500c01803646331c01807434f4e544f534f000344433100001744656661756c742d46697273742d536974652d4e616d6500
c04010020000000a63000a00000000000000000d000000ffffffff300c02010165070a010004000400
"""
ELSEWHERE = "300c02010165070a010004000400"
UNKNOWN = """
7e8197308194a003020105a10302011ea411180f32303236313132323137333830345aa5050203090b94a603020106a7111b0f434f4e544f534f2e45
58414d504c45a81d301ba003020101a11430121b10706f72747772696768742d70726f6265a9111b0f434f4e544f534f2e4558414d504c45aa243022
a003020102a11b30191b066b72627467741b0f434f4e544f534f2e4558414d504c45
"""
PROVE_IT = """
7e82013930820135a003020105a10302011ea411180f32303236313132323137333830345aa505020309120aa603020119a7111b0f434f4e544f534f
2e4558414d504c45a8123010a003020101a10930071b05616c696365a9111b0f434f4e544f534f2e4558414d504c45aa243022a003020102a11b3019
1b066b72627467741b0f434f4e544f534f2e4558414d504c45ab2b1b294e65656420746f207573652050412d454e432d54494d455354414d502f5041
2d504b2d41532d524551ac7d047b30793009a103020110a20204003009a10302010fa2020400300aa10402020093a20204003009a103020102a20204
00300aa10402020088a2020400300aa1040202028fa20204003032a103020113a22b042930273025a003020112a1161b14434f4e544f534f2e455841
4d504c45616c696365a206040400001000
"""
NOT_CHANGED = """
009c000100007e8193308190a003020105a10302011ea411180f32303236313132323137333830345aa5050203091c2fa603020102a9111b0f434f4e
544f534f2e4558414d504c45aa1d301ba003020101a11430121b066b61646d696e1b086368616e67657077ac330431000267656e7365635f75706461
7465206661696c6564202d204e545f5354415455535f4c4f474f4e5f4641494c5552450a
"""
_HINT = "3030a103020113a229042730253023a003020112a1141b12434f4e544f534f2e4558414d504c456f6666a206040400001000"


def told(talk, octets):
    return talked(talk, send(bytes.fromhex(octets.replace("\n", ""))), datagrams=True)


def test_where_the_controller_is():
    """With names compressed as in DNS, and the address."""
    found = told(locate("contoso.example"), LOCATED)
    assert (found.domain, found.host, found.site) == (
        "contoso.example",
        "dc1.contoso.example",
        "Default-First-Site-Name",
    )
    assert (found.netbios_domain, found.netbios_host, found.client_site) == ("CONTOSO", "DC1", found.site)
    assert Role.KDC | Role.GLOBAL_CATALOG in found.roles
    with pytest.raises(NotDone, match="no controller"):
        told(locate("fabrikam.example"), ELSEWHERE)


TRUE = bytes.fromhex(LOCATED.replace("\n", ""))


@given(st.integers(0, len(TRUE) - 1), st.integers(0, 255), st.integers(0, len(TRUE)))
def test_a_damaged_answer_of_the_locator_ends_in_order(at, octet, end):
    """Its names point at one another: in a circle as well."""
    damaged = (TRUE[:at] + bytes([octet]) + TRUE[at + 1 :])[:end]
    with contextlib.suppress(Misspoken, NotDone):
        located(damaged, "contoso.example")


def test_that_it_is_a_kdc_and_how_a_password_becomes_a_key():
    """By its errors."""
    assert told(probe(REALM, datagrams=True), UNKNOWN) == f"KDC_ERR_C_PRINCIPAL_UNKNOWN (6) of realm {REALM}"
    found = told(salted(Principal.of("alice", REALM), datagrams=True), PROVE_IT)
    assert found == Salted(18, f"{REALM}alice", 4096)


@pytest.mark.parametrize(
    ("code", "data", "said"),
    [
        (18, f"3049{_HINT}3015a103020103a20e040c720000c00000000001000000", ": the account is disabled"),
        (23, f"3049{_HINT}3015a103020103a20e040c240200c00000000001000000", ": the password has to be changed first"),
        (18, f"3049{_HINT}3015a103020103a20e040c930100c00000000001000000", ": the account has expired"),
        (18, f"3049{_HINT}3015a103020103a20e040c990900c00000000001000000", ": status 0xc0000999"),
        (18, "3015a103020103a20e040c340200c00000000001000000", ": the account is locked out"),  # as Windows has it
        (18, f"3032{_HINT}", ""),
        (18, "3015a103020103", ""),
        (18, "", ""),
    ],
    ids=["disabled", "must-change", "expired", "other", "locked", "no-status", "cut-short", "nothing"],
)
def test_why_it_refuses_a_user(code, data, said):
    """By the status of Windows in the error's data."""
    server = Principal.of(f"krbtgt/{REALM}", REALM)
    error = KrbError(code, server, NOW, "", bytes.fromhex(data)).encoded
    with pytest.raises(Denied) as refused:
        told(salted(Principal.of("off", REALM), datagrams=True), error.hex())
    assert str(refused.value).endswith(f"of realm {REALM}{said}")


def test_that_it_changes_passwords():
    """By the reason why not."""
    said = told(kpasswd.probe(REALM, NOW, "10.0.0.1", datagrams=True), NOT_CHANGED)
    assert said == f"hard error (2): gensec_update failed - NT_STATUS_LOGON_FAILURE: error 2 of realm {REALM}"
