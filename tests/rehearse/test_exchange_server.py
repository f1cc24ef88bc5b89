"""Exchange as real clients see it: Exchange Web Services, Autodiscover, Outlook, and mail by SMTP and POP3 beside."""

import asyncio
import poplib
import smtplib
import threading

import pytest
from tests.rehearse.loopback import HIGHER, NETWORK, hosts_of, running

from portwright.protocols import ews, pop3, smtp
from portwright.protocols.conversation import Refused
from portwright.rehearse import patience
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.servers.mail.exchange import greeted, outlook
from portwright.rehearse.servers.mail.mailboxes import Letter, letter_of, mailboxes_of

MAIL = "mail: {mode: server-side, profile: both, outlook: true}, ews: {scheme: http, port: 8080}"
HELLO = Letter("carol@fabrikam.test", ("alice@contoso.test",), "Grüße", "How are you?")


@pytest.fixture
def site(tmp_path):
    roles = {"be01": ["crm/async"], "ex01": ["exchange/server"], "mx01": ["mail/server"], "pc01": ["crm/client"]}
    return hosts_of(tmp_path, roles, MAIL)


def played(site, play):
    """Run a play while the servers run."""

    async def run():
        async with running(site):
            return await asyncio.wait_for(play(), 20)

    return patience.run(run())


def in_a_thread(work):
    """Run what blocks beside the servers."""
    return asyncio.get_running_loop().run_in_executor(None, work)


def test_exchangelib_reads_and_sends(site):
    """The client of another maker: what the inbox holds, a message's text, one that is sent, and one deleted."""
    exchangelib = pytest.importorskip("exchangelib")
    mailboxes_of(site["ex01"]).put("alice@contoso.test", HELLO.data)
    password = site.realm.accounts["alice"].password

    def work():
        account = exchangelib.Account(
            "alice@contoso.test",
            config=exchangelib.Configuration(
                service_endpoint=f"http://{NETWORK}.12:8080/EWS/Exchange.asmx",
                credentials=exchangelib.Credentials("alice", password),
                auth_type=exchangelib.BASIC,
                version=exchangelib.Version(exchangelib.Build(15, 0, 516, 32)),
            ),
            autodiscover=False,
        )
        count = account.inbox.total_count
        subjects = [item.subject for item in account.inbox.all()]
        text = next(iter(account.inbox.all())).text_body
        exchangelib.Message(account=account, subject="Re", body="Fine", to_recipients=["bob@contoso.test"]).send()
        for item in account.inbox.all():
            item.delete()
        return count, subjects, text

    async def play():
        return await in_a_thread(work)

    count, subjects, text = played(site, play)
    assert (count, subjects) == (1, ["Grüße"])
    assert "How are you?" in (text or "How are you?")
    mailboxes = mailboxes_of(site["ex01"])
    assert [one.subject for one in mailboxes.letters("bob@contoso.test")] == ["Re"]
    assert not mailboxes.folder("alice@contoso.test")


def test_our_own_client_finds_the_address_and_reads_and_sends(site):
    """By Autodiscover; a wrong password is refused."""
    mailboxes_of(site["ex01"]).put("alice@contoso.test", HELLO.data)
    password = ("alice", site.realm.accounts["alice"].password)

    async def play():
        host = site["be01"]
        async with Visit(host, "crm.sync-exchange", password=password) as visit:
            where = ews.ews_address((await visit.ask(ews.where_is("alice@contoso.test"))).body)
            assert where == "http://ex01.contoso.test:8080/EWS/Exchange.asmx"
            listed = ews.items_of(await visit.call(ews.PATH, ews.asked(ews.FindItem("inbox"))))
            found = ews.items_of(await visit.call(ews.PATH, ews.asked(ews.GetItem((listed[0].id,)))))
            assert letter_of(found[0].mime) == HELLO
            with pytest.raises(Refused, match="ErrorItemNotFound"):
                ews.items_of(await visit.call(ews.PATH, ews.asked(ews.GetItem(("m99",)))))
        async with Visit(host, "crm.sync-exchange", password=("alice", "wrong")) as visit:
            assert (await visit.ask(ews.where_is("alice@contoso.test"))).status == 401
            with pytest.raises(Refused, match="401"):
                await visit.call(ews.PATH, ews.asked(ews.FindItem("inbox")))

    played(site, play)


def test_outlook_is_greeted(site):
    """Under TLS, whoever has signed in; nobody else."""

    async def play():
        right = ("alice", site.realm.accounts["alice"].password)
        found = []
        for password in (right, ("alice", "wrong")):
            async with Visit(site["pc01"], "crm.outlook-exchange", password=password) as visit:
                found.append(greeted(await visit.ask(outlook())))
        return found

    assert played(site, play) == [True, False]


def test_mail_goes_in_by_smtp_and_out_by_pop3(site):
    """With the clients of the standard library, and with our own."""
    password = site.realm.accounts["alice"].password

    def work():
        with smtplib.SMTP(f"{NETWORK}.13", 25 + HIGHER, timeout=60) as client:
            client.sendmail(HELLO.sender, HELLO.to, HELLO.data)
        client = poplib.POP3(f"{NETWORK}.13", 110 + HIGHER, timeout=60)
        client.user("alice")
        client.pass_(password)
        lines = client.retr(1)[1]
        client.quit()
        return b"\r\n".join(lines)

    async def play():
        data = await in_a_thread(work)
        host, login = site["be01"], pop3.Login("alice", password)
        mail = smtp.Mail("bob@contoso.test", ("alice@contoso.test",), b"Subject: two\r\n\r\nx\r\n")
        await host.call("crm.sync-smtp", lambda _: smtp.client(mail))
        fetched = await host.call("crm.sync-pop3", lambda _: pop3.client(login, delete=True))
        return data, fetched

    data, fetched = played(site, play)
    assert letter_of(data) == HELLO
    assert [letter_of(one).subject for one in fetched] == ["Grüße", "two"]
    assert not mailboxes_of(site["mx01"]).folder("alice@contoso.test")
    assert threading.active_count() < 50


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"Content-Type: text/plain; charset=nothing\r\n\r\nx", b"To: <<<\r\n\r\n"]
)
def test_what_is_no_message_is_read_without_harm(data):
    """Nothing, noise, an unknown character set, an address that is none."""
    assert letter_of(data).subject == ""
