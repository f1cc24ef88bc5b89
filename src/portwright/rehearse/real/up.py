"""The daemons of a lab: which of a site's roles have one, and bringing them up, most at once."""

import asyncio
import time
from collections.abc import Callable, Sequence

from portwright.plan.model import Plan
from portwright.rehearse.certificates import Authority
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.chrony import clocks
from portwright.rehearse.real.daemon import Daemon, DaemonFailed, last_lines
from portwright.rehearse.real.mail import mail
from portwright.rehearse.real.samba import controllers
from portwright.rehearse.real.strongswan import tunnels
from portwright.rehearse.realm import Realm

Say = Callable[[str], None]
_EVERY = 0.05  # seconds between two looks


def daemons(plan: Plan, lab: Lab, realms: Sequence[Realm], authority: Authority) -> tuple[Daemon, ...]:
    """The daemons that can play a site's roles, whether this machine has them or not."""
    ipsec = tuple(tunnels(plan, lab))
    return (
        *ipsec,
        *controllers(plan, lab, realms, authority, frozenset(one.name for one in ipsec)),
        *clocks(plan, lab),
        *mail(plan, lab, realms, authority),
    )


async def brought_up(
    chosen: Sequence[Daemon], network: Network, realms: Sequence[Realm], say: Say
) -> tuple[DaemonFailed, ...]:
    """Start them, each as soon as those are ready that it needs, until all are; who has failed, and why."""
    secrets = [account.password for realm in realms for account in realm.everybody]
    ready = {daemon.name: asyncio.get_running_loop().create_future() for daemon in chosen}

    async def one(daemon: Daemon) -> DaemonFailed | None:
        failed: DaemonFailed | None = None
        try:
            await _after(daemon, ready)
            began = time.monotonic()
            await _started(daemon, network, secrets)
            say(f"{daemon.name} is ready after {time.monotonic() - began:.1f} s")
        except DaemonFailed as problem:
            failed = problem
        ready[daemon.name].set_result(failed is None)
        return failed

    results = await asyncio.gather(*(one(daemon) for daemon in chosen))
    return tuple(failed for failed in results if failed)


async def _after(daemon: Daemon, ready: "dict[str, asyncio.Future[bool]]") -> None:
    """Wait for those that come first. Raises DaemonFailed where one of them is not there."""
    for other in sorted(daemon.after):
        if other not in ready or not await ready[other]:
            raise DaemonFailed(daemon.name, f"it needs {other}")


async def _started(daemon: Daemon, network: Network, secrets: Sequence[str]) -> None:
    """Start one, and wait until it answers. Raises DaemonFailed."""
    ends = time.monotonic() + daemon.patience
    try:
        process = await asyncio.to_thread(daemon.start, network)
    except (OSError, LookupError) as problem:
        raise DaemonFailed(daemon.name, str(problem)) from problem
    while not await asyncio.to_thread(daemon.is_ready, network):
        if not process.alive:
            raise DaemonFailed(daemon.name, "it has ended", _said(process, secrets))
        if time.monotonic() > ends:
            process.stop()
            raise DaemonFailed(daemon.name, f"it is not ready within {daemon.patience:g} s", _said(process, secrets))
        await asyncio.sleep(_EVERY)


def _said(process: Process, secrets: Sequence[str]) -> tuple[str, ...]:
    return last_lines(process.log.read_text(encoding="utf-8", errors="replace"), secrets)
