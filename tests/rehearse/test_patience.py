"""Whoever waits for somebody in the same process waits by a clock that stands still while the process does."""

import asyncio
import subprocess
import sys
import time
from signal import SIGCONT, SIGSTOP

import pytest
from tests.rehearse.rehearsing import ENVIRONMENT

from portwright.rehearse import patience

_LATE = """
import asyncio
from portwright.rehearse import patience

async def late():
    print("waiting", flush=True)
    await asyncio.sleep(1)
    return "answered"

async def run():
    return await asyncio.wait_for(late(), 2)

print(patience.run(run()))
"""


def test_while_the_process_stands_still_nobody_waits():
    """Whatever keeps it from going on: a client's patience is for the server, not for the machine."""

    async def run():
        answer = asyncio.ensure_future(asyncio.sleep(0.1, "answered"))
        asyncio.get_running_loop().call_soon(time.sleep, 0.5)
        return await asyncio.wait_for(answer, 0.2)

    assert patience.run(run()) == "answered"


def test_a_process_that_is_stopped_waits_for_nobody():
    """Although the system says of every deadline that it is over."""
    with subprocess.Popen([sys.executable, "-c", _LATE], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(SIGSTOP)
        time.sleep(2.5)
        process.send_signal(SIGCONT)
        assert process.stdout.read() == "answered\n"


def test_who_waits_for_nobody_gives_up():
    """After as many seconds as it has patience, on a machine that has time."""

    async def run():
        async with asyncio.timeout(0.2):
            await asyncio.get_running_loop().create_future()

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        patience.run(run())
    assert time.monotonic() - begun >= 0.15


def test_who_never_rests_is_not_waited_for_forever():
    """What is computed counts, too."""

    async def run():
        async with asyncio.timeout(0.2):
            while True:
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        patience.run(run())
