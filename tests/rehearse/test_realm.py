"""The domains of a lab: who is in them, and what they are called."""

from pathlib import Path

import pytest

from portwright.rehearse.hosts.realm import label, realms_of
from portwright.rehearse.network.layout import layout
from portwright.site.load import load_site

EXAMPLES = Path(__file__).parents[2] / "examples"


def realms(example):
    site = load_site(EXAMPLES / example / "site.yaml")
    return realms_of(site, layout(site))


def test_a_site_that_names_no_domain_is_one():
    """Its domain has the name of the site."""
    (realm,) = realms("f2")
    assert (realm.domain, realm.name, realm.netbios, realm.base) == (
        "fabrikam.test",
        "FABRIKAM.TEST",
        "FABRIKAM",
        "DC=fabrikam,DC=test",
    )
    assert realm.controllers == ("dc01",)
    assert realm.hosts["fe01"] == "fe01.fabrikam.test"
    assert [str(one) for one in realm.records["sql01"]] == ["10.2.30.21"]


def test_each_computer_has_an_account_for_its_services():
    """The names that clients ask tickets for lead to it, in large letters or small."""
    (realm,) = realms("f2")
    account = realm.account("MSSQLSvc/SQL01.fabrikam.test:1433")
    assert account is realm.computers["sql01"]
    assert (account.principal, account.salt) == ("svc-sql01@FABRIKAM.TEST", "FABRIKAM.TESTsvc-sql01")
    assert realm.account("http/fe01.fabrikam.test") is realm.computers["fe01"]
    assert realm.account("HTTP/nobody.fabrikam.test") is None


def test_a_shared_address_has_its_keys_where_it_is_answered():
    """The first member of a cluster stands for the name of the cluster."""
    realm = realms("f9")[0]
    assert realm.account("HTTP/crm-int.x.example") is realm.computers["fe03"]
    assert realm.account("MSSQLSvc/sqlcrm.x.example:1433") is realm.computers["sqln1"]
    assert len(realm.records["sqlcrm"]) == 2


def test_each_domain_is_a_realm_of_its_own():
    """By the setting ad.domain; the PDC emulator comes first."""
    found = {realm.domain: realm.controllers for realm in realms("f9")}
    assert found == {"x.example": ("dcx1", "dcx2"), "y.example": ("dcy1",), "staff.y.example": ("dcy2",)}
    assert len({realm.netbios for realm in realms("f9")}) == 3


def test_a_read_only_controller_comes_last():
    """Another one has to be there before it."""
    assert realms("f7")[0].controllers == ("dc01", "rodc01")


def test_passwords_are_new_each_time_and_never_shown():
    """They are random, and no part of what a value prints."""
    one, other = realms("f2")[0].administrator, realms("f2")[0].administrator
    assert one.password != other.password
    assert one.password not in repr(one)


@pytest.mark.parametrize(
    ("name", "made"), [("fe01", "fe01"), ("Time/Source", "time-source"), ("__", "x"), ("a" * 70, "a" * 63)]
)
def test_a_name_as_a_label(name, made):
    """Letters, digits and hyphens, 63 at most."""
    assert label(name) == made
