"""Mail between CRM and the mail servers: messages wait on both sides, and the carriers of the site fetch them."""

import secrets
from collections.abc import Awaitable, Callable, Sequence

from portwright.protocols.conversation import Refused
from portwright.protocols.organization_service import Create, Record, Reference, Value
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered
from portwright.rehearse.plays.people import with_role
from portwright.rehearse.servers.crm.email_router import EmailRouter, forward_address
from portwright.rehearse.servers.crm.mail_carrier import PENDING, Carried
from portwright.rehearse.servers.crm.organization import Organization
from portwright.rehearse.servers.crm.synchronization import Synchronization
from portwright.rehearse.servers.mail.mailboxes import Letter, mailboxes_of
from portwright.rehearse.servers.sql.records import user_id

_Work = Callable[[], Awaitable[Carried]]
_EXCHANGE = frozenset({"crm.router-exchange", "crm.router-forward-mailbox"})
_OTHERS = frozenset({"crm.router-pop3", "crm.router-forward-pop3", "crm.router-smtp"})


async def email_router_exchange(hosts: Hosts) -> str:
    """The E-mail Router, with Exchange: what only the other mail servers keep from working is not told here."""
    return await _routed(hosts, _OTHERS)


async def email_router_pop3(hosts: Hosts) -> str:
    """The E-mail Router, with POP3 and SMTP: what only Exchange keeps from working is not told here."""
    return await _routed(hosts, _EXCHANGE)


async def _routed(hosts: Hosts, not_here: frozenset[str]) -> str:
    carriers = [_router(host) for host in with_role(hosts, "crm/email-router")]
    await _prepare(hosts, Organization(with_role(hosts, "crm/front-end")[0]))
    return await _carried(carriers, not_here)


def _router(host: Host) -> _Work:
    role = host.roles["crm/email-router"]
    assert isinstance(role, EmailRouter)
    return role.work_once


async def server_side_sync(hosts: Hosts) -> str:
    """Server-side synchronization, which first finds Exchange where the site has it."""
    carriers = []
    for host in with_role(hosts, "crm/async"):
        one = Synchronization(host)
        carriers.append(one.work_once)
        if host.needs("crm.sync-autodiscover"):
            await _find_exchange(host, one)
    await _prepare(hosts, Organization(with_role(hosts, "crm/async")[0], "crm.async-database"))
    return await _carried(carriers, frozenset())


async def _find_exchange(host: Host, one: Synchronization) -> None:
    """Profiles with an address of their own work without Autodiscover."""
    try:
        host.say(f"Exchange answers at {await one.find_exchange()}")
    except (Unanswered, Refused) as problem:
        host.say(f"Test & Enable Mailbox fails for profiles without an address of their own: {problem}")


async def _carried(carriers: Sequence[_Work], not_here: frozenset[str]) -> str:
    """Have the mail carried. Raises the first problem that is not of another scenario."""
    sent = received = 0
    for work in (*carriers, *carriers):  # the second round receives what the first has sent
        carried = await work()
        sent, received = sent + carried.sent, received + carried.received
        for problem in carried.problems:
            if not (isinstance(problem, Unanswered) and problem.target.requirement in not_here):
                raise problem
    if not sent and not received:
        raise Refused("no mail has moved")
    return f"{sent} messages were sent from CRM, and {received} received into it"


async def _prepare(hosts: Hosts, organization: Organization) -> None:
    """For each user a message to another one that waits in CRM, and one that has come to the mail servers."""
    realm = hosts.realm
    domain, users = realm.domain, realm.users
    number = secrets.randbelow(10**6)
    for user, other in zip(users, (*users[1:], users[0]), strict=True):
        mine = f"{user.name}@{domain}"
        fields: dict[str, Value] = {
            "subject": f"Offer of {user.name} ({number})", "description": "Please see our offer.",
            "torecipients": f"{other.name}@{domain}", "directioncode": True, "statuscode": PENDING,
            "ownerid": Reference("systemuser", user_id(user.name)),
        }  # fmt: skip
        await organization.answer(realm.administrator.name.lower(), Create(Record("email", attributes=fields)))
        letter = Letter(f"customer@{domain}", (mine,), f"Question to {user.name} ({number})", "What does it cost?")
        for host in hosts.values():
            if host.components & {"exchange/server", "mail/pop3-server"}:
                mailboxes_of(host).put(mine, letter.data)
                mailboxes_of(host).put(forward_address(host), letter.data)
