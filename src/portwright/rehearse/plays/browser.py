"""What users do with a browser: sign in, run reports, publish and delete one."""

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import quoted
from portwright.protocols.report_service import SQL_DATA, DataSet, Definition, rdl
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.host import Host, Hosts, Unanswered
from portwright.rehearse.plays.people import browser, find, greet, locate, users_at, with_role
from portwright.rehearse.servers.crm.front_end import FrontEnd
from portwright.rehearse.servers.crm.pages import DELETE, MAIN, UPLOAD, VIEWED, VIEWER
from portwright.rehearse.servers.identity.federation import FederationServer
from portwright.rehearse.servers.reports.defaults import FETCH_REPORT, SQL_REPORT

_OWN = "Contact Names"
_DEFINITION = rdl(Definition((DataSet("names", SQL_DATA, "SELECT fullname FROM FilteredContact ORDER BY fullname"),)))


async def sign_in_integrated(hosts: Hosts) -> str:
    """Find CRM and a domain controller, get a ticket, open the main page."""
    for host in users_at(hosts, "integrated"):
        await find(host, host.targets("crm.web")[0].name)
        await locate(host)
        async with browser(host) as one:
            seen = await open_main_page(one)
    return seen


async def sign_in_claims(hosts: Hosts) -> str:
    """Open CRM, sign in at AD FS, come back with the token; behind that both read each other's metadata."""
    for host in users_at(hosts, "claims"):
        async with browser(host) as one:
            seen = await open_main_page(one)
        await _ask_for_certificates(host)
    for component in ("crm/front-end", "adfs/server"):
        for host in with_role(hosts, component):
            await _read_metadata(host)
    return seen


async def open_main_page(one: Browser) -> str:
    """Open the main page of CRM, as the user who works there. Raises what `Browser.open` raises."""
    page = (await one.open(MAIN)).text
    if "Microsoft Dynamics CRM" not in page:
        raise Misspoken("this is not the main page of CRM")
    one.host.say(f"{one.account.name} sees the main page of CRM")
    return f"{one.account.name} sees the main page of CRM"


async def _ask_for_certificates(host: Host) -> None:
    """Those who have a password do without."""
    if not host.needs("crm.sign-in-certificate"):
        return
    try:
        await greet(host, "crm.sign-in-certificate")
    except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
        host.say(f"nobody can sign in with a certificate: {problem}")


async def _read_metadata(host: Host) -> None:
    """Nobody notices at once where this fails."""
    for role in host.roles.values():
        if isinstance(role, (FrontEnd, FederationServer)):
            try:
                await role.work_once()
            except (Unanswered, Refused, Misspoken, EndOfStream, OSError) as problem:
                host.say(f"the metadata are not read: {problem}")


async def run_sql_report(hosts: Hosts) -> str:
    """The report by SQL, step by step as the paper has it."""
    return await _run(hosts, SQL_REPORT)


async def run_fetch_report(hosts: Hosts) -> str:
    """The report by FetchXML."""
    return await _run(hosts, FETCH_REPORT)


async def _run(hosts: Hosts, name: str) -> str:
    for host in users_at(hosts):
        async with browser(host) as one:
            await _view(one, name)  # steps 1 and 2
            rows = await _rows(one, name)  # steps 3 to 7
    return f"{one.account.name} sees the report {name} with {rows} rows"


async def _view(one: Browser, name: str) -> None:
    if "<iframe" not in (await one.open(f"{VIEWER}?id={quoted(name)}")).text:
        raise Misspoken("the page has no report viewer")


async def _rows(one: Browser, name: str) -> int:
    """What the report viewer fetches."""
    shown = await one.open(f"{VIEWED}?id={quoted(name)}&format=HTML4.0")
    rows = shown.text.count("<tr>") - shown.text.count("<table ")
    if "text/html" not in shown.header("content-type") or rows < 1:
        raise Misspoken("the report shows nothing")
    one.host.say(f"the report viewer shows {name}: {rows} rows")
    return rows


async def publish_report(hosts: Hosts) -> str:
    """Publish a report, run it, delete it."""
    for host in users_at(hosts):
        async with browser(host) as one:
            await open_main_page(one)
            await one.open(f"{UPLOAD}?id={quoted(_OWN)}", _DEFINITION, "text/xml")
            rows = await _rows(one, _OWN)
            await one.open(f"{DELETE}?id={quoted(_OWN)}", b"-")
    return f"the report {_OWN} was published, showed {rows} rows, and was deleted"
