"""A client's side of a conversation over sockets, for real servers of other makers."""

import asyncio
import socket

from portwright.rehearse.hosts.wire import Datagrams, dialed

PATIENCE = 60  # seconds, on a machine that has others to serve


def asked(talk, address, port, *, datagrams=False, tls=None, source="", source_port=0, patience=PATIENCE):
    """What came of a conversation with that server."""

    async def run():
        made = socket.socket(type=socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
        made.setblocking(False)
        made.bind((source, source_port))
        if datagrams:
            made.connect((address, port))
        wire = Datagrams(made) if datagrams else await dialed(made, address, port, tls)
        try:
            return await asyncio.wait_for(wire.run(talk), patience)
        finally:
            await wire.close()

    return asyncio.run(run())
