"""Mail moves between CRM and mailboxes, both ways, by the E-mail Router and by server-side synchronization."""

import asyncio

import pytest
from tests.rehearse.loopback import hosts_of, running

from portwright.protocols.organization_service import Create, Record, Reference, RetrieveMultiple
from portwright.rehearse import patience
from portwright.rehearse.hosts.host import Unanswered
from portwright.rehearse.servers.crm.email_router import forward_address
from portwright.rehearse.servers.crm.mail_carrier import PENDING, RECEIVED, SENT
from portwright.rehearse.servers.crm.organization import Organization
from portwright.rehearse.servers.crm.synchronization import Synchronization
from portwright.rehearse.servers.mail.mailboxes import Letter, mailboxes_of
from portwright.rehearse.servers.sql.records import user_id

ROLES = {
    "dc01": ["ad/global-catalog"], "fe01": ["crm/front-end"], "be01": ["crm/back-end"], "sql01": ["sql/engine"],
    "rs01": ["ssrs/report-server"], "ex01": ["exchange/server"], "mx01": ["mail/server"], "pc01": ["crm/client"],
}  # fmt: skip
FETCH = '<fetch><entity name="email"><all-attributes/></entity></fetch>'


def site_of(folder, mode, profile, more=""):
    roles = ROLES | ({"er01": ["crm/email-router"]} if mode == "router" else {})
    return hosts_of(folder, roles, f"mail: {{mode: {mode}, profile: {profile}{more}}}")


def carrier(site, mode):
    return site["er01"].roles["crm/email-router"] if mode == "router" else Synchronization(site["be01"])


def server(site, user, profile, *, incoming):
    """The host with the mailbox of a user."""
    by_exchange = {"exchange": True, "pop3-smtp": False, "exchange-smtp": incoming, "pop3-exchange": not incoming}
    return site["ex01" if by_exchange.get(profile, user == "alice") else "mx01"]


async def prepared(site, profile):
    """A message that waits in CRM, and one in the mailbox, of each of two users."""
    for user in ("alice", "bob"):
        fields = {
            "subject": f"from {user}", "description": "Hello", "torecipients": f"carol-{user}@contoso.test",
            "directioncode": True, "statuscode": PENDING, "ownerid": Reference("systemuser", user_id(user)),
        }  # fmt: skip
        await Organization(site["fe01"]).answer("administrator", Create(Record("email", attributes=fields)))
        data = Letter("dave@fabrikam.test", (f"{user}@{site.realm.domain}",), f"to {user}", "Hi").data
        mailboxes_of(server(site, user, profile, incoming=True)).put(f"{user}@{site.realm.domain}", data)


async def emails(site):
    found = await Organization(site["fe01"]).answer("administrator", RetrieveMultiple(FETCH))
    return {one.attributes["subject"]: one.attributes["statuscode"] for one in found.records}


def played(site, play, *, without=()):
    async def run():
        async with running(site, without=without):
            return await asyncio.wait_for(play(), 40)

    return patience.run(run())


@pytest.mark.parametrize("mode", ["router", "server-side"])
@pytest.mark.parametrize("profile", ["exchange", "pop3-smtp", "both", "exchange-smtp", "pop3-exchange"])
def test_mail_moves_both_ways(tmp_path, mode, profile):
    """What waited is sent, what came is an activity, and a second round moves nothing twice."""
    site = site_of(tmp_path, mode, profile)

    async def play():
        await prepared(site, profile)
        first, second = await carrier(site, mode).work_once(), await carrier(site, mode).work_once()
        return first, second, await emails(site)

    first, second, found = played(site, play)
    assert (first.sent, first.received, first.problems) == (2, 2, [])
    assert (second.sent, second.received, second.problems) == (0, 0, [])
    assert found == {"from alice": SENT, "from bob": SENT, "to alice": RECEIVED, "to bob": RECEIVED}
    for user in ("alice", "bob"):
        sent = mailboxes_of(server(site, user, profile, incoming=False)).letters(f"carol-{user}@contoso.test")
        assert [one.subject for one in sent] == [f"from {user}"]


@pytest.mark.parametrize("profile", ["exchange", "pop3-smtp"])
def test_the_forward_mailbox_is_read_for_everybody(tmp_path, profile):
    """What was forwarded to it becomes an activity of whom it was sent to."""
    site = site_of(tmp_path, "router", profile, ", forward_mailbox: true")
    host = site["ex01" if profile == "exchange" else "mx01"]
    data = Letter("dave@fabrikam.test", (f"bob@{site.realm.domain}",), "forwarded", "Hi").data

    async def play():
        mailboxes_of(host).put(forward_address(host), data)
        return await carrier(site, "router").work_once(), await emails(site)

    carried, found = played(site, play)
    assert (carried.received, carried.problems) == (1, [])
    assert found == {"forwarded": RECEIVED}


def test_what_cannot_be_sent_stays_pending_and_the_other_way_works(tmp_path):
    """The carrier tells which requirement is not met."""
    site = site_of(tmp_path, "server-side", "exchange-smtp")

    async def play():
        await prepared(site, "exchange-smtp")
        return await carrier(site, "server-side").work_once(), await emails(site)

    carried, found = played(site, play, without=("mx01",))
    assert (carried.sent, carried.received) == (0, 2)
    assert {type(one) for one in carried.problems} == {Unanswered}
    assert {one.target.requirement for one in carried.problems} == {"crm.sync-smtp"}
    assert found["from alice"] == PENDING


def test_synchronization_finds_exchange(tmp_path):
    """By Autodiscover."""
    site = site_of(tmp_path, "server-side", "exchange")

    async def play():
        found = Synchronization(site["be01"])
        return await found.find_exchange(), await found.find_redirect()

    direct, redirected = played(site, play)
    assert direct.endswith("/EWS/Exchange.asmx")
    assert redirected == f"https://{site.fqdn('ex01')}/autodiscover/autodiscover.xml"
