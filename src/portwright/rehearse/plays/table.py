"""Who plays which scenario, and how a play ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module

from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.rehearse.hosts.host import Hosts, Unanswered, Unplanned
from portwright.rehearse.plays.telling import went_well, went_wrong
from portwright.rehearse.progress import At, nobody
from portwright.rehearse.servers.identity.tickets import without_tickets

PATIENCE = 45.0  # seconds in which nobody dials: behind each other, several clients may have to wait for nobody
_LOOKING = 1.0  # seconds between two looks at how far it is
Play = Callable[[Hosts], Awaitable[str]]  # what the user has in the end; raises what is listed under `performed`

_HERE = "portwright.rehearse.plays"
PLAYS: Mapping[str, tuple[str, str]] = {  # by scenario of the catalog: module and function
    "sign-in-integrated": ("browser", "sign_in_integrated"),
    "sign-in-claims": ("browser", "sign_in_claims"),
    "run-sql-report": ("browser", "run_sql_report"),
    "run-fetch-report": ("browser", "run_fetch_report"),
    "export-to-excel": ("excel", "export_to_excel"),
    "sandbox-plugin": ("sandbox", "sandbox_plugin"),
    "publish-report": ("browser", "publish_report"),
    "deployment-administration": ("administrator", "deployment_administration"),
    "citrix-session": ("citrix", "citrix_session"),
    "outlook-sync": ("outlook", "outlook_sync"),
    "email-router-exchange": ("mail", "email_router_exchange"),
    "email-router-pop3": ("mail", "email_router_pop3"),
    "server-side-sync": ("mail", "server_side_sync"),
}


class NotPlayed(Exception):
    """The site has nobody who could play it, and why."""


def play_of(scenario: str) -> Play | None:
    """The play of a scenario; None where there is none."""
    if scenario not in PLAYS:
        return None
    module, name = PLAYS[scenario]
    found: Play = getattr(import_module(f"{_HERE}.{module}"), name)
    return found


async def performed(play: Play, hosts: Hosts, at: At = nobody) -> tuple[bool, str]:
    """Whether a play went well, and what the user saw. `at` is told which host is at work. Raises NotPlayed."""
    hosts.shared(without_tickets).clear()
    begun = len(hosts.dials)
    try:
        return True, went_well(hosts, await _followed(play(hosts), hosts, at), hosts.dials[begun:])
    except Unanswered as problem:
        return False, str(problem)
    except Unplanned as problem:
        raise NotPlayed(str(problem)) from None
    except Refused as problem:
        told = str(problem) or "it is refused"
    except (Misspoken, EndOfStream) as problem:
        told = f"an answer that nobody understands: {problem}"
    except TimeoutError:
        told = f"no end, and nobody has dialed for {PATIENCE:g} s"
    except OSError as problem:
        told = f"the connection broke: {problem.strerror or problem}"
    return False, went_wrong(hosts, told, hosts.dials[begun:])


async def _followed(playing: Awaitable[str], hosts: Hosts, at: At) -> str:
    """The end of a play, however many users have to play it. Raises TimeoutError where it does not go on."""
    task, clock = asyncio.ensure_future(playing), asyncio.get_running_loop().time
    dials, since = len(hosts.dials), clock()
    try:
        while not (await asyncio.wait({task}, timeout=_LOOKING))[0]:
            if len(hosts.dials) > dials:
                dials, since = len(hosts.dials), clock()
                at(f"{hosts.dials[-1].target.exchange.source} asks {hosts.dials[-1].target.exchange.destination}")
            elif clock() - since > PATIENCE:
                raise TimeoutError
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})
