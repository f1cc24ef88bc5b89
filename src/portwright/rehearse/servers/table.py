"""How each service of the catalog is spoken in a rehearsal: what a client says to it, what a server answers.

A service that is not here, such as one of a user's own product, is an echo: what arrives goes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portwright.catalog.model import Lookup
from portwright.protocols import echo
from portwright.protocols.conversation import Talk
from portwright.rehearse.evidence import Tier

if TYPE_CHECKING:
    from portwright.rehearse.hosts import Host, Target


def _never(lookup: Lookup) -> bool:
    del lookup
    return False


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a service is spoken."""

    handshake: "Callable[[Host, Target], Talk[str]]"  # a client's; it returns what the server said, for people
    serve: "Callable[[Host], Talk[None]]"  # a server's: one connection, or one datagram
    under_tls: Callable[[Lookup], bool] = _never  # from the first byte
    tier: Tier = "stand-in"


def _echo_handshake(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return echo.client()


def _echo(host: "Host") -> Talk[None]:
    del host
    return echo.server()


ECHO = Spoken(_echo_handshake, _echo, tier="echo")
SPOKEN: Mapping[str, Spoken] = {}  # by service id


def spoken(service: str) -> Spoken:
    """How a service is spoken."""
    return SPOKEN.get(service, ECHO)


def is_secure(service: str, lookup: Lookup) -> bool:
    """Report whether the service speaks TLS from the first byte, with these settings of its host."""
    return spoken(service).under_tls(lookup)
