"""What the user of a thin client does: sign in at the portal, start a session, and use CRM from the Citrix host."""

from portwright.protocols.conversation import Misspoken
from portwright.rehearse.hosts.browsing import Browser
from portwright.rehearse.hosts.host import Host, Hosts
from portwright.rehearse.plays.browser import open_main_page
from portwright.rehearse.plays.people import at, browser, greet, somebody, with_role
from portwright.rehearse.servers.citrix import PORTAL, PROGRAM

_SESSIONS = "citrix.reliable-session", "citrix.session"
_ONWARD = "citrix.gateway-reliable-session", "citrix.gateway-session"


async def citrix_session(hosts: Hosts) -> str:
    """From each thin client; then from each Citrix host to CRM."""
    for host in at(hosts, "citrix.sign-in"):
        await _choose(host)
        await _start(host, _SESSIONS)
    for host in hosts.values():
        await _start(host, _ONWARD)
    for host in with_role(hosts, "citrix/host"):
        async with browser(host) as one:
            seen = await open_main_page(one)
    return seen


async def _choose(host: Host) -> None:
    """Sign in at the portal, and see the program there."""
    async with Browser(host, somebody(host), "citrix.sign-in") as one:
        shown = (await one.open(PORTAL)).text
    if PROGRAM not in shown:
        raise Misspoken("the portal shows no program")
    host.say(f"the thin client offers {PROGRAM}")


async def _start(host: Host, ways: tuple[str, ...]) -> None:
    """The program starts, by the way that the site has."""
    for one in ways:
        if host.needs(one):
            await greet(host, one)
