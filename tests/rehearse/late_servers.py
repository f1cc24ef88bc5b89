"""The command line of `portwright`, inside its namespaces, whose servers leave the first datagrams unanswered."""

import asyncio

from portwright.cli import main
from portwright.rehearse.hosts.wire import Datagram

_WHILE = 0.8  # seconds: a client waits for one
_run = Datagram.run
_awake = []  # when, by the clock of the event loop


async def _run_late(datagram, talk, answer=None):
    """Serve a datagram, but none in the beginning."""
    now = asyncio.get_running_loop().time()
    _awake[:] = _awake or [now + _WHILE]
    if now < _awake[0]:
        talk.close()
        return None
    return await _run(datagram, talk, answer)


if __name__ == "__main__":
    Datagram.run = _run_late
    main()
