"""An echo (after RFC 862), for services whose own protocol nobody else speaks: what was sent comes back."""

import os

from portwright.protocols.conversation import Misspoken, Talk, send, some

_NONCE = 16  # bytes: a fresh one each time, so that no other answer can be taken for it


def client() -> Talk[str]:
    """Send a nonce and hear it again. Raises Misspoken where something else comes."""
    nonce = os.urandom(_NONCE)
    yield from send(nonce)
    heard = b""
    while len(heard) < _NONCE and nonce.startswith(heard):
        more = yield from some()
        if not more:
            break
        heard += more
    if heard != nonce:
        raise Misspoken(f"{len(heard)} bytes that are no echo")
    return "an echo"


def server() -> Talk[None]:
    """Send back what comes, until the other side ends."""
    while data := (yield from some()):
        yield from send(data)
