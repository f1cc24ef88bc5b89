"""The daemons of a lab: which of a site's roles have one, and bringing them up, most at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from portwright.plan.model import Plan
from portwright.rehearse.hosts.certificates import Authority
from portwright.rehearse.hosts.realm import Realm
from portwright.rehearse.lab import Lab
from portwright.rehearse.netns import Network, Process
from portwright.rehearse.real.chrony import clocks
from portwright.rehearse.real.daemon import Daemon, DaemonFailed, last_lines
from portwright.rehearse.real.mail import mail
from portwright.rehearse.real.samba import controllers
from portwright.rehearse.real.strongswan import tunnels

T = TypeVar("T")
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
    with ThreadPoolExecutor(2 * len(chosen) + 1) as threads:  # nobody waits for another's thread
        raising = _Raising(network, [one.password for realm in realms for one in realm.everybody], say, threads)
        raising.ready = {daemon.name: asyncio.get_running_loop().create_future() for daemon in chosen}
        results = await asyncio.gather(*(raising.raised(daemon) for daemon in chosen))
    return tuple(failed for failed in results if failed)


@dataclass(slots=True)
class _Raising:
    """Daemons that are being started."""

    network: Network
    secrets: Sequence[str]
    say: Say
    threads: Executor
    ready: "dict[str, asyncio.Future[bool]]" = field(default_factory=dict)  # by name: whether it is, once that is known

    async def raised(self, daemon: Daemon) -> DaemonFailed | None:
        """Start one; why it has failed, or nothing."""
        failed: DaemonFailed | None = None
        try:
            await self._others(daemon)
            began = time.monotonic()
            await self._started(daemon)
            self.say(f"{daemon.name} is ready after {time.monotonic() - began:.1f} s")
        except DaemonFailed as problem:
            failed = problem
        except (OSError, LookupError) as problem:
            failed = DaemonFailed(daemon.name, str(problem))
        self.ready[daemon.name].set_result(failed is None)
        return failed

    async def _others(self, daemon: Daemon) -> None:
        """Wait for those that come first. Raises DaemonFailed where one of them is not there."""
        for other in sorted(daemon.after):
            if other not in self.ready or not await self.ready[other]:
                raise DaemonFailed(daemon.name, f"it needs {other}")

    async def _started(self, daemon: Daemon) -> None:
        """Start one, and wait until it answers. Raises DaemonFailed."""
        ends = time.monotonic() + daemon.patience
        process = await self._aside(daemon.start)
        try:
            while not await self._aside(daemon.is_ready):
                self._check(daemon, process, ends)
                await asyncio.sleep(_EVERY)
        except DaemonFailed:
            process.stop()
            raise

    def _check(self, daemon: Daemon, process: Process, ends: float) -> None:
        is_late = time.monotonic() > ends
        if is_late or not process.alive:
            reason = f"it is not ready within {daemon.patience:g} s" if is_late else "it has ended"
            said = process.log.read_text(encoding="utf-8", errors="replace")
            raise DaemonFailed(daemon.name, reason, last_lines(said, self.secrets))

    def _aside(self, work: Callable[[Network], T]) -> Awaitable[T]:
        """Do in a thread what takes its time."""
        return asyncio.get_running_loop().run_in_executor(self.threads, work, self.network)
