"""The bytes of a TDS message, whose numbers are little-endian and whose text is UTF-16."""

import struct

from portwright.protocols import octets
from portwright.protocols.conversation import Misspoken


class Octets(octets.Octets):
    """A message and how far it has been read. What it lacks raises Misspoken."""

    __slots__ = ("_what",)

    def __init__(self, data: bytes, what: str = "message") -> None:
        super().__init__(data, "little")
        self._what = what

    def __bool__(self) -> bool:
        return self.left > 0

    def take(self, count: int) -> bytes:
        """That many bytes. Raises Misspoken where there are fewer."""
        if not 0 <= count <= self.left:
            raise Misspoken(f"the {self._what} ends too early")
        return super().take(count)

    def peek(self) -> int:
        """The next byte, which is not passed by. Raises Misspoken at the end."""
        if not self:
            raise Misspoken(f"the {self._what} ends too early")
        return self._data[self._at]

    def uint8(self) -> int:
        """One byte as a number."""
        return self.number(1)

    def uint16(self) -> int:
        """Two bytes as a number."""
        return self.number(2)

    def uint32(self) -> int:
        """Four bytes as a number."""
        return self.number(4)

    def uint64(self) -> int:
        """Eight bytes as a number."""
        return self.number(8)

    def integer(self, size: int) -> int:
        """A signed number of some bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def real(self, size: int) -> float:
        """A floating-point number of 4 or 8 bytes."""
        found: float = struct.unpack("<f" if size == 4 else "<d", self.take(size))[0]
        return found

    def utf16(self, count: int) -> str:
        """Text of that many code units. Half of a pair, which Windows lets stand alone, is kept as a replacement."""
        return self.take(2 * count).decode("utf-16-le", "replace")
