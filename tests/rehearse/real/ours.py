"""Our own clients, on a host of the lab, against a real domain controller behind the firewall."""

import asyncio
import socket
from datetime import UTC, datetime

from portwright.protocols import ldap, spnego
from portwright.protocols.conversation import Misspoken, Refused
from portwright.protocols.kerberos import Principal, account_of, kpasswd, probe, sign_in, ticket_for
from portwright.protocols.ntlm.response import Login
from portwright.rehearse.hosts.wire import Datagrams, dialed

PATIENCE = 10  # seconds
WEB = "HTTP/fe01.fabrikam.test"


def now():
    return datetime.now(UTC)


def asked(member):
    """What the controller says to our clients on a member's host, each answer by the name of its question."""
    asking, realm = Asking(member), member.realm
    alice = Principal.of("alice", realm.name)
    said = {
        "kdc": asking.tcp(88, probe(realm.name)),
        "kdc by udp": asking.udp(88, probe(realm.name, datagrams=True)),
        "locator": asking.udp(389, ldap.locate(realm.domain)),
        "root": asking.tcp(389, ldap.root_dse()),
        "wrong": asking.tcp(88, sign_in(alice, "wrong", now())),
        "passwords": asking.tcp(464, kpasswd.probe(realm.name, now(), "127.0.0.1")),
        "anonymous": asking.tcp(389, ldap.look_up(ldap.NOBODY, realm.base)),
    }
    signed_in = asking.tcp(88, sign_in(alice, member.passwords["alice"], now()))
    directory = asking.tcp(88, ticket_for(signed_in, Principal.of(f"ldap/{member.name}", realm.name), now()))
    who, wanted = ldap.Ticket(directory, now()), ldap.equal("sAMAccountName", "bob")
    said["ldap"] = asking.tcp(389, ldap.look_up(who, realm.base, wanted, attributes=("mail",)))
    by_ntlm = ldap.Ntlm(Login("alice", member.passwords["alice"], realm.netbios, "FE01"))
    said["ntlm"] = asking.tcp(389, ldap.look_up(by_ntlm, realm.base, wanted, attributes=("mail",)))
    said["catalog"] = asking.tcp(3268, ldap.look_up(ldap.Ticket(directory, now()), "", wanted, attributes=("mail",)))
    ticket = asking.tcp(88, ticket_for(signed_in, Principal.of(WEB, realm.name), now()))
    return {name: str(value) for name, value in said.items()} | {"web": accepted(realm, ticket)}


def accepted(realm, ticket):
    """Who comes by a ticket of the controller's to a service of ours, which knows its account's password alone."""
    service = realm.account(WEB)
    acceptor = spnego.Acceptor(account_of(realm.name, service.name, service.password).keys, now)
    client = spnego.Initiator(ticket, now())
    client.step(acceptor.step(client.token))
    return str(acceptor.accepted.client)


class Asking:
    """Conversations with a member's controller."""

    def __init__(self, member):
        self.network, self.node, self.there = member.scene.network, member.node, member.controller

    def tcp(self, port, talk):
        async def ask():
            stream = await dialed(self.network.socket(self.node, 4, socket.SOCK_STREAM), self.there, port)
            try:
                return await stream.run(talk)
            finally:
                await stream.close()

        return _within(ask())

    def udp(self, port, talk):
        async def ask():
            made = self.network.socket(self.node, 4, socket.SOCK_DGRAM)
            made.connect((self.there, port))
            wire = Datagrams(made)
            try:
                return await wire.run(talk)
            finally:
                await wire.close()

        return _within(ask())


def _within(asking):
    """What came of it, or how it was refused."""
    try:
        return asyncio.run(asyncio.wait_for(asking, PATIENCE))
    except (Misspoken, Refused) as no:
        return no
