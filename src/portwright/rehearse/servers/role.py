"""What a role of a host has to have."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from portwright.rehearse.hosts.host import Host

Answer = Callable[[Any], Awaitable[object]]  # answers the questions of one connection; None: not a question for it


class Role(Protocol):
    """A component that runs on a host, built once for it."""

    def __init__(self, host: "Host") -> None: ...

    @property
    def services(self) -> Mapping[str, Callable[[], Answer]]:
        """By service of the catalog: what answers a new connection."""
