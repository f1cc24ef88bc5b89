"""A clock for those who wait: it counts the time in which nobody in this process had anything to do.

Clients and servers of a rehearsal share a process. Where the machine is busy with others, or stands still, both get
on late: by the clock on the wall a client would have waited long for a server that had no time to answer, and a slow
machine would look like a firewall that blocks. What the process computes counts a little: it says nothing of a network,
but who computes for ever shall not be waited for as long.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_TICK = 0.01  # seconds of waiting at a time: a machine that keeps everybody for longer takes no more of their patience
_COMPUTING = 0.1  # how much of the processor's time counts


class _Waiting(selectors.DefaultSelector):
    """Waits a little at a time, and counts no more than it wanted to wait."""

    waited = 0.0  # seconds

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; nothing after a while, when the event loop asks again."""
        wanted = _TICK if timeout is None else min(timeout, _TICK)
        begun = time.monotonic()
        found = super().select(wanted)
        self.waited += min(time.monotonic() - begun, max(wanted, 0.0))
        return found


class _Loop(asyncio.SelectorEventLoop):
    """An event loop by whose clock everybody's patience lasts."""

    def __init__(self) -> None:
        self._waiting = _Waiting()
        super().__init__(self._waiting)

    def time(self) -> float:
        """Seconds; only their differences mean something, in the thread of the event loop."""
        return self._waiting.waited + _COMPUTING * time.thread_time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run something to its end, as asyncio.run does, by this clock."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
