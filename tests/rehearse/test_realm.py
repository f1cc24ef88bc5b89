"""Accounts of a rehearsal."""

import pytest

from portwright.rehearse.realm import Account, make_realm

REALM = make_realm("contoso.test", {"fe01": ["HTTP/fe01.contoso.test", "HTTP/crm.contoso.test"], "sql01": []})


def test_a_service_is_found_by_its_principal_name():
    """Whatever the case."""
    assert REALM.owner("http/CRM.contoso.test") is REALM.account_of("fe01")
    assert REALM.owner("HTTP/other") is None
    assert (REALM.name, REALM.netbios) == ("CONTOSO.TEST", "CONTOSO")


def test_passwords_are_fresh_and_never_shown():
    """Neither of two runs has the other's, and no representation has one."""
    password = REALM.accounts["alice"].password
    assert password != make_realm("contoso.test", {}).accounts["alice"].password
    assert password not in repr(REALM)


def test_an_account_is_whole():
    """Without a password there is none."""
    with pytest.raises(ValueError, match="name and a password"):
        Account("alice", "", "")
