"""Lines of text as mail protocols send them, and the text that ends with a dot (RFC 5321, 4.5.2; RFC 1939, 3)."""

import re

from portwright.protocols.conversation import Misspoken, Talk, send, until

LONGEST_LINE = 2048  # bytes with CRLF; the standards ask for 512 and, with extensions, 12,288 at most for a command
_LONGEST_TEXT_LINE = 1 << 15  # bytes: more than the 1,000 of RFC 5321, 4.5.3.1.6, as what is sent often has
_PATIENCE = 4  # times what is wanted are heard for the sake of an answer
_DOT = b".\r\n"
_LINE_END = re.compile(rb"\r\n|\r|\n")


def say(text: str) -> Talk[None]:
    """Send one line. Raises ValueError for what would be several."""
    if "\r" in text or "\n" in text:
        raise ValueError("a line holds no line ends")
    yield from send(text.encode() + b"\r\n")


def line() -> Talk[str]:
    """One line, without its end; what is no text in it is shown as U+FFFD."""
    data: bytes = yield from until(b"\r\n", LONGEST_LINE)
    return data[:-2].decode("utf-8", "replace")


def shown(text: str, most: int = 200) -> str:
    """What somebody said, fit to be shown: without control characters, and not too long."""
    return "".join(one if one.isprintable() else " " for one in text[:most]).strip()


def dotted(data: bytes) -> bytes:
    """A text as it is sent: lines end with CRLF, a dot at the start of one is doubled, a lone dot ends it all."""
    lines = _LINE_END.split(data)
    if not lines[-1]:
        lines.pop()
    return b"".join(b"." * one.startswith(b".") + one + b"\r\n" for one in lines) + _DOT


def take_dotted(most: int) -> Talk[bytes | None]:
    """A text up to its lone dot; nothing where it is longer than `most`, after it was heard to its end.

    Raises Misspoken where that does not come soon.
    """
    kept, size = bytearray(), 0
    while (one := (yield from until(b"\r\n", _LONGEST_TEXT_LINE))) != _DOT:
        size += len(one)
        if size > _PATIENCE * most:
            raise Misspoken("a text has no end")
        if size <= most:
            kept += one[1:] if one.startswith(b".") else one
    return bytes(kept) if size <= most else None


def take_listing(most: int) -> Talk[tuple[str, ...]]:
    """Lines up to a lone dot. Raises Misspoken where they are longer than `most` bytes together."""
    data: bytes | None = yield from take_dotted(most)
    if data is None:
        raise Misspoken(f"more than {most} bytes of lines")
    return tuple(data.decode("utf-8", "replace").split("\r\n")[:-1])
