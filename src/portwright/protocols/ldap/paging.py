"""The pages in which clients of Active Directory take what they search for (RFC 2696)."""

from collections.abc import Sequence
from dataclasses import dataclass

from portwright.protocols import der
from portwright.protocols.conversation import Misspoken
from portwright.protocols.ldap.messages import Control

PAGED = "1.2.840.113556.1.4.319"  # RFC 2696, 2
_LARGEST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries a client takes at once."""

    size: int
    start: int = 0  # how many it has had before

    def after(self, there: int) -> Control:
        """What tells the client how to go on, of so many entries; without a cookie there are no more."""
        end = self.start + self.size
        cookie = str(end).encode() if self.size and end < there else b""
        return Control(PAGED, False, der.sequence(der.integer(there), der.octets(cookie)))


def page_of(controls: Sequence[Control]) -> Page | None:
    """The page that a client asks for. Raises Misspoken."""
    value = next((control.value for control in controls if control.name == PAGED), None)
    if value is None:
        return None
    parts = der.parse(value).parts()
    if len(parts) != 2:
        raise Misspoken("a page has a size and a cookie")
    size, cookie = parts[0].integer(), parts[1].octets()
    if not 0 <= size <= _LARGEST or not (cookie == b"" or (cookie.isdigit() and len(cookie) < 10)):
        raise Misspoken("a page of an impossible size, or of no search of ours")
    return Page(size, int(cookie or b"0"))
