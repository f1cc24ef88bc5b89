"""Excel refreshes a worksheet that was exported dynamically: it reads the filtered views itself, as the user."""

from portwright.protocols import sqlbrowser
from portwright.protocols.conversation import Refused
from portwright.rehearse.hosts.host import Host, Hosts, Target
from portwright.rehearse.plays.people import at, browser, find, somebody
from portwright.rehearse.servers.crm.pages import EXPORT
from portwright.rehearse.servers.crm.worksheets import Worksheet, worksheet_of
from portwright.rehearse.servers.sql.client import signed_in


async def export_to_excel(hosts: Hosts) -> str:
    """Download the worksheet, then find SQL Server, sign in to it and read."""
    for host in at(hosts, "crm.excel-export", "crm.web"):
        async with browser(host) as one:
            sheet = worksheet_of((await one.open(f"{EXPORT}?entity=account&type=dynamic")).body)
        rows = await _refreshed(host, sheet)
        host.say(f"Excel shows {rows} rows")
    return f"Excel shows {rows} rows"


async def _refreshed(host: Host, sheet: Worksheet) -> int:
    """How many rows the worksheet shows. Raises Unanswered, and Refused with what Excel says."""
    server = sheet.server.partition(",")[0].partition("\\")[0]
    await find(host, server)
    targets = host.targets("crm.excel-export")
    target = next((one for one in targets if one.name.lower() == server.lower()), targets[0])
    if host.needs("crm.excel-export-lookup"):
        await _look_up(host, target)
    async with signed_in(host, "crm.excel-export", sheet.database, account=somebody(host).name, target=target) as sql:
        return len(await sql.rows(sheet.query))


async def _look_up(host: Host, target: Target) -> None:
    """Ask the SQL Browser for the port of the instance. Raises Refused where it does not know one there."""
    asked = next((one for one in host.targets("crm.excel-export-lookup") if one.address == target.address), None)
    found = await host.call("crm.excel-export-lookup", lambda _: sqlbrowser.client(), asked)
    host.say(str(found))
    if target.port not in {one.port for one in found.instances}:
        raise Refused("error locating the server or instance specified (SQL Network Interfaces, error 26)")
