"""A small directory to test with, who may sign in there, and its server."""

from tests.protocols.kerberos.contoso import NAME, clock

from portwright.protocols.kerberos import realm_of
from portwright.protocols.ldap import Password, SimpleBind, directory_of, domain_root, server

DOMAIN, HOST, BASE = "contoso.example", "dc1.contoso.example", "DC=contoso,DC=example"
LDAP = "ldap/localhost"
KNOWN = realm_of(NAME, {"alice": "rose garden", "dc1$": "machine"}, {LDAP: "dc1$"})
ENTRIES = {
    BASE: {"objectClass": ("domain",), "dc": ("contoso",)},
    f"CN=Users,{BASE}": {"objectClass": ("container",), "cn": ("Users",)},
    f"CN=Alice,CN=Users,{BASE}": {
        "objectClass": ("user", "person"),
        "cn": ("Alice",),
        "sAMAccountName": ("alice",),
        "mail": ("alice@contoso.example", "a@contoso.example"),
        "userAccountControl": ("66048",),
        "objectGUID": (bytes(range(16)),),
    },
    f"CN=Bob,CN=Users,{BASE}": {
        "objectClass": ("user", "person"),
        "cn": ("Bob",),
        "sAMAccountName": ("bob",),
        "userAccountControl": ("514",),
    },
}
DIRECTORY = directory_of(ENTRIES, domain_root(DOMAIN, HOST))
SIGNED_IN = Password(f"CN=Alice,CN=Users,{BASE}", "rose garden")


def judge(question):
    assert isinstance(question, SimpleBind)
    assert "garden" not in repr(question)
    return (question.name, question.password) == (SIGNED_IN.name, SIGNED_IN.secret)


def serve(now=clock, directory=DIRECTORY):
    return server(directory, now, KNOWN.keys(LDAP))
