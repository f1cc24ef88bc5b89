"""Outlook with CRM for Outlook: it reads its mailbox, and brings tracked mail to CRM by the web services."""

from portwright.protocols import organization_service as crm
from portwright.protocols import pop3, smtp, soap
from portwright.protocols.conversation import Misspoken, Refused
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.host import Host, Hosts
from portwright.rehearse.hosts.visits import Visit
from portwright.rehearse.plays.people import at, greet, somebody
from portwright.rehearse.servers.identity.tickets import initiating
from portwright.rehearse.servers.mail.exchange import greeted, outlook
from portwright.rehearse.servers.mail.mailboxes import Letter


async def outlook_sync(hosts: Hosts) -> str:
    """Read mail, then track a message in CRM."""
    for host in at(hosts, "crm.outlook-web"):
        await _mail(host)
        host.say(f"Outlook has tracked a message: {await _track(host)}")
    return "Outlook has read its mail and tracked a message in CRM"


async def _mail(host: Host) -> None:
    """By whatever way the site has."""
    if host.needs("crm.outlook-exchange"):
        await _connect(host)
    for requirement in ("crm.outlook-rpc-mapper", "crm.outlook-rpc"):
        if host.needs(requirement):
            await greet(host, requirement)
    account, address = somebody(host), f"{somebody(host).name}@{host.realm.domain}"
    if host.needs("crm.outlook-pop3"):
        fetched = await host.call("crm.outlook-pop3", lambda _: pop3.client(pop3.Login(account.name, account.password)))
        host.say(f"Outlook has fetched {len(fetched)} messages")
    if host.needs("crm.outlook-smtp"):
        target = host.targets("crm.outlook-smtp")[0]
        mode = target.lookup("smtp.mode")
        login = None if mode == "relay" else smtp.Login(account.name, account.password)
        mail = smtp.Mail(address, (address,), Letter(address, (address,), "Note to self", "Call back.").data)
        await host.call("crm.outlook-smtp", lambda _: smtp.client(mail, login, tls=mode == "submission"), target)


async def _connect(host: Host) -> None:
    """MAPI over HTTP, signed in by a ticket or by a password."""
    account = somebody(host)
    password = account.name, account.password
    async with Visit(host, "crm.outlook-exchange", initiate=initiating(host, account), password=password) as visit:
        answer = await visit.ask(outlook())
    if answer.status == 401:
        raise Refused("Outlook asks for the password again and again")
    if not greeted(answer):
        raise Misspoken("this is no Exchange")


async def _track(host: Host) -> str:
    """Make an activity of a message, by the organization service."""
    fields: dict[str, crm.Value] = {"subject": "Tracked by Outlook", "directioncode": False}
    body = soap.envelope(crm.asked(crm.Create(crm.Record("email", attributes=fields))))
    headers = {"SOAPAction": f'"{crm.action("Create")}"'}
    async with Browser(host, somebody(host), "crm.outlook-web") as one:
        await one.open("/main.aspx")
        answer = await one.open(crm.WEB_PATH, body, "text/xml; charset=utf-8", headers)
    created = crm.answer_of(soap.opened(answer.body))
    if not isinstance(created, crm.Created):
        raise Misspoken("nothing was created")
    return created.id
