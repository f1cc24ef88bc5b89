"""Users save records for which plug-ins run: at once, while the user waits, and later, as a system job."""

from portwright.protocols import organization_service as crm
from portwright.protocols import soap
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered
from portwright.rehearse.plays.people import at, browser, users_at, with_role
from portwright.rehearse.servers.crm.asynchronous import Asynchronous
from portwright.rehearse.servers.crm.pages import MAIN
from portwright.rehearse.servers.crm.steps import SUCCEEDED

_SOAP = "text/xml; charset=utf-8"


async def sandbox_plugin(hosts: Hosts) -> str:
    """Save a contact, whose plug-in makes a task at once, and an account, whose plug-in runs in the background."""
    at(hosts, "crm.sandbox")
    for host in users_at(hosts):
        async with browser(host) as one:
            await one.open(MAIN)
            contact = await _created(one, crm.Record("contact", attributes={"fullname": "Ada Lovelace"}))
            task = await _task(one, contact)
            account = await _created(one, crm.Record("account", attributes={"name": "Analytical Engines"}))
            for server in with_role(hosts, "crm/async"):
                await _work(server)
            later = await _job(one, account)
    return f"{task}; {later}"


async def _created(one: Browser, record: crm.Record) -> str:
    answer = await _asked(one, crm.Create(record))
    if not isinstance(answer, crm.Created):
        raise Misspoken("nothing was created")
    return answer.id


async def _task(one: Browser, contact: str) -> str:
    """What the plug-in has made. Raises Refused where it has made nothing."""
    found = await _regarding(one, "task", contact)
    if not found:
        raise Refused("the plug-in has run, and there is no task of it")
    one.host.say(f"a plug-in has made the task '{found[0].attributes.get('subject', '')!s}'")
    return f"the plug-in made the task '{found[0].attributes.get('subject', '')!s}'"


async def _work(server: Host) -> None:
    """Nobody waits for it: the user sees at most that the system job stays."""
    role = server.roles["crm/async#jobs"]
    assert isinstance(role, Asynchronous)
    try:
        await role.work_once()
    except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
        server.say(f"system jobs stay Waiting: {problem}")


async def _job(one: Browser, account: str) -> str:
    found = await _regarding(one, "asyncoperation", account)
    done = bool(found) and found[0].attributes.get("statuscode") == SUCCEEDED
    told = "the system job has succeeded" if done else "the system job stays, or has failed"
    one.host.say(told)
    return told


async def _regarding(one: Browser, entity: str, identity: str) -> tuple[crm.Record, ...]:
    condition = f'<condition attribute="regardingobjectid" operator="eq" value="{identity}"/>'
    fetch = f'<fetch><entity name="{entity}"><all-attributes/><filter>{condition}</filter></entity></fetch>'
    answer = await _asked(one, crm.RetrieveMultiple(fetch))
    return answer.records if isinstance(answer, crm.Records) else ()


async def _asked(one: Browser, call: crm.Call) -> crm.Answer:
    """The organization service's answer, as a script on a page of CRM gets it."""
    headers = {"SOAPAction": f'"{crm.action(type(call).__name__)}"'}
    answer = await one.open(crm.WEB_PATH, soap.envelope(crm.asked(call)), _SOAP, headers)
    return crm.answer_of(soap.opened(answer.body))
