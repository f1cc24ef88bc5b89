"""Reads the numbers and fields of a message that came from a network, and never past its end."""

from typing import Literal

from portwright.protocols.conversation import Misspoken

Order = Literal["big", "little"]


class Octets:
    """A message, read from its start to its end. What it lacks raises Misspoken."""

    __slots__ = ("_at", "_data", "_order")

    def __init__(self, data: bytes, order: Order = "big") -> None:
        self._data, self._order, self._at = data, order, 0

    @property
    def at(self) -> int:
        """How many octets were read."""
        return self._at

    @property
    def left(self) -> int:
        """How many octets are left."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next octets, exactly that many."""
        if count > self.left:
            raise Misspoken(f"the message ends {count - self.left} bytes too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        """The next unsigned number of that many octets."""
        return int.from_bytes(self.take(size), self._order)

    def align(self, size: int) -> None:
        """Go on at the next multiple of that many octets, or at the end."""
        self._at = min(len(self._data), -(-self._at // size) * size)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    def expect(self, said: bool, what: str) -> None:
        """Raise Misspoken unless this is so."""
        if not said:
            raise Misspoken(what)
