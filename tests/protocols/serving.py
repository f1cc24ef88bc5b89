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
    port, loop, begun = made.getsockname()[1], asyncio.new_event_loop(), threading.Event()

    async def behind(question):
        return answer(question)

    async def one(wire):
        await wire.run(talk(), behind if answer else None)

    async def serve():
        server = await (receiving(made, one) if datagrams else listening(made, one, tls))
        begun.set()
        return server

    def run():
        server = loop.run_until_complete(serve())
        loop.run_forever()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(5)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
