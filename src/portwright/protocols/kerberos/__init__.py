"""Kerberos 5 (RFC 4120) with AES: a realm as a value, its KDC, clients, and services that accept tickets.

realm = realm_of("CONTOSO.EXAMPLE", {"alice": "secret", "web": "hidden"}, {"HTTP/fe01.contoso.example": "web"})
kdc.server(realm, clock)                                         # a conversation on port 88
tgt = yield from sign_in(Principal.parse("alice@CONTOSO.EXAMPLE"), "secret", now)
ticket = yield from ticket_for(tgt, Principal.parse("HTTP/fe01.contoso.example@CONTOSO.EXAMPLE"), now)
began = gss.initiate(ticket, now)                                # or spnego.Initiator(ticket, now)
who = gss.accept(began.token, realm.keys("HTTP/fe01.contoso.example"), now)   # or spnego.Acceptor(keys, clock)
began.finished(who.reply).wrap(b"...")
"""

from portwright.protocols.kerberos.ap import Credential
from portwright.protocols.kerberos.client import probe, proved, salted, sign_in, ticket_for
from portwright.protocols.kerberos.crypto import BadIntegrity, Key, string_to_key
from portwright.protocols.kerberos.gss import Accepted, Context, Flag
from portwright.protocols.kerberos.names import Denied, ErrorCode, Principal
from portwright.protocols.kerberos.realm import Account, Realm, account_of, realm_of

__all__ = [
    "Accepted",
    "Account",
    "BadIntegrity",
    "Context",
    "Credential",
    "Denied",
    "ErrorCode",
    "Flag",
    "Key",
    "Principal",
    "Realm",
    "account_of",
    "probe",
    "proved",
    "realm_of",
    "salted",
    "sign_in",
    "string_to_key",
    "ticket_for",
]
