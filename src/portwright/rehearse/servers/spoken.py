"""How a service is spoken in a rehearsal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portwright.catalog.model import Lookup
from portwright.protocols import echo
from portwright.protocols.conversation import Talk
from portwright.rehearse.evidence import Tier

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host, Target


def never(lookup: Lookup) -> bool:
    """No TLS, whatever the settings."""
    del lookup
    return False


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a service is spoken."""

    handshake: "Callable[[Host, Target], Talk[str]]"  # a client's; it returns what the server said, for people
    serve: "Callable[[Host], Talk[None]]"  # a server's: one connection, or one datagram
    under_tls: Callable[[Lookup], bool] = never  # from the first byte
    tier: Tier = "stand-in"
    asks: bool = False  # the server asks a role of its host, and is nothing without one


def _handshake(host: "Host", target: "Target") -> Talk[str]:
    del host, target
    return echo.client()


def _serve(host: "Host") -> Talk[None]:
    del host
    return echo.server()


ECHO = Spoken(_handshake, _serve, tier="echo")
