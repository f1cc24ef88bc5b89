"""LDAP (RFC 4511), the global catalog, and the locator of domain controllers on UDP ([MS-ADTS] 6.3).

directory = directory_of({"CN=Alice,DC=contoso,DC=example": {"cn": ("Alice",)}}, domain_root("contoso.example", host))
server(directory, clock, realm.keys("ldap/dc1.contoso.example"))    # on 389, 3268; under_tls(...) on 636, 3269
locator(Located.of("contoso.example", "dc1.contoso.example"))       # on UDP 389
entries = yield from look_up(Password("CN=Alice,...", "secret"), "DC=contoso,DC=example", equal("cn", "alice"))
"""

from portwright.protocols.ldap.client import NOBODY, Ntlm, Password, SignIn, Ticket, locate, look_up, root_dse
from portwright.protocols.ldap.directory import Directory, directory_of, domain_base, domain_root
from portwright.protocols.ldap.filters import EVERYTHING, All, Any, Compared, Filter, Not, Parts, Present, equal
from portwright.protocols.ldap.messages import Entry, NotDone, Result, Scope, Search
from portwright.protocols.ldap.netlogon import Located, Role, locator
from portwright.protocols.ldap.server import SimpleBind, server

__all__ = [
    "EVERYTHING",
    "NOBODY",
    "All",
    "Any",
    "Compared",
    "Directory",
    "Entry",
    "Filter",
    "Located",
    "Not",
    "NotDone",
    "Ntlm",
    "Parts",
    "Password",
    "Present",
    "Result",
    "Role",
    "Scope",
    "Search",
    "SignIn",
    "SimpleBind",
    "Ticket",
    "directory_of",
    "domain_base",
    "domain_root",
    "equal",
    "locate",
    "locator",
    "look_up",
    "root_dse",
    "server",
]
