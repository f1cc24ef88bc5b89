"""Citrix: the greetings of ICA (TCP 1494) and of session reliability, the Common Gateway Protocol (TCP 2598).

Neither protocol is published: a greeting here is what recorded sessions begin with, and no session follows it.
"""

from portwright.protocols.conversation import EndOfStream, Misspoken, Talk, send, take

_ICA = b"\x7f\x7fICA\0"  # a server says it as soon as a client has connected, and the client says it back
_CGP = b"\x1aCGP/01"  # both sides begin with it; what follows it is known to Citrix alone


def client() -> Talk[str]:
    """Hear the greeting of ICA. Raises Misspoken for another."""
    yield from _hear(_ICA)
    return "ICA: the server greets"


def server() -> Talk[None]:
    """Greet as ICA does, and hear the greeting. Raises Misspoken for another."""
    yield from send(_ICA)
    try:
        yield from _hear(_ICA)
    except EndOfStream:
        return  # it has heard what it came for


def gateway_client() -> Talk[str]:
    """Greet, and hear the greeting of session reliability. Raises Misspoken for another."""
    yield from send(_CGP)
    yield from _hear(_CGP)
    return "CGP: the server greets"


def gateway_server() -> Talk[None]:
    """Answer the greeting of session reliability. Raises Misspoken for another."""
    yield from _hear(_CGP)
    yield from send(_CGP)


def _hear(greeting: bytes) -> Talk[None]:
    said: bytes = yield from take(len(greeting))
    if said != greeting:
        raise Misspoken("this is no greeting of Citrix")
