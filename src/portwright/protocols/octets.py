"""Bytes of a message, read from front to back; whoever reads beyond their end finds a message misspoken."""

import struct

from portwright.protocols.conversation import Misspoken


class Octets:
    """A message and how far it has been read. Numbers are little-endian, as Microsoft's protocols send them."""

    def __init__(self, data: bytes, what: str = "message") -> None:
        self.data, self.at, self._what = data, 0, what

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, count: int) -> bytes:
        """That many bytes. Raises Misspoken where there are fewer."""
        if count < 0 or len(self.data) - self.at < count:
            raise Misspoken(f"the {self._what} ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def peek(self) -> int:
        """The next byte, which is not passed by. Raises Misspoken at the end."""
        if not self:
            raise Misspoken(f"the {self._what} ends too early")
        return self.data[self.at]

    def uint8(self) -> int:
        """One byte as a number."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """Two bytes as a number."""
        return int.from_bytes(self.take(2), "little")

    def uint32(self) -> int:
        """Four bytes as a number."""
        return int.from_bytes(self.take(4), "little")

    def uint64(self) -> int:
        """Eight bytes as a number."""
        return int.from_bytes(self.take(8), "little")

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
