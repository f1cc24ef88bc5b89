"""A server's side of a conversation on loopback, for real clients of other makers."""

import asyncio
import contextlib
import socket
import threading

from portwright.rehearse.hosts.wire import listening, receiving

HOME = "127.0.0.1"


@contextlib.contextmanager
def served(talk, answer=None, *, datagrams=False, tls=None, at=(HOME, 0)):
    """The port on which `talk()` answers each connection, or each datagram, while the block runs.

    `answer` is a plain function: the application behind. `tls` is a `wire.Tls`; `at` is an address
    and port where any will not do.
    """
    made = socket.socket(type=socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(at)
    port, begun, over = made.getsockname()[1], threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def behind(question):
        return answer(question)

    async def one(wire):
        await wire.run(talk(), behind if answer else None)

    async def serve():
        loops.append(asyncio.get_running_loop())
        server = await (receiving(made, one) if datagrams else listening(made, one, tls))
        begun.set()
        await over.wait()
        server.close()

    def run():
        try:
            asyncio.run(serve())  # which ends all that still runs
        finally:
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    try:
        yield port
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
